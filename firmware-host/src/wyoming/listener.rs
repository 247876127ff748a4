//! A thread with an ear of its own for one stream of a peer's sound: voice activity, or the wake word.

use std::time::Duration;

use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, LISTENING_RATE, SampleIndex, duration_of};
use pipit_core::ear::SpeechFact;
use tokio::sync::mpsc;

use super::OpenEar;
use super::peer::Fault;
use crate::worker::Ear;

/// Pieces of sound that wait for the ear. Who sends more has to wait.
const WAITING: usize = 16;

/// After a wake the last syllable of the word scores high too.
const REST: Duration = Duration::from_secs(2);

/// What is listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Voice,
    WakeWord,
}

/// What was heard in the stream of this number.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) stream: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// The wake word was said, up to here.
    WakeWord {
        at: Duration,
    },
    VoiceStarted {
        at: Duration,
    },
    VoiceStopped {
        at: Duration,
    },
    /// All of the stream was listened to.
    End,
    /// There is no ear.
    Failed(String),
}

/// The way to the thread, which ends when this is dropped.
pub(super) struct Listener {
    sound: mpsc::Sender<Vec<f32>>,
}

impl Listener {
    /// Starts listening.
    pub(super) fn start(
        open_ear: OpenEar,
        listening: For,
        stream: u64,
        tell: mpsc::Sender<Heard>,
    ) -> Result<Listener, Fault> {
        let (sound, mut incoming) = mpsc::channel::<Vec<f32>>(WAITING);
        let listen = move || {
            // Nobody may be there to hear it any more.
            let tell = |what| drop(tell.blocking_send(Heard { stream, what }));
            let mut ear = match open_ear(listening == For::WakeWord) {
                Ok(ear) => ear,
                Err(error) => return tell(What::Failed(format!("{error:#}"))),
            };
            let mut listening =
                Listening { ear: &mut ear, listening, at: SampleIndex::default(), rest_until: None, speaks: false };
            let mut waiting = Vec::new();
            while let Some(samples) = incoming.blocking_recv() {
                waiting.extend(samples);
                let whole = waiting.len() / FRAME_SAMPLES * FRAME_SAMPLES;
                waiting
                    .drain(..whole)
                    .collect::<Vec<_>>()
                    .chunks(FRAME_SAMPLES)
                    .for_each(|frame| listening.hear(frame, &tell));
            }
            if !waiting.is_empty() {
                waiting.resize(FRAME_SAMPLES, 0.0);
                listening.hear(&waiting, &tell);
            }
            listening.end(&tell);
        };
        let started = std::thread::Builder::new().name("wyoming-ear".to_owned()).spawn(listen);
        started.map_err(|error| Fault::Refused(format!("there is no thread to listen with ({error})")))?;
        Ok(Listener { sound })
    }

    /// Has it listen to more. Waits until it can.
    pub(super) async fn hear(&self, samples: Vec<f32>) {
        // Where it has ended, it has told why.
        let _ = self.sound.send(samples).await;
    }
}

struct Listening<'a> {
    ear: &'a mut Ear,
    listening: For,
    at: SampleIndex,
    rest_until: Option<SampleIndex>,
    speaks: bool,
}

impl Listening<'_> {
    fn hear(&mut self, samples: &[f32], tell: &dyn Fn(What)) {
        let Ok(samples) = samples.try_into() else { return };
        let frame = AudioFrame { at: self.at, samples };
        self.at = frame.end();
        let mut facts = Vec::new();
        self.ear.hear(frame, &mut facts);
        if self.listening == For::WakeWord {
            let rests = self.rest_until.is_some_and(|until| self.at < until);
            // A score is told from the threshold on.
            if self.ear.take_wake_word_score().is_some() && !rests {
                self.rest_until = Some(self.at + pipit_core::audio::samples_in(REST, LISTENING_RATE));
                tell(What::WakeWord { at: since_start(self.at) });
            }
            return;
        }
        for fact in facts {
            match fact {
                SpeechFact::Started { at } => {
                    self.speaks = true;
                    tell(What::VoiceStarted { at: since_start(at) });
                }
                SpeechFact::Paused(stretch) => self.stopped(stretch.speech_end, tell),
                SpeechFact::Discarded => self.stopped(self.at, tell),
                SpeechFact::Continues(_) | SpeechFact::Lulled(_) | SpeechFact::Resumed | SpeechFact::Stirred => {}
            }
        }
    }

    fn stopped(&mut self, at: SampleIndex, tell: &dyn Fn(What)) {
        if std::mem::take(&mut self.speaks) {
            tell(What::VoiceStopped { at: since_start(at) });
        }
    }

    fn end(mut self, tell: &dyn Fn(What)) {
        self.stopped(self.at, tell);
        tell(What::End);
    }
}

fn since_start(at: SampleIndex) -> Duration {
    duration_of(usize::try_from(at.0).unwrap_or(usize::MAX), LISTENING_RATE)
}
