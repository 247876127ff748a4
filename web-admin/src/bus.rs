//! What the event bus carries, and how `GET /events` passes it on.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::account::{Watcher, while_signed_in};
use crate::problem::Problem;
use crate::{Snapshot, Sources, TurnRecord};

/// Something that others may want to know at once. Nothing that anybody said is in it.
#[expect(clippy::large_enum_variant, reason = "most of what is told are states, so a box would save nothing")]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum BusEvent {
    /// Something in the daemon's state has changed: the phase, the microphone, a counter. It is told whole, so that whoever
    /// missed some of these is right again with the next.
    State(Snapshot),
    /// A turn is over.
    Turn(Box<TurnRecord>),
}

impl BusEvent {
    fn name(&self) -> &'static str {
        match self {
            BusEvent::State(_) => "state",
            BusEvent::Turn(_) => "turn",
        }
    }
}

/// Server-Sent Events: first the state as it is, then each event as it happens, until the daemon ends or whoever listens is
/// signed out. A browser that is too slow gets an event `missed` with how many it has missed.
pub(crate) async fn events(State(sources): State<Sources>, watcher: Watcher) -> Result<Response, Problem> {
    // Subscribed before the state is read, so that no change falls between the two.
    let Some(bus) = sources.events.upgrade() else {
        return Err(Problem::unavailable("Pipit is ending; try again soon."));
    };
    let receiver = bus.subscribe();
    drop(bus);
    let now = BusEvent::State(sources.snapshots.borrow().clone());
    let events = stream::unfold((Some(now), receiver), |(first, mut receiver)| async move {
        let event = match first {
            Some(event) => written(&event),
            None => next(&mut receiver).await?,
        };
        Some((Ok::<_, Infallible>(event), (None, receiver)))
    });
    Ok(Sse::new(while_signed_in(events, watcher)).keep_alive(KeepAlive::default()).into_response())
}

async fn next(receiver: &mut Receiver<BusEvent>) -> Option<Event> {
    match receiver.recv().await {
        Ok(event) => Some(written(&event)),
        Err(RecvError::Lagged(missed)) => Some(Event::default().event("missed").data(missed.to_string())),
        Err(RecvError::Closed) => None,
    }
}

fn written(event: &BusEvent) -> Event {
    let named = Event::default().event(event.name());
    // Numbers and fixed words always have a JSON form.
    named.json_data(event).unwrap_or_else(|_| Event::default().comment("unwritable"))
}
