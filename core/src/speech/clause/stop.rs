//! Whether a full stop ends a sentence or belongs to an abbreviation, an initial or a list's number.

use crate::speech::markdown;

/// Never the end: a name or a number goes with them.
const NEVER: [&str; 27] = [
    "Dr", "Drs", "Mr", "Mrs", "Ms", "Prof", "St", "Mt", "Ft", "Gen", "Col", "Maj", "Capt", "Lt", "Sgt", "Rev", "Hon",
    "Gov", "Sen", "Rep", "vs", "cf", "al", "e.g", "i.e", "E.g", "I.e",
];
/// An abbreviation before a number, and otherwise a word.
const BEFORE_NUMBERS: [&str; 30] = [
    "No", "Nos", "no", "nos", "Fig", "fig", "Vol", "vol", "p", "pp", "Ch", "ch", "Sec", "sec", "Art", "ca", "c",
    "approx", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec",
];
/// These may end a sentence or stand in the middle of one: the next word tells by its capital.
const EITHER: [&str; 21] = [
    "etc", "Inc", "Ltd", "Co", "Corp", "Bros", "Jr", "Sr", "Ave", "Blvd", "Rd", "dept", "est", "max", "min", "incl",
    "a.m", "p.m", "A.M", "P.M", "a.k.a",
];
/// Words that begin sentences, and do not follow "U.S." as part of its name.
const STARTERS: [&str; 32] = [
    "The", "It", "It's", "He", "She", "We", "They", "I", "In", "This", "That", "These", "Those", "But", "And", "If",
    "You", "There", "A", "An", "When", "So", "As", "On", "At", "For", "However", "Its", "His", "Her", "Our", "What",
];

/// What a full stop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Ends the sentence.
    Ends,
    /// Belongs to the word before it.
    Belongs,
    /// Cannot be told without more text.
    Unknown,
}

/// Judges the full stop behind `before` (the line so far, from where the clause or line begins). `after` begins with
/// the white space behind the stop; `ended` says that no more text will come.
pub(super) fn judge(before: &str, line_start: bool, after: &str, ended: bool) -> Stop {
    let word = before.rsplit(|c: char| c.is_whitespace() || "([{\"'“‘—*_/".contains(c)).next().unwrap_or(before);
    let whole_line = line_start && before.trim_start() == word;
    if whole_line && markdown::numbered(&format!("{word}. ")).is_some() {
        return Stop::Belongs;
    }
    let letter = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    if letter || NEVER.contains(&word) {
        return Stop::Belongs;
    }
    let next = after.trim_start();
    let initials = word.contains('.')
        && word.split('.').all(|part| part.chars().count() == 1 && !part.starts_with(|c: char| c.is_ascii_digit()));
    let either = EITHER.contains(&word);
    let number = BEFORE_NUMBERS.contains(&word);
    if !(initials || either || number) {
        return Stop::Ends;
    }
    if after.contains('\n') && after.find('\n') < after.find(|c: char| !c.is_whitespace()) {
        return Stop::Ends;
    }
    let Some(first) = next.chars().next() else {
        return if ended { Stop::Ends } else { Stop::Unknown };
    };
    if number {
        return if first.is_ascii_digit() { Stop::Belongs } else { Stop::Ends };
    }
    if either {
        return if first.is_uppercase() { Stop::Ends } else { Stop::Belongs };
    }
    let Some(end) = next.find(|c: char| !(c.is_alphanumeric() || c == '\'')) else {
        let longer = next.chars().count() > 8;
        return match (ended || longer, STARTERS.contains(&next)) {
            (false, _) => Stop::Unknown,
            (true, true) => Stop::Ends,
            (true, false) => Stop::Belongs,
        };
    };
    if STARTERS.contains(&&next[..end]) { Stop::Ends } else { Stop::Belongs }
}
