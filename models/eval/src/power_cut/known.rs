//! What Pipit was told, and what it must know of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};

use crate::panel::Failed;

/// What a thing is, by which its name is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Conversation,
    /// Its name is that of its conversation, a slash, and its own.
    Message,
    Timer,
    Fact,
    Secret,
    Setting,
    Persona,
    Model,
}

impl Kind {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// What is there of a kind, by name.
pub(super) type Found = HashMap<String, String>;

/// The values that are right for something: more than one where Pipit has not yet confirmed the newest. None is right where it is gone.
type Right = Vec<Option<String>>;

#[derive(Clone)]
struct Thing {
    kind: Kind,
    name: String,
    right: Right,
}

/// All of it at some moment, the oldest first.
#[derive(Clone, Default)]
pub(super) struct Things(Vec<Thing>);

impl Things {
    fn right(&mut self, kind: Kind, name: &str, otherwise: &[Option<&str>]) -> &mut Right {
        let at = self.0.iter().position(|thing| thing.kind == kind && thing.name == name).unwrap_or_else(|| {
            let right = otherwise.iter().map(|value| value.map(str::to_owned)).collect();
            self.0.push(Thing { kind, name: name.to_owned(), right });
            self.0.len() - 1
        });
        &mut self.0[at].right
    }

    /// These, but with what the others know of a kind.
    pub(super) fn with(mut self, kind: Kind, others: &Things) -> Things {
        self.0.retain(|thing| thing.kind != kind);
        self.0.extend(others.0.iter().filter(|thing| thing.kind == kind).cloned());
        self
    }
}

#[derive(Default)]
struct State {
    things: Things,
    is_cut: bool,
}

/// It is asked and told by several threads at once.
#[derive(Default)]
pub(super) struct Known(Mutex<State>);

impl Known {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing that comes from now on counts as confirmed, until [`Known::power_is_back`].
    pub(super) fn power_is_cut(&self) {
        self.state().is_cut = true;
    }

    pub(super) fn power_is_back(&self) {
        self.state().is_cut = false;
    }

    pub(super) fn is_cut(&self) -> bool {
        self.state().is_cut
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.state() = State::default();
    }

    pub(super) fn all(&self) -> Things {
        self.state().things.clone()
    }

    pub(super) fn put(&self, things: Things) {
        self.state().things = things;
    }

    /// Asks for a change by `ask`; until that returns, the old value is right as well as the new one.
    pub(super) fn change<T>(
        &self,
        kind: Kind,
        name: &str,
        new: Option<&str>,
        ask: impl FnOnce() -> Result<T, Failed>,
    ) -> Result<(), Failed> {
        if !self.may_become(kind, name, None, &[new]) {
            return Ok(());
        }
        ask()?;
        self.confirmed(kind, name, new);
        Ok(())
    }

    /// From now on these values are right as well as what was: `otherwise` where nothing was. Says whether there is still power.
    pub(super) fn may_become(&self, kind: Kind, name: &str, otherwise: Option<&str>, values: &[Option<&str>]) -> bool {
        let mut state = self.state();
        if state.is_cut {
            return false;
        }
        let right = state.things.right(kind, name, &[otherwise]);
        for value in values.iter().map(|value| value.map(str::to_owned)) {
            if !right.contains(&value) {
                right.push(value);
            }
        }
        true
    }

    /// Only this is right, unless the power was cut before.
    pub(super) fn confirmed(&self, kind: Kind, name: &str, value: Option<&str>) {
        let mut state = self.state();
        if !state.is_cut {
            *state.things.right(kind, name, &[]) = vec![value.map(str::to_owned)];
        }
    }

    /// The names of all that may be there, the oldest first.
    pub(super) fn names(&self, kind: Kind) -> Vec<String> {
        let state = self.state();
        let there = state.things.0.iter().filter(|thing| thing.kind == kind && thing.right != [None]);
        there.map(|thing| thing.name.clone()).collect()
    }

    /// The names of all, also of what must be gone.
    pub(super) fn all_names(&self, kind: Kind) -> Vec<String> {
        let state = self.state();
        state.things.0.iter().filter(|thing| thing.kind == kind).map(|thing| thing.name.clone()).collect()
    }

    /// The names of all that must be there with this value, and nothing else.
    pub(super) fn surely(&self, kind: Kind, value: &str) -> Vec<String> {
        let state = self.state();
        let sure = |thing: &&Thing| thing.kind == kind && matches!(&thing.right[..], [Some(only)] if only == value);
        state.things.0.iter().filter(sure).map(|thing| thing.name.clone()).collect()
    }

    /// Whether this was ever spoken of.
    pub(super) fn has(&self, kind: Kind, name: &str) -> bool {
        self.state().things.0.iter().any(|thing| thing.kind == kind && thing.name == name)
    }

    /// Forgets those whose names are so.
    pub(super) fn forget(&self, kind: Kind, is_gone: impl Fn(&str) -> bool) {
        self.state().things.0.retain(|thing| thing.kind != kind || !is_gone(&thing.name));
    }

    /// Compares with all that there is of a kind. What was not asked for may be there too, such as what was asked for but not confirmed.
    ///
    /// # Errors
    /// Something is not there, or otherwise.
    pub(super) fn compare(&self, kind: Kind, found: &Found) -> Result<()> {
        let mut state = self.state();
        for thing in state.things.0.iter_mut().filter(|thing| thing.kind == kind) {
            let value = found.get(&thing.name).cloned();
            let told =
                |value: &Option<String>| value.as_ref().map_or("nothing".to_owned(), |value| format!("{value:?}"));
            let right = || thing.right.iter().map(told).collect::<Vec<_>>().join(" or ");
            let (kind, name) = (kind.name(), &thing.name);
            ensure!(thing.right.contains(&value), "{kind} {name} is {} and should be {}", told(&value), right());
            thing.right = vec![value];
        }
        state.things.0.retain(|thing| thing.kind != kind || thing.right != [None]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: Option<&str>) -> Found {
        value.map(|value| ("one".to_owned(), value.to_owned())).into_iter().collect()
    }

    #[test]
    fn what_was_confirmed_must_be_there_and_no_other() {
        let known = Known::default();
        known.change(Kind::Fact, "one", Some("old"), || Ok(())).unwrap();
        for wrong in [None, Some("other")] {
            assert!(known.compare(Kind::Fact, &found(wrong)).is_err(), "{wrong:?}");
        }
        assert!(known.compare(Kind::Fact, &found(Some("old"))).is_ok());
        assert!(known.compare(Kind::Timer, &found(None)).is_ok(), "it is none of these");
        known.change(Kind::Fact, "one", None, || Ok(())).unwrap();
        assert!(known.compare(Kind::Fact, &found(Some("old"))).is_err(), "it was deleted");
    }

    #[test]
    fn until_a_change_is_confirmed_either_value_is_right() {
        for there in [Some("old"), Some("new")] {
            let known = Known::default();
            known.confirmed(Kind::Fact, "one", Some("old"));
            let unanswered = || Err::<(), _>(Failed::Unanswered("the power is off".to_owned()));
            known.change(Kind::Fact, "one", Some("new"), unanswered).unwrap_err();
            assert!(known.compare(Kind::Fact, &found(None)).is_err());
            assert!(known.compare(Kind::Fact, &found(there)).is_ok());
            let other = if there == Some("old") { "new" } else { "old" };
            assert!(known.compare(Kind::Fact, &found(Some(other))).is_err(), "it was seen to be {there:?}");
        }
    }

    #[test]
    fn nothing_is_confirmed_once_the_power_is_cut() {
        let known = Known::default();
        known.confirmed(Kind::Fact, "one", Some("old"));
        known
            .change(Kind::Fact, "one", Some("new"), || {
                known.power_is_cut();
                Ok(())
            })
            .unwrap();
        known
            .change(Kind::Fact, "one", None, || -> Result<(), Failed> { panic!("nothing is asked any more") })
            .unwrap();
        assert_eq!(known.surely(Kind::Fact, "new"), [""; 0]);
        assert!(known.compare(Kind::Fact, &found(Some("old"))).is_ok());
    }
}
