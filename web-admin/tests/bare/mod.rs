//! What a daemon gives the panel of which nothing is there but its store: a test adds what it looks at.
#[allow(dead_code, reason = "not every test has backups in it")]
pub(crate) mod backups;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use jiff::Timestamp;
use pipit_chat::{Engine, EngineSettings};
use pipit_core::chat::Tier;
use pipit_core::config::panel::{self, Change};
use pipit_core::config::{Defaults, Layers, Text};
use pipit_core::control::Choices;
use pipit_core::turn::WakeMode;
use pipit_store::Store;
use pipit_web::settings::{Settings, Shown};
use pipit_web::support::{Part, Support};
use pipit_web::v1::{Apis, Transcript};
use pipit_web::{Accounts, Announce, Metrics, Sockets, Sources, Tasks, Thresholds};
use tokio::sync::{broadcast, watch};

/// Everything, with `store` for its store. Nobody tells events, says anything or can be spoken with.
pub(crate) fn sources(store: &Store) -> Sources {
    let engine = Engine::new(EngineSettings::default(), store.clone(), Arc::new(jiff::Zoned::now)).unwrap();
    let announce: Announce = Arc::new(|_| std::future::ready(Ok(())).boxed());
    Sources {
        snapshots: watch::Sender::default().subscribe(),
        events: broadcast::Sender::new(1).downgrade(),
        levels: watch::Sender::new(-100.0).subscribe(),
        metrics: Arc::new(Metrics::default()),
        store: store.clone(),
        apis: Apis::new(
            engine,
            Arc::new(|_| std::future::ready(Ok(Transcript::default())).boxed()),
            Arc::new(|_| stream::empty().boxed()),
        ),
        accounts: Accounts::new(store.clone(), false, Arc::new(Timestamp::now), Arc::clone(&announce)),
        announce,
        sockets: Sockets::new(
            Arc::new(|_, _| Err("nobody can speak here".to_owned())),
            watch::Sender::default(),
            Thresholds { voice: 0.5, turn: 0.5, wake: None },
        ),
        broker: Arc::new(|| Some(true)),
        choices: Arc::new(Choices::new(WakeMode::Always, Tier::Device, None)),
        control: Arc::new(|_| std::future::ready(Ok(())).boxed()),
        settings: in_memory(),
        backups: backups::standing(),
        support: Support::new(Arc::new(|_| Ok(vec![Part { name: "Board", text: "a board".to_owned() }]))),
        on_disk: Arc::new(|| "9.9.9".to_owned()),
        tasks: Tasks::default(),
        models: None,
        voices: None,
        sound: None,
        household: Arc::default(),
        authority: None,
        hosts: Arc::new([]),
    }
}

/// The panel's layer, over a file in which little stands.
#[derive(Default)]
struct InMemory(Mutex<String>);

/// One in which nothing was set at the panel yet.
fn in_memory() -> Arc<dyn Settings> {
    Arc::new(InMemory::default())
}

fn layers(panel: &str) -> Layers<'_> {
    Layers {
        defaults: Defaults { state_dir: PathBuf::from("/var/lib/pipit") },
        file: Some(Text { name: "pipit.toml", content: "[ear]\npause_ms = 300\n" }),
        panel: Some(Text { name: "settings.toml", content: panel }),
        environment: Vec::new(),
        flags: &[],
    }
}

impl Settings for InMemory {
    fn read(&self) -> Result<Shown, String> {
        let panel = self.0.lock().unwrap();
        let settings = panel::settings(layers(&panel)).unwrap();
        Ok(Shown { settings, file: "pipit.toml".to_owned(), pending: !panel.is_empty() })
    }

    fn change(&self, changes: &[Change]) -> Result<(), Vec<String>> {
        let mut panel = self.0.lock().unwrap();
        let changed = panel::changed(layers(&panel), changes)?;
        *panel = changed;
        Ok(())
    }
}
