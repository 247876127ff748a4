//! What is published on a command's topic, and how often anybody may.

use std::time::Duration;

use pipit_core::control::{Choices, Command};
use pipit_core::time::Moment;

/// The longest command in bytes: the longest text, in the longest of its writings.
const LONGEST: usize = 4 * pipit_core::control::LONGEST_TEXT;

/// What is commanded to have what is installed take the place of what runs.
pub(super) const INSTALL: &str = "INSTALL";

/// So many commands may come at once, as they do from a slider that is drawn.
const AT_ONCE: u32 = 20;

/// In the long run, one comes in this time.
const APART: Duration = Duration::from_millis(500);

/// Reads what was published under `key`.
///
/// # Errors
/// What is accepted there.
pub(super) fn read(key: &str, payload: &[u8], choices: &Choices) -> Result<Command, String> {
    if payload.len() > LONGEST {
        return Err(format!("at most {LONGEST} bytes"));
    }
    let written = std::str::from_utf8(payload).map_err(|_| "text in UTF-8".to_owned())?;
    let choose = |names: Vec<&str>| names.iter().position(|name| *name == written).ok_or(one_of(&names));
    match key {
        "muted" => match choose(vec!["ON", "OFF"])? {
            0 => Ok(Command::Mute(true)),
            _ => Ok(Command::Mute(false)),
        },
        "volume" => Command::volume(written).map_err(str::to_owned),
        "wake_mode" => {
            let nth = choose(choices.modes.iter().map(|mode| mode.name()).collect())?;
            Ok(Command::SetWakeMode(choices.modes[nth]))
        }
        "privacy" => {
            let nth = choose(choices.tiers.iter().map(|tier| tier.name()).collect())?;
            Ok(Command::SetWidest(choices.tiers[nth]))
        }
        "voice" if !choices.voices.0.is_empty() => {
            choose(choices.voices.names().collect()).map(|_| Command::SetVoice(written.to_owned()))
        }
        "model" if !choices.models.0.is_empty() => {
            choose(choices.models.names().collect()).map(|_| Command::SetModel(written.to_owned()))
        }
        "say" | "announce" => Command::announcement(written).map_err(str::to_owned),
        "stop" => choose(vec!["PRESS"]).map(|_| Command::Stop),
        "restart" => choose(vec!["PRESS"]).map(|_| Command::Restart),
        "update" => choose(vec![INSTALL]).map(|_| Command::Restart),
        _ => Err(
            "on the topic of a command: muted, volume, wake_mode, privacy, voice, model, say, announce, stop, restart \
                  or update"
                .into(),
        ),
    }
}

fn one_of(names: &[&str]) -> String {
    match names {
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
        [] => "nothing".to_owned(),
    }
}

/// Whether a command may come now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paced {
    /// It may.
    Go,
    /// There were too many, and this is the first of those.
    TooFastAtLast,
    /// There still are.
    TooFast,
}

/// Lets commands through, some at once and fewer in the long run.
#[derive(Debug)]
pub(super) struct Pace {
    left: u32,
    /// Up to when commands have been let through.
    counted: Moment,
    too_fast: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { left: AT_ONCE, counted: Moment::START, too_fast: false }
    }
}

impl Pace {
    pub(super) fn take(&mut self, now: Moment) -> Paced {
        let earned = now.saturating_since(self.counted).as_millis() / APART.as_millis();
        let earned = u32::try_from(earned).unwrap_or(AT_ONCE).min(AT_ONCE);
        self.left = (self.left + earned).min(AT_ONCE);
        self.counted = if self.left == AT_ONCE { now } else { self.counted + APART * earned };
        if self.left > 0 {
            self.left -= 1;
            self.too_fast = false;
            return Paced::Go;
        }
        if std::mem::replace(&mut self.too_fast, true) { Paced::TooFast } else { Paced::TooFastAtLast }
    }
}
