//! Numbers as English words. Digits come in as text, so nothing here can overflow.
//!
//! "And" is said once, before the last two digits ("eighteen thousand and eighty one", "four hundred and thirteen"),
//! and not at all in ordinals, years and before "million": the usage of the NeMo text-normalisation grammars.

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
const TENS: [&str; 10] = ["", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const SCALES: [&str; 12] = [
    "",
    " thousand",
    " million",
    " billion",
    " trillion",
    " quadrillion",
    " quintillion",
    " sextillion",
    " septillion",
    " octillion",
    " nonillion",
    " decillion",
];

/// Whether "and" is said before the last two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum And {
    Said,
    Left,
}

/// "413" -> "four hundred and thirteen". Other characters than digits (commas) are passed over; a number too long for
/// a name is said digit by digit.
pub(super) fn cardinal(digits: &str, and: And) -> String {
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return ONES[0].to_owned();
    }
    if significant.len() > 3 * SCALES.len() {
        return digit_by_digit(&digits);
    }
    let groups = groups_of_three(significant);
    let mut said: Vec<String> = Vec::with_capacity(groups.len());
    for (index, &group) in groups.iter().enumerate() {
        let power = groups.len() - 1 - index;
        if group == 0 {
            continue;
        }
        let after_thousands = power == 0 && groups.len() > 1 && groups[index - 1] != 0;
        let link = if and == And::Said && after_thousands && group < 100 { "and " } else { "" };
        let inner = if power == 0 { and } else { And::Left };
        said.push(format!("{link}{}{}", below_thousand(group, inner), SCALES[power]));
    }
    said.join(" ")
}

/// "121" -> "one hundred twenty first".
pub(super) fn ordinal(digits: &str) -> String {
    ordinal_of(&cardinal(digits, And::Left))
}

/// Turns the last word of a cardinal into its ordinal.
pub(super) fn ordinal_of(cardinal: &str) -> String {
    let (head, last) = cardinal.rsplit_once(' ').map_or(("", cardinal), |(head, last)| (head, last));
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        other => match other.strip_suffix('y') {
            Some(stem) => format!("{stem}ieth"),
            None => format!("{other}th"),
        },
    };
    if head.is_empty() { last } else { format!("{head} {last}") }
}

/// The plural of the last word: "nineteen eighty" -> "nineteen eighties".
pub(super) fn plural_of(words: &str) -> String {
    match words.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if words.ends_with("six") => format!("{words}es"),
        None => format!("{words}s"),
    }
}

/// "0123" -> "zero one two three".
pub(super) fn digit_by_digit(digits: &str) -> String {
    let named: Vec<&str> = digits.bytes().filter(u8::is_ascii_digit).map(|b| ONES[usize::from(b - b'0')]).collect();
    named.join(" ")
}

/// A year of four digits as English says it: "1905" -> "nineteen oh five", "2002" -> "two thousand two".
pub(super) fn year(digits: &str) -> String {
    if digits.len() != 4 {
        return cardinal(digits, And::Said);
    }
    let (century, rest) = (small(&digits[..2]), small(&digits[2..]));
    if century % 10 == 0 && rest < 10 {
        return cardinal(digits, And::Left);
    }
    format!("{} {}", below_hundred(century), hundreds_end(rest))
}

/// A house, flight or room number of three or four digits, said in pairs: "123" -> "one twenty three".
pub(super) fn in_pairs(digits: &str) -> String {
    if digits.starts_with('0') || digits.len() > 4 {
        return digit_by_digit(digits);
    }
    if digits.len() < 3 || digits[1..].bytes().all(|b| b == b'0') {
        return cardinal(digits, And::Said);
    }
    let (head, tail) = digits.split_at(digits.len() - 2);
    format!("{} {}", below_hundred(small(head)), hundreds_end(small(tail)))
}

/// A number below one hundred.
pub(super) fn below_hundred(n: u32) -> String {
    match n {
        0..20 => ONES[n as usize].to_owned(),
        20..100 if n.is_multiple_of(10) => TENS[(n / 10) as usize].to_owned(),
        20..100 => format!("{} {}", TENS[(n / 10) as usize], ONES[(n % 10) as usize]),
        _ => cardinal(&n.to_string(), And::Said),
    }
}

/// The value of a few digits; anything larger than fits is more than any class accepts.
pub(super) fn small(digits: &str) -> u32 {
    digits.parse().unwrap_or(u32::MAX)
}

fn hundreds_end(rest: u32) -> String {
    match rest {
        0 => "hundred".to_owned(),
        1..10 => format!("oh {}", ONES[rest as usize]),
        _ => below_hundred(rest),
    }
}

fn below_thousand(n: u32, and: And) -> String {
    if n < 100 {
        return below_hundred(n);
    }
    let hundreds = ONES[(n / 100) as usize % 10];
    match (n % 100, and) {
        (0, _) => format!("{hundreds} hundred"),
        (rest, And::Said) => format!("{hundreds} hundred and {}", below_hundred(rest)),
        (rest, And::Left) => format!("{hundreds} hundred {}", below_hundred(rest)),
    }
}

fn groups_of_three(digits: &str) -> Vec<u32> {
    let mut groups = Vec::with_capacity(digits.len() / 3 + 1);
    let mut end = digits.len();
    while end > 0 {
        let start = end.saturating_sub(3);
        groups.push(small(&digits[start..end]));
        end = start;
    }
    groups.reverse();
    groups
}
