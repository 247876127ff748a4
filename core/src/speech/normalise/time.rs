//! Times of day: "4:30 PM", "18:05", "5pm-7 pm", "14:10:30".

use super::cursor::{Cursor, Reading};
use super::words::{below_hundred, small};

const ZONES: [&str; 18] = [
    "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt", "et", "ct", "mt", "pt", "gmt", "utc", "bst", "cet", "cest",
    "ist",
];

/// A time of day, or two with a dash between.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let first = clock(at)?;
    if let Some(to) = first.end.range_dash().or_else(|| first.end.gap()?.eat('-')?.gap())
        && let Some(last) = clock(to).or_else(|| bare_hour(to).filter(|_| first.half_of_day))
        && last.half_of_day == first.half_of_day
    {
        return Some((format!("{} to {}", first.words, last.words), last.end));
    }
    Some((first.words, first.end))
}

/// "9-11am": an hour before a range whose end alone says which half of the day it is.
pub(super) fn read_hours(at: Cursor<'_>) -> Reading<'_> {
    let (hour, next) = at.digits_of(1, 2)?;
    let last = clock(next.range_dash()?)?;
    ((1..=12).contains(&small(hour)) && last.half_of_day)
        .then(|| (format!("{} to {}", below_hundred(small(hour)), last.words), last.end))
}

struct Clock<'a> {
    words: String,
    half_of_day: bool,
    end: Cursor<'a>,
}

fn clock(at: Cursor<'_>) -> Option<Clock<'_>> {
    let (hour, next) = at.digits_of(1, 2)?;
    if small(hour) > 24 {
        return None;
    }
    let minutes = next.eat_any(":.").and_then(|c| c.digits_of(2, 2)).filter(|(minutes, _)| small(minutes) < 60);
    let Some((minute, after)) = minutes else {
        let (half, end) = half_of_day(next)?;
        let (zone, end) = zone(end);
        let words = format!("{} {half}{zone}", below_hundred(small(hour)));
        return ((1..=12).contains(&small(hour))).then_some(Clock { words, half_of_day: true, end });
    };
    let colon = next.eat(':').is_some();
    let seconds = after.eat(':').and_then(|c| c.digits_of(2, 2)).filter(|(seconds, _)| colon && small(seconds) < 60);
    let end = seconds.map_or(after, |(_, end)| end);
    if end.eat_any(":.").is_some_and(|c| c.digits().is_some()) {
        return None;
    }
    let half = half_of_day(end);
    if !colon && half.is_none() {
        return None;
    }
    let said = match (seconds, &half) {
        (Some((seconds, _)), _) => with_seconds(hour, minute, seconds),
        (None, half) => hour_and_minute(hour, minute, half.is_some()),
    };
    finish(said, half, end)
}

fn finish<'a>(said: String, half: Reading<'a>, end: Cursor<'a>) -> Option<Clock<'a>> {
    let half_of_day = half.is_some();
    let (half, end) = half.map_or((String::new(), end), |(half, end)| (format!(" {half}"), end));
    let (zone, end) = zone(end);
    end.at_boundary().then(|| Clock { words: format!("{said}{half}{zone}"), half_of_day, end })
}

fn bare_hour(at: Cursor<'_>) -> Option<Clock<'_>> {
    let (hour, end) = at.digits_of(1, 2)?;
    let fits = (1..=12).contains(&small(hour)) && end.at_boundary();
    fits.then(|| Clock { words: below_hundred(small(hour)), half_of_day: true, end })
}

fn hour_and_minute(hour: &str, minute: &str, half_of_day: bool) -> String {
    let hour = small(hour);
    match (small(minute), half_of_day) {
        (0, true) => below_hundred(hour),
        (0, false) if hour == 0 => "midnight".to_owned(),
        (0, false) => format!("{} o'clock", below_hundred(hour)),
        (minute @ 1..10, _) => format!("{} oh {}", below_hundred(hour), below_hundred(minute)),
        (minute, _) => format!("{} {}", below_hundred(hour), below_hundred(minute)),
    }
}

fn with_seconds(hour: &str, minute: &str, second: &str) -> String {
    let counted = |digits: &str, unit: &str| {
        let n = small(digits);
        format!("{} {unit}{}", below_hundred(n), if n == 1 { "" } else { "s" })
    };
    format!("{} {} and {}", counted(hour, "hour"), counted(minute, "minute"), counted(second, "second"))
}

/// "AM" or "PM", however written, with its stop.
fn half_of_day(at: Cursor<'_>) -> Reading<'_> {
    let start = at.spaces();
    let (letter, next) = start.next()?;
    let half = match letter {
        'a' | 'A' => "AM",
        'p' | 'P' => "PM",
        _ => return None,
    };
    let next = match next.eat('.') {
        Some(dotted) => dotted.eat_any("mM")?.abbreviation_stop(),
        // "5 pm." ends a sentence: only "p.m." brings a stop of its own.
        None => next.eat_any("mM").filter(|next| next.at_boundary())?,
    };
    Some((half.to_owned(), next))
}

/// " EST", written "est" or "e.s.t.".
fn zone(at: Cursor<'_>) -> (String, Cursor<'_>) {
    let mut next = at.spaces();
    let mut letters = String::new();
    while letters.len() < 4
        && let Some((c, after)) = next.next().filter(|(c, _)| c.is_ascii_alphabetic())
    {
        letters.push(c.to_ascii_lowercase());
        next = after.eat('.').filter(|dotted| dotted.peek().is_some_and(|c| c.is_ascii_alphabetic())).unwrap_or(after);
    }
    if ZONES.contains(&letters.as_str())
        && next.at_boundary()
        && (letters.len() > 2 || at.spaces().up_to(next).chars().all(char::is_uppercase))
    {
        (format!(" {}", letters.to_ascii_uppercase()), next)
    } else {
        (String::new(), at)
    }
}
