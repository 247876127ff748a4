//! What can go wrong, in words that say what to do.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::{ConversationId, MessageId};

/// Something could not be remembered or recalled. What was remembered before is still there.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("the disk is full, so this was not remembered: make room, or move state.dir to a larger disk")]
    DiskFull,
    /// Another program holds the file for longer than Pipit waits.
    #[error("another program keeps the history locked; close it, and try again")]
    Locked,
    /// The file was written by a newer Pipit. It was not touched.
    #[error("{} was written by a newer Pipit: update this one, or set state.dir to another folder", file.display())]
    Newer {
        /// The file.
        file: PathBuf,
    },
    /// The file can't be opened.
    #[error("{} can't be opened: {why}; check that its folder exists and that Pipit may write there", file.display())]
    Unopened {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// There is no such conversation, or not any more.
    #[error("there is no conversation {0}; `pipit conversations list` shows those that there are")]
    NoConversation(ConversationId),
    /// There is no such message, or not any more, or another has replaced it.
    #[error("there is no message {0}, or it has been replaced; read its conversation again")]
    NoMessage(MessageId),
    /// The message is there, but this can't be done to it.
    #[error("message {id} is not {wanted}; read its conversation again")]
    WrongMessage {
        /// Which.
        id: MessageId,
        /// What it would have to be.
        wanted: &'static str,
    },
    /// Anything else that SQLite says.
    #[error("the history in state.dir failed: {0}; check that its disk is sound, and neither full nor read-only")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked,
            _ => StoreError::Sqlite(error),
        }
    }
}
