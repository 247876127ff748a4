//! What is done every night: what is older than the owner wants it kept is deleted, and a copy of the history is made, for the
//! day on which its file is found damaged.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};
use pipit_core::config::PrivacySettings;
use pipit_store::{Store, StoreError};

/// When it is made: nobody speaks then, and no clock that changes to or from summer time skips it.
const HOUR: i8 = 3;

/// How often to look whether it is time. The wall clock may be set, and the machine may have slept.
const LOOK: Duration = Duration::from_secs(60);

/// Between two portions of what is deleted, so that whoever speaks meanwhile does not wait.
const PAUSE: Duration = Duration::from_millis(50);

/// Deletes and copies each night, soon after the start where a night was missed, and soon after something was deleted that is still
/// in the last one; until the runtime ends.
pub async fn tend(store: Store, privacy: PrivacySettings) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        looks.tick().await;
        let (due, store) = (store.clone(), store.clone());
        match tokio::task::spawn_blocking(move || is_due(due.backed_up_at(), &Zoned::now())).await {
            Ok(false) => continue,
            Ok(true) => forget(&store, privacy).await,
            // The runtime is shutting down.
            Err(_) => return,
        }
        let made = tokio::task::spawn_blocking(move || store.back_up());
        match made.await {
            Ok(Ok(())) => {
                failing = false;
                tracing::info!("the history was copied");
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

/// Deletes what is older than it may be, in portions.
async fn forget(store: &Store, privacy: PrivacySettings) {
    let now = Timestamp::now();
    if let Some(before) = privacy.conversation_days.and_then(|days| days_before(now, days)) {
        forget_all("conversations", store, move |store| store.forget_conversations(before)).await;
    }
    if let Some(before) = privacy.ledger_days.and_then(|days| days_before(now, days)) {
        forget_all("entries of the ledger", store, move |store| store.forget_traffic(before)).await;
    }
}

async fn forget_all(
    what: &str,
    store: &Store,
    portion: impl Fn(&Store) -> Result<bool, StoreError> + Clone + Send + 'static,
) {
    let mut pauses = tokio::time::interval(PAUSE);
    pauses.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut portions: u64 = 0;
    loop {
        pauses.tick().await;
        let (portion, store) = (portion.clone(), store.clone());
        match tokio::task::spawn_blocking(move || portion(&store)).await {
            Ok(Ok(true)) => portions += 1,
            Ok(Ok(false)) => break,
            Ok(Err(error)) => {
                tracing::warn!("{what} that are older than they may be can't be deleted, and are next night: {error}");
                break;
            }
            // The runtime is shutting down.
            Err(_) => return,
        }
    }
    if portions > 0 {
        let store = store.clone();
        // It fails only where the runtime is shutting down; then the log is emptied by whoever closes the file.
        let _ = tokio::task::spawn_blocking(move || store.forget_log()).await;
        tracing::info!("{what} that were older than they may be are deleted");
    }
}

/// So many days before now, if the calendar goes back so far.
fn days_before(now: Timestamp, days: NonZeroU32) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days.get()))).ok()
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
