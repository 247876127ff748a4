//! Announcements in conversation: what is to be said aloud and when, and which of those that wait are meant. They wait elsewhere.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{DateTime, Time};

use super::fulfil::{Action, Fulfilment};
use super::timer::{self, capitalised};
use super::{Days, Intent, duration, memory, spoken_date};
use crate::ear::transcript::words;

/// Names an announcement that waits to whoever keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnnouncementId(pub i64);

/// Something that waits to be said aloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Its identity.
    pub id: AnnouncementId,
    /// What is to be said.
    pub text: String,
    /// When, in local time.
    pub at: DateTime,
    /// Whether it is a reminder of whoever asked for it; then the text begins with "to", "about" or "that".
    pub reminder: bool,
    /// On which days of every week it is said again, if it is.
    pub every: Option<Days>,
}

/// When something is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnounceAt {
    /// At the next quiet moment.
    Once,
    /// After so long.
    After(Duration),
    /// When the clock next shows this.
    Time(Time),
    /// At this local time.
    On(DateTime),
}

/// Why nothing may wait to be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnnouncing {
    /// Whoever asks is private, and what is to be said aloud has to be read without them.
    Private,
    /// Nothing of them is kept, and this program does not speak.
    NothingKept,
}

/// The longest text that is announced, in bytes: about a minute.
pub(super) const LONGEST_TEXT: usize = 800;

/// So many may wait at once.
pub(super) const MOST_WAITING: usize = 50;

/// The farthest ahead that one may be, in days.
pub(super) const FARTHEST_DAYS: i32 = 366;

/// What goes before a request without changing it.
const BEFORE: &[&str] = &["please", "can", "could", "would", "will", "you", "pipit", "hey", "ok", "okay"];

/// How a request to announce begins. What follows is the text.
const ANNOUNCE: &[&[&str]] = &[
    &["make", "an", "announcement", "that"],
    &["announce", "that"],
    &["announce"],
    &["tell", "everyone", "that"],
    &["tell", "everybody", "that"],
    &["tell", "everyone"],
    &["tell", "everybody"],
];

/// Words that no text begins with: what follows them is when, or the text is not there, and neither is a matter for templates.
const NOT_A_TEXT: &[&str] = &[
    "at", "in", "on", "about", "to", "when", "that", "this", "it", "tomorrow", "tonight", "later", "what", "how", "why",
];

/// What `utterance` asks to be announced, if anything.
pub(super) fn recognise(utterance: &str) -> Option<Intent> {
    let said = without_begin(utterance)?;
    let rest = ANNOUNCE.iter().find_map(|phrase| after(said, phrase))?;
    if words(rest).next().is_none_or(|word| NOT_A_TEXT.contains(&&*word.letters)) {
        return None;
    }
    let rest = rest.trim_matches(|c: char| c.is_whitespace() || ",:;\"".contains(c));
    Some(Intent::Announce { text: rest.to_owned(), at: AnnounceAt::Once })
}

/// A request without what goes before it; `None` if nothing is left.
pub(super) fn without_begin(utterance: &str) -> Option<&str> {
    let mut from = 0;
    for word in words(utterance) {
        if !BEFORE.contains(&&*word.letters) {
            return Some(&utterance[from..]);
        }
        from = word.end;
    }
    None
}

/// What of `said` comes after `phrase`, if it begins with its words.
pub(super) fn after<'a>(said: &'a str, phrase: &[&str]) -> Option<&'a str> {
    let mut all = words(said);
    let mut end = 0;
    for part in phrase {
        end = all.next().filter(|word| word.letters == *part)?.end;
    }
    Some(&said[end..])
}

pub(super) fn announce(
    text: &str,
    at: AnnounceAt,
    now: DateTime,
    waiting: &[Announcement],
    refusal: Option<NoAnnouncing>,
) -> Fulfilment {
    let text = text.trim();
    let refuse = |why: &str| Fulfilment::saying(why);
    match refusal {
        Some(NoAnnouncing::Private) => {
            return refuse("I can't keep that, because what I am to announce has to be read without your passphrase.");
        }
        Some(NoAnnouncing::NothingKept) => {
            return refuse("I can't keep that, because nothing that you say here is kept.");
        }
        None => {}
    }
    if text.is_empty() {
        return refuse("What should I announce?");
    }
    if text.len() > LONGEST_TEXT {
        return refuse("That's too long to be announced.");
    }
    if waiting.len() >= MOST_WAITING {
        return refuse("Too many reminders and announcements are waiting already.");
    }
    let on = match at {
        AnnounceAt::Once => Some(now),
        AnnounceAt::After(length) => now.checked_add(length).ok(),
        AnnounceAt::Time(time) if time > now.time() => Some(now.date().to_datetime(time)),
        AnnounceAt::Time(time) => now.date().tomorrow().ok().map(|tomorrow| tomorrow.to_datetime(time)),
        AnnounceAt::On(on) => Some(on),
    };
    let farthest = now.checked_add(FARTHEST_DAYS.days()).ok();
    let reply = match on {
        Some(on) if on < now => return refuse("That time has passed."),
        Some(on) if farthest.is_some_and(|farthest| on <= farthest) => {
            if at == AnnounceAt::Once {
                "I'll announce it.".to_owned()
            } else {
                format!("I'll announce it {}.", when(on, now))
            }
        }
        _ => return refuse("That's too far ahead for me. I can announce things up to a year ahead."),
    };
    // A length is a length, also where the clocks change.
    let at = match (at, on) {
        (AnnounceAt::Time(_), Some(on)) => AnnounceAt::On(on),
        _ => at,
    };
    Fulfilment { reply, actions: vec![Action::Announce { text: text.to_owned(), at }] }
}

pub(super) fn list(waiting: &[Announcement], now: DateTime) -> Fulfilment {
    let each: Vec<String> = waiting
        .iter()
        .filter(|one| !one.reminder)
        .map(|one| format!("{}, {}", when(one.at, now), one.text.trim_end_matches('.')))
        .collect();
    Fulfilment::saying(&match &each[..] {
        [] => NONE.to_owned(),
        [only] => format!("One announcement is waiting: {only}."),
        several => format!("{} announcements are waiting: {}.", several.len(), several.join("; ")),
    })
}

pub(super) fn cancel(about: Option<&str>, waiting: &[Announcement]) -> Fulfilment {
    let meant: Vec<&Announcement> = waiting
        .iter()
        .filter(|one| !one.reminder && about.is_none_or(|about| memory::speaks_of(about, &one.text)))
        .collect();
    let reply = match &meant[..] {
        [] if waiting.iter().all(|one| one.reminder) => return Fulfilment::saying(NONE),
        [] => return Fulfilment::saying("No announcement that is waiting is about that."),
        [_] => "Announcement cancelled.".to_owned(),
        several => format!("{} announcements cancelled.", several.len()),
    };
    Fulfilment { reply, actions: vec![Action::CancelAnnouncements(meant.iter().map(|one| one.id).collect())] }
}

const NONE: &str = "No announcements are waiting.";

/// What is said aloud, `late` after it was to be; much later only if Pipit was off.
#[must_use]
pub fn proclaim(text: &str, late: Duration) -> String {
    let mut said = capitalised(text.trim());
    if !said.ends_with(['.', '!', '?', '…']) {
        said.push('.');
    }
    if late < timer::LATE {
        return said;
    }
    format!("This was to be announced {} ago, while I was off. {said}", duration::lateness(late))
}

/// "at 6 PM", "tomorrow at 6 PM", "on Friday, March 6th at noon".
pub(super) fn when(at: DateTime, now: DateTime) -> String {
    let time = spoken_date::time(at.time());
    match at.date() {
        date if date == now.date() => format!("at {time}"),
        date if now.date().tomorrow().is_ok_and(|tomorrow| date == tomorrow) => format!("tomorrow at {time}"),
        date => format!("on {} at {time}", spoken_date::weekday_and_day(date)),
    }
}
