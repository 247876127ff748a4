//! Opening the file: its schema, what makes a commit survive a power cut, and what happens to a damaged file.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};
use rusqlite_migration::{M, Migrations, SchemaVersion};

use crate::people::{self, PersonId, Role};
use crate::seal::random;
use crate::{Database, KeySource, Store, StoreError, back_up, schema, settle};

/// How long to wait for another program that holds the file, such as a `pipit ask` beside the daemon.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Statements that stay prepared: all that there are.
const STATEMENTS: usize = 96;

pub(crate) static MIGRATIONS: LazyLock<Migrations<'static>> = LazyLock::new(|| {
    Migrations::new(vec![
        M::up(
            "CREATE TABLE exchange (
                id INTEGER PRIMARY KEY,
                at INTEGER NOT NULL,       -- Unix milliseconds
                door TEXT NOT NULL,        -- 'voice' or 'terminal'
                asked TEXT NOT NULL,
                heard TEXT NOT NULL        -- of the reply, what was heard
            ) STRICT;
            CREATE TABLE timer (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                name TEXT,
                length INTEGER NOT NULL,   -- milliseconds
                due INTEGER NOT NULL,      -- Unix milliseconds
                state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'rung', 'cancelled'))
            ) STRICT;
            CREATE INDEX timer_due ON timer (due) WHERE state = 'running';
            CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;",
        ),
        // The oldest that is kept goes first, so an id never comes back.
        M::up(
            "CREATE TABLE turn (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                at INTEGER NOT NULL,       -- Unix milliseconds
                record TEXT NOT NULL CHECK (json_valid(record))
            ) STRICT;",
        ),
        schema::conversations(),
        M::up(
            "CREATE TABLE fact (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                text TEXT NOT NULL UNIQUE,
                at INTEGER NOT NULL        -- when it was last told, Unix milliseconds
            ) STRICT;",
        ),
        M::up(
            "ALTER TABLE conversation ADD COLUMN summary TEXT;          -- of what was said up to summarised_to
            ALTER TABLE conversation ADD COLUMN summarised_to INTEGER;  -- the last message that is in it",
        ),
        schema::people(),
        schema::announcements(),
        schema::time(),
        schema::reminders(),
        schema::accounts(),
        schema::sign_in(),
        schema::panel(),
    ])
});

impl Store {
    /// Opens the file as its owner, or begins one. The device's key lies beside it; see [`Store::open_with`].
    ///
    /// # Errors
    /// As [`Store::open_with`].
    pub fn open(file: &Path) -> Result<Store, StoreError> {
        Store::open_with(file, &KeySource::Beside)
    }

    /// Opens the file as its owner, or begins one. A damaged file is moved aside, never deleted, and the last good copy takes
    /// its place, or a new one where there is none; [`Store::warning`] then tells which. What lies in it unsealed, because an
    /// older Pipit wrote it, is sealed.
    ///
    /// # Errors
    /// The file can't be opened or written, or is a newer Pipit's, or its key is lost; then nothing has changed.
    pub fn open_with(file: &Path, key: &KeySource) -> Result<Store, StoreError> {
        let _alone = alone_in(file);
        let (mut connection, warning) = connect_or_restore(file)?;
        let (device_key, principal) = settle::settle(&mut connection, file, key)?;
        let file = Arc::new(Database::new(connection));
        let store = Store {
            device: Arc::clone(&file),
            texts: file,
            principal: Arc::new(principal),
            is_root: true,
            device_key: Some(device_key),
            warning,
        };
        settle::tidy_up(&store);
        Ok(store)
    }

    /// Opens the file for what belongs to the device, such as the timers, while its key is lost: conversations and facts are in
    /// memory only until it is back.
    ///
    /// # Errors
    /// The file can't be opened or written, or is a newer Pipit's.
    pub fn open_without_history(file: &Path) -> Result<Store, StoreError> {
        let _alone = alone_in(file);
        let (connection, warning) = connect_or_restore(file)?;
        let (texts, principal) = people::in_memory(PersonId(*random()?), Role::Owner)?;
        let device = Arc::new(Database::new(connection));
        Ok(Store { device, texts, principal: Arc::new(principal), is_root: true, device_key: None, warning })
    }
}

/// The connection, and what the owner should know of it.
fn connect_or_restore(file: &Path) -> Result<(Connection, Option<Arc<str>>), StoreError> {
    match connect(file) {
        Ok(connection) => Ok((connection, None)),
        Err(StoreError::Sqlite(error)) if is_damage(&error) => {
            let aside = move_aside(file)?;
            let instead = match back_up::bring_back(file) {
                Some(at) => format!("the copy of {} took its place", at.strftime("%Y-%m-%d %H:%M UTC")),
                None => "a new one begun".to_owned(),
            };
            let warning = format!(
                "the history in {} is damaged ({error}); it was kept as {} and {instead}",
                file.display(),
                aside.display()
            );
            tracing::error!("{warning}");
            let connection = connect(file)?;
            // Whoever was signed out since the copy was made must not be signed in again.
            connection.execute_batch("DELETE FROM session; DELETE FROM token_family; DELETE FROM invitation;")?;
            Ok((connection, Some(warning.into())))
        }
        Err(error) => Err(error),
    }
}

/// A database in memory with the same tables.
pub(crate) fn in_memory() -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;")?;
    migrate(&mut connection, Path::new("memory"))?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    MIGRATIONS.to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => StoreError::from(err),
        other => StoreError::Unopened { file: file.to_owned(), why: other.to_string() },
    })
}

/// Lets one process at a time open a file in this folder, until the result is dropped: of two that begin the same file, the
/// second must find it whole, and of two that find it damaged, the second must not move aside what the first began.
fn alone_in(file: &Path) -> Option<File> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = File::open(folder).ok()?;
    // Where the file system knows no locks, opening goes on without.
    folder.lock().ok()?;
    Some(folder)
}

/// A file beside another one: its name with a suffix.
pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Creates the file, if it is not there, so that only its owner can read it: it holds what people said at home. SQLite gives
/// the files that it puts beside it the same permissions.
pub(crate) fn create_private(file: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

pub(crate) fn connect(file: &Path) -> Result<Connection, StoreError> {
    let unopened =
        |error: &dyn std::fmt::Display| StoreError::Unopened { file: file.to_owned(), why: error.to_string() };
    create_private(file).map_err(|error| unopened(&error))?;
    let mut connection = Connection::open(file).map_err(|error| unopened(&error))?;
    connection.busy_timeout(PATIENCE)?;
    // Before anything else, since even the journal's mode is written into the file.
    if MIGRATIONS.current_version(&connection).is_ok_and(|version| matches!(version, SchemaVersion::Outside(_))) {
        return Err(StoreError::Newer { file: file.to_owned() });
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // With FULL, a commit in WAL mode survives a power cut, and timers are worth the few milliseconds. What is deleted is
    // overwritten, because people who delete what they said mean it. The log may grow to 16 MB before a commit has to move
    // what is in it to its place.
    let configured = connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
         PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 4000;",
    );
    configured.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => unopened(&error),
        _ => error.into(),
    })?;
    check(&connection)?;
    migrate(&mut connection, file)?;
    Ok(connection)
}

/// Looks through the pages of every table. The index of the search is looked through as pages only: whether each word of it
/// belongs to its message takes several times as long as all the rest, and an index can be made anew.
///
/// # Errors
/// Something is damaged, or can't be read.
pub(crate) fn check(connection: &Connection) -> Result<(), StoreError> {
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")?;
    let mut look = connection.prepare("SELECT quick_check FROM pragma_quick_check(?)")?;
    for name in tables.query_map([], |row| row.get::<_, String>(0))? {
        let said: String = look.query_row([name?], |row| row.get(0))?;
        if said != "ok" {
            return Err(StoreError::Sqlite(damage(said)));
        }
    }
    Ok(())
}

fn damage(what: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(what))
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Renames the file and what SQLite keeps beside it, so that somebody who knows how can still rescue it.
#[expect(clippy::disallowed_methods, reason = "the time only makes the name of the file that is kept")]
fn move_aside(file: &Path) -> Result<PathBuf, StoreError> {
    let mark = format!(".corrupt-{}", Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
    for suffix in ["-wal", "-shm"] {
        // They need not exist.
        let _ = std::fs::rename(beside(file, suffix), beside(file, &format!("{mark}{suffix}")));
    }
    let aside = beside(file, &mark);
    match std::fs::rename(file, &aside) {
        Ok(()) => Ok(aside),
        Err(error) => Err(StoreError::Unopened { file: file.to_owned(), why: error.to_string() }),
    }
}
