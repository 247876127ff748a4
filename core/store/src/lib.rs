//! What Pipit remembers, in one SQLite file: conversations as they were heard and an index of their words, what waits to be
//! announced, timers, the volume, and what the last turns took.
//!
//! A [`Store`] is one person's. What people say is sealed with a key of theirs, and whatever reads or changes it asks for what
//! belongs to that person only; timers, the volume and the record of turns are the device's.
//!
//! Synchronous and small: async callers use it from a blocking thread. What is remembered is decided elsewhere.
#![forbid(unsafe_code)]

mod alarms;
mod announcements;
mod archive;
mod audit;
mod back_up;
mod carry;
mod clock;
mod conversations;
mod erase;
mod error;
mod exchanges;
mod facts;
mod families;
mod household;
mod index_tables;
mod invitations;
mod key_file;
mod ledger;
mod links;
mod messages;
mod open;
mod passkeys;
mod passphrase;
mod passwords;
mod people;
mod personas;
mod pin;
mod retention;
mod schema;
mod scope;
mod seal;
mod search;
mod secrets;
mod sessions;
mod settings;
mod settle;
mod summary;
mod take_away;
mod timers;
mod turns;
mod versions;
mod visitors;
mod words;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

pub use alarms::StoredAlarm;
pub use announcements::StoredAnnouncement;
pub use audit::AuditRow;
pub use carry::{Carried, WholeConversation};
pub use clock::{ClockWatch, SetSoFar};
pub use conversations::{Conversation, ConversationId};
pub use erase::Erased;
pub use error::{KeyProblem, StoreError, Unreadable};
pub use families::{Refreshed, TokenFamily};
pub use invitations::INVITED_FOR;
pub use key_file::KeySource;
pub use ledger::{HostTraffic, LedgerRow, Purpose, Traffic};
pub use links::Link;
pub use messages::{Message, MessageId, NewReply, NewTurn, Said, TurnIds};
pub use passkeys::{NewPasskey, Passkey, PasskeyAlgorithm, PasskeyKey};
pub use passwords::{PasswordProblem, Recognised};
pub use people::{LONGEST_NAME, NewPerson, NewPrivacy, Person, PersonId, PrivacyTier, Role};
pub use pin::PinCheck;
pub use search::Found;
pub use sessions::{ABSOLUTE_LIMIT, ApiToken, Client, IDLE_LIMIT, Session};
pub use settings::Night;
pub use summary::{MadeOf, Summary};
pub use take_away::{
    BackupError, CONFIGURATION, Contents, DATABASE, DATABASE_KEY, Making, PANELS_SETTINGS, SHORTEST_PASSPHRASE, Told,
    try_backup,
};
pub use timers::StoredTimer;
pub use turns::StoredTurn;

use key_file::DeviceKey;
use people::Principal;

/// The open file, as one person may use it. Clones share one connection.
#[derive(Clone, Debug)]
pub struct Store {
    /// The file.
    device: Arc<Database>,
    /// Where this person's texts are: the file too, or memory.
    texts: Arc<Database>,
    principal: Arc<Principal>,
    /// Whether it is the owner's, which leads to those of the others.
    is_root: bool,
    /// Only the owner's has it, and not while it is lost.
    device_key: Option<DeviceKey>,
    warning: Option<Arc<str>>,
}

/// A connection that is used by one thread at a time.
#[derive(Debug)]
pub(crate) struct Database(Mutex<Connection>);

impl Database {
    pub(crate) fn new(connection: Connection) -> Database {
        Database(Mutex::new(connection))
    }

    /// The connection. A panic of another thread leaves nothing half done, because what must go together is done in one
    /// transaction, which that panic rolled back.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// What the owner should know about how it was opened, such as that a damaged file was moved aside.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Whether what is said is kept for the same person in the same place: not so for two sessions of somebody who leaves no trace.
    #[must_use]
    pub fn is_for_the_same(&self, other: &Store) -> bool {
        self.person() == other.person() && Arc::ptr_eq(&self.texts, &other.texts)
    }

    /// The connection to what belongs to the device.
    fn device(&self) -> MutexGuard<'_, Connection> {
        self.device.connection()
    }
}
