//! An utterance as templates can match it: lower-case words and signs, one space apart.
//!
//! Transcribers disagree about writing: one says "what's seventy fahrenheit", another "What’s 70°F?". Both become the
//! same kind of text here. No sign that carries meaning is dropped ("5 - 3" is not "5 3"), so that what templates do not
//! know cannot match by accident.

/// Longer utterances than this are no command, and are not looked at.
const MAX_BYTES: usize = 400;
/// Bounds the matcher's work, which grows with the square of the words.
const MAX_WORDS: usize = 40;

/// Words that people and transcribers contract, spelled as the templates spell them.
const EXPANSIONS: &[(&str, &str)] = &[
    ("what's", "what is"),
    ("whats", "what is"),
    ("how's", "how is"),
    ("hows", "how is"),
    ("when's", "when is"),
    ("who's", "who is"),
    ("where's", "where is"),
    ("it's", "it is"),
    ("that's", "that is"),
    ("thats", "that is"),
    ("i'm", "i am"),
    ("i'd", "i would"),
    ("you're", "you are"),
    ("todays", "today's"),
    ("cant", "can't"),
    ("didnt", "didn't"),
    ("dont", "don't"),
    ("that'll", "that will"),
    ("there's", "there is"),
    ("time's", "time is"),
    ("gimme", "give me"),
];

/// The normalised words of `utterance`, or `None` if it is empty or too long to be a command.
pub(super) fn normalise(utterance: &str) -> Option<String> {
    if utterance.len() > MAX_BYTES {
        return None;
    }
    let characters: Vec<char> = utterance.chars().flat_map(char::to_lowercase).collect();
    let mut spelled = String::with_capacity(utterance.len() + 16);
    for (at, &character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| characters[at]);
        spell(character, before, &characters[at + 1..], &mut spelled);
    }
    let words = words_of(&spelled);
    (!words.is_empty() && words.len() <= MAX_WORDS).then(|| words.join(" "))
}

/// Words to leave out at the ends of an utterance.
#[derive(Debug, Default)]
pub(super) struct Fillers {
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

impl Fillers {
    /// `text` without fillers at its ends; at least one word stays.
    pub(super) fn strip<'a>(&self, text: &'a str) -> &'a str {
        let mut rest = text;
        while let Some(shorter) = longest(self.before.iter().filter_map(|filler| without_first(rest, filler))) {
            rest = shorter;
        }
        while let Some(shorter) = longest(self.after.iter().filter_map(|filler| without_last(rest, filler))) {
            rest = shorter;
        }
        rest
    }
}

/// The remainder after the longest filler, which is the shortest remainder.
fn longest<'a>(remainders: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    remainders.min_by_key(|remainder| remainder.len())
}

fn without_first<'a>(text: &'a str, filler: &str) -> Option<&'a str> {
    text.strip_prefix(filler)?.strip_prefix(' ')
}

fn without_last<'a>(text: &'a str, filler: &str) -> Option<&'a str> {
    text.strip_suffix(filler)?.strip_suffix(' ')
}

/// Appends what `character` means between `before` and `after`.
fn spell(character: char, before: Option<char>, after: &[char], out: &mut String) {
    let next = after.first().copied();
    let digit_before = before.is_some_and(|c| c.is_ascii_digit());
    let digit_next = next.is_some_and(|c| c.is_ascii_digit());
    match character {
        '%' => out.push_str(" percent "),
        '°' | 'º' => out.push_str(" degrees "),
        '×' | '*' | '·' => out.push_str(" * "),
        '÷' => out.push_str(" / "),
        '+' | '^' | '(' | ')' | '=' => {
            out.push(' ');
            out.push(character);
            out.push(' ');
        }
        '½' => out.push_str(" 1/2 "),
        '¼' => out.push_str(" 1/4 "),
        '¾' => out.push_str(" 3/4 "),
        '-' | '−' | '–' | '—' => spell_dash(character, before, after, out),
        '/' if !digit_before || !digit_next => {
            // "km/h" is one unit; "10 / 2" is a division.
            let inside_word = before.is_some_and(char::is_alphabetic) && next.is_some_and(char::is_alphabetic);
            out.push_str(if inside_word { "/" } else { " / " });
        }
        '.' if digit_next => out.push_str(if digit_before { "." } else { " 0." }),
        '.' if before.is_some_and(char::is_alphabetic) && next.is_some_and(char::is_alphabetic) => {}
        ',' if digit_before && thousands_follow(after) => {}
        ':' if digit_before && digit_next => out.push(':'),
        '’' | '‘' | '`' => out.push('\''),
        '.' | ',' | ':' | ';' | '!' | '?' | '"' | '“' | '”' | '…' | '¿' | '¡' => out.push(' '),
        _ if character.is_whitespace() || character.is_control() => out.push(' '),
        _ => out.push(character),
    }
}

/// A dash is a minus before a figure, unless it joins words ("twenty-five", "covid-19"); otherwise it is punctuation.
fn spell_dash(dash: char, before: Option<char>, after: &[char], out: &mut String) {
    let figure_next = match after.iter().find(|c| !c.is_whitespace()) {
        Some('.') => true,
        Some(c) => c.is_ascii_digit() || *c == '(',
        None => false,
    };
    let joins_words = before.is_some_and(char::is_alphabetic);
    let minus = figure_next && !joins_words && dash != '—';
    out.push_str(if minus { " - " } else { " " });
}

/// Whether exactly three digits follow, as after the comma in "1,000".
fn thousands_follow(after: &[char]) -> bool {
    after.len() >= 3 && after[..3].iter().all(char::is_ascii_digit) && !after.get(3).is_some_and(char::is_ascii_digit)
}

/// The words of the spelled text: contractions written out, figures parted from what is written against them.
fn words_of(spelled: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for token in spelled.split_whitespace() {
        let token = token.trim_matches('\'');
        if let Some((_, expansion)) = EXPANSIONS.iter().find(|(contraction, _)| *contraction == token) {
            words.extend(expansion.split(' ').map(str::to_owned));
        } else if let Some(fraction) = fraction_words(token, words.last().map(String::as_str)) {
            words.extend(fraction.split(' ').map(str::to_owned));
        } else {
            part_figures(token, &mut words);
        }
    }
    words
}

/// "1/2" after a figure is "and a half", after an article "half".
fn fraction_words(token: &str, before: Option<&str>) -> Option<&'static str> {
    let after_figure = before.is_some_and(|word| word.ends_with(|c: char| c.is_ascii_digit()));
    let after_article = before == Some("a");
    Some(match token {
        "1/2" if after_figure => "and a half",
        "1/2" => "half",
        "1/4" if after_figure => "and a quarter",
        "1/4" if after_article => "quarter",
        "1/4" => "a quarter",
        "3/4" if after_figure => "and three quarters",
        "3/4" => "three quarters",
        _ => return None,
    })
}

/// Splits "12x7" into "12 x 7", "5min" into "5 min" and "9/3" into "9 / 3"; "3rd" and "4:30" stay whole.
fn part_figures(token: &str, words: &mut Vec<String>) {
    if !token.starts_with(|c: char| c.is_ascii_digit()) {
        if !token.is_empty() {
            words.push(token.to_owned());
        }
        return;
    }
    let figures = token.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ':')).unwrap_or(token.len());
    let (figure, rest) = token.split_at(figures);
    if rest.is_empty() || matches!(rest, "st" | "nd" | "rd" | "th") {
        words.push(token.to_owned());
        return;
    }
    words.push(figure.to_owned());
    for sign in ["x", "/"] {
        if let Some(operand) = rest.strip_prefix(sign)
            && operand.starts_with(|c: char| c.is_ascii_digit())
        {
            words.push(sign.to_owned());
            // Shorter than `token` by at least two bytes, and an utterance has at most `MAX_BYTES`.
            part_figures(operand, words);
            return;
        }
    }
    words.push(rest.to_owned());
}
