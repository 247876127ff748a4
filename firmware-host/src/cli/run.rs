//! `pipit run`: the daemon.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use pipit_core::face::Face;
use pipit_core::turn::Event;
use pipit_store::{PrivacyTier, Store};
use pipit_web::Logs;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Options;
use crate::app::App;
use crate::assist::Assist;
use crate::clock::Clock;
use crate::controls::{Choosing, Controls};
use crate::executable::Executable;
use crate::ledger::Ledger;
use crate::log_lines::LogLines;
use crate::mqtt::device::{self, Device, Told};
use crate::mqtt::{Connection, Rooms};
use crate::providers::DaemonsProviders;
use crate::report::TurnReport;
use crate::settings::Layering;
use crate::worker::{Inbox, Message, spawn_ear};
use crate::wyoming::{Offer, Say};
use crate::{buttons, chat, display, leds, nightly, panel, remote, restore, timers, wyoming};

/// How long what is being said may go on after Pipit was told to end.
const GRACE: Duration = Duration::from_secs(3);

/// What Pipit ends with so that systemd starts it again, with `Restart=on-failure` too: `EX_TEMPFAIL` of sysexits.h.
const START_AGAIN: u8 = 75;

/// Exchanges that may wait to be told; of more, only the oldest are.
const WORDS: usize = 4;
/// Commands that may wait to be carried out. They come no faster than twenty at once.
const COMMANDS: usize = 32;

#[derive(Debug, Args)]
pub(super) struct Run {}

impl Run {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let started = Instant::now();
        let config = options.load()?;
        let logs = Logs::default();
        super::start_logging_with(&config, false, Some(LogLines(logs.clone())));
        let state_dir = config.state_dir;
        restore::at_start(&state_dir, Timestamp::now())?;
        match run(options, &logs, started) {
            Err(error) if restore::is_on_trial(&state_dir) => {
                restore::go_back(&state_dir, &format!("{error:#}"))?;
                run(options, &logs, started)
            }
            ended => ended,
        }
    }
}

fn run(options: &Options, logs: &Logs, started: Instant) -> anyhow::Result<ExitCode> {
    // What was set at the panel may have been restored.
    let config = options.load()?;
    tracing::info!("Pipit {} with {}", env!("CARGO_PKG_VERSION"), options.described_file());
    let app = App::new(config)?;
    let runtime = super::async_runtime()?;
    let again = runtime.block_on(serve(app, (options.layering(), logs.clone()), started))?;
    runtime.shutdown_timeout(GRACE);
    Ok(if again { ExitCode::from(START_AGAIN) } else { ExitCode::SUCCESS })
}

/// Runs until it is told to end. Says whether it is to be started again.
async fn serve(app: App, (layering, logs): (Layering, Logs), started: Instant) -> anyhow::Result<bool> {
    let app = Arc::new(app);
    let stop = CancellationToken::new();
    end_on_signals(stop.clone())?;
    let selections = app.selections();
    let (models, loading) = app.models(true, &selections)?;
    let (heard, words) = mpsc::channel(WORDS);
    let mut driver = app.driver(&models, Clock::live(), None, Box::new(move |report| log_turn(report, &heard)))?;
    tap_on_signal(driver.inbox())?;
    let kept = (app.engine().clone(), app.speakers().clone());
    let choosing = Choosing::new(selections, &models);
    let controls = Controls::new(app.config(), choosing, kept, app.bus().clone(), driver.inbox(), stop.clone())?;
    if let Some(settings) = &app.config().buttons {
        let touches = buttons::start(settings.clone())?;
        tokio::spawn(buttons::obey(controls.clone(), app.bus().snapshots(), touches));
    }
    let ear_stop = Arc::new(AtomicBool::new(false));
    let (ear, levels) = (app.waking_ear(driver.wants_wake_word())?, app.bus().levels().clone());
    let ear = ear.shown_on(app.bus().hearing().clone());
    let capture = app.tap().through(app.capture()?, controls.muted());
    let ear = spawn_ear(ear, capture, Arc::clone(&ear_stop), controls.muted(), driver.inbox(), levels)?;
    tracing::info!("listening {} ms after the start", started.elapsed().as_millis());
    tokio::spawn(loading.log(app.bus().clone()));
    let face = show_face(&app, stop.clone())?;
    let broker = app.broker();
    let rooms = broker.as_ref().map(|(_, rooms)| rooms.clone());
    let in_other_rooms = move |text: &str| rooms.iter().for_each(|rooms| rooms.announce(text));
    let broker = broker.map(|broker| join_broker(&app, broker, (&controls, driver.inbox()), words, stop.clone()));
    tokio::spawn(timers::announce(app.engine().clone(), driver.inbox(), in_other_rooms));
    let servers = chat::mcp_servers(app.config(), &|| Ok(app.store().clone()))?;
    tokio::spawn(chat::offer_tools(app.engine().clone(), servers));
    tokio::spawn(nightly::tend(app.store().clone(), app.config().privacy, Arc::new(jiff::Zoned::now)));
    let stores = (app.store().clone(), app.speakers().clone());
    let parts = panel::Parts {
        apis: app.apis(&models, driver.inbox()),
        providers: Arc::new(DaemonsProviders::new(layering.clone(), app.config(), stores, app.engine().clone())),
        layering,
        logs,
        face,
        open_voice: remote::opener(&app, &models, tokio::runtime::Handle::current()),
    };
    let sockets = panel::start(&app, &controls, parts, &stop)?;
    let assist = Assist::new(app.bus().clone());
    let peers = match app.config().wyoming {
        Some(settings) => {
            let services = app.wyoming(&models)?.knowing(assist.clone());
            wyoming::start(settings, services, stop.clone()).await
        }
        None => None,
    };
    let satellite = match app.config().satellite {
        Some(settings) => {
            driver.give_to(assist.clone());
            let ledger = Ledger::of(app.speakers().clone());
            let area = app.config().home.area.as_deref();
            let offer = Offer::new(assist, driver.inbox(), announcing(app.speakers().clone()), ledger, area);
            wyoming::start_satellite(settings, offer, stop.clone()).await
        }
        None => None,
    };
    restore::came_up(&app.config().state_dir)?;
    driver.run(stop).await;
    tracing::info!("ending");
    // Whatever is still being said is cut here, and what was heard of it is recorded.
    if tokio::time::timeout(GRACE, driver.drain()).await.is_err() {
        tracing::warn!("ending in the middle of a turn, which is missing from the history");
    }
    ear_stop.store(true, Ordering::Relaxed);
    if let Some(sockets) = sockets {
        // Whoever is at the other end of one learns that it was no accident.
        drop(tokio::time::timeout(GRACE, sockets.closed()).await);
    }
    for peers in [peers, satellite].into_iter().flatten() {
        // They end by themselves when everything does.
        let _ = peers.await;
    }
    drop((driver, models));
    if let Some(broker) = broker {
        // It has been saying goodbye since `stop`, and takes no longer for it than this.
        drop(tokio::time::timeout(GRACE, broker).await);
    }
    ear.join().map_err(|_| anyhow::anyhow!("the ear's thread failed; the log says why"))?;
    Ok(controls.wants_restart())
}

/// Shows on what there is what Pipit does, and gives what is shown.
fn show_face(app: &App, stop: CancellationToken) -> anyhow::Result<watch::Receiver<Face>> {
    let (told, face) = watch::channel(Face::Starting);
    if let Some(settings) = &app.config().display {
        display::start(settings.clone(), face.clone())?;
    }
    if let Some(settings) = &app.config().leds {
        leds::start(settings.clone(), face.clone())?;
    }
    let follow = display::situation::follow(app.face(), told);
    tokio::spawn(async move { stop.run_until_cancelled(follow).await });
    Ok(face)
}

/// Has something said on this device alone, as soon as it can be.
fn announcing(store: Store) -> Say {
    Arc::new(move |text| {
        if let Err(error) = store.add_announcement_here(&text, Timestamp::now()) {
            tracing::error!("a timer of Home Assistant's is over, and that can't be said: {error}");
        }
    })
}

/// Lets the device and the rooms take part in what goes over the broker, and begins with it.
fn join_broker(
    app: &App,
    (mut connection, rooms): (Connection, Rooms),
    (controls, inbox): (&Controls, Inbox),
    words: mpsc::Receiver<(String, String)>,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let (bus, store) = (app.bus(), app.speakers().clone());
    let (participant, tasks) = rooms.participant();
    connection.join(participant);
    tokio::spawn(tasks.run(inbox, store.clone(), bus.calls().subscribe(), bus.levels().subscribe()));
    if let (Some(mqtt), Some(events)) = (&app.config().mqtt, bus.events().upgrade()) {
        // Nobody's words go farther than what is asked of servers may.
        let may_tell = store.tier() == PrivacyTier::Standard && mqtt.tier <= app.config().widest;
        let settings = device::Settings {
            has_thermometer: device::has_thermometer(),
            words: mqtt.publish_words && may_tell,
            ..device::Settings::new(mqtt, controls.choices().clone())
        };
        let pipit = Arc::new(Mutex::new(Device::new(settings)));
        let (commands, waiting) = mpsc::channel(COMMANDS);
        connection.join(Box::new(device::OnConnection::new(Arc::clone(&pipit), commands)));
        tokio::spawn(device::obey(controls.clone(), waiting));
        let (snapshots, events, executable) =
            (bus.snapshots(), events.subscribe(), Executable::running(env!("CARGO_PKG_VERSION")));
        let told = Told { snapshots, events, words, store, executable };
        let outbox = connection.outbox();
        let publish = move |message| {
            if let Err(error) = outbox.try_publish(&message) {
                tracing::debug!("Home Assistant is not told at once: {error}");
            }
        };
        tokio::spawn(device::tell(pipit, told, publish, stop.clone()));
    }
    tokio::spawn(connection.run(stop))
}

/// SIGTERM is systemd's, SIGINT a person's at the keyboard.
fn end_on_signals(stop: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be waited for")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can't be waited for")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

/// SIGUSR1 is a tap on the button: `kill -USR1`, `systemctl kill -s USR1 pipit`.
fn tap_on_signal(inbox: Inbox) -> anyhow::Result<()> {
    let mut taps = signal(SignalKind::user_defined1()).context("SIGUSR1 can't be waited for")?;
    tokio::spawn(async move {
        while taps.recv().await.is_some() {
            for event in [Event::ButtonPressed, Event::ButtonReleased] {
                // The inbox closes only when everything is shutting down.
                let _ = inbox.send(Message::Event(event)).await;
            }
        }
    });
    Ok(())
}

/// What people say is for the trace level only, and for whoever they want to publish it.
fn log_turn(report: TurnReport, heard: &mpsc::Sender<(String, String)>) {
    let ms = |at: Option<f64>| at.map_or("-".to_owned(), |at| format!("{at:.0} ms"));
    let t = &report.timings_ms;
    tracing::info!(
        turn = report.turn,
        ended_by = report.ended_by,
        intent = report.intent,
        "decided {} after the end of speech, understood {}, audible {}",
        ms(t.turn_decided),
        ms(t.transcript),
        ms(t.first_audio)
    );
    tracing::trace!(turn = report.turn, transcript = report.transcript, reply = report.reply);
    if let Some(asked) = report.remembered {
        // Where nobody takes it, nobody wants it.
        let _ = heard.try_send((asked, report.reply));
    }
}
