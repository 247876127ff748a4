//! What a recogniser wrote, as the words that were said. What they mean is decided elsewhere.

/// What recognisers write around sounds that are no words: `[laughs]`, `(coughs)`, `*sighs*`.
const ANNOTATIONS: &[(char, char)] = &[('[', ']'), ('(', ')'), ('*', '*')];

/// One word, without case, apostrophes and accents that stand by themselves: "Pipit's" is `pipits`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Letters and digits, lower case. Never empty.
    pub(crate) letters: String,
    /// Where the word ends in the transcript, in bytes.
    pub(crate) end: usize,
}

/// The words of `transcript` in order, without annotations. Hyphens part words.
pub(crate) fn words(transcript: &str) -> impl Iterator<Item = Word> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        at = skip_annotations(transcript, at)?;
        let rest = &transcript[at..];
        let length = rest.find(|c: char| !is_inside_word(c)).unwrap_or(rest.len());
        at += length;
        let letters = rest[..length].chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        Some(Word { letters, end: at })
    })
}

/// Where the next word begins at or after `at`; `None` if there is none.
fn skip_annotations(transcript: &str, mut at: usize) -> Option<usize> {
    loop {
        let rest = &transcript[at..];
        let first = rest.chars().next()?;
        if first.is_alphanumeric() {
            return Some(at);
        }
        at += first.len_utf8();
        // A bracket that nobody closed is punctuation: it must not swallow what was said.
        if let Some((_, close)) = ANNOTATIONS.iter().find(|(open, _)| *open == first)
            && let Some(inside) = transcript[at..].find(*close)
        {
            at += inside + close.len_utf8();
        }
    }
}

fn is_inside_word(c: char) -> bool {
    // Apostrophes, and the accents that Unicode can write apart from their letter.
    c.is_alphanumeric() || matches!(c, '\'' | '’' | '‘' | '`' | '\u{300}'..='\u{36f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(transcript: &str) -> String {
        words(transcript).map(|word| word.letters).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_lose_case_marks_and_annotations() {
        for (transcript, said) in [
            ("Hey, Pipit! What's 70°F?", "hey pipit whats 70 f"),
            ("[laughs] (wind blowing) uh-huh *sighs*", "uh huh"),
            ("stop [it", "stop it"),
            ("3 * 4", "3 4"),
            ("’twas — ÉTÉ", "twas été"),
            ("♪ …", ""),
        ] {
            assert_eq!(written(transcript), said, "{transcript}");
        }
    }

    #[test]
    fn a_words_end_is_its_place_in_the_transcript() {
        let transcript = "Héy, 「ピピ」 it’s";
        let rests: Vec<_> = words(transcript).map(|word| &transcript[word.end..]).collect();
        assert_eq!(rests, [", 「ピピ」 it’s", "」 it’s", ""]);
    }
}
