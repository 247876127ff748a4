//! `GET /ws`: one socket for whoever wants to be told what happens and to speak with Pipit. What is said on it is in `message`, what
//! follows from that in `state`, and the task of each socket in `run`.

mod fan;
mod message;
mod room;
mod run;
mod state;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use pipit_store::PersonId;
use tokio::sync::watch;

use crate::account::{Caller, address, network};
use crate::guard;
use crate::problem::Problem;
use crate::serve::Stopping;
use crate::voice::OpenVoice;
use crate::{Hearing, Sources, Thresholds};

use fan::Fan;
use room::Room;

/// Sockets at once, and of one address. A page has one.
const SOCKETS: usize = 1_100;
const SOCKETS_OF_ONE: usize = 32;
/// Of those, sockets of people who are not known yet.
const STRANGERS: usize = 64;
const STRANGERS_OF_ONE: usize = 8;
/// Places from which somebody speaks, each with an ear of its own, and of one person.
const PLACES: usize = 4;
const PLACES_OF_ONE: usize = 2;

/// Bytes that are read at once. More than a piece of sound is never needed, and most sockets say next to nothing.
const READ: usize = 2048;
/// What the connection itself refuses; what is refused with words is less.
const LARGEST_MESSAGE: usize = 4 * state::LARGEST_SOUND;

/// Every socket, and what is told on them. Clones are about the same ones.
#[derive(Clone)]
pub struct Sockets(Arc<Shared>);

struct Shared {
    open: OpenVoice,
    ear: watch::Sender<Hearing>,
    thresholds: Thresholds,
    events: Fan,
    levels: Fan,
    sockets: Arc<Room<IpAddr>>,
    strangers: Arc<Room<IpAddr>>,
    places: Arc<Room<PersonId>>,
    /// Each socket has a receiver, so that it is known when none is left.
    alive: watch::Sender<()>,
}

impl Sockets {
    /// No socket yet. People speak from those who will be there by what `open` opens, and see what `ear` tells beside its `thresholds`.
    #[must_use]
    pub fn new(open: OpenVoice, ear: watch::Sender<Hearing>, thresholds: Thresholds) -> Sockets {
        Sockets(Arc::new(Shared {
            open,
            ear,
            thresholds,
            events: Fan::default(),
            levels: Fan::default(),
            sockets: Room::new(SOCKETS, SOCKETS_OF_ONE),
            strangers: Room::new(STRANGERS, STRANGERS_OF_ONE),
            places: Room::new(PLACES, PLACES_OF_ONE),
            alive: watch::Sender::new(()),
        }))
    }

    /// Comes when no socket is left.
    pub async fn closed(&self) {
        self.0.alive.closed().await;
    }
}

/// From where it is opened.
struct From {
    peer: IpAddr,
    address: String,
}

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(From { peer: network(guard::peer(parts)), address: address(parts) })
    }
}

/// 101, and then it is a socket. 426 where no socket was asked for, 401 where what was shown is not good, 429 where there are too many.
async fn open(
    State(sources): State<Sources>,
    from: From,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    caller: Result<Caller, Problem>,
    stopping: Option<Extension<Stopping>>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| {
        let message = "This is a WebSocket; connect to it as one (RFC 6455).";
        Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message)
    })?;
    let Caller(who) = caller?;
    let shared = &sources.sockets.0;
    let place = shared.sockets.take(from.peer).ok_or_else(too_many)?;
    let stranger = match who {
        Some(_) => None,
        None => Some(shared.strangers.take(from.peer).ok_or_else(too_many)?),
    };
    let alive = shared.alive.subscribe();
    let stopping = stopping.map(|Extension(stopping)| stopping);
    let upgrade = upgrade
        .read_buffer_size(READ)
        .write_buffer_size(0)
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let opened = run::Opened { who, address: from.address, stranger, stopping };
        // It is a large future, and a thousand of these wait at once: it is not moved around.
        Box::pin(run::run(socket, sources, opened)).await;
        drop((place, alive));
    }))
}

fn too_many() -> Problem {
    let message = "There are too many sockets already; close one, or try again later.";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many", message).after(Duration::from_secs(10))
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/ws", get(open))
}
