//! Names that were nearly said: "kitchin light" for "kitchen light". Where words end is not heard, so spaces don't count.

/// The longest request that is looked through, in words; what is longer is about something else.
const MOST_WORDS: usize = 24;

/// A name as it is compared.
#[derive(Clone, Debug)]
struct Name {
    /// As it is in the list.
    said: String,
    letters: String,
    length: usize,
    words: usize,
    mask: u64,
}

/// The names of a home.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<Name>);

/// A text with one of its parts replaced by a name that it is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Corrected {
    pub(super) text: String,
    /// The name.
    pub(super) name: String,
    /// How many letters differ.
    pub(super) distance: usize,
    /// Whether so few differ that the name was meant, if it is the only one.
    pub(super) is_close: bool,
}

/// How many letters of a name this long may be misheard, and how many for a question whether it was meant.
fn limits(length: usize) -> (usize, usize) {
    match length {
        0..4 => (0, 0),
        4 => (0, 1),
        5..8 => (1, 2),
        _ => (2, 3),
    }
}

/// The letters that are in a text, one bit each.
fn mask(letters: &str) -> u64 {
    letters.chars().fold(0, |mask, letter| mask | 1 << (u32::from(letter) % 64))
}

impl Names {
    /// Names as [`super::hassil::normalised`] writes them.
    pub(super) fn new(names: impl Iterator<Item = String>) -> Names {
        let name = |said: String| {
            let letters: String = said.split(' ').collect();
            let (length, words) = (letters.chars().count(), said.split(' ').count());
            Name { mask: mask(&letters), said, letters, length, words }
        };
        let mut names: Vec<Name> = names.map(name).collect();
        names.sort_by(|one, other| one.said.cmp(&other.said));
        names.dedup_by(|one, other| one.said == other.said);
        Names(names)
    }

    /// What a normalised text may have been, the likeliest first.
    pub(super) fn corrections(&self, text: &str) -> Vec<Corrected> {
        let words: Vec<&str> = text.split(' ').collect();
        if words.len() > MOST_WORDS {
            return Vec::new();
        }
        let longest = self.0.iter().map(|name| name.words + 1).max().unwrap_or(0);
        let mut found: Vec<Corrected> = Vec::new();
        for begin in 0..words.len() {
            let mut letters = String::new();
            for (count, word) in words[begin..].iter().enumerate().take(longest) {
                letters.push_str(word);
                let (window, count) = (letters.as_str(), count + 1);
                let (length, mask) = (window.chars().count(), mask(window));
                for name in &self.0 {
                    let (close, wide) = limits(name.length);
                    let is_like = name.length.abs_diff(length) <= wide
                        && name.words.abs_diff(count) <= 1
                        && (name.mask ^ mask).count_ones() as usize <= 2 * wide;
                    if !is_like {
                        continue;
                    }
                    let distance = strsim::osa_distance(&name.letters, window);
                    // What sounds alike but begins or ends elsewhere is the same with a space more or less.
                    let is_same = distance == 0 && count == name.words;
                    // A word more or less is no misheard one.
                    let has_other_words = count != name.words
                        && distance > 0
                        && (window.ends_with(&name.letters) || window.starts_with(&name.letters));
                    if distance > wide || is_same || has_other_words {
                        continue;
                    }
                    let parts = [&words[..begin], &[name.said.as_str()], &words[begin + count..]];
                    let text = parts.concat().join(" ");
                    let is_close = distance <= close;
                    found.push(Corrected { text, name: name.said.clone(), distance, is_close });
                }
            }
        }
        found.sort_by_key(|one| (one.distance, one.text.clone(), !one.is_close));
        found.dedup_by(|one, other| one.text == other.text);
        found
    }
}

/// Words that are in no name: those that stand for others, that ask, and that part a sentence.
const NO_NAMES: &str = "a about after all an and any anything are at away before by down either every everybody everyone everything for from \
                        he here him how i i'm if into is it it's just me myself no not nothing now of off on one or out over please she \
                        so some someone something than that that's them then there there's these they this those to too up us was we \
                        what what's when where which who who's why with you yourself";

/// Words that are within a name, and neither begin nor end it.
const WITHIN: [&str; 5] = ["the", "my", "our", "your", "in"];

/// Words before a request that are no verb of it.
const POLITE: &str = "please kindly can could will would you hey okay just";

/// The longest name that is looked for among what is not known, in words.
const LONGEST_UNKNOWN: usize = 6;

/// The parts of a normalised English text that may be the name of something, the longest first: what goes before the part, a verb at
/// least, the part, and what goes behind it.
pub(super) fn possible_names(text: &str) -> Vec<(String, String, String)> {
    let words: Vec<&str> = text.split(' ').collect();
    if words.len() > MOST_WORDS {
        return Vec::new();
    }
    let is_edge = |word: &str| {
        !WITHIN.contains(&word)
            && !NO_NAMES.split_whitespace().any(|other| other == word)
            && word.parse::<f64>().is_err()
    };
    let is_name = |part: &[&str]| match part {
        [one] => is_edge(one),
        [first, within @ .., last] => {
            is_edge(first) && is_edge(last) && within.iter().all(|word| is_edge(word) || WITHIN.contains(word))
        }
        [] => false,
    };
    let mut found = Vec::new();
    for count in (1..=LONGEST_UNKNOWN).rev() {
        for (begin, part) in words.windows(count).enumerate() {
            let (before, behind) = (&words[..begin], &words[begin + count..]);
            let is_verb =
                |word: &&str| !WITHIN.contains(word) && !POLITE.split_whitespace().any(|other| other == *word);
            if is_name(part) && before.iter().any(is_verb) {
                found.push((before.join(" "), part.join(" "), behind.join(" ")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misheard_names_are_found_where_they_stand() {
        let names = ["kitchen light", "bedroom lamp", "lamp", "hall", "heating"];
        let names = Names::new(names.into_iter().map(str::to_owned));
        let found = |text: &str| -> Vec<String> {
            let found = names.corrections(text).into_iter();
            found
                .map(|one| format!("{} ({}{})", one.text, one.distance, if one.is_close { "" } else { ", far" }))
                .collect()
        };
        for (text, expected) in [
            ("turn off the kitchin light", &["turn off the kitchen light (1)"][..]),
            (
                "turn off the beth room lamp",
                &["turn off the bedroom lamp (2)", "turn off the beth bedroom lamp (3, far)"],
            ),
            (
                "turn off the bed room lamp",
                &["turn off the bedroom lamp (0)", "turn off the bed bedroom lamp (3, far)"],
            ),
            ("turn off the lamb", &["turn off the lamp (1, far)"]),
            ("turn off the kitchen light", &[]),
            ("turn off the hell", &["turn off the hall (1, far)"]),
            ("what is it like", &[]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
        assert_eq!(found(&"kitchin light ".repeat(20)), [""; 0]);
    }
}
