//! How long to wait before the broker is tried again.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(100);
/// The longest while the broker has not been away for long. It is short because a broker that is restarted is missed: lights have
/// to work again within two seconds of its return. One small packet in that time bothers nobody.
const SOON: Duration = Duration::from_millis(1500);
/// How long is not long: a machine's update with a restart.
const A_WHILE: Duration = Duration::from_secs(600);
/// The longest where it has been away for longer, and is rather switched off than restarting.
const LATE: Duration = Duration::from_secs(30);
/// The first and the longest where it was a refusal: brokers count those, and shut out whoever collects too many.
const REFUSED_FIRST: Duration = Duration::from_secs(2);
const REFUSED: Duration = Duration::from_secs(60);

/// The pauses of one outage.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// How many pauses there were.
    tried: u32,
}

impl Backoff {
    /// Begins again.
    pub(super) fn reset(&mut self) {
        self.tried = 0;
    }

    /// The next pause, when the broker has been away for `away`. `chance` is from 0 to 1: all of a house's devices lose the broker
    /// at once, and should not all come back at once.
    pub(super) fn next(&mut self, is_refusal: bool, away: Duration, chance: f64) -> Duration {
        let (first, longest) = match (is_refusal, away > A_WHILE) {
            (true, _) => (REFUSED_FIRST, REFUSED),
            (false, true) => (FIRST, LATE),
            (false, false) => (FIRST, SOON),
        };
        let pause = first.saturating_mul(1 << self.tried.min(10)).min(longest);
        self.tried = self.tried.saturating_add(1);
        pause.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses with the least and with the most chance, in milliseconds.
    fn pauses(is_refusal: bool, away: Duration, chance: f64) -> Vec<u128> {
        let mut backoff = Backoff::default();
        (0..12).map(|_| backoff.next(is_refusal, away, chance).as_millis()).collect()
    }

    #[test]
    fn the_broker_is_tried_again_soon_then_less_often_and_seldom_where_it_refuses() {
        let short = Duration::from_secs(5);
        assert_eq!(pauses(false, short, 1.0)[..6], [100, 200, 400, 800, 1500, 1500]);
        assert_eq!(pauses(false, short, 0.0)[..6], [50, 100, 200, 400, 750, 750]);
        assert_eq!(pauses(false, Duration::from_secs(3600), 1.0).last(), Some(&30_000));
        assert_eq!(pauses(true, short, 1.0)[..3], [2000, 4000, 8000]);
        assert_eq!(pauses(true, short, 1.0).last(), Some(&60_000));
        let mut backoff = Backoff::default();
        let first = backoff.next(false, short, 1.0);
        backoff.next(false, short, 1.0);
        backoff.reset();
        assert_eq!(backoff.next(false, short, 1.0), first);
        // However often it was tried.
        assert!((0..100).all(|_| backoff.next(true, short, 2.0) <= REFUSED));
    }
}
