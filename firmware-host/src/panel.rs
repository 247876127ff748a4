//! The panel's part of the daemon: what it is made of, and where it is served.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use pipit_core::config::{Config, PrivacySettings};
use pipit_core::control::{Command, Origin};
use pipit_web::privacy::Kept;
use pipit_web::providers::Providers;
use pipit_web::settings::Settings;
use pipit_web::v1::Apis;
use pipit_web::{Accounts, Announce, Logs, NotAnnounced, Sources, Tasks};
use tokio_util::sync::CancellationToken;

use crate::advertise::{Advertisement, PANEL, name_of_this_machine};
use crate::app::App;
use crate::authority::{Authority, keep_vouching};
use crate::controls::Controls;

/// What else the panel shows of the daemon.
pub struct Parts {
    /// The configuration.
    pub settings: Arc<dyn Settings>,
    /// The language models and speech services.
    pub providers: Arc<dyn Providers>,
    /// The last lines of the log.
    pub logs: Logs,
}

/// Serves it where the owner wants it, until `stop`. What can't be served is logged: it is no reason to stop listening.
pub fn start(app: &App, controls: &Controls, apis: Apis, parts: Parts, stop: &CancellationToken) {
    let (web, https) = (app.config().web_listen, app.config().web_https_listen);
    if web.is_none() && https.is_none() {
        return;
    }
    let authority = https.and_then(|_| authority(app));
    let sources = sources(app, controls, apis, parts, authority.as_deref());
    let (stopped, tasks) = (stop.clone(), sources.tasks.clone());
    tokio::spawn(async move {
        stopped.cancelled().await;
        tasks.close();
    });
    if let Some(address) = web {
        tokio::spawn(serve(address, None, app.config().web_advertise, sources.clone(), stop.clone()));
    }
    let Some((address, authority)) = https.zip(authority) else { return };
    match authority.server_config() {
        Ok(tls) => {
            tokio::spawn(keep_vouching(authority));
            tokio::spawn(serve(address, Some(tls), false, sources, stop.clone()));
        }
        Err(error) => tracing::error!("no HTTPS: {error:#}"),
    }
}

/// Who vouches for this device by TLS. Without, there is no HTTPS, and the log says why.
fn authority(app: &App) -> Option<Arc<Authority>> {
    let name = format!("Pipit {}", app.config().home.area.clone().unwrap_or_else(name_of_this_machine));
    Authority::of(app.store(), &name).inspect_err(|error| tracing::error!("no HTTPS: {error:#}")).ok().map(Arc::new)
}

/// What the panel is made of.
fn sources(
    app: &App,
    controls: &Controls,
    apis: Apis,
    Parts { settings, providers, logs }: Parts,
    authority: Option<&Authority>,
) -> Sources {
    let (bus, store) = (app.bus(), app.speakers().clone());
    let announce = announcer(controls.clone());
    let in_memory = app.config().privacy.ephemeral;
    let accounts = Accounts::new(app.store().clone(), in_memory, Arc::new(Timestamp::now), Arc::clone(&announce));
    let to_check = accounts.clone();
    tokio::task::spawn_blocking(move || to_check.check_audit());
    let carried_out = controls.clone();
    let own_name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own_name = Some(own_name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty());
    Sources {
        snapshots: bus.snapshots(),
        events: bus.events(),
        levels: bus.levels().subscribe(),
        metrics: bus.metrics(),
        store,
        announce,
        apis,
        accounts,
        choices: Arc::new(controls.choices().clone()),
        control: Arc::new(move |command| {
            let controls = carried_out.clone();
            async move { controls.carry_out(command, Origin::Home).await.map_err(|error| format!("{error:#}")) }.boxed()
        }),
        settings,
        tasks: Tasks::default(),
        providers,
        logs,
        privacy: kept(app.config()),
        house: app.house(),
        authority: authority.map(|authority| authority.certificate().into()),
        hosts: app.config().web_hosts.iter().cloned().chain(own_name).collect(),
    }
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

async fn serve(
    address: SocketAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
    advertise: bool,
    sources: Sources,
    stop: CancellationToken,
) {
    let key = if tls.is_some() { "web.https_listen" } else { "web.listen" };
    let listener = match tokio::net::TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!("no panel: {address} can't be listened on ({error}); set {key} to another");
            return;
        }
    };
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!("panel at {}://{address}", if tls.is_some() { "https" } else { "http" });
    let advertised = advertise && !address.ip().to_canonical().is_loopback();
    let advertisement = advertised.then(|| Advertisement::start(PANEL, "pipit", address)).transpose();
    let _advertisement = advertisement.unwrap_or_else(|error| {
        tracing::warn!("the panel is not found as pipit.local: {error:#}; use this machine's address");
        None
    });
    pipit_web::serve(listener, tls, pipit_web::router(sources), stop.cancelled_owned()).await;
}
