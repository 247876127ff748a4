use super::{catalogue, quiet};
use crate::intent::{Intent, duration, fulfil, number};
use proptest::prelude::*;
use std::time::Duration;

/// A number below a thousand million in English words; British "and" if asked for.
fn in_words(n: u64, british: bool) -> String {
    const SMALL: [&str; 20] = [
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
    let beside = |head: String, rest: u64| match rest {
        0 => head,
        1..100 if british => format!("{head} and {}", in_words(rest, british)),
        _ => format!("{head} {}", in_words(rest, british)),
    };
    match n {
        0..20 => SMALL[n as usize].to_owned(),
        20..100 if n.is_multiple_of(10) => TENS[n as usize / 10].to_owned(),
        20..100 => format!("{} {}", TENS[n as usize / 10], SMALL[n as usize % 10]),
        100..1000 => beside(format!("{} hundred", in_words(n / 100, british)), n % 100),
        1000..1_000_000 => beside(format!("{} thousand", in_words(n / 1000, british)), n % 1000),
        _ => beside(format!("{} million", in_words(n / 1_000_000, british)), n % 1_000_000),
    }
}

/// Words that the catalogue and its slots know, in any order.
fn known_words() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "set",
        "a",
        "timer",
        "for",
        "five",
        "minutes",
        "and",
        "half",
        "an",
        "hour",
        "the",
        "pasta",
        "called",
        "what",
        "is",
        "times",
        "minus",
        "plus",
        "of",
        "percent",
        "how",
        "many",
        "cups",
        "in",
        "litre",
        "to",
        "one",
        "hundred",
        "thousand",
        "point",
        "quarter",
        "quarters",
        "two",
        "thirds",
        "please",
        "hello",
        "stop",
        "date",
        "on",
        "friday",
        "march",
        "twentieth",
        "(",
        ")",
        "-",
        "square",
        "root",
        "volume",
        "up",
        "by",
        "70",
        "1.5",
        "degrees",
        "f",
        "celsius",
        "cancel",
        "all",
        "timers",
        "left",
        "it",
        "turn",
        "down",
        "double",
        "squared",
        "power",
        "divided",
        "zero",
        "add",
    ];
    prop::collection::vec(prop::sample::select(WORDS), 0..45).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Some(intent) = catalogue().recognise(&text) {
            let _ = fulfil(&intent, &quiet());
        }
    }

    #[test]
    fn no_row_of_known_words_makes_it_panic_or_grow_without_bound(text in known_words()) {
        if let Some(intent) = catalogue().recognise(&text) {
            let _ = fulfil(&intent, &quiet());
        }
    }

    #[test]
    fn what_is_understood_does_not_depend_on_case_punctuation_or_politeness(text in known_words()) {
        let plain = catalogue().recognise(&text);
        if let Some(intent) = plain {
            prop_assert_eq!(catalogue().recognise(&text.to_uppercase()), Some(intent.clone()));
            prop_assert_eq!(catalogue().recognise(&format!("  {text}?! ")), Some(intent));
        }
    }

    #[test]
    fn number_words_round_trip(n in 0u64..1_000_000_000, british: bool) {
        let words = in_words(n, british);
        let words: Vec<&str> = words.split(' ').collect();
        prop_assert_eq!(number::parse_number(&words), Some(n as f64));
    }

    #[test]
    fn decimals_round_trip(whole in 0u64..10_000, decimals in "[0-9]{1,6}") {
        let digits: Vec<String> = decimals.bytes().map(|digit| in_words(u64::from(digit - b'0'), false)).collect();
        let words = format!("{} point {}", in_words(whole, true), digits.join(" "));
        let words: Vec<&str> = words.split(' ').collect();
        let expected: f64 = format!("{whole}.{decimals}").parse().unwrap();
        prop_assert_eq!(number::parse_number(&words), Some(expected));
    }

    #[test]
    fn sums_agree_with_floating_point(a in 0u32..100_000, b in 1u32..100_000, c in 0u32..1000, british: bool) {
        let said = |n: u32| in_words(u64::from(n), british);
        let (x, y, z) = (f64::from(a), f64::from(b), f64::from(c));
        for (utterance, expected) in [
            (format!("what is {} plus {} times {}", said(a), said(b), said(c)), x + y * z),
            (format!("{a} * {b} - {c}"), x * y - z),
            (format!("how much is {} minus {} minus {}", said(a), said(b), said(c)), x - y - z),
            (format!("{} divided by {} divided by {}", said(a), said(b), said(b)), x / y / y),
            (format!("what's {c}% of {a}"), z * x / 100.0),
            (format!("({a} + {c}) / {b}"), (x + z) / y),
        ] {
            let Some(Intent::Calculate(sum)) = catalogue().recognise(&utterance) else {
                return Err(TestCaseError::fail(format!("{utterance:?} is a sum")));
            };
            prop_assert_eq!(sum.evaluate(), Ok(expected), "{}", utterance);
        }
    }

    #[test]
    fn lengths_of_time_round_trip(seconds in 1u64..7 * 24 * 3600) {
        let length = Duration::from_secs(seconds);
        let utterance = format!("set a timer for {}", duration::phrase(length));
        let expected = Intent::StartTimer { name: None, length: Some(length) };
        prop_assert_eq!(catalogue().recognise(&utterance), Some(expected), "{}", utterance);
    }
}
