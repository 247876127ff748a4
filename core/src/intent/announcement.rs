//! Announcements in conversation: what is to be said aloud and when, and which of those that wait are meant. They wait elsewhere.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{DateTime, Time};

use super::fulfil::{Action, Fulfilment};
use super::timer::capitalised;
use super::{Intent, duration, memory, spoken_date};
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
const LONGEST_TEXT: usize = 800;

/// So many may wait at once.
const MOST_WAITING: usize = 50;

/// The farthest ahead that one may be, in days.
const FARTHEST_DAYS: i32 = 366;

/// Lateness that is worth a word.
const LATE: Duration = Duration::from_secs(60);

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
    let all: Vec<_> = words(utterance).collect();
    let first = all.iter().position(|word| !BEFORE.contains(&&*word.letters))?;
    let said = &all[first..];
    let begins = |phrase: &&&[&str]| {
        said.len() > phrase.len() && said.iter().zip(phrase.iter()).all(|(word, part)| word.letters == *part)
    };
    let phrase = ANNOUNCE.iter().find(begins)?;
    if NOT_A_TEXT.contains(&&*said[phrase.len()].letters) {
        return None;
    }
    let rest = utterance[said[phrase.len() - 1].end..].trim_matches(|c: char| c.is_whitespace() || ",:;\"".contains(c));
    Some(Intent::Announce { text: rest.to_owned(), at: AnnounceAt::Once })
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
        return refuse("Too many announcements are waiting already.");
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
    let each: Vec<String> =
        waiting.iter().map(|one| format!("{}, {}", when(one.at, now), one.text.trim_end_matches('.'))).collect();
    Fulfilment::saying(&match &each[..] {
        [] => NONE.to_owned(),
        [only] => format!("One announcement is waiting: {only}."),
        several => format!("{} announcements are waiting: {}.", several.len(), several.join("; ")),
    })
}

pub(super) fn cancel(about: Option<&str>, waiting: &[Announcement]) -> Fulfilment {
    let meant: Vec<&Announcement> =
        waiting.iter().filter(|one| about.is_none_or(|about| memory::speaks_of(about, &one.text))).collect();
    let reply = match &meant[..] {
        [] if waiting.is_empty() => return Fulfilment::saying(NONE),
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
    if late < LATE {
        return said;
    }
    let minutes = Duration::from_secs(late.as_secs() / 60 * 60);
    format!("This was to be announced {} ago, while I was off. {said}", duration::phrase(minutes))
}

/// "at 6 PM", "tomorrow at 6 PM", "on Friday, March 6th at noon".
fn when(at: DateTime, now: DateTime) -> String {
    let time = spoken_date::time(at.time());
    match at.date() {
        date if date == now.date() => format!("at {time}"),
        date if now.date().tomorrow().is_ok_and(|tomorrow| date == tomorrow) => format!("tomorrow at {time}"),
        date => format!("on {} at {time}", spoken_date::weekday_and_day(date)),
    }
}
