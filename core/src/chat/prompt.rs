//! The messages that go to an LLM: which, in which order, and how many fit.

use jiff::civil::DateTime;

use super::{Exchange, Message, Role};

/// What a chat template adds around each message, in tokens.
const TOKENS_AROUND_A_MESSAGE: usize = 4;

/// History is forgotten in steps of this fraction of its budget.
const STEPS_OF_FORGETTING: usize = 4;

/// The wall clock as the LLM is told about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock(pub DateTime);

impl Clock {
    fn sentence(self) -> String {
        self.0.strftime("(It is now %A, %-d %B %Y, %H:%M.)").to_string()
    }
}

/// About how many tokens `text` is, on the high side.
///
/// English runs at some four bytes a token in the tokenizers in use; characters outside ASCII are counted as one token
/// each, which holds for Chinese and overstates accents.
pub(super) fn estimated_tokens(text: &str) -> usize {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let other = text.chars().filter(|c| !c.is_ascii()).count();
    ascii.div_ceil(4) + other
}

/// The newest part of `history`, oldest first, that is within `budget` tokens.
///
/// If something must go, several exchanges go at a time, so that prompts then begin the same for several turns and the
/// server's prompt cache hits. For that, pass the exchanges that were kept last time and those since.
#[must_use]
pub fn newest_that_fit(history: &[Exchange], budget: usize) -> &[Exchange] {
    &history[forgotten(history, budget)..]
}

/// The prompt for a request that follows `history`, oldest first.
///
/// The system prompt comes first, byte for byte the same in every turn, and the clock comes last, after the request:
/// whatever changes must stand behind whatever does not, or the server's prompt cache never hits.
#[must_use]
pub fn prompt(system_prompt: &str, history: &[Exchange], request: &str, clock: Clock) -> Vec<Message> {
    let mut messages = Vec::with_capacity(2 * history.len() + 2);
    if !system_prompt.is_empty() {
        messages.push(Message::new(Role::System, system_prompt));
    }
    for exchange in history {
        messages.push(Message::new(Role::User, &exchange.asked));
        messages.push(Message::new(Role::Assistant, &exchange.heard));
    }
    // The clock is part of the request because many chat templates refuse a system message in any but the first place.
    messages.push(Message::new(Role::User, format!("{request}\n\n{}", clock.sentence())));
    messages
}

/// The system prompt with what the person wants to be remembered, the oldest first, and what stands for the beginning of the
/// conversation. They change seldom, so they stand before the history.
#[must_use]
pub fn with_background(system_prompt: &str, facts: &[String], summary: Option<&str>) -> String {
    let mut parts = Vec::new();
    if !system_prompt.is_empty() {
        parts.push(system_prompt.to_owned());
    }
    if !facts.is_empty() {
        let facts: String = facts.iter().map(|fact| format!("\n- {fact}")).collect();
        parts.push(format!("The person has told you to remember, in their own words:{facts}"));
    }
    if let Some(summary) = summary {
        parts.push(format!("What was said earlier in this conversation, in short:\n{summary}"));
    }
    parts.join("\n\n")
}

/// How a model is asked for something about a conversation, at its end, so that all before it is what the server has in its
/// cache.
pub mod aside {
    /// For a title.
    pub const TITLE: &str = "Reply with a title for this conversation and nothing else: at most six words, in the \
                             language of the conversation, without quotation marks.";

    /// For what is to stand for everything so far.
    pub const SUMMARY: &str = "Reply with a summary of this conversation so far and nothing else, for yourself, as you \
                               will not see it again: at most 120 words, in its language. Keep names, numbers, \
                               decisions, and what is still open.";
}

/// The longest title, in characters.
const LONGEST_TITLE: usize = 60;

/// A title out of what a model said when it was asked for one, or of a first request; nothing where there is no word in it.
#[must_use]
pub fn title(said: &str) -> Option<String> {
    let line = said.lines().map(str::trim).find(|line| line.contains(char::is_alphanumeric))?;
    let line = line.trim_start_matches(['#', '*', ' ']);
    let line = line.strip_prefix("Title:").unwrap_or(line);
    let bare =
        line.trim().trim_matches(['"', '\'', '*', '“', '”', '„', '«', '»', '`']).trim_end_matches(['.', ',', ';', ':']);
    let mut title = String::new();
    for word in bare.split_whitespace() {
        let length = title.chars().count() + 1 + word.chars().count();
        if length > LONGEST_TITLE && !title.is_empty() {
            title.push('…');
            break;
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.extend(word.chars().filter(|c| !c.is_control()).take(LONGEST_TITLE));
    }
    (!title.is_empty()).then_some(title)
}

/// How many of the oldest exchanges must go.
fn forgotten(history: &[Exchange], budget: usize) -> usize {
    let sizes: Vec<usize> = history.iter().map(exchange_tokens).collect();
    let total: usize = sizes.iter().sum();
    let Some(excess) = total.checked_sub(budget).filter(|excess| *excess > 0) else { return 0 };
    let step = (budget / STEPS_OF_FORGETTING).max(1);
    let to_forget = excess.div_ceil(step).saturating_mul(step);
    let mut gone = 0;
    sizes
        .iter()
        .take_while(|size| {
            let more = gone < to_forget;
            gone += **size;
            more
        })
        .count()
}

fn exchange_tokens(exchange: &Exchange) -> usize {
    estimated_tokens(&exchange.asked) + estimated_tokens(&exchange.heard) + 2 * TOKENS_AROUND_A_MESSAGE
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    fn exchange(asked: &str, heard: &str) -> Exchange {
        Exchange { asked: asked.to_owned(), heard: heard.to_owned() }
    }

    fn said(message: &Message) -> (Role, &str) {
        match message {
            Message::Said { role, text } => (*role, text),
            other => panic!("no tool was used: {other:?}"),
        }
    }

    fn clock() -> Clock {
        Clock(jiff::civil::date(2026, 3, 7).at(14, 5, 0, 0))
    }

    #[test]
    fn the_system_prompt_is_first_and_the_clock_last() {
        let history = [exchange("Hello.", "Good afternoon.")];
        let told: Vec<String> = prompt("You are Pipit.", &history, "How far is the moon?", clock())
            .iter()
            .map(|message| {
                let (role, text) = said(message);
                format!("{role:?}: {text}")
            })
            .collect();
        expect![[r#"
            System: You are Pipit.
            User: Hello.
            Assistant: Good afternoon.
            User: How far is the moon?

            (It is now Saturday, 7 March 2026, 14:05.)"#]]
        .assert_eq(&told.join("\n"));
    }

    #[test]
    fn the_beginning_stays_the_same_for_several_turns_once_history_is_full() {
        let mut kept = Vec::new();
        let mut beginnings = Vec::new();
        for turn in 0..60 {
            kept.push(exchange(&format!("question {turn:03}"), "an answer of some forty characters, about"));
            kept = newest_that_fit(&kept, 400).to_vec();
            beginnings.push(kept[0].asked.clone());
        }
        beginnings.dedup();
        assert!(beginnings.len() < 20, "60 turns began in {} ways", beginnings.len());
    }

    #[test]
    fn titles_are_short_and_plain() {
        for (said, expected) in [
            ("\"How far the moon is.\"\n", Some("How far the moon is")),
            ("\n## **Title: Sourdough for beginners**", Some("Sourdough for beginners")),
            ("Das Wetter in „Köln“", Some("Das Wetter in „Köln")),
            (" \n...\n", None),
            ("", None),
        ] {
            assert_eq!(title(said).as_deref(), expected, "{said:?}");
        }
        let long = title(&"Donaudampfschifffahrtsgesellschaft ".repeat(9)).unwrap();
        assert_eq!(long, "Donaudampfschifffahrtsgesellschaft…");
        assert_eq!(title(&"x".repeat(1 << 20)).unwrap().len(), LONGEST_TITLE);
    }

    proptest! {
        #[test]
        fn what_is_kept_fits_and_is_the_newest(
            lengths in prop::collection::vec((0usize..400, 0usize..400), 0..40),
            budget in 0usize..2000,
        ) {
            let history: Vec<Exchange> =
                lengths.iter().map(|(a, h)| exchange(&"a".repeat(*a), &"h".repeat(*h))).collect();
            let kept = newest_that_fit(&history, budget);
            let messages = prompt("system", kept, "request", clock());
            prop_assert_eq!(&messages[0], &Message::new(Role::System, "system"));
            prop_assert!(said(&messages[messages.len() - 1]).1.starts_with("request\n"));
            let pairs = &messages[1..messages.len() - 1];
            prop_assert_eq!(pairs.len() % 2, 0);
            let newest = &history[history.len() - pairs.len() / 2..];
            for (pair, kept) in pairs.chunks(2).zip(newest) {
                prop_assert_eq!(said(&pair[0]).1, &kept.asked);
                prop_assert_eq!(said(&pair[1]).1, &kept.heard);
            }
            prop_assert!(newest.iter().map(exchange_tokens).sum::<usize>() <= budget);
        }
    }
}
