//! Backups of this device: where they are made, taken in and tried. What is in them is `pipit-store`'s, and how one takes the place of what
//! is there is [`crate::restore`]'s.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use pipit_core::config::Config;
use pipit_store::{BackupError, Contents, DATABASE, DATABASE_KEY, KeySource, Making, Store, try_backup};
use pipit_web::backup::{Backups, Last, Made, Restoration, TakeIn, Told};

use crate::restore::{self, CONFIRMED, RESTORED_CONFIGURATION, WORKSHOP, private_folder};
use crate::settings::Layering;
use crate::{board_state, chat, factory_reset};

/// The largest backup that is taken in, in bytes.
const LARGEST: u64 = 16 << 30;

/// What is left free on the disk, in bytes, so that Pipit can go on.
const RESERVE: u64 = 64 << 20;

/// The backups of a daemon.
pub struct DeviceBackups {
    store: Store,
    layering: Layering,
    state_dir: PathBuf,
    /// Held while something is made, tried, moved or deleted.
    now: Mutex<Now>,
    taking_in: Arc<Mutex<TakingIn>>,
}

#[derive(Default)]
struct Now {
    made: Option<Made>,
    tried: Option<Contents>,
}

#[derive(Default)]
struct TakingIn {
    is_going_on: bool,
    taken_in: Option<u64>,
}

impl DeviceBackups {
    /// Those of the device with this configuration, of which nothing but what was confirmed is left from before.
    #[must_use]
    pub fn new(layering: Layering, config: &Config, store: Store) -> DeviceBackups {
        let state_dir = config.state_dir.clone();
        for name in [MADE, UPLOADED, TRIED] {
            // What can't be removed is replaced when it is in the way.
            let _ = remove(&state_dir.join(WORKSHOP).join(name));
        }
        DeviceBackups { store, layering, state_dir, now: Mutex::default(), taking_in: Arc::default() }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.state_dir.join(WORKSHOP).join(name)
    }

    /// Nothing else is done with the files meanwhile.
    fn alone(&self) -> Result<MutexGuard<'_, Now>, String> {
        match self.now.try_lock() {
            Ok(now) => Ok(now),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => {
                Err("a backup is being made or tried just now; wait for it or cancel it".to_owned())
            }
        }
    }

    fn taking_in(&self) -> MutexGuard<'_, TakingIn> {
        self.taking_in.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was made, in the workshop.
const MADE: &str = "made";
/// What was taken in.
const UPLOADED: &str = "uploaded";
/// What was unpacked to be tried.
const TRIED: &str = "tried";

impl Backups for DeviceBackups {
    fn made(&self) -> Option<Made> {
        self.alone().ok()?.made.clone()
    }

    fn make(&self, passphrase: &str, told: Told<'_>) -> Result<Made, String> {
        let mut now = self.alone()?;
        now.made = None;
        private_folder(&self.state_dir.join(WORKSHOP)).map_err(|error| format!("{error:#}"))?;
        let file = self.place(MADE);
        remove(&file)?;
        let database = fs::metadata(self.state_dir.join(DATABASE)).map_or(0, |of| of.len());
        // A copy of the database, and then the backup of that.
        let needed = database.saturating_mul(2).saturating_add(RESERVE);
        let free = free(&self.state_dir)?;
        if free < needed {
            return Err(format!(
                "a backup takes {needed} bytes on the disk for a while, and {free} are free; make room"
            ));
        }
        let at = Timestamp::now();
        let texts = self.layering.texts_in(&self.state_dir);
        let (settings, configuration) = texts.map_err(|error| format!("{error:#}"))?;
        let making = Making {
            passphrase,
            pipit: env!("CARGO_PKG_VERSION"),
            at,
            settings: settings.as_deref(),
            configuration: configuration.as_deref(),
        };
        let bytes = self.store.make_backup(&file, &making, told).map_err(written)?;
        let made = Made { name: format!("pipit-{}.backup", at.strftime("%Y-%m-%d-%H%M")), bytes, at };
        now.made = Some(made.clone());
        Ok(made)
    }

    fn read(&self) -> Result<Option<(Made, File)>, String> {
        let Some(made) = self.alone()?.made.clone() else { return Ok(None) };
        let file = File::open(self.place(MADE)).map_err(|error| format!("the backup can't be read: {error}"))?;
        Ok(Some((made, file)))
    }

    fn discard(&self) -> Result<(), String> {
        let mut now = self.alone()?;
        remove(&self.place(MADE))?;
        now.made = None;
        Ok(())
    }

    fn restoration(&self) -> Restoration {
        let tried = self.now.try_lock().ok().and_then(|now| now.tried.clone());
        let last = restore::last(&self.state_dir).map(|ended| Last {
            at: Timestamp::from_second(ended.at).unwrap_or_default(),
            went_back: ended.went_back,
            kept: ended.kept.map(|kept| self.state_dir.join(kept).display().to_string()),
            configuration: ended
                .configuration
                .then(|| self.state_dir.join(RESTORED_CONFIGURATION).display().to_string()),
        });
        let confirmed = self.place(CONFIRMED).is_dir();
        Restoration { taken_in: self.taking_in().taken_in, tried, confirmed, last }
    }

    fn take_in(&self, bytes: Option<u64>) -> Result<Box<dyn TakeIn>, String> {
        private_folder(&self.state_dir.join(WORKSHOP)).map_err(|error| format!("{error:#}"))?;
        let mut now = self.alone()?;
        let mut taking_in = self.taking_in();
        if taking_in.is_going_on {
            return Err("a backup is being uploaded just now; wait for it".to_owned());
        }
        let most = free(&self.state_dir)?.saturating_sub(RESERVE).min(LARGEST);
        if bytes.is_some_and(|bytes| bytes > most) {
            return Err(format!(
                "that is more than the {most} bytes that fit here; make room on the disk of state.dir"
            ));
        }
        for name in [UPLOADED, TRIED, CONFIRMED] {
            remove(&self.place(name))?;
        }
        (now.tried, taking_in.taken_in) = (None, None);
        let path = self.place(UPLOADED);
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = opened.map_err(|error| format!("{} can't be written: {error}", path.display()))?;
        taking_in.is_going_on = true;
        let states = Arc::clone(&self.taking_in);
        Ok(Box::new(Upload { file, path, most, written: 0, is_whole: false, states }))
    }

    fn try_out(&self, passphrase: &str, told: Told<'_>) -> Result<Contents, String> {
        let mut now = self.alone()?;
        if self.taking_in().taken_in.is_none() {
            return Err("there is no backup to try; upload one first".to_owned());
        }
        now.tried = None;
        let contents = try_in(&self.state_dir, &self.place(UPLOADED), passphrase, told)?;
        now.tried = Some(contents.clone());
        Ok(contents)
    }

    fn confirm(&self) -> Result<(), String> {
        let mut now = self.alone()?;
        if now.tried.is_none() {
            return Err("nothing was tried that could be restored; upload a backup and try it first".to_owned());
        }
        confirm(&self.state_dir)?;
        remove(&self.place(UPLOADED))?;
        self.taking_in().taken_in = None;
        now.tried = None;
        Ok(())
    }

    fn cancel(&self) -> Result<(), String> {
        let mut now = self.alone()?;
        let mut taking_in = self.taking_in();
        if taking_in.is_going_on {
            return Err("a backup is being uploaded just now; end that first".to_owned());
        }
        for name in [CONFIRMED, TRIED, UPLOADED] {
            remove(&self.place(name))?;
        }
        (now.tried, taking_in.taken_in) = (None, None);
        Ok(())
    }

    fn delete_kept(&self) -> Result<(), String> {
        let _now = self.alone()?;
        restore::delete_kept(&self.state_dir).map_err(|error| format!("{error:#}"))
    }

    fn is_erased_next(&self) -> bool {
        factory_reset::is_ordered(&self.state_dir)
    }

    fn erase_next(&self, wanted: bool) -> Result<(), String> {
        let done = if wanted { factory_reset::order(&self.state_dir) } else { factory_reset::cancel(&self.state_dir) };
        done.map_err(|error| format!("{error:#}"))
    }
}

/// A backup on its way in.
struct Upload {
    file: File,
    path: PathBuf,
    most: u64,
    written: u64,
    is_whole: bool,
    states: Arc<Mutex<TakingIn>>,
}

impl TakeIn for Upload {
    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.written = self.written.saturating_add(bytes.len() as u64);
        if self.written > self.most {
            return Err(format!(
                "that is more than the {} bytes that fit here; make room on the disk of state.dir",
                self.most
            ));
        }
        self.file.write_all(bytes).map_err(|error| format!("{} can't be written: {error}", self.path.display()))
    }

    fn end(&mut self) -> Result<(), String> {
        self.file.sync_all().map_err(|error| format!("{} can't be written: {error}", self.path.display()))?;
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_whole {
            // What is left of it is replaced by the next.
            let _ = fs::remove_file(&self.path);
        }
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.is_going_on = false;
        states.taken_in = self.is_whole.then_some(self.written);
    }
}

/// Unpacks a backup beside what is there, and finds out whether Pipit can go on with it.
///
/// # Errors
/// A sentence for people; then nothing of it is left.
pub fn try_in(state_dir: &Path, file: &Path, passphrase: &str, told: Told<'_>) -> Result<Contents, String> {
    let folder = state_dir.join(WORKSHOP).join(TRIED);
    remove(&folder)?;
    private_folder(&folder).map_err(|error| format!("{error:#}"))?;
    let most = free(state_dir)?.saturating_sub(RESERVE);
    let tried = try_backup(file, passphrase, &folder, (&chat::device_key(), most), told);
    if tried.is_err() {
        remove(&folder)?;
    }
    tried.map_err(written)
}

/// Has what was tried take the place of what is there at the next start.
///
/// # Errors
/// A sentence for people.
pub fn confirm(state_dir: &Path) -> Result<(), String> {
    let (tried, confirmed) = (state_dir.join(WORKSHOP).join(TRIED), state_dir.join(WORKSHOP).join(CONFIRMED));
    if matches!(chat::device_key(), KeySource::File(_)) {
        // The same key comes from elsewhere, and lies nowhere else.
        remove(&tried.join(DATABASE_KEY))?;
    }
    remove(&confirmed)?;
    let workshop = state_dir.join(WORKSHOP);
    // A power cut must not undo what was said to be confirmed.
    let moved = fs::rename(&tried, &confirmed).and_then(|()| File::open(&workshop)?.sync_all());
    moved.map_err(|error| format!("{} can't be moved: {error}", tried.display()))
}

/// Deletes what was unpacked to be tried.
///
/// # Errors
/// A sentence for people.
pub fn forget_trial(state_dir: &Path) -> Result<(), String> {
    remove(&state_dir.join(WORKSHOP).join(TRIED))
}

fn written(error: BackupError) -> String {
    error.to_string()
}

/// Bytes that are free on the disk of a folder.
fn free(folder: &Path) -> Result<u64, String> {
    board_state::free(folder).map_err(|error| format!("the disk of {} can't be asked: {error}", folder.display()))
}

fn remove(path: &Path) -> Result<(), String> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("{} can't be deleted: {error}", path.display()))
        }
        _ => Ok(()),
    }
}
