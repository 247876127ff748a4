//! Which provider to leave alone for a while, because it has failed again and again or has asked for it. Knows no server and
//! no clock: it is told what became of each request.

use std::time::Duration;

use crate::time::Moment;

/// When a provider is left alone, and for how long. The only place where these figures stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// After how many failures in a row.
    pub failures: u32,
    /// How long the first time. Each trial that fails doubles it.
    pub first_rest: Duration,
    /// How long at most.
    pub longest_rest: Duration,
    /// The longest that a server's own wish is followed. A quota that is used up may have been bought anew by then.
    pub longest_wish: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        BreakerSettings {
            failures: 3,
            first_rest: Duration::from_secs(15),
            longest_rest: Duration::from_secs(600),
            longest_wish: Duration::from_secs(600),
        }
    }
}

/// Whether to ask a provider now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be asked.
    Ask,
    /// It has failed too often. It is worth a try only where there is nobody else.
    Resting,
    /// It wants no request for so long.
    Unwanted(Duration),
}

/// The circuit breaker of one provider.
#[derive(Clone, Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    failures: u32,
    /// How long it rested last; zero if it does well.
    rest: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Requests pass.
    Closed,
    /// None pass until then; the first one after it is a trial.
    Open { until: Moment },
    /// The server has named the moment itself.
    AsTheServerWants { until: Moment },
}

impl Breaker {
    /// One for a provider of which nothing is known.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        Breaker { settings, failures: 0, rest: Duration::ZERO, state: State::Closed }
    }

    /// Whether to ask at `now`. Changes nothing.
    #[must_use]
    pub fn verdict(&self, now: Moment) -> Verdict {
        match self.state {
            State::Open { until } if now < until => Verdict::Resting,
            State::AsTheServerWants { until } if now < until => Verdict::Unwanted(until.saturating_since(now)),
            _ => Verdict::Ask,
        }
    }

    /// Says that it is being asked. While a trial is under way, nobody else is let through; one of which nothing is heard
    /// again, because the person interrupted, is over after another rest.
    pub fn asked(&mut self, now: Moment) {
        if matches!(self.state, State::Open { until } if until <= now) {
            self.state = State::Open { until: now + self.rest };
        }
    }

    /// Says that it has answered.
    pub fn succeeded(&mut self) {
        (self.failures, self.rest, self.state) = (0, Duration::ZERO, State::Closed);
    }

    /// Says that it has failed. Gives back for how long it is now left alone, if it is.
    pub fn failed(&mut self, now: Moment) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < self.settings.failures {
            return None;
        }
        self.rest = (self.rest * 2).clamp(self.settings.first_rest, self.settings.longest_rest);
        // Whatever the server itself wants is not made shorter by a failure.
        if !matches!(self.verdict(now), Verdict::Unwanted(wish) if wish > self.rest) {
            self.state = State::Open { until: now + self.rest };
        }
        Some(self.rest)
    }

    /// Says that it wants no more requests for as long as `wish`. Gives back for how long it is now left alone.
    pub fn refused(&mut self, now: Moment, wish: Duration) -> Duration {
        let wish = wish.min(self.settings.longest_wish);
        self.state = State::AsTheServerWants { until: now + wish };
        wish
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after_start(Duration::from_secs(seconds))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn breaker() -> Breaker {
        Breaker::new(BreakerSettings::default())
    }

    /// Fails at `second` as often as it takes.
    fn open_at(second: u64) -> Breaker {
        let mut breaker = breaker();
        assert_eq!([(); 3].map(|()| breaker.failed(at(second))), [None, None, Some(seconds(15))]);
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_starts_the_count_anew() {
        let mut breaker = breaker();
        for second in 0..20 {
            assert_eq!(breaker.verdict(at(second)), Verdict::Ask);
            breaker.asked(at(second));
            assert_eq!(breaker.failed(at(second)), None);
            if second % 2 == 1 {
                breaker.succeeded();
            }
        }
        let open = open_at(100);
        assert_eq!(open.verdict(at(114)), Verdict::Resting);
        assert_eq!(open.verdict(at(115)), Verdict::Ask);
    }

    #[test]
    fn one_trial_is_let_through_and_each_that_fails_doubles_the_rest() {
        let mut breaker = open_at(0);
        let mut now = 15;
        for rest in [30, 60, 120, 240, 480, 600, 600] {
            assert_eq!(breaker.verdict(at(now)), Verdict::Ask);
            breaker.asked(at(now));
            assert_eq!(breaker.verdict(at(now)), Verdict::Resting, "one at a time");
            assert_eq!(breaker.failed(at(now)), Some(seconds(rest)));
            assert_eq!(breaker.verdict(at(now + rest - 1)), Verdict::Resting);
            now += rest;
        }
        breaker.asked(at(now));
        breaker.succeeded();
        assert_eq!(breaker.verdict(at(now)), Verdict::Ask);
        assert_eq!(breaker.failed(at(now)), None, "and all is forgotten");
    }

    #[test]
    fn a_trial_of_which_nothing_is_heard_again_does_not_close_the_door_for_ever() {
        let mut breaker = open_at(0);
        breaker.asked(at(15));
        assert_eq!(breaker.verdict(at(29)), Verdict::Resting);
        assert_eq!(breaker.verdict(at(30)), Verdict::Ask);
    }

    #[test]
    fn a_rate_limit_opens_it_at_once_for_as_long_as_the_server_says() {
        let mut breaker = breaker();
        assert_eq!(breaker.refused(at(10), seconds(20)), seconds(20));
        assert_eq!(breaker.verdict(at(12)), Verdict::Unwanted(seconds(18)));
        assert_eq!(breaker.verdict(at(30)), Verdict::Ask);
        // A day is not waited for, and no failure makes a wish shorter.
        assert_eq!(breaker.refused(at(30), seconds(86_400)), seconds(600));
        for _ in 0..5 {
            breaker.failed(at(31));
        }
        assert_eq!(breaker.verdict(at(40)), Verdict::Unwanted(seconds(590)));
        breaker.succeeded();
        assert_eq!(breaker.verdict(at(41)), Verdict::Ask);
    }
}
