//! Timers and announcements that are due. Which they are is for the store and the clock to say; nothing here waits.

use std::time::Duration;

use jiff::Timestamp;
use pipit_core::intent::{proclaim, ring};

use crate::engine::Engine;
use crate::error::ChatError;

/// A timer that rings now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueTimer {
    /// What to say: "Your pasta timer is done."
    pub announcement: String,
    /// How long ago it was due; more than a moment only if Pipit was off.
    pub late: Duration,
}

impl Engine {
    /// The timers that are due by the clock, soonest first. Each is handed out once, even across restarts.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub fn take_due_timers(&self) -> Result<Vec<DueTimer>, ChatError> {
        let now = self.now().timestamp();
        let due = self.store().take_due(now)?;
        Ok(due
            .into_iter()
            .map(|timer| {
                let late = Duration::try_from(now.duration_since(timer.due)).unwrap_or_default();
                DueTimer { announcement: ring(timer.name.as_deref(), timer.length, late), late }
            })
            .collect())
    }

    /// What is to be announced by the clock, word for word, soonest first: whatever those want announced whose texts the
    /// owner's store can read, and whoever speaks here. Each is handed out once, even across restarts.
    ///
    /// # Errors
    /// The store can't be read or written; what was not handed out is the next time.
    pub fn take_due_announcements(&self) -> Result<Vec<String>, ChatError> {
        let now = self.now().timestamp();
        let mut due = self.shared.owner.take_due_announcements(now)?;
        if self.store().person() != self.shared.owner.person() {
            due.extend(self.store().take_due_announcements(now)?);
        }
        let late = |due| Duration::try_from(now.duration_since(due)).unwrap_or_default();
        Ok(due.into_iter().map(|announcement| proclaim(&announcement.text, late(announcement.due))).collect())
    }

    /// When the next timer is due; in the past if it has not been taken yet.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn next_timer_due(&self) -> Result<Option<Timestamp>, ChatError> {
        Ok(self.store().timers()?.first().map(|timer| timer.due))
    }
}
