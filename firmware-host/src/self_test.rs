//! The power-on self-test of the speech path: Pipit says something to itself and must understand it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use pipit_core::audio::{FRAME_SAMPLES, LISTENING_RATE, Pcm};
use pipit_core::config::Config;
use pipit_models::cancel::CancelFlag;
use pipit_models::recogniser::Recogniser;
use pipit_models::runtime::Runtime;
use pipit_models::voice::{self, VoiceSettings};

use crate::audio::resample;
use crate::hearing;

/// What it says to itself. The recogniser in the box knows these words too.
const SENTENCE: &str = "What time is it?";

/// What the models made of anybody's complete sentence.
#[derive(Debug)]
pub struct Passed {
    /// The most certain that voice activity was.
    pub voice_activity: f32,
    /// The probability that the sentence was complete, where Smart Turn is there.
    pub complete: Option<f32>,
    /// What was understood.
    pub transcript: String,
    /// How long hearing and understanding took.
    pub took: Duration,
}

/// Has espeak-ng, which is always there, say a sentence: the sample for the self-test and for measuring recognisers.
///
/// # Errors
/// espeak-ng is missing, or failed.
pub fn spoken_sample() -> anyhow::Result<Pcm> {
    let settings = VoiceSettings { voice: None, speed: 1.0, models: std::path::PathBuf::new(), service: None };
    let mut espeak = voice::open("espeak", &settings, None)?;
    let pcm = voice::say(&mut *espeak, SENTENCE, &CancelFlag::new())?;
    let mut samples = vec![0.0; FRAME_SAMPLES];
    samples.extend(resample(pcm.samples(), pcm.rate(), LISTENING_RATE)?);
    samples.resize(samples.len() + 8 * FRAME_SAMPLES, 0.0);
    Ok(Pcm::new(samples, LISTENING_RATE))
}

/// Runs `speech` through what listens.
///
/// # Errors
/// Which of them failed, and how.
pub fn run(
    config: &Config,
    runtime: Option<&Runtime>,
    recogniser: &mut dyn Recogniser,
    speech: &Pcm,
) -> anyhow::Result<Passed> {
    let begun = Instant::now();
    let mut vad = hearing::voice_activity(config, runtime)?;
    let mut smart_turn = hearing::smart_turn(config, runtime)?;
    let mut voice_activity = 0.0_f32;
    for frame in speech.samples().as_chunks::<FRAME_SAMPLES>().0 {
        voice_activity = voice_activity.max(vad.voice_activity(frame)?);
    }
    if voice_activity < 0.5 {
        bail!("voice activity took a spoken sentence for silence ({voice_activity:.2})");
    }
    let complete = smart_turn.as_mut().map(|model| model.probability(speech.samples())).transpose()?;
    let transcript = recogniser.transcribe(speech.samples(), &CancelFlag::new()).context("the recogniser failed")?;
    let words: String = transcript.text.chars().filter(|c| c.is_alphabetic() || *c == ' ').collect();
    if !words.eq_ignore_ascii_case(SENTENCE.trim_end_matches('?')) {
        bail!("it said \"{SENTENCE}\" to itself and understood \"{}\"", transcript.text);
    }
    Ok(Passed { voice_activity, complete, transcript: transcript.text, took: begun.elapsed() })
}

/// Runs the test on a sentence of espeak-ng's and logs what came of it.
pub fn log(config: &Config, runtime: Option<&Runtime>, recogniser: &mut dyn Recogniser) {
    match spoken_sample().and_then(|speech| run(config, runtime, recogniser, &speech)) {
        Ok(passed) => tracing::info!("self-test passed: {passed}"),
        Err(error) => tracing::error!("self-test failed: {error:#}; run `pipit doctor`"),
    }
}

impl std::fmt::Display for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Passed { voice_activity, complete, transcript, took } = self;
        write!(
            f,
            "said \"{SENTENCE}\" to itself and understood \"{transcript}\" in {} ms (voice activity {voice_activity:.2}",
            took.as_millis()
        )?;
        complete.map_or(Ok(()), |complete| write!(f, ", complete {complete:.2}"))?;
        f.write_str(")")
    }
}
