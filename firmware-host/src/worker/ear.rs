//! The ear's thread: microphone -> echo canceller -> energy gate -> voice activity -> segmenter, and asleep the wake-word
//! model beside voice activity. Only facts and scores leave it; sound leaves with the facts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, LOWEST_LEVEL, level};
use pipit_core::ear::{EarSettings, EchoGuard, EchoLevels, EnergyGate, Gated, Segmenter, SpeechFact};
use pipit_core::turn::Event;
use pipit_models::echo::EchoCanceller;
use pipit_models::voice_activity::VoiceActivity;
use pipit_web::Hearing;
use tokio::sync::watch;

use super::wake_word::WakeWord;
use super::{Inbox, Message};
use crate::audio::{Capture, CaptureCounters, CaptureStep, EchoSource};
use crate::service::Pulse;

/// How often the thread looks whether it should end while no sound comes.
const LOOK: Duration = Duration::from_millis(500);

/// How often the thread looks whether sound was lost: no more often is it told.
const LOOK_FOR_GAPS: Duration = Duration::from_secs(10);

/// Voice activity and what it means.
pub struct Ear {
    gate: EnergyGate,
    vad: VoiceActivity,
    segmenter: Segmenter,
    protection: Protection,
    wake_word: Option<WakeWord>,
    failing: bool,
    /// The voice activity of the newest frame that was judged since [`Ear::show`].
    voice: Option<f32>,
    /// Where it is shown what is made of the sound.
    shown: Option<watch::Sender<Hearing>>,
    pulse: Pulse,
}

/// What keeps Pipit from taking its own voice for a person's.
#[derive(Default)]
pub enum Protection {
    /// Nothing: what is played cannot be heard by the microphone.
    #[default]
    None,
    /// No sound is taken for speech while this is raised, which it is while the speaker sounds.
    Deaf(Arc<AtomicBool>),
    /// Echo is cancelled, and what is left of it is told from a person.
    Cancelled(Box<EchoCancellation>),
}

/// The parts that cancel echo.
pub struct EchoCancellation {
    source: EchoSource,
    canceller: EchoCanceller,
    guard: EchoGuard,
}

impl EchoCancellation {
    /// Cancels the echo of what comes through `source`.
    pub fn new(source: EchoSource) -> Self {
        EchoCancellation { source, canceller: EchoCanceller::new(), guard: EchoGuard::default() }
    }
}

impl Ear {
    /// An ear that has heard nothing yet.
    pub fn new(vad: impl Into<VoiceActivity>, settings: EarSettings, protection: Protection) -> Self {
        let vad = vad.into();
        let (gate, segmenter) = (EnergyGate::default(), Segmenter::new(settings));
        let pulse = Pulse::default();
        Ear { gate, vad, segmenter, protection, wake_word: None, failing: false, voice: None, shown: None, pulse }
    }

    /// An ear that listens for a wake word too.
    pub fn with_wake_word(self, wake_word: WakeWord) -> Self {
        Ear { wake_word: Some(wake_word), ..self }
    }

    /// An ear that shows what it makes of the sound, while somebody looks.
    pub fn shown_on(self, hearing: watch::Sender<Hearing>) -> Self {
        Ear { shown: Some(hearing), ..self }
    }

    /// An ear that somebody looks after.
    #[must_use]
    pub fn watched_by(self, pulse: Pulse) -> Self {
        Ear { pulse, ..self }
    }

    /// Shows the last frame. Nobody looks most of the time, and then it costs nothing.
    fn show(&mut self, dbfs: f32, capture: &dyn Capture) {
        let voice = self.voice.take();
        let Some(shown) = self.shown.as_ref().filter(|shown| shown.receiver_count() > 0) else { return };
        let wake = self.wake_word.as_ref().and_then(WakeWord::last);
        let dropped_frames = capture.counters().dropped_samples / FRAME_SAMPLES as u64;
        shown.send_modify(|now| *now = Hearing { dbfs, voice, wake, dropped_frames, ..*now });
    }

    /// What the wake-word model has made of the frames since the last call: its highest score, if that says anything.
    pub fn take_wake_word_score(&mut self) -> Option<f32> {
        self.wake_word.as_mut().and_then(WakeWord::take)
    }

    /// Takes the next 32 ms, and adds what it has learnt to `facts`.
    pub fn hear(&mut self, frame: AudioFrame, facts: &mut Vec<SpeechFact>) {
        match &mut self.protection {
            Protection::None => self.listen(frame, facts),
            Protection::Deaf(deaf) if deaf.load(Ordering::Relaxed) => facts.extend(self.forget()),
            Protection::Deaf(_) => self.listen(frame, facts),
            Protection::Cancelled(parts) => {
                let cancelled = parts.canceller.cancel(&frame, parts.source.update());
                match cancelled.echo {
                    None => self.listen(cancelled.full, facts),
                    Some(levels) => self.listen_over(cancelled.full, cancelled.linear, &levels, facts),
                }
            }
        }
    }

    /// Listens while the speaker is silent.
    fn listen(&mut self, frame: AudioFrame, facts: &mut Vec<SpeechFact>) {
        for gated in self.gate.push(frame, !self.segmenter.is_quiet()) {
            facts.extend(match gated {
                Gated::Quiet(frame) => self.segmenter.push(&frame, 0.0),
                Gated::Judge { frame, first } => {
                    if first {
                        self.begin();
                    }
                    if let Some(wake_word) = &mut self.wake_word {
                        wake_word.hear(&frame);
                    }
                    self.judge(&frame)
                }
            });
        }
    }

    /// Listens while the speaker sounds: for a voice in `linear`, and to what it says in `full`, or in `linear` where that
    /// holds more than echo.
    fn listen_over(
        &mut self,
        full: AudioFrame,
        linear: [f32; FRAME_SAMPLES],
        levels: &EchoLevels,
        facts: &mut Vec<SpeechFact>,
    ) {
        for (nth, frame) in self.gate.release().enumerate() {
            if nth == 0 {
                // What is held was not judged, so what comes does not join on to what was.
                self.begin();
            }
            facts.extend(self.segmenter.push(&frame, 0.0));
        }
        if let Some(wake_word) = &mut self.wake_word {
            wake_word.hear(&full);
        }
        let voice = self.voice_activity(&linear);
        let Protection::Cancelled(parts) = &mut self.protection else { return };
        match voice {
            Some(voice) => {
                let activity = parts.guard.judge(levels, voice);
                if parts.guard.stirred() && self.segmenter.is_quiet() {
                    facts.push(SpeechFact::Stirred);
                }
                let samples = if parts.guard.heard_more() { linear } else { full.samples };
                facts.extend(self.segmenter.push(&AudioFrame { at: full.at, samples }, activity));
            }
            None => facts.extend(self.forget()),
        }
    }

    fn judge(&mut self, frame: &AudioFrame) -> Option<SpeechFact> {
        match self.voice_activity(&frame.samples) {
            Some(activity) => self.segmenter.push(frame, activity),
            None => self.forget(),
        }
    }

    fn voice_activity(&mut self, samples: &[f32; FRAME_SAMPLES]) -> Option<f32> {
        match self.vad.voice_activity(samples) {
            Ok(activity) => {
                self.failing = false;
                self.voice = Some(activity);
                Some(activity)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!("voice activity can't be judged: {error}");
                }
                None
            }
        }
    }

    /// Hears nothing of a frame while the microphone is off. Gives what that makes of speech that was going on.
    fn miss(&mut self) -> Option<SpeechFact> {
        if let Protection::Cancelled(parts) = &mut self.protection {
            // What the speaker plays must not pile up meanwhile.
            parts.source.update();
        }
        self.forget()
    }

    /// Begins afresh, because what follows is not the same stretch of sound.
    pub fn forget(&mut self) -> Option<SpeechFact> {
        self.gate.forget();
        self.begin();
        self.segmenter.forget()
    }

    /// Has the models begin with what follows.
    fn begin(&mut self) {
        self.vad.reset();
        if let Some(wake_word) = &mut self.wake_word {
            wake_word.forget();
        }
    }
}

/// Starts the thread, which tells the level of each frame to `levels`. It ends when the recording does, when `stop` is raised, or
/// when nobody listens to it any more. While `muted` is raised, what comes from the microphone is dropped before anything looks
/// at it, and speech that was going on comes to nothing.
pub fn spawn_ear(
    mut ear: Ear,
    mut capture: Box<dyn Capture>,
    stop: Arc<AtomicBool>,
    muted: Arc<AtomicBool>,
    inbox: Inbox,
    levels: watch::Sender<f32>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("ear".to_owned()).spawn(move || {
        let mut facts = Vec::new();
        let mut gaps = Gaps { known: CaptureCounters::default(), looked_at: Instant::now() };
        // No sound is as it should be only where there is no microphone, which is waited for.
        let mut waits = true;
        while !stop.load(Ordering::Relaxed) {
            let step = capture.next_frame(LOOK);
            match step {
                CaptureStep::Lost(_) => waits = true,
                CaptureStep::Found(_) => waits = false,
                _ => {}
            }
            if waits || matches!(step, CaptureStep::Frame(_)) {
                ear.pulse.beat();
            }
            let news = match step {
                CaptureStep::Frame(_) if muted.load(Ordering::Relaxed) => {
                    levels.send_replace(LOWEST_LEVEL);
                    facts.extend(ear.miss());
                    ear.show(LOWEST_LEVEL, &*capture);
                    None
                }
                CaptureStep::Frame(frame) => {
                    let dbfs = level(&frame.samples);
                    levels.send_replace(dbfs);
                    ear.hear(frame, &mut facts);
                    ear.show(dbfs, &*capture);
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
            // Where there is no room for a score, a later one comes with it: a wake is never lost, and nothing waits for it.
            if let Ok(place) = inbox.try_reserve()
                && let Some(score) = ear.take_wake_word_score()
            {
                place.send(Message::Event(Event::WakeWordScored { score }));
            }
            let ended = matches!(news, Some(Message::InputEnded));
            if ended {
                ear.pulse.end();
            }
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
