//! What is wrong with the configuration, and where. No sentence here may contain what could be a secret.

use std::fmt;

/// One thing to put right: where it stands, what is wrong with it, and what to write instead.
#[derive(Clone, PartialEq, Eq)]
pub struct Problem {
    origin: Origin,
    sentence: String,
}

impl Problem {
    pub(super) fn new(origin: Origin, sentence: impl Into<String>) -> Self {
        Problem { origin, sentence: sentence.into() }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The layer, then line and column: what problems are sorted by.
    pub(super) fn place(&self) -> (u8, usize, usize) {
        match &self.origin {
            Origin::File { line, column, .. } => (0, *line, *column),
            Origin::Environment(_) => (1, 0, 0),
            Origin::Flag(_) => (2, 0, 0),
            Origin::Default => (3, 0, 0),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.sentence)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Problem {}

/// Where a setting comes from.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Line and column count from one, the column in characters.
    File { name: String, line: usize, column: usize },
    /// A variable of the environment, by its name.
    Environment(String),
    /// A flag, by the key it names.
    Flag(String),
    /// Nobody wrote it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Origin::Environment(name) => write!(f, "environment variable {name}"),
            Origin::Flag(key) if key.is_empty() => f.write_str("flag --set"),
            Origin::Flag(key) => write!(f, "flag --set {key}"),
            Origin::Default => f.write_str("the defaults"),
        }
    }
}

/// "a", "a or b", "a, b or c".
pub(super) fn any_of<T: fmt::Display>(alternatives: &[T]) -> String {
    listed(alternatives, "or")
}

/// "a", "a and b", "a, b and c".
pub(super) fn all_of<T: fmt::Display>(items: &[T]) -> String {
    listed(items, "and")
}

fn listed<T: fmt::Display>(items: &[T], last: &str) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    match items.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, start)) => format!("{} {last} {end}", start.join(", ")),
    }
}
