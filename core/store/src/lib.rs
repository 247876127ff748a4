//! What Pipit remembers, in one SQLite file: conversations as they were heard and an index of their words, timers, the
//! volume, and what the last turns took.
//!
//! Synchronous and small: async callers use it from a blocking thread. What is remembered is decided elsewhere.
#![forbid(unsafe_code)]

mod back_up;
mod carry;
mod conversations;
mod error;
mod exchanges;
mod facts;
mod messages;
mod open;
mod schema;
mod search;
mod settings;
mod summary;
mod timers;
mod turns;
mod versions;
mod words;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use carry::{Carried, WholeConversation};
pub use conversations::{Conversation, ConversationId};
pub use error::StoreError;
pub use messages::{Message, MessageId, NewReply, NewTurn, Said, TurnIds};
pub use search::Found;
pub use summary::{MadeOf, Summary};
pub use timers::StoredTimer;
pub use turns::StoredTurn;

/// The open file. Clones share one connection.
#[derive(Clone, Debug)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
    warning: Option<Arc<str>>,
}

impl Store {
    /// What the owner should know about how it was opened, such as that a damaged file was moved aside.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The connection. A panic of another thread leaves nothing half done, because what must go together is done in one
    /// transaction, which that panic rolled back.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Does something in one transaction, all of it or nothing.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// The same for what deletes: afterwards nothing of it is in the log of the last changes either, which SQLite would
    /// otherwise keep until it is long enough.
    fn erase<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let done = self.write(|transaction| {
            back_up::count_deletion(transaction)?;
            work(transaction)
        })?;
        // Where another program is reading, the log is emptied by whoever closes the file last.
        let emptied = self.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        if !matches!(emptied, Ok(0)) {
            tracing::debug!("what was deleted stays in the log of the last changes until nobody reads the file");
        }
        Ok(done)
    }
}
