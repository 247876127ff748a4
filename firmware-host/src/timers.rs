//! Says that a timer is due. Which are is for the engine to know; a timer that fell due while Pipit was off is said too.

use std::time::Duration;

use pipit_chat::Engine;
use pipit_core::turn::Event;

use crate::worker::{Inbox, Message};

/// How often to look. The wall clock may be set, and `pipit ask` may set a timer from another process.
const LOOK: Duration = Duration::from_millis(250);

/// Announces timers until nobody listens any more.
pub async fn announce(engine: Engine, inbox: Inbox) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        looks.tick().await;
        let asked = engine.clone();
        // SQLite may have to wait for another process, which the async runtime must not.
        let due = match tokio::task::spawn_blocking(move || asked.take_due_timers()).await {
            Ok(Ok(due)) => due,
            Ok(Err(error)) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!("timers can't be looked up: {error}");
                }
                continue;
            }
            // The runtime is shutting down.
            Err(_) => return,
        };
        failing = false;
        for timer in due {
            tracing::info!("a timer is due");
            let event = Event::Announce { text: timer.announcement };
            if inbox.send(Message::Event(event)).await.is_err() {
                return;
            }
        }
    }
}
