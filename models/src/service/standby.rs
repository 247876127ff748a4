//! A service, and a model on this device that answers while the service cannot.
//!
//! One failure is enough to leave a service alone for a while, because its peer answers at once and a person would wait for
//! each attempt; a trial that fails makes the while longer. The peer is loaded when it is first needed.

use std::time::{Duration, Instant};

use pipit_core::audio::{Hertz, Pcm};
use pipit_core::chat::{Breaker, BreakerSettings, Verdict};
use pipit_core::time::Moment;

use super::ServiceError;
use crate::cancel::CancelFlag;
use crate::error::ModelError;
use crate::recogniser::Recogniser;
use crate::voice::{Opened, Voice, VoiceError};
use crate::whisper::Transcript;

/// Whether the service may be asked just now.
type MayAsk = Box<dyn Fn() -> bool + Send>;

/// A recogniser that is a service.
pub trait RemoteRecogniser: Recogniser {
    /// As [`Recogniser::transcribe`].
    ///
    /// # Errors
    /// Why the service did not do it.
    fn ask(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ServiceError>;
}

/// A recogniser that is a service, with one on this device behind it.
pub struct RecogniserWithStandby {
    service: Box<dyn RemoteRecogniser>,
    may_ask: MayAsk,
    standby: Standby<Box<dyn Recogniser>>,
}

impl RecogniserWithStandby {
    /// `open` loads the one on this device, and is called when that is first needed, and again if it failed.
    pub fn new(
        service: Box<dyn RemoteRecogniser>,
        open: impl FnMut() -> Result<Box<dyn Recogniser>, String> + Send + 'static,
    ) -> Self {
        let standby = Standby::new("another recogniser", Box::new(open));
        RecogniserWithStandby { service, may_ask: Box::new(|| true), standby }
    }

    /// Asks the service only while `may_ask` says so, and otherwise the one on this device.
    #[must_use]
    pub fn while_allowed(self, may_ask: impl Fn() -> bool + Send + 'static) -> Self {
        RecogniserWithStandby { may_ask: Box::new(may_ask), ..self }
    }
}

impl Recogniser for RecogniserWithStandby {
    fn transcribe(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ModelError> {
        let service = &mut self.service;
        match self.standby.ask((self.may_ask)(), || service.ask(utterance, cancel)) {
            Asked::Answered(transcript) => Ok(transcript),
            Asked::Instead(local) => local.transcribe(utterance, cancel),
            Asked::Failed(error) => Err(error.into()),
        }
    }
}

/// A voice that is a service, with one on this device behind it.
pub struct VoiceWithStandby {
    service: Box<dyn Voice>,
    may_ask: MayAsk,
    standby: Standby<Box<dyn Voice>>,
    /// What was chosen since, for the one that may not be open yet.
    speed: Option<f32>,
}

impl VoiceWithStandby {
    /// `open` opens the one on this device, and is called when that is first needed, and again if it failed.
    pub fn new(service: Box<dyn Voice>, mut open: impl FnMut() -> Opened + Send + 'static) -> Self {
        let open = move || open().map_err(|error| error.to_string());
        let standby = Standby::new("another voice", Box::new(open));
        VoiceWithStandby { service, may_ask: Box::new(|| true), standby, speed: None }
    }

    /// Asks the service only while `may_ask` says so, and otherwise the one on this device.
    #[must_use]
    pub fn while_allowed(self, may_ask: impl Fn() -> bool + Send + 'static) -> Self {
        VoiceWithStandby { may_ask: Box::new(may_ask), ..self }
    }
}

impl Voice for VoiceWithStandby {
    fn name(&self) -> &str {
        self.service.name()
    }

    fn rate(&self) -> Hertz {
        self.service.rate()
    }

    fn speak(&mut self, spoken_text: &str, cancel: &CancelFlag) -> Result<Pcm, VoiceError> {
        let service = &mut self.service;
        let mut other = None;
        let asked = self.standby.ask((self.may_ask)(), || match service.speak(spoken_text, cancel) {
            Ok(pcm) => Ok(pcm),
            Err(VoiceError::Service(error)) => Err(error),
            Err(VoiceError::Cancelled) => Err(ServiceError::Cancelled),
            Err(error) => {
                let detail = error.to_string();
                other = Some(error);
                Err(ServiceError::Settings { service: service.name().to_owned(), detail })
            }
        });
        match asked {
            Asked::Answered(pcm) => Ok(pcm),
            Asked::Instead(local) => {
                self.speed.into_iter().for_each(|speed| local.set_speed(speed));
                local.speak(spoken_text, cancel)
            }
            Asked::Failed(error) => Err(other.unwrap_or_else(|| error.into())),
        }
    }

    fn set_speed(&mut self, speed: f32) {
        self.service.set_speed(speed);
        self.speed = Some(speed);
    }
}

/// What came of asking a service.
enum Asked<'a, Answer, Local> {
    Answered(Answer),
    /// This one is to do it.
    Instead(&'a mut Local),
    Failed(ServiceError),
}

/// What stands by, and when it is its turn.
struct Standby<Local> {
    /// What it is, for the log.
    what: &'static str,
    open: Box<dyn FnMut() -> Result<Local, String> + Send>,
    local: Option<Local>,
    breaker: Breaker,
    started: Instant,
    /// It has been said that the service is away.
    told: bool,
}

impl<Local> Standby<Local> {
    fn new(what: &'static str, open: Box<dyn FnMut() -> Result<Local, String> + Send>) -> Self {
        let breaker = Breaker::new(BreakerSettings { failures: 1, ..BreakerSettings::default() });
        Standby { what, open, local: None, breaker, started: Instant::now(), told: false }
    }

    fn ask<Answer>(
        &mut self,
        may_ask: bool,
        ask: impl FnOnce() -> Result<Answer, ServiceError>,
    ) -> Asked<'_, Answer, Local> {
        if !may_ask {
            return self.instead(ServiceError::NotAllowed);
        }
        let verdict = self.breaker.verdict(self.now());
        // Where nobody stands by, a service that rests is worth a try.
        if verdict != Verdict::Ask && (self.local.is_some() || self.open_local()) {
            return Asked::Instead(self.local.as_mut().expect("it is open"));
        }
        self.breaker.asked(self.now());
        match ask() {
            Ok(answer) => {
                self.breaker.succeeded();
                if std::mem::take(&mut self.told) {
                    tracing::info!("the service answers again");
                }
                Asked::Answered(answer)
            }
            Err(ServiceError::Cancelled) => Asked::Failed(ServiceError::Cancelled),
            Err(error) => {
                self.failed(&error);
                self.instead(error)
            }
        }
    }

    /// Hands over to what stands by, if anything does.
    fn instead<Answer>(&mut self, error: ServiceError) -> Asked<'_, Answer, Local> {
        if self.local.is_none() {
            self.open_local();
        }
        match &mut self.local {
            Some(local) => Asked::Instead(local),
            None => Asked::Failed(error),
        }
    }

    fn failed(&mut self, error: &ServiceError) {
        let now = self.now();
        let rest = match error {
            ServiceError::Busy { retry_after: Some(wish), .. } => Some(self.breaker.refused(now, *wish)),
            _ => self.breaker.failed(now),
        };
        let rest = rest.unwrap_or(Duration::ZERO).as_secs();
        if std::mem::replace(&mut self.told, true) {
            tracing::debug!("{error}; it is left alone for {rest} s");
        } else {
            tracing::warn!(
                "{error}. Until it answers, {} does, on this device; it is tried again in {rest} s",
                self.what
            );
        }
    }

    fn open_local(&mut self) -> bool {
        match (self.open)() {
            Ok(local) => self.local = Some(local),
            Err(error) => tracing::warn!("{} stands by in vain: {error}", self.what),
        }
        self.local.is_some()
    }

    fn now(&self) -> Moment {
        Moment::after_start(self.started.elapsed())
    }
}
