//! What is shown of a conversation. Lines are broken once and kept, so that a long reply costs no more to draw than a short one.

use std::ops::Range;

use pipit_core::chat::Role;
use pipit_store::{Message, MessageId};

use super::text::{printable, wrap};

/// Who says something on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    You,
    Pipit,
    /// The program, about the conversation; it is no part of it.
    Note,
    /// The program, about what went wrong.
    Trouble,
}

/// Something that is said on the screen.
pub(super) struct Item {
    pub(super) who: Who,
    /// Of what is kept.
    pub(super) id: Option<MessageId>,
    text: String,
    lines: Vec<Range<usize>>,
}

/// All of it, in the order in which it was said.
#[derive(Default)]
pub(super) struct Transcript {
    items: Vec<Item>,
    width: usize,
}

/// A line on the screen: of which item, its text, and whether it is its first.
#[derive(PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) item: usize,
    pub(super) text: &'a str,
    pub(super) first: bool,
}

impl Item {
    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Its lines and an empty one after it.
    fn height(&self) -> usize {
        self.lines.len() + 1
    }
}

impl Transcript {
    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Shows these messages and nothing else.
    pub(super) fn show(&mut self, messages: &[Message]) {
        self.items.clear();
        for message in messages {
            let who = if message.role == Role::User { Who::You } else { Who::Pipit };
            self.push(who, Some(message.id), message.said());
            if message.heard.is_some() {
                self.append(" [not heard to the end]");
            }
        }
    }

    pub(super) fn push(&mut self, who: Who, id: Option<MessageId>, text: &str) {
        let mut item = Item { who, id, text: printable(text), lines: Vec::new() };
        wrap(&item.text, 0, self.width.max(1), &mut item.lines);
        self.items.push(item);
    }

    /// Adds to the last item, and says by how many lines it grew.
    pub(super) fn append(&mut self, text: &str) -> usize {
        let Some(item) = self.items.last_mut() else { return 0 };
        let before = item.lines.len();
        let from = item.lines.pop().map_or(0, |line| line.start);
        item.text.push_str(&printable(text));
        wrap(&item.text, from, self.width.max(1), &mut item.lines);
        item.lines.len().saturating_sub(before)
    }

    /// Leaves out the message `id` and all that follows it.
    pub(super) fn cut_at(&mut self, id: MessageId) {
        if let Some(at) = self.items.iter().position(|item| item.id == Some(id)) {
            self.items.truncate(at);
        }
    }

    /// Leaves out what is not kept.
    pub(super) fn keep_what_is_kept(&mut self) {
        self.items.retain(|item| item.id.is_some());
    }

    /// Breaks the lines anew if the width is another.
    pub(super) fn fit(&mut self, width: usize) {
        if self.width == width {
            return;
        }
        self.width = width;
        for item in &mut self.items {
            item.lines.clear();
            wrap(&item.text, 0, width.max(1), &mut item.lines);
        }
    }

    pub(super) fn height(&self) -> usize {
        self.items.iter().map(Item::height).sum::<usize>().saturating_sub(1)
    }

    /// How many lines are below the first line of an item.
    pub(super) fn below(&self, item: usize) -> usize {
        self.items.iter().skip(item).map(Item::height).sum::<usize>().saturating_sub(1)
    }

    /// The `height` lines that end `scrolled` lines above the end. An empty line between two items belongs to the first.
    pub(super) fn rows(&self, height: usize, scrolled: usize) -> Vec<Row<'_>> {
        let bottom = self.height().saturating_sub(scrolled);
        let top = bottom.saturating_sub(height);
        let (mut rows, mut at) = (Vec::new(), 0);
        for (number, item) in self.items.iter().enumerate() {
            let end = at + item.height();
            for line in top.max(at)..bottom.min(end) {
                let text = item.lines.get(line - at).map_or("", |range| &item.text[range.clone()]);
                rows.push(Row { item: number, text, first: line == at });
            }
            at = end;
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(transcript: &Transcript, height: usize, scrolled: usize) -> Vec<&str> {
        transcript.rows(height, scrolled).iter().map(|row| row.text).collect()
    }

    #[test]
    fn the_end_is_shown_and_what_is_above_it_can_be_scrolled_to() {
        let mut transcript = Transcript::default();
        transcript.fit(9);
        assert!(transcript.rows(3, 0).is_empty());
        transcript.push(Who::You, Some(MessageId(1)), "how far is the moon");
        transcript.push(Who::Pipit, None, "far");
        assert_eq!(transcript.append(" away, very far"), 1);
        assert_eq!(transcript.height(), 6);
        assert_eq!(shown(&transcript, 9, 0), ["how far", "is the", "moon", "", "far away,", "very far"]);
        assert_eq!(shown(&transcript, 2, 0), ["far away,", "very far"]);
        assert_eq!(shown(&transcript, 2, 3), ["is the", "moon"]);
        assert_eq!(shown(&transcript, 2, 99), Vec::<&str>::new());
        assert_eq!((transcript.below(0), transcript.below(1)), (6, 2));
        transcript.fit(40);
        assert_eq!(shown(&transcript, 9, 0), ["how far is the moon", "", "far away, very far"]);
        transcript.cut_at(MessageId(1));
        assert_eq!(transcript.height(), 0);
    }

    /// All of it would be broken anew for each piece if this took long: 16 MB for a reply of 1 MB in 4000 pieces is a second,
    /// and 2 GB are minutes.
    #[test]
    fn a_long_reply_is_not_broken_anew_for_each_piece() {
        let mut transcript = Transcript::default();
        transcript.fit(72);
        transcript.push(Who::Pipit, None, "");
        for _ in 0..40_000 {
            transcript.append("twenty-six characters now ");
        }
        assert_eq!(transcript.items()[0].text().len(), 1_040_000);
        assert_eq!(transcript.rows(20, 0).len(), 20);
    }
}
