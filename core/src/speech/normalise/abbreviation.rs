//! Abbreviations and fixed phrases that are said otherwise than they are written.

use super::cursor::{Cursor, Reading};

/// Titles before a name: "Dr. Evil" is a doctor, "Elm Dr." is a street and "dr." is left alone.
const TITLES: [(&str, &str); 22] = [
    ("Dr.", "doctor"),
    ("Drs.", "doctors"),
    ("Mr.", "mister"),
    ("Mrs.", "misses"),
    ("Ms.", "miss"),
    ("Prof.", "professor"),
    ("St.", "saint"),
    ("Mt.", "mount"),
    ("Ft.", "fort"),
    ("Gen.", "general"),
    ("Col.", "colonel"),
    ("Maj.", "major"),
    ("Capt.", "captain"),
    ("Lt.", "lieutenant"),
    ("Sgt.", "sergeant"),
    ("Cpl.", "corporal"),
    ("Rev.", "reverend"),
    ("Hon.", "honorable"),
    ("Gov.", "governor"),
    ("Sen.", "senator"),
    ("Rep.", "representative"),
    ("Pres.", "president"),
];

/// Before a number.
const BEFORE_NUMBERS: [(&str, &str); 22] = [
    ("No.", "number"),
    ("Nos.", "numbers"),
    ("no.", "number"),
    ("nos.", "numbers"),
    ("№", "number"),
    ("Fig.", "figure"),
    ("fig.", "figure"),
    ("Vol.", "volume"),
    ("vol.", "volume"),
    ("Ch.", "chapter"),
    ("ch.", "chapter"),
    ("p.", "page"),
    ("pp.", "pages"),
    ("Sec.", "section"),
    ("sec.", "section"),
    ("Art.", "article"),
    ("Apt.", "apartment"),
    ("apt.", "apartment"),
    ("Ext.", "extension"),
    ("ca.", "circa"),
    ("c.", "circa"),
    ("v.", "version"),
];

/// Wherever they stand. A stop that ends the text goes with them, for the voice ends there anyway.
const ANYWHERE: [(&str, &str); 55] = [
    ("e.g.", "for example"),
    ("E.g.", "For example"),
    ("eg.", "for example"),
    ("i.e.", "that is"),
    ("I.e.", "That is"),
    ("etc.", "et cetera"),
    ("vs.", "versus"),
    ("vs", "versus"),
    ("approx.", "approximately"),
    ("Approx.", "Approximately"),
    ("dept.", "department"),
    ("Dept.", "Department"),
    ("govt.", "government"),
    ("Jr.", "junior"),
    ("Sr.", "senior"),
    ("Esq.", "esquire"),
    ("Inc.", "incorporated"),
    ("Ltd.", "limited"),
    ("Corp.", "corporation"),
    ("Bros.", "brothers"),
    ("a.k.a.", "AKA"),
    ("et al.", "and others"),
    ("cf.", "compare"),
    ("est.", "established"),
    ("incl.", "including"),
    ("excl.", "excluding"),
    ("max.", "maximum"),
    ("temp.", "temperature"),
    ("avg.", "average"),
    ("misc.", "miscellaneous"),
    ("Ph.D.", "PhD"),
    ("Ph.D", "PhD"),
    ("M.D.", "MD"),
    ("w/o", "without"),
    ("w/", "with"),
    ("tv", "TV"),
    ("401(k)", "four oh one k"),
    ("401k", "four oh one k"),
    ("24/7", "twenty four seven"),
    ("9/11", "nine eleven"),
    ("50/50", "fifty fifty"),
    ("50-50", "fifty fifty"),
    ("20/20", "twenty twenty"),
    ("C#", "C sharp"),
    ("F#", "F sharp"),
    ("°C", "degrees Celsius"),
    ("°F", "degrees Fahrenheit"),
    ("7-eleven", "seven eleven"),
    ("7-Eleven", "seven eleven"),
    ("and/or", "and or"),
    ("a.m.", "AM"),
    ("p.m.", "PM"),
    ("A.M.", "AM"),
    ("P.M.", "PM"),
    ("R&D", "R and D"),
];

/// Reads an abbreviation.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    anywhere(at).or_else(|| title(at)).or_else(|| before_number(at)).or_else(|| initials(at))
}

fn title(at: Cursor<'_>) -> Reading<'_> {
    let (said, next) = table(at, &TITLES)?;
    let name = next.gap()?;
    let joined = name.eat_word("and").or_else(|| name.eat('&')).is_some();
    (name.peek()?.is_uppercase() || joined).then_some((said, next))
}

fn before_number(at: Cursor<'_>) -> Reading<'_> {
    let (said, next) = table(at, &BEFORE_NUMBERS)?;
    let number = next.spaces();
    number.peek()?.is_ascii_digit().then_some((said, next))
}

fn anywhere(at: Cursor<'_>) -> Reading<'_> {
    let (said, next) = table(at, &ANYWHERE)?;
    let dotted = at.up_to(next).ends_with('.');
    if !dotted && !next.at_boundary() && !at.up_to(next).ends_with('/') {
        return None;
    }
    // "est. 1999" is the founding of a firm, "est." behind a time is a zone; "max." ends a sentence too.
    if matches!(at.up_to(next), "est." | "max." | "temp." | "eg.") && next.gap().is_none() {
        return None;
    }
    if dotted {
        let stop = at.skip(at.up_to(next).len() - 1);
        return Some((said, stop.abbreviation_stop()));
    }
    Some((said, next))
}

/// "U.S.A." -> "USA": single letters, each with its stop.
fn initials(at: Cursor<'_>) -> Reading<'_> {
    let mut letters = String::new();
    let mut next = at;
    let mut stop = at;
    while let Some((c, after)) = next.next().filter(|(c, _)| c.is_uppercase()) {
        let Some(dotted) = after.eat('.') else { break };
        letters.push(c);
        stop = after;
        next = dotted;
    }
    // A last letter without its stop: "U.S".
    if let Some((c, after)) = next.next().filter(|(c, after)| c.is_uppercase() && after.at_boundary())
        && !letters.is_empty()
    {
        letters.push(c);
        return Some((letters, after));
    }
    let initials = letters.chars().count() >= 2 && next.at_boundary();
    initials.then(|| (letters, stop.abbreviation_stop()))
}

fn table<'a>(at: Cursor<'a>, table: &[(&str, &'static str)]) -> Reading<'a> {
    let (written, said) = table.iter().find(|(written, _)| at.rest().starts_with(written))?;
    Some(((*said).to_owned(), at.skip(written.len())))
}
