//! Utterances in, replies out: what the catalogue, the slots and the answers do together.

mod alarms;
mod announcements;
mod corpora;
mod memory;
mod properties;
mod reminders;
mod sums;
mod talk;
mod time_and_date;
mod timers;
mod volume;

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::civil::date;

use super::{Action, Catalogue, Surroundings, Timer, TimerId, fulfil};

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(Catalogue::english)
}

/// Half past four in the afternoon of Saturday, the first of March 2025, with nothing going on.
fn quiet() -> Surroundings<'static> {
    Surroundings {
        now: date(2025, 3, 1).at(16, 30, 0, 0),
        timers: &[],
        alarms: &[],
        facts: &[],
        snooze: Duration::from_mins(9),
        announcements: &[],
        no_announcing: None,
        last_reply: None,
        volume: 40,
    }
}

fn timer(id: i64, name: Option<&str>, length_s: u64, remaining_s: u64) -> Timer {
    Timer {
        id: TimerId(id),
        name: name.map(str::to_owned),
        length: Duration::from_secs(length_s),
        remaining: Duration::from_secs(remaining_s),
        paused: false,
    }
}

/// A line for each utterance: what was understood, what is replied, and what is done.
fn transcript(around: &Surroundings<'_>, utterances: &[&str]) -> String {
    let mut out = String::new();
    for utterance in utterances {
        let answer = match catalogue().recognise(utterance) {
            None => "not understood".to_owned(),
            Some(intent) => {
                let fulfilment = fulfil(&intent, around);
                let mut answer = format!("{}: {}", intent.name(), fulfilment.reply);
                for action in &fulfilment.actions {
                    write!(answer, " [{}]", action_in_short(action)).unwrap();
                }
                answer
            }
        };
        writeln!(out, "{utterance} -> {answer}").unwrap();
    }
    out
}

fn action_in_short(action: &Action) -> String {
    match action {
        Action::StartTimer { name, length } => format!("start {} {length:?}", name.as_deref().unwrap_or("-")),
        Action::CancelTimers(ids) => format!("cancel {:?}", ids.iter().map(|id| id.0).collect::<Vec<_>>()),
        Action::ChangeTimer { id, by } => format!("change {} by {}s", id.0, by.as_secs()),
        Action::PauseTimers(ids) => format!("pause {:?}", ids.iter().map(|id| id.0).collect::<Vec<_>>()),
        Action::ResumeTimers(ids) => format!("resume {:?}", ids.iter().map(|id| id.0).collect::<Vec<_>>()),
        Action::SetAlarm { time, repeats } => format!("alarm {} {repeats:?}", time.strftime("%H:%M")),
        Action::CancelAlarms(ids) => format!("cancel alarms {:?}", ids.iter().map(|id| id.0).collect::<Vec<_>>()),
        Action::SkipAlarm { id, date } => format!("skip {} on {date}", id.0),
        Action::SnoozeAlarms(length) => format!("snooze {length:?}"),
        Action::SetVolume(percent) => format!("volume {percent}"),
        Action::Remember(fact) => format!("remember `{fact}`"),
        Action::ForgetFacts(ids) => format!("forget facts {:?}", ids.iter().map(|id| id.0).collect::<Vec<_>>()),
        Action::Announce { text, at } => format!("announce `{text}` {at:?}"),
        Action::Remind { text, on } => format!("remind `{text}` {on:?}"),
        Action::CancelAnnouncements(ids) => {
            format!("cancel announcements {:?}", ids.iter().map(|id| id.0).collect::<Vec<_>>())
        }
        Action::Stop => "stop".to_owned(),
    }
}
