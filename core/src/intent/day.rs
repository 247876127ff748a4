//! Days as people name them: "tomorrow", "friday", "the third of march", "christmas".

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::number::parse_ordinal;

/// A day relative to today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// So many days after today.
    After(i8),
    /// The next day with this name; today if it has it.
    Weekday(Weekday),
    /// The next day with this number in its month; today if it has it.
    Monthly(i8),
    /// The next time that the calendar shows this; today if it does.
    Annual {
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
        /// What the day is called, if it was not asked for by its date.
        name: Option<&'static str>,
    },
    /// The next Easter Sunday of the Gregorian calendar; today if it is.
    Easter,
}

impl Day {
    /// The date meant on the day `today`; `None` only where the calendar ends.
    pub(super) fn resolve(self, today: Date) -> Option<Date> {
        match self {
            Day::After(days) => today.checked_add(i32::from(days).days()).ok(),
            Day::Weekday(weekday) => {
                let days = today.weekday().until(weekday);
                today.checked_add(i32::from(days).days()).ok()
            }
            // The 29th of February is at most eight years away.
            Day::Annual { month, day, .. } => next_of(today, |year| Date::new(year, month, day).ok()),
            Day::Monthly(day) => {
                let months = (0..=2).filter_map(|ahead| today.first_of_month().checked_add(ahead.months()).ok());
                months.filter_map(|first| first.with().day(day).build().ok()).find(|date| *date >= today)
            }
            Day::Easter => next_of(today, easter),
        }
    }

    /// What a reply calls it: "tomorrow", "Friday", "Christmas"; `None` for a plain date.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Day::After(0) => Some("today"),
            Day::After(1) => Some("tomorrow"),
            Day::After(-1) => Some("yesterday"),
            Day::After(2) => Some("the day after tomorrow"),
            Day::After(-2) => Some("the day before yesterday"),
            Day::After(_) | Day::Monthly(_) => None,
            Day::Weekday(weekday) => Some(weekday_name(weekday)),
            Day::Annual { name, .. } => name,
            Day::Easter => Some("Easter"),
        }
    }
}

/// The day that `words` name, all of them.
pub(super) fn parse(words: &[&str]) -> Option<Day> {
    match words {
        ["today"] => Some(Day::After(0)),
        ["tomorrow" | "tomorrow's"] => Some(Day::After(1)),
        ["yesterday" | "yesterday's"] => Some(Day::After(-1)),
        ["the", "day", "after", "tomorrow"] => Some(Day::After(2)),
        ["the", "day", "before", "yesterday"] => Some(Day::After(-2)),
        [name] | ["this" | "on", name] if weekday(name).is_some() => weekday(name).map(Day::Weekday),
        _ => holiday(words).or_else(|| annual(words)).or_else(|| monthly(words)),
    }
}

/// The weekday that the catalogue gives by its number, from 1 for Monday.
pub(super) fn weekday_numbered(number: f64) -> Option<Weekday> {
    (1..=7).find(|day| f64::from(*day) == number).and_then(|day| Weekday::from_monday_one_offset(day).ok())
}

fn weekday(name: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|weekday| weekday_name(**weekday).eq_ignore_ascii_case(name)).copied()
}

/// "Monday" to "Sunday".
pub(super) fn weekday_name(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

/// "January" to "December"; `month` counts from 1.
pub(super) fn month_name(month: i8) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or("this month")
}

const WEEKDAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn holiday(words: &[&str]) -> Option<Day> {
    let (month, day, name) = match words {
        ["christmas"] | ["christmas", "day"] => (12, 25, "Christmas"),
        ["christmas", "eve"] => (12, 24, "Christmas Eve"),
        ["boxing", "day"] => (12, 26, "Boxing Day"),
        ["new", "year" | "year's" | "years"] | ["new", "year's" | "years", "day"] | ["the", "new", "year"] => {
            (1, 1, "New Year's Day")
        }
        ["new", "year's" | "years", "eve"] => (12, 31, "New Year's Eve"),
        ["halloween"] => (10, 31, "Halloween"),
        ["valentine's" | "valentines", "day"] | ["valentine's" | "valentines"] => (2, 14, "Valentine's Day"),
        ["saint" | "st", "patrick's", "day"] => (3, 17, "Saint Patrick's Day"),
        ["easter"] | ["easter", "sunday"] => return Some(Day::Easter),
        _ => return None,
    };
    Some(Day::Annual { month, day, name: Some(name) })
}

/// "the third of march", "march the third", "march 3", "3rd march".
fn annual(words: &[&str]) -> Option<Day> {
    let words = words.strip_prefix(&["the"]).unwrap_or(words);
    let (month, day) = match words {
        [month, "the", day @ ..] if is_month(month) => (month, day),
        [month, day @ ..] if is_month(month) => (month, day),
        [day @ .., "of", month] | [day @ .., month] => (month, day),
        [] => return None,
    };
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let month = i8::try_from(month + 1).ok()?;
    let day = cardinal_or_ordinal(day)?;
    // A leap year has every day of the calendar.
    Date::new(2024, month, day).ok()?;
    Some(Day::Annual { month, day, name: None })
}

/// "the twelfth".
fn monthly(words: &[&str]) -> Option<Day> {
    let ordinal = parse_ordinal(words.strip_prefix(&["the"])?)?;
    i8::try_from(ordinal).ok().filter(|day| (1..=31).contains(day)).map(Day::Monthly)
}

fn is_month(word: &str) -> bool {
    MONTHS.iter().any(|name| name.eq_ignore_ascii_case(word))
}

fn cardinal_or_ordinal(words: &[&str]) -> Option<i8> {
    let ordinal = parse_ordinal(words);
    let number = ordinal.map(f64::from).or_else(|| super::number::parse_number(words))?;
    (1..=31).find(|day| f64::from(*day) == number)
}

/// The first date on or after `today` among those that `in_year` gives for the years to come.
fn next_of(today: Date, in_year: impl Fn(i16) -> Option<Date>) -> Option<Date> {
    (today.year()..=today.year().saturating_add(8)).filter_map(in_year).find(|date| *date >= today)
}

/// Easter Sunday by the anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i16) -> Option<Date> {
    let year = i32::from(year);
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let moon = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - moon - of_century % 4) % 7;
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let day_of_march = moon + weekday - 7 * late + 22;
    let (month, day) = if day_of_march > 31 { (4, day_of_march - 31) } else { (3, day_of_march) };
    Date::new(i16::try_from(year).ok()?, month, i8::try_from(day).ok()?).ok()
}
