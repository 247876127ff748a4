//! `pipit run`: the daemon.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use pipit_core::config::AudioBackend;
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
use crate::caretaker::Caretaker;
use crate::clock::Clock;
use crate::controls::{Choosing, Controls};
use crate::executable::Executable;
use crate::instance::{Instance, RunsAlready};
use crate::ledger::Ledger;
use crate::log_lines::LogLines;
use crate::mqtt::device::{self, Device, Told};
use crate::mqtt::{Connection, Rooms};
use crate::providers::DaemonsProviders;
use crate::report::TurnReport;
use crate::service::{Health, Service, Sockets};
use crate::settings::Layering;
use crate::worker::{Inbox, Message, spawn_ear};
use crate::wyoming::{Offer, Say};
use crate::{buttons, chat, display, factory_reset, leds, nightly, panel, remote, restore, timers, wyoming};

/// How long what is being said may go on after Pipit was told to end.
const GRACE: Duration = Duration::from_secs(3);

/// For so many seconds whoever looks for timers may wait for the history: other programs write it too, and a card may be slow.
const WAITS_FOR_DISK: u32 = 60;

/// What Pipit ends with so that systemd starts it again, with `Restart=on-failure` too: `EX_TEMPFAIL` of sysexits.h.
const START_AGAIN: u8 = 75;

/// What it ends with where another daemon uses the same state, and systemd does not start it again: `EX_UNAVAILABLE`.
const RUNS_ALREADY: u8 = 69;

/// Exchanges that may wait to be told; of more, only the oldest are.
const WORDS: usize = 4;
/// Commands that may wait to be carried out. They come no faster than twenty at once.
const COMMANDS: usize = 32;

/// What it is started with: where the configuration comes from, the last lines of the log, and sockets.
type Given = (Layering, Logs, Arc<Sockets>);

#[derive(Debug, Args)]
pub(super) struct Run {}

impl Run {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let started = Instant::now();
        // While nothing else runs.
        let handed = Arc::new(Sockets::take()?);
        let layering = options.layering().or_last_good();
        let config = super::load(&layering)?;
        let logs = Logs::default();
        super::start_logging_with(&config, false, Some(LogLines(logs.clone())));
        if let Some(problem) = layering.problem().filter(|_| layering.is_last_good()) {
            tracing::error!(
                "the configuration can't be used, and the one that Pipit came up with last takes its place until it is set \
                 right: {problem}"
            );
        }
        let state_dir = config.state_dir;
        let _alone = match Instance::of(&state_dir) {
            Err(error) if error.is::<RunsAlready>() => {
                tracing::error!("{error}");
                return Ok(ExitCode::from(RUNS_ALREADY));
            }
            Err(error) => {
                // A disk that is full or can't be written to is no reason not to listen.
                tracing::warn!("that no other Pipit uses the same state can't be made sure of: {error:#}");
                None
            }
            Ok(instance) => Some(instance),
        };
        factory_reset::at_start(&state_dir)?;
        restore::at_start(&state_dir, Timestamp::now())?;
        let given = (layering, logs, handed);
        match run(given.clone(), started) {
            Err(error) if restore::is_on_trial(&state_dir) => {
                restore::go_back(&state_dir, &format!("{error:#}"))?;
                run(given, started)
            }
            ended => ended,
        }
    }
}

fn run(given: Given, started: Instant) -> anyhow::Result<ExitCode> {
    let (layering, ..) = &given;
    // What was set at the panel may have been restored.
    let config = super::load(layering)?;
    tracing::info!("Pipit {} with {}", env!("CARGO_PKG_VERSION"), layering.described());
    let app = App::new(config)?;
    let runtime = super::async_runtime()?;
    let again = runtime.block_on(serve(app, given, started))?;
    runtime.shutdown_timeout(GRACE);
    Ok(if again { ExitCode::from(START_AGAIN) } else { ExitCode::SUCCESS })
}

/// Runs until it is told to end. Says whether it is to be started again.
async fn serve(app: App, (layering, logs, handed): Given, started: Instant) -> anyhow::Result<bool> {
    let app = Arc::new(app);
    let wants_microphone = matches!(app.config().audio.backend, AudioBackend::Cpal { .. });
    let service = Service::start(app.bus().snapshots(), wants_microphone).context("nothing looks after Pipit")?;
    let health = service.health().clone();
    let stop = CancellationToken::new();
    end_on_signals(stop.clone())?;
    let selections = app.selections();
    let (models, loading) = app.models(true, &selections)?;
    models.watched_by(&health);
    let (heard, words) = mpsc::channel(WORDS);
    let mut driver = app.driver(&models, Clock::live(), None, Box::new(move |report| log_turn(report, &heard)))?;
    driver.playback().watched_by(health.part("playback"));
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
    let ear = ear.shown_on(app.bus().hearing().clone()).watched_by(health.part("the ear"));
    let capture = app.tap().through(app.capture()?, controls.muted());
    let ear = spawn_ear(ear, capture, Arc::clone(&ear_stop), controls.muted(), driver.inbox(), levels)?;
    tracing::info!("listening {} ms after the start", started.elapsed().as_millis());
    let loaded = tokio::spawn(loading.log(app.bus().clone()));
    look_after_runtime(&health);
    let face = show_face(&app, stop.clone())?;
    let broker = app.broker();
    let rooms = broker.as_ref().map(|(_, rooms)| rooms.clone());
    let in_other_rooms = move |text: &str| rooms.iter().for_each(|rooms| rooms.announce(text));
    let broker =
        broker.map(|broker| join_broker(&app, broker, (&controls, driver.inbox()), words, &health, stop.clone()));
    let timers = health.patient_part("who looks for timers that are due", WAITS_FOR_DISK);
    tokio::spawn(timers::announce(app.engine().clone(), driver.inbox(), timers, in_other_rooms));
    let servers = chat::mcp_servers(app.config(), &|| Ok(app.store().clone()))?;
    tokio::spawn(chat::offer_tools(app.engine().clone(), servers));
    tokio::spawn(nightly::tend(app.store().clone(), app.config().privacy, Arc::new(jiff::Zoned::now)));
    let (store, state_dir) = (app.store().clone(), app.config().state_dir.clone());
    let (folder, also, bus) = (app.model_folder(), layering.trouble().into_iter().collect(), app.bus().clone());
    let caretaker = Caretaker { store, state_dir, folder, models: Arc::clone(&models), also, bus };
    caretaker.begin();
    tokio::spawn(caretaker.look_after_it());
    let stores = (app.store().clone(), app.speakers().clone());
    let layers = layering.clone();
    let parts = panel::Parts {
        apis: app.apis(&models, driver.inbox()),
        providers: Arc::new(DaemonsProviders::new(layering.clone(), app.config(), stores, app.engine().clone())),
        layering,
        logs,
        face,
        open_voice: remote::opener(&app, &models, tokio::runtime::Handle::current()),
        sockets: handed,
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
    if let Err(error) = layers.keep_as_good(&app.config().state_dir) {
        tracing::warn!("this configuration is not kept as the last good one: {error:#}");
    }
    let service = Arc::new(service);
    let instead = layers.is_last_good().then(|| "the configuration can't be used, and the last good one is".to_owned());
    tokio::spawn(tell_ready(Arc::clone(&service), loaded, instead));
    driver.watched_by(health.part("the driver"));
    driver.run(stop).await;
    service.stopping();
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

/// Has the async runtime and its threads looked after.
fn look_after_runtime(health: &Health) {
    let pulse = health.part("the async runtime");
    tokio::spawn(async move { pulse.during(std::future::pending::<()>()).await });
    health.runtime(tokio::runtime::Handle::current().metrics());
}

/// Tells that Pipit is ready once it is known what is loaded.
async fn tell_ready(service: Arc<Service>, loaded: JoinHandle<Vec<&'static str>>, also: Option<String>) {
    // It fails where everything is shutting down.
    if let Ok(missing) = loaded.await {
        service.ready(missing.into_iter().map(|part| format!("no {part}")).chain(also).collect());
    }
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
    health: &Health,
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
    let pulse = health.part("the connection to the MQTT broker");
    tokio::spawn(async move { pulse.during(connection.run(stop)).await })
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
