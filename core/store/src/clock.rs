//! What becomes of timers and alarms when the clock is set, as when the time arrives over the network on a board that keeps none
//! while it is off.
//!
//! A timer keeps its length, and an alarm follows the clock on the wall. That holds for what was set by the clock that was wrong;
//! what was set before the start was set by one that had been right, and is due when the clock says so.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use pipit_core::intent::Repeats;
use rusqlite::{Connection, params};

use crate::alarms;
use crate::{Store, StoreError};

/// What was set so far, by which what is set later is told from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetSoFar {
    timer: i64,
    alarm: i64,
}

impl Store {
    /// What was set so far.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_so_far(&self) -> Result<SetSoFar, StoreError> {
        let connection = self.device();
        Ok(SetSoFar { timer: newest(&connection, "timer")?, alarm: newest(&connection, "alarm")? })
    }

    /// The clock was set from the first time to the second, both of the same moment. Timers and alarms that were set after `before`
    /// were set by the wrong one.
    ///
    /// # Errors
    /// See [`StoreError`]; then nothing was changed.
    pub fn clock_was_set(
        &self,
        before: SetSoFar,
        (wrong, right): (Timestamp, Timestamp),
        zone: &TimeZone,
    ) -> Result<(), StoreError> {
        let by = right.as_millisecond() - wrong.as_millisecond();
        self.write_device(|transaction| {
            transaction.execute(
                "UPDATE timer SET due = due + ?2 WHERE state = 'running' AND id > ?1",
                params![before.timer, by],
            )?;
            transaction.execute(
                "UPDATE alarm SET over_to = over_to + ?2, snoozed_until = snoozed_until + ?2, ringing = ringing + ?2 WHERE id > ?1",
                params![before.alarm, by],
            )?;
            for alarm in alarms::all(transaction)?.into_iter().filter(|alarm| alarm.id.0 > before.alarm) {
                let Repeats::Once(date) = alarm.schedule.repeats else { continue };
                let due = date.to_datetime(alarm.schedule.time).to_zoned(zone.clone());
                let ahead = due.map_or(SignedDuration::ZERO, |due| due.timestamp().duration_since(wrong));
                // One that rings has begun to, by whatever clock.
                if alarm.ringing.is_some() || ahead.is_negative() {
                    continue;
                }
                let Some(date) = date_after(right, alarm.schedule.time, ahead.as_hours() / 24, zone) else { continue };
                transaction.execute("UPDATE alarm SET date = ?2 WHERE id = ?1", params![alarm.id.0, date.to_string()])?;
            }
            Ok(())
        })
    }
}

/// The date on which the clock shows this `time` next, so many days later.
fn date_after(now: Timestamp, time: Time, days: i64, zone: &TimeZone) -> Option<jiff::civil::Date> {
    let here = now.to_zoned(zone.clone());
    let today = if here.time() < time { here.date() } else { here.date().tomorrow().ok()? };
    today.checked_add(days.days()).ok()
}

fn newest(connection: &Connection, table: &str) -> Result<i64, StoreError> {
    let newest = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0)";
    Ok(connection.prepare_cached(newest)?.query_row([table], |row| row.get(0))?)
}

/// Notices that the clock on the wall was set, by one that nobody sets.
#[derive(Debug)]
pub struct ClockWatch {
    wall: Timestamp,
    since_boot: Duration,
}

/// Less is how far a clock that is kept right by small steps may be off.
const STEP: SignedDuration = SignedDuration::from_secs(2);

impl ClockWatch {
    /// Begins with what both show.
    #[must_use]
    pub fn new(wall: Timestamp, since_boot: Duration) -> ClockWatch {
        ClockWatch { wall, since_boot }
    }

    /// Looks again. Gives what the clock would show, had it not been set since.
    pub fn look(&mut self, wall: Timestamp, since_boot: Duration) -> Option<Timestamp> {
        let passed = since_boot.saturating_sub(self.since_boot);
        let expected = self.wall.saturating_add(passed).unwrap_or(wall);
        *self = ClockWatch { wall, since_boot };
        (wall.duration_since(expected).abs() >= STEP).then_some(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_was_set_where_it_shows_something_else_than_the_time_that_has_passed() {
        let (start, seconds) = (Timestamp::from_second(1_000).unwrap(), Duration::from_secs);
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut watch = ClockWatch::new(start, seconds(10));
        assert_eq!(watch.look(at(1_005), seconds(15)), None);
        assert_eq!(watch.look(at(1_007), seconds(16)), None, "a small step");
        assert_eq!(watch.look(at(1_700_000_000), seconds(17)), Some(at(1_008)));
        assert_eq!(watch.look(at(1_700_000_001), seconds(18)), None, "it was told");
        assert_eq!(watch.look(at(1_600_000_000), seconds(19)), Some(at(1_700_000_002)), "it is set back, too");
        assert_eq!(watch.look(at(1_600_003_600), seconds(3_619)), None, "a machine that slept");
    }
}
