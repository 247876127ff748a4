//! Says that a timer is due, and what somebody wants announced. Which are is for the engine to know; what fell due while Pipit was
//! off is said too. The machine says it once nobody speaks.

use std::time::Duration;

use jiff::Timestamp;
use pipit_chat::{ChatError, Due, Engine};
use pipit_core::turn::Event;
use pipit_store::ClockWatch;
use rustix::time::{ClockId, clock_gettime};

use crate::service::Pulse;
use crate::worker::{Inbox, Message};

/// How often to look, unless something is due sooner. The wall clock may be set, and `pipit ask` may set a timer from another
/// process.
const LOOK: Duration = Duration::from_millis(250);

/// Says what is due until nobody listens any more.
///
/// `pass_on` is given what is to be heard in the whole house.
pub async fn announce(engine: Engine, inbox: Inbox, pulse: Pulse, pass_on: impl Fn(&str)) {
    let mut failing = [false; 3];
    // What took it before has died, since only one daemon speaks for a store.
    let mut again_first = true;
    let mut clock = ClockWatch::new(Timestamp::now(), since_boot());
    let mut before = None;
    loop {
        pulse.beat();
        let asked = engine.clone();
        let was_set = clock.look(Timestamp::now(), since_boot());
        // SQLite may have to wait for another process, which the async runtime must not.
        let due = tokio::task::spawn_blocking(move || -> Result<_, ChatError> {
            let before = before.map_or_else(|| asked.set_so_far(), Ok)?;
            if let Some(expected) = was_set {
                tracing::info!("the clock was set; it would have shown {expected}");
                if let Err(error) = asked.clock_was_set(before, expected) {
                    tracing::error!("timers and alarms that were set by it are due too early or too late: {error}");
                }
            }
            if again_first {
                asked.ring_again()?;
            }
            let due = [asked.take_due_timers(), asked.take_due_alarms(), asked.take_due_announcements()];
            Ok((before, due, asked.until_due().map_or(LOOK, |wait| wait.min(LOOK))))
        });
        // It fails where the runtime is shutting down.
        let Ok(due) = due.await else { return };
        let (due, pause) = match due {
            Ok((so_far, due, pause)) => {
                before = Some(so_far);
                (due, pause)
            }
            Err(error) => {
                tracing::error!("what rang before the start can't be looked up: {error}");
                tokio::time::sleep(LOOK).await;
                continue;
            }
        };
        again_first = false;
        for ((due, failing), what) in due.into_iter().zip(&mut failing).zip(["a timer", "an alarm", "an announcement"])
        {
            let due = match due {
                Ok(due) => due,
                Err(error) => {
                    if !std::mem::replace(failing, true) {
                        tracing::error!("whether {what} is due can't be looked up: {error}");
                    }
                    continue;
                }
            };
            *failing = false;
            for Due { notice, text, for_everybody, .. } in due {
                tracing::info!("{what} is due");
                for_everybody.iter().for_each(|text| pass_on(text));
                if inbox.send(Message::Event(Event::Announce { notice, text })).await.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// By a clock that nobody sets, and that goes on while the machine sleeps.
fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let part = |part: i64| u64::try_from(part).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}
