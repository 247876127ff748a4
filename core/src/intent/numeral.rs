//! Numbers as a reply writes them: "1,234.5", or "about 3.33" where digits had to go.

/// A value rounded to what one can follow by ear.
pub(super) struct Numeral {
    /// The value in figures. Thousands are parted, so that 1,984 is not read as a year, and a minus is a word.
    pub(super) figures: String,
    /// Whether the figures are the value itself.
    pub(super) exact: bool,
}

impl Numeral {
    /// The value to as many digits as are of use in speech: all if four decimals hold it, else two, or three
    /// significant ones for what is small.
    pub(super) fn of(value: f64) -> Numeral {
        if !(1e-9..1e15).contains(&value.abs()) && value != 0.0 {
            return in_powers_of_ten(value);
        }
        // Errors of binary fractions stay far below this; what people ask for lies far above.
        let holds = |decimals: usize| (round(value, decimals) - value).abs() <= value.abs() * 1e-12;
        match (0..=4).find(|decimals| holds(*decimals)) {
            Some(decimals) => Numeral { figures: figures(value, decimals), exact: true },
            None => Numeral { figures: figures(value, decimals_for(value)), exact: false },
        }
    }

    /// The value to `decimals` places.
    pub(super) fn rounded(value: f64, decimals: usize) -> Numeral {
        let numeral = Numeral::of(round(value, decimals));
        let exact = (round(value, decimals) - value).abs() <= value.abs() * 1e-12;
        Numeral { exact, ..numeral }
    }

    /// "84", "about 3.33".
    pub(super) fn phrase(&self) -> String {
        if self.exact { self.figures.clone() } else { format!("about {}", self.figures) }
    }
}

/// Two decimals, or as many as three significant digits need.
fn decimals_for(value: f64) -> usize {
    let mut decimals = 2;
    let mut magnitude = value.abs();
    while magnitude < 1.0 && decimals < 12 {
        magnitude *= 10.0;
        decimals += 1;
    }
    decimals
}

fn round(value: f64, decimals: usize) -> f64 {
    // Through text, because a multiplication by a power of ten would round twice.
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

fn figures(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut out = String::new();
    if value < 0.0 && text.bytes().any(|b| matches!(b, b'1'..=b'9')) {
        out.push_str("minus ");
    }
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// "3.04 times 10 to the power of 64".
fn in_powers_of_ten(value: f64) -> Numeral {
    let text = format!("{:.2e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    let sign = if value < 0.0 { "minus " } else { "" };
    let exponent = exponent.replace('-', "minus ");
    Numeral {
        figures: format!("{sign}{mantissa} times 10 to the power of {exponent}"),
        exact: text.parse() == Ok(value.abs()),
    }
}
