//! From text to tokens: GPT-2's byte-pair encoding, for what is put before a transcript.
//!
//! Source: `encoder.py` of <https://github.com/openai/gpt-2> (MIT), and its use in `tokenizer.py` of
//! <https://github.com/openai/whisper> (MIT). A token's id is its rank: the lower it is, the earlier its parts are merged.

use unicode_normalization::char::is_combining_mark;

use super::vocabulary::{Token, Vocabulary};

/// The longest stretch that is encoded as one, in bytes. Words are shorter, and what is not would take long.
const LONGEST: usize = 256;

/// The tokens of a vocabulary in the order of their texts.
#[derive(Debug)]
pub(super) struct BytePairs {
    by_text: Vec<Token>,
}

impl BytePairs {
    pub(super) fn new(vocabulary: &Vocabulary) -> BytePairs {
        let mut by_text: Vec<Token> =
            (0..vocabulary.end).filter(|token| !vocabulary.bytes(*token).is_empty()).collect();
        // Of tokens that say the same, the first stands for all.
        by_text.sort_by_key(|token| (vocabulary.bytes(*token), *token));
        by_text.dedup_by_key(|token| vocabulary.bytes(*token));
        BytePairs { by_text }
    }

    /// The tokens that say `text`, none of them special; `vocabulary` is the one that this was made of. What it has no tokens
    /// for is left out.
    pub(super) fn encode(&self, vocabulary: &Vocabulary, text: &str) -> Vec<Token> {
        let mut tokens = Vec::new();
        for piece in Pieces(text).flat_map(|piece| Cut { rest: piece, longest: LONGEST }) {
            let bytes = (0..piece.len()).map(|at| self.find(vocabulary, &piece.as_bytes()[at..=at]));
            match bytes.collect::<Option<Vec<Token>>>() {
                Some(bytes) => self.merge(vocabulary, piece.as_bytes(), &bytes, &mut tokens),
                None => self.match_longest(vocabulary, piece, &mut tokens),
            }
        }
        tokens
    }

    fn find(&self, vocabulary: &Vocabulary, text: &[u8]) -> Option<Token> {
        let found = self.by_text.binary_search_by(|token| vocabulary.bytes(*token).cmp(text)).ok()?;
        self.by_text.get(found).copied()
    }

    /// Merges the two neighbours that make the token of the lowest rank, until no two make one. `bytes` are the tokens of the
    /// single bytes of `piece`.
    fn merge(&self, vocabulary: &Vocabulary, piece: &[u8], bytes: &[Token], tokens: &mut Vec<Token>) {
        /// A token so far, and the one that it makes with the next.
        struct Part {
            from: usize,
            token: Token,
            merged: Option<Token>,
        }
        let mut parts: Vec<Part> =
            (0..).zip(bytes).map(|(from, token)| Part { from, token: *token, merged: None }).collect();
        let merged = |parts: &[Part], at: usize| {
            let to = parts.get(at + 2).map_or(piece.len(), |part| part.from);
            (at + 1 < parts.len()).then(|| self.find(vocabulary, &piece[parts[at].from..to])).flatten()
        };
        for at in 0..parts.len() {
            parts[at].merged = merged(&parts, at);
        }
        while let Some((token, at)) = (0..).zip(&parts).filter_map(|(at, part)| Some((part.merged?, at))).min() {
            parts[at].token = token;
            parts.remove(at + 1);
            for at in at.saturating_sub(1)..=at {
                parts[at].merged = merged(&parts, at);
            }
        }
        tokens.extend(parts.iter().map(|part| part.token));
    }

    /// From the left the longest token each time, for vocabularies that do not have every byte.
    fn match_longest(&self, vocabulary: &Vocabulary, piece: &str, tokens: &mut Vec<Token>) {
        let before = tokens.len();
        let mut rest = piece;
        while let Some(first) = rest.chars().next() {
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
            let longest = ends.filter_map(|end| Some((self.find(vocabulary, &rest.as_bytes()[..end])?, end))).next();
            let (token, end) = longest.map_or((None, first.len_utf8()), |(token, end)| (Some(token), end));
            tokens.extend(token);
            rest = &rest[end..];
        }
        // A space alone is what was before a word that was left out.
        if tokens[before..].iter().all(|token| vocabulary.bytes(*token) == b" ") {
            tokens.truncate(before);
        }
    }
}

/// Words with the space before them, numbers, punctuation and white space: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+|
/// ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, which no token goes beyond.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (piece, rest) = self.0.split_at(piece_length(self.0));
        self.0 = rest;
        (!piece.is_empty()).then_some(piece)
    }
}

#[derive(PartialEq, Eq)]
enum Class {
    Letter,
    Number,
    Space,
    Other,
}

fn piece_length(text: &str) -> usize {
    let contraction = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].into_iter().find(|end| text.starts_with(end));
    if let Some(contraction) = contraction {
        return contraction.len();
    }
    let run = |from: usize, wanted: &Class| {
        let rest = &text[from..];
        from + rest.find(|c| class(c) != *wanted).unwrap_or(rest.len())
    };
    let space = usize::from(text.starts_with(' '));
    match text[space..].chars().next().map(class) {
        None => space,
        Some(Class::Space) => {
            let end = run(0, &Class::Space);
            let last = text[..end].char_indices().next_back().map_or(0, |(at, _)| at);
            // The last one belongs to what follows, but is not alone in that.
            if end == text.len() || last == 0 { end } else { last }
        }
        Some(class) => run(space, &class),
    }
}

/// What a character is by its general category, as regular expressions ask for it.
fn class(c: char) -> Class {
    if c.is_whitespace() {
        Class::Space
    } else if c.is_numeric() {
        Class::Number
    } else if c.is_alphabetic() && !is_combining_mark(c) && !is_letter_in_a_frame(c) {
        Class::Letter
    } else {
        Class::Other
    }
}

/// Letters in circles and squares are symbols, though they count as alphabetic.
fn is_letter_in_a_frame(c: char) -> bool {
    matches!(c, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f149}' | '\u{1f150}'..='\u{1f169}' | '\u{1f170}'..='\u{1f189}')
}

/// Cuts what is longer than `longest` bytes.
struct Cut<'a> {
    rest: &'a str,
    longest: usize,
}

impl<'a> Iterator for Cut<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (piece, rest) = self.rest.split_at(self.rest.floor_char_boundary(self.longest));
        self.rest = rest;
        (!piece.is_empty()).then_some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whisper::weights::Weights;
    use crate::whisper::{WhisperSource, nano};

    fn pieces(text: &str) -> Vec<&str> {
        Pieces(text).collect()
    }

    #[test]
    fn texts_are_cut_where_gpt_2_cuts_them() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            (" turn it  on", &[" turn", " it", " ", " on"]),
            ("don't we'll I'VE 's", &["don", "'t", " we", "'ll", " I", "'", "VE", " '", "s"]),
            (" 21.5 degrees\n\n  at 7:30  ", &[" 21", ".", "5", " degrees", "\n\n ", " at", " 7", ":", "30", "  "]),
            ("\tx \ty\u{a0}z", &["\t", "x", " ", "\t", "y", "\u{a0}", "z"]),
            ("Zigbee2MQTT's...what?", &["Zigbee", "2", "MQTT", "'s", "...", "what", "?"]),
            // A vowel sign is a mark, a Roman numeral a number, and a letter in a circle a symbol.
            ("हिन्दी Ⅳx ⓐ日本語 ²", &["ह", "ि", "न", "्", "द", "ी", " Ⅳ", "x", " ⓐ", "日本語", " ²"]),
            ("über ñ", &["über", " ñ"]),
        ];
        for (text, expected) in table {
            assert_eq!(pieces(text), *expected);
            assert_eq!(pieces(text).concat(), *text);
        }
    }

    fn tokens_of(texts: &[&str], text: &str) -> Vec<Token> {
        let vocabulary = Vocabulary::new(texts.iter().map(|text| text.as_bytes().to_vec()).collect(), 51_864);
        BytePairs::new(&vocabulary).encode(&vocabulary, text)
    }

    #[test]
    fn the_lowest_rank_is_merged_first() {
        // Not "abc" from the left, as "bc" has the lower rank; and "abcd" cannot be made, as "bcd" and "abc" are not.
        let texts = ["a", "b", "c", "d", "bc", "ab", "abcd", "dd"];
        assert_eq!(tokens_of(&texts, "abcd"), [0, 4, 3]);
        assert_eq!(tokens_of(&texts, "abab"), [5, 5]);
        assert_eq!(tokens_of(&texts, "ddd"), [7, 3]);
        assert!(tokens_of(&texts, "").is_empty());
    }

    #[test]
    fn what_has_no_token_is_left_out() {
        let texts = [" light", " lights", " the", "the", " on", "é", "on", " "];
        assert_eq!(tokens_of(&texts, "the lights on"), [3, 1, 4]);
        assert_eq!(tokens_of(&texts, "the 日本 éon"), [3, 7, 5, 6]);
        assert_eq!(tokens_of(&texts, "xthey ééx on日"), [3, 7, 5, 5, 4]);
        assert!(tokens_of(&texts, "日本").is_empty());
    }

    #[test]
    fn long_words_are_encoded_in_parts() {
        let texts = ["a", "aa", "aaaa"];
        assert_eq!(tokens_of(&texts, &"a".repeat(100_001)), [vec![2; 25_000], vec![0]].concat());
        assert_eq!(Cut { rest: "aé日", longest: 4 }.collect::<Vec<_>>(), ["aé", "日"]);
    }

    /// What `tiktoken` makes of them with OpenAI's vocabulary.
    #[test]
    fn the_tokens_are_openais() {
        let vocabulary = Weights::open(&WhisperSource::Bytes(nano())).unwrap().contents.vocabulary;
        let vocabulary = Vocabulary::new(vocabulary, 51_864);
        let pairs = BytePairs::new(&vocabulary);
        let table: &[(&str, &[Token])] = &[
            (" turn on the kitchen light", &[1210, 319, 262, 9592, 1657]),
            (
                " Home Assistant, Zigbee2MQTT and Pipit's timer.",
                &[5995, 15286, 11, 24992, 20963, 17, 49215, 15751, 290, 25149, 270, 338, 19781, 13],
            ),
            (" don't we'll I'VE", &[836, 470, 356, 1183, 314, 6, 6089]),
            (" 21.5 degrees\n\n  at 7:30  ", &[2310, 13, 20, 7370, 628, 220, 379, 767, 25, 1270, 220, 220]),
            (" antidisestablishmentarianism", &[1885, 29207, 44390, 3699, 1042]),
            (" supercalifragilistic!!! ...what?", &[2208, 9948, 361, 22562, 346, 2569, 10185, 2644, 10919, 30]),
            // A special token is not made of what people write.
            (" <|endoftext|>", &[1279, 91, 437, 1659, 5239, 91, 29]),
            ("<|endoftext|>", &[27, 91, 437, 1659, 5239, 91, 29]),
        ];
        for (text, expected) in table {
            let tokens = pairs.encode(&vocabulary, text);
            assert_eq!(tokens, *expected, "{text}");
            assert_eq!(vocabulary.text(&tokens), *text);
        }
        // Its file has no bytes beyond ASCII, but some characters.
        assert_eq!(vocabulary.text(&pairs.encode(&vocabulary, " café 日本")), " café");
    }
}
