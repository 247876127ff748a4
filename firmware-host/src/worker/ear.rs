//! The ear's thread: microphone -> energy gate -> voice activity -> segmenter. Only facts leave it; sound leaves with the facts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pipit_core::audio::AudioFrame;
use pipit_core::ear::{EarSettings, EnergyGate, Gated, Segmenter, SpeechFact};
use pipit_core::turn::Event;
use pipit_models::silero::SileroVad;

use super::{Inbox, Message};
use crate::audio::{Capture, CaptureCounters, CaptureStep};

/// How often the thread looks whether it should end while no sound comes.
const LOOK: Duration = Duration::from_millis(500);

/// How often the thread looks whether sound was lost: no more often is it told.
const LOOK_FOR_GAPS: Duration = Duration::from_secs(10);

/// Voice activity and what it means.
pub struct Ear {
    gate: EnergyGate,
    vad: SileroVad,
    segmenter: Segmenter,
    /// Raised while the speaker sounds and no echo cancellation protects the microphone from it.
    deaf: Arc<AtomicBool>,
    failing: bool,
}

impl Ear {
    /// An ear that has heard nothing yet. While `deaf` is raised it takes no sound for speech.
    pub fn new(vad: SileroVad, settings: EarSettings, deaf: Arc<AtomicBool>) -> Self {
        Ear { gate: EnergyGate::default(), vad, segmenter: Segmenter::new(settings), deaf, failing: false }
    }

    /// Takes the next 32 ms, and adds what it has learnt to `facts`.
    pub fn hear(&mut self, frame: AudioFrame, facts: &mut Vec<SpeechFact>) {
        if self.deaf.load(Ordering::Relaxed) {
            facts.extend(self.forget());
            return;
        }
        for gated in self.gate.push(frame, !self.segmenter.is_quiet()) {
            facts.extend(match gated {
                Gated::Quiet(frame) => self.segmenter.push(&frame, 0.0),
                Gated::Judge { frame, first } => {
                    if first {
                        self.vad.reset();
                    }
                    self.judge(&frame)
                }
            });
        }
    }

    fn judge(&mut self, frame: &AudioFrame) -> Option<SpeechFact> {
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

    /// Begins afresh, because what follows is not the same stretch of sound.
    pub fn forget(&mut self) -> Option<SpeechFact> {
        self.gate.forget();
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
        let mut facts = Vec::new();
        let mut gaps = Gaps { known: CaptureCounters::default(), looked_at: Instant::now() };
        while !stop.load(Ordering::Relaxed) {
            let news = match capture.next_frame(LOOK) {
                CaptureStep::Frame(frame) => {
                    ear.hear(frame, &mut facts);
                    None
                }
                CaptureStep::Lost(why) => {
                    facts.extend(ear.forget());
                    Some(Message::MicrophoneLost(why))
                }
                CaptureStep::Found(name) => Some(Message::MicrophoneFound(name)),
                CaptureStep::TimedOut => None,
                CaptureStep::End => Some(Message::InputEnded),
            };
            let ended = matches!(news, Some(Message::InputEnded));
            let mut messages = facts.drain(..).map(speech).chain(gaps.look(&*capture)).chain(news);
            let sent = messages.all(|message| inbox.blocking_send(message).is_ok());
            if ended || !sent {
                break;
            }
        }
    })
}

/// What was told of lost sound, and when it was last looked for.
struct Gaps {
    known: CaptureCounters,
    looked_at: Instant,
}

impl Gaps {
    fn look(&mut self, capture: &dyn Capture) -> Option<Message> {
        if self.looked_at.elapsed() < LOOK_FOR_GAPS {
            return None;
        }
        self.looked_at = Instant::now();
        let now = capture.counters();
        let before = std::mem::replace(&mut self.known, now);
        let grown = now.dropped_samples > before.dropped_samples || now.overruns > before.overruns;
        grown.then_some(Message::SoundLost(now))
    }
}

fn speech(fact: SpeechFact) -> Message {
    Message::Event(Event::Speech(fact))
}
