//! A whole text as one sound.

use pipit_core::audio::{LISTENING_RATE, Pcm};
use pipit_models::voice::VoiceError;

use crate::audio::resample;

/// All clauses as one sound, at the rate of the first: where another voice goes on, it may have a rate of its own.
pub(crate) fn joined(clauses: impl Iterator<Item = Result<Pcm, VoiceError>>) -> anyhow::Result<Pcm> {
    let clauses: Vec<Pcm> = clauses.collect::<Result<_, _>>()?;
    let rate = clauses.iter().find(|pcm| !pcm.is_empty()).map_or(LISTENING_RATE, Pcm::rate);
    let mut samples = Vec::new();
    for pcm in clauses.iter().filter(|pcm| !pcm.is_empty()) {
        samples.extend(resample(pcm.samples(), pcm.rate(), rate)?);
    }
    Ok(Pcm::new(samples, rate))
}
