//! The hassil sentence-template language, in which Home Assistant's sentence packs and the `custom_sentences` of its users
//! are written: read whole, compiled once, and matched against what was said.
//!
//! ```text
//! Pack (as written) -> Matcher (automaton + what is in the house) -> Recognised (intent, slots, which reply)
//! ```

mod compile;
mod english;
mod lists;
mod pack;
mod recognise;
mod reply;
mod template;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

pub use lists::SlotValue;
pub use pack::{Block, Pack};
pub use recognise::{Recognised, SlotFilled};
pub use reply::Replies;
pub use text::normalised;

use lists::{List, Values};

/// Something in a pack that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackError {
    what: &'static str,
    name: String,
    why: String,
}

impl PackError {
    fn new(what: &'static str, name: &str, why: String) -> PackError {
        PackError { what, name: name.to_owned(), why }
    }
}

impl std::fmt::Display for PackError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the {} \"{}\" can't be used: {}", self.what, self.name, self.why)
    }
}

impl std::error::Error for PackError {}

/// Every way of saying what a template stands for, such as a name that is written `Trader Joe[']s`.
///
/// # Errors
/// It can't be used; it may have no list and no rule in it.
pub fn spellings(template: &str) -> Result<Vec<String>, PackError> {
    lists::spellings(template).map_err(|what| PackError::new("name", template, what))
}

/// Sentences that are ready to be recognised.
#[derive(Debug)]
pub struct Matcher {
    automaton: compile::Automaton,
}

impl Matcher {
    /// Compiles a pack.
    ///
    /// # Errors
    /// A sentence, a rule or a list can't be used; it is named.
    pub fn new(pack: &Pack) -> Result<Matcher, PackError> {
        Ok(Matcher { automaton: compile::compile(pack)? })
    }

    /// Says what a list is made of that the house decides, such as `name`, `area` and `floor`: how each value is said, and the
    /// value. A list that no sentence uses is left out.
    pub fn set_list<'a>(&mut self, name: &str, values: impl IntoIterator<Item = (&'a str, SlotValue)>) {
        let Some(list) = self.automaton.list_names.get(name) else { return };
        let mut all = Values::default();
        for (said, value) in values {
            all.add(said, value);
        }
        self.automaton.lists[*list as usize] = List::Values(all);
    }

    /// The best way to understand what was said, where `context` is known already, such as the `area` of whoever speaks.
    #[must_use]
    pub fn recognise(&self, said: &str, context: &BTreeMap<String, Value>) -> Option<Recognised> {
        self.automaton.recognise(said, context)
    }
}
