//! Backups that leave the device: all that Pipit knows in one file under a passphrase, and the trial of one before it is restored.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use crate::archive::{List, Opening, Sealing, check_whole};
use crate::open::{PATIENCE, beside, check, connect, create_private};
use crate::settle::{proof, settle};
use crate::{KeyProblem, KeySource, Store, StoreError};

/// The file of everything that is remembered, as it is called in a backup and beside Pipit.
pub const DATABASE: &str = "pipit.db";
/// Its key.
pub const DATABASE_KEY: &str = "pipit.db.key";
/// What was set at the panel.
pub const PANELS_SETTINGS: &str = "settings.toml";
/// The owner's configuration as it was.
pub const CONFIGURATION: &str = "pipit.toml";

/// The fewest characters of a passphrase: whoever has the file may try as many as they like, so it takes more than a password that is
/// guarded by limits.
pub const SHORTEST_PASSPHRASE: usize = 12;

/// The longest text that goes into a backup beside the database, in bytes.
const LONGEST_TEXT: u64 = 4 << 20;

/// The most that a file is read or written at once.
const PIECE: usize = 64 * 1024;

/// A backup to be made.
#[derive(Clone, Copy)]
pub struct Making<'a> {
    /// What opens it again.
    pub passphrase: &'a str,
    /// The version of Pipit.
    pub pipit: &'a str,
    /// The time now.
    pub at: Timestamp,
    /// What was set at the panel, if anything was.
    pub settings: Option<&'a str>,
    /// The owner's configuration, if there is a file of it.
    pub configuration: Option<&'a str>,
}

/// Told how many bytes are done, of how many; says whether to go on.
pub type Told<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// The version of Pipit that made it.
    pub pipit: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// Names of those whom it knows, the owner first.
    pub people: Vec<String>,
    /// Whether the owner has a password, without which it would be claimed by whoever comes first.
    pub is_claimed: bool,
    /// Conversations.
    pub conversations: u32,
    /// Messages in them.
    pub messages: u32,
    /// What Pipit was told to remember.
    pub facts: u32,
    /// Timers that go on.
    pub timers: u32,
    /// Alarms.
    pub alarms: u32,
    /// What waits to be announced.
    pub announcements: u32,
    /// API tokens of programs, which are good again once it is restored.
    pub tokens: u32,
    /// Sealed API keys and passwords.
    pub secrets: u32,
    /// Whether there is what was set at the panel.
    pub has_settings: bool,
    /// Whether there is a configuration file.
    pub has_configuration: bool,
}

/// Why a backup can't be made or used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The passphrase is too short.
    #[error(
        "a passphrase for a backup has at least {SHORTEST_PASSPHRASE} characters; five words that do not belong together are good"
    )]
    ShortPassphrase,
    /// It is something else.
    #[error("this is not a backup of Pipit's; choose a file that \"Make a backup\" or `pipit backup` has made")]
    NoBackup,
    /// It was made by a Pipit that writes them in another way.
    #[error("this backup was made by a newer Pipit; update this one first")]
    NewerFormat,
    /// It is not as it was written.
    #[error("this backup is damaged, or did not arrive whole; take another copy of it")]
    Damaged,
    /// It does not open.
    #[error("that is not the passphrase of this backup; try again")]
    WrongPassphrase,
    /// It holds what no backup holds.
    #[error("this backup holds a file that Pipit does not know; update Pipit first")]
    Unknown,
    /// What it holds has not its key with it.
    #[error("the key in this backup does not open the history that is in it; take another one")]
    OtherKey,
    /// The device's key is not Pipit's to change.
    #[error(
        "the key of this device comes from {}, which Pipit may not write, and the history in this backup was sealed with another; \
         take that away to let Pipit keep the key itself, or put the key there that the backup was made with", file.display()
    )]
    KeyFromElsewhere {
        /// Where it comes from.
        file: PathBuf,
    },
    /// It is too much.
    #[error("this backup holds {bytes} bytes, and at most {most} fit here; make room on the disk of state.dir")]
    TooLarge {
        /// What is in it.
        bytes: u64,
        /// What would fit.
        most: u64,
    },
    /// It was not wanted any more.
    #[error("it was cancelled, and nothing of it is kept")]
    Cancelled,
    /// A file can't be read or written.
    #[error("a file can't be read or written ({0}); look at the disk of state.dir")]
    Io(io::Error),
    /// The history itself.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> BackupError {
        // What went wrong while a stream was read lies in it.
        error.downcast::<BackupError>().unwrap_or_else(BackupError::Io)
    }
}

impl Store {
    /// Writes a backup of everything into a new `file`, which nobody else may read. The store can be used meanwhile. Gives its length
    /// in bytes.
    ///
    /// # Errors
    /// The passphrase is too short, the device's key is lost, or see [`BackupError`]; then there is no such file.
    pub fn make_backup(&self, file: &Path, making: &Making<'_>, told: Told<'_>) -> Result<u64, BackupError> {
        if making.passphrase.chars().count() < SHORTEST_PASSPHRASE {
            return Err(BackupError::ShortPassphrase);
        }
        let copy = beside(file, ".database");
        let made = self.copy_to(&copy).and_then(|()| self.seal(file, &copy, making, told));
        // What is left of either would be in the way of the next.
        let _ = fs::remove_file(&copy);
        if made.is_err() {
            let _ = fs::remove_file(file);
        }
        made
    }

    /// A copy of the database as it is now.
    fn copy_to(&self, copy: &Path) -> Result<(), BackupError> {
        let Some(database) = self.file() else {
            return Err(StoreError::NoDeviceKey.into());
        };
        remove_if_there(copy)?;
        create_private(copy)?;
        let copied = || {
            // A connection of its own, so that nobody waits for it.
            let source = Connection::open(database)?;
            source.busy_timeout(PATIENCE)?;
            source.execute("VACUUM INTO ?", [copy.to_string_lossy()])?;
            check(&Connection::open(copy)?)
        };
        Ok(copied()?)
    }

    fn seal(&self, file: &Path, copy: &Path, making: &Making<'_>, told: Told<'_>) -> Result<u64, BackupError> {
        let key = self.device_key()?.bytes();
        let texts = [(PANELS_SETTINGS, making.settings), (CONFIGURATION, making.configuration)];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text?.as_bytes())));
        let small: Vec<_> = [(DATABASE_KEY, &key[..])].into_iter().chain(texts).collect();
        let database_length = fs::metadata(copy)?.len();
        let files = small.iter().map(|(name, content)| ((*name).to_owned(), content.len() as u64));
        let files = files.chain([(DATABASE.to_owned(), database_length)]).collect();
        let list = List { pipit: making.pipit.to_owned(), made_at: making.at.as_second(), files };
        remove_if_there(file)?;
        create_private(file)?;
        let to = BufWriter::new(OpenOptions::new().write(true).open(file)?);
        let mut sealing = Sealing::begin(to, making.passphrase, &list)?;
        for (_, content) in small {
            sealing.write_all(content)?;
        }
        pour(&mut File::open(copy)?, &mut sealing, database_length, told)?;
        sealing.finish()?;
        File::open(file)?.sync_all()?;
        Ok(fs::metadata(file)?.len())
    }
}

/// Unpacks a backup into the empty `folder` and finds out whether Pipit can go on with what is in it: whether it is whole, opened by the
/// passphrase and by its own key, not a newer Pipit's, and sound. An older one is brought up to date there. Nobody is signed in by
/// what comes out. `key` is where this device has its key; at most `most` bytes are written.
///
/// # Errors
/// See [`BackupError`]. What is in the folder then is of no use.
pub fn try_backup(
    file: &Path,
    passphrase: &str,
    folder: &Path,
    (key, most): (&KeySource, u64),
    told: Told<'_>,
) -> Result<Contents, BackupError> {
    let length = fs::metadata(file)?.len();
    // It is read twice: once for whether it is whole, and once for what is in it.
    check_whole(&mut File::open(file)?, length, &mut |done| told(done, 2 * length))?;
    let (mut opening, list) = Opening::begin(File::open(file)?, passphrase)?;
    let bytes = list.files.iter().fold(0, |sum: u64, (_, length)| sum.saturating_add(*length));
    if bytes > most {
        return Err(BackupError::TooLarge { bytes, most });
    }
    let mut unpacked = 0;
    for (name, length) in &list.files {
        let is_text = match name.as_str() {
            DATABASE => false,
            DATABASE_KEY | PANELS_SETTINGS | CONFIGURATION => true,
            _ => return Err(BackupError::Unknown),
        };
        if is_text && *length > LONGEST_TEXT {
            return Err(BackupError::Damaged);
        }
        let place = folder.join(name);
        create_private(&place)?;
        let mut to = OpenOptions::new().write(true).truncate(true).open(&place)?;
        pour(&mut opening, &mut to, *length, &mut |done, _| told(bytes + unpacked + done, 2 * bytes))?;
        unpacked += length;
        to.sync_all()?;
    }
    if opening.read(&mut [0])? > 0 {
        return Err(BackupError::Damaged);
    }
    look_into(folder, key, list)
}

fn look_into(folder: &Path, key: &KeySource, list: List) -> Result<Contents, BackupError> {
    let file = folder.join(DATABASE);
    if !file.exists() || !folder.join(DATABASE_KEY).exists() {
        return Err(BackupError::Damaged);
    }
    sound(&file)?;
    let mut connection = connect(&file)?;
    // Every history that Pipit backs up has one; without, this would begin a new one.
    if proof(&connection)?.is_none() {
        return Err(BackupError::Damaged);
    }
    let (own, _) = settle(&mut connection, &file, &KeySource::Beside).map_err(|error| match error {
        StoreError::KeyLost { problem: KeyProblem::Wrong | KeyProblem::NoKey, .. } | StoreError::NoKey { .. } => {
            BackupError::OtherKey
        }
        error => error.into(),
    })?;
    if let KeySource::File(elsewhere) = key
        && !key.read(&file).is_ok_and(|key| key.bytes() == own.bytes())
    {
        return Err(BackupError::KeyFromElsewhere { file: elsewhere.clone() });
    }
    sign_everybody_out(&connection)?;
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u32>(0)).map_err(StoreError::from);
    let people = || {
        let mut all = connection.prepare(
            "SELECT ifnull(name, 'a guest') FROM person WHERE data_key IS NOT NULL OR tier = 'ephemeral'
             ORDER BY role <> 'owner', number",
        )?;
        all.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
    };
    let made_at = Timestamp::from_second(list.made_at).map_err(|_| BackupError::Damaged)?;
    let contents = Contents {
        people: people().map_err(StoreError::from)?,
        is_claimed: count("SELECT count(*) FROM person WHERE role = 'owner' AND password IS NOT NULL")? > 0,
        conversations: count("SELECT count(*) FROM conversation")?,
        messages: count("SELECT count(*) FROM message WHERE replaced_by IS NULL")?,
        facts: count("SELECT count(*) FROM fact")?,
        timers: count("SELECT count(*) FROM timer WHERE state IN ('running', 'paused', 'ringing')")?,
        alarms: count("SELECT count(*) FROM alarm")?,
        announcements: count("SELECT count(*) FROM announcement")?,
        tokens: count("SELECT count(*) FROM api_token")?,
        secrets: count("SELECT count(*) FROM secret")?,
        has_settings: folder.join(PANELS_SETTINGS).exists(),
        has_configuration: folder.join(CONFIGURATION).exists(),
        pipit: list.pipit,
        made_at,
    };
    // Once it is closed there is nothing beside the file, which can then be moved.
    connection.close().map_err(|(_, error)| StoreError::from(error))?;
    Ok(contents)
}

/// Whoever was signed out since must not be signed in again, by whatever needs no password.
fn sign_everybody_out(connection: &Connection) -> Result<(), StoreError> {
    for table in ["session", "token_family", "invitation"] {
        if connection.table_exists(None, table)? {
            connection.execute(&format!("DELETE FROM {table}"), [])?;
        }
    }
    Ok(())
}

/// Looks through everything in the file, the indices too.
fn sound(file: &Path) -> Result<(), BackupError> {
    let looked = || -> rusqlite::Result<String> {
        let connection = Connection::open(file)?;
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
    };
    match looked() {
        Ok(said) if said == "ok" => Ok(()),
        // A file that is no database says so here.
        Ok(_) => Err(BackupError::Damaged),
        Err(error) if error.sqlite_error_code().is_some() => Err(BackupError::Damaged),
        Err(error) => Err(StoreError::from(error).into()),
    }
}

/// Carries over exactly so many bytes.
fn pour(from: &mut impl Read, to: &mut impl io::Write, length: u64, told: Told<'_>) -> Result<(), BackupError> {
    let (mut done, mut piece) = (0, vec![0; PIECE]);
    while done < length {
        let wanted = usize::try_from(length - done).unwrap_or(PIECE).min(PIECE);
        from.read_exact(&mut piece[..wanted]).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BackupError::Damaged,
            _ => error.into(),
        })?;
        to.write_all(&piece[..wanted])?;
        done += wanted as u64;
        if !told(done, length) {
            return Err(BackupError::Cancelled);
        }
    }
    Ok(())
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::MIGRATIONS;

    /// A backup with this database in it and this key.
    fn with(database: &[u8], key: &[u8], folder: &Path) -> PathBuf {
        let file = folder.join("backup");
        let files = [(DATABASE_KEY, key), (DATABASE, database)];
        let lengths = files.iter().map(|(name, content)| ((*name).to_owned(), content.len() as u64)).collect();
        let list = List { pipit: "1.0.0".to_owned(), made_at: 0, files: lengths };
        let mut sealing = Sealing::begin(File::create(&file).unwrap(), "four wet green herons", &list).unwrap();
        files.iter().for_each(|(_, content)| sealing.write_all(content).unwrap());
        sealing.finish().unwrap();
        file
    }

    fn tried(database: &[u8]) -> BackupError {
        let (folder, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = with(database, &[7; 32], folder.path());
        let all = (&KeySource::Beside, u64::MAX);
        try_backup(&file, "four wet green herons", into.path(), all, &mut |_, _| true).unwrap_err()
    }

    #[test]
    fn what_is_damaged_inside_or_has_another_key_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join(DATABASE);
        drop(Store::open(&database).unwrap());
        let sound = fs::read(&database).unwrap();
        assert!(matches!(tried(&sound), BackupError::OtherKey));
        assert!(matches!(tried(b"no database at all, but long enough to be looked at"), BackupError::Damaged));
        assert!(matches!(tried(&[]), BackupError::Damaged));
        // A page in the middle, of which only a whole look tells.
        let mut harmed = sound.clone();
        harmed[8 * 4096..9 * 4096].fill(0x5a);
        assert!(matches!(tried(&harmed), BackupError::Damaged));
        assert!(matches!(tried(&sound[..sound.len() / 2]), BackupError::Damaged));
    }

    #[test]
    fn an_older_pipits_is_brought_up_to_date() {
        let (folder, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let database = folder.path().join(DATABASE);
        create_private(&database).unwrap();
        let mut older = Connection::open(&database).unwrap();
        // The first version that has people in it, and with them a key.
        MIGRATIONS.to_version(&mut older, 6).unwrap();
        settle(&mut older, &database, &KeySource::Beside).unwrap();
        older.close().unwrap();
        let (content, key) = (fs::read(&database).unwrap(), fs::read(folder.path().join(DATABASE_KEY)).unwrap());
        let file = with(&content, &key, folder.path());
        let all = (&KeySource::Beside, u64::MAX);
        let contents = try_backup(&file, "four wet green herons", into.path(), all, &mut |_, _| true).unwrap();
        assert_eq!((contents.people.len(), contents.alarms, contents.is_claimed), (1, 0, false));
        let restored = Store::open(&into.path().join(DATABASE)).unwrap();
        restored.claim("Otto", "seventeen wet herons").unwrap();
    }
}
