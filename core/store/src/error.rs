//! What can go wrong, in words that say what to do.

use std::fmt;
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
    /// The device's key is not there, or is not the one that this file was written with. Nothing was changed.
    #[error("the key of the history, {}, {problem}, and without it {lost}", file.display())]
    KeyLost {
        /// Where it should be.
        file: PathBuf,
        /// What is wrong with it.
        problem: KeyProblem,
        /// What can't be read without it, and what can.
        lost: Unreadable,
    },
    /// There is no key yet, and it is not Pipit's to make.
    #[error("the key of the history, {}, {problem}; put 32 random bytes there, or let Pipit make one of its own", file.display())]
    NoKey {
        /// Where it should be.
        file: PathBuf,
        /// What is wrong with it.
        problem: KeyProblem,
    },
    /// Something needs the device's key, which is lost.
    #[error("this needs the key of the history, which is lost; put it back, and start Pipit again")]
    NoDeviceKey,
    /// The key opens everything, so there is nothing to give up.
    #[error("the key of the history is there and opens it, so there is nothing to begin anew")]
    KeyNotLost,
    /// A PIN that is none.
    #[error("a PIN is 4 to 12 digits")]
    UnfitPin,
    /// A password that would protect nothing.
    #[error("{0}")]
    UnfitPassword(crate::PasswordProblem),
    /// Somebody has claimed the device.
    #[error("this Pipit has its owner; sign in, or let the owner make you known")]
    AlreadyClaimed,
    /// Nobody needs as many.
    #[error("there are too many API tokens; remove one that is not used any more")]
    TooManyTokens,
    /// Nobody needs as many.
    #[error("there are too many passkeys; remove one that is not used any more")]
    TooManyPasskeys,
    /// The same passkey, for whomever.
    #[error("this passkey is known already")]
    PasskeyKnown,
    /// One account elsewhere is one person here, and the other way around.
    #[error(
        "this account is connected with somebody already, or you are connected with another one; disconnect that first"
    )]
    Linked,
    /// The owner stays the owner.
    #[error("the owner can neither be removed nor be made somebody else")]
    OwnerStays,
    /// A name that no secret can have.
    #[error("the name of a secret is letters, digits, dots, hyphens and underscores, at most 30 of them")]
    UnfitSecretName,
    /// Something that was sealed can't be opened, though the key is right.
    #[error("{what} {row} can't be read: it was damaged or changed since it was written")]
    Unreadable {
        /// What it is.
        what: &'static str,
        /// Its number.
        row: i64,
    },
    /// There is no such person, or not any more.
    #[error("there is no such person; `pipit people list` shows those that there are")]
    NoPerson,
    /// Somebody is called that already.
    #[error("somebody is called that already; choose another name")]
    NameTaken,
    /// A name is missing or too long.
    #[error("a name has at least one character and at most {} bytes", crate::LONGEST_NAME)]
    UnfitName,
    /// It takes the passphrase of the person.
    #[error("only the passphrase of this person opens what they said")]
    PersonLocked,
    /// It is not the passphrase.
    #[error("that is not the passphrase; nothing was changed, so try again")]
    WrongPassphrase,
    /// The person has no passphrase, or a new one is empty.
    #[error("there is no passphrase; only people who are private have one, and it can't be empty")]
    NoPassphrase,
    /// Something that only the owner may do.
    #[error("only the owner of the device may do this, and it has one")]
    NotTheOwners,
    /// What was kept of a passphrase or a PIN is damaged.
    #[error("what was kept of the passphrase or the PIN is damaged; set it anew")]
    NoHash,
    /// The machine could not compute a key.
    #[error("the key could not be computed ({0}); free some memory, and try again")]
    Underivable(String),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers ({0}), without which nothing can be sealed")]
    NoRandomness(String),
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

/// What is wrong with the device's key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// There is no such file.
    #[error("is not there")]
    Missing,
    /// The file can't be read.
    #[error("can't be read ({0})")]
    Unread(String),
    /// It is no key.
    #[error("is not 32 bytes or 64 hexadecimal digits long, as a key is")]
    NoKey,
    /// It is a key, but not of this file.
    #[error("is not the one that this history was written with")]
    Wrong,
}

/// What can't be read without the device's key, and what can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// The people whose texts can't be read, each with how many conversations and facts.
    pub people: Vec<(String, u32, u32)>,
    /// API keys that are sealed with it.
    pub secrets: u32,
    /// People with a passphrase of their own, who need it not.
    pub private: u32,
}

/// A sentence that goes on after "without it".
impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, conversations, facts)) in self.people.iter().enumerate() {
            let parted = if n == 0 { "" } else { ", " };
            write!(f, "{parted}{conversations} conversations and {facts} remembered facts of {name}")?;
        }
        write!(f, " and {} sealed API keys can't be read. ", self.secrets)?;
        write!(f, "Timers, the volume and the record of turns are not affected")?;
        match self.private {
            0 => {}
            1 => write!(f, ", nor is the one person with a passphrase of their own")?,
            more => write!(f, ", nor are the {more} people with a passphrase of their own")?,
        }
        write!(f, ". Nothing was changed: put the key back, or give up what it opens with `pipit people begin-anew`")
    }
}
