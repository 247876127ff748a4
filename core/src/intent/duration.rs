//! Lengths of time: heard ("an hour and a half") and spoken ("1 hour and 30 minutes").

use std::time::Duration;

use super::quantity::Quantity;
use super::unit::Dimension;

/// The length of time that `words` are, all of them; `Duration::MAX` where none is long enough.
pub(super) fn parse(words: &[&str]) -> Option<Duration> {
    let quantity = Quantity::parse(words)?;
    let seconds = quantity.in_base();
    if quantity.dimension() != Dimension::Time || seconds < 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// "1 hour, 4 minutes and 3 seconds", to the nearest second.
pub(super) fn phrase(length: Duration) -> String {
    let parts: Vec<String> = parts(length)
        .map(|(count, unit)| if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") })
        .collect();
    match parts.as_slice() {
        [] => "less than a second".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// How late something is, in whole minutes: "1 hour and 5 minutes".
pub(super) fn lateness(late: Duration) -> String {
    phrase(Duration::from_secs(late.as_secs() / 60 * 60))
}

/// "1 hour 30 minute", as in "your 1 hour 30 minute timer".
pub(super) fn adjective(length: Duration) -> String {
    parts(length).map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

fn parts(length: Duration) -> impl Iterator<Item = (u64, &'static str)> {
    let seconds = length.as_secs().saturating_add(u64::from(length.subsec_millis() >= 500));
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    [(hours / 24, "day"), (hours % 24, "hour"), (minutes % 60, "minute"), (seconds % 60, "second")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
}
