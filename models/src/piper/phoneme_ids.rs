//! A text as the ids that a Piper voice was trained on.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use super::config::{PhonemeType, VoiceConfig};
use crate::cancel::CancelFlag;
use crate::espeak::EspeakNg;
use crate::phonemes::clauses::{clauses, is_sentence_end};
use crate::voice::VoiceError;

/// The most phonemes of one inference. Piper was trained on sentences, and memory grows with their length.
const PHONEMES_AT_ONCE: usize = 400;

/// The phonemes of each sentence, decomposed so that one `char` is one phoneme, with the punctuation that Piper keeps.
pub(super) fn sentences(
    text: &str,
    config: &VoiceConfig,
    espeak: &EspeakNg,
    cancel: &CancelFlag,
) -> Result<Vec<Vec<char>>, VoiceError> {
    let mut sentences = vec![Vec::new()];
    for clause in clauses(text) {
        let phonemes = match (config.phoneme_type, &config.espeak) {
            (PhonemeType::Espeak, Some(voice)) => espeak.ipa(&voice.voice, clause.text, None, cancel)?,
            _ => clause.text.to_owned(),
        };
        let sentence = sentences.last_mut().expect("there is always a sentence under way");
        sentence.extend(phonemes.nfd());
        sentence.extend(clause.mark);
        match clause.mark {
            Some(mark) if is_sentence_end(mark) => sentences.push(Vec::new()),
            _ => sentence.push(' '),
        }
    }
    sentences.retain_mut(|sentence| {
        while sentence.last() == Some(&' ') {
            sentence.pop();
        }
        !sentence.is_empty()
    });
    Ok(sentences.into_iter().flat_map(in_pieces).collect())
}

/// Cuts an endless sentence at its last space that fits.
fn in_pieces(mut sentence: Vec<char>) -> Vec<Vec<char>> {
    let mut pieces = Vec::new();
    while sentence.len() > PHONEMES_AT_ONCE {
        let space = sentence[..PHONEMES_AT_ONCE].iter().rposition(|&phoneme| phoneme == ' ');
        let rest = sentence.split_off(space.map_or(PHONEMES_AT_ONCE, |at| at + 1));
        pieces.push(std::mem::replace(&mut sentence, rest));
    }
    pieces.push(sentence);
    pieces
}

/// `^ _ p _ h _ o _ $`: a pad between any two, which is how the voices were trained. Phonemes that the voice does not know
/// are dropped; `None` if it knows none that can be heard.
pub(super) fn ids(phonemes: &[char], map: &HashMap<String, Vec<i64>>) -> Option<Vec<i64>> {
    let known = |phoneme: char| map.get(&*phoneme.encode_utf8(&mut [0; 4]));
    // Capitals occur only where the phonemes are letters, and most such voices know the small ones alone.
    let of = |phoneme: char| known(phoneme).or_else(|| known(phoneme.to_lowercase().next()?));
    let pad = of('_')?.clone();
    let mut ids = of('^')?.clone();
    ids.extend(&pad);
    let mut audible = false;
    for &phoneme in phonemes {
        if let Some(known) = of(phoneme) {
            ids.extend(known);
            ids.extend(&pad);
            audible |= phoneme.is_alphabetic();
        }
    }
    ids.extend(of('$')?);
    audible.then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_stand_between_any_two() {
        let map = [("_", 0), ("^", 1), ("$", 2), ("a", 14), ("\u{327}", 140), ("c", 16)];
        let map = map.into_iter().map(|(phoneme, id)| (phoneme.to_owned(), vec![id])).collect();
        let decomposed: Vec<char> = "açx".nfd().collect();
        assert_eq!(ids(&decomposed, &map), Some(vec![1, 0, 14, 0, 16, 0, 140, 0, 2]));
        assert_eq!(ids(&['x'], &map), None);
    }

    #[test]
    fn endless_sentences_are_cut_between_words() {
        let pieces = in_pieces("abcd ".repeat(200).chars().collect());
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [400, 400, 200]);
        assert_eq!(in_pieces(vec!['a'; 1_000]).len(), 3);
    }
}
