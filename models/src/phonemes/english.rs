//! English to Kokoro's symbols: by the dictionary, which is part of Pipit or a program beside it; where there is neither, by
//! espeak-ng, whose accent is not as good.

use super::clauses::{clauses, sentences};
#[cfg(feature = "dictionary")]
use super::dictionary::Dictionary;
use super::kokoro_symbols::{Sounds, TIE, from_espeak};
use super::pronouncer::Pronouncer;
use crate::cancel::CancelFlag;
use crate::espeak::EspeakNg;
use crate::voice::VoiceError;

/// How the words of an accent are said.
pub(crate) enum English {
    /// As the dictionary in this program says.
    #[cfg(feature = "dictionary")]
    Dictionary(Box<Dictionary>),
    /// As the one beside this program says.
    #[cfg_attr(feature = "dictionary", allow(dead_code, reason = "a Pipit with the dictionary asks no other program"))]
    Pronouncer(Pronouncer),
    /// As espeak-ng says.
    #[cfg_attr(feature = "dictionary", allow(dead_code, reason = "a Pipit with the dictionary does not need it"))]
    Espeak {
        /// The program.
        program: EspeakNg,
        /// Whose sounds.
        sounds: Sounds,
    },
}

impl English {
    /// The best there is for `sounds`, American unless they are British.
    #[cfg(feature = "dictionary")]
    pub(crate) fn new(sounds: Sounds, espeak: EspeakNg) -> Self {
        English::Dictionary(Box::new(Dictionary::new(sounds, espeak)))
    }

    /// The best there is for `sounds`, American unless they are British.
    #[cfg(not(feature = "dictionary"))]
    pub(crate) fn new(sounds: Sounds, espeak: EspeakNg) -> Self {
        Pronouncer::installed(sounds).map_or_else(
            || {
                tracing::warn!(
                    "without the package pipit-models there is no dictionary, so English is pronounced as espeak-ng does"
                );
                English::Espeak { program: espeak, sounds }
            },
            English::Pronouncer,
        )
    }

    /// The symbols of `text`, which is in words.
    ///
    /// # Errors
    /// [`VoiceError::Cancelled`], or [`VoiceError::Failed`] if the program beside this one did not answer.
    pub(crate) fn symbols(&self, text: &str, cancel: &CancelFlag) -> Result<String, VoiceError> {
        let text = speakable(text);
        let mut symbols = String::new();
        // A sentence at a time, because a call cannot be interrupted.
        for sentence in sentences(&text) {
            if cancel.is_cancelled() {
                return Err(VoiceError::Cancelled);
            }
            symbols.push_str(&match self {
                #[cfg(feature = "dictionary")]
                English::Dictionary(dictionary) => dictionary.symbols(sentence)?,
                English::Pronouncer(program) => program.symbols(sentence)?,
                English::Espeak { program, sounds } => by_espeak(program, *sounds, sentence, cancel)?,
            });
            symbols.push(' ');
        }
        Ok(symbols.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

fn by_espeak(program: &EspeakNg, sounds: Sounds, sentence: &str, cancel: &CancelFlag) -> Result<String, VoiceError> {
    let mut symbols = String::new();
    for clause in clauses(sentence) {
        let ipa = program.ipa(espeak_voice(sounds), clause.text, Some(TIE), cancel)?;
        symbols.push_str(&from_espeak(&ipa, sounds));
        symbols.extend(clause.mark);
        symbols.push(' ');
    }
    Ok(symbols)
}

/// espeak-ng's name of an accent.
pub(super) fn espeak_voice(sounds: Sounds) -> &'static str {
    if sounds == Sounds::British { "en-gb" } else { "en-us" }
}

/// `text` without what ends a line.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `text` without what the dictionary would obey: `[word](/phonemes/)` is its own markup.
fn speakable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '[' | ']') { ' ' } else { c }).collect()
}

#[cfg(test)]
#[cfg(feature = "dictionary")]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::phonemes::dictionary::UNSAID;
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

    #[test]
    fn espeak_pronounces_what_no_dictionary_does() {
        let english = English::Espeak { program: EspeakNg::default(), sounds: Sounds::American };
        assert_eq!(said(&english, "Hello, world!"), "həlˈO, wˈɜɹld!");
    }

    #[test]
    fn a_program_that_ends_or_is_missing_is_named() {
        for program in ["/nowhere/pipit-pronounce", "/bin/true"] {
            let english = English::Pronouncer(Pronouncer::at(program, Sounds::American));
            let error = english.symbols("Hello.", &CancelFlag::new()).unwrap_err().to_string();
            assert!(error.contains(program), "{error}");
        }
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
