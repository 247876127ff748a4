//! The monotonic clock as data. Whoever drives Pipit says what time it is.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on the driver's monotonic clock, counted from whenever that clock started.
///
/// In the daemon it is the operating system's monotonic clock; when recordings are fed faster than real time, and in
/// tests, it is the time that the recording says has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The moment at which the clock started.
    pub const START: Moment = Moment(Duration::ZERO);

    /// The moment `elapsed` after the clock started.
    #[must_use]
    pub const fn after_start(elapsed: Duration) -> Self {
        Moment(elapsed)
    }

    /// How long after the clock's start this is.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn saturating_since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(duration))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;

    /// Stops at the clock's start.
    fn sub(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_sub(duration))
    }
}
