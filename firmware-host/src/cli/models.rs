//! `pipit models`: what there is, what this board can run, and how it gets here.

use std::io::{IsTerminal as _, stderr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use pipit_core::config::Config;
use pipit_models::cancel::CancelFlag;
use pipit_models::catalogue::{Kind, Listed, Measurement, Measurements, Model, Recommendation, Source, State};
use pipit_models::download::{Downloader, Progress, PullError};

use super::Options;
use crate::installed::{Installed, NANO};
use crate::selections::Selections;
use crate::{chat, shelf};

#[derive(Debug, Args)]
pub(super) struct Models {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the catalogue, and what of it is installed
    List,
    /// Download models
    Pull {
        /// Names as `pipit models list` shows them
        #[arg(value_name = "NAME", required_unless_present = "recommended")]
        names: Vec<String>,
        /// The recogniser and the voice that this board can afford; without a network, go on with what is there
        #[arg(long)]
        recommended: bool,
    },
    /// Compare installed files with their hashes
    Verify {
        /// Names as `pipit models list` shows them; all that are installed if none is given
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Take model files from a folder or a USB stick
    Import {
        /// Where they lie, or the one file
        #[arg(value_name = "FOLDER")]
        from: PathBuf,
    },
    /// Delete models, but none that is at work
    Remove {
        /// Names as `pipit models list` shows them
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Measure how fast each installed model is on this board
    Bench,
}

impl Models {
    /// What `pipit bench` is short for.
    pub(super) fn bench() -> Models {
        Models { action: Action::Bench }
    }

    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let installed = Installed::open(&config)?;
        match self.action {
            Action::List => list(&installed),
            Action::Pull { names, recommended: false } => pull(&installed, &config, &names),
            Action::Pull { names, recommended: true } => pull_recommended(&installed, &config, names),
            Action::Verify { names } => verify(&installed, names),
            Action::Import { from } => import(&installed, &from),
            Action::Remove { names } => remove(&installed, &config, &names),
            Action::Bench => bench(&installed, &config),
        }
    }
}

fn list(installed: &Installed) -> anyhow::Result<ExitCode> {
    let folder = installed.folder();
    print_line!("{:<24} {:<8} {:>8} {:>8}  {:<10} on this board", "name", "kind", "size", "memory", "state")?;
    for listed in folder.list() {
        let model = listed.model;
        let size = model.bytes().map_or("?".to_owned(), megabytes);
        let state = match listed.state {
            _ if model.source == Source::InTheBox => "in the box",
            State::Installed => "installed",
            State::Partial => "partial",
            State::Absent => "-",
            State::Corrupt => "corrupt",
        };
        let fit = folder.catalogue().fit(model, installed.board(), installed.measured());
        print_line!(
            "{:<24} {:<8} {size:>8} {:>8}  {state:<10} {fit}",
            model.name,
            model.kind().as_str(),
            megabytes(model.memory)
        )?;
        print_line!("{:<24} {} Licence: {}", "", model.about, model.licence)?;
    }
    print_line!("\nin {}", folder.path().display())?;
    Ok(ExitCode::SUCCESS)
}

fn pull(installed: &Installed, config: &Config, names: &[String]) -> anyhow::Result<ExitCode> {
    for name in names {
        let done = download(installed, name)?;
        print_line!("{done}")?;
        prepare(installed, config, name);
    }
    Ok(ExitCode::SUCCESS)
}

/// Never fails for want of a network: Pipit starts with what it has, and says what that means.
fn pull_recommended(installed: &Installed, config: &Config, mut names: Vec<String>) -> anyhow::Result<ExitCode> {
    let recommended =
        installed.folder().catalogue().recommended(installed.board(), &config.stt.language, installed.measured());
    names.extend(recommended.recogniser.iter().chain(&recommended.voice).map(|model| model.name.clone()));
    for name in names {
        match download(installed, &name) {
            Ok(done) => {
                print_line!("{done}")?;
                prepare(installed, config, &name);
            }
            Err(PullError::Offline { .. }) => {
                eprintln!(
                    "Offline: going on with what is here. Without a larger recogniser that is {NANO}, which knows a few \
                     hundred words and few voices; run `pipit models pull {name}` once there is a network."
                );
                break;
            }
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Downloads a model, and says that it is there.
fn download(installed: &Installed, name: &str) -> Result<String, PullError> {
    let bar = ProgressBar::new(0);
    // The template is fixed, so it parses.
    if let Ok(style) =
        ProgressStyle::with_template("{msg:<32} {bar:30} {bytes:>10}/{total_bytes} {bytes_per_sec} {eta}")
    {
        bar.set_style(style);
    }
    let mut show = |progress: Progress<'_>| match progress {
        Progress::Waiting { file } => bar.set_message(format!("{file}: another download is under way")),
        Progress::Checking { file, done, total } => {
            bar.set_length(total.unwrap_or(done));
            bar.set_message(format!("checking {file}"));
            bar.set_position(done);
        }
        Progress::Downloading { file, done, total } => {
            bar.set_message(file.to_owned());
            bar.set_length(total);
            bar.set_position(done);
        }
        Progress::Retrying { file, reason, after } => bar.println(format!("{file}: {reason}; again in {after:.0?}")),
    };
    let begun = !stderr().is_terminal();
    if begun {
        eprintln!("fetching {name}");
    }
    let outcome = Downloader::default().pull(installed.folder(), name, &mut show, &AtomicBool::new(false));
    bar.finish_and_clear();
    let model = outcome?;
    Ok(format!("{name} is installed ({}).", model.bytes().map_or("size unknown".to_owned(), megabytes)))
}

/// Compiles a recogniser, which else the first start would wait for. Where that fails, the start finds another way and says so.
fn prepare(installed: &Installed, config: &Config, name: &str) {
    if installed.folder().catalogue().get(name).is_ok_and(|model| model.kind() != Kind::Stt) {
        return;
    }
    let bar = ProgressBar::new(100);
    // The template is fixed, so it parses.
    if let Ok(style) = ProgressStyle::with_template("{msg:<32} {bar:30} {percent:>3} %") {
        bar.set_style(style);
    }
    bar.set_message(format!("compiling {name}"));
    let mut tell = |share: f32| {
        bar.set_position((share * 100.0) as u64);
        true
    };
    let prepared = installed.prepare(name, config, &mut tell);
    bar.finish_and_clear();
    if let Err(error) = prepared {
        eprintln!("{name} is not compiled: {error:#}");
    }
}

fn verify(installed: &Installed, names: Vec<String>) -> anyhow::Result<ExitCode> {
    let folder = installed.folder();
    let all =
        || folder.list().into_iter().filter(|listed| listed.state != State::Absent && !listed.model.files.is_empty());
    let names = if names.is_empty() { all().map(|listed| listed.model.name.clone()).collect() } else { names };
    let mut good = true;
    for name in names {
        for (file, verdict) in folder.verify(&name, &mut |_, _, _| {}, &AtomicBool::new(false))? {
            print_line!("{name}: {}: {}", file.name, shelf::in_words(&verdict))?;
            good &= !shelf::is_bad(&verdict);
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn import(installed: &Installed, from: &std::path::Path) -> anyhow::Result<ExitCode> {
    let imported = installed.folder().import(from, &mut |_, _| {}, &AtomicBool::new(false))?;
    for file in &imported.taken {
        print_line!("{file}: taken")?;
    }
    for file in &imported.already_there {
        print_line!("{file}: is installed already")?;
    }
    for rejected in &imported.rejected {
        eprintln!("{}: not taken: {}", rejected.path.display(), rejected.why);
    }
    if imported.taken.is_empty() && imported.already_there.is_empty() {
        eprintln!("{} holds no file of the catalogue; `pipit models list` shows what there is", from.display());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures every installed model of which speed is chosen by, and keeps the figures for the choice.
fn bench(installed: &Installed, config: &Config) -> anyhow::Result<ExitCode> {
    let runs = NonZeroUsize::new(5).context("five is not zero")?;
    let (folder, board) = (installed.folder(), installed.board());
    print_line!("{}, {} cores; real-time factor: seconds of work per second of speech", board.name, board.cores)?;
    let is_there = |listed: &Listed<'_>| listed.state == State::Installed || listed.model.source == Source::InTheBox;
    let measurable = |listed: &Listed<'_>| shelf::is_measurable(listed.model);
    for Listed { model, .. } in folder.list().into_iter().filter(is_there).filter(measurable) {
        // What can't be written now can't be below either, which is told there.
        let tell = |line: &str| drop(print_line!("{line}"));
        match shelf::bench(installed, config, model, runs, &CancelFlag::new(), &tell) {
            Ok(Measurement { real_time_factor, engine: None, .. }) => {
                print_line!("{:<24} {real_time_factor}", model.name)?
            }
            Ok(Measurement { real_time_factor, engine: Some(engine), .. }) => {
                print_line!("{:<24} {real_time_factor} by {engine}", model.name)?;
            }
            Err(error) => print_line!("{:<24} failed: {error:#}", model.name)?,
        }
    }
    let measured = Measurements::load(folder.path());
    for listed in folder.list().into_iter().filter(measurable) {
        print_line!("{:<24} {}", listed.model.name, folder.catalogue().fit(listed.model, board, &measured))?;
    }
    choose(installed, config, &measured)
}

/// Which models suit this board best, and why these.
fn choose(installed: &Installed, config: &Config, measured: &Measurements) -> anyhow::Result<ExitCode> {
    let (folder, board) = (installed.folder(), installed.board());
    let catalogue = folder.catalogue();
    let Recommendation { recogniser, voice } = catalogue.recommended(board, &config.stt.language, measured);
    let reason = |model: &Model| format!("{}: {}", model.name, catalogue.fit(model, board, measured));
    let budget = megabytes(board.memory_for_models());
    print_line!("\nThe best that this board can afford, of what fits into {budget} of its memory:")?;
    let listens = recogniser.map_or(format!("{NANO}: no larger one keeps up here"), reason);
    print_line!("{:<24} {listens}", "to listen")?;
    let speaks = voice.map_or("espeak-ng: no neural voice keeps up beside the recogniser".to_owned(), reason);
    print_line!("{:<24} {speaks}", "to speak")?;
    let missing = [recogniser, voice].into_iter().flatten();
    if missing.filter(|model| model.source == Source::Download && folder.state(model) != State::Installed).count() > 0 {
        print_line!(
            "`pipit models pull --recommended` fetches what of it is not installed; Pipit chooses it by itself then."
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes models off the disk, but none that the daemon works with, as far as the configuration and what was chosen since tell.
fn remove(installed: &Installed, config: &Config, names: &[String]) -> anyhow::Result<ExitCode> {
    let store = chat::speakers(config, &chat::store(config)?)?;
    let chosen = Selections::of(installed, config, &store);
    let recogniser = chosen.recognisers.names().nth(chosen.recogniser);
    let at_work = shelf::at_work(installed, config, recogniser, chosen.voices.names().nth(chosen.voice));
    for name in names {
        let freed = shelf::remove(installed, name, &at_work)?;
        print_line!("{name} is removed ({} are free again)", megabytes(freed))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}
