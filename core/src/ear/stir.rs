//! Whether a sound over the speaker's is worth falling silent for before it is known to be speech. In doubt it is, but who
//! falls silent at every clatter of a kitchen is never heard to the end.

/// Frames for which no other sound counts after one that did: 1 s.
const LEAST_REST: u32 = 31;
/// Each that came to nothing doubles the rest, up to so many frames: 32 s.
const MOST_REST: u32 = 32 * LEAST_REST;

/// Judges consecutive frames in which the speaker sounds.
#[derive(Debug)]
pub(super) struct Stir {
    /// Frames for which nothing counts any more.
    rest: u32,
    /// How long the next rest is.
    next: u32,
}

impl Default for Stir {
    fn default() -> Self {
        Stir { rest: 0, next: LEAST_REST }
    }
}

impl Stir {
    /// Whether a frame counts that holds `more` than what is played, and perhaps a `person`.
    pub(super) fn judge(&mut self, more: bool, person: bool) -> bool {
        self.rest = self.rest.saturating_sub(1);
        if person {
            // It came to something after all.
            self.next = LEAST_REST;
        }
        let counts = more && self.rest == 0;
        if counts {
            self.rest = self.next;
            self.next = (self.next * 2).min(MOST_REST);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames that count, of `frames` that all hold more than what is played.
    fn counting(stir: &mut Stir, frames: usize) -> Vec<usize> {
        (0..frames).filter(|_| stir.judge(true, false)).collect()
    }

    #[test]
    fn a_kitchen_is_minded_ever_less_often() {
        let counted = counting(&mut Stir::default(), 10_000);
        assert_eq!(counted[..5], [0, 31, 93, 217, 465]);
        assert!(counted.windows(2).all(|pair| pair[1] - pair[0] <= MOST_REST as usize), "{counted:?}");
        assert!(counted.len() < 16, "{counted:?}");
    }

    #[test]
    fn whoever_spoke_is_minded_again_soon() {
        let mut stir = Stir::default();
        counting(&mut stir, 400);
        stir.judge(true, true);
        while stir.rest > 0 {
            stir.judge(false, false);
        }
        assert_eq!(counting(&mut stir, 40), [0, 31]);
    }
}
