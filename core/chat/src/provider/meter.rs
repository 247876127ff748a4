//! Counts what goes to a server and comes back, for the ledger of whoever is answered.

use pipit_store::{ConversationId, Purpose, Store, Traffic};
use reqwest::header::{ACCEPT, HOST, HeaderMap, HeaderName, USER_AGENT};
use reqwest::{Request, Response};
use tracing::warn;

use super::ProviderIdentity;
use crate::engine::Clock;

/// Where it is written down, and as what.
#[derive(Clone)]
pub struct Meter {
    /// The store of whoever is answered.
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) purpose: Purpose,
    /// The same for all requests of a turn.
    pub(crate) turn: Option<i64>,
    pub(crate) conversation: Option<ConversationId>,
}

impl Meter {
    /// Writes into the ledger of `store`'s person, for no turn and no conversation.
    #[must_use]
    pub fn new(store: Store, clock: Clock, purpose: Purpose) -> Meter {
        Meter { store, clock, purpose, turn: None, conversation: None }
    }

    /// Begins to count a request that is about to be sent.
    pub(super) fn count(&self, identity: &ProviderIdentity, host: &str, request: &Request) -> Count {
        let traffic = Traffic {
            at: (self.clock)().timestamp(),
            turn: self.turn,
            conversation: self.conversation,
            purpose: self.purpose,
            host: host.to_owned(),
            provider: identity.name.clone(),
            tier: identity.tier,
            sent: length(request),
            received: 0,
        };
        Count { store: self.store.clone(), traffic: Some(traffic) }
    }
}

/// One request and what has come back of it. It is written down when it is dropped, however the reply ended.
pub(super) struct Count {
    store: Store,
    /// `None` once it is known that nothing was sent.
    traffic: Option<Traffic>,
}

impl Count {
    /// There was no connection, so nothing was sent.
    pub(super) fn nothing_was_sent(&mut self) {
        self.traffic = None;
    }

    /// The beginning of the response has come.
    pub(super) fn received_head(&mut self, response: &Response) {
        // HTTP/1.1, a status of three digits and what it is called.
        let status = "HTTP/1.1 200 \r\n\r\n".len() + response.status().canonical_reason().unwrap_or_default().len();
        self.received(status as u64 + lines(response.headers()));
    }

    /// So many bytes of its body have come.
    pub(super) fn received(&mut self, bytes: u64) {
        if let Some(traffic) = &mut self.traffic {
            traffic.received += bytes;
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        let Some(traffic) = self.traffic.take() else { return };
        let store = self.store.clone();
        let record = move || {
            if let Err(error) = store.record_traffic(&traffic) {
                warn!("what was sent to {} is missing from the ledger: {error}", traffic.provider);
            }
        };
        // The disk may make it wait, and a reply must not.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(record)),
            Err(_) => record(),
        }
    }
}

/// Bytes of a request as HTTP/1.1 writes it, with what the client adds to it.
fn length(request: &Request) -> u64 {
    let url = request.url();
    let (path, query) = (url.path().len(), url.query().map_or(0, |query| query.len() + 1));
    let line = request.method().as_str().len() + path + query + "  HTTP/1.1\r\n\r\n".len();
    let body = request.body().and_then(|body| body.as_bytes()).map_or(0, <[u8]>::len);
    let added = |name: &HeaderName, value: usize| {
        if request.headers().contains_key(name) { 0 } else { name.as_str().len() + value + ": \r\n".len() }
    };
    let port = url.port().map_or(0, |port| port.to_string().len() + 1);
    let host = added(&HOST, url.host_str().map_or(0, str::len) + port);
    let content_length = if body > 0 { "content-length: \r\n".len() + body.to_string().len() } else { 0 };
    let agent = added(&USER_AGENT, super::http::USER_AGENT.len()) + added(&ACCEPT, "*/*".len());
    (line + host + content_length + agent + body) as u64 + lines(request.headers())
}

fn lines(headers: &HeaderMap) -> u64 {
    headers.iter().map(|(name, value)| (name.as_str().len() + value.len() + ": \r\n".len()) as u64).sum()
}
