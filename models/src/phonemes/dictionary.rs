//! The dictionary: `misaki-rs`, which knows parts of speech, and for the words that it does not know espeak-ng, and where that
//! is missing, their letters.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use misaki_rs::fallback::FallbackError;
use misaki_rs::{Fallback, G2P, Language};

use super::english::espeak_voice;
use super::kokoro_symbols::{Sounds, TIE, from_espeak};
use crate::cancel::CancelFlag;
use crate::espeak::EspeakNg;
use crate::voice::VoiceError;

/// What `misaki-rs` writes for what it cannot say.
pub(super) const UNSAID: char = '❓';

/// The dictionary of an accent. It takes 95 MiB and 160 ms on a fast machine to make, so only a voice that speaks English
/// phonemes makes one.
pub(crate) struct Dictionary(G2P);

impl Dictionary {
    /// Loads the dictionary of `sounds`, American unless they are British.
    pub(super) fn new(sounds: Sounds, espeak: EspeakNg) -> Self {
        let language = if sounds == Sounds::British { Language::EnglishGB } else { Language::EnglishUS };
        let unknown = UnknownWords { espeak, voice: espeak_voice(sounds), sounds, known: Mutex::default() };
        Dictionary(G2P::with_fallback(language, Some(Box::new(unknown))))
    }

    /// The symbols of one sentence, which is in words.
    pub(super) fn symbols(&self, sentence: &str) -> Result<String, VoiceError> {
        let (said, _) = self
            .0
            .g2p(sentence)
            .map_err(|error| VoiceError::Failed(format!("the phonemes of a sentence could not be found: {error}")))?;
        Ok(said.chars().filter(|&symbol| symbol != UNSAID).collect())
    }
}

/// Says the words that are in no dictionary.
struct UnknownWords {
    espeak: EspeakNg,
    voice: &'static str,
    sounds: Sounds,
    /// A reply tends to come back to its unknown words, and each costs a process.
    known: Mutex<HashMap<String, String>>,
}

impl UnknownWords {
    /// A bound on what the answers to thousands of questions can leave behind.
    const MOST_KNOWN: usize = 1_000;

    fn symbols(&self, word: &str) -> String {
        // espeak-ng would name the letters of other scripts, as "Chinese letter, Chinese letter".
        if !word.chars().any(|c| c.is_alphabetic() && is_latin(c)) {
            return String::new();
        }
        let word: String = word.chars().filter(|&c| is_latin(c)).collect();
        match self.espeak.ipa(self.voice, &word, Some(TIE), &CancelFlag::new()) {
            Ok(ipa) if !ipa.is_empty() => from_espeak(&ipa, self.sounds),
            Ok(_) => spelled(&word, self.sounds),
            Err(error) => {
                tracing::warn!(%error, "a word that is in no dictionary is spelled out");
                spelled(&word, self.sounds)
            }
        }
    }
}

impl Fallback for UnknownWords {
    /// Never fails: `misaki-rs` would log the word and give up on the sentence.
    fn phonemize(&self, word: &str) -> Result<String, FallbackError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(symbols) = known.get(word) {
            return Ok(symbols.clone());
        }
        let symbols = self.symbols(word);
        if known.len() >= Self::MOST_KNOWN {
            known.clear();
        }
        known.insert(word.to_owned(), symbols.clone());
        Ok(symbols)
    }
}

/// Whether `character` may stand in a word of the Latin script: up to Latin Extended-B, and Latin Extended Additional.
fn is_latin(character: char) -> bool {
    character < '\u{250}' || ('\u{1e00}'..'\u{1f00}').contains(&character) || character == '’'
}

/// The names of the letters, one after the other.
fn spelled(word: &str, sounds: Sounds) -> String {
    let names: Vec<&str> = word.chars().filter_map(|letter| letter_name(letter, sounds)).collect();
    names.join(" ")
}

fn letter_name(letter: char, sounds: Sounds) -> Option<&'static str> {
    let british = sounds == Sounds::British;
    Some(match letter.to_ascii_lowercase() {
        'a' => "ˈA",
        'b' if british => "bˈiː",
        'b' => "bˈi",
        'c' if british => "sˈiː",
        'c' => "sˈi",
        'd' if british => "dˈiː",
        'd' => "dˈi",
        'e' if british => "ˈiː",
        'e' => "ˈi",
        'f' => "ˈɛf",
        'g' if british => "ʤˈiː",
        'g' => "ʤˈi",
        'h' => "ˈAʧ",
        'i' => "ˈI",
        'j' => "ʤˈA",
        'k' => "kˈA",
        'l' => "ˈɛl",
        'm' => "ˈɛm",
        'n' => "ˈɛn",
        'o' if british => "ˈQ",
        'o' => "ˈO",
        'p' if british => "pˈiː",
        'p' => "pˈi",
        'q' if british => "kjˈuː",
        'q' => "kjˈu",
        'r' if british => "ˈɑː",
        'r' => "ˈɑɹ",
        's' => "ˈɛs",
        't' if british => "tˈiː",
        't' => "tˈi",
        'u' if british => "jˈuː",
        'u' => "jˈu",
        'v' if british => "vˈiː",
        'v' => "vˈi",
        'w' => "dˈʌbᵊljˌu",
        'x' => "ˈɛks",
        'y' => "wˈI",
        'z' if british => "zˈɛd",
        'z' => "zˈi",
        _ => return None,
    })
}
