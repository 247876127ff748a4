//! One reply on its way from text to the speaker: clauses, what has become of each, and what was heard.

use std::collections::VecDeque;
use std::time::Duration;

use crate::speech::{Clause, ClauseSplitter, heard};

/// The voice works this far ahead of itself: one clause in the making, one waiting, so that cancelling wastes little.
const IN_SYNTHESIS: usize = 2;

/// Clauses that are made but not yet played, at most. Bounds the memory of a long reply.
const MADE_AHEAD: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Reply {
    splitter: ClauseSplitter,
    text_ended: bool,
    /// Clauses that the voice has not been asked for, in order.
    waiting: VecDeque<Clause>,
    /// Clauses that the voice has been asked for. The index is the clause's number.
    asked: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    clause: Clause,
    stage: Stage,
}

#[derive(Debug, PartialEq)]
enum Stage {
    InSynthesis,
    /// Waiting for the speaker, or playing.
    Made {
        length: Duration,
    },
    Played,
    /// Not a word of it was heard.
    Lost,
}

impl Reply {
    pub(super) fn push_text(&mut self, text: &str) {
        if !self.text_ended {
            self.waiting.extend(self.splitter.push(text));
        }
    }

    pub(super) fn end_text(&mut self) {
        if !self.text_ended {
            self.text_ended = true;
            self.waiting.extend(self.splitter.finish());
        }
    }

    /// Forgets the text that the voice has not been asked for, and whatever it is still working on, and begins with
    /// other words.
    pub(super) fn replace_rest(&mut self, text: &str) {
        self.splitter = ClauseSplitter::new();
        self.waiting.clear();
        for asked in self.asked.iter_mut().filter(|a| a.stage == Stage::InSynthesis) {
            asked.stage = Stage::Lost;
        }
        self.text_ended = false;
        self.push_text(text);
        self.end_text();
    }

    /// The next clause to ask the voice for, if it should be asked now: its number and its words for the voice.
    pub(super) fn next_to_synthesise(&mut self) -> Option<(usize, String)> {
        let in_synthesis = self.asked.iter().filter(|a| a.stage == Stage::InSynthesis).count();
        let made = self.clauses_made();
        if in_synthesis >= IN_SYNTHESIS || in_synthesis + made >= MADE_AHEAD {
            return None;
        }
        loop {
            let clause = self.waiting.pop_front()?;
            let words = clause.spoken.clone();
            // A clause without words, such as a rule between paragraphs, is heard along with those before it.
            let stage = if words.is_empty() { Stage::Played } else { Stage::InSynthesis };
            self.asked.push(Asked { clause, stage });
            if !words.is_empty() {
                return Some((self.asked.len() - 1, words));
            }
        }
    }

    /// A clause has been made. Says whether it should be played.
    pub(super) fn made(&mut self, clause: usize, length: Duration) -> bool {
        let Some(asked) = self.asked.get_mut(clause).filter(|a| a.stage == Stage::InSynthesis) else { return false };
        asked.stage = if length.is_zero() { Stage::Played } else { Stage::Made { length } };
        !length.is_zero()
    }

    pub(super) fn failed(&mut self, clause: usize) {
        if let Some(asked) = self.asked.get_mut(clause).filter(|a| a.stage == Stage::InSynthesis) {
            asked.stage = Stage::Lost;
        }
    }

    /// A piece of the reply that was spoken elsewhere comes behind what the voice was asked for. Gives its number, unless
    /// there is nothing to hear or nothing more was to come.
    pub(super) fn push_sound(&mut self, text: String, length: Duration) -> Option<usize> {
        if self.text_ended || length.is_zero() {
            return None;
        }
        self.asked.push(Asked { clause: Clause { text, spoken: String::new() }, stage: Stage::Made { length } });
        Some(self.asked.len() - 1)
    }

    /// A clause that was made will not be heard.
    pub(super) fn lose(&mut self, clause: usize) {
        if let Some(asked) = self.asked.get_mut(clause) {
            asked.stage = Stage::Lost;
        }
    }

    pub(super) fn played(&mut self, clause: usize) {
        if let Some(asked) = self.asked.get_mut(clause).filter(|a| matches!(a.stage, Stage::Made { .. })) {
            asked.stage = Stage::Played;
        }
    }

    /// Clauses that are made and not played to their end.
    pub(super) fn clauses_made(&self) -> usize {
        self.asked.iter().filter(|a| matches!(a.stage, Stage::Made { .. })).count()
    }

    /// Whether a clause before this one is still being made.
    pub(super) fn awaits_one_before(&self, clause: usize) -> bool {
        self.asked.iter().take(clause).any(|a| a.stage == Stage::InSynthesis)
    }

    /// What has been said, the clause that is being said included.
    pub(super) fn said(&self) -> String {
        let begun = self.asked.iter().position(|a| a.stage != Stage::Played && a.stage != Stage::Lost);
        let said = &self.asked[..begun.map_or(self.asked.len(), |at| at + 1)];
        said.iter().filter(|a| a.stage != Stage::Lost).map(|a| a.clause.text.as_str()).collect()
    }

    /// Whether the voice has been asked for anything.
    pub(super) fn has_begun(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Whether no more text follows.
    pub(super) fn is_complete(&self) -> bool {
        self.text_ended
    }

    /// Whether text or sound is still to come from those who make it.
    pub(super) fn is_in_the_making(&self) -> bool {
        !self.text_ended || self.asked.iter().any(|a| a.stage == Stage::InSynthesis)
    }

    /// Whether everything that was to be said has been said, or can't be.
    pub(super) fn is_over(&self) -> bool {
        self.text_ended
            && self.waiting.is_empty()
            && self.asked.iter().all(|a| matches!(a.stage, Stage::Played | Stage::Lost))
    }

    /// Whether some of it reached the person, words or none.
    pub(super) fn was_heard(&self, cut: Option<(usize, Duration)>) -> bool {
        let wordless = |asked: &Asked| asked.clause.text.is_empty();
        let played =
            |(number, asked): (usize, &Asked)| asked.stage == Stage::Played || cut.is_some_and(|(at, _)| at == number);
        self.asked.iter().enumerate().any(|asked| wordless(asked.1) && played(asked)) || !self.heard(cut).is_empty()
    }

    /// The words that reached the person. `cut` is the clause in which playback stopped and how long it had played.
    pub(super) fn heard(&self, cut: Option<(usize, Duration)>) -> String {
        let mut words = String::new();
        for (number, asked) in self.asked.iter().enumerate() {
            let text = match (&asked.stage, cut) {
                (Stage::Played, _) => asked.clause.text.as_str(),
                (Stage::Made { length }, Some((at, played))) if at == number => heard(&asked.clause, played, *length),
                _ => continue,
            };
            words.push_str(text);
        }
        words.trim().to_owned()
    }
}
