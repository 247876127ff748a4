//! OpenAI's `POST /audio/transcriptions`, which whisper.cpp's server, Speaches, LocalAI and many others answer too.
//!
//! Source: <https://developers.openai.com/api/reference/resources/audio>. `verbose_json` is asked for, because it says how sure
//! the model is of each segment and whether it was speech at all; what is made of that is Whisper's `guard`, as for the model
//! on this device. Models that give only the words are asked for `json` from then on, and are believed.

use serde::Deserialize;

use super::multipart::Form;
use super::{Post, RemoteRecogniser, Service, ServiceError, ServiceSettings};
use crate::cancel::CancelFlag;
use crate::clip;
use crate::error::ModelError;
use crate::recogniser::Recogniser;
use crate::whisper::{SegmentHeard, Transcript, judge_segments, silence};
use pipit_core::audio::{LISTENING_RATE, Pcm};

/// A transcript of half a minute has some kilobytes, with all figures some tens of them.
const MOST: usize = 1 << 20;

/// Such a server as a recogniser.
pub struct Transcriber {
    service: Service,
    language: Option<String>,
    /// The model gives words without figures.
    words_alone: bool,
}

#[derive(Deserialize)]
struct Heard {
    text: String,
    segments: Option<Vec<Segment>>,
}

#[derive(Deserialize)]
struct Segment {
    text: String,
    avg_logprob: Option<f32>,
    no_speech_prob: Option<f32>,
}

impl Transcriber {
    /// A recogniser by the service's settings, for a language as its ISO 639 code. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ServiceError::Settings`].
    pub fn new(settings: &ServiceSettings, language: Option<String>) -> Result<Transcriber, ServiceError> {
        Ok(Transcriber { service: Service::new(settings)?, language, words_alone: false })
    }

    fn send(&mut self, wav: &[u8], cancel: &CancelFlag) -> Result<Vec<u8>, ServiceError> {
        let mut form = Form::with_file("file", "utterance.wav", "audio/wav", wav)
            .field("model", &self.service.settings.model)
            .field("response_format", if self.words_alone { "json" } else { "verbose_json" })
            .field("temperature", "0");
        if let Some(language) = &self.language {
            form = form.field("language", language);
        }
        let (content_type, body) = form.finish();
        let post = Post {
            path: "/audio/transcriptions",
            content_type: &content_type,
            accept: "application/json",
            header: None,
            body,
            most: MOST,
            said: "",
        };
        Ok(self.service.post(post, cancel)?.body)
    }

    fn read(&self, body: &[u8]) -> Result<Transcript, ServiceError> {
        if body.is_empty() {
            return Err(self.service.unreadable("its answer is empty"));
        }
        // What can't be read may be what somebody said, so nothing of it is shown.
        let no_transcript = || self.service.unreadable(format!("its {} bytes are no transcript in JSON", body.len()));
        let Heard { text, segments } = serde_json::from_slice(body).map_err(|_| no_transcript())?;
        let segments = segments.filter(|segments| !segments.is_empty());
        let segments = segments.unwrap_or_else(|| vec![Segment { text, avg_logprob: None, no_speech_prob: None }]);
        Ok(judge_segments(segments.into_iter().map(|Segment { text, avg_logprob, no_speech_prob }| SegmentHeard {
            text,
            mean_log_probability: avg_logprob.unwrap_or(0.0),
            no_speech: no_speech_prob.unwrap_or(0.0),
        })))
    }
}

impl RemoteRecogniser for Transcriber {
    fn ask(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ServiceError> {
        if let Some(nothing) = silence(utterance) {
            return Ok(Transcript::nothing(nothing));
        }
        // A sample that is no number would be noise.
        let whole: Vec<f32> = utterance.iter().map(|sample| if sample.is_finite() { *sample } else { 0.0 }).collect();
        let wav = clip::wav(&Pcm::new(whole, LISTENING_RATE));
        let body = match self.send(&wav, cancel) {
            Err(ServiceError::Refused { detail, .. }) if !self.words_alone && detail.contains("response_format") => {
                self.words_alone = true;
                self.send(&wav, cancel)
            }
            outcome => outcome,
        }?;
        self.read(&body)
    }
}

impl Recogniser for Transcriber {
    fn transcribe(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ModelError> {
        Ok(self.ask(utterance, cancel)?)
    }
}
