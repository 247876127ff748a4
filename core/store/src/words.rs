//! The words of a text as the index of the search holds them. Whatever the index tells of a text, this decides.
//!
//! A word is in it by each of its beginnings, so that finding a beginning is finding a token whole. Tokens are keyed hashes,
//! of which a part means nothing: the file does not say which words they are of.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation as _;

/// Words that are the same in this many characters are the same.
const LONGEST: usize = 24;

/// What a person may look for at once; nobody means the rest.
const MOST: usize = 32;

/// Characters of a token, with five bits of the hash in each. Where a house knows a hundred thousand beginnings of words, one
/// search in ten billion finds something by mistake, and only shows it.
const TOKEN: usize = 10;

/// The tokens by which a text is found, separated by spaces: each beginning of each word, hashed.
pub(crate) fn to_index(text: &str, hash: impl Fn(&str) -> u128) -> String {
    let words = words(text);
    let mut tokens: BTreeSet<&str> = BTreeSet::new();
    for word in &words {
        tokens.extend(word.char_indices().map(|(at, c)| &word[..at + c.len_utf8()]));
    }
    let mut joined = String::with_capacity(tokens.len() * (TOKEN + 1));
    for token in tokens {
        push_token(&mut joined, hash(token));
        joined.push(' ');
    }
    joined
}

/// Writes a hash in letters and digits that the index keeps as they are.
fn push_token(tokens: &mut String, hash: u128) {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    tokens.extend((0..TOKEN).map(|place| char::from(DIGITS[(hash >> (5 * place) & 31) as usize])));
}

/// A query in the syntax of FTS5 for texts that hold each word of `wanted`, or one that begins with it; nothing if there is no
/// word in it. Tokens have letters and digits in them and nothing else, so none can be syntax once it is quoted.
pub(crate) fn query(wanted: &str, hash: impl Fn(&str) -> u128) -> Option<String> {
    let quoted = words(wanted).into_iter().take(MOST).map(|word| {
        let mut quoted = "\"".to_owned();
        push_token(&mut quoted, hash(&word));
        quoted + "\""
    });
    let quoted: Vec<String> = quoted.collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

/// The different words of a text: without case, accents and punctuation, cut at [`LONGEST`].
fn words(text: &str) -> BTreeSet<String> {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_left_out(*c)).flat_map(char::to_lowercase) {
        fold(c, &mut folded);
    }
    let mut words = BTreeSet::new();
    // What the Unicode standard takes for one word may have apostrophes and points in it, as "l'homme" has.
    for part in
        folded.unicode_words().flat_map(|word| word.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)))
    {
        let word: String = part.nfc().take(LONGEST).collect();
        if !word.is_empty() && !words.contains(&word) {
            words.insert(word);
        }
    }
    words
}

/// Accents, points and vowel signs that people leave out when they type, and what is not seen at all. The marks of other
/// scripts change the word.
fn is_left_out(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}' | '\u{5C2}' | '\u{5C4}' | '\u{5C5}' | '\u{5C7}'
        | '\u{64B}'..='\u{652}' | '\u{670}'
        | '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Letters that Unicode does not take apart, as people without them on their keyboard write them.
fn fold(c: char, folded: &mut String) {
    match c {
        'ß' => folded.push_str("ss"),
        'æ' => folded.push_str("ae"),
        'œ' => folded.push_str("oe"),
        'ø' => folded.push('o'),
        'ł' => folded.push('l'),
        'đ' => folded.push('d'),
        'ħ' => folded.push('h'),
        'ı' => folded.push('i'),
        'ς' => folded.push('σ'),
        other => folded.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_however_they_are_written() {
        for (text, expected) in [
            ("The quick, brown Fox!", "brown fox quick the"),
            ("Crème BRÛLÉE, naïve", "brulee creme naive"),
            ("Łódź İstanbul ΟΔΟΣ Ångström", "angstrom istanbul lodz οδοσ"),
            ("l'homme doesn't", "doesn homme l t"),
            ("at 21.5 °C, foo_bar", "21 5 at bar c foo"),
            ("Straße ſtrasse ÆON", "aeon strasse"),
            ("ﬁne ＦＵＬＬ soft\u{AD}ware", "fine full software"),
            ("東京 に", "に 京 東"),
            ("हिन्दी שָׁלוֹם", "שלום हिन्दी"),
            ("\"NEAR( AND * - : ^ 🐦 \0", "and near"),
            ("", ""),
        ] {
            assert_eq!(words(text).into_iter().collect::<Vec<_>>().join(" "), expected, "{text:?}");
        }
    }

    /// The tokens of a text, with the beginning in place of each hash.
    fn beginnings(text: &str) -> Vec<String> {
        let hashed = std::cell::RefCell::new(Vec::new());
        let tokens = to_index(text, |word| {
            hashed.borrow_mut().push(word.to_owned());
            0
        });
        assert_eq!(tokens, "aaaaaaaaaa ".repeat(hashed.borrow().len()));
        hashed.into_inner()
    }

    #[test]
    fn beginnings_are_whole_characters() {
        assert_eq!(beginnings("été Te"), ["e", "et", "ete", "t", "te"]);
        assert_eq!(beginnings("大きい 大"), ["い", "き", "大"]);
        assert_eq!(beginnings(&"x".repeat(1 << 20)).len(), LONGEST);
    }

    #[test]
    fn a_query_is_hashes_and_nothing_else() {
        let by_length = |word: &str| word.len() as u128;
        let expected = "\"eaaaaaaaaa\" AND \"caaaaaaaaa\" AND \"eaaaaaaaaa\"";
        assert_eq!(query("Wash* OR \"mach", by_length).as_deref(), Some(expected));
        assert_eq!(query(" *\"' ", by_length), None);
        let many = (0..1000).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(query(&many, by_length).map(|query| query.matches("AND").count()), Some(MOST - 1));
    }
}
