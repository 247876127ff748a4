//! `POST /v1/audio/transcriptions`: the words of a recording, by the device's recogniser.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::super::description::Failures;
use super::super::place_in;
use super::super::speech::{Recording, Transcript};
use super::super::wire::too_large;
use super::not_here;
use crate::Sources;
use crate::account::Who;
use crate::problem::Problem;

/// The largest recording, in bytes.
const LARGEST: usize = 25 << 20;
/// What may come with it.
pub(in super::super) const LONGEST_BODY: usize = LARGEST + (64 << 10);
/// The longest of the other fields, in bytes.
const LONGEST_FIELD: usize = 16 << 10;
/// So many fields at most.
const FIELDS: usize = 32;
/// Whoever sends nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// A form, as OpenAI's API has it. What is not named here is ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what is read field by field")]
pub(in super::super) struct Form {
    /// A WAV or FLAC file of at most 25 MB and ten minutes.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Any name is taken.
    model: Option<String>,
    /// That of the device, if any.
    language: Option<String>,
    /// `json` (also without), `text` or `verbose_json`.
    response_format: Option<String>,
}

#[derive(Default)]
struct Sent {
    file: Option<Vec<u8>>,
    language: Option<String>,
    format: Format,
}

#[derive(Clone, Copy, Default)]
enum Format {
    #[default]
    Json,
    Text,
    Verbose,
}

/// Makes words of a recording. Whoever speaks to the device comes first.
#[utoipa::path(post, path = "/v1/audio/transcriptions", tag = "openai",
    request_body(content = Form, content_type = "multipart/form-data"),
    responses((status = 200, description = "The words, as JSON or as text", content_type = "application/json", body = Object), Failures))]
pub(in super::super) async fn transcribe(
    who: Who,
    State(sources): State<Sources>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let form = form.map_err(|error| Problem::unfit(format!("Send a form (multipart/form-data): {error}.")))?;
    let apis = sources.apis;
    let _permit = place_in(&apis.shared.transcriptions)?;
    let Sent { file, language, format } = read(form).await?;
    let file = file.ok_or_else(|| Problem::unfit("There is no file in the form; send the recording as `file`."))?;
    let widest = apis.engine_of(&who).widest();
    let transcript = (apis.transcribe)(Recording { file, language, widest }).await.map_err(Problem::from)?;
    Ok(match format {
        Format::Json => Json(json!({"text": transcript.text()})).into_response(),
        Format::Text => {
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], transcript.text() + "\n").into_response()
        }
        Format::Verbose => Json(verbose(&transcript)).into_response(),
    })
}

async fn read(mut form: Multipart) -> Result<Sent, Problem> {
    let mut sent = Sent::default();
    for _ in 0..FIELDS {
        let Some(field) = in_time(form.next_field()).await? else { return Ok(sent) };
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "file" => sent.file = Some(bytes(field, LARGEST, "a recording of 25 MB").await?),
            "language" => sent.language = Some(text(field).await?).filter(|language| !language.is_empty()),
            "response_format" => {
                sent.format = match text(field).await?.as_str() {
                    "" | "json" => Format::Json,
                    "text" => Format::Text,
                    "verbose_json" => Format::Verbose,
                    _ => return Err(not_here("There is no response_format here but json, text and verbose_json")),
                }
            }
            "stream" => {
                if text(field).await? == "true" {
                    return Err(not_here("Transcripts come whole, so there is no stream"));
                }
            }
            "timestamp_granularities[]" | "timestamp_granularities" => {
                if text(field).await? == "word" {
                    return Err(not_here("There are no times of words here, only of segments"));
                }
            }
            _ => drop(text(field).await?),
        }
    }
    Err(Problem::unfit("There are too many fields in the form."))
}

async fn text(field: Field<'_>) -> Result<String, Problem> {
    let bytes = bytes(field, LONGEST_FIELD, "16 kB in a field").await?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

async fn bytes(mut field: Field<'_>, most: usize, what: &str) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = in_time(field.chunk()).await? {
        if bytes.len() + chunk.len() > most {
            return Err(too_large(what));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn in_time<T>(reading: impl Future<Output = Result<T, MultipartError>>) -> Result<T, Problem> {
    match timeout(PATIENCE, reading).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(too_large("a recording of 25 MB")),
        Ok(Err(error)) => Err(Problem::unfit(format!("The form can't be read: {}.", error.body_text()))),
        Err(_) => {
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "Nothing came for 30 seconds; send it again."))
        }
    }
}

fn verbose(transcript: &Transcript) -> Value {
    let segments = transcript.segments.iter().enumerate().map(|(id, segment)| {
        json!({"id": id, "start": segment.start_seconds, "end": segment.end_seconds, "text": segment.text})
    });
    json!({
        "task": "transcribe", "language": transcript.language, "duration": transcript.seconds, "text": transcript.text(),
        "segments": segments.collect::<Vec<_>>(),
    })
}
