//! Whisper's tokens: what they say, and what the special ones are for.
//!
//! Source: `tokenizer.py` of <https://github.com/openai/whisper> (MIT).

use std::ops::Range;

/// A token's number.
pub type Token = u32;

/// The smallest vocabulary with tokens for languages.
const MULTILINGUAL: usize = 51_865;
/// Moments within a window of 30 s, each 20 ms.
const MOMENTS: usize = 1_501;
/// Tokens that are neither text nor language nor moment, in a multilingual model.
const TASKS: usize = 8;
/// Languages that models for English alone have tokens for, and do not use.
const UNUSED_LANGUAGES: Token = 99;

/// What annotates speech and is not said: punctuation that stands alone, speakers' names, notes of music.
const NOT_SAID: &str = "\" # ( ) * + / : ; < = > @ [ \\ ] ^ _ ` { | } ~ 「 」 『 』 << >> <<< >>> -- --- -( -[ (' (\" (( )) ((( ))) [[ ]] {{ }} \
                        ♪♪ ♪♪♪ ♩ ♪ ♫ ♬ ♭ ♮ ♯";

/// The tokens of one model.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// The bytes of all texts, one after the other.
    texts: Vec<u8>,
    /// Where each text ends.
    ends: Vec<u32>,
    /// Ends a text.
    pub(super) end: Token,
    /// Begins a transcript.
    pub(super) start: Token,
    /// One for each language, in Whisper's order; empty in a model for English alone.
    pub(super) languages: Range<Token>,
    pub(super) transcribe: Token,
    /// Stands before what was said earlier.
    pub(super) before: Token,
    pub(super) no_speech: Token,
    pub(super) no_timestamps: Token,
}

impl Vocabulary {
    /// `size` counts special tokens too, which have no text.
    pub(super) fn new(texts: Vec<Vec<u8>>, size: usize) -> Vocabulary {
        let is_multilingual = size >= MULTILINGUAL;
        let end = if is_multilingual { 50_257 } else { 50_256 };
        let start = end + 1;
        let languages = if is_multilingual { (size - MOMENTS - TASKS) as Token - end } else { UNUSED_LANGUAGES };
        let translate = start + 1 + languages;
        let next = |end: &mut u32, text: &Vec<u8>| {
            *end += text.len() as u32;
            Some(*end)
        };
        let ends = texts.iter().scan(0, next).collect();
        Vocabulary {
            ends,
            texts: texts.concat(),
            end,
            start,
            languages: if is_multilingual { start + 1..translate } else { 0..0 },
            transcribe: translate + 1,
            before: translate + 3,
            no_speech: translate + 4,
            no_timestamps: translate + 5,
        }
    }

    /// The code of the language that a token stands for, such as `en`.
    pub(super) fn language_code(&self, token: Token) -> Option<&'static str> {
        let place = self.languages.contains(&token).then(|| token - self.languages.start)?;
        whisper_rs::get_lang_str(i32::try_from(place).ok()?)
    }

    /// The token that stands for the language with this code, if the model knows it.
    pub(super) fn language(&self, code: &str) -> Option<Token> {
        self.languages.clone().find(|token| self.language_code(*token) == Some(code))
    }

    /// What `tokens` say.
    pub(super) fn text(&self, tokens: &[Token]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| self.bytes(*token)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What a token says, which need not be whole characters; nothing for special ones.
    pub(super) fn bytes(&self, token: Token) -> &[u8] {
        let end = |token: usize| self.ends.get(token).map(|end| *end as usize);
        let start = (token as usize).checked_sub(1).map_or(Some(0), end);
        start.zip(end(token as usize)).and_then(|(start, end)| self.texts.get(start..end)).unwrap_or_default()
    }

    /// The tokens that say one of `texts`.
    pub(super) fn that_say(&self, texts: &[&str]) -> Vec<Token> {
        let says = |bytes: &[u8]| texts.iter().any(|text| text.as_bytes() == bytes);
        (0..self.ends.len() as Token).filter(|token| says(self.bytes(*token))).collect()
    }

    /// The tokens of what is written and not said, at the beginning of a word or within one.
    pub(super) fn not_said(&self) -> Vec<Token> {
        let beginning: Vec<String> = NOT_SAID.split_whitespace().map(|text| format!(" {text}")).collect();
        let mut texts: Vec<&str> = NOT_SAID.split_whitespace().collect();
        texts.extend(beginning.iter().map(String::as_str));
        // Within words these are said.
        texts.extend([" -", " '"]);
        self.that_say(&texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_tokens_are_where_openai_has_them() {
        let numbers = |size: usize| {
            let v = Vocabulary::new(Vec::new(), size);
            (v.end, v.start, v.languages, v.transcribe, v.before, v.no_speech, v.no_timestamps)
        };
        assert_eq!(numbers(51_864), (50_256, 50_257, 0..0, 50_358, 50_360, 50_361, 50_362));
        assert_eq!(numbers(51_865), (50_257, 50_258, 50_259..50_358, 50_359, 50_361, 50_362, 50_363));
        assert_eq!(numbers(51_866), (50_257, 50_258, 50_259..50_359, 50_360, 50_362, 50_363, 50_364));
    }

    #[test]
    fn languages_are_in_whispers_order() {
        let vocabulary = |size: usize| Vocabulary::new(Vec::new(), size);
        let codes = |size: usize| {
            let vocabulary = vocabulary(size);
            vocabulary.languages.clone().map(|token| vocabulary.language_code(token).unwrap()).collect::<Vec<_>>()
        };
        let (older, newer) = (codes(51_865), codes(51_866));
        assert_eq!((older.len(), &older[..5], older[98]), (99, ["en", "zh", "de", "es", "ru"].as_slice(), "su"));
        assert_eq!((&newer[..99], newer[99]), (older.as_slice(), "yue"));
        let multilingual = vocabulary(51_865);
        assert_eq!(multilingual.language("de"), Some(50_261));
        for code in ["yue", "german", "e\0n", ""] {
            assert_eq!(multilingual.language(code), None, "{code}");
        }
        assert_eq!(multilingual.language_code(multilingual.transcribe), None);
        assert_eq!(vocabulary(51_864).language("en"), None);
    }

    #[test]
    fn what_is_not_said_is_known_by_its_text() {
        let texts = ["a", " -", "-", " '", "[", " [", "♪", " (("].map(|text| text.as_bytes().to_vec()).to_vec();
        assert_eq!(Vocabulary::new(texts, 51_864).not_said(), [1, 3, 4, 5, 6, 7]);
    }
}
