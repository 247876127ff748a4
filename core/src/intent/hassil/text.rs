//! How what was said and what is written in a pack become comparable: without case, and without marks around words.

/// Marks that transcribers put around words. A point within a word stays: "20.5", "a.c.".
const MARKS: &[char] = &[
    '.', '。', ',', '，', '?', '¿', '？', '؟', '!', '¡', '！', ';', '；', ':', '：', '…', '—', '–', '―', '"', '“', '”',
    '„', '«', '»',
];

/// What was said, in small letters, one space between words, and no marks around them.
#[must_use]
pub fn normalised(said: &str) -> String {
    let mut normalised = String::with_capacity(said.len());
    for word in folded(said).split(' ') {
        let word = word.trim_matches(MARKS);
        if !word.is_empty() {
            if !normalised.is_empty() {
                normalised.push(' ');
            }
            normalised.push_str(word);
        }
    }
    normalised
}

/// In small letters, with one space wherever there are any, and hyphens between letters as spaces.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let hyphen = matches!(c, '-' | '_' | '‐' | '‑')
            && before.is_some_and(char::is_alphabetic)
            && chars.peek().is_some_and(|next| next.is_alphabetic());
        if c.is_whitespace() || hyphen {
            if before != Some(' ') {
                folded.push(' ');
            }
            before = Some(' ');
            continue;
        }
        match c {
            '’' | '‘' | 'ʼ' => folded.push('\''),
            _ => folded.extend(c.to_lowercase()),
        }
        before = Some(c);
    }
    folded
}
