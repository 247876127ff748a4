//! What sealing costs: the store beside one that seals nothing, which has the same tables with the same texts in them as they
//! are. Of that one there are only the statements of the two most frequent deeds, so the store around them counts as sealing.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use pipit_core::chat::{Door, Role};
use pipit_store::{ConversationId, Message, MessageId, NewTurn, Store};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use rustix::fs::{Advice, fadvise};
use serde::Serialize;

use super::made_up::MadeUp;
use super::{SAMPLES, SHOWN, time};
use crate::figures::quantile;

/// How often either store is opened and read from. They are not open at the same time, since SQLite shares out its memory.
const ROUNDS: usize = 8;
/// Samples of each kind in a round.
const READ: usize = 1000;
const READ_FROM_DISK: usize = 100;

/// Medians, in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Sealing {
    pub(crate) append: Pair,
    /// The last 50 messages, while the system has the file in memory.
    pub(crate) last_50: Pair,
    /// The same when they come from the disk, as on a board that has little memory.
    pub(crate) last_50_from_disk: Pair,
}

#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    sealed: f64,
    unsealed: f64,
    /// What sealing adds, in percent: to be under 10.
    more: f64,
}

impl Pair {
    fn of(mut sealed: Vec<f64>, mut unsealed: Vec<f64>) -> Pair {
        let [sealed, unsealed] = [&mut sealed, &mut unsealed].map(|times| {
            times.sort_by(f64::total_cmp);
            quantile(times, 0.5).unwrap_or(f64::NAN)
        });
        Pair { sealed, unsealed, more: (sealed / unsealed - 1.0) * 100.0 }
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} ms for {:.3} ({:+.1} %)", self.sealed, self.unsealed, self.more)
    }
}

/// Measures the store in `sealed`, which nobody may have open, beside an unsealed copy of it.
pub(crate) fn measure(sealed: &Path) -> Result<Sealing> {
    let folder = tempfile::tempdir_in(sealed.parent().context("the store lies in a folder")?)?;
    let copy = folder.path().join("unsealed.db");
    let mut made_up = MadeUp::new(5);
    let store = Store::open(sealed)?;
    let conversations: Vec<_> =
        store.conversations(None, usize::MAX)?.into_iter().map(|conversation| conversation.id).collect();
    let mut unsealed = Unsealed::copy(&store, sealed, &copy)?;
    let (mut with, mut without) = (Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES));
    for _ in 0..SAMPLES {
        let (conversation, turn) = (made_up.one_of(&conversations), made_up.turn(Timestamp::now()));
        with.push(time(|| Ok(store.append(conversation, &turn).map(drop)?))?);
        without.push(time(|| unsealed.append(conversation, &turn))?);
    }
    let append = Pair::of(with, without);
    let same = conversations[0];
    let texts = |messages: Vec<Message>| messages.into_iter().map(|message| message.text).collect::<Vec<_>>();
    ensure!(
        texts(store.last_messages(same, SHOWN)?) == texts(unsealed.last_messages(same, SHOWN)?),
        "the copy holds something else"
    );
    drop((store, unsealed));

    let [mut with, mut without] = [(); 2].map(|()| Read::default());
    for _ in 0..ROUNDS {
        let store = Store::open(sealed)?;
        with.round(sealed, &conversations, &mut made_up, |id| Ok(store.last_messages(id, SHOWN)?))?;
        drop(store);
        let unsealed = Unsealed::open(&copy)?;
        without.round(&copy, &conversations, &mut made_up, |id| unsealed.last_messages(id, SHOWN))?;
    }
    Ok(Sealing {
        append,
        last_50: Pair::of(with.from_memory, without.from_memory),
        last_50_from_disk: Pair::of(with.from_disk, without.from_disk),
    })
}

#[derive(Default)]
struct Read {
    from_memory: Vec<f64>,
    from_disk: Vec<f64>,
}

impl Read {
    fn round(
        &mut self,
        file: &Path,
        conversations: &[ConversationId],
        made_up: &mut MadeUp,
        mut read: impl FnMut(ConversationId) -> Result<Vec<Message>>,
    ) -> Result<()> {
        let mut timed = |times: &mut Vec<f64>| -> Result<()> {
            let conversation = made_up.one_of(conversations);
            times.push(time(|| read(conversation).map(drop))?);
            Ok(())
        };
        // The first ones bring the upper pages into SQLite's memory, and all of the file into the system's.
        std::io::copy(&mut File::open(file)?, &mut std::io::sink())?;
        for _ in 0..READ {
            timed(&mut Vec::new())?;
        }
        for _ in 0..READ {
            timed(&mut self.from_memory)?;
        }
        let disk = File::open(file)?;
        for _ in 0..READ_FROM_DISK {
            fadvise(&disk, 0, None, Advice::DontNeed)?;
            timed(&mut self.from_disk)?;
        }
        Ok(())
    }
}

struct Unsealed {
    connection: Connection,
    /// The number of the only person.
    person: i64,
}

impl Unsealed {
    /// Carries the conversations of the store in `sealed` over to a new file.
    fn copy(store: &Store, sealed: &Path, file: &Path) -> Result<Unsealed> {
        let mut connection = connect(file)?;
        connection.execute("ATTACH ? AS sealed", [sealed.to_str().context("the folder's name is no text")?])?;
        let transaction = connection.transaction()?;
        let tables: Vec<String> = transaction
            .prepare(
                "SELECT sql FROM sealed.sqlite_schema
                 WHERE tbl_name IN ('person', 'conversation', 'message', 'indexed_to') AND sql IS NOT NULL",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        transaction.execute_batch(&tables.join(";"))?;
        transaction.execute_batch(
            "INSERT INTO person SELECT * FROM sealed.person; INSERT INTO conversation SELECT * FROM sealed.conversation;
             INSERT INTO indexed_to SELECT * FROM sealed.indexed_to;",
        )?;
        let mut conversations = store.conversations(None, usize::MAX)?;
        // In the order in which they lie in the sealed file.
        conversations.sort_by_key(|conversation| conversation.id.0);
        for conversation in conversations {
            for message in store.messages(conversation.id, None, usize::MAX)? {
                let heard = message.heard.as_deref();
                insert(&transaction, message.id.0, conversation.id, message.role, message.at, &message.text, heard)?;
            }
        }
        transaction.commit()?;
        drop(connection);
        Unsealed::open(file)
    }

    /// The file again.
    fn open(file: &Path) -> Result<Unsealed> {
        let connection = connect(file)?;
        let person = connection.query_row("SELECT number FROM person", [], |row| row.get(0))?;
        Ok(Unsealed { connection, person })
    }

    fn last_messages(&self, conversation: ConversationId, limit: usize) -> Result<Vec<Message>> {
        let mut newest_first = self.connection.prepare_cached(
            "SELECT message.id, role, door, at, text, heard FROM message
             WHERE conversation = (SELECT id FROM conversation WHERE id = ? AND person = ?) AND replaced_by IS NULL
             ORDER BY id DESC LIMIT ?",
        )?;
        let text = |blob: &[u8]| String::from_utf8(blob.to_vec());
        let mut messages = newest_first
            .query_and_then(params![conversation.0, self.person, i64::try_from(limit)?], |row| {
                Ok(Message {
                    id: MessageId(row.get(0)?),
                    role: if row.get_ref(1)?.as_str()? == "user" { Role::User } else { Role::Assistant },
                    door: row.get_ref(2)?.as_str_or_null()?.map(|_| Door::Voice),
                    at: Timestamp::from_millisecond(row.get(3)?)?,
                    text: text(row.get_ref(4)?.as_blob()?)?,
                    heard: row.get_ref(5)?.as_blob_or_null()?.map(text).transpose()?,
                })
            })?
            .collect::<Result<Vec<_>>>()?;
        messages.reverse();
        Ok(messages)
    }

    fn append(&mut self, conversation: ConversationId, turn: &NewTurn) -> Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction
            .prepare_cached(
                "UPDATE conversation SET changed = ?3, recency =
                     (SELECT max(recency) + (max(recency) <> conversation.recency) FROM conversation AS any)
                 WHERE id = ?1 AND person = ?2",
            )?
            .execute(params![conversation.0, self.person, turn.reply.at.as_millisecond()])?;
        let halves =
            [(Role::User, &turn.request.at, &turn.request.text), (Role::Assistant, &turn.reply.at, &turn.reply.text)];
        for (role, at, text) in halves {
            let id = transaction
                .prepare_cached("SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = ?")?
                .query_row(["message"], |row| row.get::<_, i64>(0))?
                + 1;
            insert(&transaction, id, conversation, role, *at, text, None)?;
            transaction
                .prepare_cached("SELECT message FROM indexed_to WHERE person = ?")?
                .query_row([self.person], |row| row.get::<_, i64>(0))?;
        }
        Ok(transaction.commit()?)
    }
}

/// With the settings of the store.
fn connect(file: &Path) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
         PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 4000;",
    )?;
    Ok(connection)
}

fn insert(
    transaction: &Transaction<'_>,
    id: i64,
    conversation: ConversationId,
    role: Role,
    at: Timestamp,
    text: &str,
    heard: Option<&str>,
) -> Result<()> {
    let role = if role == Role::User { "user" } else { "assistant" };
    let (text, heard) = (text.as_bytes(), heard.map(str::as_bytes));
    transaction
        .prepare_cached(
            "INSERT INTO message (id, conversation, role, door, at, text, heard) VALUES (?, ?, ?, NULL, ?, ?, ?)",
        )?
        .execute(params![id, conversation.0, role, at.as_millisecond(), text, heard])?;
    Ok(())
}
