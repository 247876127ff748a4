//! Who asks.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use pipit_store::{Person, Store};

use crate::Sources;
use crate::problem::Problem;

/// Who asks: so far the owner, from the machine itself.
pub(crate) struct Who {
    pub(crate) person: Person,
    pub(crate) store: Store,
}

impl FromRequestParts<Sources> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, sources: &Sources) -> Result<Who, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        if !peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback()) {
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "signed_out", "Sign in first."));
        }
        let store = sources.store.clone();
        let people = tokio::task::spawn_blocking(move || Ok((store.people()?, store)));
        let failed = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Pipit is ending.");
        let (people, store) = people.await.map_err(|_| failed())?.map_err(|_: pipit_store::StoreError| failed())?;
        let person = people.into_iter().find(|person| person.role == pipit_store::Role::Owner).ok_or_else(failed)?;
        Ok(Who { person, store })
    }
}
