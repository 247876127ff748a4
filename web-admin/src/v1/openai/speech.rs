//! `POST /v1/audio/speech`: a text spoken by the device's voice, clause by clause, as it is ready.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use pipit_core::audio::{Hertz, Pcm};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::description::Failures;
use super::super::speech::{SpeechProblem, ToSpeak};
use super::super::{passed_on, place_in};
use super::not_here;
use crate::Sources;
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::Problem;

/// At which OpenAI's `pcm` is sampled.
const PCM_RATE: Hertz = Hertz(24_000);

/// What is said to be the length of sound whose end is not known, in bytes.
const UNKNOWN: u32 = u32::MAX;

/// What is to be spoken, as OpenAI's API has it. What is not named here is ignored.
#[derive(Deserialize, ToSchema)]
#[schema(as = SpeechRequest)]
pub(in super::super) struct Wanted {
    /// The text, of at most 10000 bytes.
    #[schema(example = "Dinner is ready.")]
    input: String,
    /// Any name is taken.
    #[serde(default)]
    #[expect(dead_code, reason = "it is described, and any is taken")]
    model: Option<String>,
    /// Any name is taken: the device's own voice speaks.
    #[serde(default)]
    #[schema(value_type = String)]
    #[expect(dead_code, reason = "it is described, and any is taken")]
    voice: Option<serde_json::Value>,
    /// `wav` (also without) or `pcm`, which is 24 kHz, 16 bits, mono.
    #[serde(default)]
    response_format: Option<String>,
    /// 1.
    #[serde(default)]
    speed: Option<f64>,
    /// `audio`.
    #[serde(default)]
    stream_format: Option<String>,
}

/// Speaks a text. Sound comes clause by clause, the first as soon as it is ready.
#[utoipa::path(post, path = "/v1/audio/speech", tag = "openai", request_body = Wanted,
    responses((status = 200, description = "The sound", content_type = "audio/wav", body = Vec<u8>), Failures))]
pub(in super::super) async fn speak(
    who: Who,
    State(sources): State<Sources>,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Response, Problem> {
    let Wanted { input, response_format, speed, stream_format, .. } = wanted;
    let is_wav = match response_format.as_deref() {
        None | Some("wav") => true,
        Some("pcm") => false,
        Some(_) => return Err(not_here("There is no response_format here but wav and pcm")),
    };
    if speed.is_some_and(|speed| speed != 1.0) {
        return Err(not_here("The voice here speaks at its own pace, so there is no speed but 1"));
    }
    if stream_format.is_some_and(|format| format != "audio") {
        return Err(not_here("Sound comes as it is, so there is no stream_format but audio"));
    }
    if !input.contains(char::is_alphanumeric) {
        return Err(Problem::unfit("There is nothing in the input that could be spoken."));
    }
    let apis = sources.apis;
    let permit = place_in(&apis.shared.speeches)?;
    let rate = (!is_wav).then_some(PCM_RATE);
    let widest = apis.engine_of(&who).widest();
    let mut clauses = (apis.speak)(ToSpeak { text: input, rate, widest });
    // Whatever goes wrong before the first sound is told by the status.
    let first = match clauses.next().await {
        Some(first) => first.map_err(Problem::from)?,
        None => {
            return Err(Problem::unfit("There is nothing in the input that could be spoken."));
        }
    };
    let begins = if is_wav { wav_header(first.rate()) } else { Vec::new() };
    let sound = stream::iter([Ok(begins), Ok(bytes(&first))]).chain(clauses.map(|clause| Ok(bytes(&clause?))));
    let sound =
        passed_on(sound.take_until(who.ended()), permit).map(|bytes: Result<Vec<u8>, SpeechProblem>| match bytes {
            Ok(bytes) => Ok(Bytes::from(bytes)),
            // Nothing but breaking off tells it by now.
            Err(problem) => Err(std::io::Error::other(format!("{problem:?}"))),
        });
    let kind = if is_wav { "audio/wav" } else { "audio/pcm" };
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(sound)).into_response())
}

fn bytes(pcm: &Pcm) -> Vec<u8> {
    let sample = |sample: &f32| ((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16).to_le_bytes();
    pcm.samples().iter().flat_map(sample).collect()
}

/// The beginning of a WAV file of unknown length, mono and 16 bits.
fn wav_header(rate: Hertz) -> Vec<u8> {
    let mut header = Vec::with_capacity(44);
    header.extend(b"RIFF");
    header.extend(UNKNOWN.to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    header.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    header.extend([rate.0, rate.0.saturating_mul(2)].map(u32::to_le_bytes).concat());
    header.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    header.extend(b"data");
    header.extend(UNKNOWN.to_le_bytes());
    header
}
