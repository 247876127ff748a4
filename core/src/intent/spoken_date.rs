//! Times of day and dates as a reply writes them: "4:30 PM", "Saturday, March 1st, 2025".

use jiff::civil::{Date, DateTime, Time};

use super::DateQuestion;
use super::day::{Day, month_name, weekday_name};
use super::timer::capitalised;

/// "4:30 PM", "4 PM", "noon".
pub(super) fn time(time: Time) -> String {
    let half = if time.hour() < 12 { "AM" } else { "PM" };
    let hour = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    match (time.hour(), time.minute()) {
        (0, 0) => "midnight".to_owned(),
        (12, 0) => "noon".to_owned(),
        (_, 0) => format!("{hour} {half}"),
        (_, minute) => format!("{hour}:{minute:02} {half}"),
    }
}

/// The answer to `question` at the local time `now`.
pub(super) fn answer(question: DateQuestion, now: DateTime) -> String {
    let today = now.date();
    match question {
        DateQuestion::DateAndTime => {
            let weekday = weekday_name(today.weekday());
            format!("It's {} on {weekday}, {}, {}.", time(now.time()), month_and_day(today), today.year())
        }
        DateQuestion::Month => format!("It's {}.", month_name(today.month())),
        DateQuestion::Year => format!("It's {}.", today.year()),
        DateQuestion::IsToday(weekday) => {
            let is = if weekday == today.weekday() { "Yes" } else { "No" };
            format!("{is}, it's {}.", weekday_name(today.weekday()))
        }
        DateQuestion::Date(day) => match day.resolve(today) {
            Some(date) => which_date(day, date, today),
            None => BEYOND.to_owned(),
        },
        DateQuestion::DaysUntil(day) => match day.resolve(today) {
            Some(date) => days_until(day, date, today),
            None => BEYOND.to_owned(),
        },
    }
}

const BEYOND: &str = "That's beyond my calendar.";

fn which_date(day: Day, date: Date, today: Date) -> String {
    let weekday = weekday_name(date.weekday());
    let in_year = month_and_day(date);
    match day {
        Day::After(0) => format!("It's {weekday}, {in_year}, {}.", date.year()),
        Day::After(-1 | -2) => format!("{} was {weekday}, {in_year}.", capital_name(day)),
        Day::After(_) => format!("{} is {weekday}, {in_year}.", capital_name(day)),
        Day::Weekday(_) if date == today => format!("It's {weekday} today, {in_year}."),
        Day::Weekday(_) => format!("{weekday} is {in_year}."),
        Day::Monthly(_) | Day::Annual { name: None, .. } => format!("{in_year}, {}, is a {weekday}.", date.year()),
        Day::Annual { .. } | Day::Easter => {
            format!("{} is on {weekday}, {in_year}, {}.", capital_name(day), date.year())
        }
    }
}

fn days_until(day: Day, date: Date, today: Date) -> String {
    let named = day.name().map_or_else(|| month_and_day(date), str::to_owned);
    // Dates are whole days apart, so the span has no smaller unit.
    let days = today.until(date).map_or(0, |span| span.get_days());
    match days {
        ..0 => format!("{} is over.", capital_name(day)),
        0 => "That's today.".to_owned(),
        1 if day == Day::After(1) => "That's 1 day.".to_owned(),
        1 => "That's tomorrow, in 1 day.".to_owned(),
        days => format!("It's {days} days until {named}."),
    }
}

/// "March 1st".
pub(super) fn weekday_and_day(date: Date) -> String {
    format!("{}, {}", weekday_name(date.weekday()), month_and_day(date))
}

fn month_and_day(date: Date) -> String {
    let suffix = match date.day() {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    };
    format!("{} {}{suffix}", month_name(date.month()), date.day())
}

fn capital_name(day: Day) -> String {
    capitalised(day.name().unwrap_or("that day"))
}
