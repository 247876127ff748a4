//! What work belongs to. Correctness rests on these: what arrives with an old id is dropped.

use std::fmt;

/// One exchange: something said to Pipit and its answer, or an announcement of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId(pub u64);

impl fmt::Display for TurnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One guess that a turn is over, and the answer that is prepared on the strength of it. Each pause makes a new revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DraftId {
    /// The turn that may be over.
    pub turn: TurnId,
    /// Counts the pauses in the turn.
    pub revision: u32,
}

impl DraftId {
    /// The next draft of the same turn.
    pub(super) fn next(self) -> DraftId {
        DraftId { revision: self.revision.saturating_add(1), ..self }
    }
}

impl fmt::Display for DraftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.turn, self.revision)
    }
}

/// Something to be announced, so named by whoever wants to know what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoticeId(pub u64);
