//! A configuration that is in memory alone.
#[allow(dead_code, reason = "not every test has backups in it")]
pub(crate) mod backups;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pipit_core::config::panel::{self, Change};
use pipit_core::config::{Defaults, Layers, Text};
use pipit_web::settings::{Settings, Shown};
use pipit_web::support::{Part, Support};

/// The panel's layer, over a file in which little stands.
#[derive(Default)]
struct InMemory(Mutex<String>);

/// One in which nothing was set at the panel yet.
pub(crate) fn in_memory() -> Arc<dyn Settings> {
    Arc::new(InMemory::default())
}

/// What stands for the daemon's support bundle.
pub(crate) fn support() -> Support {
    Support::new(Arc::new(|_| Ok(vec![Part { name: "Board", text: "a board".to_owned() }])))
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
