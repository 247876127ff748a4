//! The copy of the history that is made every night, for the day on which its file is found damaged.

use std::time::Duration;

use jiff::{Timestamp, ToSpan as _, Zoned};
use pipit_store::Store;

/// When it is made: nobody speaks then, and no clock that changes to or from summer time skips it.
const HOUR: i8 = 3;

/// How often to look whether it is time. The wall clock may be set, and the machine may have slept.
const LOOK: Duration = Duration::from_secs(60);

/// Makes the copy each night, soon after the start where a night was missed, and soon after something was deleted that is still
/// in the last one; until the runtime ends.
pub async fn back_up(store: Store) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        looks.tick().await;
        let store = store.clone();
        let made = tokio::task::spawn_blocking(move || {
            if is_due(store.backed_up_at(), &Zoned::now()) { store.back_up().map(|()| true) } else { Ok(false) }
        });
        match made.await {
            Ok(Ok(made)) => {
                failing = false;
                if made {
                    tracing::info!("the history was copied");
                }
            }
            Ok(Err(error)) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!("the history can't be copied, and the last copy is kept: {error}");
                }
            }
            // The runtime is shutting down.
            Err(_) => return,
        }
    }
}

/// Whether a night has passed since the last copy. One from the future was made before the clock was set back, and says nothing.
fn is_due(last: Option<Timestamp>, now: &Zoned) -> bool {
    let Some(last) = last.filter(|last| *last <= now.timestamp()) else { return true };
    let tonight = now.with().hour(HOUR).minute(0).second(0).subsec_nanosecond(0).build();
    let last_night =
        tonight.and_then(|tonight| if tonight > *now { tonight.checked_sub(1.day()) } else { Ok(tonight) });
    // At the ends of the calendar nothing needs a copy.
    last_night.is_ok_and(|night| last < night.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_made_once_a_night_also_where_nights_were_missed() {
        let now = |text: &str| text.parse::<Zoned>().unwrap();
        for (last, at, due) in [
            (None, "2026-11-24T12:00[Europe/Berlin]", true),
            (Some("2026-11-24T03:00:00+01"), "2026-11-24T12:00[Europe/Berlin]", false),
            (Some("2026-11-24T02:59:59+01"), "2026-11-24T03:00[Europe/Berlin]", true),
            (Some("2026-11-24T03:10:00+01"), "2026-11-25T02:59[Europe/Berlin]", false),
            (Some("2026-11-24T03:10:00+01"), "2026-11-25T03:00[Europe/Berlin]", true),
            (Some("2026-11-20T12:00:00+01"), "2026-11-24T00:10[Europe/Berlin]", true),
            // The clock was set back.
            (Some("2036-01-01T00:00:00+01"), "2026-11-24T12:00[Europe/Berlin]", true),
            // The nights in which the clocks change.
            (Some("2026-03-29T01:30:00+01"), "2026-03-29T03:00[Europe/Berlin]", true),
            (Some("2026-10-25T02:30:00+02"), "2026-10-25T02:30:00+01:00[Europe/Berlin]", false),
        ] {
            let last = last.map(|last| last.parse::<Timestamp>().unwrap());
            assert_eq!(is_due(last, &now(at)), due, "{last:?} {at}");
        }
    }
}
