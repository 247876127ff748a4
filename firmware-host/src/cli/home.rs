//! `pipit home`: the devices that are known over MQTT, and how they are. It looks for itself, beside a daemon that may be running.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use pipit_chat::Engine;
use pipit_core::config::Config;
use pipit_core::home::{Entity, Reachable};
use pipit_store::Store;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Options;
use crate::chat;
use crate::mqtt::{self, Connection, MqttHome, Status};

/// How long a broker may take to let Pipit in.
const PATIENCE: Duration = Duration::from_secs(10);
/// After this long without news, all that the broker retains is taken to be known.
const QUIET: Duration = Duration::from_millis(300);
/// And after this long in any case: some homes are never quiet.
const LONGEST: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Home {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Home {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        anyhow::ensure!(config.mqtt.is_some(), "no broker is configured; write its name or address in mqtt.host");
        let home = look(&config)?;
        home.look(|registry| registry.entities().try_for_each(|entity| show(entity, self.json)))?;
        if home.look(|registry| registry.entities().next().is_none()) && !self.json {
            print_line!("no device has made itself known under {}", prefix(&config))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn prefix(config: &Config) -> String {
    config.mqtt.as_ref().map(|mqtt| format!("{}/", mqtt.discovery_prefix)).unwrap_or_default()
}

fn show(entity: &Entity, as_json: bool) -> std::io::Result<()> {
    let (device, kind) = (entity.device(), format!("{:?}", entity.device().kind).to_lowercase());
    if !as_json {
        return print_line!("{kind:<10} {}", entity.said());
    }
    let reachable = match entity.reachable() {
        Reachable::Yes => Some(true),
        Reachable::No => Some(false),
        Reachable::Unheard => None,
    };
    let line = json!({
        "id": device.id.0, "name": device.name, "area": device.place, "kind": kind, "names": entity.names(),
        "reachable": reachable, "state": entity.said(),
    });
    print_line!("{line}")
}

/// Connects to the broker that is configured, for as long as it takes to learn of the devices behind it.
///
/// # Errors
/// There is no connection: why, in a sentence.
pub(super) fn look(config: &Config) -> anyhow::Result<Arc<MqttHome>> {
    super::async_runtime()?.block_on(async { Visit::begin(config, &|| chat::store(config)).await?.end().await })
}

/// A connection to the broker beside that of a daemon, which may be running.
pub(super) struct Visit {
    home: Arc<MqttHome>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Visit {
    /// Connects to the broker that is configured, and waits until the devices behind it are known. `store` may have the password.
    ///
    /// # Errors
    /// There is no connection: why, in a sentence.
    async fn begin(config: &Config, store: &(dyn Fn() -> anyhow::Result<Store> + Sync)) -> anyhow::Result<Visit> {
        let settings = config.mqtt.as_ref().context("no broker is configured")?;
        let password = mqtt::password(settings, store)?;
        let mut connection = Connection::visit(settings.clone(), Box::new(move || Ok(password.clone())));
        let home = MqttHome::new(settings, &config.home, connection.outbox());
        connection.join(home.participant());
        let (mut status, mut changes) = (connection.status(), home.changes());
        let stop = CancellationToken::new();
        let task = tokio::spawn(connection.run(stop.clone()));
        let decided = status.wait_for(|status| matches!(status, Status::Connected | Status::Failed(_)));
        let status = tokio::time::timeout(PATIENCE, decided).await.context("the MQTT broker does not answer")??.clone();
        if let Status::Failed(why) = status {
            anyhow::bail!("{why}");
        }
        let begun = Instant::now();
        while begun.elapsed() < LONGEST && tokio::time::timeout(QUIET, changes.changed()).await.is_ok() {}
        Ok(Visit { home, stop, task })
    }

    /// Connects the engine to the home behind the broker, if one is configured. Where that fails the log says so, and the engine
    /// has none. `owner` may have the password.
    pub(super) async fn to_home_of(config: &Config, engine: &Engine, owner: &Store) -> Option<Visit> {
        config.mqtt.as_ref()?;
        let visit = Visit::begin(config, &|| Ok(owner.clone())).await;
        let visit = visit.inspect_err(|error| tracing::warn!("the home is not connected: {error:#}")).ok()?;
        engine.connect_home(Some(visit.home.clone()));
        Some(visit)
    }

    /// Takes leave once all that was published has arrived.
    ///
    /// # Errors
    /// The connection failed.
    pub(super) async fn end(self) -> anyhow::Result<Arc<MqttHome>> {
        self.stop.cancel();
        self.task.await.context("the connection has failed")?;
        Ok(self.home)
    }
}
