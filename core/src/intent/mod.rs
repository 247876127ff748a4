//! Requests that are understood and answered without an LLM: what was said becomes an [`Intent`], an intent becomes a
//! [`Fulfilment`]. No sentence is matched by code and no reply is made by the catalogue; nothing here does what a
//! fulfilment asks for.
//!
//! ```text
//! utterance -> normalise -> sentence (template + slots) -> Intent -> fulfil -> reply and actions
//! ```

mod alarm;
mod announcement;
mod arithmetic;
mod catalogue;
mod clock_time;
mod day;
mod duration;
mod fulfil;
pub mod hassil;
mod home;
mod memory;
mod near;
mod normalise;
mod number;
mod numeral;
mod quantity;
mod reminder;
mod sentence;
mod several;
mod slot;
mod spoken_date;
mod template;
mod timer;
mod unit;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::SignedDuration;

pub use alarm::{Alarm, AlarmDay, AlarmId, AlarmReference, AlarmSchedule, Days, Repeats, missed_alarm, ring_alarm};
pub use announcement::{AnnounceAt, Announcement, AnnouncementId, NoAnnouncing, proclaim};
pub use arithmetic::Arithmetic;
pub use catalogue::Catalogue;
pub use clock_time::ClockTime;
pub use day::Day;
pub use fulfil::{Action, Fulfilment, Surroundings, fulfil};
pub use home::{HomeSentences, Understanding};
pub use memory::{Fact, FactId, answer_from_facts};
pub use quantity::Quantity;
pub use reminder::{DayPart, RemindAt, RemindOn, ReminderReference, TimeOfDay, answer_to, remind_aloud};
pub use several::{carried_on, in_parts, with_shared_end};
pub use timer::{Timer, TimerId, TimerReference, ring};
pub use unit::UnitName;

/// What somebody wants, with everything that they said about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// The time of day here.
    GetTime,
    /// Something about a date.
    GetDate(DateQuestion),
    /// A new timer; without a length, the reply asks for it.
    StartTimer {
        /// What it is for, if that was said.
        name: Option<String>,
        /// How long it is to run; [`Duration::MAX`] where no timer can be that long.
        length: Option<Duration>,
    },
    /// An end to one timer.
    CancelTimer(TimerReference),
    /// An end to every timer.
    CancelAllTimers,
    /// More time for one timer, or less where it is negative.
    ChangeTimer(TimerReference, SignedDuration),
    /// Timers are to stand still.
    PauseTimer(TimerReference),
    /// Paused timers are to run on.
    ResumeTimer(TimerReference),
    /// How long one timer has left, or which timers there are.
    TimerStatus(TimerReference),
    /// A timer's name and nothing else: the answer to "Which one should I cancel?".
    PickTimer(TimerReference),
    /// A new alarm; without a time, the reply asks for it.
    SetAlarm {
        /// What the clock is to show.
        at: Option<ClockTime>,
        /// On which day, or days.
        on: AlarmDay,
        /// Whether somebody is to be woken by it.
        wakes: bool,
    },
    /// An end to alarms, or to their ringing.
    CancelAlarm(AlarmReference),
    /// Which alarms are set.
    ListAlarms,
    /// An alarm is not to ring the next time.
    SkipAlarm(AlarmReference),
    /// What rings is to ring again later, after so long if that was said.
    Snooze(Option<Duration>),
    /// The volume to set, in percent; what is over 100 was asked for all the same.
    SetVolume(u16),
    /// Louder by so many percent, or quieter if negative.
    ChangeVolume(i8),
    /// Silence until further notice.
    Mute,
    /// An end to the silence.
    Unmute,
    /// How loud it is.
    GetVolume,
    /// Be quiet now.
    Stop,
    /// Forget the request.
    Nevermind,
    /// Say the last reply again.
    Repeat,
    /// Something to remember, in the person's own words.
    Remember {
        /// The words.
        fact: String,
    },
    /// What was to be remembered is to be forgotten.
    ForgetFacts {
        /// What it is about; nothing where everything is meant.
        about: Option<String>,
    },
    /// What is remembered.
    RecallFacts {
        /// What it is about; nothing where everything is meant.
        about: Option<String>,
    },
    /// Something to be said aloud.
    Announce {
        /// The words.
        text: String,
        /// When.
        at: AnnounceAt,
    },
    /// Which announcements wait.
    ListAnnouncements,
    /// An end to announcements before they are made.
    CancelAnnouncements {
        /// What they are about; nothing where all are meant.
        about: Option<String>,
    },
    /// Somebody wants to be reminded of something; where one of the two is missing, the reply asks for it.
    Remind {
        /// Of what, from its "to", "about" or "that" on.
        text: Option<String>,
        /// When.
        at: Option<RemindAt>,
    },
    /// Of what somebody is to be reminded, and when.
    ListReminders,
    /// An end to reminders.
    CancelReminders(ReminderReference),
    /// What can be asked for.
    Help,
    /// "Hello".
    Greet,
    /// "Thank you".
    Thank,
    /// "Goodbye".
    Farewell {
        /// Whether it was "good night".
        night: bool,
    },
    /// "How are you?"
    HowAreYou,
    /// The value of a sum.
    Calculate(Arithmetic),
    /// An amount in another unit.
    ConvertUnits {
        /// How much of what.
        quantity: Quantity,
        /// The unit to give it in.
        into: UnitName,
    },
}

/// What is asked about a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateQuestion {
    /// Which date and weekday the day is.
    Date(Day),
    /// Whether today is this weekday.
    IsToday(jiff::civil::Weekday),
    /// How many days it is until the day.
    DaysUntil(Day),
    /// Today's date, and the time.
    DateAndTime,
    /// The month that it is.
    Month,
    /// The year that it is.
    Year,
}

impl Intent {
    /// Whether it asks that something be done, and not only told.
    #[must_use]
    pub fn is_deed(&self) -> bool {
        match self {
            Intent::StartTimer { .. }
            | Intent::CancelTimer(_)
            | Intent::CancelAllTimers
            | Intent::ChangeTimer(..)
            | Intent::PauseTimer(_)
            | Intent::ResumeTimer(_)
            | Intent::PickTimer(_)
            | Intent::SetAlarm { .. }
            | Intent::CancelAlarm(_)
            | Intent::SkipAlarm(_)
            | Intent::Snooze(_)
            | Intent::SetVolume(_)
            | Intent::ChangeVolume(_)
            | Intent::Mute
            | Intent::Unmute
            | Intent::Stop
            | Intent::Nevermind
            | Intent::Remember { .. }
            | Intent::ForgetFacts { .. }
            | Intent::Announce { .. }
            | Intent::CancelAnnouncements { .. }
            | Intent::Remind { .. }
            | Intent::CancelReminders(_) => true,
            Intent::GetTime
            | Intent::GetDate(_)
            | Intent::TimerStatus(_)
            | Intent::ListAlarms
            | Intent::GetVolume
            | Intent::Repeat
            | Intent::RecallFacts { .. }
            | Intent::ListAnnouncements
            | Intent::ListReminders
            | Intent::Help
            | Intent::Greet
            | Intent::Thank
            | Intent::Farewell { .. }
            | Intent::HowAreYou
            | Intent::Calculate(_)
            | Intent::ConvertUnits { .. } => false,
        }
    }

    /// The intent's name: Home Assistant's where it has one, else one in the same style.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Intent::GetTime => "HassGetCurrentTime",
            Intent::GetDate(_) => "HassGetCurrentDate",
            Intent::StartTimer { .. } => "HassStartTimer",
            Intent::CancelTimer(_) => "HassCancelTimer",
            Intent::CancelAllTimers => "HassCancelAllTimers",
            Intent::ChangeTimer(_, by) if by.is_negative() => "HassDecreaseTimer",
            Intent::ChangeTimer(..) => "HassIncreaseTimer",
            Intent::PauseTimer(_) => "HassPauseTimer",
            Intent::ResumeTimer(_) => "HassUnpauseTimer",
            Intent::TimerStatus(_) => "HassTimerStatus",
            Intent::PickTimer(_) => "PickTimer",
            // Home Assistant has none for alarms.
            Intent::SetAlarm { .. } => "SetAlarm",
            Intent::CancelAlarm(_) => "CancelAlarm",
            Intent::ListAlarms => "ListAlarms",
            Intent::SkipAlarm(_) => "SkipAlarm",
            Intent::Snooze(_) => "Snooze",
            Intent::SetVolume(_) => "HassSetVolume",
            Intent::ChangeVolume(_) => "HassSetVolumeRelative",
            Intent::Mute => "HassMediaPlayerMute",
            Intent::Unmute => "HassMediaPlayerUnmute",
            Intent::GetVolume => "GetVolume",
            Intent::Stop => "Stop",
            Intent::Nevermind => "HassNevermind",
            Intent::Repeat => "Repeat",
            Intent::Remember { .. } => "Remember",
            Intent::ForgetFacts { .. } => "ForgetFacts",
            Intent::RecallFacts { .. } => "RecallFacts",
            // What Home Assistant broadcasts, it says on its other satellites.
            Intent::Announce { .. } => "Announce",
            Intent::ListAnnouncements => "ListAnnouncements",
            Intent::CancelAnnouncements { .. } => "CancelAnnouncements",
            Intent::Remind { .. } => "Remind",
            Intent::ListReminders => "ListReminders",
            Intent::CancelReminders(_) => "CancelReminders",
            Intent::Help => "Help",
            Intent::Greet => "Greet",
            Intent::Thank => "Thank",
            Intent::Farewell { .. } => "Farewell",
            Intent::HowAreYou => "HowAreYou",
            Intent::Calculate(_) => "Calculate",
            Intent::ConvertUnits { .. } => "ConvertUnits",
        }
    }
}
