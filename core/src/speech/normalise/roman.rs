//! Roman numerals, where the word before them makes them safe: "Henry VIII", "Part XL", "World War II".

use super::cursor::{Cursor, Reading};
use super::words::{And, cardinal, ordinal};

/// Words that number their things: the numeral is a plain number.
const NUMBERED: [&str; 40] = [
    "act", "apollo", "appendix", "article", "book", "bowl", "canto", "category", "chapter", "class", "division",
    "edition", "episode", "exhibit", "fantasy", "figure", "grade", "group", "level", "no", "number", "page", "part",
    "phase", "rocky", "round", "scene", "schedule", "season", "section", "stage", "step", "table", "theft", "title",
    "type", "unit", "vatican", "volume", "war",
];
/// Names that kings, queens, popes and people with the same name as their fathers bear: the numeral is an ordinal.
const NAMES: [&str; 62] = [
    "albert",
    "alexander",
    "alfonso",
    "andrew",
    "anne",
    "antiochus",
    "augustus",
    "benedict",
    "boniface",
    "carl",
    "catherine",
    "charles",
    "christian",
    "christopher",
    "clement",
    "constantine",
    "cyrus",
    "darius",
    "david",
    "edward",
    "elizabeth",
    "eric",
    "ferdinand",
    "francis",
    "frederick",
    "george",
    "gregory",
    "gustav",
    "harold",
    "haakon",
    "henry",
    "innocent",
    "isabella",
    "ivan",
    "james",
    "joan",
    "john",
    "joseph",
    "juan",
    "leo",
    "leopold",
    "louis",
    "margaret",
    "mary",
    "maximilian",
    "michael",
    "napoleon",
    "nicholas",
    "otto",
    "paul",
    "pedro",
    "peter",
    "philip",
    "pius",
    "ptolemy",
    "ramses",
    "richard",
    "robert",
    "sam",
    "sixtus",
    "thomas",
    "william",
];
/// Titles that make the name behind them a ruler's, whatever it is.
const TITLES: [&str; 12] =
    ["king", "queen", "pope", "emperor", "empress", "tsar", "czar", "prince", "princess", "kaiser", "sultan", "duke"];

/// Reads the numeral at the cursor; the words before it decide.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let (numeral, next) = at.letters()?;
    if !next.at_boundary() || numeral.len() > 8 || !at.behind().ends_with(' ') {
        return None;
    }
    let value = value(numeral)?;
    let (word, before) = at.word_behind();
    if !word.starts_with(char::is_uppercase) || !word.chars().all(char::is_alphabetic) {
        let lower = NUMBERED.contains(&word) && (numeral.len() > 1 || numeral != "I");
        return lower.then(|| (cardinal(&value.to_string(), And::Said), next));
    }
    let word = word.to_lowercase();
    let title = TITLES.contains(&before.word_behind().0.to_lowercase().as_str());
    if NUMBERED.contains(&word.as_str()) {
        return Some((cardinal(&value.to_string(), And::Said), next));
    }
    if value > 39 {
        return None;
    }
    let ruler = title || NAMES.contains(&word.as_str());
    if numeral == "I" && !(ruler && closes(next)) {
        return None;
    }
    if ruler {
        return Some((format!("the {}", ordinal(&value.to_string())), next));
    }
    // "Final Fantasy VII" and "iPhone XI": a capitalised word and a numeral of several letters that is no English word.
    (numeral.len() > 1 && !matches!(numeral, "MI" | "DI" | "LI"))
        .then(|| (cardinal(&value.to_string(), And::Said), next))
}

/// True where a lone "I" cannot be the pronoun: nothing that it could be the subject of follows.
fn closes(next: Cursor<'_>) -> bool {
    match next.peek() {
        Some(' ') => ["of", "was", "and", "is", "the"].iter().any(|word| next.spaces().eat_word(word).is_some()),
        Some('\'' | '’') => next.skip(next.peek().map_or(0, char::len_utf8)).eat_word("s").is_some(),
        _ => true,
    }
}

/// The value of a well-formed numeral in capitals, up to 399.
fn value(numeral: &str) -> Option<u32> {
    let mut rest = numeral;
    let mut value = 0;
    for (digits, one) in [
        (["C", "CC", "CCC", "CD"].as_slice(), 100),
        (&["X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC"], 10),
        (&["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"], 1),
    ] {
        let best =
            digits.iter().enumerate().filter(|(_, sign)| rest.starts_with(**sign)).max_by_key(|(_, sign)| sign.len());
        if let Some((index, sign)) = best {
            let index = u32::try_from(index).ok()? + 1;
            value += index * one;
            rest = &rest[sign.len()..];
        }
    }
    (rest.is_empty() && value > 0).then_some(value)
}
