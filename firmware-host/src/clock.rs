//! What time it is for the turn machine: the system's monotonic clock, or the time that a recording says has passed.

use std::time::{Duration, Instant};

use pipit_core::time::Moment;

/// The driver's clock.
#[derive(Debug)]
pub enum Clock {
    /// Real time, since the daemon started.
    Live(Instant),
    /// A recording is fed faster than real time. Time passes with the recording, and stands still while a model works.
    Fed {
        /// How much of the recording has been fed.
        fed: Moment,
        /// When the last of it was fed, by which a stage's own time is measured.
        at: Instant,
    },
}

impl Clock {
    /// A clock that starts now and runs by itself.
    pub fn live() -> Self {
        Clock::Live(Instant::now())
    }

    /// A clock that only [`Clock::feed`] moves.
    pub fn fed() -> Self {
        Clock::Fed { fed: Moment::START, at: Instant::now() }
    }

    /// Whether it runs by itself.
    pub fn is_live(&self) -> bool {
        matches!(self, Clock::Live(_))
    }

    /// The time by which decisions are made.
    pub fn now(&self) -> Moment {
        match self {
            Clock::Live(start) => Moment::after_start(start.elapsed()),
            Clock::Fed { fed, .. } => *fed,
        }
    }

    /// The time by which latencies are reported. On a fed clock the work done since the last sound counts too, so that
    /// a report says what would have been felt.
    pub fn stamp(&self) -> Moment {
        match self {
            Clock::Live(_) => self.now(),
            Clock::Fed { fed, at } => *fed + at.elapsed(),
        }
    }

    /// Lets a fed clock advance by the length of a piece of sound.
    pub fn feed(&mut self, sound: Duration) {
        if let Clock::Fed { fed, at } = self {
            *fed = *fed + sound;
            *at = Instant::now();
        }
    }
}
