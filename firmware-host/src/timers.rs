//! Says that a timer is due, and what somebody wants announced. Which are is for the engine to know; what fell due while Pipit was
//! off is said too. The machine says it once nobody speaks.

use std::time::Duration;

use pipit_chat::{Due, Engine};
use pipit_core::turn::Event;

use crate::worker::{Inbox, Message};

/// How often to look, unless something is due sooner. The wall clock may be set, and `pipit ask` may set a timer from another
/// process.
const LOOK: Duration = Duration::from_millis(250);

/// Says what is due until nobody listens any more.
///
/// `pass_on` is given what is to be heard in the whole house.
pub async fn announce(engine: Engine, inbox: Inbox, pass_on: impl Fn(&str)) {
    let mut failing = [false; 3];
    // What took it before has died, since only one daemon speaks for a store.
    let mut again_first = true;
    loop {
        let asked = engine.clone();
        // SQLite may have to wait for another process, which the async runtime must not.
        let due = tokio::task::spawn_blocking(move || {
            if again_first && let Err(error) = asked.ring_again() {
                return Err(error);
            }
            let due = [asked.take_due_timers(), asked.take_due_alarms(), asked.take_due_announcements()];
            Ok((due, asked.until_due().map_or(LOOK, |wait| wait.min(LOOK))))
        });
        // It fails where the runtime is shutting down.
        let Ok(due) = due.await else { return };
        let (due, pause) = match due {
            Ok(due) => due,
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
