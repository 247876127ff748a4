//! Comparing what was said with what was heard, word by word.

/// The words of `text` as a person would hear them: lower case, no punctuation, numbers in words, no "um".
pub(crate) fn spoken_words(text: &str) -> Vec<String> {
    let plain = text.to_lowercase().replace(['\'', '\u{2019}'], "").replace('%', " percent ").replace('&', " and ");
    let mut words = Vec::new();
    for token in plain.split_whitespace() {
        // A comma inside a number groups its digits; everywhere else punctuation parts words.
        let token =
            if token.starts_with(|c: char| c.is_ascii_digit()) { token.replace(',', "") } else { token.to_owned() };
        let is_decimal = token.trim_end_matches('.').split('.').all(|part| !part.is_empty() && all_digits(part));
        let parts: Vec<&str> = if is_decimal {
            token.trim_end_matches('.').split('.').collect()
        } else {
            token.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect()
        };
        for (at, part) in parts.iter().enumerate() {
            if is_decimal && at > 0 {
                words.push("point".to_owned());
                part.chars().for_each(|digit| push_number(&mut words, &digit.to_string()));
            } else {
                push_part(&mut words, part);
            }
        }
    }
    words.retain(|word| !matches!(word.as_str(), "um" | "uh" | "hm" | "hmm" | "mm" | "mhm" | "er" | "ah"));
    words
}

/// The fewest words to replace, leave out or add to make `heard` of `said`.
pub(crate) fn word_errors(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, word) in said.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in heard.iter().enumerate() {
            let replaced = diagonal + usize::from(word != other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[heard.len()]
}

fn all_digits(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}

/// A run of letters, of digits, or of both ("3rd", "7pm").
fn push_part(words: &mut Vec<String>, part: &str) {
    let letters_at = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
    let (digits, letters) = part.split_at(letters_at);
    match (digits, letters) {
        ("", letters) => words.push(letters.to_owned()),
        (digits, "st" | "nd" | "rd" | "th") => {
            push_number(words, digits);
            if let Some(last) = words.last_mut() {
                *last = ordinal(last);
            }
        }
        (digits, "") => push_number(words, digits),
        (digits, letters) => {
            push_number(words, digits);
            words.push(letters.to_owned());
        }
    }
}

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

fn push_number(words: &mut Vec<String>, digits: &str) {
    match digits.parse::<usize>() {
        // Digits with a zero before them, and very long ones, are read one by one.
        Ok(number) if number < 1_000_000 && (digits.len() == 1 || !digits.starts_with('0')) => {
            push_below_million(words, number)
        }
        _ => words.extend(digits.bytes().map(|digit| ONES[usize::from(digit - b'0')].to_owned())),
    }
}

fn push_below_million(words: &mut Vec<String>, number: usize) {
    match number {
        0..20 => words.push(ONES[number].to_owned()),
        20..100 => {
            words.push(TENS[number / 10].to_owned());
            if !number.is_multiple_of(10) {
                push_below_million(words, number % 10);
            }
        }
        _ => {
            let (unit, name) = if number < 1000 { (100, "hundred") } else { (1000, "thousand") };
            push_below_million(words, number / unit);
            words.push(name.to_owned());
            if !number.is_multiple_of(unit) {
                push_below_million(words, number % unit);
            }
        }
    }
}

fn ordinal(word: &str) -> String {
    match word {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        word => word.strip_suffix('y').map_or_else(|| format!("{word}th"), |stem| format!("{stem}ieth")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_punctuation_do_not_count_as_errors() {
        for (one, other) in [
            ("What's the time?", "whats the time"),
            ("Set a timer for 25 minutes.", "set a timer for twenty-five minutes"),
            ("It's 1,204 km at 7pm", "its one thousand two hundred four km at seven pm"),
            ("the 21st of May, 50%", "the twenty first of may fifty percent"),
            ("20.5 degrees", "twenty point five degrees"),
            ("007", "zero zero seven"),
            ("um, the 40th... uh light", "the fortieth light"),
        ] {
            assert_eq!(spoken_words(one), spoken_words(other));
        }
    }

    #[test]
    fn errors_are_counted_as_edits() {
        for (said, heard, errors) in
            [("a b c", "a b c", 0), ("a b c", "", 3), ("", "a b", 2), ("a b c d", "a x c", 2), ("a b c", "b c d", 2)]
        {
            assert_eq!(word_errors(&spoken_words(said), &spoken_words(heard)), errors, "{said} / {heard}");
        }
    }
}
