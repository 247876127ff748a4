//! `pipit devices`: the names that `audio.input` and `audio.output` take.

use std::process::ExitCode;

use clap::Args;

use crate::audio;

#[derive(Debug, Args)]
pub(super) struct Devices {}

impl Devices {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        print_text!("{}", audio::devices())?;
        Ok(ExitCode::SUCCESS)
    }
}
