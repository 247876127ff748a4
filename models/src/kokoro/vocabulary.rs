//! Kokoro's symbols and their tokens: data from the model's configuration, and the cutting of long texts.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The most symbols that the model takes at once: its context of 512 less the padding at both ends.
pub(super) const MOST_SYMBOLS: usize = 510;

/// The most symbols of one inference: 15 s of sound. Memory grows by about 20 MB for a second of sound, and a small board
/// has other uses for the 800 MB that an inference of [`MOST_SYMBOLS`] would take beside the model.
const SYMBOLS_AT_ONCE: usize = 200;
const _: () = assert!(SYMBOLS_AT_ONCE <= MOST_SYMBOLS);

static TOKENS: LazyLock<HashMap<char, i64>> = LazyLock::new(|| {
    include_str!("vocabulary.txt").lines().filter(|line| !line.starts_with('#')).filter_map(entry).collect()
});

/// `16 U+0020` is token 16 for the space. What follows the code point is for the reader.
fn entry(line: &str) -> Option<(char, i64)> {
    let mut fields = line.split(' ');
    let token = fields.next()?.parse().ok()?;
    let code_point = u32::from_str_radix(fields.next()?.strip_prefix("U+")?, 16).ok()?;
    Some((char::from_u32(code_point)?, token))
}

/// The tokens of each inference that `phonemes` needs, without padding. Symbols that Kokoro does not know are dropped.
pub(super) fn inferences(phonemes: &str) -> Vec<Vec<i64>> {
    let mut rest: Vec<char> = phonemes.trim().chars().filter(|symbol| TOKENS.contains_key(symbol)).collect();
    let mut inferences = Vec::new();
    while !rest.is_empty() {
        let later = rest.split_off(cut(&rest));
        // Spaces and punctuation alone are silence.
        if rest.iter().any(|symbol| symbol.is_alphabetic()) {
            inferences.push(rest.iter().filter_map(|symbol| TOKENS.get(symbol).copied()).collect());
        }
        rest = later;
    }
    inferences
}

/// Where to cut: after the last end of a sentence that fits, else the last other mark, the last space, or anywhere.
fn cut(symbols: &[char]) -> usize {
    if symbols.len() <= SYMBOLS_AT_ONCE {
        return symbols.len();
    }
    let fitting = &symbols[..SYMBOLS_AT_ONCE];
    let after_last = |marks: &[char]| fitting.iter().rposition(|symbol| marks.contains(symbol)).map(|at| at + 1);
    [&['.', '!', '?', '…'][..], &[',', ';', ':', '—'], &[' ']]
        .into_iter()
        .find_map(after_last)
        .unwrap_or(SYMBOLS_AT_ONCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_models() {
        assert_eq!(TOKENS.len(), 114);
        assert_eq!(inferences("həlˈO, wˈɜɹld!"), [[50, 83, 54, 156, 31, 3, 16, 65, 156, 87, 123, 54, 46, 5]]);
    }

    #[test]
    fn unknown_symbols_are_dropped() {
        assert_eq!(inferences("h❓ə\u{0}❄"), [[50, 83]]);
        assert!(inferences("❓ . , ❓").is_empty());
        assert!(inferences("").is_empty());
    }

    #[test]
    fn long_texts_are_cut_where_one_would_breathe() {
        let text = format!("{}. {}, {} b {}", "a".repeat(100), "a".repeat(150), "a".repeat(150), "a".repeat(450));
        let lengths: Vec<usize> = inferences(&text).iter().map(Vec::len).collect();
        assert_eq!(lengths, [101, 152, 154, 200, 200, 50]);
    }
}
