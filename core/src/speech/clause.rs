//! Reply text, as it streams in, to clauses that can be spoken.
//!
//! The first clause goes out at the first comma after a few words, because the first sound can be heard only when it
//! is done; later ones are whole sentences or comfortable lengths. Where a clause ends depends on the text alone and
//! never on how it was cut into chunks: a place that cannot be judged yet waits for what follows it.

mod scan;
mod span;
mod stop;

use scan::{Pace, Scan};

use super::markdown;
use super::normalise::spoken;

/// A piece of a reply that is spoken in one breath.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// The words as they were written, with the white space before them. The texts of all clauses in a row are the
    /// reply, byte for byte, without the white space at its end.
    pub text: String,
    /// The words for the voice: no Markdown, and numbers, dates and units in words. Empty where there is nothing to
    /// say (a rule, a picture at the end); such a clause needs no voice and is heard when those before it were.
    pub spoken: String,
}

/// Splits one reply into clauses while it arrives.
#[derive(Debug)]
pub struct ClauseSplitter {
    /// What has arrived and not gone out.
    pending: String,
    /// True until the first clause has gone out.
    first: bool,
}

impl ClauseSplitter {
    /// A splitter for a new reply.
    pub fn new() -> Self {
        Self { pending: String::new(), first: true }
    }

    /// Takes the next piece of the reply and gives the clauses that it completes.
    pub fn push(&mut self, text: &str) -> Vec<Clause> {
        self.pending.push_str(text);
        self.clauses(false)
    }

    /// Ends the reply: gives what is left of it, and makes the splitter ready for another.
    pub fn finish(&mut self) -> Vec<Clause> {
        let mut clauses = self.clauses(true);
        let left = self.pending.trim_end().len();
        if left > 0 {
            clauses.push(self.take(left, true));
        }
        *self = Self::new();
        clauses
    }

    fn clauses(&mut self, ended: bool) -> Vec<Clause> {
        let mut clauses = Vec::new();
        loop {
            let pace = if self.first { Pace::FIRST } else { Pace::LATER };
            let Some(end) = Scan::new(&self.pending, pace, self.starts_line(), ended).run() else { break };
            clauses.push(self.take(end.at, end.line));
        }
        clauses
    }

    fn take(&mut self, end: usize, ends_line: bool) -> Clause {
        let starts_line = self.starts_line();
        let text: String = self.pending.drain(..end).collect();
        let spoken = spoken(&markdown::plain(&text, starts_line, ends_line));
        self.first = false;
        Clause { text, spoken }
    }

    /// True if what is pending begins a line of the reply.
    fn starts_line(&self) -> bool {
        let space = self.pending.len() - self.pending.trim_start().len();
        self.first || self.pending[..space].contains('\n')
    }
}

impl Default for ClauseSplitter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
