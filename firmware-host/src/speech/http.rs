//! Recordings and texts that come over HTTP: see [`pipit_web::v1`].

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt as _};
use pipit_core::audio::{LISTENING_RATE, Pcm, duration_of};
use pipit_core::chat::Tier;
use pipit_core::config::Config;
use pipit_core::turn::{Event, TurnId};
use pipit_models::clip::{self, Unfit};
use pipit_web::v1::{Recording, Segment, Speak, SpeechProblem, ToSpeak, Transcribe, Transcript};
use tokio::sync::{Semaphore, mpsc};

use super::{Dictation, INBOX, Progress, Refused, Speaking};
use crate::audio::Resampler;
use crate::worker::{Endpoint, Message, Models};

/// The longest recording that is transcribed.
const LONGEST: Duration = Duration::from_secs(600);

/// So many samples are given to the recogniser's queue at once.
const PIECE: usize = LISTENING_RATE.0 as usize;

/// Each request is a turn of its own endpoint.
const TURN: TurnId = TurnId(1);

/// The daemon's models, for requests over HTTP. Clones share everything.
#[derive(Clone)]
pub struct Speech {
    /// Not theirs to keep: they end when the daemon does.
    models: Weak<Models>,
    language: String,
    /// How far away what may transcribe is, and what may speak.
    tiers: (Tier, Tier),
    /// Recordings are read one after the other: that takes a processor for itself.
    reading: Arc<Semaphore>,
}

impl Speech {
    /// Speech by `models`, as they are configured.
    pub fn new(models: &Arc<Models>, config: &Config) -> Speech {
        let tier =
            |service: Option<&pipit_core::config::SpeechService>| service.map_or(Tier::Device, |service| service.tier);
        Speech {
            models: Arc::downgrade(models),
            language: config.stt.language.clone(),
            tiers: (tier(config.transcription_service()), tier(config.voice_service())),
            reading: Arc::new(Semaphore::new(1)),
        }
    }

    /// What makes words of recordings.
    pub fn transcribe(&self) -> Transcribe {
        let speech = self.clone();
        Arc::new(move |recording| speech.clone().transcribed(recording).boxed())
    }

    /// What speaks texts.
    pub fn speak(&self) -> Speak {
        let speech = self.clone();
        Arc::new(move |text| speech.spoken(text))
    }

    async fn transcribed(self, Recording { file, language, widest }: Recording) -> Result<Transcript, SpeechProblem> {
        if self.tiers.0 > widest {
            return Err(too_far("What recognises speech here", self.tiers.0));
        }
        self.check_language(language.as_deref())?;
        let samples = self.read(file).await?;
        let (sender, mut inbox) = mpsc::channel(INBOX);
        let endpoint = self.models.upgrade().ok_or_else(stopping)?.endpoint(sender);
        let mut dictation = Dictation::new(TURN, LONGEST, None);
        let mut pieces = samples.chunks(PIECE);
        let seconds = duration_of(samples.len(), LISTENING_RATE).as_secs_f64();
        let whole = |dictation: &Dictation| self.transcript(seconds, dictation);
        loop {
            while !dictation.is_full() && !dictation.has_ended() {
                match pieces.next() {
                    Some(piece) => dictation.push(piece, &endpoint).map_err(not_now)?,
                    None => {
                        if dictation.end(&endpoint).map_err(not_now)?.is_some() {
                            return Ok(whole(&dictation));
                        }
                    }
                }
            }
            let Message::Worked { event: Event::Transcribed { draft, transcription }, .. } = next(&mut inbox).await?
            else {
                continue;
            };
            let progress = dictation.transcribed(draft, transcription, &endpoint).map_err(failed)?;
            if let Some(Progress::Whole { .. }) = progress {
                return Ok(whole(&dictation));
            }
        }
    }

    fn check_language(&self, wanted: Option<&str>) -> Result<(), SpeechProblem> {
        let main = |language: &str| language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let known = &self.language;
        match wanted.filter(|wanted| main(wanted) != main(known)) {
            Some(_) => Err(SpeechProblem::Unfit(format!("This Pipit knows the language {known} and no other."))),
            None => Ok(()),
        }
    }

    /// The sound of a file, at [`LISTENING_RATE`].
    async fn read(&self, file: Vec<u8>) -> Result<Vec<f32>, SpeechProblem> {
        let alone = Arc::clone(&self.reading).acquire_owned().await.map_err(|_| stopping())?;
        let read = tokio::task::spawn_blocking(move || {
            let _alone = alone;
            read(file)
        });
        read.await.map_err(|_| stopping())?
    }

    fn transcript(&self, seconds: f64, dictation: &Dictation) -> Transcript {
        let mut at = 0;
        let segments = dictation.heard().map(|(samples, text)| {
            let start_seconds = duration_of(at, LISTENING_RATE).as_secs_f64();
            at += samples;
            let end_seconds = duration_of(at, LISTENING_RATE).as_secs_f64();
            Segment { start_seconds, end_seconds, text: text.to_owned() }
        });
        Transcript { segments: segments.collect(), language: self.language.clone(), seconds }
    }

    fn spoken(
        &self,
        ToSpeak { text, rate, widest }: ToSpeak,
    ) -> stream::BoxStream<'static, Result<Pcm, SpeechProblem>> {
        if self.tiers.1 > widest {
            return stream::iter([Err(too_far("The voice here", self.tiers.1))]).boxed();
        }
        let (sender, inbox) = mpsc::channel(INBOX);
        let Some(models) = self.models.upgrade() else { return stream::iter([Err(stopping())]).boxed() };
        let (endpoint, speaking) = (models.endpoint(sender), Speaking::new(TURN, rate));
        let voice = Voice { endpoint, inbox, speaking, text: Some(text) };
        stream::try_unfold(voice, |mut voice| async move { Ok(voice.next().await?.map(|pcm| (pcm, voice))) }).boxed()
    }
}

/// A text that is being spoken.
struct Voice {
    endpoint: Endpoint,
    inbox: mpsc::Receiver<Message>,
    speaking: Speaking,
    /// It has not been begun.
    text: Option<String>,
}

impl Voice {
    async fn next(&mut self) -> Result<Option<Pcm>, SpeechProblem> {
        if let Some(text) = self.text.take() {
            self.speaking.push(&text, &self.endpoint).map_err(|Refused(why)| SpeechProblem::TooLong(sentence(&why)))?;
            self.speaking.end(&self.endpoint).map_err(not_now)?;
        }
        loop {
            while let Some(pcm) = self.speaking.next(&self.endpoint).map_err(not_now)? {
                if !pcm.is_empty() {
                    return Ok(Some(pcm));
                }
            }
            if self.speaking.is_over() {
                return Ok(None);
            }
            let Message::Worked { event, .. } = next(&mut self.inbox).await? else { continue };
            let (draft, clause, pcm) = match event {
                Event::ClauseReady { draft, clause, pcm } => (draft, clause, Some(pcm)),
                Event::ClauseFailed { draft, clause } => (draft, clause, None),
                _ => continue,
            };
            self.speaking.spoken(draft, clause, pcm).map_err(failed)?;
        }
    }
}

fn read(file: Vec<u8>) -> Result<Vec<f32>, SpeechProblem> {
    let (mut samples, mut resampler, mut wrong) = (Vec::new(), None, None);
    let read = clip::in_blocks(file, LONGEST, |rate, block| {
        if block.iter().any(|sample| !sample.is_finite()) {
            wrong = Some("it has samples that are not numbers; export the recording again".to_owned());
        }
        if wrong.is_some() {
            return;
        }
        if rate == LISTENING_RATE {
            samples.extend_from_slice(block);
            return;
        }
        let resampler = match &mut resampler {
            Some(resampler) => resampler,
            None => match Resampler::new(rate, LISTENING_RATE) {
                Ok(new) => resampler.insert(new),
                Err(error) => return wrong = Some(format!("it can't be resampled: {error:#}")),
            },
        };
        resampler.push(block, &mut samples);
    });
    let not_sound = |why: &str| SpeechProblem::NotSound(format!("The recording can't be read: {why}."));
    match read {
        Err(Unfit::NotSound(why)) => return Err(not_sound(&why)),
        Err(Unfit::TooLong(_)) => {
            let why =
                format!("No more than {} minutes are transcribed at once; send it in parts.", LONGEST.as_secs() / 60);
            return Err(SpeechProblem::TooLong(why));
        }
        Ok(_) => {}
    }
    if let Some(why) = wrong {
        return Err(not_sound(&why));
    }
    if let Some(mut resampler) = resampler {
        resampler.finish(&mut samples);
    }
    if samples.is_empty() {
        return Err(not_sound("it holds no sound"));
    }
    // Rounding by the resampler makes nothing too long.
    samples.truncate(pipit_core::audio::samples_in(LONGEST, LISTENING_RATE));
    Ok(samples)
}

async fn next(inbox: &mut mpsc::Receiver<Message>) -> Result<Message, SpeechProblem> {
    inbox.recv().await.ok_or_else(stopping)
}

fn too_far(what: &str, tier: Tier) -> SpeechProblem {
    SpeechProblem::Unfit(format!("{what} is a service ({tier}) that you have nothing sent to."))
}

fn not_now(Refused(why): Refused) -> SpeechProblem {
    SpeechProblem::NotNow(sentence(&why))
}

fn failed(Refused(why): Refused) -> SpeechProblem {
    SpeechProblem::Failed(sentence(&why))
}

fn stopping() -> SpeechProblem {
    SpeechProblem::NotNow("Pipit is ending; try again when it has started.".to_owned())
}

/// What was refused, as a sentence.
fn sentence(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().map(char::to_uppercase);
    format!("{}{}.", first.into_iter().flatten().collect::<String>(), letters.as_str())
}
