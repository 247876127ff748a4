//! Whether Pipit listens while it speaks: what the owner wants, and what `pipit doctor audio` has found, which is kept as a
//! small file in the state directory.

use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use pipit_core::config::{AudioBackend, AudioDevice, BargeIn, Config};
use pipit_core::ear::EchoPath;
use serde::{Deserialize, Serialize};

/// Counts the meanings that the file's fields have had. A file of another one is as good as none.
const VERSION: u32 = 1;

/// What was found, for which devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    version: u32,
    /// `audio.input` and `audio.output` as they were configured.
    input: String,
    output: String,
    /// Whether a person can be heard over Pipit's voice.
    works: bool,
    delay_ms: Option<f32>,
    echo_removed_db: f32,
    noise_floor_dbfs: f32,
}

impl Finding {
    /// What `path` means for the devices that are configured.
    pub fn new(config: &Config, path: &EchoPath) -> Finding {
        let (input, output) = devices(config);
        Finding {
            version: VERSION,
            input,
            output,
            works: path.obstacle().is_none(),
            delay_ms: path.delay.map(|delay| delay.as_secs_f32() * 1e3),
            echo_removed_db: path.removed_db,
            noise_floor_dbfs: path.noise_floor_dbfs,
        }
    }

    /// Keeps it for the daemon.
    ///
    /// # Errors
    /// The state directory can't be written to.
    pub fn write(&self, config: &Config) -> Result<PathBuf> {
        let file = file(config);
        let unwritable =
            || format!("{} can't be written: free some space, or choose another state.dir", file.display());
        std::fs::create_dir_all(&config.state_dir).with_context(unwritable)?;
        // A name of its own until it is whole, so that a power cut leaves the old one or the new one.
        let partial = file.with_extension("json.partial");
        std::fs::write(&partial, serde_json::to_vec_pretty(self)?).with_context(unwritable)?;
        std::fs::rename(&partial, &file).with_context(unwritable)?;
        Ok(file)
    }

    /// What is known about the devices that are configured; nothing if it was found for others.
    fn read(config: &Config) -> Result<Option<Finding>> {
        let file = file(config);
        let text = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("{} can't be read", file.display()))?,
        };
        let finding: Finding = serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))?;
        let (input, output) = devices(config);
        Ok(Some(finding).filter(|known| (known.version, &known.input, &known.output) == (VERSION, &input, &output)))
    }
}

/// Whether to listen while speaking, and why (not), in a line for the log.
pub fn wanted(config: &Config) -> (bool, String) {
    let muted = "the microphone is muted while Pipit speaks";
    match config.audio.barge_in {
        BargeIn::On => (true, "Pipit can be interrupted: audio.barge_in is \"on\"".to_owned()),
        BargeIn::Off => (false, format!("{muted}: audio.barge_in is \"off\"")),
        BargeIn::Auto => match Finding::read(config) {
            Ok(Some(Finding { works: true, echo_removed_db, .. })) => {
                (true, format!("Pipit can be interrupted: {echo_removed_db:.0} dB of its echo were removed here"))
            }
            Ok(Some(_)) => (false, format!("{muted}: `pipit doctor audio` found that its echo can't be removed here")),
            Ok(None) => {
                (false, format!("{muted}: run `pipit doctor audio` to find out whether it can listen meanwhile"))
            }
            Err(error) => (false, format!("{muted}: {error:#}; run `pipit doctor audio` again")),
        },
    }
}

fn file(config: &Config) -> PathBuf {
    config.state_dir.join("audio.json")
}

fn devices(config: &Config) -> (String, String) {
    let name = |device: &AudioDevice| match device {
        AudioDevice::Default => "default".to_owned(),
        AudioDevice::Named(name) => name.clone(),
    };
    match &config.audio.backend {
        AudioBackend::Cpal { input, output } => (name(input), name(output)),
        AudioBackend::Wav { .. } | AudioBackend::Null => Default::default(),
    }
}
