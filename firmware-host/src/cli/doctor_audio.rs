//! `pipit doctor audio`: a test sound through the speaker, what the microphone hears of it, and what that means.

use std::process::ExitCode;

use anyhow::{Result, bail};
use pipit_core::config::Config;

use crate::barge_in::Finding;
use crate::{app, echo_test};

/// Measures, prints, and keeps what was found.
pub(super) fn execute(config: &Config) -> Result<ExitCode> {
    if let Some(why) = echo_test::impossible(config) {
        bail!("{why}");
    }
    print_line!("listening to the room, then playing a test sound of 9 s: please be quiet")?;
    let path = echo_test::measure(config, config.audio.volume, || app::microphone(config), &mut |_| true)?;
    let delay = path.delay.map_or("none is heard".to_owned(), |delay| format!("{:.0} ms", delay.as_secs_f32() * 1e3));
    print_line!("echo delay     {delay}")?;
    print_line!("echo removed   {:.1} dB ({:.1} dB by the filter alone)", path.removed_db, path.linear_removed_db)?;
    print_line!("noise floor    {:.1} dBFS", path.noise_floor_dbfs)?;
    let file = Finding::new(config, &path).write(config)?;
    let obstacle = path.obstacle();
    match obstacle {
        None => print_line!("barge-in       works: Pipit can be interrupted here")?,
        Some(obstacle) => print_line!("barge-in       does not work: {obstacle}")?,
    }
    print_line!("kept in {}; a daemon that runs reads it at its next start", file.display())?;
    Ok(if obstacle.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
