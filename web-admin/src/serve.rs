//! Connections: HTTP/1.1 alone, by TLS or without, with limits for whoever sends nothing, or too much.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower::ServiceExt as _;

use crate::guard::ByTls;

/// The head of a request has to come in so long, also that of the next one on a connection.
const HEAD_LIMIT: Duration = Duration::from_secs(20);

/// The head of a request may have so many bytes. hyper reads no more than that ahead of a body either.
const LARGEST_HEAD: usize = 16 * 1024;

/// Headers of a request.
const MOST_HEADERS: usize = 64;

/// Connections at once. More wait until one of them ends.
const MOST_CONNECTIONS: usize = 2048;

/// How long to wait where the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(200);

/// Shaking hands takes two ways there and back, and some milliseconds of a small board.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Tells what outlives its request that everything is to end, which waits until this is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Stopping(pub(crate) watch::Receiver<()>);

/// Serves until `stop` comes, and then until what was asked for is answered. With `tls`, nobody is served without it.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let tls = tls.map(TlsAcceptor::from);
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    // Those that serve a connection each have a receiver: the last that goes tells that all is done.
    let stopped = watch::Sender::new(());
    let mut stop = pin!(stop);
    loop {
        let next = async {
            // It is never closed.
            let permit = Arc::clone(&room).acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Events are small, and should not wait for each other.
                let _ = stream.set_nodelay(true);
                let (router, stopped) = (router.clone(), stopped.subscribe());
                match tls.clone() {
                    None => drop(tokio::spawn(connection(stream, peer, router, false, stopped, permit))),
                    Some(tls) => drop(tokio::spawn(async move {
                        match timeout(HANDSHAKE, tls.accept(stream)).await {
                            Ok(Ok(stream)) => connection(stream, peer, router, true, stopped, permit).await,
                            // A browser that does not trust it yet ends the handshake, too.
                            Ok(Err(error)) => tracing::debug!("no TLS with {peer}: {error}"),
                            Err(_) => tracing::debug!("no TLS with {peer}: it took too long"),
                        }
                    })),
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!("the panel can take no more connections for now: {error}");
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }
    drop(listener);
    stopped.send_replace(());
    stopped.closed().await;
}

/// Whoever wanted to connect has gone.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    by_tls: bool,
    mut stopped: watch::Receiver<()>,
    _room: Option<OwnedSemaphorePermit>,
) {
    let stopping = Stopping(stopped.clone());
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(stopping.clone());
        if by_tls {
            request.extensions_mut().insert(ByTls);
        }
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEAD);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), answer).with_upgrades());
    let ended = tokio::select! {
        ended = &mut served => ended,
        _ = stopped.changed() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection of {peer} has ended: {error}");
    }
}
