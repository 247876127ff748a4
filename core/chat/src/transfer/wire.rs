//! The file's own structs, and what a conversation in it must be like.

use jiff::Timestamp;
use pipit_core::chat::{Door, Role};
use pipit_store::{Message as Stored, NewReply, NewTurn, Said, WholeConversation};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use super::{LONGEST_TEXT, LONGEST_TITLE, TransferError};

pub(super) const VERSION: u64 = 1;
const FORMAT: &str = "pipit-conversations";
pub(super) const BEGINNING: &str = "{\"format\":\"pipit-conversations\",\"version\":1,\"conversations\":[";
pub(super) const END: &str = "\n]}\n";

/// What every version of the format begins with.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u64,
    conversations: Vec<Conversation>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conversation {
    key: String,
    title: String,
    #[serde(default, skip_serializing_if = "is_false")]
    temporary_title: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    system_prompt: Option<String>,
    #[serde(with = "time")]
    created: Timestamp,
    #[serde(with = "time")]
    changed: Timestamp,
    messages: Vec<Message>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    role: Speaker,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    door: Option<Place>,
    #[serde(with = "time")]
    at: Timestamp,
    text: String,
    /// Of a reply, what was heard, if that is not the whole of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heard: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    User,
    Assistant,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    Voice,
    Terminal,
    Panel,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Times as RFC 3339 writes them, in UTC.
mod time {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom("a time must be like 2026-11-24T08:00:00Z"))
    }
}

impl Conversation {
    pub(super) fn new(conversation: pipit_store::Conversation, messages: Vec<Stored>) -> Conversation {
        let pipit_store::Conversation { id: _, key, title, temporary, system_prompt, created, changed } = conversation;
        let messages = messages.into_iter().map(Message::from).collect();
        Conversation { key, title, temporary_title: temporary, system_prompt, created, changed, messages }
    }

    fn whole(self) -> Result<WholeConversation, &'static str> {
        let Conversation { key, title, temporary_title, system_prompt, created, changed, messages } = self;
        if key.is_empty() || key.len() > 64 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err("has a key that is not letters and digits");
        }
        if title.trim().is_empty() || title.len() > LONGEST_TITLE {
            return Err("has no title, or one that is too long");
        }
        if system_prompt.as_ref().is_some_and(|prompt| prompt.len() > LONGEST_TEXT) {
            return Err("has a system prompt that is too long");
        }
        let mut turns = Vec::with_capacity(messages.len() / 2);
        let mut messages = messages.into_iter();
        while let Some(request) = messages.next() {
            turns.push(turn(request, messages.next())?);
        }
        Ok(WholeConversation { key, title, temporary: temporary_title, system_prompt, created, changed, turns })
    }
}

fn turn(request: Message, reply: Option<Message>) -> Result<NewTurn, &'static str> {
    let reply = reply.ok_or("ends with a request that has no reply")?;
    if request.role != Speaker::User || reply.role != Speaker::Assistant {
        return Err("has messages that are not by turns the user's and the assistant's");
    }
    if request.heard.is_some() {
        return Err("has a request that says what was heard of it, as only replies do");
    }
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    if request.text.len().max(reply.text.len()).max(length(&reply.heard)) > LONGEST_TEXT {
        return Err("has a message that is longer than 4 MB");
    }
    let door = request.door.map(|door| match door {
        Place::Voice => Door::Voice,
        Place::Terminal => Door::Terminal,
        Place::Panel => Door::Panel,
    });
    Ok(NewTurn {
        door,
        request: Said { at: request.at, text: request.text },
        reply: NewReply { at: reply.at, text: reply.text, heard: reply.heard },
    })
}

impl From<Stored> for Message {
    fn from(stored: Stored) -> Message {
        let role = if stored.role == Role::User { Speaker::User } else { Speaker::Assistant };
        let door = stored.door.map(|door| match door {
            Door::Voice => Place::Voice,
            Door::Terminal => Place::Terminal,
            Door::Panel => Place::Panel,
        });
        Message { role, door, at: stored.at, text: stored.text, heard: stored.heard }
    }
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<WholeConversation>, TransferError> {
    // The version first: what else a newer file has in it, nobody here can know.
    let header: Header = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => TransferError::NotOurs,
        _ => broken(error),
    })?;
    if header.format != FORMAT {
        return Err(TransferError::NotOurs);
    }
    if header.version != VERSION {
        return Err(TransferError::Version { found: header.version });
    }
    let document: Document = serde_json::from_slice(bytes).map_err(broken)?;
    let numbered = (1..).zip(document.conversations);
    numbered
        .map(|(number, conversation)| conversation.whole().map_err(|what| TransferError::Unfit { number, what }))
        .collect()
}

fn broken(error: serde_json::Error) -> TransferError {
    match error.classify() {
        Category::Eof => TransferError::Cut { line: error.line() },
        Category::Data => TransferError::Wrong(error),
        Category::Syntax | Category::Io => TransferError::NotJson(error),
    }
}
