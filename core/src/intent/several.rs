//! Several requests in one sentence: "turn off the kitchen light and set a timer for ten minutes". Each part has to be
//! understood; a sentence of which one part is not is none of ours.

use super::hassil::{Recognised, normalised};

/// The most places at which one sentence is parted.
const MOST_PARTS: usize = 6;

/// The longest end that the parts of a list share, in words: "lights to twenty five percent".
const LONGEST_END: usize = 5;

/// Words between two requests.
const BETWEEN: [&str; 4] = ["and", "then", "also", "plus"];
/// Marks at the end of a word that may end a request.
const MARKS: [char; 5] = [',', ';', '.', '!', '?'];
/// What goes before a name, and not with the verb.
const ARTICLES: [&str; 4] = ["the", "my", "our", "all"];

/// A sentence in parts, the fewest that are all understood; nothing where there are no such parts. `understand` is given a part,
/// and what the part before it came to.
pub fn in_parts<T>(said: &str, mut understand: impl FnMut(&str, Option<&T>) -> Option<T>) -> Option<Vec<T>> {
    let pieces = pieces(said);
    if pieces.len() < 2 || pieces.len() > MOST_PARTS {
        return None;
    }
    (2..=pieces.len()).find_map(|parts| {
        let mut understood = Vec::with_capacity(parts);
        part(said, &pieces, parts, &mut understand, &mut understood).then_some(understood)
    })
}

/// Understands the pieces as so many parts, behind those that are understood.
fn part<T>(
    said: &str,
    pieces: &[(usize, usize)],
    parts: usize,
    understand: &mut impl FnMut(&str, Option<&T>) -> Option<T>,
    understood: &mut Vec<T>,
) -> bool {
    let (Some((begin, _)), true) = (pieces.first(), parts > 0) else { return pieces.is_empty() && parts == 0 };
    let most = (pieces.len() + 1).saturating_sub(parts);
    let lengths = if parts == 1 { pieces.len()..=pieces.len() } else { 1..=most };
    for length in lengths.rev() {
        let (_, end) = pieces[length - 1];
        let Some(one) = understand(&said[*begin..end], understood.last()) else { continue };
        understood.push(one);
        if part(said, &pieces[length..], parts - 1, understand, understood) {
            return true;
        }
        understood.pop();
    }
    false
}

/// Where the pieces between "and", "then" and marks begin and end.
fn pieces(said: &str) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for word in said.split_whitespace() {
        // Words are slices of what was said.
        let begin = word.as_ptr() as usize - said.as_ptr() as usize;
        let end = begin + word.len();
        let bare = word.trim_matches(MARKS).to_lowercase();
        if BETWEEN.contains(&&*bare) || bare.is_empty() {
            pieces.extend(open.take());
            continue;
        }
        open = Some((open.map_or(begin, |(begin, _)| begin), end));
        if word.ends_with(MARKS) {
            pieces.extend(open.take());
        }
    }
    pieces.extend(open);
    pieces
}

/// A list of which the last part alone says what all of it is, such as "turn off the kitchen and hall lights", in its parts, if all
/// are understood: "turn off the kitchen lights", and "hall lights" behind that. `understand` is given a part, and what the part
/// before it came to.
pub fn with_shared_end<T>(said: &str, mut understand: impl FnMut(&str, Option<&T>) -> Option<T>) -> Option<Vec<T>> {
    let pieces = pieces(said);
    let [first @ .., (begin, end)] = &pieces[..] else { return None };
    if first.is_empty() || pieces.len() > MOST_PARTS {
        return None;
    }
    let last = said[*begin..*end].trim_end_matches(MARKS);
    let words: Vec<&str> = last.split_whitespace().collect();
    (1..words.len()).rev().take(LONGEST_END).find_map(|begin| {
        let shared = words[begin..].join(" ");
        let mut understood = Vec::with_capacity(pieces.len());
        for (begin, end) in first {
            let whole = format!("{} {shared}", said[*begin..*end].trim_end_matches(MARKS));
            understood.push(understand(&whole, understood.last())?);
        }
        understood.push(understand(last, understood.last())?);
        Some(understood)
    })
}

/// A part that goes without its verb, with that of the part before: "the fan" behind "turn the lamp off" is "turn the fan off".
/// Each way to say it is one to try.
#[must_use]
pub fn carried_on(before: &str, recognised: &Recognised, part: &str) -> Vec<String> {
    let before = normalised(before);
    let said = recognised.slots.values().map(|slot| &*slot.text).filter(|text| !text.is_empty());
    let places: Vec<(usize, usize)> =
        said.filter_map(|text| before.find(text).map(|at| (at, at + text.len()))).collect();
    let (Some(begin), Some(end)) = (places.iter().map(|(at, _)| *at).min(), places.iter().map(|(_, end)| *end).max())
    else {
        return Vec::new();
    };
    let mut verb = before[..begin].trim_end();
    while let Some(shorter) = ARTICLES.iter().find_map(|article| verb.strip_suffix(article)) {
        verb = shorter.trim_end();
    }
    if verb.is_empty() {
        return Vec::new();
    }
    let rest = before[end..].trim();
    let plain = format!("{verb} {part}");
    if rest.is_empty() { vec![plain] } else { vec![format!("{plain} {rest}"), plain] }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Understands what begins with "do", in parts that stand between bars.
    fn parted(said: &str) -> Option<String> {
        let parts = in_parts(said, |part, _: Option<&String>| part.starts_with("do").then(|| part.to_owned()));
        parts.map(|parts| parts.join("|"))
    }

    #[test]
    fn a_sentence_is_parted_where_each_part_is_understood() {
        for (said, expected) in [
            ("do this and do that", Some("do this|do that")),
            ("do this, do that, and then do it", Some("do this, do that,|do it")),
            ("do salt and pepper then do it", Some("do salt and pepper|do it")),
            ("do this. Then, do that!", Some("do this.|do that!")),
            ("do this and that", None),
            ("do this", None),
            ("and and", None),
            ("do a do b and look", None),
            ("do 1 and do 2 and do 3 and do 4 and do 5 and do 6 and do 7", None),
        ] {
            assert_eq!(parted(said).as_deref(), expected, "{said}");
        }
    }

    #[test]
    fn what_the_last_of_a_list_is_all_of_it_is() {
        // Understands what ends in "cups" or in "cups there".
        let listed = |said: &str| {
            let understand = |part: &str, _: Option<&String>| {
                let is_one = part.ends_with("cups") || part.ends_with("cups there");
                is_one.then(|| part.to_owned())
            };
            with_shared_end(said, understand).map(|parts| parts.join("|"))
        };
        for (said, expected) in [
            ("fill red and blue cups", Some("fill red cups|blue cups")),
            ("fill the red, green, and blue cups.", Some("fill the red cups|green cups|blue cups")),
            ("fill red and blue cups there", Some("fill red cups there|blue cups there")),
            ("fill red and blue", None),
            ("fill red and cups", None),
            ("fill cups", None),
            ("and", None),
            ("fill a, b, c, d, e, f and g cups", None),
        ] {
            assert_eq!(listed(said).as_deref(), expected, "{said}");
        }
    }
}
