//! Numbers as people say them and as transcribers write them: "one hundred and five", "2.5 million", "three quarters".
//!
//! Only the words of a number are read here; units, lengths of time and sums are read elsewhere, with this.

/// The number that `words` are as a whole, with an optional sign in front.
pub(super) fn parse_number(words: &[&str]) -> Option<f64> {
    let (number, taken) = leading_signed(words)?;
    (taken == words.len()).then_some(number)
}

/// The longest number at the start of `words`, with an optional sign, and how many words it takes.
pub(super) fn leading_signed(words: &[&str]) -> Option<(f64, usize)> {
    match words {
        ["minus" | "negative" | "-", rest @ ..] => leading_number(rest).map(|(number, taken)| (-number, taken + 1)),
        _ => leading_number(words),
    }
}

/// The longest number without a sign at the start of `words`, and how many words it takes.
pub(super) fn leading_number(words: &[&str]) -> Option<(f64, usize)> {
    match words {
        ["half", "a", "dozen", ..] => return Some((6.0, 3)),
        ["a", "dozen", ..] => return Some((12.0, 2)),
        ["a", "couple", "of", ..] => return Some((2.0, 3)),
        ["a", "couple", ..] => return Some((2.0, 2)),
        _ => {}
    }
    if let Some(fraction) = leading_fraction(words) {
        return Some(fraction);
    }
    let (whole, taken) = leading_decimal(words)?;
    if words.get(taken) == Some(&"dozen") {
        return Some((whole * 12.0, taken + 1));
    }
    // "five and a half", "two and three quarters".
    if let Some(["and", rest @ ..]) = words.get(taken..)
        && whole.fract() == 0.0
        && let Some((fraction, more)) = leading_fraction(rest)
    {
        return Some((whole + fraction, taken + 1 + more));
    }
    Some((whole, taken))
}

/// "half", "a quarter", "one third", "three quarters".
pub(super) fn leading_fraction(words: &[&str]) -> Option<(f64, usize)> {
    match words {
        ["half", ..] => Some((0.5, 1)),
        ["quarter", ..] => Some((0.25, 1)),
        ["a" | "one" | "1", part, ..] => Some((1.0 / denominator(part)?, 2)),
        _ => {
            let (count, taken) = below_hundred(words)?;
            let part = words.get(taken)?.strip_suffix('s')?;
            Some((f64::from(count) / denominator(part)?, taken + 1))
        }
    }
}

fn denominator(part: &str) -> Option<f64> {
    Some(match part {
        "half" | "halve" => 2.0,
        "third" => 3.0,
        "quarter" | "fourth" => 4.0,
        "fifth" => 5.0,
        "sixth" => 6.0,
        "seventh" => 7.0,
        "eighth" => 8.0,
        "ninth" => 9.0,
        "tenth" => 10.0,
        _ => return None,
    })
}

/// "twenty five", "one point five", "point five", "1.5", each with an optional "thousand" or "million" behind.
fn leading_decimal(words: &[&str]) -> Option<(f64, usize)> {
    let (whole, taken) = match words {
        ["point", ..] => (0.0, 0),
        _ => cardinal(words)?,
    };
    let (number, taken) = match words.get(taken..) {
        Some(["point", digits @ ..]) if whole.fract() == 0.0 => match decimals(digits) {
            Some((digits, more)) => (format!("{whole}.{digits}").parse().ok()?, taken + 1 + more),
            None if taken == 0 => return None,
            None => return Some((whole, taken)),
        },
        _ => return Some((whole, taken)),
    };
    match words.get(taken).copied().and_then(scale) {
        Some(scale) => Some((number * scale, taken + 1)),
        None => Some((number, taken)),
    }
}

/// The digits said after "point": "two five", "oh five", "twenty five", "25".
fn decimals(words: &[&str]) -> Option<(String, usize)> {
    let mut digits = String::new();
    let mut taken = 0;
    while let Some(digit) = words.get(taken).copied().and_then(spoken_digit) {
        digits.push(digit);
        taken += 1;
    }
    if taken > 0 {
        return Some((digits, taken));
    }
    match words.first() {
        Some(figure) if figure.bytes().all(|b| b.is_ascii_digit()) => Some(((*figure).to_owned(), 1)),
        _ => below_hundred(words).map(|(number, taken)| (number.to_string(), taken)),
    }
}

fn spoken_digit(word: &str) -> Option<char> {
    match word {
        "oh" | "o" => Some('0'),
        _ => small(word).filter(|digit| *digit < 10).and_then(|digit| char::from_digit(digit, 10)),
    }
}

/// A whole number in words or figures, with "thousand", "million" and so on; figures may have decimals.
fn cardinal(words: &[&str]) -> Option<(f64, usize)> {
    let (mut total, mut taken, mut smallest_scale) = (0.0, 0, f64::INFINITY);
    loop {
        let joined = usize::from(taken > 0 && words.get(taken) == Some(&"and"));
        let Some((group, more)) = words.get(taken + joined..).and_then(hundreds) else { break };
        let after = taken + joined + more;
        let scale = words.get(after).copied().and_then(scale);
        match scale {
            // "two thousand three million" is no number; the first two words are.
            Some(scale) if scale >= smallest_scale => break,
            Some(scale) => {
                total += group * scale;
                taken = after + 1;
                smallest_scale = scale;
            }
            None if taken == 0 => return Some((group, after)),
            None if group > 0.0 && group < smallest_scale => return Some((total + group, after)),
            None => break,
        }
    }
    (taken > 0).then_some((total, taken))
}

/// A group of up to three digits in words ("five hundred and six", "twelve hundred"), or any figure.
fn hundreds(words: &[&str]) -> Option<(f64, usize)> {
    let (lead, taken) = match words {
        ["a", "hundred", ..] => (1.0, 1),
        ["a", unit, ..] if scale(unit).is_some() => return Some((1.0, 1)),
        [word, ..] if word.starts_with(|c: char| c.is_ascii_digit()) => (figure(word)?, 1),
        _ => below_hundred(words).map(|(number, taken)| (f64::from(number), taken))?,
    };
    if words.get(taken) != Some(&"hundred") {
        return Some((lead, taken));
    }
    let hundred = (lead * 100.0, taken + 1);
    let joined = usize::from(words.get(hundred.1) == Some(&"and"));
    match words.get(hundred.1 + joined..).and_then(below_hundred) {
        // "one hundred and three quarters" is a hundred and a fraction, not a hundred and three.
        Some((rest, more)) if rest > 0 && leading_fraction(&words[hundred.1 + joined..]).is_none() => {
            Some((hundred.0 + f64::from(rest), hundred.1 + joined + more))
        }
        _ => Some(hundred),
    }
}

/// "25" or "1.5"; not "4:30" or "3rd".
fn figure(word: &str) -> Option<f64> {
    word.bytes().all(|b| b.is_ascii_digit() || b == b'.').then(|| word.parse().ok()).flatten()
}

/// Zero to ninety-nine in words.
fn below_hundred(words: &[&str]) -> Option<(u32, usize)> {
    let first = words.first()?;
    if let Some(number) = small(first) {
        return Some((number, 1));
    }
    let tens = tens(first)?;
    match words.get(1).copied().and_then(small) {
        Some(ones @ 1..=9) => Some((tens + ones, 2)),
        _ => Some((tens, 1)),
    }
}

fn small(word: &str) -> Option<u32> {
    const WORDS: [&str; 20] = [
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
    match word {
        "nought" | "naught" => Some(0),
        _ => WORDS.iter().position(|small| *small == word).and_then(|at| u32::try_from(at).ok()),
    }
}

fn tens(word: &str) -> Option<u32> {
    const WORDS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let at = WORDS.iter().position(|tens| *tens == word || (*tens == "forty" && word == "fourty"))?;
    u32::try_from(at).ok().map(|at| (at + 2) * 10)
}

fn scale(word: &str) -> Option<f64> {
    Some(match word {
        "thousand" => 1e3,
        "million" => 1e6,
        "billion" => 1e9,
        "trillion" => 1e12,
        _ => return None,
    })
}

/// The day of the month or the like: "first", "twenty second", "3rd", "3".
pub(super) fn parse_ordinal(words: &[&str]) -> Option<u32> {
    match words {
        [word] if word.starts_with(|c: char| c.is_ascii_digit()) => {
            word.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().ok()
        }
        [word] => ordinal_word(word),
        [ten, one] => {
            let one = ordinal_word(one).filter(|one| *one < 10)?;
            tens(ten).map(|ten| ten + one)
        }
        _ => None,
    }
}

fn ordinal_word(word: &str) -> Option<u32> {
    const WORDS: [&str; 20] = [
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
        "twentieth",
    ];
    match word {
        "thirtieth" => Some(30),
        _ => WORDS.iter().position(|ordinal| *ordinal == word).and_then(|at| u32::try_from(at + 1).ok()),
    }
}
