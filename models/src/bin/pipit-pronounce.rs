//! How English is said, for a Pipit that does not carry the dictionary: a line of text in, a line of symbols out.

use std::process::ExitCode;

fn main() -> ExitCode {
    let accent = std::env::args().nth(1).unwrap_or_default();
    match pipit_models::pronounce(&accent, std::io::stdin().lock(), std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[allow(clippy::print_stderr, reason = "a program of its own")]
            {
                eprintln!("pipit-pronounce: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
