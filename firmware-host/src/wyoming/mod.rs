//! Pipit's ear and voice for others in the house, over Wyoming: Home Assistant's Assist has speech transcribed, text spoken,
//! and the wake word listened for.
//!
//! A connection is a task, and an endpoint at the workers whose jobs come after those of whoever speaks to this device. The
//! protocol has neither authentication nor encryption: who may connect is judged by the address alone, and nothing that
//! comes in is believed. What is said here is answered and forgotten; no turn, log line or row follows from it.

mod info;
mod listener;
mod peer;
mod satellite;
mod session;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pipit_core::chat::Tier;
use pipit_core::config::WyomingSettings;
use pipit_core::wyoming::{Event, SERVICE_TYPE};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::advertise::{self, Advertisement};
use crate::assist::Assist;
use crate::worker::{Ear, Models};
use session::Session;

pub use peer::Fault;
pub use satellite::{Offer, Say};

/// So many peers may be connected. A house has a handful; each may hold some megabytes of sound.
const CONNECTIONS: usize = 16;

/// How long nobody is let in after the system had no room for another connection.
const OUT_OF_ROOM: Duration = Duration::from_secs(1);

/// What every connection shares.
pub struct Services {
    models: Arc<Models>,
    language: String,
    open_ear: OpenEar,
    wake_word: Option<String>,
    assist: Option<Assist>,
    info: Event,
}

/// Opens an ear for one stream of sound, which listens for the wake word if that is wanted. It may take a while.
pub type OpenEar = Arc<dyn Fn(bool) -> anyhow::Result<Ear> + Send + Sync>;

impl Services {
    /// Speech in `language`, an ISO 639 code, by `models`; voice activity and the wake word of this name by ears that are
    /// opened for each stream.
    pub fn new(models: Arc<Models>, language: String, open_ear: OpenEar, wake_word: Option<String>) -> Services {
        let info = info::info(&language, wake_word.as_deref());
        Services { models, language, open_ear, wake_word, assist: None, info }
    }

    /// The same, where the last request that was given to `assist` need not be transcribed once more.
    #[must_use]
    pub fn knowing(self, assist: Assist) -> Services {
        Services { assist: Some(assist), ..self }
    }
}

/// Offers ear and voice where the owner wants it, and tells the network if that is wanted. Others who can't be heard are no
/// reason not to listen to those who are here, so what fails is logged.
pub async fn start(settings: WyomingSettings, services: Services, stop: CancellationToken) -> Option<JoinHandle<()>> {
    let (listener, advertisement) = listen("", settings).await?;
    Some(tokio::spawn(async move {
        serve(listener, Arc::new(services), stop).await;
        drop(advertisement);
    }))
}

/// Offers microphone and speaker in the same way.
pub async fn start_satellite(
    settings: WyomingSettings,
    offer: Offer,
    stop: CancellationToken,
) -> Option<JoinHandle<()>> {
    let (listener, advertisement) = listen("-satellite", settings).await?;
    Some(tokio::spawn(async move {
        serve_satellite(listener, Arc::new(offer), stop).await;
        drop(advertisement);
    }))
}

async fn listen(
    kind: &str,
    WyomingSettings { listen, advertise: advertised }: WyomingSettings,
) -> Option<(TcpListener, Option<Advertisement>)> {
    let bound = TcpListener::bind(listen).await.and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            let key = if kind.is_empty() { "listen" } else { "satellite" };
            tracing::warn!("no Wyoming: {listen} can't be listened on ({error}); set wyoming.{key} to another");
            return None;
        }
    };
    tracing::info!("Wyoming{} at {address}", kind.replace('-', " "));
    let name = format!("{}{kind}", advertise::name_of_this_machine());
    let advertisement = advertised.then(|| Advertisement::start(SERVICE_TYPE, &name, address)).transpose();
    let advertisement = advertisement.unwrap_or_else(|error| {
        tracing::warn!("Home Assistant does not find Pipit by itself: {error:#}; tell it the address");
        None
    });
    Some((listener, advertisement))
}

/// Does what peers ask of ear and voice until `stop`.
pub async fn serve(listener: TcpListener, services: Arc<Services>, stop: CancellationToken) {
    let attend = |stream, _| {
        let services = Arc::clone(&services);
        async move { converse(stream, &services).await }
    };
    let_in(listener, attend, stop).await;
}

/// Is a satellite of whoever wants one until `stop`.
pub async fn serve_satellite(listener: TcpListener, offer: Arc<Offer>, stop: CancellationToken) {
    let attend = |stream, address| {
        let offer = Arc::clone(&offer);
        async move { be_satellite(stream, address, &offer).await }
    };
    let_in(listener, attend, stop).await;
}

/// Lets peers in until `stop`, and has each attended.
async fn let_in<F>(listener: TcpListener, attend: impl Fn(TcpStream, SocketAddr) -> F, stop: CancellationToken)
where
    F: Future<Output = Result<(), Fault>> + Send + 'static,
{
    let (slots, told) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(AtomicBool::new(false)));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a Wyoming peer can't be let in: {error}");
                tokio::time::sleep(OUT_OF_ROOM).await;
                continue;
            }
        };
        if !is_near(address.ip()) {
            if !told.swap(true, Ordering::Relaxed) {
                tracing::warn!("a Wyoming peer from outside the house was turned away; close wyoming.listen to them");
            }
            continue;
        }
        match Arc::clone(&slots).try_acquire_owned() {
            Ok(slot) => {
                // Sound in small events is to leave at once.
                let _ = stream.set_nodelay(true);
                let attended = attend(stream, address);
                connections.spawn(async move {
                    let _slot = slot;
                    if let Err(fault) = attended.await {
                        tracing::debug!("the Wyoming peer at {} was left: {fault}", address.ip());
                    }
                });
            }
            Err(_) => drop(connections.spawn(peer::refuse(stream, "too many are connected; try again later"))),
        }
        // Those who are told that there is no room hold a task too, for a moment.
        while connections.len() >= 2 * CONNECTIONS {
            connections.join_next().await;
        }
    }
}

/// Does what a peer asks for, until it goes.
///
/// # Errors
/// It was left because of what it sent, or did not send in time; it has been told so.
pub async fn converse<S: AsyncRead + AsyncWrite + Unpin>(stream: S, services: &Services) -> Result<(), Fault> {
    Session::new(stream, services).run().await
}

/// Is a satellite of the peer at `address`, until it goes.
///
/// # Errors
/// It was left because of what it sent, or did not send in time; it has been told so.
pub async fn be_satellite<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    address: SocketAddr,
    offer: &Offer,
) -> Result<(), Fault> {
    satellite::Session::new(stream, address, offer).run().await
}

/// Whether an address is one of this machine or of the network at home.
fn is_near(address: IpAddr) -> bool {
    Tier::of_url(&format!("tcp://{}", SocketAddr::new(address.to_canonical(), 1))) < Tier::Outside
}
