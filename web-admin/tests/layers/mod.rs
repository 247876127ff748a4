//! A configuration that is in memory alone.
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pipit_core::chat::Tier;
use pipit_core::config::panel::{self, Change};
use pipit_core::config::{Defaults, Layers, Text};
use pipit_web::house::{House, HouseState, LastCommand, Link};
use pipit_web::privacy::Kept;
use pipit_web::providers::{Key, Listed, Providers, Seen, Use};
use pipit_web::settings::{Secrets, Settings, Shown};
use pipit_web::{Outcome, Progress};

/// The panel's layer, over a file in which little stands.
#[derive(Default)]
struct InMemory(Mutex<String>);

/// One in which nothing was set at the panel yet.
pub(crate) fn in_memory() -> Arc<dyn Settings> {
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
pub(crate) fn kept() -> Kept {
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

pub(crate) fn providers() -> Arc<dyn Providers> {
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
