//! What many sockets are told, written once for all of them. Nothing is written while nobody wants it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::message::{Reply, written};
use crate::{BusEvent, Hearing};

/// A socket that is so far behind loses the oldest, and is told how many.
const WAITING: usize = 64;

/// A drawing that moves more often is no better to look at.
const APART: Duration = Duration::from_millis(50);

/// The end from which sockets hear it.
pub(super) type Tuned = broadcast::Receiver<Utf8Bytes>;

/// What is told to whoever is tuned in. While somebody is, there is a writer, which holds the channel too.
#[derive(Clone, Debug, Default)]
pub(super) struct Fan(Arc<Mutex<Option<broadcast::Sender<Utf8Bytes>>>>);

/// One event.
#[derive(Serialize)]
#[serde(tag = "type", rename = "event")]
struct Event<'a> {
    #[serde(flatten)]
    event: &'a BusEvent,
}

/// One look at the ear.
#[derive(Serialize)]
#[serde(tag = "type", rename = "level")]
struct Level {
    #[serde(flatten)]
    hearing: Hearing,
}

/// As sockets are told it.
pub(super) fn event(event: &BusEvent) -> Utf8Bytes {
    written(&Event { event })
}

impl Fan {
    /// Tunes in. Where nobody was tuned in, `start` begins to write.
    fn tune_in<F>(&self, start: impl FnOnce(broadcast::Sender<Utf8Bytes>) -> F) -> Tuned
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut fan = self.lock();
        if let Some(sender) = &*fan {
            return sender.subscribe();
        }
        let (sender, tuned) = broadcast::channel(WAITING);
        *fan = Some(sender.clone());
        tokio::spawn(start(sender));
        tuned
    }

    /// Comes when nobody is tuned in, and then nobody can tune in to this writer any more.
    async fn deserted(&self, sender: &broadcast::Sender<Utf8Bytes>) {
        loop {
            sender.closed().await;
            let mut fan = self.lock();
            if sender.receiver_count() == 0 {
                fan.take();
                return;
            }
        }
    }

    /// Tunes in to the events of `bus`, if the daemon is not ending.
    pub(super) fn events(&self, bus: &broadcast::WeakSender<BusEvent>) -> Option<Tuned> {
        let mut events = bus.upgrade()?.subscribe();
        let fan = self.clone();
        Some(self.tune_in(|sender| async move {
            loop {
                let text = tokio::select! {
                    next = events.recv() => match next {
                        Ok(told) => event(&told),
                        Err(RecvError::Lagged(events)) => written(&Reply::Missed { events }),
                        // The daemon is ending: whoever is tuned in learns of it.
                        Err(RecvError::Closed) => return drop(fan.lock().take()),
                    },
                    () = fan.deserted(&sender) => return,
                };
                let _ = sender.send(text);
            }
        }))
    }

    /// Tunes in to what the ear tells.
    pub(super) fn levels(&self, ear: &watch::Sender<Hearing>) -> Tuned {
        let mut ear = ear.subscribe();
        let fan = self.clone();
        self.tune_in(|sender| async move {
            loop {
                tokio::select! {
                    changed = ear.changed() => if changed.is_err() { return drop(fan.lock().take()) },
                    () = fan.deserted(&sender) => return,
                }
                let hearing = *ear.borrow_and_update();
                let _ = sender.send(written(&Level { hearing }));
                tokio::time::sleep(APART).await;
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<broadcast::Sender<Utf8Bytes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
