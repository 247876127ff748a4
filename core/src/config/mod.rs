//! The configuration: what the owner wrote, and what it means once checked.
//!
//! A TOML file, then what was set at the panel, then the environment's `PIPIT__SECTION__KEY`, then flags: each replaces single keys of what came before.
//! Nothing here opens a file or looks at the environment; whoever calls [`load`] does, and passes in what it found.
//! All problems are reported at once, each with its place and what to write instead. Secrets have no place in any of the
//! layers: the file names an environment variable or a file that holds one, and the caller reads that.

mod board;
mod check;
mod checked;
mod home;
mod keys;
mod layers;
mod llm;
mod mcp;
mod mqtt;
mod oidc;
pub mod panel;
mod problem;
mod server;
mod speech;
#[cfg(test)]
mod tests;
mod wire;
mod wyoming;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use checked::{
    AudioBackend, AudioDevice, AudioSettings, BargeIn, ButtonSettings, Config, DisplayKind, DisplaySettings,
    HomeSettings, KeySource, LedKind, LedSettings, LlmProvider, LlmServer, LlmSettings, LogLevel, McpServer,
    ModelSettings, MqttSettings, MqttTls, OidcSettings, PersonaSource, PrivacySettings, Rotation, Sentences,
    SpeechService, SttEngine, SttModel, SttSettings, TtsEngine, TtsSettings, UpdateSettings, WakeModel, WakeSettings,
    WyomingSettings,
};
pub use problem::Problem;

/// Where the file is looked for unless `--config` names another. It need not exist.
pub const USUAL_FILE: &str = "/etc/pipit/pipit.toml";

/// What the owner wrote, from the weakest layer to the strongest. Not `Debug`, since the environment holds secrets.
#[derive(Clone)]
pub struct Layers<'a> {
    /// What holds where nobody wrote anything.
    pub defaults: Defaults,
    /// The file, if there is one.
    pub file: Option<Text<'a>>,
    /// What was set at the panel, if anything was.
    pub panel: Option<Text<'a>>,
    /// The environment, all of it: what does not begin with `PIPIT__` is not looked at.
    pub environment: Vec<(OsString, OsString)>,
    /// What followed each `--set`: `section.key=value`.
    pub flags: &'a [String],
}

/// A file's content and the name that its problems are reported under.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// Usually the path as it was given.
    pub name: &'a str,
    /// TOML.
    pub content: &'a str,
}

/// Defaults that depend on the machine.
#[derive(Clone)]
pub struct Defaults {
    /// For `state.dir`, see [`usual_state_dir`].
    pub state_dir: PathBuf,
}

/// Puts the layers together and checks the whole.
///
/// # Errors
/// Every problem found, the file's first and in the file's order. It is never empty.
pub fn load(layers: Layers<'_>) -> Result<Config, Vec<Problem>> {
    let keys = keys::Keys::of(&schema());
    let settings = panel::gathered(&keys, &layers);
    check::check(settings, &layers.defaults)
}

/// The JSON Schema of the file, for editors and for `docs/config.schema.json`.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(wire::File).to_value();
    // A section's default only repeats those of its keys.
    let sections = schema["properties"].as_object_mut().into_iter().flatten();
    for section in sections.filter_map(|(_, section)| section.as_object_mut()) {
        section.remove("default");
    }
    schema.sort_all_objects();
    schema
}

/// A file with every key in it, explained, set to its default and commented out.
#[must_use]
pub fn example() -> &'static str {
    include_str!("pipit.example.toml")
}

/// Where the state usually lies: systemd's `$STATE_DIRECTORY` for a service, else `$XDG_DATA_HOME/pipit`, else
/// `~/.local/share/pipit`. `None` where none of `STATE_DIRECTORY`, `XDG_DATA_HOME` and `HOME` is set.
#[must_use]
pub fn usual_state_dir(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // Both specifications say that paths which are not absolute are to be ignored.
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let from_systemd = || {
        // A unit with several state directories gets them joined by colons; the first is the main one.
        let all = variable("STATE_DIRECTORY")?;
        let first = PathBuf::from(all.to_str()?.split(':').next()?);
        first.is_absolute().then_some(first)
    };
    from_systemd()
        .or_else(|| absolute("XDG_DATA_HOME").map(|data| data.join("pipit")))
        .or_else(|| absolute("HOME").map(|home| home.join(Path::new(".local/share/pipit"))))
}
