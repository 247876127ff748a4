//! When a model that died or hung is loaded again. Pure: time comes in as an argument.

use std::time::{Duration, Instant};

/// How long is waited after the first death, the second, and so on. The first is taken for an accident.
const DELAYS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
];

/// A model that has worked for so long is as good as one that never died.
const FORGIVEN: Duration = Duration::from_secs(600);

/// The deaths of one model in a row.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    deaths: usize,
    last: Option<Instant>,
}

/// What follows from a death.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Death {
    /// How many there have been in a row.
    pub(super) deaths: usize,
    /// How long to wait before the model is loaded again.
    pub(super) delay: Duration,
}

impl Restarts {
    /// The model has died, or could not be loaded.
    pub(super) fn died(&mut self, now: Instant) -> Death {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) > FORGIVEN) {
            self.deaths = 0;
        }
        let delay = DELAYS[self.deaths.min(DELAYS.len() - 1)];
        self.deaths += 1;
        self.last = Some(now + delay);
        Death { deaths: self.deaths, delay }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_death_is_waited_out_longer_until_the_model_has_lived_for_a_while() {
        let (mut restarts, mut now) = (Restarts::default(), Instant::now());
        let mut delays = Vec::new();
        for _ in 0..7 {
            let death = restarts.died(now);
            delays.push(death.delay.as_secs());
            now += death.delay + Duration::from_secs(30);
        }
        assert_eq!(delays, [0, 2, 10, 60, 300, 300, 300]);
        now += FORGIVEN;
        assert_eq!(restarts.died(now), Death { deaths: 1, delay: Duration::ZERO });
    }
}
