//! The ledger of what left this device: how many bytes went where, and for what. What they said is not in it.

use jiff::Timestamp;
use pipit_core::chat::Tier;
use rusqlite::{Row, params};

use crate::conversations::moment;
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
                "SELECT host, tier, count(*), sum(sent), sum(received), max(at) FROM traffic WHERE person = ?
                 GROUP BY host, tier ORDER BY sum(sent) DESC",
            )?;
            let rows = sums.query_map([scope.person()], |row| {
                Ok(HostTraffic {
                    host: row.get(0)?,
                    tier: tier(row.get_ref(1)?.as_str()?),
                    requests: bytes(row, 2)?,
                    sent: bytes(row, 3)?,
                    received: bytes(row, 4)?,
                    last: moment(row.get(5)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Traffic> {
    let purpose = row.get_ref(3)?.as_str()?;
    Ok(Traffic {
        at: moment(row.get(0)?),
        turn: row.get(1)?,
        conversation: row.get::<_, Option<i64>>(2)?.map(ConversationId),
        purpose: PURPOSES.iter().find(|(_, name)| *name == purpose).map_or(Purpose::Tool, |(purpose, _)| *purpose),
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
