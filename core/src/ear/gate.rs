//! Which frames are worth a model's time: in a room where nothing changes, none.
//!
//! A frame is let through when it is louder than the room has been of late, with the frames before it, so that the
//! model hears how it began. What the model makes of them is no affair of the gate.

use std::collections::VecDeque;

use crate::audio::{AudioFrame, FRAME_SAMPLES};

/// How much more power than the room's own makes a frame worth judging: 2 dB. Noise of the room varies by less over
/// 32 ms, and speech at half of its power is found.
const RISE: f32 = 1.58;
/// How fast the room is believed to have become louder: 2.7 dB a second. That it has become quieter is believed at once.
const DRIFT: f32 = 1.02;
/// Power below which nothing can be understood: -90 dB of full scale, just above what rounding to 16 bits leaves.
const INAUDIBLE: f32 = 1e-9;
/// Frames that are judged from before the one that opened the gate: half a second, in which the model's state settles.
const LOOK_BACK: usize = 16;
/// Frames that are judged after the last that was louder than the room: a second.
const HOLD: u32 = 31;

/// A gate for the frames of one microphone.
#[derive(Debug)]
pub struct EnergyGate {
    /// The power of the room's own noise: of the sound, and of its slope, in which rumble and hum don't count.
    floor: Option<[f32; 2]>,
    /// Frames for which the gate stays open.
    open: u32,
    /// The newest frames, not let through.
    held: VecDeque<AudioFrame>,
}

/// A frame that comes out of the gate, in the order in which they went in.
#[derive(Clone, Debug, PartialEq)]
pub enum Gated {
    /// Nothing but the room's own noise.
    Quiet(AudioFrame),
    /// To be judged.
    Judge {
        /// The frame.
        frame: AudioFrame,
        /// Whether frames before it were not judged, so that a model with a memory begins afresh.
        first: bool,
    },
}

impl Default for EnergyGate {
    fn default() -> Self {
        EnergyGate { floor: None, open: HOLD, held: VecDeque::with_capacity(LOOK_BACK + 1) }
    }
}

impl EnergyGate {
    /// Takes the next frame, and gives those about which something is known now. While `speech` is going on the gate
    /// stays open.
    pub fn push(&mut self, frame: AudioFrame, speech: bool) -> impl Iterator<Item = Gated> + use<> {
        let was_closed = self.open == 0;
        if self.is_louder(&frame) || speech {
            self.open = HOLD;
        } else {
            self.open = self.open.saturating_sub(1);
        }
        self.held.push_back(frame);
        let open = self.open > 0;
        let ready = if open { self.held.len() } else { self.held.len().saturating_sub(LOOK_BACK) };
        let ready: Vec<AudioFrame> = self.held.drain(..ready).collect();
        ready.into_iter().enumerate().map(move |(nth, frame)| match open {
            true => Gated::Judge { frame, first: was_closed && nth == 0 },
            false => Gated::Quiet(frame),
        })
    }

    /// Gives up the frames that are held, none of which was worth judging, because the next one goes another way.
    pub fn release(&mut self) -> impl Iterator<Item = AudioFrame> + use<> {
        std::mem::take(&mut self.held).into_iter()
    }

    /// Begins afresh: what follows is another sound. Held frames are dropped.
    pub fn forget(&mut self) {
        *self = EnergyGate::default();
    }

    fn is_louder(&mut self, frame: &AudioFrame) -> bool {
        let power = power(&frame.samples);
        let floor = self.floor.get_or_insert(power);
        let mut louder = false;
        for (floor, power) in floor.iter_mut().zip(power) {
            louder |= power > *floor * RISE;
            *floor = (*floor * DRIFT).min(power).max(INAUDIBLE);
        }
        louder
    }
}

/// Mean square of the samples, and of the differences between them. A sample that is not a number counts as none.
fn power(samples: &[f32; FRAME_SAMPLES]) -> [f32; 2] {
    let mean = |sum: f32| if sum.is_finite() { sum / FRAME_SAMPLES as f32 } else { f32::MAX };
    let slope = samples.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    [mean(samples.iter().map(|sample| sample * sample).sum()), mean(slope)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::SampleIndex;

    /// Noise of the given amplitude, the same each time.
    fn noise(frames: usize, amplitude: f32) -> Vec<[f32; FRAME_SAMPLES]> {
        let mut seed = 7_u32;
        let mut sample = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..frames).map(|_| std::array::from_fn(|_| sample() * amplitude)).collect()
    }

    /// What comes out of the gate, as one letter a frame: `.` quiet, `J` to be judged first after a gap, `j` to be judged.
    fn pass(frames: &[[f32; FRAME_SAMPLES]]) -> String {
        let mut gate = EnergyGate::default();
        let mut said = String::new();
        for (number, samples) in frames.iter().enumerate() {
            let frame = AudioFrame { at: SampleIndex((number * FRAME_SAMPLES) as u64), samples: *samples };
            for gated in gate.push(frame, false) {
                let (frame, letter) = match gated {
                    Gated::Quiet(frame) => (frame, '.'),
                    Gated::Judge { frame, first: true } => (frame, 'J'),
                    Gated::Judge { frame, first: false } => (frame, 'j'),
                };
                assert_eq!(frame.at.0 as usize, said.len() * FRAME_SAMPLES, "every frame comes out once, in order");
                said.push(letter);
            }
        }
        said
    }

    #[test]
    fn noise_of_the_room_is_not_judged_once_it_is_known() {
        for amplitude in [0.0, 1e-4, 0.01, 0.5] {
            let said = pass(&noise(500, amplitude));
            assert_eq!(said.matches(['j', 'J']).count(), 30, "at {amplitude}: {said}");
        }
    }

    #[test]
    fn a_sound_as_loud_as_the_room_is_judged_from_half_a_second_before_it() {
        let mut frames = noise(200, 0.01);
        for frame in &mut frames[100..110] {
            for (n, sample) in frame.iter_mut().enumerate() {
                *sample += 0.008 * (n as f32 * 0.2).sin();
            }
        }
        let said = pass(&frames);
        assert_eq!(said.find('J'), Some(100 + 1 - 1 - LOOK_BACK), "{said}");
        assert_eq!(said.matches(['j', 'J']).count(), 30 + LOOK_BACK + 10 + 30, "and for a second after it: {said}");
    }

    #[test]
    fn a_fan_that_starts_becomes_part_of_the_room() {
        let mut frames = noise(100, 0.001);
        frames.extend(noise(1_000, 0.01));
        let said = pass(&frames);
        assert!(said[..100].contains('.') && said[150..200].chars().all(|c| c == 'j'), "{said}");
        assert!(said.ends_with('.'), "{said}");
    }

    #[test]
    fn no_sample_upsets_it_for_good() {
        let mut frames = noise(50, 0.01);
        frames[40][3] = f32::NAN;
        frames[41][3] = f32::INFINITY;
        frames.extend(noise(100, 0.01));
        assert!(pass(&frames).ends_with('.'));
    }
}
