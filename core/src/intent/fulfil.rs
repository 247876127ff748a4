//! What Pipit answers to an intent, and what is to be done. Nothing is done here.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

use super::alarm::{self, Alarm, AlarmId, Repeats};
use super::announcement::{self, AnnounceAt, Announcement, AnnouncementId, NoAnnouncing};
use super::arithmetic::{Arithmetic, Undefined};
use super::memory::{self, Fact, FactId};
use super::numeral::Numeral;
use super::quantity::Quantity;
use super::reminder::{self, RemindOn};
use super::timer::{self, Timer, TimerId, capitalised};
use super::unit::{Dimension, UnitName};
use super::{Intent, spoken_date};

/// What an answer may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The local time.
    pub now: DateTime,
    /// The timers that are running.
    pub timers: &'a [Timer],
    /// The alarms that are set.
    pub alarms: &'a [Alarm],
    /// What is remembered, the oldest first.
    pub facts: &'a [Fact],
    /// How long an alarm is snoozed if nobody says for how long.
    pub snooze: Duration,
    /// What waits to be announced, reminders too, the soonest first.
    pub announcements: &'a [Announcement],
    /// Why nothing can wait to be announced, if so.
    pub no_announcing: Option<NoAnnouncing>,
    /// What was last answered in this conversation.
    pub last_reply: Option<&'a str>,
    /// The volume in percent.
    pub volume: u8,
}

/// Something to be done, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start a timer.
    StartTimer {
        /// What it is for, if that was said.
        name: Option<String>,
        /// From one second to seven days.
        length: Duration,
    },
    /// End these timers without ringing.
    CancelTimers(Vec<TimerId>),
    /// Let a timer ring later, or sooner where it is negative.
    ChangeTimer {
        /// Which.
        id: TimerId,
        /// By how much.
        by: SignedDuration,
    },
    /// Let these timers stand still.
    PauseTimers(Vec<TimerId>),
    /// Let these paused timers run on.
    ResumeTimers(Vec<TimerId>),
    /// Set an alarm.
    SetAlarm {
        /// What the clock shows then.
        time: Time,
        /// On which days.
        repeats: Repeats,
    },
    /// End these alarms for good.
    CancelAlarms(Vec<AlarmId>),
    /// Let an alarm not ring on a day.
    SkipAlarm {
        /// Which.
        id: AlarmId,
        /// The day.
        date: Date,
    },
    /// Let the alarms that ring be silent for so long.
    SnoozeAlarms(Duration),
    /// Set the volume, in percent of the loudest, from 0 to 100.
    SetVolume(u8),
    /// Remember this, in these words.
    Remember(String),
    /// Forget these facts.
    ForgetFacts(Vec<FactId>),
    /// Say this aloud.
    Announce {
        /// The words.
        text: String,
        /// When; a time of day never stands here.
        at: AnnounceAt,
    },
    /// Remind whoever asked of this.
    Remind {
        /// Of what, from its "to", "about" or "that" on.
        text: String,
        /// When.
        on: RemindOn,
    },
    /// Say these announcements or reminders no more.
    CancelAnnouncements(Vec<AnnouncementId>),
    /// Stop speaking, and whatever rings.
    Stop,
}

/// An answer, and what goes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fulfilment {
    /// What to say; empty where silence is the answer.
    pub reply: String,
    /// What to do.
    pub actions: Vec<Action>,
}

impl Fulfilment {
    pub(super) fn saying(reply: &str) -> Fulfilment {
        Fulfilment { reply: reply.to_owned(), actions: vec![] }
    }
}

/// Answers `intent`.
#[must_use]
pub fn fulfil(intent: &Intent, around: &Surroundings<'_>) -> Fulfilment {
    match intent {
        Intent::GetTime => Fulfilment::saying(&format!("It's {}.", spoken_date::time(around.now.time()))),
        Intent::GetDate(question) => Fulfilment::saying(&spoken_date::answer(*question, around.now)),
        Intent::StartTimer { name, length } => timer::start(name.as_deref(), *length),
        Intent::CancelTimer(reference) => timer::cancel(reference, around.timers),
        Intent::CancelAllTimers => timer::cancel_all(around.timers),
        Intent::ChangeTimer(reference, by) => timer::change(reference, *by, around.timers),
        Intent::PauseTimer(reference) => timer::pause(reference, true, around.timers),
        Intent::ResumeTimer(reference) => timer::pause(reference, false, around.timers),
        Intent::TimerStatus(reference) => timer::status(reference, around.timers),
        Intent::PickTimer(reference) => timer::pick(reference, around.timers, around.last_reply),
        Intent::SetAlarm { at, on, wakes } => alarm::set(*at, *on, *wakes, around.now, around.alarms),
        Intent::CancelAlarm(reference) => alarm::cancel(*reference, around.alarms, around.now.date()),
        Intent::ListAlarms => alarm::list(around.alarms, around.now.date()),
        Intent::SkipAlarm(reference) => alarm::skip(*reference, around.alarms, around.now.date()),
        Intent::Snooze(length) => alarm::snooze(*length, around.snooze, around.alarms, around.timers),
        Intent::SetVolume(percent) => set_volume(*percent),
        Intent::ChangeVolume(step) => change_volume(*step, around.volume),
        Intent::Mute => Fulfilment { reply: String::new(), actions: vec![Action::SetVolume(0)] },
        Intent::Unmute => unmute(around.volume),
        Intent::GetVolume => Fulfilment::saying(&format!("The volume is at {} percent.", around.volume)),
        Intent::Stop => stop(),
        Intent::Nevermind => memory::take_back(around.facts, around.last_reply).unwrap_or_else(stop),
        Intent::Remember { fact } => memory::remember(fact),
        Intent::ForgetFacts { about } => memory::forget(about.as_deref(), around.facts),
        Intent::RecallFacts { about } => memory::recall(about.as_deref(), around.facts),
        Intent::Announce { text, at } => {
            announcement::announce(text, *at, around.now, around.announcements, around.no_announcing)
        }
        Intent::ListAnnouncements => announcement::list(around.announcements, around.now),
        Intent::CancelAnnouncements { about } => announcement::cancel(about.as_deref(), around.announcements),
        Intent::Remind { text, at } => {
            reminder::remind(text.as_deref(), *at, around.now, around.announcements, around.no_announcing)
        }
        Intent::ListReminders => reminder::list(around.announcements, around.now),
        Intent::CancelReminders(reference) => reminder::cancel(reference, around.announcements, around.now),
        Intent::Repeat => Fulfilment::saying(match around.last_reply {
            Some(reply) if !reply.is_empty() => reply,
            _ => "I haven't said anything yet.",
        }),
        Intent::Help => Fulfilment::saying(HELP),
        Intent::Greet => Fulfilment::saying(greeting(around.now.hour())),
        Intent::Thank => Fulfilment::saying("You're welcome."),
        Intent::Farewell { night: true } => Fulfilment::saying("Good night."),
        Intent::Farewell { night: false } => Fulfilment::saying("Goodbye."),
        Intent::HowAreYou => Fulfilment::saying("I'm fine, thank you. What can I do for you?"),
        Intent::Calculate(arithmetic) => Fulfilment::saying(&calculate(arithmetic)),
        Intent::ConvertUnits { quantity, into } => Fulfilment::saying(&convert(quantity, *into)),
    }
}

const HELP: &str = "I can tell you the time and date, run timers, set alarms and reminders, make announcements, change the volume, do sums, convert units and \
                    remember what you tell me. Try: set a timer for 10 minutes.";

/// The volume after "unmute", since the one before is not known.
const UNMUTED: u8 = 50;

const TOO_LARGE: &str = "That's too large a number for me.";

fn stop() -> Fulfilment {
    Fulfilment { reply: String::new(), actions: vec![Action::Stop] }
}

fn greeting(hour: i8) -> &'static str {
    match hour {
        5..12 => "Good morning.",
        12..17 => "Good afternoon.",
        17..23 => "Good evening.",
        _ => "Hello.",
    }
}

fn set_volume(percent: u16) -> Fulfilment {
    match u8::try_from(percent) {
        Ok(percent @ 0..=100) => volume_at(percent),
        _ => Fulfilment::saying("The volume goes from 0 to 100 percent."),
    }
}

fn change_volume(step: i8, volume: u8) -> Fulfilment {
    let changed = volume.min(100).saturating_add_signed(step).min(100);
    match (step > 0, volume) {
        (true, 100..) => Fulfilment::saying("That's as loud as I can be."),
        (false, 0) => Fulfilment::saying("The volume is at 0 already."),
        _ => volume_at(changed),
    }
}

fn volume_at(percent: u8) -> Fulfilment {
    Fulfilment { reply: format!("Volume at {percent} percent."), actions: vec![Action::SetVolume(percent)] }
}

fn unmute(volume: u8) -> Fulfilment {
    if volume == 0 { volume_at(UNMUTED) } else { Fulfilment::saying(&format!("The volume is at {volume} percent.")) }
}

fn calculate(arithmetic: &Arithmetic) -> String {
    match arithmetic.evaluate() {
        Ok(value) => {
            let percent = if arithmetic.is_percentage() { " percent" } else { "" };
            format!("That's {}{percent}.", Numeral::of(value).phrase())
        }
        Err(Undefined::DivisionByZero) => "Nothing can be divided by zero.".to_owned(),
        Err(Undefined::RootOfNegative) => "A negative number has no real root.".to_owned(),
        Err(Undefined::TooLarge) => TOO_LARGE.to_owned(),
    }
}

fn convert(quantity: &Quantity, into: UnitName) -> String {
    let (from, to) = (quantity.dimension(), into.dimension());
    if from != to {
        let (from, to) = (from.noun(), to.noun());
        let (these, those) = (quantity.unit().name(2.0), into.name(2.0));
        let why = format!("{these} measure {from} and {those} measure {to}");
        return format!("{}, so I can't convert one into the other.", capitalised(&why));
    }
    let base = quantity.in_base();
    if to == Dimension::Temperature && base < 0.0 {
        return "That's below absolute zero.".to_owned();
    }
    let value = into.of_base(base);
    if !value.is_finite() {
        return TOO_LARGE.to_owned();
    }
    let numeral = match Numeral::of(value) {
        // Nobody feels a hundredth of a degree, and its figures are hard to follow.
        inexact if to == Dimension::Temperature && !inexact.exact => Numeral::rounded(value, 1),
        numeral => numeral,
    };
    let amount = if numeral.figures == "1" { 1.0 } else { 2.0 };
    capitalised(&format!("{} is {} {}.", quantity.phrase(), numeral.phrase(), into.name(amount)))
}
