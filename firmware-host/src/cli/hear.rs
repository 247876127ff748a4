//! `pipit hear`: recordings in place of a microphone, through the same ear, turn machine, models and voice.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use clap::Args;
use pipit_core::audio::{LOWEST_LEVEL, Pcm};
use pipit_core::turn::WakeMode;
use serde::Serialize;
use tokio::sync::watch;

use super::home::Visit;
use super::{Options, drawing};
use crate::app::{App, SILENCE_AFTER};
use crate::audio::{ClipFeed, Pace};
use crate::clock::Clock;
use crate::driver::Driver;
use crate::report::TurnReport;
use crate::worker::{Ear, spawn_ear};

#[derive(Debug, Args)]
pub(super) struct Hear {
    /// WAV or FLAC files, listened to one after the other as one conversation
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Listen to all files at the same time, to each at an endpoint of its own, as if people spoke in several rooms
    #[arg(long)]
    at_once: bool,
    /// Print one JSON object a turn
    #[arg(long)]
    json: bool,
    /// Take as long as the recording does; with `false` listen as fast as the machine can, with the same decisions
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    realtime: bool,
    /// Folder for the spoken replies
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    replies: PathBuf,
    /// Fail unless every recording was understood, word for word where the words stand beside it in a .txt file
    #[arg(long)]
    strict: bool,
}

impl Hear {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        if self.at_once && !self.realtime {
            bail!(
                "with --at-once the recordings share the machine as people would, in real time; leave --realtime=false out"
            );
        }
        let config = options.load()?;
        super::start_logging(&config, true);
        let recordings = self.files.iter().map(|file| Ok((file.as_path(), recording(file)?)));
        let recordings: Vec<_> = recordings.collect::<anyhow::Result<_>>()?;
        let app = App::new(config)?;
        let runtime = super::async_runtime()?;
        let failures = runtime.block_on(async {
            let visit = Visit::to_home_of(app.config(), app.engine(), app.store()).await;
            let failures = if self.at_once {
                self.listen_at_once(&app, recordings).await
            } else {
                self.listen(&app, recordings).await
            };
            if let Some(visit) = visit {
                visit.end().await?;
            }
            failures
        })?;
        for failure in &failures {
            eprintln!("{failure}");
        }
        Ok(if self.strict && !failures.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// Listens to each recording, prints its turns, and returns what was not understood.
    async fn listen(&self, app: &App, recordings: Vec<(&Path, Pcm)>) -> anyhow::Result<Vec<String>> {
        let clock = if self.realtime { Clock::live() } else { Clock::fed() };
        let turns = Turns::default();
        let (models, loading) = app.models(false, &app.as_configured())?;
        let mut driver = app.driver(&models, clock, Some(&self.replies), turns.listener())?;
        loading.wait().await?;
        let mut failures = Vec::new();
        if !self.json {
            print_line!("{}", drawing::LEGEND)?;
        }
        for (file, pcm) in recordings {
            if !self.json {
                print_line!("{}", file.display())?;
            }
            self.listen_to(app, &mut driver, pcm).await?;
            let reports = turns.take();
            for report in &reports {
                if self.json { print_line!("{}", serde_json::to_string(report)?)? } else { print_turn(report)? }
            }
            failures.extend(misunderstanding(file, &reports, app.config().wake.attention.mode));
        }
        Ok(failures)
    }

    /// The same, with an endpoint for each recording, all of them at the same time.
    async fn listen_at_once(&self, app: &App, recordings: Vec<(&Path, Pcm)>) -> anyhow::Result<Vec<String>> {
        let (models, loading) = app.models(false, &app.as_configured())?;
        loading.wait().await?;
        let silence = app.config().turn.fallback + SILENCE_AFTER;
        let mut places = Vec::new();
        for (at, (file, pcm)) in recordings.into_iter().enumerate() {
            let turns = Turns::default();
            let replies = self.replies.join((at + 1).to_string());
            let driver = app.driver(&models, Clock::live(), Some(&replies), turns.listener())?;
            places.push((file, turns, driver, app.ear()?, ClipFeed::new(&pcm, Pace::RealTime, silence)?));
        }
        let mut listening = Vec::new();
        for (file, turns, mut driver, ear, capture) in places {
            let heard = tokio::spawn(async move { listen_live(&mut driver, ear, capture).await });
            listening.push((file, turns, heard));
        }
        let mut failures = Vec::new();
        if !self.json {
            print_line!("{}", drawing::LEGEND)?;
        }
        for (endpoint, (file, turns, heard)) in (1..).zip(listening) {
            heard.await.context("an endpoint has failed; the log says why")??;
            let reports = turns.take();
            if !self.json {
                print_line!("{}, at endpoint {endpoint}", file.display())?;
            }
            for turn in &reports {
                if self.json {
                    print_line!("{}", serde_json::to_string(&AtEndpoint { endpoint, turn })?)?;
                } else {
                    print_turn(turn)?;
                }
            }
            failures.extend(misunderstanding(file, &reports, app.config().wake.attention.mode));
        }
        Ok(failures)
    }

    async fn listen_to(&self, app: &App, driver: &mut Driver, pcm: Pcm) -> anyhow::Result<()> {
        let silence = app.config().turn.fallback + SILENCE_AFTER;
        let mut ear = app.waking_ear(driver.wants_wake_word())?;
        if !self.realtime {
            driver.feed(&mut ear, &mut ClipFeed::new(&pcm, Pace::AsFastAsRead, silence)?).await;
            return Ok(());
        }
        listen_live(driver, ear, ClipFeed::new(&pcm, Pace::RealTime, silence)?).await
    }
}

/// A turn of one of several endpoints.
#[derive(Serialize)]
struct AtEndpoint<'a> {
    endpoint: u32,
    #[serde(flatten)]
    turn: &'a TurnReport,
}

/// The turns that a driver has told of.
#[derive(Clone, Default)]
struct Turns(Arc<Mutex<Vec<TurnReport>>>);

impl Turns {
    fn listener(&self) -> Box<dyn FnMut(TurnReport) + Send> {
        let turns = self.clone();
        Box::new(move |report| turns.0.lock().unwrap_or_else(PoisonError::into_inner).push(report))
    }

    fn take(&self) -> Vec<TurnReport> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Listens until the recording is over and everything said in it is answered.
async fn listen_live(driver: &mut Driver, ear: Ear, capture: ClipFeed) -> anyhow::Result<()> {
    let (stop, muted) = (Arc::default(), Arc::default());
    let thread = spawn_ear(ear, Box::new(capture), stop, muted, driver.inbox(), watch::Sender::new(LOWEST_LEVEL))?;
    driver.run_until_input_ends().await;
    thread.join().map_err(|_| anyhow::anyhow!("the ear's thread failed; the log says why"))
}

fn recording(file: &Path) -> anyhow::Result<Pcm> {
    // A device may never end.
    if std::fs::metadata(file).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        bail!("{} is a device or a pipe; name a WAV or FLAC file", file.display());
    }
    let pcm = pipit_models::clip::read(file)?;
    if pcm.is_empty() {
        bail!("{} holds no sound; record it again", file.display());
    }
    Ok(pcm)
}

/// What was wrong with the turns of a recording, if anything.
fn misunderstanding(file: &Path, reports: &[TurnReport], wake: WakeMode) -> Option<String> {
    let name = file.display();
    if reports.is_empty() {
        let to_whom = if wake == WakeMode::Always { "" } else { " to Pipit, as wake.mode asks" };
        return Some(format!("{name}: nobody was heard to speak{to_whom}"));
    }
    if let Some(report) = reports.iter().find(|report| !report.was_understood()) {
        return Some(format!("{name}: turn {} was not understood (`{}`)", report.turn, report.transcript));
    }
    let words = std::fs::read_to_string(file.with_extension("txt")).ok()?;
    let heard: Vec<_> = reports.iter().map(|report| report.transcript.as_str()).collect();
    let heard = heard.join(" ");
    (plain(&heard) != plain(&words)).then(|| format!("{name}: `{}` was heard as `{heard}`", words.trim()))
}

/// Letters and digits only, so that case and punctuation make no difference.
fn plain(text: &str) -> String {
    let kept = text.chars().filter(|c| c.is_alphanumeric() || *c == '\'' || c.is_whitespace());
    kept.flat_map(char::to_lowercase).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One turn for a person to read: what was said, and what it took.
fn print_turn(report: &TurnReport) -> std::io::Result<()> {
    print_line!(
        "  heard   {}",
        if report.transcript.is_empty() { "(nothing to act upon)" } else { &report.transcript }
    )?;
    print_line!("  did     {}", report.intent.unwrap_or(if report.reply.is_empty() { "nothing" } else { "replied" }))?;
    print_line!("  replied {}", if report.reply.is_empty() { "(silence)" } else { &report.reply })?;
    if let Some(file) = &report.reply_wav {
        print_line!("  wrote   {}", file.display())?;
    }
    for line in drawing::waterfall(&report.timings_ms, &report.waterfall, 80) {
        print_line!("{line}")?;
    }
    print_line!("")
}
