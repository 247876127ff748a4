//! Somebody who speaks with Pipit from elsewhere, such as from a browser: an endpoint like the device's own, with a machine, a driver
//! and an ear, whose microphone and speaker are at the other end of a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pipit_core::audio::LOWEST_LEVEL;
use pipit_core::turn::Event;
use pipit_store::Store;
use pipit_web::voice::{Given, OpenVoice, Told, Voice};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::app::App;
use crate::audio::{self, SoundIn};
use crate::bus::Bus;
use crate::driver::Words;
use crate::worker::{Inbox, Message, Models, spawn_ear};

/// What is told waits here for the connection: the clauses of a long reply are some dozens. Whoever takes none of them has lost
/// the place.
const TOLD: usize = 128;

/// Opens places from which people speak, each answered by `app`'s engine as themselves, by models that all share.
pub fn opener(app: &Arc<App>, models: &Arc<Models>, runtime: Handle) -> OpenVoice {
    // Whoever listens elsewhere does not keep the models from ending.
    let (app, models) = (Arc::clone(app), Arc::downgrade(models));
    Arc::new(move |store, guest| {
        let models = models.upgrade().ok_or("Pipit is ending.")?;
        let _entered = runtime.enter();
        open(&app, &models, store, guest).map_err(|error| format!("Nobody can speak from there now: {error:#}."))
    })
}

fn open(app: &App, models: &Arc<Models>, store: Store, guest: bool) -> anyhow::Result<Voice> {
    let (tell, told) = mpsc::channel(TOLD);
    let (stop, sound, bus) = (CancellationToken::new(), SoundIn::default(), Bus::new(None));
    let tell = Tell { tell, stop: stop.clone() };
    let (of_speaker, of_turns) = (tell.clone(), tell.clone());
    let speaker = move |reports| audio::open_remote(move |order| of_speaker.tell(shown(order)), reports);
    let on_turn = Box::new(move |report: crate::report::TurnReport| {
        let first_audio_ms = report.timings_ms.first_audio;
        of_turns.tell(Told::Turn { transcript: report.transcript, reply: report.reply, first_audio_ms });
    });
    let engine = app.engine().for_person(store, guest);
    let farthest = app.farthest_speech();
    if farthest > engine.widest() {
        anyhow::bail!("what recognises or speaks here is a service ({farthest}) that you have nothing sent to");
    }
    let of_words = tell.clone();
    let mut driver = app.remote_driver(models, engine, speaker, on_turn, bus.clone())?;
    driver.tell_words(Box::new(move |words| {
        of_words.tell(match words {
            Words::Hearing(text) => Told::Hearing(text),
            Words::Understood(text) => Told::Understood(text),
            Words::Saying(text) => Told::Saying(text),
            Words::Kept(conversation) => Told::Kept(conversation.0),
        });
    }));
    let (inbox, ended) = (driver.inbox(), Arc::new(AtomicBool::new(false)));
    let levels = watch::Sender::new(LOWEST_LEVEL);
    let unmuted = Arc::new(AtomicBool::new(false));
    spawn_ear(app.remote_ear()?, Box::new(sound.microphone()), Arc::clone(&ended), unmuted, inbox.clone(), levels)?;
    tokio::spawn(tell_phases(bus, tell));
    let (stopped, ending) = (stop.clone(), sound.clone());
    tokio::spawn(async move {
        driver.run(stopped).await;
        // The ear ends with its sound, and what is being said is cut.
        ended.store(true, Ordering::Relaxed);
        ending.end();
        driver.drain().await;
    });
    let place = Place { sound, inbox, _stop: stop.drop_guard() };
    Ok(Voice { give: Box::new(move |given| place.give(given)), told })
}

/// What the connection holds on to. Without it the place ends.
struct Place {
    sound: SoundIn,
    inbox: Inbox,
    _stop: DropGuard,
}

impl Place {
    fn give(&self, given: Given) {
        let event = match given {
            Given::Sound(samples) => return self.sound.push(&samples),
            Given::Pressed => Event::ButtonPressed,
            Given::Released => Event::ButtonReleased,
            Given::Stop => Event::StopRequested,
        };
        // A button that is pressed hundreds of times in a moment is not pressed by a person.
        let _ = self.inbox.try_send(Message::Event(event));
    }
}

/// Tells the connection something, or ends the place where that takes nothing.
#[derive(Clone)]
struct Tell {
    tell: mpsc::Sender<Told>,
    stop: CancellationToken,
}

impl Tell {
    fn tell(&self, told: Told) {
        if self.tell.try_send(told).is_err() {
            self.stop.cancel();
        }
    }
}

fn shown(order: audio::Told) -> Told {
    match order {
        audio::Told::Clause(_, pcm) => Told::Clause(pcm),
        audio::Told::Pause => Told::Pause,
        audio::Told::Resume => Told::Resume,
        audio::Told::Stop => Told::Stop,
    }
}

async fn tell_phases(bus: Bus, tell: Tell) {
    let mut snapshots = bus.snapshots();
    drop(bus);
    let mut phase = "";
    loop {
        let now = snapshots.borrow_and_update().phase;
        if now != phase {
            phase = now;
            tell.tell(Told::Phase(phase));
        }
        tokio::select! {
            changed = snapshots.changed() => if changed.is_err() { return },
            () = tell.stop.cancelled() => return,
        }
    }
}
