//! Reminders: what somebody is to be reminded of, and when. They wait where announcements do.
//!
//! What it is about is any words at all, so code reads it. It is kept as it is said back, from its "to", "about" or "that" on.

mod moment;

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::DateTime;

use super::announcement::{
    Announcement, FARTHEST_DAYS, LONGEST_TEXT, MOST_WAITING, NoAnnouncing, after, when, without_begin,
};
use super::fulfil::{Action, Fulfilment};
use super::normalise::normalise;
use super::{Intent, duration, memory, spoken_date, timer};
pub use moment::{DayPart, RemindAt, RemindOn, TimeOfDay};
use moment::{clock, moment, resolve};

/// Which reminders are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReminderReference {
    /// "My reminder".
    Any,
    /// "All my reminders".
    All,
    /// "My reminder about the bins".
    About(String),
}

/// How a request to be reminded begins, and whether it goes on with "me".
const REMIND: &[&[&str]] = &[
    &["remind", "me"],
    &["remind", "us"],
    &["set", "a", "reminder"],
    &["set", "another", "reminder"],
    &["set", "me", "a", "reminder"],
    &["set", "reminder"],
    &["set", "up", "a", "reminder"],
    &["add", "a", "reminder"],
    &["add", "reminder"],
    &["create", "a", "reminder"],
    &["create", "reminder"],
    &["make", "a", "reminder"],
    &["give", "me", "a", "reminder"],
    &["i", "need", "a", "reminder"],
    &["i", "need", "to", "be", "reminded"],
    &["i", "want", "to", "be", "reminded"],
];

/// How a request not to be reminded any more begins.
const CANCEL: &[&str] = &["cancel", "delete", "remove", "clear", "drop", "forget"];

/// What leads from when to what, or begins with it.
const LEADS: &[&str] = &["to", "about", "that", "of", "for"];

/// A text that is nothing but one of these is in what was said before, which only a model reads.
const POINTS_BACK: &[&str] = &["this", "that", "it", "these", "those", "them", "him", "her"];

/// A condition that no clock knows.
const CONDITIONS: &[&str] = &["when", "whenever", "if", "unless", "once", "before", "after", "until", "while"];

/// The longest description of a moment, in words: "on the twenty second of march at twenty five to seven in the evening".
const LONGEST_WHEN: usize = 16;

/// What `utterance` asks about reminders, if anything.
pub(super) fn recognise(utterance: &str) -> Option<Intent> {
    let said = without_begin(utterance)?;
    if let Some(rest) = CANCEL.iter().find_map(|verb| after(said, &[verb])) {
        return cancelled(rest);
    }
    if let Some(rest) = REMIND.iter().find_map(|phrase| after(said, phrase)) {
        let rest = after(rest, &["for", "me"]).or_else(|| after(rest, &["for", "us"])).unwrap_or(rest);
        let (text, at) = what_and_when(rest)?;
        return Some(Intent::Remind { text, at });
    }
    // "Every day at eight remind me to take my pill."
    let starts = word_starts(said);
    let (from, rest) = starts.iter().find_map(|from| Some((*from, after(&said[*from..], REMIND[0])?)))?;
    let before = normalise(&said[..from])?;
    let at = moment(&before.split(' ').collect::<Vec<_>>())?;
    match what_and_when(rest)? {
        (Some(text), None) => Some(Intent::Remind { text: Some(text), at: Some(at) }),
        _ => None,
    }
}

/// What an answer to the question `asked` means, where that asked when to remind of something.
#[must_use]
pub fn answer_to(asked: &str, utterance: &str) -> Option<Intent> {
    let text = asked.strip_prefix(WHEN)?.strip_suffix('?')?.trim();
    let said = without_begin(utterance)?;
    let words = normalise(said)?;
    let words: Vec<&str> = words.split(' ').collect();
    let words = words.strip_suffix(&["please"]).unwrap_or(&words);
    // To "when?" people answer "ten minutes" and "six".
    let length = || duration::parse(words).map(RemindAt::After);
    let at = moment(words).or_else(length).or_else(|| clock(words))?;
    Some(Intent::Remind { text: Some(text.to_owned()).filter(|text| !text.is_empty()), at: Some(at) })
}

/// "Cancel (my reminder to call Anna)".
fn cancelled(rest: &str) -> Option<Intent> {
    let articles: &[&[&str]] =
        &[&["all", "of", "my"], &["all", "my"], &["all", "the"], &["all"], &["my"], &["the"], &["that"]];
    let (all, rest) =
        articles.iter().find_map(|article| Some((article[0] == "all", after(rest, article)?))).unwrap_or((false, rest));
    let several = after(rest, &["reminders"]);
    let about = several.or_else(|| after(rest, &["reminder"]))?.trim_matches(is_edge);
    if about.is_empty() {
        return Some(Intent::CancelReminders(if all || several.is_some() {
            ReminderReference::All
        } else {
            ReminderReference::Any
        }));
    }
    ["to", "about", "that"].iter().find_map(|lead| after(about, &[lead]))?;
    Some(Intent::CancelReminders(ReminderReference::About(about.to_owned())))
}

/// Of what to remind, with what leads to it, and when, each if it was said.
fn what_and_when(rest: &str) -> Option<(Option<String>, Option<RemindAt>)> {
    let starts: Vec<usize> = word_starts(rest);
    let word = |at: usize| {
        let end = starts.get(at + 1).copied().unwrap_or(rest.len());
        rest[starts[at]..end].trim_matches(is_edge).to_lowercase()
    };
    let part = |from: usize, to: usize| {
        let end = starts.get(to).copied().unwrap_or(rest.len());
        starts.get(from).map_or("", |start| rest[*start..end].trim_matches(is_edge))
    };
    let all = starts.len();
    // "For six o'clock" says when, as "at" does.
    let first = usize::from(all > 0 && word(0) == "for");
    let at = |from: usize, to: usize| {
        let text = normalise(part(from, to))?;
        let words: Vec<&str> = text.split(' ').collect();
        let words = words.strip_suffix(&["please"]).unwrap_or(&words);
        if words.len() > LONGEST_WHEN {
            return None;
        }
        moment(words).or_else(|| (from == 1 && first == 1).then(|| clock(words)).flatten())
    };
    if all == 0 {
        return Some((None, None));
    }
    if let Some(when) = at(first, all) {
        return Some((None, Some(when)));
    }
    // The longest beginning that says when: "at five to six" is not at five.
    for lead in (1..all).rev().filter(|lead| LEADS.contains(&&*word(*lead))) {
        if let (Some(when), Some(text)) = (at(first, lead), text(&word(lead), part(lead + 1, all))) {
            return Some((Some(text), Some(when)));
        }
    }
    let lead = LEADS.iter().find(|lead| **lead == word(0))?;
    // "For next Saturday go to the library at five" is more than is understood here, and so are two requests in one.
    if (2..all).any(|end| at(1, end).is_some()) || (1..all).any(|at| word(at).starts_with("remind")) {
        return None;
    }
    // The longest end that says when: "on Friday at six".
    for end in 2..all {
        if let Some(when) = at(end, all) {
            return Some((Some(text(lead, part(1, end))?), Some(when)));
        }
    }
    // "You remind me of my brother" asks for nothing.
    if *lead == "of" || (1..all).any(|at| CONDITIONS.contains(&&*word(at))) {
        return None;
    }
    Some((Some(text(lead, part(1, all))?), None))
}

/// What is kept of a text: "to call your mum".
fn text(lead: &str, said: &str) -> Option<String> {
    let said = said.trim_matches(is_edge);
    let said = said.strip_suffix("please").map_or(said, |said| said.trim_end_matches(is_edge));
    if said.is_empty() || POINTS_BACK.contains(&&*said.to_lowercase()) {
        return None;
    }
    let lead = if lead == "for" { "about" } else { lead };
    Some(format!("{lead} {}", memory::to_the_person(said)))
}

fn is_edge(c: char) -> bool {
    c.is_whitespace() || ",.:;!?\"".contains(c)
}

fn word_starts(text: &str) -> Vec<usize> {
    let begins =
        |(at, c): &(usize, char)| !c.is_whitespace() && text[..*at].chars().next_back().is_none_or(char::is_whitespace);
    text.char_indices().filter(begins).map(|(at, _)| at).collect()
}

const WHEN: &str = "When should I remind you ";

const FAR: &str = "That's too far ahead for me. I can remind you of things up to a year ahead.";

pub(super) fn remind(
    text: Option<&str>,
    at: Option<RemindAt>,
    now: DateTime,
    waiting: &[Announcement],
    refusal: Option<NoAnnouncing>,
) -> Fulfilment {
    let refuse = |why: &str| Fulfilment::saying(why);
    match refusal {
        Some(NoAnnouncing::Private) => {
            return refuse(
                "I can't keep that, because what I am to remind you of has to be read without your passphrase.",
            );
        }
        Some(NoAnnouncing::NothingKept) => {
            return refuse("I can't keep that, because nothing that you say here is kept.");
        }
        None => {}
    }
    let Some(text) = text else {
        return refuse("Of what? Say, for example, remind me at 6 PM to call Anna.");
    };
    let Some(at) = at else { return refuse(&format!("{WHEN}{text}?")) };
    if text.len() > LONGEST_TEXT {
        return refuse("That's too long for a reminder.");
    }
    if waiting.len() >= MOST_WAITING {
        return refuse("Too many reminders and announcements are waiting already.");
    }
    let Some(on) = resolve(at, now) else { return refuse(FAR) };
    let farthest = now.checked_add(FARTHEST_DAYS.days()).ok();
    let first = match on {
        RemindOn::After(length) => now.checked_add(length).ok(),
        RemindOn::At(on) if on <= now => return refuse("That time has passed."),
        RemindOn::At(on) => Some(on),
        RemindOn::Every(..) => None,
    };
    let said = match (on, first) {
        (RemindOn::Every(days, time), _) => format!("{} at {}", days.phrase(), spoken_date::time(time)),
        (_, Some(first)) if farthest.is_none_or(|farthest| first > farthest) => return refuse(FAR),
        (_, None) => return refuse(FAR),
        (RemindOn::After(length), _) if length < Duration::from_hours(24) => format!("in {}", duration::phrase(length)),
        (_, Some(first)) => when(first, now),
    };
    Fulfilment {
        reply: format!("I'll remind you {said} {text}."),
        actions: vec![Action::Remind { text: text.to_owned(), on }],
    }
}

fn reminders(waiting: &[Announcement]) -> Vec<&Announcement> {
    waiting.iter().filter(|one| one.reminder).collect()
}

const NONE: &str = "You have no reminders.";

pub(super) fn list(waiting: &[Announcement], now: DateTime) -> Fulfilment {
    let each: Vec<String> = reminders(waiting).into_iter().map(|one| described(one, now)).collect();
    Fulfilment::saying(&match &each[..] {
        [] => NONE.to_owned(),
        [only] => format!("You have one reminder: {only}."),
        several => format!("You have {} reminders: {}.", several.len(), several.join("; ")),
    })
}

pub(super) fn cancel(reference: &ReminderReference, waiting: &[Announcement], now: DateTime) -> Fulfilment {
    let all = reminders(waiting);
    let meant: Vec<&Announcement> = match reference {
        ReminderReference::About(about) => {
            all.iter().copied().filter(|one| memory::speaks_of(about, &one.text)).collect()
        }
        ReminderReference::Any | ReminderReference::All => all.clone(),
    };
    let reply = match &meant[..] {
        [] if all.is_empty() => return Fulfilment::saying(NONE),
        [] => return Fulfilment::saying("You have no reminder about that."),
        [one] => format!("The reminder {} is cancelled.", one.text.trim_end_matches('.')),
        several if *reference != ReminderReference::All => {
            let each: Vec<String> = several.iter().map(|one| described(one, now)).collect();
            return Fulfilment::saying(&format!("Which one? You have reminders {}.", timer::list(&each, "and")));
        }
        several => format!("All {} reminders cancelled.", several.len()),
    };
    Fulfilment { reply, actions: vec![Action::CancelAnnouncements(meant.iter().map(|one| one.id).collect())] }
}

/// "tomorrow at 6 PM to call your mum".
fn described(one: &Announcement, now: DateTime) -> String {
    let text = one.text.trim_end_matches('.');
    match one.every {
        Some(days) => format!("{} at {} {text}", days.phrase(), spoken_date::time(one.at.time())),
        None => format!("{} {text}", when(one.at, now)),
    }
}

/// What is said of a reminder, `late` after it was due; much later only if Pipit was off.
#[must_use]
pub fn remind_aloud(text: &str, late: Duration) -> String {
    let text = text.trim_end_matches('.');
    if late < timer::LATE {
        return format!("This is your reminder {text}.");
    }
    format!("You have missed a reminder {text}. It was due {} ago, while I was off.", duration::lateness(late))
}
