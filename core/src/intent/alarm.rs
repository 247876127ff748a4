//! Alarms: when each rings next, by the clock on the wall, and what is said about them. They are kept elsewhere.
//!
//! An alarm is kept by its local time of day, and becomes an instant only when it is looked at. So it is right in whatever zone the
//! device is and whatever its clocks do: a time that they skip rings as much later, and of one that comes twice the first counts.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::clock_time::ClockTime;
use super::day::{self, Day};
use super::fulfil::{Action, Fulfilment};
use super::timer::{self, Timer, TimerReference};
use super::{duration, spoken_date};

/// Names an alarm to whoever keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlarmId(pub i64);

/// Days of the week, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(u8);

impl Days {
    const ALL: Days = Days(0b111_1111);
    const WORKING: Days = Days(0b001_1111);
    const WEEKEND: Days = Days(0b110_0000);

    /// By bits, the lowest for Monday; `None` for no day at all.
    #[must_use]
    pub fn from_bits(bits: u8) -> Option<Days> {
        (1..=Days::ALL.0).contains(&bits).then_some(Days(bits))
    }

    /// The bits, the lowest for Monday.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The days that a text names: "weekdays", "Mondays and Fridays", "every day".
    #[must_use]
    pub fn named(text: &str) -> Option<Days> {
        let text = text.to_lowercase().replace(',', " ");
        parse_days(&text.split_whitespace().collect::<Vec<_>>())
    }

    fn of(weekday: Weekday) -> Days {
        Days(1 << weekday.to_monday_zero_offset())
    }

    fn has(self, weekday: Weekday) -> bool {
        self.0 & Days::of(weekday).0 != 0
    }

    /// When the clock of `zone` next shows `time` after `now` on one of these days.
    #[must_use]
    pub fn next(self, time: Time, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let repeats = Repeats::Weekly(self);
        AlarmSchedule { time, repeats, skip: None, over_to: now, snoozed_until: None }.next(now, zone)
    }

    /// "every day", "on weekdays", "on Mondays and Fridays".
    pub(super) fn phrase(self) -> String {
        match self {
            Days::ALL => "every day".to_owned(),
            Days::WORKING => "on weekdays".to_owned(),
            Days::WEEKEND => "on weekends".to_owned(),
            days => {
                let weekdays = (0..7).filter_map(|day| Weekday::from_monday_zero_offset(day).ok());
                let names: Vec<String> = weekdays
                    .filter(|weekday| days.has(*weekday))
                    .map(|weekday| format!("{}s", day::weekday_name(weekday)))
                    .collect();
                format!("on {}", timer::list(&names, "and"))
            }
        }
    }
}

/// The days on which something repeats that `words` name, all of them: "weekdays", "every monday", "saturdays and sundays".
pub(super) fn parse_days(words: &[&str]) -> Option<Days> {
    match words {
        ["weekdays"] | ["every" | "each", "weekday"] | ["working", "days"] => return Some(Days::WORKING),
        ["weekends"] | ["the", "weekend" | "weekends"] | ["every", "weekend"] => return Some(Days::WEEKEND),
        ["daily"] | ["every" | "each", "day" | "morning" | "evening" | "night"] => return Some(Days::ALL),
        _ => {}
    }
    let every = matches!(words.first(), Some(&("every" | "each")));
    let names: Vec<&str> =
        words.iter().copied().filter(|word| !matches!(*word, "and" | "every" | "each" | "on")).collect();
    let weekday = |name: &str| match day::parse(&[name.strip_suffix('s').unwrap_or(name)]) {
        Some(Day::Weekday(weekday)) => Some(weekday),
        _ => None,
    };
    if let [first, "to" | "through" | "till" | "until", last] = names[..] {
        let (first, last) = (weekday(first)?, weekday(last)?);
        let span = 0..=first.until(last);
        return Days::from_bits(
            span.map(|ahead| Days::of(first.wrapping_add(i64::from(ahead))).0).fold(0, |all, day| all | day),
        );
    }
    let bits = names.iter().map(|name| weekday(name).map(|weekday| Days::of(weekday).0));
    let bits = bits.collect::<Option<Vec<u8>>>()?;
    // "On Monday" alone is the next Monday.
    let repeats = every || bits.len() > 1 || names.iter().all(|name| name.ends_with('s'));
    Days::from_bits(bits.iter().fold(0, |all, day| all | day)).filter(|_| repeats)
}

/// On which days an alarm rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// On this date.
    Once(Date),
    /// On these days of every week.
    Weekly(Days),
}

/// The longest that an alarm can be snoozed.
const LONGEST_SNOOZE: Duration = Duration::from_hours(3);

/// When an alarm rings, and what of that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmSchedule {
    /// What the clock shows then.
    pub time: Time,
    /// On which days.
    pub repeats: Repeats,
    /// Not on this date.
    pub skip: Option<Date>,
    /// What was to ring by then is over.
    pub over_to: Timestamp,
    /// It was snoozed, and rings again then.
    pub snoozed_until: Option<Timestamp>,
}

impl AlarmSchedule {
    /// When it rings next after `now`, on the clock there.
    #[must_use]
    pub fn next(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let regular = self.after(self.begin(now).max(now), zone);
        [self.snoozed_until, regular].into_iter().flatten().min()
    }

    /// Since when it ought to ring: the last time that it had to by `now`, if that is not over.
    #[must_use]
    pub fn due(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        // One that is farther off than any is snoozed for was so before the clock was set back.
        if let Some(until) = self.snoozed_until
            && (until <= now || until > now.saturating_add(LONGEST_SNOOZE).unwrap_or(now))
        {
            return Some(until.min(now));
        }
        let begin = match self.repeats {
            Repeats::Once(_) => self.begin(now),
            // Of a week all that repeats has rung, and only the last time matters.
            Repeats::Weekly(_) => self.begin(now).max(now.saturating_sub(Duration::from_hours(24 * 15)).unwrap_or(now)),
        };
        std::iter::successors(self.after(begin, zone), |last| self.after(*last, zone))
            .take_while(|at| *at <= now)
            .last()
    }

    /// Whether it never rings again.
    #[must_use]
    pub fn is_over(&self, zone: &TimeZone) -> bool {
        self.snoozed_until.is_none() && self.after(self.over_to, zone).is_none()
    }

    /// What is over lies in the past, unless the clock was set back since. Within a day nothing rings twice for that.
    fn begin(&self, now: Timestamp) -> Timestamp {
        let tomorrow = now.saturating_add(Duration::from_hours(24)).unwrap_or(now);
        if self.over_to > tomorrow { now } else { self.over_to }
    }

    /// The first time after `after`.
    fn after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let instant = |date: Date| Some(date.to_datetime(self.time).to_zoned(zone.clone()).ok()?.timestamp());
        match self.repeats {
            Repeats::Once(date) => instant(date).filter(|at| *at > after && self.skip != Some(date)),
            Repeats::Weekly(days) => {
                let first = after.to_zoned(zone.clone()).date().yesterday().ok()?;
                // A week, one that is skipped, and one more for whatever calendars do.
                first
                    .series(1.day())
                    .take(22)
                    .filter(|date| days.has(date.weekday()) && self.skip != Some(*date))
                    .find_map(|date| instant(date).filter(|at| *at > after))
            }
        }
    }
}

/// An alarm that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its identity.
    pub id: AlarmId,
    /// What the clock shows when it rings.
    pub time: Time,
    /// On which days.
    pub repeats: Repeats,
    /// When it rings next, in local time.
    pub next: Option<DateTime>,
    /// Whether it rings now.
    pub ringing: bool,
}

/// The days that somebody gave for an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmDay {
    /// None: the next time that the clock shows it.
    Next,
    /// One day.
    On(Day),
    /// Days of every week.
    Every(Days),
}

/// How somebody spoke of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmReference {
    /// "The alarm".
    Any,
    /// "All alarms".
    All,
    /// "The seven o'clock alarm".
    At(ClockTime),
    /// "Tomorrow's alarm".
    On(Day),
}

impl AlarmReference {
    fn among(self, alarms: &[Alarm], today: Date) -> Vec<&Alarm> {
        let meant = |alarm: &&Alarm| match self {
            AlarmReference::Any | AlarmReference::All => true,
            AlarmReference::At(at) => at.candidates().any(|time| time == alarm.time),
            AlarmReference::On(day) => {
                day.resolve(today).is_some_and(|date| alarm.next.is_some_and(|next| next.date() == date))
            }
        };
        alarms.iter().filter(meant).collect()
    }
}

/// So many alarms may be set at once.
const MOST_ALARMS: usize = 50;

/// Sets an alarm; `wakes` if it is to wake somebody, which hardly anybody wants in the evening.
pub(super) fn set(at: Option<ClockTime>, on: AlarmDay, wakes: bool, now: DateTime, alarms: &[Alarm]) -> Fulfilment {
    let Some(at) = at else {
        return Fulfilment::saying("For when? Say, for example, set an alarm for 7 in the morning.");
    };
    if alarms.len() >= MOST_ALARMS {
        return Fulfilment::saying("You have too many alarms already.");
    }
    let mut times = at.candidates().take(if wakes { 1 } else { 2 });
    let (today, later) = (now.date(), |on: &DateTime| *on > now);
    let next = match on {
        AlarmDay::Every(days) => {
            // Of the hours that are in both halves of the day, twelve is noon.
            let time = at.candidates().last().filter(|time| time.hour() == 12).unwrap_or(at.time);
            let reply = format!("Alarm set for {} {}.", spoken_date::time(time), days.phrase());
            return Fulfilment { reply, actions: vec![Action::SetAlarm { time, repeats: Repeats::Weekly(days) }] };
        }
        AlarmDay::On(day) => {
            let date = day.resolve(today);
            date.and_then(|date| times.map(|time| date.to_datetime(time)).find(later))
        }
        AlarmDay::Next => {
            let tomorrow = today.tomorrow().ok();
            let times: Vec<Time> = times.by_ref().collect();
            let days = [Some(today), tomorrow].into_iter().flatten();
            days.flat_map(|date| times.iter().map(move |time| date.to_datetime(*time))).find(later)
        }
    };
    let Some(next) = next else { return Fulfilment::saying("That time has passed.") };
    let repeats = Repeats::Once(next.date());
    Fulfilment {
        reply: format!("Alarm set for {}.", moment(next, today)),
        actions: vec![Action::SetAlarm { time: next.time(), repeats }],
    }
}

pub(super) fn list(alarms: &[Alarm], today: Date) -> Fulfilment {
    let each: Vec<String> = alarms.iter().map(|alarm| described(alarm, today)).collect();
    Fulfilment::saying(&match &each[..] {
        [] => NO_ALARMS.to_owned(),
        [only] => format!("You have one alarm: {only}."),
        several => format!("You have {} alarms: {}.", several.len(), timer::list(several, "and")),
    })
}

pub(super) fn cancel(reference: AlarmReference, alarms: &[Alarm], today: Date) -> Fulfilment {
    // Whoever wants it off in the morning wants to hear it again the next.
    if reference == AlarmReference::Any && alarms.iter().any(|alarm| alarm.ringing) {
        return Fulfilment { reply: String::new(), actions: vec![Action::Stop] };
    }
    let meant = reference.among(alarms, today);
    let reply = match &meant[..] {
        [] => return Fulfilment::saying(&none_of(alarms, today)),
        [alarm] => format!("The alarm for {} is cancelled.", described(alarm, today)),
        several if reference != AlarmReference::All => {
            let each: Vec<String> = several.iter().map(|alarm| described(alarm, today)).collect();
            return Fulfilment::saying(&format!("Which one? You have alarms for {}.", timer::list(&each, "and")));
        }
        several => format!("All {} alarms cancelled.", several.len()),
    };
    Fulfilment { reply, actions: vec![Action::CancelAlarms(meant.iter().map(|alarm| alarm.id).collect())] }
}

pub(super) fn skip(reference: AlarmReference, alarms: &[Alarm], today: Date) -> Fulfilment {
    let meant = reference.among(alarms, today).into_iter();
    let Some((next, alarm)) = meant.filter_map(|alarm| Some((alarm.next?, alarm))).min_by_key(|(next, _)| *next) else {
        return Fulfilment::saying(&none_of(alarms, today));
    };
    let action = match alarm.repeats {
        Repeats::Once(_) => Action::CancelAlarms(vec![alarm.id]),
        Repeats::Weekly(_) => Action::SkipAlarm { id: alarm.id, date: next.date() },
    };
    Fulfilment { reply: format!("I'll skip the alarm for {}.", moment(next, today)), actions: vec![action] }
}

/// "Five more minutes" lets what rings ring later; where nothing rings, a timer.
pub(super) fn snooze(length: Option<Duration>, usual: Duration, alarms: &[Alarm], timers: &[Timer]) -> Fulfilment {
    if !alarms.iter().any(|alarm| alarm.ringing) {
        return match length.and_then(|length| jiff::SignedDuration::try_from(length).ok()) {
            Some(by) if !timers.is_empty() => timer::change(&TimerReference::Any, by, timers),
            _ => Fulfilment::saying("No alarm is ringing."),
        };
    }
    let length = length.unwrap_or(usual);
    if length < Duration::from_secs(1) || length > LONGEST_SNOOZE {
        return Fulfilment::saying("I can snooze for up to 3 hours.");
    }
    Fulfilment {
        reply: format!("I'll ring again in {}.", duration::phrase(length)),
        actions: vec![Action::SnoozeAlarms(length)],
    }
}

const NO_ALARMS: &str = "You have no alarms set.";

/// What is said when an alarm rings, `late` after it was to.
#[must_use]
pub fn ring_alarm(time: Time, late: Duration) -> String {
    let time = spoken_date::time(time);
    if late < timer::LATE {
        return format!("It's {time}. This is your alarm.");
    }
    format!("This is your alarm for {time}, {} late.", duration::lateness(late))
}

/// What is said of an alarm that could not ring in time.
#[must_use]
pub fn missed_alarm(time: Time, late: Duration) -> String {
    let time = spoken_date::time(time);
    format!("I missed your alarm for {time}. It was due {} ago, while I was off.", duration::lateness(late))
}

fn none_of(alarms: &[Alarm], today: Date) -> String {
    if alarms.is_empty() {
        return NO_ALARMS.to_owned();
    }
    let each: Vec<String> = alarms.iter().map(|alarm| described(alarm, today)).collect();
    format!("You have no such alarm, only {}.", timer::list(&each, "and"))
}

/// "7 AM on weekdays", "tomorrow at 7 AM".
fn described(alarm: &Alarm, today: Date) -> String {
    match alarm.repeats {
        Repeats::Once(date) => moment(date.to_datetime(alarm.time), today),
        Repeats::Weekly(days) => format!("{} {}", spoken_date::time(alarm.time), days.phrase()),
    }
}

/// "today at 6 PM", "tomorrow at 6 PM", "Friday, March 6th at noon".
fn moment(at: DateTime, today: Date) -> String {
    let time = spoken_date::time(at.time());
    match at.date() {
        date if date == today => format!("today at {time}"),
        date if today.tomorrow().is_ok_and(|tomorrow| date == tomorrow) => format!("tomorrow at {time}"),
        date => format!("{} at {time}", spoken_date::weekday_and_day(date)),
    }
}
