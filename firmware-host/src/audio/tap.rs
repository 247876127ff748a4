//! Listening in on the microphone for a while, to try it. Meanwhile nobody else hears anything of it, so that what is said to try the
//! microphone is no request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipit_core::audio::{AudioFrame, FRAME_SAMPLES};

use super::{Capture, CaptureCounters, CaptureStep};

/// Frames that may wait for whoever listens in: four seconds. What comes then is lost.
const WAITING: usize = 128;

/// Where it can be listened in. Clones are about the same microphone.
#[derive(Clone, Default)]
pub struct Tap(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Whether anybody listens in, for a look that costs nothing.
    wanted: AtomicBool,
    listener: Mutex<Option<SyncSender<CaptureStep>>>,
}

/// Somebody who listens in, until this is dropped.
pub struct Listening {
    steps: Receiver<CaptureStep>,
    tap: Tap,
}

impl Tap {
    /// Listens in; nothing where somebody does already.
    #[must_use]
    pub fn listen(&self) -> Option<Listening> {
        let mut listener = self.listener();
        if listener.is_some() {
            return None;
        }
        let (sender, steps) = sync_channel(WAITING);
        *listener = Some(sender);
        self.0.wanted.store(true, Ordering::Relaxed);
        Some(Listening { steps, tap: self.clone() })
    }

    /// The same microphone, which can be listened in on while `muted` is not raised.
    pub fn through(&self, capture: Box<dyn Capture>, muted: Arc<AtomicBool>) -> Box<dyn Capture> {
        Box::new(Tapped { capture, muted, tap: self.clone() })
    }

    fn listener(&self) -> MutexGuard<'_, Option<SyncSender<CaptureStep>>> {
        self.0.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, step: CaptureStep) {
        if let Some(listener) = &*self.listener() {
            // Whoever is too slow misses something; the ear must not wait for them.
            let _ = listener.try_send(step);
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.tap.0.wanted.store(false, Ordering::Relaxed);
        *self.tap.listener() = None;
    }
}

impl Capture for Listening {
    fn next_frame(&mut self, timeout: Duration) -> CaptureStep {
        self.steps.recv_timeout(timeout).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => CaptureStep::TimedOut,
            RecvTimeoutError::Disconnected => CaptureStep::End,
        })
    }
}

struct Tapped {
    capture: Box<dyn Capture>,
    muted: Arc<AtomicBool>,
    tap: Tap,
}

impl Capture for Tapped {
    fn next_frame(&mut self, timeout: Duration) -> CaptureStep {
        let step = self.capture.next_frame(timeout);
        if !self.tap.0.wanted.load(Ordering::Relaxed) {
            return step;
        }
        match step {
            CaptureStep::Frame(frame) => {
                self.tap.tell(if self.muted.load(Ordering::Relaxed) {
                    CaptureStep::Lost("the microphone is switched off; switch it on first".to_owned())
                } else {
                    CaptureStep::Frame(frame.clone())
                });
                CaptureStep::Frame(AudioFrame { at: frame.at, samples: [0.0; FRAME_SAMPLES] })
            }
            step @ (CaptureStep::Lost(_) | CaptureStep::End) => {
                self.tap.tell(step.clone());
                step
            }
            step => step,
        }
    }

    fn counters(&self) -> CaptureCounters {
        self.capture.counters()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipit_core::audio::{LISTENING_RATE, Pcm};

    use crate::audio::{ClipFeed, Pace};

    /// A microphone at half of full scale.
    fn loud() -> Box<dyn Capture> {
        let clip = Pcm::new(vec![0.5; 20 * FRAME_SAMPLES], LISTENING_RATE);
        Box::new(ClipFeed::new(&clip, Pace::AsFastAsRead, Duration::ZERO).unwrap())
    }

    fn level(step: &CaptureStep) -> Option<f32> {
        if let CaptureStep::Frame(frame) = step { Some(frame.samples[100]) } else { None }
    }

    #[test]
    fn whoever_listens_in_is_the_only_one_who_hears() {
        let (tap, muted) = (Tap::default(), Arc::new(AtomicBool::new(false)));
        let mut microphone = tap.through(loud(), Arc::clone(&muted));
        let mut next = || microphone.next_frame(Duration::ZERO);
        assert_eq!(level(&next()), Some(0.5));
        let mut listening = tap.listen().unwrap();
        assert!(tap.listen().is_none());
        assert_eq!(listening.next_frame(Duration::ZERO), CaptureStep::TimedOut);
        assert_eq!(level(&next()), Some(0.0));
        assert_eq!(level(&listening.next_frame(Duration::ZERO)), Some(0.5));
        muted.store(true, Ordering::Relaxed);
        assert_eq!(level(&next()), Some(0.0));
        assert!(matches!(listening.next_frame(Duration::ZERO), CaptureStep::Lost(_)), "nobody hears what is muted");
        drop(listening);
        assert_eq!(level(&next()), Some(0.5));
        let mut listening = tap.listen().unwrap();
        while next() != CaptureStep::End {}
        let steps = std::iter::repeat_with(|| listening.next_frame(Duration::ZERO));
        assert!(steps.take(WAITING).any(|step| step == CaptureStep::End));
    }
}
