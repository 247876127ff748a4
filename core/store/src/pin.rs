//! PINs: short secrets for people at the device, of which only a few may be tried. When one may be tried again is decided by
//! [`Attempts`], which knows no clock and no table.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use crate::{PersonId, Store, StoreError, passphrase};

/// Wrong PINs before it rests.
const FREE: u32 = 5;

/// How long it rests after the last of them; after each further wrong one twice as long.
const FIRST_REST: Duration = Duration::from_secs(30);

const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// The fewest and the most digits.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=12;

/// What came of trying a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinCheck {
    /// It is the PIN.
    Right,
    /// It is not.
    Wrong,
    /// It was not looked at, because too many were wrong; in so long it is again.
    Resting(Duration),
    /// The person has none.
    NotSet,
}

impl Store {
    /// Gives a person a PIN, or with `None` none.
    ///
    /// # Errors
    /// It is not 4 to 12 digits, or there is no such person, or see [`StoreError`].
    pub fn set_pin(&self, id: PersonId, pin: Option<&str>) -> Result<(), StoreError> {
        let is_fit = |pin: &str| DIGITS.contains(&pin.len()) && pin.bytes().all(|byte| byte.is_ascii_digit());
        if pin.is_some_and(|pin| !is_fit(pin)) {
            return Err(StoreError::UnfitPin);
        }
        let hashed = pin.map(|pin| passphrase::hash(pin, self.device_key()?.bytes())).transpose()?;
        self.write_device(|transaction| {
            let changed = transaction
                .prepare_cached("UPDATE person SET pin = ?, pin_wrong = 0, pin_rests_until = 0 WHERE id = ?")?
                .execute(params![hashed, id.0])?;
            if changed == 0 { Err(StoreError::NoPerson) } else { Ok(()) }
        })
    }

    /// Tries a PIN. It counts before it is looked at, so that nobody who pulls the plug in between has tried for free.
    ///
    /// # Errors
    /// There is no such person, or see [`StoreError`].
    pub fn check_pin(&self, id: PersonId, pin: &str, now: Timestamp) -> Result<PinCheck, StoreError> {
        let pepper = self.device_key()?.bytes();
        let (hashed, rest) = self.write_device(|transaction| {
            let mut find =
                transaction.prepare_cached("SELECT pin, pin_wrong, pin_rests_until FROM person WHERE id = ?")?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            let found: Option<(Option<Vec<u8>>, u32, i64)> = find.query_row([id.0], read).optional()?;
            let (hashed, wrong, until) = found.ok_or(StoreError::NoPerson)?;
            let until = Timestamp::from_millisecond(until).unwrap_or(Timestamp::UNIX_EPOCH);
            let (attempts, rest) = Attempts { wrong, rests_until: until }.tried(now);
            if hashed.is_some() {
                attempts.keep(transaction, id)?;
            }
            Ok((hashed, rest))
        })?;
        let Some(hashed) = hashed else { return Ok(PinCheck::NotSet) };
        if let Some(rest) = rest {
            return Ok(PinCheck::Resting(rest));
        }
        if !passphrase::is_same(pin, pepper, &hashed)? {
            return Ok(PinCheck::Wrong);
        }
        self.write_device(|transaction| Attempts::NONE.keep(transaction, id))?;
        Ok(PinCheck::Right)
    }
}

/// How often a wrong PIN was tried, and until when none is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempts {
    wrong: u32,
    rests_until: Timestamp,
}

impl Attempts {
    const NONE: Attempts = Attempts { wrong: 0, rests_until: Timestamp::UNIX_EPOCH };

    /// One more is tried, which counts as wrong until it is found to be right; or how long it still rests, and then it does not
    /// count. A clock that was set back makes nobody wait for longer than they would have had to.
    fn tried(self, now: Timestamp) -> (Attempts, Option<Duration>) {
        let left = Duration::try_from(self.rests_until.duration_since(now)).unwrap_or_default();
        let left = left.min(rest_after(self.wrong));
        if left > Duration::ZERO {
            return (Attempts { rests_until: after(now, left), ..self }, Some(left));
        }
        let wrong = self.wrong.saturating_add(1);
        (Attempts { wrong, rests_until: after(now, rest_after(wrong)) }, None)
    }

    fn keep(self, connection: &rusqlite::Connection, id: PersonId) -> Result<(), StoreError> {
        connection
            .prepare_cached("UPDATE person SET pin_wrong = ?, pin_rests_until = ? WHERE id = ?")?
            .execute(params![self.wrong, self.rests_until.as_millisecond(), id.0])?;
        Ok(())
    }
}

/// How long it rests after so many wrong ones.
fn rest_after(wrong: u32) -> Duration {
    match wrong.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(beyond) => FIRST_REST.saturating_mul(1_u32.checked_shl(beyond).unwrap_or(u32::MAX)).min(LONGEST_REST),
    }
}

fn after(now: Timestamp, rest: Duration) -> Timestamp {
    now.checked_add(rest).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_five_wrong_ones_it_rests_for_a_time_that_doubles() {
        let at = |seconds: u64| after(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds));
        let mut attempts = Attempts::NONE;
        let mut rests = Vec::new();
        let mut now = 1000;
        for _ in 0..20 {
            let (next, rest) = attempts.tried(at(now));
            if let Some(rest) = rest {
                rests.push(rest.as_secs());
                assert_eq!(next.wrong, attempts.wrong, "it does not count while it rests");
                now += rest.as_secs();
            }
            attempts = next;
        }
        assert_eq!(rests, [30, 60, 120, 240, 480, 960, 1920, 3840]);
        assert_eq!(rest_after(u32::MAX), LONGEST_REST);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_for_years() {
        let at = |seconds: u64| after(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds));
        let resting = Attempts { wrong: 5, rests_until: at(2_000_000_000) };
        let (resting, rest) = resting.tried(at(10));
        assert_eq!(rest, Some(FIRST_REST));
        assert_eq!(resting.tried(at(39)).1, Some(Duration::from_secs(1)));
        assert_eq!(resting.tried(at(40)).1, None);
    }
}
