//! Text to phonemes, for the voices that take phonemes: where sentences and clauses end, English by dictionary, and
//! espeak-ng's alphabet. What a model's own tokens are is said beside the model.

pub(crate) mod clauses;
#[cfg(feature = "dictionary")]
mod dictionary;
pub(crate) mod english;
pub(crate) mod kokoro_symbols;
pub(crate) mod pronouncer;

/// Answers each line of `input` with a line of symbols, until there is no more: what `pipit-pronounce` does. `accent` is
/// "american" or "british".
///
/// # Errors
/// There is no such accent, or nobody reads the answers.
#[cfg(feature = "dictionary")]
pub fn pronounce(accent: &str, input: impl std::io::BufRead, mut output: impl std::io::Write) -> std::io::Result<()> {
    let sounds = match accent {
        "american" => kokoro_symbols::Sounds::American,
        "british" => kokoro_symbols::Sounds::British,
        _ => return Err(std::io::Error::other(format!("{accent:?} is none of: american, british"))),
    };
    let dictionary = dictionary::Dictionary::new(sounds, crate::espeak::EspeakNg::default());
    for line in input.lines() {
        // What can't be said is left out, as it is in the daemon.
        let symbols = dictionary.symbols(&line?).unwrap_or_default();
        writeln!(output, "{}", english::one_line(&symbols))?;
        output.flush()?;
    }
    Ok(())
}
