//! What people change by speaking and expect to find unchanged after a restart, and what was last done at night.

use jiff::Timestamp;
use rusqlite::OptionalExtension as _;

use crate::{Store, StoreError};

/// When it was last looked for what is older than it may be, by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Night {
    /// When.
    pub at: Timestamp,
    /// Since when that clock is doubted, if it is.
    pub doubted_since: Option<Timestamp>,
}

impl Store {
    /// The last night, if there was any.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn last_night(&self) -> Result<Option<Night>, StoreError> {
        let value = self.setting("night")?;
        let moment = |text: &str| text.parse().ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        Ok(value.and_then(|value| {
            let (at, doubted) = value.split_once(' ').unwrap_or((&value, ""));
            Some(Night { at: moment(at)?, doubted_since: moment(doubted) })
        }))
    }

    /// Remembers the last night.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_last_night(&self, night: Night) -> Result<(), StoreError> {
        let doubted = night.doubted_since.map_or_else(String::new, |since| format!(" {}", since.as_millisecond()));
        self.set_setting("night", Some(&format!("{}{doubted}", night.at.as_millisecond())))
    }

    /// The volume in percent, if anybody has ever changed it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn volume(&self) -> Result<Option<u8>, StoreError> {
        let value = self.setting("volume")?;
        Ok(value.and_then(|value| value.parse().ok()).filter(|percent| *percent <= 100))
    }

    /// Remembers the volume in percent.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_volume(&self, percent: u8) -> Result<(), StoreError> {
        self.set_setting("volume", Some(&percent.min(100).to_string()))
    }

    /// Whether the microphone was switched off and not on again since.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn muted(&self) -> Result<bool, StoreError> {
        Ok(self.setting("muted")?.is_some())
    }

    /// Remembers whether the microphone is switched off.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_muted(&self, muted: bool) -> Result<(), StoreError> {
        self.set_setting("muted", muted.then_some("yes"))
    }

    /// By name, what is to make Pipit listen in place of what the configuration says, if anybody has chosen it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn wake_mode(&self) -> Result<Option<String>, StoreError> {
        self.setting("wake mode")
    }

    /// Remembers what is to make Pipit listen, by name; nothing for what the configuration says.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_wake_mode(&self, name: Option<&str>) -> Result<(), StoreError> {
        self.set_setting("wake mode", name)
    }

    /// By name, the tier up to which servers may be asked in place of the configuration's, if anybody has chosen it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn widest_tier(&self) -> Result<Option<String>, StoreError> {
        self.setting("widest tier")
    }

    /// Remembers up to which tier servers may be asked, by name; nothing for what the configuration says.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_widest_tier(&self, name: Option<&str>) -> Result<(), StoreError> {
        self.set_setting("widest tier", name)
    }

    /// By name, the voice in place of the configuration's, if anybody has chosen one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn voice(&self) -> Result<Option<String>, StoreError> {
        self.setting("voice")
    }

    /// Remembers the voice by name; nothing for what the configuration says.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_voice(&self, name: Option<&str>) -> Result<(), StoreError> {
        self.set_setting("voice", name)
    }

    /// By name, what recognises speech in place of what the configuration says, if anybody has chosen it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn recogniser(&self) -> Result<Option<String>, StoreError> {
        self.setting("recogniser")
    }

    /// Remembers what recognises speech, by name; nothing for what the configuration says.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_recogniser(&self, name: Option<&str>) -> Result<(), StoreError> {
        self.set_setting("recogniser", name)
    }

    /// What recognised speech before the one that does now, by name, if another one was ever chosen.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn former_recogniser(&self) -> Result<Option<String>, StoreError> {
        self.setting("former recogniser")
    }

    /// Remembers what recognised speech before, by name.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_former_recogniser(&self, name: &str) -> Result<(), StoreError> {
        self.set_setting("former recogniser", Some(name))
    }

    /// How fast the voice speaks in place of what the configuration says, if anybody has ever changed it: 1 is its own pace.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn speed(&self) -> Result<Option<f32>, StoreError> {
        let value = self.setting("speed")?;
        Ok(value.and_then(|value| value.parse().ok()).filter(|speed| (0.5..=2.0).contains(speed)))
    }

    /// Remembers how fast the voice speaks, from 0.5 to 2.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_speed(&self, speed: f32) -> Result<(), StoreError> {
        self.set_setting("speed", Some(&speed.clamp(0.5, 2.0).to_string()))
    }

    /// How far the owner has come in setting Pipit up, by the step's name.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn welcome_step(&self) -> Result<Option<String>, StoreError> {
        self.setting("welcome")
    }

    /// Remembers how far the owner has come in setting Pipit up.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_welcome_step(&self, step: &str) -> Result<(), StoreError> {
        self.set_setting("welcome", Some(step))
    }

    /// By name, the persona that speaks in place of the configuration's, if anybody has chosen one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn speaking_persona(&self) -> Result<Option<String>, StoreError> {
        self.setting("persona")
    }

    /// Remembers by name which persona speaks; nothing for what the configuration says.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_speaking_persona(&self, name: Option<&str>) -> Result<(), StoreError> {
        self.set_setting("persona", name)
    }

    pub(crate) fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let connection = self.device();
        let mut find = connection.prepare_cached("SELECT value FROM setting WHERE key = ?")?;
        Ok(find.query_row([key], |row| row.get(0)).optional()?)
    }

    /// Keeps a setting, or nothing under this name.
    pub(crate) fn set_setting(&self, key: &str, value: Option<&str>) -> Result<(), StoreError> {
        let connection = self.device();
        match value {
            Some(value) => connection
                .prepare_cached(
                    "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                )?
                .execute([key, value])?,
            None => connection.prepare_cached("DELETE FROM setting WHERE key = ?")?.execute([key])?,
        };
        Ok(())
    }
}
