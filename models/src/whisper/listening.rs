//! How an utterance is put to a model, whatever runs it: in pieces that fit its window, with as much silence after them as it needs,
//! and never believed unjudged.

use std::borrow::Cow;

use super::file::Architecture;
use super::guard::{self, Hearing, Nothing, Outcome, Transcript};
use super::pieces;
use crate::cancel::CancelFlag;
use crate::error::ModelError;

/// Samples of 16 kHz audio behind one position of the encoder: 20 ms.
pub(super) const SAMPLES_PER_POSITION: usize = 320;

/// Silence that the published models are given after an utterance, in positions (1.6 s). They were trained on windows
/// of 30 s, and the less silence follows the speech, the likelier they are to repeat themselves (whisper.cpp issues
/// 1117 and 1855); each position costs time. A transcript that loops nevertheless is made again with the full window.
const MARGIN: usize = 80;

/// The same for pipit-nano-en, which was trained on short windows and evaluated with this margin.
const NANO_MARGIN: usize = 8;

/// What was said in `utterance`. `hear` runs the model over some samples with so many positions.
pub(super) fn transcribe(
    shape: &Architecture,
    utterance: &[f32],
    cancel: &CancelFlag,
    mut hear: impl FnMut(&[f32], usize) -> Result<Hearing, ModelError>,
) -> Result<Transcript, ModelError> {
    if let Some(nothing) = guard::silence(utterance) {
        return Ok(Transcript::nothing(nothing));
    }
    let utterance = without_holes(utterance);
    let mut transcripts = Vec::new();
    for piece in pieces::cut(&utterance, longest_piece(shape)) {
        if cancel.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        transcripts.push(transcribe_piece(shape, &utterance[piece], &mut hear)?);
    }
    Ok(guard::join(transcripts))
}

fn transcribe_piece(
    shape: &Architecture,
    piece: &[f32],
    hear: &mut impl FnMut(&[f32], usize) -> Result<Hearing, ModelError>,
) -> Result<Transcript, ModelError> {
    if let Some(nothing) = guard::silence(piece) {
        return Ok(Transcript::nothing(nothing));
    }
    let (trimmed, window) = (positions(shape, piece.len()), shape.audio_context);
    let limits = if shape.is_nano() { &guard::NANO } else { &guard::PUBLISHED };
    let transcript = guard::judge(hear(piece, trimmed)?, limits);
    if transcript.outcome == Outcome::Nothing(Nothing::Repetition) && trimmed < window {
        return Ok(guard::judge(hear(piece, window)?, limits));
    }
    Ok(transcript)
}

/// The positions of the encoder for so many samples.
pub(super) fn positions(shape: &Architecture, samples: usize) -> usize {
    let margin = if shape.is_nano() { NANO_MARGIN } else { MARGIN };
    (samples.div_ceil(SAMPLES_PER_POSITION) + margin).min(shape.audio_context)
}

/// The longest audio that the model can take at once, in samples, with a little silence after it.
pub(super) fn longest_piece(shape: &Architecture) -> usize {
    (shape.audio_context - NANO_MARGIN) * SAMPLES_PER_POSITION
}

/// Room for the fastest talker in the least compact language; a model that wants more is looping.
pub(super) fn most_tokens(samples: usize) -> usize {
    24 + 20 * (samples / 16_000)
}

/// A sample that is not a number would make the whole spectrogram one.
fn without_holes(samples: &[f32]) -> Cow<'_, [f32]> {
    if samples.iter().all(|sample| sample.is_finite()) {
        return Cow::Borrowed(samples);
    }
    samples.iter().map(|sample| if sample.is_finite() { *sample } else { 0.0 }).collect()
}
