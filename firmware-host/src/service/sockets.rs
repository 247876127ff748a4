//! Sockets that systemd has opened: ports 80 and 443 need a privilege that Pipit does not have.

use std::net::TcpListener;

use anyhow::Context as _;
use listenfd::ListenFd;

/// What `FileDescriptorName` is in pipit.socket and in pipit-https.socket.
const NAMES: [&str; 2] = ["http", "https"];

/// The listeners that were handed over.
#[derive(Debug, Default)]
pub struct Sockets {
    http: Option<TcpListener>,
    https: Option<TcpListener>,
}

impl Sockets {
    /// Takes what was handed over. To be called once, before any thread is started: it changes the environment.
    ///
    /// # Errors
    /// One of them is called otherwise, or is none that can be listened on.
    pub fn take() -> anyhow::Result<Sockets> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<_> = names.split(':').collect();
        let (mut handed, mut sockets) = (ListenFd::from_env(), Sockets::default());
        for at in 0..handed.len() {
            let name = names.get(at).copied().unwrap_or_default();
            let place = match NAMES.iter().position(|known| *known == name) {
                Some(0) => &mut sockets.http,
                Some(_) => &mut sockets.https,
                None => anyhow::bail!(
                    "a socket called \"{name}\" was handed to Pipit; write FileDescriptorName=http or https into its unit"
                ),
            };
            *place = handed
                .take_tcp_listener(at)
                .with_context(|| format!("the socket called \"{name}\" is not one to listen on; see its unit"))?;
        }
        Ok(sockets)
    }

    /// The one for the panel by HTTP.
    ///
    /// # Errors
    /// The process has too many files open.
    pub fn http(&self) -> anyhow::Result<Option<tokio::net::TcpListener>> {
        listener(self.http.as_ref())
    }

    /// The one for the panel by HTTPS.
    ///
    /// # Errors
    /// The process has too many files open.
    pub fn https(&self) -> anyhow::Result<Option<tokio::net::TcpListener>> {
        listener(self.https.as_ref())
    }
}

/// Another end of the same socket, since what was handed over serves a second attempt to start too.
fn listener(socket: Option<&TcpListener>) -> anyhow::Result<Option<tokio::net::TcpListener>> {
    let Some(socket) = socket else { return Ok(None) };
    let listener = socket.try_clone().and_then(|socket| {
        socket.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(socket)
    });
    Ok(Some(listener.context("the socket that systemd has opened can't be listened on")?))
}
