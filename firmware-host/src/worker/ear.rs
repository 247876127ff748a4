//! The ear's thread: microphone -> voice activity -> segmenter. Only facts leave it; sound leaves with the facts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use pipit_core::audio::AudioFrame;
use pipit_core::ear::{EarSettings, Segmenter, SpeechFact};
use pipit_core::turn::Event;
use pipit_models::silero::SileroVad;

use super::{Inbox, Message};
use crate::audio::{Capture, CaptureStep};

/// How often the thread looks whether it should end while no sound comes.
const LOOK: Duration = Duration::from_millis(500);

/// Frames that are judged together while nobody speaks. The model's weights leave the processor's cache between two
/// frames, and fetching them costs several times as much as judging: two at a time is nearly half the work. It delays
/// only the news that speech has begun, by a frame; where it began stays exact.
const QUIET_FRAMES: usize = 2;

/// Voice activity and what it means.
pub struct Ear {
    vad: SileroVad,
    segmenter: Segmenter,
    /// Raised while the speaker sounds and no echo cancellation protects the microphone from it.
    deaf: Arc<AtomicBool>,
    failing: bool,
}

impl Ear {
    /// An ear that has heard nothing yet. While `deaf` is raised it takes no sound for speech.
    pub fn new(vad: SileroVad, settings: EarSettings, deaf: Arc<AtomicBool>) -> Self {
        Ear { vad, segmenter: Segmenter::new(settings), deaf, failing: false }
    }

    /// Takes the next 32 ms.
    pub fn hear(&mut self, frame: &AudioFrame) -> Option<SpeechFact> {
        if self.deaf.load(Ordering::Relaxed) {
            return self.forget();
        }
        match self.vad.voice_activity(&frame.samples) {
            Ok(activity) => {
                self.failing = false;
                self.segmenter.push(frame, activity)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!("voice activity can't be judged: {error}");
                }
                self.forget()
            }
        }
    }

    /// Whether nobody speaks, or seems to begin to.
    fn is_quiet(&self) -> bool {
        self.segmenter.is_quiet()
    }

    /// Begins afresh, because what follows is not the same stretch of sound.
    pub fn forget(&mut self) -> Option<SpeechFact> {
        self.vad.reset();
        self.segmenter.forget()
    }
}

/// Starts the thread. It ends when the recording does, when `stop` is raised, or when nobody listens to it any more.
pub fn spawn_ear(
    mut ear: Ear,
    mut capture: Box<dyn Capture>,
    stop: Arc<AtomicBool>,
    inbox: Inbox,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("ear".to_owned()).spawn(move || {
        let mut unheard = Vec::with_capacity(QUIET_FRAMES);
        while !stop.load(Ordering::Relaxed) {
            let news = match capture.next_frame(LOOK) {
                CaptureStep::Frame(frame) => {
                    unheard.push(frame);
                    if unheard.len() < QUIET_FRAMES && ear.is_quiet() {
                        continue;
                    }
                    None
                }
                CaptureStep::Lost(why) => Some(Message::MicrophoneLost(why)),
                CaptureStep::Found(name) => Some(Message::MicrophoneFound(name)),
                CaptureStep::TimedOut => None,
                CaptureStep::End => Some(Message::InputEnded),
            };
            let mut messages: Vec<_> = unheard.drain(..).filter_map(|frame| ear.hear(&frame)).map(speech).collect();
            if matches!(news, Some(Message::MicrophoneLost(_))) {
                messages.extend(ear.forget().map(speech));
            }
            messages.extend(news);
            let ended = matches!(messages.last(), Some(Message::InputEnded));
            let sent = messages.into_iter().all(|message| inbox.blocking_send(message).is_ok());
            if ended || !sent {
                break;
            }
        }
    })
}

fn speech(fact: SpeechFact) -> Message {
    Message::Event(Event::Speech(fact))
}
