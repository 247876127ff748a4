//! What stands before everything that is served: which host names are this machine's, which pages may change something, how
//! much may be sent, and what every answer tells the browser. Who asks is found out elsewhere, in [`crate::account`].

mod body;
mod headers;
mod host;
mod limits;
mod origin;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;

use crate::Sources;
use crate::problem::Problem;

pub(crate) use body::{JsonBody, LARGEST_BODY};
pub(crate) use limits::{Buckets, Rate};

/// By which a request is found again in what is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// Random since the start, and then counted: nobody can say what another request is called.
    fn next() -> RequestId {
        static BEGINNING: LazyLock<u64> = LazyLock::new(|| getrandom::u64().unwrap_or_default());
        static COUNT: AtomicU64 = AtomicU64::new(0);
        RequestId(format!("{:016x}-{:x}", *BEGINNING, COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// That a request came by TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByTls;

/// Whether a request came by TLS.
pub(crate) fn is_by_tls(parts: &Parts) -> bool {
    parts.extensions.get::<ByTls>().is_some()
}

/// Lets through what is meant for this machine, and gives every answer what every answer has.
pub(crate) async fn stand(State(sources): State<Sources>, request: Request, next: Next) -> Response {
    let (id, begun) = (RequestId::next(), Instant::now());
    let (mut parts, body) = request.into_parts();
    let peer = peer(&parts);
    let (method, route) = (parts.method.clone(), parts.extensions.get::<MatchedPath>().cloned());
    let metrics = Arc::clone(&sources.metrics);
    let response = match judge(&parts, &sources) {
        Ok(()) => {
            parts.extensions.insert(id.clone());
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    };
    let mut response = match response.extensions().get::<Problem>() {
        Some(problem) => {
            note_refused(problem, &id, peer);
            let mut written = problem.answer(&id);
            // Such as a cookie that is taken back.
            for (name, value) in response.headers() {
                if !written.headers().contains_key(name) && name != axum::http::header::CONTENT_LENGTH {
                    written.headers_mut().append(name, value.clone());
                }
            }
            written
        }
        None => response,
    };
    headers::add(response.headers_mut(), &id);
    let route = route.as_ref().map(MatchedPath::as_str);
    metrics.requests.answered(method.as_str(), route, response.status().as_u16(), begun.elapsed());
    response
}

/// Who is kept from something is in the log, by what and from where, but not with what they asked for. Whoever tries thousands
/// of times does not fill it.
fn note_refused(problem: &Problem, id: &RequestId, peer: Option<IpAddr>) {
    const RATE: Rate = Rate { burst: 20, every: Duration::from_secs(10) };
    static NOTED: LazyLock<Mutex<Buckets<()>>> = LazyLock::new(|| Mutex::new(Buckets::new(RATE)));
    let code = problem.code();
    if !matches!(problem.status().as_u16(), 401 | 403 | 421 | 429) || code == "signed_out" {
        return;
    }
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    if noted.take((), Timestamp::now()).is_ok() {
        let from = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
        tracing::info!(from, request = id.as_str(), "refused: {code}");
    }
}

fn judge(parts: &Parts, sources: &Sources) -> Result<(), Problem> {
    host::judge(parts, &sources.hosts)?;
    origin::judge(parts)?;
    body::judge(parts)
}

/// The address that a request comes from, if it is known.
pub(crate) fn peer(parts: &Parts) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(peer.0.ip().to_canonical())
}

/// Whether a program on this machine asks: no page in a browser, and nobody whose request a proxy on this machine passes on.
pub(crate) fn is_here(parts: &Parts) -> bool {
    let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let is_loopback = peer(parts).is_some_and(|peer| peer.is_loopback());
    is_loopback && !origin::is_of_page(&parts.headers) && !has_any(&parts.headers, &passed_on)
}

fn has_any(headers: &HeaderMap, names: &[&str]) -> bool {
    names.iter().any(|name| headers.contains_key(*name))
}
