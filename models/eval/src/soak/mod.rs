//! Pipit over many hours, which pass as fast as this machine can hear them: whether memory and handles grow, and whether each timer
//! rings.
//!
//! The daemon's own parts run in this process as `pipit run` has them. Time for the turns, the timers and the nights is the sound's.
//! What has to do with others (HTTP, sockets, MQTT) knows only real time, so they go on as often as they can meanwhile.

mod panel;
mod stream;

use std::fmt;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use pipit::app::App;
use pipit::clock::Clock;
use pipit::controls::{Choosing, Controls};
use pipit::driver::Driver;
use pipit::executable::Executable;
use pipit::mqtt::device::{self, Device, Told};
use pipit::mqtt::{Connection, Rooms};
use pipit::providers::DaemonsProviders;
use pipit::service::Pulse;
use pipit::settings::Layering;
use pipit::worker::{Inbox, Models};
use pipit::{chat, nightly, panel as daemons_panel, remote, timers};
use pipit_core::face::Face;
use pipit_web::Logs;
use serde::Serialize;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use self::panel::Users;
use self::stream::{Stream, StreamClock};
use crate::figures::resident_kb;
use crate::mqtt::broker::Broker;
use crate::mqtt::peer::Bridge;
use crate::panel::PASSWORD;

const HOUR: Duration = Duration::from_secs(3600);
/// How many devices there are, and how many states they tell in a second.
const DEVICES: usize = 100;
const STATES: u64 = 200;
/// How much more memory than after the first hour is no leak, in percent.
const MOST_GROWTH: f64 = 3.0;
/// How late what is due may be found, in real time: Pipit looks every 250 ms.
const LATE: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    hours: u32,
    minutes: f64,
    said: u64,
    turns: u64,
    requests: u64,
    refused: u64,
    timers: u32,
    rung: u32,
    missed: u32,
    /// After the first hour, and at most after a later one.
    resident_mb: f64,
    most_resident_mb: f64,
    /// By how much the most after a later hour is above that after the first, in percent.
    growth: f64,
    handles: usize,
    most_handles: usize,
    threads: usize,
    most_threads: usize,
}

impl Figures {
    pub(crate) fn is_good(&self) -> bool {
        self.growth <= MOST_GROWTH && self.most_handles <= self.handles + 8 && self.missed == 0 && self.refused == 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { hours, minutes, said, turns, requests, refused, timers, rung, missed, .. } = self;
        let Figures { resident_mb, most_resident_mb, growth, handles, most_handles, threads, most_threads, .. } = self;
        write!(
            f,
            "{hours} hours in {minutes:.1} minutes  said {said}  turns {turns}  requests {requests}, refused {refused}  \
             timers {timers}, rung {rung}, missed {missed}  memory after the first hour {resident_mb:.1} MB, at most \
             {most_resident_mb:.1} MB ({growth:+.1} %)  handles {handles}, at most {most_handles}  threads {threads}, at \
             most {most_threads}"
        )
    }
}

/// How it stands after an hour.
struct After {
    resident_kb: u64,
    handles: usize,
    threads: usize,
    timers: Timers,
}

#[derive(Clone, Copy, Default)]
struct Timers {
    set: u32,
    rung: u32,
    missed: u32,
}

pub(crate) fn measure(hours: u32, speech: &[PathBuf], seed: u64) -> Result<Figures> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(run(hours, speech, seed));
    runtime.shutdown_timeout(Duration::from_secs(3));
    figures
}

async fn run(hours: u32, speech: &[PathBuf], seed: u64) -> Result<Figures> {
    let broker = Broker::start(true)?;
    let bridge = Bridge::under_load(&broker, DEVICES, STATES, crate::mqtt::state).await?;
    let clock = StreamClock::new();
    let mut stream = Stream::new(clock.clone(), seed, speech)?;
    let folder = tempfile::tempdir()?;
    let mut soaked = Soaked::begin(&folder, broker.port, &clock).await?;
    let users = Users::begin(soaked.panel_port)?;
    let begun = Instant::now();
    let mut after: Vec<After> = Vec::new();
    for hour in 1..=hours {
        let hour_begun = Instant::now();
        stream.go_on_for(HOUR);
        soaked.driver.feed(&mut soaked.ear, &mut stream).await;
        soaked.ring(&mut stream, &clock).await?;
        let now = soaked.look()?;
        let Timers { set, rung, missed } = now.timers;
        println!(
            "hour {hour:2}  {:5.1} s  resident {:.1} MB  handles {}  threads {}  said {}  turns {}  requests {}  timers {set}, rung \
             {rung}, missed {missed}",
            hour_begun.elapsed().as_secs_f64(),
            now.resident_kb as f64 / 1024.0,
            now.handles,
            now.threads,
            stream.said(),
            soaked.turns.load(Ordering::Relaxed),
            users.counts().0,
        );
        after.push(now);
    }
    let (requests, refused) = users.counts();
    drop((users, bridge));
    soaked.stop.cancel();
    let first = after.first().context("no hour has passed")?;
    let most = |of: fn(&After) -> u64| after.iter().map(of).max().unwrap_or_default();
    let most_kb = most(|after| after.resident_kb);
    let last = after.last().map(|after| after.timers).unwrap_or_default();
    Ok(Figures {
        hours,
        minutes: begun.elapsed().as_secs_f64() / 60.0,
        said: stream.said(),
        turns: soaked.turns.load(Ordering::Relaxed),
        requests,
        refused,
        timers: last.set,
        rung: last.rung,
        missed: after.iter().map(|after| after.timers.missed).max().unwrap_or_default(),
        resident_mb: first.resident_kb as f64 / 1024.0,
        most_resident_mb: most_kb as f64 / 1024.0,
        growth: (most_kb as f64 / first.resident_kb as f64 - 1.0) * 100.0,
        handles: first.handles,
        most_handles: most(|after| after.handles as u64) as usize,
        threads: first.threads,
        most_threads: most(|after| after.threads as u64) as usize,
    })
}

/// The daemon, but for its microphone and its clock.
struct Soaked {
    driver: Driver,
    ear: pipit::worker::Ear,
    turns: Arc<AtomicU64>,
    stop: CancellationToken,
    panel_port: u16,
    state_dir: PathBuf,
    replies: PathBuf,
    /// By when timers must have rung, in Unix milliseconds.
    due: i64,
    /// They live as long as this.
    _parts: (Arc<App>, Arc<Models>, Controls),
}

impl Soaked {
    /// As `pipit run` puts it together.
    async fn begin(folder: &TempDir, broker_port: u16, clock: &StreamClock) -> Result<Soaked> {
        let panel_port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let layering = configure(folder.path(), broker_port, panel_port)?;
        let config = layering.load()?.config;
        let state_dir = config.state_dir.clone();
        let replies = folder.path().join("replies");
        let told = clock.clone();
        let time: pipit_chat::Clock = Arc::new(move || told.now());
        let app = Arc::new(App::by_clock(config, Arc::clone(&time))?);
        app.store().set_password(app.store().person(), PASSWORD, None)?;
        let stop = CancellationToken::new();
        let selections = app.selections();
        let (models, loading) = app.models(true, &selections)?;
        let turns = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&turns);
        let (heard, words) = mpsc::channel(4);
        let on_turn = move |report: pipit::report::TurnReport| {
            counted.fetch_add(1, Ordering::Relaxed);
            if let Some(asked) = report.remembered {
                let _ = heard.try_send((asked, report.reply));
            }
        };
        let driver = app.driver(&models, Clock::fed(), Some(&replies), Box::new(on_turn))?;
        let kept = (app.engine().clone(), app.speakers().clone());
        let choosing = Choosing::new(selections, &models);
        let controls = Controls::new(app.config(), choosing, kept, app.bus().clone(), driver.inbox(), stop.clone())?;
        let ear = app.waking_ear(driver.wants_wake_word())?.shown_on(app.bus().hearing().clone());
        loading.wait().await?;
        let broker = app.broker().context("no broker is configured")?;
        let rooms = broker.1.clone();
        join_broker(&app, broker, (&controls, driver.inbox()), words, &stop);
        tokio::spawn(timers::announce(app.engine().clone(), driver.inbox(), Pulse::default(), move |text| {
            rooms.announce(text);
        }));
        tokio::spawn(nightly::tend(app.store().clone(), app.config().privacy, time));
        let servers = chat::mcp_servers(app.config(), &|| Ok(app.store().clone()))?;
        tokio::spawn(chat::offer_tools(app.engine().clone(), servers));
        let stores = (app.store().clone(), app.speakers().clone());
        let parts = daemons_panel::Parts {
            apis: app.apis(&models, driver.inbox()),
            providers: Arc::new(DaemonsProviders::new(layering.clone(), app.config(), stores, app.engine().clone())),
            layering,
            logs: Logs::default(),
            face: watch::channel(Face::Starting).1,
            sockets: Arc::default(),
            open_voice: remote::opener(&app, &models, tokio::runtime::Handle::current()),
        };
        daemons_panel::start(&app, &controls, parts, &stop)?;
        let _parts = (app, models, controls);
        Ok(Soaked { driver, ear, turns, stop, panel_port, state_dir, replies, due: 0, _parts })
    }

    /// Goes on until whatever is due by now has rung, or should have.
    async fn ring(&mut self, stream: &mut Stream, clock: &StreamClock) -> Result<()> {
        self.due = clock.now().timestamp().as_millisecond();
        let begun = Instant::now();
        while timers_of(&self.state_dir, self.due)?.missed > 0 && begun.elapsed() < LATE {
            stream.go_on_for(Duration::from_secs(1));
            self.driver.feed(&mut self.ear, stream).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn look(&self) -> Result<After> {
        // Nobody needs what was said an hour ago.
        for entry in fs::read_dir(&self.replies)? {
            fs::remove_file(entry?.path())?;
        }
        let count = |folder: &str| -> Result<usize> { Ok(fs::read_dir(folder)?.count()) };
        Ok(After {
            resident_kb: resident_kb()?,
            handles: count("/proc/self/fd")?,
            threads: count("/proc/self/task")?,
            timers: timers_of(&self.state_dir, self.due)?,
        })
    }
}

/// What became of all timers that were ever set. One is missed that was due by then, in Unix milliseconds, and has not rung.
fn timers_of(state_dir: &Path, due: i64) -> Result<Timers> {
    let database = rusqlite::Connection::open(state_dir.join("pipit.db"))?;
    let counts = "SELECT coalesce(max(id), 0), count(*) FILTER (WHERE state = 'rung'),
                  count(*) FILTER (WHERE due <= ? AND state IN ('running', 'ringing')) FROM timer";
    let counted = database
        .query_row(counts, [due], |row| Ok(Timers { set: row.get(0)?, rung: row.get(1)?, missed: row.get(2)? }))?;
    Ok(counted)
}

fn configure(folder: &Path, broker_port: u16, panel_port: u16) -> Result<Layering> {
    let models = crate::models::folder()?;
    let text = format!(
        "[state]\ndir = \"{}\"\n[models]\ndir = \"{}\"\n[audio]\nbackend = \"null\"\n[stt]\nmodel = \"pipit-nano-en\"\n\
         [tts]\nengine = \"espeak\"\n[mqtt]\nhost = \"127.0.0.1\"\nport = {broker_port}\n[web]\nlisten = \
         \"127.0.0.1:{panel_port}\"\nadvertise = false\n",
        folder.join("state").display(),
        models.display(),
    );
    let file = folder.join("pipit.toml");
    fs::write(&file, text)?;
    Ok(Layering::new(Some(file), Vec::new()))
}

/// As `pipit run` does it.
fn join_broker(
    app: &App,
    (mut connection, rooms): (Connection, Rooms),
    (controls, inbox): (&Controls, Inbox),
    words: mpsc::Receiver<(String, String)>,
    stop: &CancellationToken,
) {
    let (bus, store) = (app.bus(), app.speakers().clone());
    let (participant, tasks) = rooms.participant();
    connection.join(participant);
    tokio::spawn(tasks.run(inbox, store.clone(), bus.calls().subscribe(), bus.levels().subscribe()));
    if let (Some(mqtt), Some(events)) = (&app.config().mqtt, bus.events().upgrade()) {
        let pipit = Arc::new(Mutex::new(Device::new(device::Settings::new(mqtt, controls.choices().clone()))));
        let (commands, waiting) = mpsc::channel(32);
        connection.join(Box::new(device::OnConnection::new(Arc::clone(&pipit), commands)));
        tokio::spawn(device::obey(controls.clone(), waiting));
        let executable = Executable::running(env!("CARGO_PKG_VERSION"));
        let told = Told { snapshots: bus.snapshots(), events: events.subscribe(), words, store, executable };
        let outbox = connection.outbox();
        tokio::spawn(device::tell(pipit, told, move |message| drop(outbox.try_publish(&message)), stop.clone()));
    }
    tokio::spawn(connection.run(stop.clone()));
}
