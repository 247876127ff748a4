//! How long to wait at a pause before the turn counts as over, from everything that is known about the pause. The only
//! place that weighs one kind of evidence against another; `docs/endpointing.md` says how its figures were chosen.
//!
//! The sound gives the odds that the person has finished, and the wait falls as they rise. Words that plainly go on, and
//! words that are a whole command, settle it; other words only shift it. No wait is longer than the fallback.

use std::time::Duration;

use super::{EndedBy, TurnSettings};
use crate::audio::Fade;

/// The log-odds of an end are the sum of what follows: Smart Turn's own log-odds times this,
const SMART_TURN: f32 = 0.276;
/// the log-odds of the voice in the last frame of speech times this,
const LAST_ACTIVITY: f32 = 0.620;
/// the logarithm of the mean voice activity after it times this: what has ended is gone at once, and what goes on is still
/// there as breath, hum or the shape of the next sound,
const ACTIVITY_AFTER: f32 = -1.589;
/// this, because more pauses are inside a turn than at its end where all else is equal,
const PRIOR: f32 = -4.481;
/// and this where the text reads finished: a pause is then about twice as likely to be the end.
const READS_FINISHED: f32 = 0.7;

/// Added to a voice activity before its logarithm is taken. What lies below is the detector's own noise.
const LEAST_ACTIVITY: f32 = 0.01;
/// What is taken off the ends of a voice activity of speech, and of Smart Turn's probability, before their log-odds are.
const ACTIVITY_MARGIN: f32 = 0.005;
const PROBABILITY_MARGIN: f32 = 0.001;

/// The log-odds at which the wait is half-way between the least and the longest.
const SURE: f32 = 0.7;
/// By how much they must rise for the wait to fall from three quarters of the way to half.
const SOFTNESS: f32 = 0.06;
/// The least wait after the end of speech. In the first quarter of a second more people go on than at any time after.
const LEAST_WAIT: Duration = Duration::from_millis(280);
/// The longest wait behind a text that reads finished, as a share of the fallback: only the voice says that more may come.
const FINISHED_SHARE: f32 = 0.6;

/// What Smart Turn is taken to have said where it failed: what it says of a pause that is nothing special.
const WITHOUT_SMART_TURN: f32 = 0.1;

/// What is known about a pause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evidence {
    pub(super) score: Score,
    pub(super) fade: Fade,
    /// Whether what was said reads finished; nothing where it is not known what was said.
    pub(super) reads_finished: Option<bool>,
    /// Whether what was said is a whole command.
    pub(super) command: bool,
}

/// Smart Turn's judgement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Score {
    /// The voice has only just fallen silent, which is no pause yet.
    Unasked,
    Awaited,
    /// The probability that the person has finished.
    Given(f32),
    Failed,
}

/// How long after the end of speech the turn is over, and what will have ended it.
pub(super) fn wait(evidence: &Evidence, settings: &TurnSettings) -> (Duration, EndedBy) {
    let fallback = (settings.fallback, EndedBy::Silence);
    let probability = match evidence.score {
        Score::Unasked => return fallback,
        // The grammar has found a place for every word, so nothing is missing.
        _ if evidence.command => return (Duration::ZERO, EndedBy::Intent),
        _ if evidence.reads_finished == Some(false) => return fallback,
        Score::Awaited => return fallback,
        Score::Given(probability) => probability,
        Score::Failed => WITHOUT_SMART_TURN,
    };
    let smart_turn =
        log_odds(probability, PROBABILITY_MARGIN) - log_odds(settings.complete_threshold, PROBABILITY_MARGIN);
    let voice = LAST_ACTIVITY * log_odds(evidence.fade.last, ACTIVITY_MARGIN)
        + ACTIVITY_AFTER * (evidence.fade.after.max(0.0) + LEAST_ACTIVITY).ln();
    let finished = evidence.reads_finished == Some(true);
    let text = if finished { READS_FINISHED } else { 0.0 };
    let end = SMART_TURN * smart_turn + voice + text + PRIOR;

    let unsure = 1.0 / (1.0 + ((end - SURE) / SOFTNESS).exp());
    let longest = settings.fallback.mul_f32(if finished { FINISHED_SHARE } else { 1.0 });
    let wait = LEAST_WAIT.min(longest) + longest.saturating_sub(LEAST_WAIT).mul_f32(unsure);
    // Speech is known to begin and end to a frame of 32 ms; a finer wait says nothing.
    let wait = Duration::from_millis((wait.as_secs_f32() * 100.0).round() as u64 * 10).min(settings.fallback);
    (wait, if unsure < 0.5 { EndedBy::SmartTurn } else { EndedBy::Silence })
}

/// The log-odds of `probability`, 0.0..=1.0, which is kept by `margin` from being certain. Of no number, those of 0.
fn log_odds(probability: f32, margin: f32) -> f32 {
    let probability = if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) };
    ((probability + margin) / (1.0 - probability + margin)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FADED: Fade = Fade { last: 0.6, after: 0.04 };

    fn ms(score: Score, fade: Fade, reads_finished: Option<bool>, command: bool) -> u128 {
        wait(&Evidence { score, fade, reads_finished, command }, &TurnSettings::default()).0.as_millis()
    }

    #[test]
    fn the_wait_falls_as_the_evidence_of_an_end_grows() {
        let by_score = [0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.9, 1.0].map(|p| ms(Score::Given(p), FADED, None, false));
        assert!(by_score.is_sorted_by(|a, b| a >= b), "{by_score:?}");
        assert_eq!((by_score[0], by_score[7]), (1500, 280));
        let after = [0.3, 0.1, 0.06, 0.05, 0.04, 0.02, 0.0];
        let by_silence = after.map(|after| ms(Score::Given(0.5), Fade { last: 0.6, after }, None, false));
        assert!(by_silence.is_sorted_by(|a, b| a >= b) && by_silence[0] > by_silence[6], "{by_silence:?}");
    }

    #[test]
    fn words_settle_it_or_shift_it() {
        let sure = |text, command| ms(Score::Given(0.99), FADED, text, command);
        let unsure = |text, command| ms(Score::Given(0.05), FADED, text, command);
        assert_eq!((sure(Some(false), true), unsure(None, true)), (0, 0));
        assert_eq!((sure(Some(false), false), unsure(Some(false), false)), (1500, 1500));
        assert!(unsure(Some(true), false) < 1000, "{}", unsure(Some(true), false));
        assert!(sure(Some(true), false) <= sure(None, false));
    }

    #[test]
    fn it_waits_for_smart_turn_and_does_without_it() {
        assert_eq!(ms(Score::Awaited, FADED, Some(true), false), 1500);
        assert_eq!(ms(Score::Failed, FADED, None, false), ms(Score::Given(0.1), FADED, None, false));
    }

    #[test]
    fn no_figure_makes_it_wait_for_ever() {
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 0.0, 2.0];
        for p in odd {
            for last in odd {
                for after in odd {
                    let wait = ms(Score::Given(p), Fade { last, after }, None, false);
                    assert!((280..=1500).contains(&wait), "{wait} ms for {p} {last} {after}");
                }
            }
        }
    }
}
