//! Timers in conversation: which one is meant, and what is said about them. They run elsewhere.

use std::time::Duration;

use jiff::SignedDuration;

use super::duration;
use super::fulfil::{Action, Fulfilment};

/// Names a running timer to whoever runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerId(pub i64);

/// A timer that is running, or was paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Its identity.
    pub id: TimerId,
    /// What it is for, if that was said.
    pub name: Option<String>,
    /// How long it was set for.
    pub length: Duration,
    /// How long it has left.
    pub remaining: Duration,
    /// Whether it stands still.
    pub paused: bool,
}

/// How somebody spoke of a timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerReference {
    /// "The timer".
    Any,
    /// "All timers".
    All,
    /// "The pasta timer".
    Named(String),
    /// "The ten minute timer".
    Lasting(Duration),
}

impl TimerReference {
    /// The timers that may be meant.
    fn among<'a>(&self, timers: &'a [Timer]) -> Vec<&'a Timer> {
        match self {
            TimerReference::Any | TimerReference::All => timers.iter().collect(),
            TimerReference::Lasting(length) => timers.iter().filter(|timer| timer.length == *length).collect(),
            TimerReference::Named(asked) => {
                let named = |same: fn(&str, &str) -> bool| {
                    let is = |timer: &&Timer| timer.name.as_deref().is_some_and(|name| same(name, asked));
                    timers.iter().filter(is).collect::<Vec<_>>()
                };
                let exact = named(|name, asked| singular(name) == singular(asked));
                if exact.is_empty() { named(contains_words) } else { exact }
            }
        }
    }

    /// "pasta timer", as in "You have no pasta timer."
    fn label(&self) -> String {
        match self {
            TimerReference::Any | TimerReference::All => "timer".to_owned(),
            TimerReference::Named(name) => format!("{name} timer"),
            TimerReference::Lasting(length) => format!("{} timer", duration::adjective(*length)),
        }
    }
}

fn singular(name: &str) -> String {
    let name = name.to_lowercase();
    name.strip_suffix('s').map_or(name.clone(), str::to_owned)
}

/// "the chicken timer" may be the one for "roast chicken".
fn contains_words(name: &str, asked: &str) -> bool {
    let name = name.to_lowercase();
    asked.split(' ').all(|word| name.split_whitespace().any(|part| singular(part) == singular(word)))
}

/// The longest timer that is started. Anything longer belongs into a calendar, and is more likely misheard.
const LONGEST: Duration = Duration::from_hours(7 * 24);
const SHORTEST: Duration = Duration::from_secs(1);

/// Lateness that is worth a word. Less is how long it takes to say so.
pub(super) const LATE: Duration = Duration::from_secs(60);

/// What is said when a timer rings, `late` after it was due; much later only if Pipit was off.
#[must_use]
pub fn ring(name: Option<&str>, length: Duration, late: Duration) -> String {
    let label = match name {
        Some(name) => format!("{name} timer"),
        None => format!("{} timer", duration::adjective(length)),
    };
    if late < LATE {
        return format!("Your {label} is done.");
    }
    format!("Your {label} was due {} ago, while I was off.", duration::lateness(late))
}

pub(super) fn start(name: Option<&str>, length: Option<Duration>) -> Fulfilment {
    let reply = match (name, length) {
        (_, None) => return Fulfilment::saying("For how long? Say, for example, set a timer for 10 minutes."),
        (_, Some(length)) if length < SHORTEST => "A timer needs at least 1 second.".to_owned(),
        (_, Some(length)) if length > LONGEST => "That's too long for me. A timer can run for up to 7 days.".to_owned(),
        (Some(name), Some(length)) => format!("{} timer set for {}.", capitalised(name), duration::phrase(length)),
        (None, Some(length)) => format!("Timer set for {}.", duration::phrase(length)),
    };
    let length = length.filter(|length| (SHORTEST..=LONGEST).contains(length));
    let action = length.map(|length| Action::StartTimer { name: name.map(str::to_owned), length });
    Fulfilment { reply, actions: action.into_iter().collect() }
}

pub(super) fn cancel_all(timers: &[Timer]) -> Fulfilment {
    let reply = match timers {
        [] => return Fulfilment::saying(NO_TIMERS),
        [_] => "Timer cancelled.".to_owned(),
        [_, _] => "Both timers cancelled.".to_owned(),
        _ => format!("All {} timers cancelled.", timers.len()),
    };
    Fulfilment { reply, actions: vec![Action::CancelTimers(timers.iter().map(|timer| timer.id).collect())] }
}

pub(super) fn cancel(reference: &TimerReference, timers: &[Timer]) -> Fulfilment {
    match reference.among(timers).as_slice() {
        [] => Fulfilment::saying(&none_of(reference, timers)),
        [timer] => Fulfilment {
            reply: capitalised(&format!("{} cancelled.", label(timer, timers))),
            actions: vec![Action::CancelTimers(vec![timer.id])],
        },
        several => which("cancel", several),
    }
}

/// Asks which of `several` is meant; [`pick`] reads what is to be done out of it.
fn which(what: &str, several: &[&Timer]) -> Fulfilment {
    let choices: Vec<String> = several.iter().map(|timer| format!("the {}", described(timer, several))).collect();
    Fulfilment::saying(&format!("{WHICH} {what}: {}?", list(&choices, "or")))
}

/// More time for one timer, or less.
pub(super) fn change(reference: &TimerReference, by: SignedDuration, timers: &[Timer]) -> Fulfilment {
    let length = by.unsigned_abs();
    let timer = match reference.among(timers).as_slice() {
        [] => return Fulfilment::saying(&none_of(reference, timers)),
        [timer] => *timer,
        several if by.is_negative() => return which(&format!("take {} off", duration::phrase(length)), several),
        several => return which(&format!("add {} to", duration::phrase(length)), several),
    };
    let label = label(timer, timers);
    if length < SHORTEST {
        return Fulfilment::saying("A timer can be changed by 1 second or more.");
    }
    let remaining = if by.is_negative() {
        timer.remaining.checked_sub(length).filter(|left| *left >= SHORTEST)
    } else {
        timer.remaining.checked_add(length).filter(|left| *left <= LONGEST)
    };
    let Some(remaining) = remaining else {
        return Fulfilment::saying(&if by.is_negative() {
            format!("Your {label} has only {} left.", duration::phrase(timer.remaining))
        } else {
            "That's too long for me. A timer can run for up to 7 days.".to_owned()
        });
    };
    let reply = format!("Your {label} has {} left now.", duration::phrase(remaining));
    Fulfilment { reply, actions: vec![Action::ChangeTimer { id: timer.id, by }] }
}

/// Lets timers stand still, or run again.
pub(super) fn pause(reference: &TimerReference, pause: bool, timers: &[Timer]) -> Fulfilment {
    let (done, verb) = if pause { ("paused", "pause") } else { ("running again", "resume") };
    let meant = reference.among(timers);
    if meant.is_empty() {
        return Fulfilment::saying(&none_of(reference, timers));
    }
    let change: Vec<&Timer> = meant.iter().copied().filter(|timer| timer.paused != pause).collect();
    let reply = match (&change[..], &meant[..]) {
        ([], [timer]) => {
            let already = if pause { "paused already" } else { "not paused" };
            return Fulfilment::saying(&format!("Your {} is {already}.", label(timer, timers)));
        }
        ([], _) if pause => return Fulfilment::saying("All your timers are paused already."),
        ([], _) => return Fulfilment::saying("None of your timers is paused."),
        ([timer], _) => {
            let left = duration::phrase(timer.remaining);
            capitalised(&format!("{} {done}, with {left} left.", label(timer, timers)))
        }
        (several, _) if *reference != TimerReference::All => return which(verb, several),
        ([_, _], _) => format!("Both timers {done}."),
        (several, _) => format!("{} timers {done}.", several.len()),
    };
    let ids = change.iter().map(|timer| timer.id).collect();
    Fulfilment { reply, actions: vec![if pause { Action::PauseTimers(ids) } else { Action::ResumeTimers(ids) }] }
}

/// A timer named on its own: what was asked about it is in the reply before.
pub(super) fn pick(reference: &TimerReference, timers: &[Timer], last_reply: Option<&str>) -> Fulfilment {
    let asked = last_reply.and_then(|reply| reply.strip_prefix(WHICH)?.split_once(':')).map(|(what, _)| what.trim());
    match asked {
        Some("cancel") => cancel(reference, timers),
        Some("pause") => pause(reference, true, timers),
        Some("resume") => pause(reference, false, timers),
        Some(what) => match asked_change(what) {
            Some(by) => change(reference, by, timers),
            None => status(reference, timers),
        },
        None => status(reference, timers),
    }
}

/// The change in "add 5 minutes to".
fn asked_change(what: &str) -> Option<SignedDuration> {
    let added = what.strip_prefix("add ").and_then(|what| what.strip_suffix(" to"));
    let taken = what.strip_prefix("take ").and_then(|what| what.strip_suffix(" off"));
    let plain = added.or(taken)?.replace(',', "");
    let by = SignedDuration::try_from(duration::parse(&plain.split(' ').collect::<Vec<_>>())?).ok()?;
    Some(if added.is_some() { by } else { -by })
}

pub(super) fn status(reference: &TimerReference, timers: &[Timer]) -> Fulfilment {
    let left = |timer: &Timer| {
        let (label, left) = (label(timer, timers), duration::phrase(timer.remaining));
        if timer.paused {
            format!("your {label} is paused with {left} left")
        } else {
            format!("your {label} has {left} left")
        }
    };
    let reply = match reference.among(timers).as_slice() {
        [] => none_of(reference, timers),
        [timer] => capitalised(&format!("{}.", left(timer))),
        several => {
            let each: Vec<String> = several.iter().map(|timer| left(timer)).collect();
            let count = several.len();
            let kind = reference.label();
            format!("You have {count} {kind}s: {}.", list(&each, "and"))
        }
    };
    Fulfilment::saying(&reply)
}

const NO_TIMERS: &str = "You have no timers running.";
const WHICH: &str = "Which one should I";

fn none_of(reference: &TimerReference, timers: &[Timer]) -> String {
    if timers.is_empty() {
        return NO_TIMERS.to_owned();
    }
    let others: Vec<String> = timers.iter().map(|timer| format!("your {}", full_label(timer))).collect();
    format!("You have no {}, only {}.", reference.label(), list(&others, "and"))
}

/// "pasta timer"; one without a name is told by its length, "10 minute timer".
fn full_label(timer: &Timer) -> String {
    match &timer.name {
        Some(name) => format!("{name} timer"),
        None => format!("{} timer", duration::adjective(timer.length)),
    }
}

/// As [`full_label`], but the only timer needs no telling apart.
fn label(timer: &Timer, all: &[Timer]) -> String {
    if timer.name.is_none() && all.len() == 1 { "timer".to_owned() } else { full_label(timer) }
}

/// The label, with the time left where another of `choices` has the same.
fn described(timer: &Timer, choices: &[&Timer]) -> String {
    let label = full_label(timer);
    if choices.iter().filter(|other| full_label(other) == label).count() == 1 {
        label
    } else {
        format!("{label} with {} left", duration::phrase(timer.remaining))
    }
}

/// "a", "a and b", "a, b and c".
pub(super) fn list(items: &[String], joining: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {joining} {last}", first.join(", ")),
    }
}

/// `text` as a sentence begins.
pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}
