//! Moments as people say them: "in ten minutes", "tomorrow evening at six", "every Monday at nine".

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time};

use super::super::alarm::{self, Days};
use super::super::clock_time::{self, ClockTime};
use super::super::day::{self, Day};
use super::super::duration;

/// When somebody wants to be reminded, as they said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemindAt {
    /// After so long.
    After(Duration),
    /// On a day, at a time; without the day, when the clock next shows it.
    Day(Option<Day>, TimeOfDay),
    /// At this local time.
    On(DateTime),
    /// On days of every week.
    Every(Days, TimeOfDay),
}

/// A time of day that was said, or what is meant where it was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeOfDay {
    /// At this time.
    At(ClockTime),
    /// "In the evening".
    Part(DayPart),
    /// Nothing was said.
    Unsaid,
}

/// A part of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayPart {
    /// Until noon.
    Morning,
    /// From noon.
    Afternoon,
    /// From six.
    Evening,
    /// From eight.
    Night,
}

/// When a reminder is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemindOn {
    /// After so long.
    After(Duration),
    /// At this local time.
    At(DateTime),
    /// At this time of day, on these days of every week.
    Every(Days, Time),
}

/// The parts of a description of a moment that were found so far.
#[derive(Clone, Copy, Default)]
struct Found {
    time: Option<ClockTime>,
    part: Option<DayPart>,
    day: Option<Day>,
    days: Option<Days>,
}

/// The moment that `words` describe, all of them.
pub(super) fn moment(words: &[&str]) -> Option<RemindAt> {
    if let ["in" | "after", length @ ..] | [length @ .., "from", "now"] = words
        && let Some(length) = duration::parse(length)
    {
        return Some(RemindAt::After(length));
    }
    let found = pieces(words, Found::default())?;
    let time = match (found.time, found.part) {
        (Some(at), Some(part)) if at.either_half => {
            let mut times = at.candidates();
            let time = if part == DayPart::Morning { times.next() } else { times.last() }?;
            TimeOfDay::At(ClockTime { time, either_half: false })
        }
        (Some(at), _) => TimeOfDay::At(at),
        (None, Some(part)) => TimeOfDay::Part(part),
        (None, None) => TimeOfDay::Unsaid,
    };
    match (found.day, found.days) {
        // "Today" alone says no more than that it has to be soon.
        (Some(Day::After(0)), None) if time == TimeOfDay::Unsaid => None,
        (day, None) => Some(RemindAt::Day(day, time)),
        (None, Some(days)) => Some(RemindAt::Every(days, time)),
        (Some(_), Some(_)) => None,
    }
}

fn pieces(words: &[&str], found: Found) -> Option<Found> {
    if words.is_empty() {
        return Some(found);
    }
    (1..=words.len()).rev().find_map(|length| pieces(&words[length..], piece(&words[..length], found)?))
}

/// `found` with what `words` say, if nothing said it before.
fn piece(words: &[&str], found: Found) -> Option<Found> {
    if found.part.is_none()
        && let Some(part) = part_of_day(words)
    {
        return Some(Found { part: Some(part), ..found });
    }
    if found.time.is_none()
        && let Some(time) = time_of_day(words)
    {
        return Some(Found { time: Some(time), ..found });
    }
    if found.days.is_none()
        && let Some(days) = repeating(words)
    {
        let part = match words.last() {
            Some(&"morning") => Some(DayPart::Morning),
            Some(&"evening") => Some(DayPart::Evening),
            Some(&"night") => Some(DayPart::Night),
            _ => found.part,
        };
        return Some(Found { days: Some(days), part, ..found });
    }
    let named = words.strip_prefix(&["on"]).or(words.strip_prefix(&["for"])).unwrap_or(words);
    let named = named.strip_prefix(&["next"]).unwrap_or(named);
    let day = day::parse(named).filter(|day| !matches!(day, Day::After(..0)))?;
    (found.day.is_none()).then_some(Found { day: Some(day), ..found })
}

fn part_of_day(words: &[&str]) -> Option<DayPart> {
    match words {
        ["tonight"] | ["at", "night"] | ["night"] => Some(DayPart::Night),
        ["in", "the", part] | ["this", part] | [part] => match *part {
            "morning" => Some(DayPart::Morning),
            "afternoon" => Some(DayPart::Afternoon),
            "evening" => Some(DayPart::Evening),
            _ => None,
        },
        _ => None,
    }
}

/// A time of day that can be nothing else: "at seven", "7 pm", "19:30", "noon". Any number could be one.
fn time_of_day(words: &[&str]) -> Option<ClockTime> {
    if let ["at" | "by" | "around", time @ ..] = words {
        return clock_time::parse(time);
    }
    let certain = matches!(words, ["noon" | "midday" | "midnight"])
        || words.iter().any(|word| word.contains(':') || matches!(*word, "am" | "pm" | "o'clock" | "oclock" | "clock"));
    certain.then(|| clock_time::parse(words)).flatten()
}

fn repeating(words: &[&str]) -> Option<Days> {
    match words {
        ["every" | "each" | "daily", ..] => alarm::parse_days(words),
        ["on", days @ ..] => alarm::parse_days(days),
        ["weekdays" | "weekends"] => alarm::parse_days(words),
        _ => None,
    }
}

impl DayPart {
    /// The time that is meant where only this was said.
    fn time(self) -> Time {
        match self {
            DayPart::Morning => MORNING,
            DayPart::Afternoon => Time::constant(15, 0, 0, 0),
            DayPart::Evening => Time::constant(18, 0, 0, 0),
            DayPart::Night => Time::constant(20, 0, 0, 0),
        }
    }
}

const MORNING: Time = Time::constant(9, 0, 0, 0);

/// Of a day on which a clock shows a time twice, people are awake at this half: from seven to seven.
fn waking(at: ClockTime) -> Time {
    let mut times = at.candidates();
    let early = at.time.hour() < 7;
    if at.either_half && early { times.last() } else { times.next() }.unwrap_or(at.time)
}

/// When that is, seen from `now`; `None` where the calendar ends.
pub(super) fn resolve(at: RemindAt, now: DateTime) -> Option<RemindOn> {
    let today = now.date();
    let later = |on: &DateTime| *on > now;
    match at {
        RemindAt::After(length) => Some(RemindOn::After(length)),
        RemindAt::On(on) => Some(RemindOn::At(on)),
        RemindAt::Every(days, time) => Some(RemindOn::Every(
            days,
            match time {
                TimeOfDay::At(at) => waking(at),
                TimeOfDay::Part(part) => part.time(),
                TimeOfDay::Unsaid => MORNING,
            },
        )),
        RemindAt::Day(None, time) => {
            let times: Vec<Time> = match time {
                TimeOfDay::At(at) => at.candidates().collect(),
                TimeOfDay::Part(part) => vec![part.time()],
                TimeOfDay::Unsaid => vec![MORNING],
            };
            let days = [Some(today), today.tomorrow().ok()].into_iter().flatten();
            days.flat_map(|date| times.iter().map(move |time| date.to_datetime(*time))).find(later).map(RemindOn::At)
        }
        RemindAt::Day(Some(day), time) => {
            let on = |date: Date| match time {
                TimeOfDay::At(at) if date == today => {
                    let mut times = at.candidates().map(|time| date.to_datetime(time));
                    times.find(later).unwrap_or_else(|| date.to_datetime(waking(at)))
                }
                TimeOfDay::At(at) => date.to_datetime(waking(at)),
                TimeOfDay::Part(part) => date.to_datetime(part.time()),
                TimeOfDay::Unsaid => date.to_datetime(MORNING),
            };
            let first = on(day.resolve(today)?);
            // Said on a Friday evening, Friday morning is a week away.
            let next_week = matches!(day, Day::Weekday(_)) && !later(&first);
            Some(RemindOn::At(if next_week { first.checked_add(7.days()).ok()? } else { first }))
        }
    }
}

/// A time of day without "at".
pub(super) fn clock(words: &[&str]) -> Option<RemindAt> {
    Some(RemindAt::Day(None, TimeOfDay::At(clock_time::parse(words)?)))
}
