//! Transcripts against what was said.

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::whisper::Whisper;
use serde::Serialize;

use crate::figures::share;
use crate::manifest;
use crate::words::{spoken_words, word_errors};

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Clips with a transcript.
    clips: usize,
    /// Words wrong, missing and added for each word said.
    wer: f64,
    /// The share of clips without any error.
    sentence_accuracy: f64,
    /// Clips that gave no words, because there were none or because they were not certain enough.
    empty: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { clips, wer, sentence_accuracy, empty } = self;
        write!(f, "clips {clips}  wer {wer:.4}  sentence_accuracy {sentence_accuracy:.4}  empty {empty}")
    }
}

// What a clip gave goes to standard error, so that standard output holds the figures alone.
#[allow(clippy::print_stderr)]
pub(crate) fn measure(folder: &Path, whisper: &mut Whisper, verbose: bool) -> Result<Figures> {
    let (mut clips, mut exact, mut empty, mut said_words, mut errors) = (0, 0, 0, 0, 0);
    for entry in manifest::clips(folder)? {
        let said = spoken_words(&entry.transcript);
        if said.is_empty() {
            continue;
        }
        let pcm = clip::read(&entry.path)?;
        let transcript = whisper.transcribe(pcm.samples(), &CancelFlag::new())?;
        let heard = spoken_words(&transcript.text);
        let wrong = word_errors(&said, &heard);
        clips += 1;
        exact += usize::from(wrong == 0);
        empty += usize::from(heard.is_empty());
        said_words += said.len();
        errors += wrong;
        if verbose {
            let score = transcript.mean_log_probability;
            eprintln!("{wrong}\t{}\t{}\t{:?}\t{score:.2}", said.join(" "), heard.join(" "), transcript.outcome);
        }
    }
    if clips == 0 {
        bail!("{} has no clip with a transcript", folder.join("manifest.tsv").display());
    }
    Ok(Figures { clips, wer: share(errors, said_words), sentence_accuracy: share(exact, clips), empty })
}
