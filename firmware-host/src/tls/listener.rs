//! Lets in whoever has shaken hands, so that one who takes long for that holds up nobody.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::server::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Shaking hands takes two ways there and back, and some milliseconds of a small board.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// So many shake hands at once; the next wait until one is done.
const AT_ONCE: usize = 32;

/// After the system had no room for another connection.
const OUT_OF_ROOM: Duration = Duration::from_secs(1);

/// A listener for TLS.
pub struct TlsListener {
    accepted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

/// Who has connected.
#[derive(Clone, Copy, Debug)]
pub struct Client(pub SocketAddr);

impl TlsListener {
    /// Speaks TLS with whoever comes to `listener`.
    ///
    /// # Errors
    /// The system does not know where that is.
    pub fn new(listener: TcpListener, config: Arc<ServerConfig>) -> io::Result<TlsListener> {
        let address = listener.local_addr()?;
        // Whoever has shaken hands waits here for a moment; whoever comes after them, before.
        let (sender, accepted) = mpsc::channel(AT_ONCE);
        let accepting = tokio::spawn(accept(listener, TlsAcceptor::from(config), sender));
        Ok(TlsListener { accepted, address, accepting })
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a browser can't be let in: {error}");
                tokio::time::sleep(OUT_OF_ROOM).await;
                continue;
            }
        };
        // It is closed only when this ends.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        tokio::spawn(async move {
            let _slot = slot;
            match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                // Nobody is let in any more where nobody takes it.
                Ok(Ok(stream)) => drop(sender.send((stream, address)).await),
                // A browser that does not trust it yet ends the handshake, too.
                Ok(Err(error)) => tracing::debug!("no TLS with {}: {error}", address.ip()),
                Err(_) => tracing::debug!("no TLS with {}: it took too long", address.ip()),
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // It takes connections for as long as this lives.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Client {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Client {
        Client(*stream.remote_addr())
    }
}
