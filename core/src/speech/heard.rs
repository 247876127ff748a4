//! What of a clause was heard, when its playback stopped part of the way through.
//!
//! History records this and not what was generated: an assistant that was interrupted must not believe that it said
//! the rest.

use std::time::Duration;

use super::clause::Clause;

/// The part of `clause` that had been said when `played` of its `total` sound had left the speaker: a prefix of
/// [`Clause::text`] that ends with a word. Both durations are of the clause's own sound, without any silence that the
/// player adds behind it.
///
/// Time is shared out over the words in proportion to how long they are when spoken ("18:05" is three words long), and
/// a word counts once half of it was played. A code block is one remark, heard or not.
pub fn heard(clause: &Clause, played: Duration, total: Duration) -> &str {
    if played >= total {
        return &clause.text;
    }
    let words = words(clause);
    let all: usize = words.iter().map(|word| word.weight).sum();
    let reached = played.as_secs_f64() / total.as_secs_f64() * all as f64;
    let mut before = 0;
    let mut end = 0;
    for word in words {
        if before as f64 + word.weight as f64 / 2.0 > reached {
            break;
        }
        before += word.weight;
        end = word.end;
    }
    &clause.text[..end]
}

/// What was heard of a reply: the clauses that were played whole, then the part of the one that was cut. It is a
/// prefix of the reply, byte for byte.
pub fn heard_reply(whole: &[Clause], cut: Option<(&Clause, Duration, Duration)>) -> String {
    let mut text: String = whole.iter().map(|clause| clause.text.as_str()).collect();
    if let Some((clause, played, total)) = cut {
        text.push_str(heard(clause, played, total));
    }
    text
}

struct Word {
    /// Where the word ends in the clause's text.
    end: usize,
    /// How much of the clause's time it takes, in spoken characters.
    weight: usize,
}

fn words(clause: &Clause) -> Vec<Word> {
    let text = clause.text.as_str();
    if text.contains("```") || text.contains("~~~") {
        return vec![Word { end: text.len(), weight: 1 }];
    }
    let mut words = Vec::new();
    let mut at = 0;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        if !word.is_empty() {
            words.push(Word { end: at + word.len(), weight: weight(word) });
        }
        at += piece.len();
    }
    words
}

/// The length of the word as it is said, with the gap behind it; nothing for a mark that is not said.
fn weight(word: &str) -> usize {
    let said = super::spoken(&super::markdown::plain(word, false, false));
    let letters = said.chars().filter(|c| c.is_alphanumeric()).count();
    if letters == 0 { 0 } else { letters + 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::speech::ClauseSplitter;

    fn clause(text: &str) -> Clause {
        let mut splitter = ClauseSplitter::new();
        let mut clauses = splitter.push(text);
        clauses.extend(splitter.finish());
        clauses.remove(0)
    }

    fn heard_at(text: &str, percent: u64) -> String {
        heard(&clause(text), Duration::from_millis(percent * 10), Duration::from_secs(1)).to_owned()
    }

    #[test]
    fn cut_at_the_word_where_playback_stopped() {
        let text = "It is raining in Berlin.";
        assert_eq!(heard_at(text, 0), "");
        assert_eq!(heard_at(text, 50), "It is raining");
        assert_eq!(heard_at(text, 80), "It is raining in");
        assert_eq!(heard_at(text, 100), text);
    }

    #[test]
    fn numbers_take_the_time_that_they_are_spoken_in() {
        // "eighteen oh five" is most of what is said.
        assert_eq!(heard_at("At 18:05 we go.", 40), "At");
        assert_eq!(heard_at("At 18:05 we go.", 50), "At 18:05");
    }

    #[test]
    fn clauses_before_the_cut_are_whole() {
        let mut splitter = ClauseSplitter::new();
        let reply = "That is one. And this is two. Then there is a third one.";
        let mut clauses = splitter.push(reply);
        clauses.extend(splitter.finish());
        let cut = Some((&clauses[2], Duration::from_millis(500), Duration::from_secs(1)));
        assert_eq!(heard_reply(&clauses[..2], cut), "That is one. And this is two. Then there is");
        assert_eq!(heard_reply(&clauses, None), reply);
        assert_eq!(heard_reply(&[], Some((&clauses[0], Duration::ZERO, Duration::ZERO))), "That is one.");
    }

    proptest! {
        #[test]
        fn more_sound_is_never_less_text(text in "\\PC{1,80}", early in 0u64..1100, more in 0u64..500) {
            prop_assume!(!text.trim().is_empty());
            let clause = clause(&text);
            let total = Duration::from_millis(1000);
            let first = heard(&clause, Duration::from_millis(early), total);
            let second = heard(&clause, Duration::from_millis(early + more), total);
            prop_assert!(second.starts_with(first));
            prop_assert!(clause.text.starts_with(second));
        }
    }
}
