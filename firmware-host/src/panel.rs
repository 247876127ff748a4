//! The panel's part of the daemon: what it is made of, and where it is served.

mod shelf;
mod sound;
mod voices;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use pipit_core::config::{Config, PrivacySettings};
use pipit_core::control::{Command, Origin};
use pipit_core::face::Face;
use pipit_web::display::Display as Preview;
use pipit_web::privacy::Kept;
use pipit_web::providers::Providers;
use pipit_web::v1::Apis;
use pipit_web::voice::OpenVoice;
use pipit_web::{
    Accounts, Announce, CODE_GOOD_FOR, Household, LastUpdate, Logs, NotAnnounced, ShowCode, Sockets, Sources, Tasks,
    Versions,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::advertise::{Advertisement, PANEL, name_of_this_machine};
use crate::app::App;
use crate::authority::{Authority, keep_vouching};
use crate::backup::DeviceBackups;
use crate::bus::Bus;
use crate::controls::Controls;
use crate::display::picture;
use crate::executable::Executable;
use crate::service::Sockets as Handed;
use crate::settings::{Layering, PanelsSettings};
use crate::support::{self, Looked};
use crate::{identity, update};

/// What the daemon gives the panel beside its controls.
pub struct Parts {
    /// What the APIs under `/v1` are made of.
    pub apis: Apis,
    /// Where the configuration comes from.
    pub layering: Layering,
    /// The language models and speech services.
    pub providers: Arc<dyn Providers>,
    /// The last lines of the log.
    pub logs: Logs,
    /// Opens places from which people speak.
    pub open_voice: OpenVoice,
    /// The sockets that are listened on in place of what the configuration says.
    pub sockets: Arc<Handed>,
    /// What Pipit shows of itself.
    pub face: watch::Receiver<Face>,
}

/// Serves it where the owner wants it, until `stop`. What can't be served is logged: it is no reason to stop listening. Gives the
/// sockets, which end soon after `stop`.
///
/// # Errors
/// The layers of the configuration can't be read any more, or are no longer right.
pub fn start(
    app: &App,
    controls: &Controls,
    parts: Parts,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Sockets>> {
    let web = Place::of(parts.sockets.http()?, app.config().web_listen);
    let https = Place::of(parts.sockets.https()?, app.config().web_https_listen);
    if web.is_none() && https.is_none() {
        return Ok(None);
    }
    let authority = https.as_ref().and_then(|_| authority(app));
    let sources = sources(app, controls, parts, authority.as_deref())?;
    let (sockets, tasks) = (sources.sockets.clone(), sources.tasks.clone());
    let stopped = stop.clone();
    tokio::spawn(async move {
        stopped.cancelled().await;
        tasks.close();
    });
    // A page without encryption is the easier one to get to know Pipit by.
    let shown = web.is_some().then(|| app.bus().clone());
    let shown_there = web.is_none().then(|| app.bus().clone());
    if let Some(place) = web {
        tokio::spawn(serve(place, None, (app.config().web_advertise, shown), sources.clone(), stop.clone()));
    }
    let Some((place, authority)) = https.zip(authority) else { return Ok(Some(sockets)) };
    match authority.server_config() {
        Ok(tls) => {
            tokio::spawn(keep_vouching(authority));
            tokio::spawn(serve(place, Some(tls), (false, shown_there), sources, stop.clone()));
        }
        Err(error) => tracing::error!("no HTTPS: {error:#}"),
    }
    Ok(Some(sockets))
}

/// Who vouches for this device by TLS. Without, there is no HTTPS, and the log says why.
fn authority(app: &App) -> Option<Arc<Authority>> {
    let name = format!("Pipit {}", app.config().home.area.clone().unwrap_or_else(name_of_this_machine));
    Authority::of(app.store(), &name).inspect_err(|error| tracing::error!("no HTTPS: {error:#}")).ok().map(Arc::new)
}

/// What the panel is made of.
fn sources(app: &App, controls: &Controls, parts: Parts, authority: Option<&Authority>) -> anyhow::Result<Sources> {
    let Parts { apis, layering, providers, logs, open_voice, face, sockets: _ } = parts;
    let sockets = Sockets::new(open_voice, app.bus().hearing().clone(), app.thresholds());
    let executable = Mutex::new(Executable::running(env!("CARGO_PKG_VERSION")));
    let backups = DeviceBackups::new(layering.clone(), app.config(), app.store().clone());
    let settings = Arc::new(PanelsSettings::new(layering, app.config(), app.store().clone())?);
    let (bus, store) = (app.bus(), app.speakers().clone());
    let announce = announcer(controls.clone());
    let in_memory = app.config().privacy.ephemeral;
    let accounts = Accounts::new(app.store().clone(), in_memory, Arc::new(Timestamp::now), Arc::clone(&announce));
    let accounts = accounts.showing_code(shown_code(app.bus().clone()));
    let accounts = match identity::provider(app) {
        Some(provider) => accounts.vouched_for_by(provider),
        None => accounts,
    };
    let to_check = accounts.clone();
    tokio::task::spawn_blocking(move || to_check.check_audit());
    let carried_out = controls.clone();
    let own_name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own_name = Some(own_name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty());
    Ok(Sources {
        snapshots: bus.snapshots(),
        events: bus.events(),
        levels: bus.levels().subscribe(),
        metrics: bus.metrics(),
        store: store.clone(),
        announce,
        apis,
        accounts,
        sockets,
        broker: app.broker_state(),
        choices: Arc::new(controls.choices().clone()),
        control: Arc::new(move |command| {
            let controls = carried_out.clone();
            async move { controls.carry_out(command, Origin::Home).await.map_err(|error| format!("{error:#}")) }.boxed()
        }),
        settings: settings.clone(),
        backups: Arc::new(backups),
        versions: versions(app.config(), executable),
        support: support::of(Looked {
            config: app.config().clone(),
            settings,
            store: app.store().clone(),
            turns: store.clone(),
            metrics: bus.metrics(),
            snapshots: bus.snapshots(),
            log: Some(newest_lines(logs.clone())),
        }),
        tasks: Tasks::default(),
        models: Some(Arc::new(shelf::Shelf::new(app, controls))),
        voices: Some(Arc::new(voices::Voices::new(app, controls))),
        sound: Some(Arc::new(sound::Sound::new(app, controls))),
        household: Arc::new(household(app)),
        providers,
        logs,
        privacy: kept(app.config()),
        house: app.house(),
        display: preview(app.config(), face),
        authority: authority.map(|authority| authority.certificate().into()),
        hosts: app.config().web_hosts.iter().cloned().chain(own_name).collect(),
    })
}

/// Draws what is shown, as the display would that is configured, and without what is not for everybody.
fn preview(config: &Config, face: watch::Receiver<Face>) -> Preview {
    let of = config.display.clone();
    Arc::new(move || {
        let face = face.borrow().clone().without_words();
        picture::preview(&face, of.as_ref()).inspect_err(|error| tracing::debug!("no picture: {error:#}")).ok()
    })
}

/// Has a display show the code of the claim.
fn shown_code(bus: Bus) -> ShowCode {
    Arc::new(move |code| {
        let code = code.map(|code| (code.to_owned(), Instant::now() + CODE_GOOD_FOR));
        bus.beside().send_modify(|beside| beside.code = code);
    })
}

/// What the configuration says of what is set up first.
fn household(app: &App) -> Household {
    let config = app.config();
    Household { mqtt: config.mqtt.is_some(), llm: config.llm.is_some() }
}

/// The last lines of the log, for whoever is to help: the pages of the log have the others.
fn newest_lines(logs: Logs) -> support::LogLines {
    const NEWEST: usize = 500;
    Arc::new(move || {
        let text = logs.text();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines[lines.len().saturating_sub(NEWEST)..].to_vec()
    })
}

/// What is kept of what people say.
fn kept(config: &Config) -> Kept {
    let PrivacySettings { ephemeral, conversation_days, ledger_days } = config.privacy;
    Kept {
        ephemeral,
        conversation_days: conversation_days.map(NonZeroU32::get),
        ledger_days: ledger_days.map(NonZeroU32::get),
        turns: config.log_turns,
        broker: config.mqtt.as_ref().map(|mqtt| (mqtt.tier, mqtt.publish_words)),
        started: Timestamp::now(),
    }
}

/// Has the controls announce what programs on this machine want said.
fn announcer(controls: Controls) -> Announce {
    Arc::new(move |text| {
        let controls = controls.clone();
        async move {
            let command = Command::announcement(&text)
                .map_err(|accepted| NotAnnounced::Unfit(format!("The text must be {accepted}.")))?;
            let done = controls.carry_out(command, Origin::Home).await;
            done.map_err(|error| NotAnnounced::NotNow(format!("It is not announced: {error:#}.")))
        }
        .boxed()
    })
}

/// Where the panel is served.
enum Place {
    /// Handed over, by systemd.
    Socket(TcpListener),
    Address(SocketAddr),
}

impl Place {
    /// What was handed over outweighs what the configuration says.
    fn of(socket: Option<TcpListener>, configured: Option<SocketAddr>) -> Option<Place> {
        socket.map(Place::Socket).or(configured.map(Place::Address))
    }

    async fn listener(self, key: &str) -> Option<TcpListener> {
        match self {
            Place::Socket(listener) => Some(listener),
            Place::Address(address) => match TcpListener::bind(address).await {
                Ok(listener) => Some(listener),
                Err(error) => {
                    tracing::warn!("no panel: {address} can't be listened on ({error}); set {key} to another");
                    None
                }
            },
        }
    }
}

async fn serve(
    place: Place,
    tls: Option<Arc<rustls::ServerConfig>>,
    (advertise, shown): (bool, Option<Bus>),
    sources: Sources,
    stop: CancellationToken,
) {
    let key = if tls.is_some() { "web.https_listen" } else { "web.listen" };
    let Some(listener) = place.listener(key).await else { return };
    let Ok(address) = listener.local_addr() else { return };
    tracing::info!("panel at {}://{address}", if tls.is_some() { "https" } else { "http" });
    let advertised = advertise && !address.ip().to_canonical().is_loopback();
    let advertisement = advertised.then(|| Advertisement::start(PANEL, "pipit", address)).transpose();
    let advertisement = advertisement.unwrap_or_else(|error| {
        tracing::warn!("the panel is not found as pipit.local: {error:#}; use this machine's address");
        None
    });
    if let Some(bus) = shown {
        let place = typed(address, tls.is_some(), advertisement.is_some());
        bus.beside().send_modify(|beside| beside.address = Some(place));
    }
    pipit_web::serve(listener, tls, pipit_web::router(sources), stop.cancelled_owned()).await;
}

/// Which versions there are. Another is installed by the system, which looks for a file that says so: Pipit itself may install nothing, and
/// cannot say which.
fn versions(config: &Config, executable: Mutex<Executable>) -> Versions {
    let wanted = std::env::var_os("RUNTIME_DIRECTORY").map(|folder| PathBuf::from(folder).join("update-wanted"));
    let wanted = wanted.filter(|_| config.update.feed.is_some());
    let failure = config.update.failure.clone();
    Versions {
        on_disk: Arc::new(move || executable.lock().unwrap_or_else(PoisonError::into_inner).version().to_owned()),
        last: Arc::new(move || {
            let of_package = update::last(Path::new(update::CACHE)).map(|update::Ended { at, from, to, went_back }| {
                let versions = Some((from.to_string(), to.to_string()));
                LastUpdate { at: Timestamp::from_second(at).unwrap_or_default(), versions, went_back }
            });
            let of_system = failure.as_deref().and_then(update::failure);
            let of_system = of_system.map(|(at, why)| LastUpdate { at, versions: None, went_back: Some(why) });
            of_package.into_iter().chain(of_system).max_by_key(|update| update.at)
        }),
        ask: wanted.map(|file| -> Arc<dyn Fn() -> Result<(), String> + Send + Sync> {
            Arc::new(move || {
                let written = std::fs::write(&file, "");
                written.map_err(|error| {
                    format!("the system can't be asked, for {} can't be written: {error}", file.display())
                })
            })
        }),
    }
}

/// What people type to find the panel.
fn typed(address: SocketAddr, encrypted: bool, advertised: bool) -> String {
    let (scheme, usual) = if encrypted { ("https://", 443) } else { ("", 80) };
    let port = if address.port() == usual { String::new() } else { format!(":{}", address.port()) };
    let host = if advertised {
        "pipit.local".to_owned()
    } else {
        let ip = if address.ip().is_unspecified() { own_address().unwrap_or(address.ip()) } else { address.ip() };
        SocketAddr::new(ip, 0).to_string().trim_end_matches(":0").to_owned()
    };
    format!("{scheme}{host}{port}")
}

/// The address by which others in the network reach this machine.
fn own_address() -> Option<IpAddr> {
    let all = if_addrs::get_if_addrs().ok()?;
    all.iter().map(if_addrs::Interface::ip).find(|ip| ip.is_ipv4() && !ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn what_people_type_is_as_short_as_it_may_be() {
        let table = [
            ("192.168.1.5:80", false, false, "192.168.1.5"),
            ("192.168.1.5:7847", false, false, "192.168.1.5:7847"),
            ("0.0.0.0:7847", false, true, "pipit.local:7847"),
            ("0.0.0.0:443", true, true, "https://pipit.local"),
            ("[fd00::5]:7848", true, false, "https://[fd00::5]:7848"),
        ];
        for (address, encrypted, advertised, expected) in table {
            assert_eq!(typed(address.parse().unwrap(), encrypted, advertised), expected);
        }
    }
}
