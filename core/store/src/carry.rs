//! Whole conversations, as they are carried from one store to another. Their form outside is decided elsewhere.

use jiff::Timestamp;
use rusqlite::params;

use crate::conversations::{self, ConversationId};
use crate::messages::{NewTurn, insert_turn};
use crate::scope::Scope;
use crate::seal::Column;
use crate::{Store, StoreError};

/// A conversation with everything that is said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeConversation {
    /// The same in every store.
    pub key: String,
    /// What it is called.
    pub title: String,
    /// Whether the title only stands in for a better one.
    pub temporary: bool,
    /// Its own system prompt, if it has one.
    pub system_prompt: Option<String>,
    /// When it was begun.
    pub created: Timestamp,
    /// When something was last said in it.
    pub changed: Timestamp,
    /// What was said, the oldest first.
    pub turns: Vec<NewTurn>,
}

/// What came of carrying conversations into a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Those that are new here.
    pub added: usize,
    /// Those that were here already, which stay as they are here.
    pub already_here: usize,
}

impl Store {
    /// Takes conversations in, the last of them as the most recent one; all of them or none. One that is here already stays as
    /// it is here, so that taking in the same again changes nothing.
    ///
    /// # Errors
    /// See [`StoreError`]; then none was taken in.
    pub fn take_in(&self, conversations: &[WholeConversation]) -> Result<Carried, StoreError> {
        self.write(|scope| {
            let mut carried = Carried::default();
            for conversation in conversations {
                let mut find = scope.prepare_cached("SELECT 1 FROM conversation WHERE key = ? AND person = ?")?;
                if find.exists(params![conversation.key, scope.person()])? {
                    carried.already_here += 1;
                } else {
                    take_in(scope, conversation)?;
                    carried.added += 1;
                }
            }
            Ok(carried)
        })
    }
}

fn take_in(scope: &Scope<'_>, conversation: &WholeConversation) -> Result<ConversationId, StoreError> {
    let WholeConversation { key, title, temporary, system_prompt, created, changed, turns } = conversation;
    let id = conversations::insert(scope, title, *temporary, *created)?;
    for turn in turns {
        insert_turn(scope, id, turn)?;
    }
    let prompt = scope.seal_some(Column::SystemPrompt, id.0, system_prompt.as_deref())?;
    scope
        .prepare_cached("UPDATE conversation SET key = ?, system_prompt = ?, changed = ? WHERE id = ?")?
        .execute(params![key, prompt, changed.as_millisecond(), id.0])?;
    Ok(id)
}
