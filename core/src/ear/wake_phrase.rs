//! Whether a transcript begins with the wake phrase, however the recogniser wrote it, and what follows it.
//!
//! The phrase is compared by its sounds ([`sound`]), at the transcript's beginning only: talk that mentions the name is
//! not meant for Pipit. What being addressed leads to is decided in [`crate::turn`].

mod sound;
#[cfg(test)]
mod tests;

use std::fmt;

use self::sound::{Sound, distance, sounds};
use super::transcript::{Word, words};

// The parameters, in hundredths of a consonant. They were chosen on the ways in which "hey pipit" may be written, in the
// tests' table, such that a whole consonant in excess is never forgiven, and checked on texts that don't hold it.

/// How much each sound of a phrase may be off: a long phrase can be told by the rest.
const LEEWAY_PER_SOUND: u32 = 9;
/// How much a phrase may be off however long it is: less than "hey pop it" is.
const MOST_LEEWAY: u32 = 65;
/// How much further off something may be that was perhaps meant as the phrase: one consonant, and a word split.
const NEARLY: u32 = 70;
/// Sounds below which a phrase would be found in everyday talk.
const FEWEST_SOUNDS: usize = 5;
/// Words by which a recogniser may have split the phrase up.
const WORDS_SPLIT: usize = 2;
/// Words that may stand before the phrase.
const FILLERS_BEFORE: usize = 3;
/// Words that people say before they address somebody, and that recognisers make of breath and cough.
const FILLERS: &[&str] = &[
    "ah", "alright", "and", "but", "eh", "er", "erm", "hm", "hmm", "mm", "no", "now", "oh", "ok", "okay", "please",
    "right", "so", "sorry", "uh", "uhm", "um", "well", "yeah", "yes",
];

/// The phrases by which Pipit is addressed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WakePhrases(Vec<Phrase>);

#[derive(Clone, PartialEq, Eq)]
struct Phrase {
    written: String,
    words: usize,
    sounds: Vec<Sound>,
    leeway: u32,
}

/// How a transcript begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Address<'t> {
    /// With a wake phrase. What follows it may be empty: the request is still to come.
    ToPipit(&'t str),
    /// With something so like a wake phrase that it may have been meant. What follows it.
    Perhaps(&'t str),
    /// With something else.
    ToSomebodyElse,
}

/// A phrase too short to be told from everyday talk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortPhrase(pub String);

impl fmt::Display for ShortPhrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the phrase {:?} has too few sounds to be told from everyday talk", self.0)
    }
}

impl WakePhrases {
    /// Takes the phrases as they are written. Any of them will do to address Pipit.
    ///
    /// # Errors
    /// The first that is too short.
    pub fn new<'a>(phrases: impl IntoIterator<Item = &'a str>) -> Result<WakePhrases, ShortPhrase> {
        phrases.into_iter().map(Phrase::new).collect::<Result<_, _>>().map(WakePhrases)
    }

    /// The phrases as they were written.
    pub fn written(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|phrase| phrase.written.as_str())
    }

    /// Looks for a phrase at the beginning of `transcript`, after fillers such as "um". A phrase said twice is one.
    #[must_use]
    pub fn find<'t>(&self, transcript: &'t str) -> Address<'t> {
        let mut found = self.find_once(transcript);
        while let Address::ToPipit(rest) = found
            && let Address::ToPipit(after) = self.find_once(rest)
        {
            found = Address::ToPipit(after);
        }
        found
    }

    /// As [`WakePhrases::find`], but up to `others` words of somebody else's may stand before the phrase.
    #[must_use]
    pub fn find_after<'t>(&self, transcript: &'t str, others: usize) -> Address<'t> {
        let beginnings = std::iter::once(0).chain(words(transcript).take(others).map(|word| word.end));
        let found: Vec<_> = beginnings.map(|begin| self.find(&transcript[begin..])).collect();
        let rank = |address: &Address<'_>| match address {
            Address::ToPipit(_) => 0,
            Address::Perhaps(_) => 1,
            Address::ToSomebodyElse => 2,
        };
        found.into_iter().min_by_key(rank).unwrap_or(Address::ToSomebodyElse)
    }

    fn find_once<'t>(&self, transcript: &'t str) -> Address<'t> {
        let longest = self.0.iter().map(|phrase| phrase.words).max().unwrap_or(0) + WORDS_SPLIT;
        let words: Vec<Word> = words(transcript).take(FILLERS_BEFORE + longest).collect();
        let fillers = words.iter().take(FILLERS_BEFORE).take_while(|word| FILLERS.contains(&&*word.letters)).count();
        // A phrase may itself begin with a filler: "okay pipit".
        let places = (0..=fillers).flat_map(|first| self.0.iter().map(move |phrase| (first, phrase)));
        let best =
            places.filter_map(|(first, phrase)| phrase.compare(&words[first..])).min_by_key(|found| found.excess);
        match best {
            Some(Found { excess: 0, end }) => Address::ToPipit(after(transcript, end)),
            Some(Found { end, .. }) => Address::Perhaps(after(transcript, end)),
            None => Address::ToSomebodyElse,
        }
    }
}

/// A phrase, or nearly one, at the beginning of some words.
struct Found {
    /// By how much it is further off than it may be.
    excess: u32,
    /// Where it ends in the transcript.
    end: usize,
}

impl Phrase {
    fn new(written: &str) -> Result<Phrase, ShortPhrase> {
        let words: Vec<Word> = words(written).collect();
        let sounds = sounds(words.iter().map(|word| word.letters.as_str()));
        let spoken = sounds.iter().filter(|sound| **sound != Sound::Boundary).count();
        if spoken < FEWEST_SOUNDS {
            return Err(ShortPhrase(written.trim().to_owned()));
        }
        let leeway = MOST_LEEWAY.min(LEEWAY_PER_SOUND * spoken as u32);
        Ok(Phrase { written: written.trim().to_owned(), words: words.len(), sounds, leeway })
    }

    /// The words at the beginning of `words` that are most like the phrase, if they are like it at all.
    fn compare(&self, words: &[Word]) -> Option<Found> {
        let most = words.len().min(self.words + WORDS_SPLIT);
        let taken = (1..=most).map(|count| {
            let heard = sounds(words[..count].iter().map(|word| word.letters.as_str()));
            (distance(&self.sounds, &heard), words[count - 1].end)
        });
        // Of equals the first, which leaves more to the request.
        let (off, end) = taken.min_by_key(|(off, _)| *off)?;
        (off <= self.leeway + NEARLY).then(|| Found { excess: off.saturating_sub(self.leeway), end })
    }
}

/// What follows the place `end` in `transcript`, without the punctuation between. Empty where no word follows.
fn after(transcript: &str, end: usize) -> &str {
    let rest = transcript[end..].trim();
    if !rest.contains(char::is_alphanumeric) {
        return "";
    }
    rest.trim_start_matches(|c: char| c.is_whitespace() || ",.;:!?…-–—'’\"”»)]*".contains(c))
}

impl fmt::Debug for WakePhrases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.written()).finish()
    }
}

/// Never shows what was said: until it is known whom it was said to, it is nobody's.
impl fmt::Debug for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Address::ToPipit(_) => "ToPipit",
            Address::Perhaps(_) => "Perhaps",
            Address::ToSomebodyElse => "ToSomebodyElse",
        })
    }
}
