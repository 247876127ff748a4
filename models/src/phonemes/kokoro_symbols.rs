//! From the IPA of espeak-ng to the symbols that Kokoro was trained on.
//!
//! Those write a diphthong as one capital (A as in "day", I "my", O "go", Q the British "go", W "now", Y "boy") and an
//! affricate as one letter. The facts are those of misaki 0.9.4 (`misaki/espeak.py`, Apache-2.0), from which the model's
//! training text came.

/// How espeak-ng joins the letters of one phoneme, so that the "ts" of "cats" and that of "tsar" are told apart.
pub(crate) const TIE: char = '^';

/// Whose sounds are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sounds {
    American,
    British,
    /// A language other than English.
    Foreign,
}

/// What espeak-ng calls a syllabic consonant.
const SYLLABIC: char = '\u{329}';

const DIPHTHONGS: &[(&str, &str)] =
    &[("a^ɪ", "I"), ("a^ʊ", "W"), ("e^ɪ", "A"), ("o^ʊ", "O"), ("ə^ʊ", "Q"), ("ɔ^ɪ", "Y"), ("d^ʒ", "ʤ"), ("t^ʃ", "ʧ")];

const FOREIGN: &[(&str, &str)] = &[("d^z", "ʣ"), ("t^s", "ʦ"), ("s^s", "S")];

/// English has no other way to say these sounds, which espeak-ng keeps apart.
const ENGLISH: &[(&str, &str)] = &[
    ("ʔˌn\u{329}", "tᵊn"),
    ("ʔn", "tᵊn"),
    ("ə^l", "ᵊl"),
    ("e^ə", "ɛː"),
    ("e", "A"),
    ("ɚ", "əɹ"),
    ("r", "ɹ"),
    ("x", "k"),
    ("ç", "k"),
    ("ɐ", "ə"),
    ("ɬ", "l"),
    ("ʔ", "t"),
    ("ʲ", ""),
    ("\u{303}", ""),
];

const AMERICAN: &[(&str, &str)] =
    &[("ɛː", "ɛɹ"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ː", ""), ("o", "ɔ"), ("ɾ", "T")];

const BRITISH: &[(&str, &str)] = &[("i^ə", "ɪə"), ("iə", "ɪə"), ("o", "ɔ")];

/// `ipa`, as espeak-ng writes it with [`TIE`], in Kokoro's symbols.
pub(crate) fn from_espeak(ipa: &str, sounds: Sounds) -> String {
    let tables: &[&[(&str, &str)]] = match sounds {
        Sounds::American => &[DIPHTHONGS, ENGLISH, AMERICAN],
        Sounds::British => &[DIPHTHONGS, ENGLISH, BRITISH],
        Sounds::Foreign => &[DIPHTHONGS, FOREIGN],
    };
    let mut symbols = ipa.to_owned();
    for (from, to) in tables.iter().copied().flatten() {
        symbols = symbols.replace(from, to);
    }
    symbols.retain(|symbol| symbol != TIE);
    with_syllable_vowels(&symbols)
}

/// A syllabic consonant gets the vowel that Kokoro writes before it.
fn with_syllable_vowels(symbols: &str) -> String {
    let mut written = String::with_capacity(symbols.len());
    for symbol in symbols.chars() {
        if symbol != SYLLABIC {
            written.push(symbol);
        } else if let Some(consonant) = written.pop() {
            if !written.ends_with('ᵊ') {
                written.push('ᵊ');
            }
            written.push(consonant);
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_written_as_kokoro_learned_them() {
        let table = [
            (Sounds::American, "wˈɑːd^ʒsa^ɪt^ʃ", "wˈɑʤsIʧ"),
            (Sounds::American, "bˈɑːɾə^l bˈʌʔn̩", "bˈɑTᵊl bˈʌtᵊn"),
            (Sounds::American, "bˈɜːd ˈo^ʊvɚ fˈoːɹ", "bˈɜɹd ˈOvəɹ fˈɔɹ"),
            (Sounds::British, "ðe^ə nˌi^ə ɡˌə^ʊ ɹˈɑːðə", "ðɛː nˌɪə ɡˌQ ɹˈɑːðə"),
            (Sounds::Foreign, "d^zˈero t^ʃˈa^ʊ", "ʣˈero ʧˈW"),
        ];
        for (sounds, ipa, symbols) in table {
            assert_eq!(from_espeak(ipa, sounds), symbols, "{ipa} {sounds:?}");
        }
    }
}
