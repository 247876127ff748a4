//! What a person types. Each subcommand has a file of its own; what they share is how the configuration is found.
#![allow(clippy::print_stderr)]

/// Prints for whoever asked. The standard library's macro panics once nobody reads on, as after `| head`; this one fails.
macro_rules! print_text {
    ($($words:tt)*) => { std::io::Write::write_fmt(&mut std::io::stdout(), format_args!($($words)*)) };
}

/// The same for a line.
macro_rules! print_line {
    ($($words:tt)*) => { print_text!("{}\n", format_args!($($words)*)) };
}

mod ask;
mod backup;
mod chat;
mod config;
mod conversations;
mod devices;
pub(crate) mod doctor;
mod doctor_audio;
mod doctor_board;
mod drawing;
mod factory_reset;
mod hear;
mod home;
mod ledger;
mod mcp;
mod memory;
mod models;
mod people;
mod providers;
mod run;
mod say;
mod secrets;
mod update;
mod who;

use std::io::{ErrorKind, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use pipit_core::config::{Config, LogLevel};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use zeroize::Zeroizing;

use crate::log_lines::LogLines;
use crate::settings::{Layering, Loaded};

/// A private voice assistant for small boards.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

/// What every subcommand understands.
#[derive(Debug, Args)]
pub struct Options {
    /// The configuration file [default: /etc/pipit/pipit.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Overrides one key of the configuration
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE")]
    overrides: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Listen and answer until told to stop
    Run(run::Run),
    /// Listen to recordings as if they were spoken just now
    Hear(hear::Hear),
    /// Speak a text
    Say(say::Say),
    /// Ask in writing
    Ask(ask::Ask),
    /// Chat in writing, with conversations, search, and what the daemon does just now
    Chat(chat::Chat),
    /// Show, find, delete and carry over what was said
    Conversations(conversations::Conversations),
    /// What Pipit was told to remember
    Memory(memory::Memory),
    /// Who may speak to Pipit, and how private each of them is
    People(people::People),
    /// What was sent to which server
    Ledger(ledger::Ledger),
    /// Write everything that is known into one file, which a passphrase opens
    Backup(backup::Backup),
    /// Try such a file, and go on with it from the next start on
    Restore(backup::Restore),
    /// Erase all that is known at the next start, and begin as a device that belongs to nobody
    FactoryReset(factory_reset::FactoryReset),
    /// Install a newer version, try it, and go back where it is not well
    Update(update::Update),
    /// API keys that are kept sealed
    Secrets(secrets::Secrets),
    /// List microphones and speakers
    Devices(devices::Devices),
    /// The devices at home that are known over MQTT, and how they are
    Home(home::Home),
    /// Show, fetch, check and measure models
    Models(models::Models),
    /// Measure this board, and say which models suit it and why
    Bench,
    /// Show and try out the servers that are asked: language models and speech services
    Providers(providers::Providers),
    /// Show the servers whose tools a model may want used, and which it may
    Mcp(mcp::Mcp),
    /// Check or print the configuration
    Config(config::ConfigCommand),
    /// Find out what keeps Pipit from working, and what to do about it
    Doctor(doctor::Doctor),
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// Whatever kept it from being done, in words for the person who typed it.
    pub fn execute(self) -> anyhow::Result<ExitCode> {
        let options = self.options;
        match self.command {
            Command::Run(run) => run.execute(&options),
            Command::Hear(hear) => hear.execute(&options),
            Command::Say(say) => say.execute(&options),
            Command::Ask(ask) => ask.execute(&options),
            Command::Chat(chat) => chat.execute(&options),
            Command::Conversations(conversations) => conversations.execute(&options),
            Command::Memory(memory) => memory.execute(&options),
            Command::People(people) => people.execute(&options),
            Command::Ledger(ledger) => ledger.execute(&options),
            Command::Backup(backup) => backup.execute(&options),
            Command::Restore(restore) => restore.execute(&options),
            Command::FactoryReset(reset) => reset.execute(&options),
            Command::Update(update) => update.execute(&options),
            Command::Secrets(secrets) => secrets.execute(&options),
            Command::Devices(devices) => devices.execute(),
            Command::Home(home) => home.execute(&options),
            Command::Models(models) => models.execute(&options),
            Command::Bench => models::Models::bench().execute(&options),
            Command::Providers(providers) => providers.execute(&options),
            Command::Mcp(mcp) => mcp.execute(&options),
            Command::Config(config) => config.execute(&options),
            Command::Doctor(doctor) => doctor.execute(&options),
        }
    }
}

impl Options {
    /// Reads the configuration: the file, what was set at the panel, the environment, then `--set`.
    fn load(&self) -> anyhow::Result<Config> {
        load(&self.layering())
    }

    fn layering(&self) -> Layering {
        Layering::new(self.config.clone(), self.overrides.clone())
    }

    /// Where the configuration comes from, in words.
    fn described_file(&self) -> String {
        self.layering().described()
    }
}

/// The same by layers that are known.
fn load(layering: &Layering) -> anyhow::Result<Config> {
    let Loaded { config, left_out } = layering.load()?;
    if let Some(problems) = left_out {
        eprintln!("pipit: what was set at the panel is left out, because it is not right:\n{problems}");
    }
    Ok(config)
}

/// Log lines go to standard error, so that standard output holds nothing but what was asked for. `RUST_LOG` overrides the
/// level of the configuration.
fn start_logging(config: &Config, interactive: bool) {
    start_logging_with(config, interactive, None);
}

/// The same, and `lines` keeps the last of them.
fn start_logging_with(config: &Config, interactive: bool, lines: Option<LogLines>) {
    let level = if interactive { config.log_level.min(LogLevel::Warn) } else { config.log_level };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter(level)));
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    let written = tracing_subscriber::fmt::layer().with_target(false).with_writer(std::io::stderr);
    // systemd's journal writes the time itself, and shows escape sequences as they are.
    let for_person = std::io::stderr().is_terminal();
    let written = written.with_ansi(for_person);
    let outcome = if std::env::var_os("JOURNAL_STREAM").is_some() {
        subscriber.with(written.without_time()).try_init()
    } else {
        subscriber.with(written).try_init()
    };
    // It fails only where a subscriber is there already, which serves as well.
    drop(outcome);
}

/// What is logged at `level`. Libraries that speak HTTP say to which address, and that is nobody's to read, so they are heard
/// only where something is wrong.
fn filter(level: LogLevel) -> String {
    let libraries = level.min(LogLevel::Warn).name();
    let quiet = ["h2", "hyper", "hyper_util", "reqwest", "rumqttc", "rustls", "tower", "ureq", "ureq_proto"]
        .map(|library| format!("{library}={libraries}"));
    format!("{},{}", level.name(), quiet.join(","))
}

/// A line from standard input, without its end: what must not stand among a command's arguments, where others see it. At a
/// terminal nobody sees what is typed.
fn read_secret(what: &str) -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    let input = std::io::stdin();
    let echo = if input.is_terminal() {
        eprint!("{what}: ");
        Some(Unechoed::start()?)
    } else {
        None
    };
    let read = input.read_line(&mut line);
    if echo.is_some() {
        eprintln!();
    }
    drop(echo);
    read.with_context(|| format!("the {what} can't be read from standard input"))?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    anyhow::ensure!(!line.is_empty(), "there is no {what} on standard input; type it there, or pipe it in");
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Unechoed {
    before: rustix::termios::Termios,
}

impl Unechoed {
    fn start() -> anyhow::Result<Unechoed> {
        let before = rustix::termios::tcgetattr(std::io::stdin()).context("the terminal can't be asked")?;
        let mut silent = before.clone();
        silent.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Flush, &silent)
            .context("the terminal would show what is typed; pipe it in instead")?;
        Ok(Unechoed { before })
    }
}

impl Drop for Unechoed {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing either way.
        let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Flush, &self.before);
    }
}

/// The runtime of everything that waits for a network or a timer.
fn async_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the operating system gives Pipit no threads")
}

/// Whether nothing went wrong but that whoever read the output has read enough.
pub fn was_read_enough(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Says what went wrong, with its causes.
pub fn complain(error: &anyhow::Error) {
    eprintln!("pipit: {error:#}");
}
