//! The ledger of what left this device: how many bytes went where, and for what. What they said is not in it.

use std::sync::Arc;

use jiff::Timestamp;
use pipit_core::chat::Tier;
use rusqlite::{Row, params};

use crate::conversations::moment;
use crate::people::PersonId;
use crate::{ConversationId, Store, StoreError};

/// One request to a server, and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// When it was sent.
    pub at: Timestamp,
    /// For which turn, if for any: the requests of one turn have the same.
    pub turn: Option<i64>,
    /// In which conversation, if in any.
    pub conversation: Option<ConversationId>,
    /// What for.
    pub purpose: Purpose,
    /// The server's host, without port, path and whatever else an address may have in it.
    pub host: String,
    /// What the owner calls the server.
    pub provider: String,
    /// How far it is.
    pub tier: Tier,
    /// Bytes that were sent: head and body.
    pub sent: u64,
    /// Bytes that were received.
    pub received: u64,
}

/// What something was sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A reply.
    Chat,
    /// The title of a conversation.
    Title,
    /// The summary of a conversation.
    Summary,
    /// What somebody said, from sound.
    Transcription,
    /// Sound, from text.
    Speech,
    /// A tool.
    Tool,
    /// To find out whether a server is well, and what it has.
    Test,
    /// Who somebody is that wants to sign in.
    SignIn,
}

const PURPOSES: [(Purpose, &str); 8] = [
    (Purpose::Chat, "chat"),
    (Purpose::Title, "title"),
    (Purpose::Summary, "summary"),
    (Purpose::Transcription, "transcription"),
    (Purpose::Speech, "speech"),
    (Purpose::Tool, "tool"),
    (Purpose::Test, "test"),
    (Purpose::SignIn, "sign-in"),
];

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(PURPOSES.iter().find(|(purpose, _)| purpose == self).map_or("", |(_, name)| name))
    }
}

/// A row of the ledger in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its number, which only grows.
    pub id: i64,
    /// Whose it is.
    pub who: PersonId,
    /// What it says.
    pub traffic: Traffic,
}

/// All that went to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTraffic {
    /// The host.
    pub host: String,
    /// How far it is.
    pub tier: Tier,
    /// How often something was sent.
    pub requests: u64,
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes that were received.
    pub received: u64,
    /// When for the last time.
    pub last: Timestamp,
    /// What for, each once.
    pub purposes: Vec<Purpose>,
}

impl Store {
    /// Writes into this person's ledger that something was sent.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn record_traffic(&self, traffic: &Traffic) -> Result<(), StoreError> {
        self.write(|scope| {
            let Traffic { at, turn, conversation, purpose, host, provider, tier, sent, received } = traffic;
            let bytes = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            scope
                .prepare_cached(
                    "INSERT INTO traffic (person, at, turn, conversation, purpose, host, provider, tier, sent, received)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    scope.person(),
                    at.as_millisecond(),
                    turn,
                    conversation.map(|id| id.0),
                    purpose.to_string(),
                    host,
                    provider,
                    written(*tier),
                    bytes(*sent),
                    bytes(*received)
                ])?;
            Ok(())
        })
    }

    /// The last `limit` entries of this person's ledger, the newest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn traffic(&self, limit: usize) -> Result<Vec<Traffic>, StoreError> {
        self.read(|scope| {
            let mut newest_first = scope.prepare_cached(
                "SELECT at, turn, conversation, purpose, host, provider, tier, sent, received
                 FROM traffic WHERE person = ? ORDER BY id DESC LIMIT ?",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = newest_first.query_map([scope.person(), limit], entry)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The same, added up for each host; the one to which most was sent first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn traffic_by_host(&self) -> Result<Vec<HostTraffic>, StoreError> {
        self.read(|scope| {
            let mut sums = scope.prepare_cached(
                "SELECT host, tier, count(*), sum(sent), sum(received), max(at), group_concat(DISTINCT purpose) FROM traffic
                 WHERE person = ? GROUP BY host, tier ORDER BY sum(sent) DESC",
            )?;
            let rows = sums.query_map([scope.person()], sum)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Whether what this person says, and their ledger, is in memory only.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        !Arc::ptr_eq(&self.texts, &self.device)
    }

    /// The ledger in the file, of `person` or of everybody, the newest row first: at most `limit` rows, only those before the
    /// one with the number `before`, and only of `host` where one is named.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn ledger_rows(
        &self,
        person: Option<PersonId>,
        host: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<LedgerRow>, StoreError> {
        self.require_root()?;
        let connection = self.device();
        let mut rows = connection.prepare_cached(
            "SELECT traffic.at, turn, conversation, purpose, host, provider, traffic.tier, sent, received, traffic.id, person.id
             FROM traffic JOIN person ON person.number = traffic.person
             WHERE traffic.id < ?1 AND (?2 IS NULL OR person.id = ?2) AND (?3 IS NULL OR host = ?3)
             ORDER BY traffic.id DESC LIMIT ?4",
        )?;
        let wanted = params![before.unwrap_or(i64::MAX), person.map(|id| id.0), host, limit];
        let rows = rows.query_map(wanted, |row| {
            Ok(LedgerRow { traffic: entry(row)?, id: row.get(9)?, who: PersonId(row.get(10)?) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The ledger in the file, of `person` or of everybody, added up for each host; the farthest first, and of those the one to
    /// which most was sent.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn ledger_by_host(&self, person: Option<PersonId>) -> Result<Vec<HostTraffic>, StoreError> {
        self.require_root()?;
        let connection = self.device();
        let mut sums = connection.prepare_cached(
            "SELECT host, traffic.tier, count(*), sum(sent), sum(received), max(at), group_concat(DISTINCT purpose)
             FROM traffic JOIN person ON person.number = traffic.person WHERE ?1 IS NULL OR person.id = ?1
             GROUP BY host, traffic.tier ORDER BY traffic.tier = 'outside' DESC, traffic.tier = 'house' DESC, sum(sent) DESC",
        )?;
        let rows = sums.query_map([person.map(|id| id.0)], sum)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn sum(row: &Row<'_>) -> rusqlite::Result<HostTraffic> {
    let purposes: String = row.get(6)?;
    Ok(HostTraffic {
        host: row.get(0)?,
        tier: tier(row.get_ref(1)?.as_str()?),
        requests: bytes(row, 2)?,
        sent: bytes(row, 3)?,
        received: bytes(row, 4)?,
        last: moment(row.get(5)?),
        purposes: purposes.split(',').map(purpose).collect(),
    })
}

fn purpose(written: &str) -> Purpose {
    PURPOSES.iter().find(|(_, name)| *name == written).map_or(Purpose::Tool, |(purpose, _)| *purpose)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Traffic> {
    Ok(Traffic {
        at: moment(row.get(0)?),
        turn: row.get(1)?,
        conversation: row.get::<_, Option<i64>>(2)?.map(ConversationId),
        purpose: purpose(row.get_ref(3)?.as_str()?),
        host: row.get(4)?,
        provider: row.get(5)?,
        tier: tier(row.get_ref(6)?.as_str()?),
        sent: bytes(row, 7)?,
        received: bytes(row, 8)?,
    })
}

fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

fn written(tier: Tier) -> &'static str {
    match tier {
        Tier::Device => "device",
        Tier::House => "house",
        Tier::Outside => "outside",
    }
}

/// What is not known is farthest away.
fn tier(written: &str) -> Tier {
    match written {
        "device" => Tier::Device,
        "house" => Tier::House,
        _ => Tier::Outside,
    }
}
