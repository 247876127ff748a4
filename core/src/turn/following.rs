//! When the recogniser listens ahead to an utterance that goes on: never for more than a third of the time, so that a board which
//! does much else still does it.
//!
//! What it hears there is no affair of this module, but for whether it has been told already.

use std::time::Duration;

use super::DraftId;
use crate::time::Moment;

/// Less than this holds hardly a word that the next one can't change.
const LEAST_SAID: Duration = Duration::from_secs(1);

/// The shortest rest. Words that change more often than this are not read.
const LEAST_REST: Duration = Duration::from_millis(500);

/// It rests so many times as long as it has worked.
const REST: u32 = 2;

/// How far the recogniser is ahead in the utterance that goes on.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// The utterance, by its turn and the last pause in it: another pause ends what is listened to before it.
    of: Option<DraftId>,
    /// How often it was asked, in whatever turn, so that nothing late is taken for something new.
    round: u32,
    /// Since when it is at work.
    asked: Option<Moment>,
    rests_until: Moment,
    /// It can't listen ahead, or something was wrong, which is not tried again in the turn.
    unable: bool,
    /// What was told last in the turn.
    told: String,
}

impl Following {
    /// Gives the number of the round if the recogniser is to be asked now. `said` is how much was said of what it would listen to.
    pub(super) fn ask(&mut self, now: Moment, of: DraftId, said: Duration) -> Option<u32> {
        self.turn_to(of);
        if self.asked.is_some() || self.unable || said < LEAST_SAID || now < self.rests_until {
            return None;
        }
        self.asked = Some(now);
        self.round = self.round.wrapping_add(1);
        Some(self.round)
    }

    /// The recogniser is done with a round, or was not `able` to. False where nobody waits for that any more.
    pub(super) fn done(&mut self, now: Moment, of: DraftId, round: u32, able: bool) -> bool {
        let awaited = self.is_awaited(of) && self.round == round;
        if awaited {
            self.stop(now);
            self.unable = !able;
        }
        awaited
    }

    /// It does something else with what it was listening to, and says no more of this.
    pub(super) fn stop(&mut self, now: Moment) {
        if let Some(asked) = self.asked.take() {
            self.rests_until = now + LEAST_REST.max(now.saturating_since(asked) * REST);
        }
    }

    /// Whether it is at work, or about to be.
    pub(super) fn is_awaited(&self, of: DraftId) -> bool {
        self.of == Some(of) && self.asked.is_some()
    }

    /// Whether these are other words than those told last, and takes them for told.
    pub(super) fn is_news(&mut self, words: &str) -> bool {
        let news = self.told != words;
        if news {
            words.clone_into(&mut self.told);
        }
        news
    }

    fn turn_to(&mut self, of: DraftId) {
        let before = self.of.replace(of);
        if before != Some(of) {
            self.asked = None;
        }
        if before.is_none_or(|before| before.turn != of.turn) {
            self.unable = false;
            self.told.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::TurnId;

    const THIS: DraftId = DraftId { turn: TurnId(1), revision: 0 };
    const AFTER_A_PAUSE: DraftId = DraftId { turn: TurnId(1), revision: 1 };
    const NEXT_TURN: DraftId = DraftId { turn: TurnId(2), revision: 0 };

    fn at(ms: u64) -> Moment {
        Moment::after_start(Duration::from_millis(ms))
    }

    /// Whether it is asked at these milliseconds, with enough said, where each round takes `took`.
    fn asked_at(took: u64, times: &[u64]) -> Vec<u64> {
        let (mut following, mut under_way) = (Following::default(), None);
        let mut asked = Vec::new();
        for time in times {
            if let Some((round, done)) = under_way.take_if(|(_, done)| *done <= *time) {
                assert!(following.done(at(done), THIS, round, true));
            }
            if let Some(round) = following.ask(at(*time), THIS, LEAST_SAID) {
                under_way = Some((round, time + took));
                asked.push(*time);
            }
        }
        asked
    }

    #[test]
    fn it_rests_twice_as_long_as_it_works_and_never_less_than_half_a_second() {
        let every_tenth: Vec<u64> = (1..=60).map(|tenth| tenth * 100).collect();
        for (took, expected) in [
            (0, vec![100, 600, 1100, 1600, 2100, 2600, 3100, 3600, 4100, 4600, 5100, 5600]),
            (100, vec![100, 700, 1300, 1900, 2500, 3100, 3700, 4300, 4900, 5500]),
            (250, vec![100, 900, 1700, 2500, 3300, 4100, 4900, 5700]),
            (500, vec![100, 1600, 3100, 4600]),
            (2_000, vec![100]),
            (9_000, vec![100]),
        ] {
            assert_eq!(asked_at(took, &every_tenth), expected, "each takes {took} ms");
        }
    }

    #[test]
    fn little_that_was_said_is_not_listened_to() {
        let mut following = Following::default();
        assert_eq!(following.ask(at(900), THIS, Duration::from_millis(999)), None);
        assert_eq!(following.ask(at(1000), THIS, LEAST_SAID), Some(1));
    }

    #[test]
    fn what_comes_late_is_not_taken_for_what_is_awaited() {
        let mut following = Following::default();
        let first = following.ask(at(1000), THIS, LEAST_SAID).unwrap();
        following.stop(at(1100));
        assert!(!following.is_awaited(THIS));
        assert!(!following.done(at(1200), THIS, first, true), "a part took its place");
        let second = following.ask(at(2000), THIS, LEAST_SAID).unwrap();
        assert!(!following.done(at(2100), THIS, first, false));
        assert!(following.is_awaited(THIS) && !following.is_awaited(AFTER_A_PAUSE));
        let third = following.ask(at(2200), AFTER_A_PAUSE, LEAST_SAID).unwrap();
        assert!(!following.done(at(2300), AFTER_A_PAUSE, second, true));
        assert!(following.done(at(2300), AFTER_A_PAUSE, third, true));
        assert!(!following.done(at(2300), AFTER_A_PAUSE, third, true), "it is done once");
    }

    #[test]
    fn who_cannot_is_not_asked_again_in_the_turn() {
        let mut following = Following::default();
        let round = following.ask(at(1000), THIS, LEAST_SAID).unwrap();
        assert!(following.done(at(1001), THIS, round, false));
        assert_eq!(following.ask(at(5000), THIS, LEAST_SAID), None);
        assert_eq!(following.ask(at(9000), AFTER_A_PAUSE, LEAST_SAID), None);
        assert!(following.ask(at(9000), NEXT_TURN, LEAST_SAID).is_some());
    }

    #[test]
    fn the_same_words_are_told_once_in_a_turn() {
        let mut following = Following::default();
        following.ask(at(1000), THIS, LEAST_SAID);
        assert!(following.is_news("tell me") && !following.is_news("tell me") && following.is_news("tell me a"));
        following.ask(at(2000), AFTER_A_PAUSE, LEAST_SAID);
        assert!(!following.is_news("tell me a"));
        following.ask(at(3000), NEXT_TURN, LEAST_SAID);
        assert!(following.is_news("tell me a"));
    }
}
