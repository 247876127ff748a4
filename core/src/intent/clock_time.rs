//! Times of day as people say them: "seven", "half past six in the evening", "18:30", "noon".

use jiff::civil::Time;

use super::number::parse_number;

/// What the clock is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockTime {
    /// The time; in the morning if nothing says which half of the day is meant.
    pub time: Time,
    /// Whether it may as well be twelve hours later.
    pub either_half: bool,
}

impl ClockTime {
    /// The times of day that may be meant, the earliest first.
    pub(super) fn candidates(self) -> impl Iterator<Item = Time> {
        let later = self.either_half.then(|| Time::new(self.time.hour() + 12, self.time.minute(), 0, 0).ok()).flatten();
        [Some(self.time), later].into_iter().flatten()
    }
}

/// The time that `words` say, all of them.
pub(super) fn parse(words: &[&str]) -> Option<ClockTime> {
    match words {
        ["noon" | "midday"] => return exactly(12, 0),
        ["midnight"] => return exactly(0, 0),
        _ => {}
    }
    let (words, afternoon) = half_of_day(words);
    let bare = match words {
        [hour @ .., "o'clock" | "oclock"] | [hour @ .., "o", "clock"] => hour,
        words => words,
    };
    let (hour, minute, sure) = hour_and_minute(bare)?;
    match (afternoon, hour) {
        (Some(false), 12) => exactly(0, minute),
        (Some(false), 0..12) => exactly(hour, minute),
        (Some(true), 1..12) => exactly(hour + 12, minute),
        (Some(true), 12..) => exactly(hour, minute),
        (Some(_), _) => None,
        (None, 1..=12) if !sure => {
            Some(ClockTime { time: Time::new(hour % 12, minute, 0, 0).ok()?, either_half: true })
        }
        (None, _) => exactly(hour, minute),
    }
}

fn exactly(hour: i8, minute: i8) -> Option<ClockTime> {
    Some(ClockTime { time: Time::new(hour, minute, 0, 0).ok()?, either_half: false })
}

/// Which half of the day the end of `words` names, and what goes before.
fn half_of_day<'a, 'b>(words: &'a [&'b str]) -> (&'a [&'b str], Option<bool>) {
    match words {
        [rest @ .., "am"] | [rest @ .., "in", "the", "morning"] | [rest @ .., "this", "morning"] => (rest, Some(false)),
        [rest @ .., "a", "m"] => (rest, Some(false)),
        [rest @ .., "in" | "this", "the", "afternoon" | "evening"] => (rest, Some(true)),
        [rest @ .., "this", "afternoon" | "evening"] | [rest @ .., "at", "night"] => (rest, Some(true)),
        [rest @ .., "pm" | "tonight"] | [rest @ .., "p", "m"] => (rest, Some(true)),
        _ => (words, None),
    }
}

/// Hour, minute, and whether it is said by a clock of 24 hours.
fn hour_and_minute(words: &[&str]) -> Option<(i8, i8, bool)> {
    match words {
        [one] if one.contains(':') => {
            let (hour, minute) = one.split_once(':')?;
            let minute = (minute.len() == 2).then(|| minute.parse().ok()).flatten()?;
            return Some((hour.parse().ok()?, minute, hour.starts_with('0')));
        }
        [one] if one.len() == 4 && one.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Some((one[..2].parse().ok()?, one[2..].parse().ok()?, true));
        }
        ["half", "past", hour @ ..] => return Some((whole(hour, 12)?, 30, false)),
        _ => {}
    }
    if let Some(at) = words.iter().position(|word| matches!(*word, "past" | "after" | "to" | "before" | "till")) {
        let minutes = match &words[..at] {
            ["quarter"] | ["a", "quarter"] => 15,
            [minutes @ .., "minutes" | "minute"] | minutes => whole(minutes, 59)?,
        };
        let hour = whole(&words[at + 1..], 12)?;
        return Some(match words[at] {
            "past" | "after" => (hour, minutes, false),
            _ => (if hour == 1 { 12 } else { hour - 1 }, 60 - minutes, false),
        })
        .filter(|(_, minute, _)| (0..60).contains(minute));
    }
    (1..=words.len().min(3)).find_map(|split| {
        let hour = whole(&words[..split], 24)?;
        let minute = match &words[split..] {
            [] => 0,
            ["oh" | "o", minute @ ..] => whole(minute, 9)?,
            minute => whole(minute, 59).filter(|minute| *minute >= 10)?,
        };
        Some((hour % 24, minute, hour == 24))
    })
}

fn whole(words: &[&str], most: i8) -> Option<i8> {
    let number = parse_number(words)?;
    (0..=most).find(|whole| f64::from(*whole) == number)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times_of_day_are_read() {
        let read = |said: &str| {
            let words: Vec<&str> = said.split(' ').collect();
            parse(&words).map(|at| format!("{}{}", at.time.strftime("%H:%M"), if at.either_half { "?" } else { "" }))
        };
        for (said, expected) in [
            ("seven", Some("07:00?")),
            ("7:30", Some("07:30?")),
            ("07:30", Some("07:30")),
            ("19:30", Some("19:30")),
            ("0630", Some("06:30")),
            ("seven thirty", Some("07:30?")),
            ("six oh five", Some("06:05?")),
            ("twelve", Some("00:00?")),
            ("twelve pm", Some("12:00")),
            ("12 am", Some("00:00")),
            ("seven o'clock in the evening", Some("19:00")),
            ("eight tonight", Some("20:00")),
            ("half past six am", Some("06:30")),
            ("quarter to one", Some("00:45?")),
            ("twenty five to eight", Some("07:35?")),
            ("ten past nine pm", Some("21:10")),
            ("twenty one fifteen", Some("21:15")),
            ("noon", Some("12:00")),
            ("midnight", Some("00:00")),
            ("thirteen am", None),
            ("25", None),
            ("7:75", None),
            ("seventy", None),
            ("", None),
            ("to", None),
            ("zero past seven", Some("07:00?")),
            ("zero to seven", None),
        ] {
            assert_eq!(read(said).as_deref(), expected, "{said}");
        }
    }
}
