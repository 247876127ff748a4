//! Whether a voice that is noticed while the speaker sounds is a person, or what is left of Pipit's own.
//!
//! What the adaptive filter leaves of an echo follows what was played: band by band, so many decibels below it, dying away
//! as the room does. The guard learns that distance from the last seconds, and believes in a person where a frame holds
//! clearly more than it explains.

use std::collections::VecDeque;

use super::stir::Stir;

/// The bands, in Hz, in which echo and voice are compared: a voice fills some that the echo leaves free at that moment.
pub const ECHO_BANDS: [(u16, u16); 8] =
    [(125, 300), (300, 500), (500, 800), (800, 1_200), (1_200, 1_800), (1_800, 2_600), (2_600, 3_800), (3_800, 6_000)];

const BANDS: usize = ECHO_BANDS.len();

/// How fast a room's echo of a sound is taken to die away, in dB a frame: 60 dB in 0.64 s. An emptier room only makes the
/// guard more careful after a loud sound.
const DECAY_DB: f32 = 3.0;
/// Frames from which the distance between what is played and what is left of it is learnt: 3 s.
const LEARNT_FROM: usize = 94;
/// With fewer nothing is known.
const LEAST: usize = 8;
/// The residual echo is louder than this share of what was learnt only in the rest.
const QUANTILE: f32 = 0.7;
/// A band in which there is less, in dB of full scale, proves nothing.
const FLOOR_DB: f32 = -65.0;
/// No band counts for less or more, in dB, so that none decides alone.
const EXCESS_DB: (f32, f32) = (-6.0, 15.0);
/// Mean excess over the residual echo, in dB, at which a voice is a person's.
const PERSON_DB: f32 = 5.0;
/// Mean excess at which one goes on to be.
const STILL_PERSON_DB: f32 = 0.0;
/// Mean excess at which a frame holds something that is no residual echo, whoever it is: the first sound of a word is too
/// short or too soft to tell.
const MORE_DB: f32 = 2.0;
/// Mean excess of the bands that have any at which whatever it is might be the beginning of speech, which fills only some of
/// them. Residual echo has as much once in two or three minutes.
const STIR_DB: f32 = 3.5;
/// Voice activity at which there may be a voice at all.
const VOICE: f32 = 0.5;
/// Frames after the delay of the echo was found for which the canceller still works with what it heard before: 190 ms.
const SETTLING: u32 = 6;

/// What is known about the echo in a frame. Levels are mean squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EchoLevels {
    /// As the microphone heard it.
    pub microphone: f32,
    /// After the adaptive filter.
    pub linear: f32,
    /// After the suppressor too.
    pub full: f32,
    /// Of what the speaker played.
    pub reference: f32,
    /// After the adaptive filter, in each of [`ECHO_BANDS`].
    pub linear_bands: [f32; BANDS],
    /// Of what the speaker played, in each of them.
    pub reference_bands: [f32; BANDS],
    /// Whether the delay of the echo is known, so that anything could be cancelled.
    pub aligned: bool,
}

/// Tells a person from residual echo. It judges consecutive frames in which the speaker sounds.
#[derive(Debug)]
pub struct EchoGuard {
    /// What of the played sound the room still answers, band by band, in dB.
    played: [f32; BANDS],
    /// How far below it the residual echo was in the last frames without a person, in dB.
    distances: VecDeque<[f32; BANDS]>,
    /// Frames since the echo's delay was found.
    aligned: u32,
    /// Whether the last frame was a person's.
    person: bool,
    /// Whether it held more than residual echo.
    more: bool,
    stir: Stir,
    /// Whether it held the beginning of something that may be speech.
    stirred: bool,
}

impl Default for EchoGuard {
    fn default() -> Self {
        EchoGuard {
            played: [decibels(0.0); BANDS],
            distances: VecDeque::with_capacity(LEARNT_FROM),
            aligned: 0,
            person: false,
            more: false,
            stir: Stir::default(),
            stirred: false,
        }
    }
}

impl EchoGuard {
    /// The voice activity of a frame, as far as it is a person's: `voice_activity`, which was judged after the adaptive
    /// filter, or 0.
    pub fn judge(&mut self, levels: &EchoLevels, voice_activity: f32) -> f32 {
        for (played, now) in self.played.iter_mut().zip(levels.reference_bands) {
            *played = (*played - DECAY_DB).max(decibels(now));
        }
        if !levels.aligned {
            (self.aligned, self.person, self.more, self.stirred) = (0, false, false, false);
            return 0.0;
        }
        self.aligned = self.aligned.saturating_add(1);
        let heard = levels.linear_bands.map(decibels);
        let wanted = if self.person { STILL_PERSON_DB } else { PERSON_DB };
        let excess = self.excess(&heard);
        let settled = self.aligned > SETTLING;
        let exceeds = |least: f32, db: f32| excess.is_some_and(|excess| mean(&excess, least) > db);
        let stirs = settled && exceeds(0.0, STIR_DB);
        self.more = settled && exceeds(EXCESS_DB.0, MORE_DB);
        let enough = exceeds(EXCESS_DB.0, wanted);
        self.person = enough && (self.person || voice_activity >= VOICE);
        if !self.person {
            self.learn(&heard);
        }
        let person = self.person && settled;
        self.stirred = self.stir.judge(stirs, person);
        if person { voice_activity } else { 0.0 }
    }

    /// Whether the last frame held more than residual echo. The suppressor, which cannot tell, would take most of a word
    /// away that begins while the speaker sounds, so what was said is rather to be found after the adaptive filter.
    #[must_use]
    pub fn heard_more(&self) -> bool {
        self.more
    }

    /// Whether the last frame was the first in which something sounded that may turn out to be speech.
    #[must_use]
    pub fn stirred(&self) -> bool {
        self.stirred
    }

    /// By how much the frame exceeds the residual echo to be expected, in dB, band by band.
    fn excess(&self, heard: &[f32; BANDS]) -> Option<[f32; BANDS]> {
        if self.distances.len() < LEAST {
            return None;
        }
        Some(std::array::from_fn(|band| {
            let mut distances: Vec<f32> = self.distances.iter().map(|distances| distances[band]).collect();
            let nth = ((distances.len() as f32 * QUANTILE) as usize).min(distances.len() - 1);
            let (_, distance, _) = distances.select_nth_unstable_by(nth, f32::total_cmp);
            let residual = (self.played[band] + *distance).max(FLOOR_DB);
            heard[band] - residual
        }))
    }

    fn learn(&mut self, heard: &[f32; BANDS]) {
        if self.distances.len() == LEARNT_FROM {
            self.distances.pop_front();
        }
        self.distances.push_back(std::array::from_fn(|band| heard[band] - self.played[band]));
    }
}

/// The mean over the bands, none of which counts for less than `least`.
fn mean(excess: &[f32; BANDS], least: f32) -> f32 {
    excess.iter().map(|db| db.clamp(least, EXCESS_DB.1)).sum::<f32>() / BANDS as f32
}

/// A mean square in dB of full scale, no less than -90.
fn decibels(power: f32) -> f32 {
    10.0 * (if power.is_finite() { power } else { 1.0 }).max(1e-9).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame: what is played and what is left after the filter in each band, in dB.
    fn levels(played: f32, left: f32) -> EchoLevels {
        let power = |db: f32| 10_f32.powf(db / 10.0);
        EchoLevels {
            microphone: power(played),
            linear: power(left),
            full: power(left),
            reference: power(played),
            linear_bands: [power(left); BANDS],
            reference_bands: [power(played); BANDS],
            aligned: true,
        }
    }

    /// A guard that has heard two seconds of echo, 20 dB below what was played.
    fn taught() -> EchoGuard {
        let mut guard = EchoGuard::default();
        for _ in 0..62 {
            assert_eq!(guard.judge(&levels(-30.0, -50.0), 0.9), 0.0);
        }
        guard
    }

    #[test]
    fn residual_echo_is_no_person_however_much_it_sounds_like_one() {
        let mut guard = taught();
        for played in [-20.0, -40.0, -25.0, -50.0, -30.0] {
            assert_eq!(guard.judge(&levels(played, played - 20.0), 1.0), 0.0, "at {played} dB");
            assert!(!guard.stirred(), "at {played} dB");
        }
    }

    #[test]
    fn a_voice_above_the_residual_echo_is_a_person_at_once_and_as_long_as_it_speaks() {
        let mut guard = taught();
        assert_eq!(guard.judge(&levels(-30.0, -38.0), 0.7), 0.7);
        for _ in 0..100 {
            assert_eq!(guard.judge(&levels(-30.0, -46.0), 0.6), 0.6, "a weaker sound of the same voice");
        }
        assert_eq!(guard.judge(&levels(-30.0, -52.0), 0.9), 0.0, "which has ended");
    }

    #[test]
    fn a_sound_that_is_no_voice_is_no_person_but_more_than_echo() {
        let mut guard = taught();
        assert!(!guard.heard_more());
        assert_eq!(guard.judge(&levels(-30.0, -38.0), 0.2), 0.0);
        assert!(guard.heard_more(), "as the first sound of \"stop\" is");
        guard.judge(&levels(-30.0, -51.0), 0.2);
        assert!(!guard.heard_more());
    }

    #[test]
    fn a_hiss_in_the_upper_bands_stirs_before_anybody_can_tell_what_it_is() {
        let mut guard = taught();
        let mut hiss = levels(-30.0, -50.0);
        hiss.linear_bands[6..].fill(10_f32.powf(-3.3));
        assert_eq!(guard.judge(&hiss, 0.1), 0.0);
        assert!(guard.stirred(), "as \"stop\" begins");
        guard.judge(&hiss, 0.1);
        assert!(!guard.stirred(), "which is told once");
    }

    #[test]
    fn what_the_room_still_answers_after_a_loud_sound_is_no_person() {
        let mut guard = taught();
        guard.judge(&levels(-20.0, -40.0), 1.0);
        for frame in 1_u8..8 {
            let left = -40.0 - 2.9 * f32::from(frame);
            assert_eq!(guard.judge(&levels(-90.0, left), 1.0), 0.0, "{frame} frames after it");
        }
    }

    #[test]
    fn nobody_is_believed_before_the_delay_is_known_and_just_after_it_was_found() {
        let mut guard = taught();
        let unknown = EchoLevels { aligned: false, ..levels(-30.0, -20.0) };
        assert_eq!(guard.judge(&unknown, 1.0), 0.0);
        for _ in 0..SETTLING {
            assert_eq!(guard.judge(&levels(-30.0, -20.0), 1.0), 0.0);
        }
        assert_eq!(guard.judge(&levels(-30.0, -20.0), 1.0), 1.0);
    }

    #[test]
    fn a_canceller_that_has_just_begun_is_not_trusted() {
        let mut guard = EchoGuard::default();
        for left in [-30.0, -31.0, -32.0, -34.0, -36.0, -38.0, -40.0, -41.0, -42.0, -43.0, -44.0] {
            assert_eq!(guard.judge(&levels(-30.0, left), 1.0), 0.0, "{left} dB are left");
        }
    }

    #[test]
    fn no_level_upsets_it_for_good() {
        let mut guard = taught();
        let odd =
            EchoLevels { linear_bands: [f32::NAN; BANDS], reference_bands: [f32::INFINITY; BANDS], ..levels(0.0, 0.0) };
        guard.judge(&odd, f32::NAN);
        for _ in 0..LEARNT_FROM {
            guard.judge(&levels(-30.0, -50.0), 0.9);
        }
        assert_eq!(guard.judge(&levels(-30.0, -38.0), 0.7), 0.7);
    }
}
