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
use pipit_web::house::{House, HouseState, LastCommand, Link};
use pipit_web::privacy::Kept;
use pipit_web::providers::{Key, Listed, Providers, Seen, Use};
use pipit_web::settings::{Secrets, Settings, Shown};
use pipit_web::support::{Part, Support};
use pipit_web::v1::{Apis, Transcript};
use pipit_web::{
    Accounts, Announce, LastUpdate, Logs, Metrics, Outcome, Progress, Sockets, Sources, Tasks, Thresholds, Versions,
};
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
        versions: Versions {
            on_disk: Arc::new(|| "9.9.9".to_owned()),
            last: Arc::new(|| {
                let versions = Some(("1.0.0".to_owned(), "1.1.0".to_owned()));
                Some(LastUpdate { at: Timestamp::UNIX_EPOCH, versions, went_back: Some("it was not well".to_owned()) })
            }),
            ask: None,
        },
        tasks: Tasks::default(),
        models: None,
        voices: None,
        sound: None,
        household: Arc::default(),
        house: Arc::new(|| None),
        display: Arc::new(|| Some(b"\x89PNG".to_vec())),
        providers: providers(),
        logs: Logs::default(),
        privacy: kept(),
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

    fn change_with(&self, changes: &[Change], secrets: &Secrets) -> Result<(), Vec<String>> {
        let mut panel = self.0.lock().unwrap();
        let given: Vec<_> = secrets.keys().map(String::as_str).collect();
        let changed = panel::changed_with(layers(&panel), changes, &given)?;
        *panel = changed;
        Ok(())
    }
}

/// What is kept where nobody has said otherwise.
fn kept() -> Kept {
    Kept {
        ephemeral: false,
        conversation_days: None,
        ledger_days: Some(90),
        turns: 200,
        broker: None,
        started: jiff::Timestamp::UNIX_EPOCH,
    }
}

/// One provider that answers, and one that does not.
struct Two;

fn providers() -> Arc<dyn Providers> {
    Arc::new(Two)
}

impl Providers for Two {
    fn list(&self) -> Result<Vec<Listed>, String> {
        let one = |name: &str, tier, seen| Listed {
            name: name.to_owned(),
            model: "m".to_owned(),
            tier,
            used_for: Use::Answers,
            key: Key::There,
            allowed: true,
            in_use: true,
            rests: false,
            seen,
        };
        let failed = Seen { at: jiff::Timestamp::UNIX_EPOCH, came: Err("it is not there".to_owned()), by_test: false };
        Ok(vec![one("nas", Tier::House, None), one("cloud", Tier::Outside, Some(failed))])
    }

    fn test(&self, name: &str, progress: &Progress) -> Result<Outcome, String> {
        progress.say("It is asked for a word.");
        if name == "nas" { Ok("It is well.".to_owned().into()) } else { Err("it is not there".to_owned()) }
    }
}

/// A home whose broker can't be reached any more.
#[allow(dead_code, reason = "not every test has one")]
pub(crate) fn house() -> House {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let state = HouseState {
        link: Link::Failed("the broker does not answer".to_owned()),
        tier: Tier::House,
        discovery: "homeassistant".to_owned(),
        devices: 2,
        away: 1,
        last: Some(LastCommand { at, what: "turn on: Lamp (Kitchen)".to_owned(), failed: None }),
        ignored: vec![(at, "the message on the topic \"x\" is no JSON; that is ignored".to_owned())],
    };
    Arc::new(move || Some(state.clone()))
}
