//! Which of several Pipits in a house answers, when more than one of them was called. Each says how loud it heard that, and all
//! come to the same conclusion without asking anybody: of those who were called at the same time the loudest, otherwise the first.
//!
//! How a claim gets to the others is no affair of this module. One that never gets there costs a second answer, and no answer is
//! ever lost for it.

use std::time::Duration;

use crate::time::Moment;

/// Claims this close together are about the same call. So long an answer is held back where others may have been called.
pub(super) const SAME_CALL: Duration = Duration::from_millis(300);

/// A claim that came this long ago may be about the same call, heard by a recogniser that was faster.
const RECENT: Duration = Duration::from_secs(3);

/// More than this many others are not remembered at once: of so many, some are no Pipits.
const MOST_RIVALS: usize = 32;

/// What another Pipit says of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RivalClaim {
    /// How loud it heard it, in dB below the loudest that there is.
    pub loudness_db: f32,
    /// Whether it goes first where both heard it equally loud. Of two, exactly one does.
    pub goes_first: bool,
}

/// What one Pipit knows of who was called.
#[derive(Debug, Default)]
pub struct Contest {
    /// The own claim that stands, and how loud the call was.
    own: Option<(Moment, f32)>,
    rivals: Vec<(Moment, RivalClaim)>,
}

impl Contest {
    /// Claims a call that was heard so loud, in dB below the loudest that there is. False if it is another's.
    pub fn claim(&mut self, now: Moment, loudness_db: f32) -> bool {
        self.own = Some((now, loudness_db));
        self.rivals.retain(|(at, _)| now.saturating_since(*at) <= RECENT);
        let lost =
            self.rivals.iter().any(|(at, rival)| now.saturating_since(*at) > SAME_CALL || rival.beats(loudness_db));
        if lost {
            self.own = None;
        }
        !lost
    }

    /// Takes in another's claim. False if the call that was claimed before is the other's.
    pub fn rival(&mut self, now: Moment, rival: RivalClaim) -> bool {
        if self.rivals.len() == MOST_RIVALS {
            self.rivals.remove(0);
        }
        self.rivals.push((now, rival));
        let Some((at, loudness_db)) = self.own else { return true };
        let stands = now.saturating_since(at) > SAME_CALL || !rival.beats(loudness_db);
        if !stands {
            self.own = None;
        }
        stands
    }
}

impl RivalClaim {
    fn beats(&self, loudness_db: f32) -> bool {
        self.loudness_db > loudness_db || (self.loudness_db == loudness_db && self.goes_first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::START + Duration::from_millis(ms)
    }

    /// Who answers of Pipits that claim a call so many milliseconds after it and so loud, where a claim takes 20 ms to arrive.
    fn winners(claims: &[(u64, f32)]) -> Vec<usize> {
        // A claim is told to the others whatever comes of it.
        let mut told = vec![false; claims.len()];
        let mut pipits: Vec<(Contest, bool)> = claims.iter().map(|_| (Contest::default(), false)).collect();
        for now in 0..4000 {
            for (of, (claimed, loudness_db)) in claims.iter().enumerate() {
                let arrives = claimed + 20 == now && told[of];
                for (to, (contest, answers)) in pipits.iter_mut().enumerate().filter(|(to, _)| arrives && *to != of) {
                    *answers &= contest.rival(at(now), RivalClaim { loudness_db: *loudness_db, goes_first: of < to });
                }
            }
            for (pipit, (claimed, loudness_db)) in claims.iter().enumerate().filter(|(_, claim)| claim.0 == now) {
                pipits[pipit].1 = pipits[pipit].0.claim(at(*claimed), *loudness_db);
                told[pipit] = true;
            }
        }
        (0..claims.len()).filter(|pipit| pipits[*pipit].1).collect()
    }

    #[test]
    fn the_loudest_answers_and_of_equals_one() {
        assert_eq!(winners(&[(0, -30.0), (100, -20.0)]), [1]);
        assert_eq!(winners(&[(0, -20.0), (100, -30.0)]), [0]);
        assert_eq!(winners(&[(0, -20.0), (0, -20.0), (0, -20.0)]), [0]);
        assert_eq!(winners(&[(5, -40.0)]), [0]);
    }

    #[test]
    fn who_hears_it_much_later_finds_it_taken() {
        assert_eq!(winners(&[(0, -40.0), (900, -10.0)]), [0]);
    }

    #[test]
    fn a_call_is_not_an_earlier_one() {
        let mut contest = Contest::default();
        assert!(contest.rival(at(0), RivalClaim { loudness_db: -10.0, goes_first: true }));
        assert!(contest.claim(at(5000), -50.0));
        assert!(contest.rival(at(5400), RivalClaim { loudness_db: -10.0, goes_first: true }), "the answer has begun");
    }

    #[test]
    fn a_flood_of_claims_is_not_kept() {
        let mut contest = Contest::default();
        for ms in 0..1000 {
            contest.rival(at(ms), RivalClaim { loudness_db: -90.0, goes_first: false });
        }
        assert_eq!(contest.rivals.len(), MOST_RIVALS);
    }
}
