//! The styles of Kokoro's voices: a NumPy archive with a table `[rows, 1, 256]` of f32 for each voice, whose row n - 1 is
//! for a text of n symbols.

use std::io;
use std::path::Path;

use npyz::npz::NpzArchive;

use super::MODEL;
use crate::error::ModelError;
use crate::voice::VoiceError;

/// The numbers of one style.
const WIDTH: usize = 256;

/// The rows of a voice, or of a blend of voices.
pub(super) struct Styles {
    rows: Vec<f32>,
}

impl Styles {
    /// The voice or blend that `wanted` names, out of the archive at `path`.
    pub(super) fn load(path: &Path, wanted: &str) -> Result<Self, VoiceError> {
        let mut blend: Option<Vec<f32>> = None;
        for (name, weight) in parts(wanted)? {
            let rows = table(path, name)?;
            let sum = blend.get_or_insert_with(|| vec![0.0; rows.len()]);
            // Tables of one archive have one length; were they not to, the shorter would count.
            sum.truncate(rows.len());
            sum.iter_mut().zip(&rows).for_each(|(sum, value)| *sum += weight * value);
        }
        Ok(Styles { rows: blend.unwrap_or_default() })
    }

    /// The style for a text of `symbols` symbols.
    pub(super) fn for_length(&self, symbols: usize) -> &[f32] {
        let rows = self.rows.len() / WIDTH;
        let row = symbols.clamp(1, rows.min(super::vocabulary::MOST_SYMBOLS)) - 1;
        &self.rows[row * WIDTH..(row + 1) * WIDTH]
    }
}

/// The names of the tables in the archive, sorted.
pub(super) fn names(path: &Path) -> Result<Vec<String>, VoiceError> {
    let archive = open(path)?;
    let mut names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

/// `af_sky*0.6+af_bella*0.4` is two voices with their weights; a voice without a weight has all of it.
fn parts(wanted: &str) -> Result<Vec<(&str, f32)>, VoiceError> {
    let part = |part: &'_ str| -> Option<(usize, f32)> {
        match part.split_once('*') {
            None => Some((part.len(), 1.0)),
            Some((name, weight)) => {
                let weight: f32 = weight.trim().parse().ok()?;
                (weight.is_finite() && weight >= 0.0).then_some((name.len(), weight))
            }
        }
    };
    wanted
        .split('+')
        .map(|written| part(written).map(|(end, weight)| (written[..end].trim(), weight)))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            VoiceError::Failed(format!("`{wanted}` is no voice: a blend is written as `af_sky*0.6+af_bella*0.4`"))
        })
}

fn open(path: &Path) -> Result<NpzArchive<io::BufReader<std::fs::File>>, VoiceError> {
    NpzArchive::open(path).map_err(|error| unreadable(path, &error))
}

fn table(path: &Path, name: &str) -> Result<Vec<f32>, VoiceError> {
    let mut archive = open(path)?;
    let Some(array) = archive.by_name(name).map_err(|error| unreadable(path, &error))? else {
        return Err(VoiceError::unknown("Kokoro voice", name, &names(path)?));
    };
    let shape = array.shape().to_vec();
    let fits = matches!(shape[..], [rows, 1, width] | [rows, width] if rows > 0 && width == WIDTH as u64);
    if !fits {
        let reason = format!("the voice `{name}` has the shape {shape:?}, not [rows, 1, {WIDTH}]");
        return Err(ModelError::unusable(MODEL, path, reason).into());
    }
    array.into_vec::<f32>().map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> VoiceError {
    ModelError::unreadable("the archive of Kokoro's voices", path, error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blends_are_read_or_refused() {
        assert_eq!(parts("af_heart").ok(), Some(vec![("af_heart", 1.0)]));
        assert_eq!(parts("af_sky*0.6 + af_bella*0.4").ok(), Some(vec![("af_sky", 0.6), ("af_bella", 0.4)]));
        for wrong in ["af_sky*", "af_sky*x", "af_sky*-1", "af_sky*inf", "a*1*2"] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }
}
