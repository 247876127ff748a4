//! A microphone and a speaker at the other end of a connection, such as in a browser: sound comes in as it is sent, and clauses are
//! sent as they are to be heard. Nothing here knows the connection.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, LISTENING_RATE, Pcm, SampleIndex, duration_of, samples_in};

use super::playback::{ClauseId, Order, OrderBook, Playback, PlaybackReport, ReportSink};
use super::{Capture, CaptureCounters, CaptureStep};

/// Sound that the ear has not taken. It takes a frame in some milliseconds, so more is sent only by who sends too fast.
const MOST: Duration = Duration::from_secs(5);

/// After so long without sound nobody speaks there: whoever lets go of a button sends no silence. Networks pause for less.
const GAP: Duration = Duration::from_millis(120);

/// What whoever is at the other end is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Play this behind what plays.
    Clause(ClauseId, Pcm),
    /// Fall silent, and keep the place.
    Pause,
    /// Go on from there.
    Resume,
    /// Fall silent, and forget what waits.
    Stop,
}

/// The end that takes sound in. Clones are the same end.
#[derive(Clone, Default)]
pub struct SoundIn {
    shared: Arc<Shared>,
}

/// The end that gives it out as frames.
pub struct RemoteMicrophone {
    shared: Arc<Shared>,
    at: SampleIndex,
    /// When the last frame was given, if that was sound or the silence after it.
    given: Instant,
    silent: bool,
}

#[derive(Default)]
struct Shared {
    sound: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Default)]
struct Waiting {
    samples: VecDeque<f32>,
    dropped: u64,
    ended: bool,
}

impl SoundIn {
    /// Takes samples at [`LISTENING_RATE`]. Never waits: where the ear is far behind, the oldest are dropped, and counted.
    pub fn push(&self, samples: &[f32]) {
        let mut waiting = self.shared.lock();
        waiting
            .samples
            .extend(samples.iter().map(|sample| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }));
        let surplus = waiting.samples.len().saturating_sub(samples_in(MOST, LISTENING_RATE));
        waiting.samples.drain(..surplus);
        waiting.dropped += surplus as u64;
        drop(waiting);
        self.shared.came.notify_one();
    }

    /// No more sound comes.
    pub fn end(&self) {
        self.shared.lock().ended = true;
        self.shared.came.notify_one();
    }

    /// The ear that hears it.
    pub fn microphone(&self) -> RemoteMicrophone {
        RemoteMicrophone {
            shared: Arc::clone(&self.shared),
            at: SampleIndex::default(),
            given: Instant::now(),
            silent: true,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.sound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RemoteMicrophone {
    fn give(&mut self, samples: [f32; FRAME_SAMPLES], given: Instant) -> CaptureStep {
        let frame = AudioFrame { at: self.at, samples };
        (self.at, self.given) = (frame.end(), given);
        CaptureStep::Frame(frame)
    }
}

impl Capture for RemoteMicrophone {
    fn next_frame(&mut self, timeout: Duration) -> CaptureStep {
        let until = Instant::now() + timeout;
        let shared = Arc::clone(&self.shared);
        let mut waiting = shared.lock();
        loop {
            if waiting.samples.len() >= FRAME_SAMPLES {
                let mut samples = [0.0; FRAME_SAMPLES];
                samples.iter_mut().zip(waiting.samples.drain(..FRAME_SAMPLES)).for_each(|(to, from)| *to = from);
                self.silent = false;
                return self.give(samples, Instant::now());
            }
            if waiting.ended {
                return CaptureStep::End;
            }
            // Silence goes at the pace of sound.
            let frame = duration_of(FRAME_SAMPLES, LISTENING_RATE);
            let silence = self.given + if self.silent { frame } else { GAP };
            let now = Instant::now();
            if now >= silence {
                // What is less than a frame belongs to what was said.
                let mut samples = [0.0; FRAME_SAMPLES];
                samples.iter_mut().zip(waiting.samples.drain(..)).for_each(|(to, from)| *to = from);
                self.silent = true;
                return self.give(samples, silence.max(now.checked_sub(frame).unwrap_or(now)));
            }
            if now >= until {
                return CaptureStep::TimedOut;
            }
            let wait = silence.min(until) - now;
            waiting = shared.came.wait_timeout(waiting, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn counters(&self) -> CaptureCounters {
        CaptureCounters { dropped_samples: self.shared.lock().dropped, ..CaptureCounters::default() }
    }
}

/// Opens a speaker at the other end: `tell` is told what is to be heard there, and a clause takes its playing time from then on.
///
/// # Errors
/// The system gives no thread.
pub fn open(tell: impl Fn(Told) + Send + 'static, reports: ReportSink) -> Result<Playback> {
    Playback::spawn(true, move |orders, _| {
        while let Some(order) = orders.next(true, None) {
            match order {
                Order::Play(id, pcm) => {
                    if !pass_time(orders, (&tell, &reports), id, pcm) {
                        return;
                    }
                }
                Order::Stop => {
                    tell(Told::Stop);
                    reports(PlaybackReport::Stopped { cut: None });
                }
                Order::EndOfTurn(_) | Order::Prepare | Order::Pause | Order::Resume | Order::Look => {}
                Order::Leave => return,
            }
        }
    })
}

/// Waits as long as the clause takes to play. False when the owner has gone.
fn pass_time(orders: &OrderBook, (tell, reports): (&dyn Fn(Told), &ReportSink), id: ClauseId, pcm: Pcm) -> bool {
    let length = pcm.duration();
    tell(Told::Clause(id, pcm));
    reports(PlaybackReport::Started(id));
    let mut played = Duration::ZERO;
    let mut running = Some(Instant::now());
    loop {
        let until_now = |running: Option<Instant>| played + running.map_or(Duration::ZERO, |since| since.elapsed());
        match orders.next(false, running.map(|since| since + (length - played))) {
            None => {
                reports(PlaybackReport::Played(id));
                return true;
            }
            Some(Order::Pause) => {
                played = until_now(running).min(length);
                running = None;
                tell(Told::Pause);
            }
            Some(Order::Resume) => {
                running = running.or_else(|| Some(Instant::now()));
                tell(Told::Resume);
            }
            Some(Order::Stop) => {
                tell(Told::Stop);
                reports(PlaybackReport::Stopped { cut: Some((id, until_now(running))) });
                return true;
            }
            Some(Order::Leave) => return false,
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use pipit_core::audio::Hertz;

    use super::*;

    /// Far beyond what anything here takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn frame(microphone: &mut RemoteMicrophone) -> AudioFrame {
        let CaptureStep::Frame(frame) = microphone.next_frame(PATIENCE) else { panic!() };
        frame
    }

    #[test]
    fn what_is_sent_is_heard_in_order_and_after_it_silence() {
        let sound = SoundIn::default();
        let mut microphone = sound.microphone();
        let samples: Vec<f32> = (0..FRAME_SAMPLES * 2 + 100).map(|at| at as f32 / 2_000.0).collect();
        for piece in samples.chunks(77) {
            sound.push(piece);
        }
        let heard: Vec<AudioFrame> = (0..4).map(|_| frame(&mut microphone)).collect();
        let all: Vec<f32> = heard.iter().flat_map(|frame| frame.samples).collect();
        assert_eq!(all[..samples.len()], samples);
        assert!(all[samples.len()..].iter().all(|sample| *sample == 0.0), "nobody speaks any more");
        let places: Vec<u64> = heard.iter().map(|frame| frame.at.0).collect();
        assert_eq!(places, [0, 512, 1024, 1536]);
        sound.push(&[f32::NAN, 7.0]);
        sound.push(&[0.0; FRAME_SAMPLES]);
        assert_eq!(frame(&mut microphone).samples[..2], [0.0, 1.0]);
        sound.end();
        assert_eq!(microphone.next_frame(PATIENCE), CaptureStep::End);
    }

    #[test]
    fn who_sends_too_fast_loses_the_oldest() {
        let sound = SoundIn::default();
        let mut microphone = sound.microphone();
        let most = samples_in(MOST, LISTENING_RATE);
        sound.push(&vec![0.25; 1_000]);
        sound.push(&vec![0.5; most]);
        assert_eq!(microphone.counters().dropped_samples, 1_000);
        assert_eq!(frame(&mut microphone).samples[0], 0.5);
    }

    #[test]
    fn a_clause_is_sent_once_and_takes_its_time_there() {
        let (send, reports) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let playback =
            open(move |order| tell.send(order).unwrap(), Box::new(move |report| send.send(report).unwrap())).unwrap();
        let id = |clause| ClauseId { turn: 1, revision: 1, clause };
        let short = Pcm::new(vec![0.1; 800], Hertz(8_000));
        playback.play(id(0), short.clone()).unwrap();
        playback.play(id(1), Pcm::new(vec![0.0; 800_000], Hertz(8_000))).unwrap();
        let begun = Instant::now();
        assert_eq!(told.recv().unwrap(), Told::Clause(id(0), short));
        assert_eq!(reports.recv().unwrap(), PlaybackReport::Started(id(0)));
        assert_eq!(reports.recv().unwrap(), PlaybackReport::Played(id(0)));
        assert!(begun.elapsed() >= Duration::from_millis(90));
        assert!(matches!(told.recv().unwrap(), Told::Clause(clause, _) if clause == id(1)));
        playback.pause();
        assert_eq!(told.recv().unwrap(), Told::Pause);
        playback.resume();
        assert_eq!(told.recv().unwrap(), Told::Resume);
        playback.stop();
        assert_eq!(told.recv().unwrap(), Told::Stop);
        assert_eq!(reports.recv().unwrap(), PlaybackReport::Started(id(1)));
        let PlaybackReport::Stopped { cut: Some((cut, heard)) } = reports.recv().unwrap() else { panic!() };
        assert!(cut == id(1) && heard < Duration::from_secs(100));
    }
}
