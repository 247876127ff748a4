//! Sums of money: "$20.50", "£1.111", "¥30B", "US$76.3 trillion", "$20/mo", "$250-$300", "5 €", "20 EUR".

use super::cursor::{Cursor, Reading};
use super::measure::per_unit;
use super::number::{Number, scale_word};
use super::words::{And, cardinal, small};

/// A currency: how it is written in front or behind, and its names in the singular and plural.
struct Currency {
    signs: &'static [&'static str],
    code: &'static str,
    one: &'static str,
    many: &'static str,
    /// The hundredth, where the currency has one.
    minor: Option<(&'static str, &'static str)>,
}

const CENTS: Option<(&str, &str)> = Some(("cent", "cents"));

/// Longer signs first: "US$" before "$".
const CURRENCIES: [Currency; 20] = [
    Currency { signs: &["US$"], code: "USD", one: "us dollar", many: "us dollars", minor: CENTS },
    Currency { signs: &["CA$", "C$"], code: "CAD", one: "canadian dollar", many: "canadian dollars", minor: CENTS },
    Currency { signs: &["AU$", "A$"], code: "AUD", one: "australian dollar", many: "australian dollars", minor: CENTS },
    Currency { signs: &["NZ$"], code: "NZD", one: "new zealand dollar", many: "new zealand dollars", minor: CENTS },
    Currency { signs: &["HK$"], code: "HKD", one: "hong kong dollar", many: "hong kong dollars", minor: CENTS },
    Currency { signs: &["S$"], code: "SGD", one: "singapore dollar", many: "singapore dollars", minor: CENTS },
    Currency { signs: &["R$"], code: "BRL", one: "real", many: "reais", minor: Some(("centavo", "centavos")) },
    Currency { signs: &["$"], code: "", one: "dollar", many: "dollars", minor: CENTS },
    Currency { signs: &["£"], code: "GBP", one: "pound", many: "pounds", minor: Some(("penny", "pence")) },
    Currency { signs: &["€"], code: "EUR", one: "euro", many: "euros", minor: CENTS },
    Currency { signs: &["CN¥", "元"], code: "CNY", one: "yuan", many: "yuan", minor: None },
    Currency { signs: &["JP¥", "¥", "￥"], code: "JPY", one: "yen", many: "yen", minor: None },
    Currency { signs: &["₩"], code: "KRW", one: "won", many: "won", minor: None },
    Currency { signs: &["₹"], code: "INR", one: "rupee", many: "rupees", minor: Some(("paisa", "paise")) },
    Currency { signs: &["₽"], code: "RUB", one: "ruble", many: "rubles", minor: Some(("kopek", "kopeks")) },
    Currency { signs: &["₺"], code: "TRY", one: "lira", many: "lira", minor: None },
    Currency { signs: &["₴"], code: "UAH", one: "hryvnia", many: "hryvnias", minor: None },
    Currency { signs: &["₪"], code: "ILS", one: "shekel", many: "shekels", minor: None },
    Currency { signs: &["₿"], code: "BTC", one: "bitcoin", many: "bitcoins", minor: None },
    Currency { signs: &[], code: "CHF", one: "swiss franc", many: "swiss francs", minor: None },
];

/// Reads a sum, a span of sums, and what it is for ("/mo").
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let (currency, amount, next) = sign_first(at).or_else(|| sign_last(at))?;
    if let Some((last, next)) = span_end(next, currency) {
        return Some((format!("{} to {last}", amount.words), next));
    }
    // "$5-10": the sign stands for both.
    if let Some((last, end)) = next.eat_any("-–").and_then(|after| amount_after_sign(after, currency))
        && amount.bare
        && last.bare
        && end.at_boundary()
    {
        return Some((format!("{} to {}", amount.number, last.words), end));
    }
    if let Some((unit, next)) = next.eat('/').and_then(per_unit) {
        return Some((format!("{} per {unit}", amount.words), next));
    }
    Some((amount.words, next))
}

struct Amount {
    words: String,
    /// The number alone, for "five to ten dollars".
    number: String,
    /// True without a multiplying word.
    bare: bool,
}

fn span_end<'a>(at: Cursor<'a>, first: &Currency) -> Reading<'a> {
    let (currency, amount, next) = sign_first(at.range_dash()?)?;
    (currency.one == first.one).then_some((amount.words, next))
}

fn sign_first(at: Cursor<'_>) -> Option<(&'static Currency, Amount, Cursor<'_>)> {
    let minus = at.eat_any("-−").filter(|_| !at.before().is_some_and(char::is_alphanumeric));
    let start = minus.unwrap_or(at);
    let (currency, next) =
        sign(start).or_else(|| code(start).and_then(|(currency, next)| Some((currency, next.gap()?))))?;
    let (mut amount, next) = amount_after_sign(next, currency)?;
    if minus.is_some() {
        amount.words.insert_str(0, "minus ");
    }
    Some((currency, amount, next))
}

fn sign_last(at: Cursor<'_>) -> Option<(&'static Currency, Amount, Cursor<'_>)> {
    let (number, next) = Number::read(at)?;
    if let Some(end) = next.eat('¢') {
        let words = format!("{} {}", number.say(And::Said), if number.is_one() { "cent" } else { "cents" });
        return Some((&CURRENCIES[7], Amount { words, number: String::new(), bare: false }, end));
    }
    let (scale, after) = scale_word(next).map_or((None, next), |(scale, next)| (Some(scale), next));
    let symbol = after.spaces();
    let (currency, end) =
        sign(symbol).filter(|(currency, end)| currency.signs != ["$"] && end.at_boundary()).or_else(|| code(symbol))?;
    let amount = say(&number, scale.as_deref(), currency);
    Some((currency, amount, end))
}

fn amount_after_sign<'a>(at: Cursor<'a>, currency: &Currency) -> Option<(Amount, Cursor<'a>)> {
    let (number, next) = Number::read(at.spaces())?;
    let (scale, next) = match scale_word(next).or_else(|| scale_letter(next)) {
        Some((scale, next)) => (Some(scale), next),
        None => (None, next),
    };
    Some((say(&number, scale.as_deref(), currency), next))
}

/// "$30B", "¥30 b", "$5k", "$2bn".
fn scale_letter(at: Cursor<'_>) -> Reading<'_> {
    let (letters, next) = at.spaces().letters()?;
    let spaced = at.gap().is_some();
    let scale = match letters {
        "k" | "K" if !spaced => "thousand",
        "m" | "M" | "mn" | "mm" | "MM" | "mln" => "million",
        "b" | "B" | "bn" | "bln" => "billion",
        "t" | "T" | "tn" | "trn" => "trillion",
        _ => return None,
    };
    next.at_boundary().then(|| (scale.to_owned(), next))
}

fn sign(at: Cursor<'_>) -> Option<(&'static Currency, Cursor<'_>)> {
    CURRENCIES.iter().find_map(|currency| {
        let sign = currency.signs.iter().find(|sign| at.rest().starts_with(**sign))?;
        Some((currency, at.skip(sign.len())))
    })
}

fn code(at: Cursor<'_>) -> Option<(&'static Currency, Cursor<'_>)> {
    let (word, next) = at.letters().filter(|(word, _)| word.len() == 3)?;
    let currency = CURRENCIES.iter().find(|currency| currency.code == word)?;
    next.at_boundary().then_some((currency, next))
}

fn say(number: &Number<'_>, scale: Option<&str>, currency: &Currency) -> Amount {
    let name = if number.is_one() && scale.is_none() { currency.one } else { currency.many };
    if let Some(scale) = scale {
        let words = format!("{} {scale} {name}", number.say(And::Left));
        return Amount { words, number: String::new(), bare: false };
    }
    if let Some((fraction, minor)) = number.fraction.zip(currency.minor)
        && let Some(words) = with_minor(number, fraction, currency, minor)
    {
        return Amount { words, number: number.say(And::Said), bare: false };
    }
    let said = number.say(And::Said);
    Amount { words: format!("{said} {name}"), number: said, bare: true }
}

/// Dollars and cents; nothing when the decimals are more than hundredths.
fn with_minor(number: &Number<'_>, fraction: &str, currency: &Currency, minor: (&str, &str)) -> Option<String> {
    let decimals = fraction.trim_end_matches('0');
    if decimals.len() > 2 {
        return None;
    }
    let cents = small(decimals) * if decimals.len() == 1 { 10 } else { 1 };
    let major = match (number.whole, number.whole.bytes().all(|b| b == b'0')) {
        (_, true) => None,
        ("1", _) => Some(format!("one {}", currency.one)),
        (whole, _) => Some(format!("{} {}", cardinal(whole, And::Said), currency.many)),
    };
    let minor = match cents {
        _ if decimals.is_empty() => None,
        1 => Some(format!("one {}", minor.0)),
        n => Some(format!("{} {}", cardinal(&n.to_string(), And::Said), minor.1)),
    };
    let said = match (major, minor) {
        (Some(major), Some(minor)) => format!("{major} {minor}"),
        (Some(major), None) => major,
        (None, Some(minor)) => minor,
        (None, None) => format!("zero {}", currency.many),
    };
    Some(if number.negative { format!("minus {said}") } else { said })
}
