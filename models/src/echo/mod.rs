//! Taking Pipit's own voice out of what the microphone hears.
//!
//! Not a neural model, but what the models that hear listen through: AEC3, WebRTC's echo canceller, in the pure-Rust
//! port `aec3`. It gives two outputs of one pass. The *full* one is for the recogniser: what little the adaptive filter
//! leaves of the echo is suppressed, and with it some of a voice that speaks at the same time. The *linear* one is the
//! filter's alone: more echo, and all of the voice, so it is what to look for a voice in. Whether what is found there is
//! a person is decided in `pipit_core::ear`, not here.

mod bands;
mod delay;
mod reference;

use std::fmt;
use std::time::Duration;

use aec3::api::config::EchoCanceller3Config;
use aec3::audio_processing::aec3::block::Block;
use aec3::audio_processing::aec3::block_processor::BlockProcessor;
use aec3::audio_processing::utility::cascaded_biquad_filter::{BiQuadCoefficients, CascadedBiQuadFilter};
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, LISTENING_RATE, SampleIndex, samples_in};
use pipit_core::ear::{ECHO_BANDS, EchoLevels};

use bands::Bands;
use delay::{DelayFinder, Jump};
pub use reference::Reference;

/// An echo may lie this far behind what the speaker was given: buffers of the speaker, the air, buffers of the microphone.
pub const LONGEST_DELAY: Duration = Duration::from_millis(400);

/// AEC3 works on blocks of 4 ms, eight of which are a frame.
const BLOCK: usize = 64;
/// AEC3's samples are scaled as 16-bit integers are.
const SCALE: f32 = 32_768.0;
/// A sample beyond this is taken to be clipped.
const CLIPPED: f32 = 0.99;
/// The reference reaches AEC3 this much before its direct sound: the strongest reflection need not be the first.
const HEADROOM: f64 = 96.0;
/// How long a room's echo of a sound lasts; after that nothing is left to cancel.
const TAIL: Duration = Duration::from_millis(350);
/// The share of the microphone's power that is left by the filter in a frame from which it seems to have removed nothing.
const MUCH: f32 = 0.25;
/// The share that it can't leave: what is heard does not become more by taking echo out of it.
const ADDED: f32 = 4.0;
/// Less than this, -45 dB of full scale, is no echo worth minding.
const AUDIBLE: f32 = 3e-5;
/// Frames after the echo went astray for which nothing is believed, unless much of it is removed again before: a second.
const LONGEST_ASTRAY: u32 = 31;
/// Frames that are not believed from when much is removed again: half a second.
const UNLEARNING: u32 = 16;
/// Blocks that the adaptive filter spans: 80 ms of the room. AEC3's own 52 leave more of a room's echo to the suppressor.
const FILTER_BLOCKS: usize = 20;

/// The echo canceller of one microphone and one speaker.
pub struct EchoCanceller {
    processor: BlockProcessor,
    high_pass: CascadedBiQuadFilter,
    delay: DelayFinder,
    bands: Bands,
    played: Block,
    heard: Block,
    linear: Block,
    /// The last block of the frame before: AEC3's full output lies one block late, and so does what bypasses it.
    carried: [f32; BLOCK],
    /// Frames for which nothing is believed, because the echo sounded at another moment than it should.
    astray: u32,
    /// Where the next frame should begin.
    expected: Option<SampleIndex>,
}

/// A frame without echo.
#[derive(Clone, Debug)]
pub struct Cancelled {
    /// For the recogniser. Its samples lie 4 ms later than the microphone's.
    pub full: AudioFrame,
    /// To look for a voice in.
    pub linear: [f32; FRAME_SAMPLES],
    /// What is known about the echo; none where the speaker is silent, and was for as long as a room answers. Both outputs
    /// are then the microphone's.
    pub echo: Option<EchoLevels>,
}

impl EchoCanceller {
    /// A canceller that knows nothing of the room yet.
    #[must_use]
    pub fn new() -> Self {
        let mut config = EchoCanceller3Config::default();
        config.delay.use_external_delay_estimator = true;
        config.filter.main.length_blocks = FILTER_BLOCKS;
        config.filter.shadow.length_blocks = FILTER_BLOCKS;
        config.filter.export_linear_aec_output = true;
        let mut processor = BlockProcessor::new(config, LISTENING_RATE.0 as i32, 1, 1);
        processor.set_audio_buffer_delay(0);
        EchoCanceller {
            processor,
            high_pass: CascadedBiQuadFilter::with_coefficients(HIGH_PASS, 1),
            delay: DelayFinder::new(),
            bands: Bands::new(),
            played: Block::new(1, 1),
            heard: Block::new(1, 1),
            linear: Block::new(1, 1),
            carried: [0.0; BLOCK],
            astray: 0,
            expected: None,
        }
    }

    /// Takes the echo out of the next frame. `reference` holds what the speaker was given until now.
    pub fn cancel(&mut self, frame: &AudioFrame, reference: &Reference) -> Cancelled {
        if self.expected.is_some_and(|expected| expected != frame.at) {
            self.delay.forget();
            self.carried.fill(0.0);
        }
        self.expected = Some(frame.end());
        let clipped = frame.samples.iter().any(|sample| sample.abs() > CLIPPED);
        let mut samples = frame.samples.map(|sample| if sample.is_finite() { sample } else { 0.0 });
        self.high_pass.process_in_place(&mut samples);
        if !self.may_echo(frame, reference) {
            return self.bypass(frame.at, samples, None);
        }
        let end = frame.end().0 as i64;
        self.delay.push(&samples, end, reference);
        let microphone = power(&samples);
        let Some(offset) = self.delay.offset(end, reference) else {
            let levels = EchoLevels {
                microphone,
                linear: microphone,
                full: microphone,
                reference: 0.0,
                linear_bands: self.bands.powers(&samples),
                reference_bands: [0.0; ECHO_BANDS.len()],
                aligned: false,
            };
            return self.bypass(frame.at, samples, Some(levels));
        };
        let mut played = [0.0; FRAME_SAMPLES];
        reference.interpolate(frame.at.0 as f64 + offset + HEADROOM, &mut played);
        let mut full = samples;
        let mut linear = [0.0; FRAME_SAMPLES];
        self.process(&played, &mut full, &mut linear, clipped);
        self.carried.copy_from_slice(&samples[FRAME_SAMPLES - BLOCK..]);
        let left = power(&linear);
        // More than came in can only be echo that is awaited and is not there, and is told from a person by that; where much
        // is left, the echo may sound at another moment than it should.
        let much = left > microphone * MUCH;
        let jump = if much { self.delay.jump(end, reference) } else { Jump::No };
        self.astray = match jump {
            Jump::Certain => LONGEST_ASTRAY,
            _ if left > (microphone * ADDED).max(AUDIBLE) => LONGEST_ASTRAY,
            Jump::Likely => self.astray.max(1),
            Jump::No if much => self.astray.saturating_sub(1),
            // What the filter has learnt meanwhile it must first unlearn.
            Jump::No => self.astray.min(UNLEARNING).saturating_sub(1),
        };
        let levels = EchoLevels {
            microphone,
            linear: left,
            full: power(&full),
            reference: power(&played),
            linear_bands: self.bands.powers(&linear),
            reference_bands: self.bands.powers(&played),
            aligned: self.astray == 0,
        };
        Cancelled { full: AudioFrame { at: frame.at, samples: full }, linear, echo: Some(levels) }
    }

    /// How far the echo lies behind what the speaker was given most recently, if it is known.
    #[must_use]
    pub fn delay(&self, reference: &Reference) -> Option<Duration> {
        let end = self.expected?.0 as i64;
        let samples = (reference.end() - end) as f64 - self.delay.offset(end, reference)?;
        Some(Duration::from_secs_f64(samples.max(0.0) / f64::from(LISTENING_RATE.0)))
    }

    /// Whether the frame may hold echo: something sounded within the delay and the room's answer before it.
    fn may_echo(&self, frame: &AudioFrame, reference: &Reference) -> bool {
        let tail = samples_in(TAIL, LISTENING_RATE) as i64;
        let Some(sound_end) = reference.sound_end() else { return false };
        let at = frame.at.0 as i64;
        let begins = match self.delay.offset(at, reference) {
            Some(offset) => at + offset as i64,
            None => reference.end() - samples_in(LONGEST_DELAY, LISTENING_RATE) as i64,
        };
        begins < sound_end + tail
    }

    /// The frame as it is, as late as the full output would be.
    fn bypass(&mut self, at: SampleIndex, samples: [f32; FRAME_SAMPLES], echo: Option<EchoLevels>) -> Cancelled {
        let mut full = [0.0; FRAME_SAMPLES];
        full[..BLOCK].copy_from_slice(&self.carried);
        full[BLOCK..].copy_from_slice(&samples[..FRAME_SAMPLES - BLOCK]);
        self.carried.copy_from_slice(&samples[FRAME_SAMPLES - BLOCK..]);
        Cancelled { full: AudioFrame { at, samples: full }, linear: samples, echo }
    }

    fn process(
        &mut self,
        played: &[f32; FRAME_SAMPLES],
        full: &mut [f32; FRAME_SAMPLES],
        linear: &mut [f32; FRAME_SAMPLES],
        clipped: bool,
    ) {
        let blocks = played.as_chunks::<BLOCK>().0.iter();
        let blocks = blocks.zip(full.as_chunks_mut::<BLOCK>().0).zip(linear.as_chunks_mut::<BLOCK>().0);
        for ((played, full), linear) in blocks {
            *self.played.view_mut(0, 0) = played.map(|sample| sample * SCALE);
            *self.heard.view_mut(0, 0) = full.map(|sample| sample * SCALE);
            self.processor.buffer_render(&self.played);
            self.processor.process_capture(false, clipped, Some(&mut self.linear), &mut self.heard);
            *full = self.heard.view(0, 0).map(|sample| sample / SCALE);
            *linear = self.linear.view(0, 0).map(|sample| sample / SCALE);
        }
    }
}

impl Default for EchoCanceller {
    fn default() -> Self {
        EchoCanceller::new()
    }
}

impl fmt::Debug for EchoCanceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EchoCanceller").finish_non_exhaustive()
    }
}

/// AEC3's own high-pass filter for 16 kHz: rumble and a constant offset would only disturb the adaptive filter.
const HIGH_PASS: BiQuadCoefficients = BiQuadCoefficients { b: [0.97261, -1.94523, 0.97261], a: [-1.94448, 0.94598] };

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32
}
