//! `pipit say`: the voice, without anything to answer.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use pipit_core::audio::Pcm;
use pipit_core::config::Config;
use pipit_core::speech::ClauseSplitter;
use pipit_models::cancel::CancelFlag;
use pipit_models::clip;
use pipit_models::voice::{self, VoiceError};

use super::Options;
use crate::audio::{ClauseId, PlaybackReport};
use crate::hearing;
use crate::installed::Installed;
use crate::ledger::Ledger;
use crate::speech::joined;

#[derive(Debug, Args)]
pub(super) struct Say {
    /// What to say
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
    /// Write a WAV file instead of speaking
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Say {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let installed = Installed::open(&config)?;
        // espeak-ng speaks without the runtime, so its absence is a problem only for a voice that needs it.
        let runtime = hearing::runtime(&config).inspect_err(|error| tracing::debug!("{error}")).ok().flatten();
        let (mut voice, _) = installed.voice(
            &config,
            runtime.as_ref(),
            &Ledger::of_command(&config),
            &crate::services::as_configured(),
        )?;
        let mut splitter = ClauseSplitter::new();
        let mut clauses = splitter.push(&self.text.join(" "));
        clauses.extend(splitter.finish());
        let never = CancelFlag::new();
        let spoken = clauses.iter().map(|clause| voice::say(&mut *voice, &clause.spoken, &never));
        match self.output {
            Some(file) => {
                clip::write_wav(&file, &joined(spoken)?)?;
                print_line!("{}", file.display())?;
            }
            None => speak(&config, spoken)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Plays clause after clause, each as soon as it is made, and returns when the last has been heard.
fn speak(config: &Config, clauses: impl Iterator<Item = Result<Pcm, VoiceError>>) -> anyhow::Result<()> {
    let (sender, reports) = std::sync::mpsc::channel();
    // Nobody listens any more once the last clause was heard.
    let playback = crate::app::speaker(config, Box::new(move |report| drop(sender.send(report))))?;
    let mut waiting = 0;
    for (number, pcm) in clauses.enumerate() {
        let pcm = pcm?;
        if !pcm.is_empty() {
            playback.play(ClauseId { turn: 1, revision: 1, clause: number }, pcm)?;
            waiting += 1;
        }
    }
    while waiting > 0 {
        match reports.recv().context("the speaker's thread has ended")? {
            PlaybackReport::Played(_) => waiting -= 1,
            PlaybackReport::Stopped { .. } => bail!("what was left could not be spoken"),
            PlaybackReport::SpeakerLost(why) | PlaybackReport::Failed(why) => bail!("{why}"),
            PlaybackReport::Started(_) | PlaybackReport::SpeakerFound(_) | PlaybackReport::Written { .. } => {}
        }
    }
    Ok(())
}
