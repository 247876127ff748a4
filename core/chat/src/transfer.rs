//! Conversations as a file: what `pipit conversations export` writes and `import` reads. The form is the file's own, with a
//! version; the store's tables may change without it.
//!
//! Reading is strict. A file that is not wholly understood is refused as a whole, so that nobody believes to have carried over
//! what was left behind.

mod wire;

use std::io::{self, Read, Write};

use pipit_store::{Carried, ConversationId, Store, StoreError};
use thiserror::Error;

/// The longest file that is read, in bytes.
pub const LONGEST_FILE: u64 = 256 << 20;
/// The longest text of a message or of a system prompt that is read, in bytes.
pub const LONGEST_TEXT: usize = 4 << 20;
/// The longest title, in bytes.
pub const LONGEST_TITLE: usize = 1000;

/// Why conversations were not exported or imported. After a failed import the store is as it was.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The file can't be read.
    #[error("it can't be read: {0}")]
    Unread(io::Error),
    /// What was exported can't be written.
    #[error("it can't be written: {0}")]
    Unwritten(io::Error),
    /// It is not JSON.
    #[error("it is not JSON ({0}); import what `pipit conversations export` wrote")]
    NotJson(serde_json::Error),
    /// It ends in the middle.
    #[error("it ends in the middle, at line {line}; copy or export it again")]
    Cut {
        /// The last line.
        line: usize,
    },
    /// It is JSON, but holds no conversations of Pipit.
    #[error("it holds no conversations of Pipit; import what `pipit conversations export` wrote")]
    NotOurs,
    /// Another Pipit wrote it.
    #[error("it has version {found} of the format, and this Pipit knows version {}; update Pipit", wire::VERSION)]
    Version {
        /// The version that it has.
        found: u64,
    },
    /// Something in it is not as it must be.
    #[error("it is not as an export is: {0}; nothing was imported")]
    Wrong(serde_json::Error),
    /// A conversation in it is not as one can be.
    #[error("conversation {number} in it {what}; nothing was imported")]
    Unfit {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It is longer than anything that Pipit exports in one piece.
    #[error("it is longer than {} MB; export fewer conversations at a time", LONGEST_FILE >> 20)]
    TooLong,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes conversations as JSON, those with `ids` or all, and says how many.
///
/// # Errors
/// One of them is not there, or the store or `to` fails. What has been written by then is only half a file, which
/// [`import`] refuses.
pub fn export(store: &Store, ids: &[ConversationId], to: &mut impl Write) -> Result<usize, TransferError> {
    let mut conversations = if ids.is_empty() {
        store.conversations(None, usize::MAX)?
    } else {
        ids.iter().map(|id| store.conversation(*id)).collect::<Result<_, _>>()?
    };
    // In a file the most recent one comes last, as it does when it is begun.
    if ids.is_empty() {
        conversations.reverse();
    }
    let count = conversations.len();
    let unwritten = TransferError::Unwritten;
    write!(to, "{}", wire::BEGINNING).map_err(unwritten)?;
    for (n, conversation) in conversations.into_iter().enumerate() {
        let messages = store.messages(conversation.id, None, usize::MAX)?;
        to.write_all(if n == 0 { b"\n" } else { b",\n" }).map_err(unwritten)?;
        serde_json::to_writer(&mut *to, &wire::Conversation::new(conversation, messages))
            .map_err(|error| unwritten(error.into()))?;
    }
    write!(to, "{}", wire::END).map_err(unwritten)?;
    to.flush().map_err(unwritten)?;
    Ok(count)
}

/// Reads conversations that [`export`] wrote, and adds those that are not in the store yet; all of them or none.
///
/// # Errors
/// It can't be read, is not what [`export`] writes, or the store fails. Then nothing has changed.
pub fn import(store: &Store, from: impl Read) -> Result<Carried, TransferError> {
    let mut bytes = Vec::new();
    let length = from.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(TransferError::Unread)?;
    if length as u64 > LONGEST_FILE {
        return Err(TransferError::TooLong);
    }
    Ok(store.take_in(&wire::read(&bytes)?)?)
}
