//! What Pipit is told to remember. Templates can't hold it, because a fact is any words at all, which are kept as they were said.

use std::collections::BTreeSet;

use super::Intent;
use super::fulfil::{Action, Fulfilment};
use crate::ear::transcript::words;

/// A fact's id in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactId(pub i64);

/// Something that a person told Pipit to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Which.
    pub id: FactId,
    /// In the person's own words: "I park on level two".
    pub text: String,
}

/// What goes before a request without changing it.
const BEFORE: &[&str] =
    &["please", "can", "could", "would", "will", "you", "pipit", "hey", "ok", "okay", "so", "and", "also", "oh"];

/// How a request to remember begins. What follows is the fact.
const REMEMBER: &[&[&str]] = &[
    &["remember", "that"],
    &["dont", "forget", "that"],
    &["do", "not", "forget", "that"],
    &["never", "forget", "that"],
    &["keep", "in", "mind", "that"],
    &["make", "a", "note", "that"],
    &["note", "that"],
];
/// What must follow a mere "remember": "remember to call her" wants to be reminded, and "remember the Alamo" nothing.
const OWN: &[&str] = &["i", "im", "ive", "my", "we", "our", "mine"];

/// How a request to forget begins. What follows says what about.
const FORGET: &[&[&str]] = &[
    &["forget", "what", "i", "told", "you", "about"],
    &["forget", "what", "i", "said", "about"],
    &["forget", "about"],
    &["forget", "that"],
    &["you", "can", "forget", "that"],
];
const FORGET_ALL: &[&[&str]] = &[
    &["forget", "everything", "you", "know", "about", "me"],
    &["forget", "everything", "about", "me"],
    &["forget", "everything", "i", "told", "you"],
    &["forget", "everything", "i", "have", "told", "you"],
    &["forget", "all", "you", "know", "about", "me"],
];

/// How a question for what is remembered begins. What follows, if anything, says what about.
const RECALL: &[&[&str]] = &[
    &["what", "do", "you", "remember", "about"],
    &["what", "do", "you", "know", "about", "me"],
    &["what", "did", "i", "tell", "you", "about"],
    &["what", "have", "i", "told", "you", "about"],
    &["do", "you", "remember", "what", "i", "told", "you", "about"],
    &["what", "do", "you", "remember"],
    &["what", "did", "i", "tell", "you", "to", "remember"],
    &["what", "should", "you", "remember"],
];

/// Words that say nothing about what a fact or a question is about.
const EMPTY: &[&str] = &[
    "a", "about", "am", "an", "and", "are", "at", "be", "can", "did", "do", "does", "for", "had", "has", "have", "how",
    "i", "im", "in", "is", "it", "its", "me", "mine", "my", "of", "on", "or", "our", "please", "should", "tell",
    "that", "the", "there", "they", "this", "to", "was", "we", "were", "what", "whats", "when", "where", "wheres",
    "which", "who", "whos", "whose", "will", "with", "you", "your",
];
/// With what questions begin that a fact may answer.
const QUESTIONS: &[&str] = &[
    "what", "whats", "when", "where", "wheres", "which", "who", "whos", "whose", "how", "do", "did", "is", "am", "are",
    "have",
];

/// Facts that are said at once. More are too much to listen to.
const SAID_AT_ONCE: usize = 4;

const NOTHING: &str = "You haven't told me to remember anything.";
const NOTHING_ABOUT_THAT: &str = "I remember nothing about that.";

/// What `utterance` asks of the memory, if anything.
pub(super) fn recognise(utterance: &str) -> Option<Intent> {
    let all: Vec<_> = words(utterance).collect();
    let first = all.iter().position(|word| !BEFORE.contains(&&*word.letters)).unwrap_or(all.len());
    let said = &all[first..];
    let begins =
        |phrase: &[&str]| said.len() >= phrase.len() && said.iter().zip(phrase).all(|(word, p)| word.letters == *p);
    let is = |phrase: &[&str]| begins(phrase) && said.len() == phrase.len();
    // From behind the last of so many words, as it was said.
    let after = |words: usize| {
        let from = words.checked_sub(1).map_or(0, |last| said[last].end);
        let rest = utterance[from..].trim_matches(|c: char| c.is_whitespace() || ",.:;!?\"".contains(c));
        let rest = rest.strip_suffix("please").map_or(rest, |rest| rest.trim_end_matches([' ', ',']));
        rest.to_owned()
    };
    if FORGET_ALL.iter().any(|phrase| is(phrase)) {
        return Some(Intent::ForgetFacts { about: None });
    }
    if let Some(phrase) = REMEMBER.iter().find(|phrase| begins(phrase)) {
        let fact = after(phrase.len());
        return has_word(&fact).then_some(Intent::Remember { fact });
    }
    if begins(&["remember"]) && said.get(1).is_some_and(|word| OWN.contains(&&*word.letters)) && said.len() > 2 {
        return Some(Intent::Remember { fact: after(1) });
    }
    if let Some(phrase) = FORGET.iter().find(|phrase| begins(phrase)) {
        // "Forget that" alone takes back the request before it, whatever that was.
        let about = after(phrase.len());
        return has_word(&about).then_some(Intent::ForgetFacts { about: Some(about) });
    }
    let phrase = RECALL.iter().find(|phrase| begins(phrase))?;
    let about = after(phrase.len());
    let says_what = content(&about).next().is_some();
    Some(Intent::RecallFacts { about: says_what.then_some(about) })
}

pub(super) fn remember(fact: &str) -> Fulfilment {
    Fulfilment {
        reply: format!("{REMEMBERED}{}.", to_the_person(fact)),
        actions: vec![Action::Remember(fact.to_owned())],
    }
}

const REMEMBERED: &str = "I'll remember that ";

/// Takes back the request to remember that `last_reply` answered, if it did.
pub(super) fn take_back(facts: &[Fact], last_reply: Option<&str>) -> Option<Fulfilment> {
    let newest = facts.iter().max_by_key(|fact| fact.id)?;
    let answered = last_reply.is_some_and(|reply| reply == remember(&newest.text).reply);
    answered.then(|| forgetting(&[newest]))
}

pub(super) fn forget(about: Option<&str>, facts: &[Fact]) -> Fulfilment {
    match about {
        _ if facts.is_empty() => Fulfilment::saying(NOTHING),
        None => Fulfilment {
            reply: "I have forgotten everything you told me.".to_owned(),
            actions: vec![Action::ForgetFacts(facts.iter().map(|fact| fact.id).collect())],
        },
        Some(about) => match &concerning(about, facts)[..] {
            [] => Fulfilment::saying(NOTHING_ABOUT_THAT),
            found => forgetting(found),
        },
    }
}

pub(super) fn recall(about: Option<&str>, facts: &[Fact]) -> Fulfilment {
    let found: Vec<&Fact> = about.map_or_else(|| facts.iter().collect(), |about| concerning(about, facts));
    match &found[..] {
        [] if facts.is_empty() => Fulfilment::saying(NOTHING),
        [] => Fulfilment::saying(NOTHING_ABOUT_THAT),
        found => Fulfilment::saying(&told(found)),
    }
}

/// What is remembered of what `question` asks, where there is nobody else to ask.
#[must_use]
pub fn answer_from_facts(question: &str, facts: &[Fact]) -> Option<String> {
    let asks = words(question).next().is_some_and(|word| QUESTIONS.contains(&&*word.letters));
    let found = concerning(question, facts);
    (asks && !found.is_empty()).then(|| told(&found))
}

/// Whether every word of `about` that says something occurs in `text`.
pub(super) fn speaks_of(about: &str, text: &str) -> bool {
    let wanted: BTreeSet<String> = content(about).collect();
    !wanted.is_empty() && wanted.is_subset(&content(text).collect())
}

/// The facts in which every word that says something occurs.
fn concerning<'a>(about: &str, facts: &'a [Fact]) -> Vec<&'a Fact> {
    facts.iter().filter(|fact| speaks_of(about, &fact.text)).collect()
}

fn content(text: &str) -> impl Iterator<Item = String> + '_ {
    words(text).map(|word| word.letters).filter(|word| !EMPTY.contains(&&**word)).map(|mut word| {
        // "Keys" and "key", "parked" and "park".
        for ending in ["ed", "ing", "s"] {
            if word.len() > ending.len() + 2 && word.ends_with(ending) {
                word.truncate(word.len() - ending.len());
                break;
            }
        }
        word
    })
}

fn has_word(text: &str) -> bool {
    words(text).next().is_some()
}

fn forgetting(facts: &[&Fact]) -> Fulfilment {
    let texts: Vec<String> = facts.iter().map(|fact| format!("that {}", to_the_person(&fact.text))).collect();
    Fulfilment {
        reply: format!("I have forgotten {}.", texts.join(", and ")),
        actions: vec![Action::ForgetFacts(facts.iter().map(|fact| fact.id).collect())],
    }
}

/// The newest of them, and how many there are besides.
fn told(facts: &[&Fact]) -> String {
    let more = facts.len().saturating_sub(SAID_AT_ONCE);
    let texts: Vec<String> = facts[more..].iter().map(|fact| format!("that {}", to_the_person(&fact.text))).collect();
    let rest = match more {
        0 => String::new(),
        1 => ", and one thing more".to_owned(),
        more => format!(", and {more} things more"),
    };
    format!("You told me {}{rest}.", texts.join(", and "))
}

/// A fact as it is said back: "I park" is "you park".
pub(super) fn to_the_person(fact: &str) -> String {
    let turned = |word: &str| match word.to_lowercase().replace('’', "'").as_str() {
        "i" | "me" => Some("you"),
        "my" => Some("your"),
        "mine" => Some("yours"),
        "myself" => Some("yourself"),
        "am" => Some("are"),
        "i'm" => Some("you're"),
        "i've" => Some("you've"),
        "i'll" => Some("you'll"),
        "i'd" => Some("you'd"),
        _ => None,
    };
    let mut said = String::with_capacity(fact.len());
    for part in fact.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’')) {
        let word = part.trim_end_matches(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'));
        match turned(word) {
            Some(turned) => {
                said.push_str(turned);
                said.push_str(&part[word.len()..]);
            }
            None => said.push_str(part),
        }
    }
    said
}
