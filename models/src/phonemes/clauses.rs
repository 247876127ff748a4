//! Where the sentences and clauses of a text end. espeak-ng swallows punctuation, and voices need it for their pauses.

/// A stretch of text between two marks of punctuation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Clause<'a> {
    /// The words, without the mark.
    pub(crate) text: &'a str,
    /// The mark that ends it, one of `.!?,;:`. The last clause may have none.
    pub(crate) mark: Option<char>,
}

/// The sentences of `text`, each with its punctuation and without white space around it.
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    let mut begin = 0;
    let mut sentences = Vec::new();
    for end in ends(text).filter(|end| is_sentence_end(end.mark)) {
        sentences.push(text[begin..end.after].trim());
        begin = end.after;
    }
    sentences.push(text[begin..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// The clauses of `text` that hold at least one letter or digit.
pub(crate) fn clauses(text: &str) -> Vec<Clause<'_>> {
    let mut begin = 0;
    let mut clauses = Vec::new();
    for end in ends(text) {
        clauses.push(Clause { text: text[begin..end.at].trim(), mark: Some(end.mark) });
        begin = end.after;
    }
    clauses.push(Clause { text: text[begin..].trim(), mark: None });
    clauses.retain(|clause| clause.text.chars().any(char::is_alphanumeric));
    clauses
}

pub(crate) fn is_sentence_end(mark: char) -> bool {
    matches!(mark, '.' | '!' | '?')
}

/// The end of a clause: the mark's position and meaning, and where the next clause begins.
struct End {
    at: usize,
    mark: char,
    after: usize,
}

fn ends(text: &str) -> impl Iterator<Item = End> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(found) = text[from..].find(|character| meaning(character).is_some()) {
            let at = from + found;
            let rest = &text[at..];
            let run = rest.find(|c| meaning(c).is_none() && !is_closer(c)).unwrap_or(rest.len());
            from = at + run;
            let first = rest.chars().next()?;
            let mark = meaning(first)?;
            if ends_here(&rest[..run], &text[from..]) {
                return Some(End { at, mark, after: from });
            }
        }
        None
    })
}

/// The mark among `.!?,;:` that `character` stands for.
fn meaning(character: char) -> Option<char> {
    match character {
        '.' | '。' | '…' => Some('.'),
        '!' | '！' => Some('!'),
        '?' | '？' => Some('?'),
        ',' | '，' | '、' | '—' => Some(','),
        ';' | '；' => Some(';'),
        ':' | '：' => Some(':'),
        _ => None,
    }
}

fn is_closer(character: char) -> bool {
    matches!(character, '"' | '”' | '’' | '\'' | ')' | ']' | '»' | '」')
}

/// Whether `marks`, followed by `rest`, end a clause: not in "3.5", "e.g. this" or "it:that".
fn ends_here(marks: &str, rest: &str) -> bool {
    if !marks.is_ascii() {
        return true;
    }
    let next_word = rest.trim_start();
    let apart = next_word.is_empty() || next_word.len() < rest.len();
    apart && !(marks == "." && next_word.starts_with(char::is_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let clauses = clauses(text);
        clauses.iter().map(|c| format!("<{}>{}", c.text, c.mark.unwrap_or('-'))).collect()
    }

    #[test]
    fn clauses_end_at_punctuation_that_stands_for_a_pause() {
        let table = [
            ("Well, it is ten past three.", "<Well>,<it is ten past three>."),
            ("Hello", "<Hello>-"),
            ("Pi is 3.5, e.g. here; wait: no?!", "<Pi is 3.5>,<e.g. here>;<wait>:<no>?"),
            ("She said \"yes.\" Then... nothing", "<She said \"yes>.<Then>.<nothing>-"),
            ("Ja — nein", "<Ja>,<nein>-"),
            ("你好，世界。再见", "<你好>,<世界>.<再见>-"),
            ("... , ?! 😀", ""),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_split_without_loss(text in "\\PC*|[a-z .,!?;:…—。\"')]{0,40}") {
            let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            proptest::prop_assert_eq!(solid(&sentences(&text).concat()), solid(&text));
            let words = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            let clauses: String = clauses(&text).iter().map(|clause| clause.text).collect();
            proptest::prop_assert_eq!(words(&clauses), words(&text));
        }
    }

    #[test]
    fn sentences_keep_their_punctuation() {
        assert_eq!(sentences(" One, two. \"Three!\" Four"), ["One, two.", "\"Three!\"", "Four"]);
        assert!(sentences(" \n").is_empty());
    }
}
