//! English to Kokoro's symbols: a dictionary that knows parts of speech (`misaki-rs`), and for the words that it does not
//! know espeak-ng, and where that is missing, their letters.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use misaki_rs::fallback::FallbackError;
use misaki_rs::{Fallback, G2P, Language};

use super::clauses::sentences;
use super::kokoro_symbols::{Sounds, TIE, from_espeak};
use crate::cancel::CancelFlag;
use crate::espeak::EspeakNg;
use crate::voice::VoiceError;

/// What `misaki-rs` writes for what it cannot say.
const UNSAID: char = '❓';

/// The dictionary of an accent. It takes 95 MiB and 160 ms on a fast machine to make, so only a voice that speaks English
/// phonemes makes one.
pub(crate) struct English {
    dictionary: G2P,
}

impl English {
    /// Loads the dictionary of `sounds`, American unless they are British.
    pub(crate) fn new(sounds: Sounds, espeak: EspeakNg) -> Self {
        let (language, voice) = match sounds {
            Sounds::British => (Language::EnglishGB, "en-gb"),
            Sounds::American | Sounds::Foreign => (Language::EnglishUS, "en-us"),
        };
        let unknown = UnknownWords { espeak, voice, sounds, known: Mutex::default() };
        English { dictionary: G2P::with_fallback(language, Some(Box::new(unknown))) }
    }

    /// The symbols of `text`, which is in words.
    ///
    /// # Errors
    /// [`VoiceError::Cancelled`].
    pub(crate) fn symbols(&self, text: &str, cancel: &CancelFlag) -> Result<String, VoiceError> {
        let text = speakable(text);
        let mut symbols = String::new();
        // A sentence at a time, because a call cannot be interrupted.
        for sentence in sentences(&text) {
            if cancel.is_cancelled() {
                return Err(VoiceError::Cancelled);
            }
            let (said, _) = self.dictionary.g2p(sentence).map_err(|error| {
                VoiceError::Failed(format!("the phonemes of a sentence could not be found: {error}"))
            })?;
            symbols.extend(said.chars().filter(|&symbol| symbol != UNSAID));
            symbols.push(' ');
        }
        Ok(symbols.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// `text` without what the dictionary would obey: `[word](/phonemes/)` is its own markup.
fn speakable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '[' | ']') { ' ' } else { c }).collect()
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::phonemes::kokoro_symbols;

    static WITHOUT_ESPEAK: LazyLock<English> =
        LazyLock::new(|| English::new(Sounds::American, EspeakNg::at("/nowhere/espeak-ng", Duration::from_secs(1))));

    fn said(english: &English, text: &str) -> String {
        english.symbols(text, &CancelFlag::new()).unwrap()
    }

    #[test]
    fn words_of_the_dictionary_and_words_that_are_not() {
        let english = English::new(Sounds::American, EspeakNg::default());
        let table = [
            ("Hello, world!", "həlˈO, wˈɜɹld!"),
            ("I read a book yesterday. I will read it.", "ˌI ɹˈɛd ɐ bˈʊk jˈɛstəɹdˌA. ˌI wɪl ɹˈid ɪt."),
            ("Ask Wojciech", "ˈæsk wˈɑʤsIʧ"),
            ("[hello](/x/) 你好 ok", "həlˈO (ˈɛks) ˌOkˈA"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(said(&english, text), expected, "{text}");
        }
    }

    #[test]
    fn letters_are_named_where_espeak_is_missing() {
        assert_eq!(said(&WITHOUT_ESPEAK, "qzxwv"), "kjˈu zˈi ˈɛks dˈʌbᵊljˌu vˈi");
        assert_eq!(said(&WITHOUT_ESPEAK, "hello qzxwv"), "həlˈO kjˈu zˈi ˈɛks dˈʌbᵊljˌu vˈi");
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,60}|[a-zA-Z0-9'’.,$%/@_—-]{0,40}|([A-Za-z]{1,9}[ '’.-]){0,12}") {
            let symbols = said(&WITHOUT_ESPEAK, &text);
            prop_assert!(!symbols.contains(UNSAID));
        }
    }

    /// Pairs of another phonemiser (espeak-ng with kokoro.js's changes), so agreement is all that can be asked.
    #[test]
    fn most_phonemes_agree_with_another_phonemiser() {
        for (file, sounds, least) in
            [("phonemize_en-us.jsonl", Sounds::American, 0.80), ("phonemize_en-gb.jsonl", Sounds::British, 0.80)]
        {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/g2p_kokoro");
            let Ok(pairs) = std::fs::read_to_string(folder.join(file)) else {
                println!("skipped: {file} is not here");
                return;
            };
            let english = English::new(sounds, EspeakNg::default());
            let (mut wrong, mut total) = (0, 0);
            for line in pairs.lines() {
                let pair: serde_json::Value = serde_json::from_str(line).unwrap();
                let (text, ipa) = (pair["text"].as_str().unwrap(), pair["ipa"].as_str().unwrap());
                // Numbers are put into words before, and other scripts are not said.
                if !text.chars().all(|c| c.is_ascii() && !c.is_ascii_digit()) {
                    continue;
                }
                let expected = sounds_alone(&kokoro_symbols::from_espeak(&tied(ipa), sounds));
                let given = sounds_alone(&said(&english, text));
                if given != expected {
                    println!("{text}: {given} instead of {expected}");
                }
                wrong += strsim::levenshtein(&given, &expected);
                total += expected.chars().count();
            }
            let agreement = 1.0 - wrong as f64 / total as f64;
            println!("{file}: {:.1} % of {total} phonemes agree", 100.0 * agreement);
            assert!(agreement >= least, "{file}: {agreement}");
        }
    }

    /// `ipa` with the ties that espeak-ng would have been asked for.
    fn tied(ipa: &str) -> String {
        let pairs = ["aɪ", "aʊ", "eɪ", "oʊ", "əʊ", "eə", "ɔɪ", "dʒ", "tʃ"];
        pairs.iter().fold(ipa.to_owned(), |ipa, pair| {
            let (first, second) = pair.split_at(pair.chars().next().map_or(0, char::len_utf8));
            ipa.replace(pair, &format!("{first}^{second}"))
        })
    }

    fn sounds_alone(symbols: &str) -> String {
        symbols.chars().filter(|c| c.is_alphabetic() && !matches!(c, 'ˈ' | 'ˌ' | 'ː')).collect()
    }
}
