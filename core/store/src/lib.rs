//! What Pipit remembers, in one SQLite file: conversations as they were heard, timers, the volume, and what
//! the last turns took.
//!
//! Synchronous and small: async callers use it from a blocking thread. What is remembered is decided elsewhere.
#![forbid(unsafe_code)]

mod error;
mod exchanges;
mod open;
mod settings;
mod timers;
mod turns;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

pub use error::StoreError;
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
}
