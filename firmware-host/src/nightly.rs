//! What is done every night: what is older than the owner wants it kept is deleted, and a copy of the history is made, for the
//! day on which its file is found damaged.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};
use pipit_chat::Clock;
use pipit_core::config::PrivacySettings;
use pipit_store::{Night, Store, StoreError};

/// When it is made: nobody speaks then, and no clock that changes to or from summer time skips it.
const HOUR: i8 = 3;

/// How often to look whether it is time. The wall clock may be set, and the machine may have slept.
const LOOK: Duration = Duration::from_secs(60);

/// Between two portions of what is deleted, so that whoever speaks meanwhile does not wait.
const PAUSE: Duration = Duration::from_millis(50);

/// A clock that is so far ahead of the last night was set wrong, or Pipit was off for so long.
const LEAP: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long a clock that has leapt ahead is doubted: somebody sets it right by then, or it is right.
const DOUBT: SignedDuration = SignedDuration::from_hours(20);

/// Deletes and copies each night, soon after the start where a night was missed, and soon after something was deleted that is still
/// in the last one; until the runtime ends.
pub async fn tend(store: Store, privacy: PrivacySettings, clock: Clock) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        looks.tick().await;
        let (due, store, now) = (store.clone(), store.clone(), clock());
        let tonight = now.timestamp();
        match tokio::task::spawn_blocking(move || is_due(due.backed_up_at(), &now)).await {
            Ok(false) => continue,
            Ok(true) => forget(&store, privacy, tonight).await,
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
async fn forget(store: &Store, privacy: PrivacySettings, now: Timestamp) {
    let judged = store.clone();
    match tokio::task::spawn_blocking(move || trusts(&judged, now)).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => return,
        Ok(Err(error)) => {
            return tracing::warn!("nothing is deleted tonight, for the last night can't be read: {error}");
        }
        // The runtime is shutting down.
        Err(_) => return,
    }
    if let Some(before) = privacy.conversation_days.and_then(|days| days_before(now, days)) {
        forget_all("conversations", store, move |store| store.forget_conversations(before, now)).await;
    }
    if let Some(before) = privacy.ledger_days.and_then(|days| days_before(now, days)) {
        forget_all("entries of the ledger", store, move |store| store.forget_traffic(before)).await;
    }
}

/// Whether the clock can be trusted with what can't be brought back.
fn trusts(store: &Store, now: Timestamp) -> Result<bool, StoreError> {
    let last = store.last_night()?;
    let tonight = judge(last, now);
    if last != Some(tonight) {
        store.set_last_night(tonight)?;
    }
    if let (Some(last), Night { doubted_since: Some(since), .. }) = (last, tonight)
        && last.doubted_since.is_none()
    {
        let days = since.duration_since(last.at).as_hours() / 24;
        tracing::warn!(
            "by the clock, the last night was {days} days ago. Nothing is deleted for its age before another has passed; \
             where the date is wrong, set it right until then"
        );
    }
    Ok(tonight.doubted_since.is_none())
}

/// What is to be remembered of tonight.
fn judge(last: Option<Night>, now: Timestamp) -> Night {
    let doubted_since = last.and_then(|last| match last.doubted_since {
        // It was set back, or has gone on for long enough.
        Some(since) => (now >= since && now.duration_since(since) < DOUBT).then_some(since),
        None => (now.duration_since(last.at) > LEAP).then_some(now),
    });
    Night { at: now, doubted_since }
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
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A file that is tended by a clock that moves when it is told to. Between the looks no time passes.
    struct Nights {
        store: Store,
        now: Arc<Mutex<Zoned>>,
        _folder: tempfile::TempDir,
    }

    impl Nights {
        fn begin(privacy: PrivacySettings) -> Nights {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(&folder.path().join("pipit.db")).unwrap();
            let now = Arc::new(Mutex::new(Zoned::now()));
            let told = Arc::clone(&now);
            tokio::spawn(tend(store.clone(), privacy, Arc::new(move || told.lock().unwrap().clone())));
            Nights { store, now, _folder: folder }
        }

        fn say(&self, title: &str, days_ago: i64) {
            let at = self.now.lock().unwrap().timestamp() - SignedDuration::from_hours(24 * days_ago);
            self.store.create_conversation(title, at).unwrap();
        }

        /// What is left after a night that is so many hours later.
        async fn after(&self, hours: i64) -> Vec<String> {
            let now = {
                let mut now = self.now.lock().unwrap();
                *now = &*now + SignedDuration::from_hours(hours);
                now.timestamp()
            };
            let looked = async {
                while self.store.last_night().unwrap().is_none_or(|night| night.at.as_second() != now.as_second()) {
                    tokio::time::sleep(LOOK).await;
                }
            };
            tokio::time::timeout(100 * LOOK, looked).await.expect("a night has passed");
            // Once it is looked again, what was to be deleted is.
            tokio::time::sleep(2 * LOOK).await;
            self.store.conversations(None, 9).unwrap().into_iter().map(|one| one.title).collect()
        }
    }

    fn days(conversation_days: u32) -> PrivacySettings {
        PrivacySettings { ephemeral: false, conversation_days: NonZeroU32::new(conversation_days), ledger_days: None }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_it_may_be_is_deleted_at_night() {
        let nights = Nights::begin(days(30));
        nights.say("forty days ago", 40);
        nights.say("twenty days ago", 20);
        assert_eq!(nights.after(0).await, ["twenty days ago"]);
        assert!(nights.store.backed_up_at().is_some());
        assert_eq!(nights.after(9 * 24).await, ["twenty days ago"]);
        assert_eq!(nights.after(2 * 24).await, [""; 0]);
        let kept = Nights::begin(days(0));
        kept.say("ten years ago", 3650);
        assert_eq!(kept.after(24).await, ["ten years ago"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_leaps_ahead_deletes_nothing_before_it_has_gone_on_for_a_night() {
        let nights = Nights::begin(days(30));
        nights.say("yesterday", 1);
        assert_eq!(nights.after(0).await, ["yesterday"]);
        let ten_years = 3650 * 24;
        assert_eq!(nights.after(ten_years).await, ["yesterday"], "the clock is wrong");
        assert_eq!(nights.after(2).await, ["yesterday"]);
        assert_eq!(nights.after(24 - ten_years).await, ["yesterday"], "it was set right");
        assert_eq!(nights.after(60 * 24).await, ["yesterday"], "Pipit was off");
        assert_eq!(nights.after(24).await, [""; 0]);
    }

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
