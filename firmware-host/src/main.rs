//! The command line's entry: nothing happens here but the choice of a subcommand and of an exit code.

use std::process::ExitCode;

use clap::Parser;
use pipit::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().execute() {
        Ok(code) => code,
        Err(error) if pipit::cli::was_read_enough(&error) => ExitCode::SUCCESS,
        Err(error) => {
            pipit::cli::complain(&error);
            ExitCode::FAILURE
        }
    }
}
