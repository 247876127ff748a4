use std::path::Path;

use pipit_chat::EngineSettings;
use pipit_core::config::{Defaults, Layers, Text, load};
use pipit_core::control::{Refusal, Selectable};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::buttons::{self, Touch};

/// A server in the house answers what is asked of a model, and Pipit wakes by a phrase.
const CONFIG: &str =
    "[wake]\nmode = 'phrase'\n[chat]\nprovider = 'ollama'\nbase_url = 'http://nas.local:11434'\nmodel = 'm'\n";

/// A service in the house transcribes, unless a model on this device does. Whatever is called broken can't be loaded.
fn choosing() -> Choosing {
    let named = |name: &str| Selectable { name: name.to_owned(), tier: Tier::Device };
    let service = Selectable { tier: Tier::House, ..named("the service") };
    let mut selections = Selections::default();
    selections.voices = Selection(["espeak-ng en-us", "espeak-ng en-gb", "broken"].map(named).into());
    selections.recognisers = Selection(vec![service, named("pipit-nano-en")]);
    let load = |at: usize| {
        let (tell, told) = oneshot::channel();
        let error = anyhow::anyhow!("the file is damaged");
        tell.send(if at == 2 { Err(NotChosen { stays: 1, error }) } else { Ok(()) }).unwrap();
        told
    };
    Choosing::by(Arc::new(selections), Box::new(load), Box::new(load))
}

struct Daemon {
    controls: Controls,
    engine: Engine,
    store: Store,
    bus: Bus,
    inbox: mpsc::Receiver<Message>,
    stop: CancellationToken,
}

impl Daemon {
    /// What has controls, with its history in this folder.
    fn started(folder: &Path) -> Daemon {
        Daemon::configured(folder, CONFIG)
    }

    fn configured(folder: &Path, content: &str) -> Daemon {
        let config = load(Layers {
            defaults: Defaults { state_dir: folder.to_owned() },
            file: Some(Text { name: "pipit.toml", content }),
            panel: None,
            environment: Vec::new(),
            flags: &[],
        });
        let store = Store::open(&folder.join("pipit.db")).unwrap();
        let settings = EngineSettings { volume: 50, ..EngineSettings::default() };
        let engine = Engine::new(settings, store.clone(), Arc::new(jiff::Zoned::now)).unwrap();
        let (sender, inbox) = mpsc::channel(64);
        let (bus, stop, kept) = (Bus::new(None), CancellationToken::new(), (engine.clone(), store.clone()));
        let controls = Controls::new(&config.unwrap(), choosing(), kept, bus.clone(), sender, stop.clone()).unwrap();
        Daemon { controls, engine, store, bus, inbox, stop }
    }

    fn told(&mut self) -> String {
        let message = self.inbox.try_recv().map(|message| format!("{message:?}"));
        message.unwrap_or_else(|_| "nothing".to_owned())
    }

    async fn refuses(&self, command: Command) -> Refusal {
        let error = self.controls.carry_out(command, Origin::Broker).await.unwrap_err();
        *error.downcast_ref().unwrap_or_else(|| panic!("{error:#}"))
    }

    /// Waits until this is kept of the voice and the recogniser that were chosen.
    async fn keeps(&self, voice: Option<&str>, recogniser: Option<&str>) {
        let kept = || (self.store.voice().unwrap(), self.store.recogniser().unwrap());
        let wanted = (voice.map(str::to_owned), recogniser.map(str::to_owned));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while kept() != wanted {
            assert!(std::time::Instant::now() < deadline, "{:?}", kept());
            tokio::task::yield_now().await;
        }
    }

    async fn does(&self, command: Command) {
        self.controls.carry_out(command, Origin::Broker).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_less_than_configured_survives_a_restart() {
    let folder = TempDir::new().unwrap();
    let mut daemon = Daemon::started(folder.path());
    assert_eq!(daemon.told(), "Event(WakeModeChosen { mode: Phrase })");
    assert_eq!(daemon.engine.widest(), Tier::House, "no farther than anybody is asked");
    daemon.does(Command::Mute(true)).await;
    daemon.does(Command::SetWakeMode(WakeMode::PushToTalk)).await;
    daemon.does(Command::SetWidest(Tier::Device)).await;
    daemon.does(Command::SetVolume(20)).await;
    assert_eq!(daemon.told(), "Event(WakeModeChosen { mode: PushToTalk })");
    assert_eq!(daemon.told(), "Device(SetVolume(20))");
    drop(daemon);

    let mut daemon = Daemon::started(folder.path());
    assert_eq!(daemon.told(), "Event(WakeModeChosen { mode: PushToTalk })");
    assert!(daemon.controls.muted().load(Ordering::Relaxed));
    assert_eq!((daemon.engine.widest(), daemon.engine.volume()), (Tier::Device, 20));
    let snapshot = daemon.bus.snapshots().borrow().clone();
    assert_eq!((snapshot.muted, snapshot.widest_tier), (true, "on this device"));
}

#[tokio::test]
async fn more_than_that_is_for_those_at_home_or_for_an_owner_who_says_so() {
    let folder = TempDir::new().unwrap();
    let daemon = Daemon::started(folder.path());
    daemon.does(Command::Mute(true)).await;
    daemon.does(Command::SetWidest(Tier::Device)).await;
    assert_eq!(daemon.refuses(Command::Mute(false)).await, Refusal::ListensMore);
    assert_eq!(daemon.refuses(Command::SetWakeMode(WakeMode::Always)).await, Refusal::ListensMore);
    assert_eq!(daemon.refuses(Command::SetWidest(Tier::House)).await, Refusal::AsksFarther);
    assert_eq!(daemon.refuses(Command::SetWidest(Tier::Outside)).await, Refusal::NoSuchTier(Tier::Outside));
    assert_eq!(daemon.refuses(Command::Restart).await, Refusal::NobodyStartsIt);
    assert!(daemon.controls.muted().load(Ordering::Relaxed) && !daemon.stop.is_cancelled());

    daemon.controls.carry_out(Command::Mute(false), Origin::Home).await.unwrap();
    assert!(!daemon.controls.muted().load(Ordering::Relaxed) && !daemon.store.muted().unwrap());
    drop(daemon);
    let daemon =
        Daemon::configured(folder.path(), &format!("{CONFIG}[mqtt]\nhost = 'nas.local'\nallow_unmute = true\n"));
    daemon.does(Command::SetWidest(Tier::House)).await;
    daemon.does(Command::SetWakeMode(WakeMode::Always)).await;
    drop(daemon);
    let mut daemon = Daemon::started(folder.path());
    assert_eq!(daemon.told(), "Event(WakeModeChosen { mode: Phrase })", "more than configured lasts until the end");
    assert_eq!(daemon.engine.widest(), Tier::House);
}

#[tokio::test]
async fn what_is_to_be_said_waits_in_the_store_and_not_without_end() {
    let folder = TempDir::new().unwrap();
    let mut daemon = Daemon::started(folder.path());
    daemon.told();
    let text = || Command::Announce("Dinner is ready".to_owned());
    daemon.does(text()).await;
    let due = daemon.engine.take_due_announcements().unwrap();
    assert_eq!(due[0].text, "Dinner is ready.");
    for _ in 1..MOST_WAITING {
        daemon.does(text()).await;
    }
    let error = daemon.controls.carry_out(text(), Origin::Broker).await.unwrap_err();
    assert!(error.to_string().contains("10 texts wait"), "one of them is being said: {error}");
    daemon.engine.announced(due[0].notice, true).unwrap();
    daemon.does(text()).await;
    daemon.does(Command::Stop).await;
    assert_eq!(daemon.told(), "Event(StopRequested)");
}

#[tokio::test]
async fn the_voice_that_works_in_the_end_is_the_one_that_is_kept() {
    let folder = TempDir::new().unwrap();
    let daemon = Daemon::started(folder.path());
    let voice = |name: &str| Command::SetVoice(name.to_owned());
    daemon.does(voice("espeak-ng en-gb")).await;
    daemon.keeps(Some("espeak-ng en-gb"), None).await;
    assert_eq!(daemon.refuses(voice("kokoro af_heart")).await, Refusal::NotInstalled);
    daemon.does(voice("broken")).await;
    daemon.does(voice("espeak-ng en-us")).await;
    daemon.keeps(None, None).await;
    daemon.store.set_voice(Some("gone")).unwrap();
    daemon.does(voice("broken")).await;
    daemon.keeps(Some("espeak-ng en-gb"), None).await;
}

#[tokio::test]
async fn what_is_said_stays_on_this_device_where_somebody_has_chosen_that() {
    let folder = TempDir::new().unwrap();
    let daemon = Daemon::started(folder.path());
    let model = |name: &str| Command::SetModel(name.to_owned());
    daemon.does(model("the service")).await;
    daemon.does(model("pipit-nano-en")).await;
    daemon.keeps(None, Some("pipit-nano-en")).await;
    assert_eq!(daemon.store.former_recogniser().unwrap().as_deref(), Some("the service"));
    assert_eq!(daemon.refuses(model("the service")).await, Refusal::AsksFarther);
    daemon.controls.carry_out(model("the service"), Origin::Home).await.unwrap();
    daemon.keeps(None, None).await;
}

#[tokio::test]
async fn buttons_do_what_they_are_for_and_a_switch_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::started(folder.path());
    while daemon.inbox.try_recv().is_ok() {}
    let mut snapshots = daemon.bus.snapshots();
    let (touched, touches) = mpsc::channel(8);
    tokio::spawn(buttons::obey(daemon.controls.clone(), daemon.bus.snapshots(), touches));
    let touch = async |touch| touched.send(touch).await.unwrap();
    // A switch that is off leaves it as it was.
    touch(Touch::MuteSwitch(false)).await;
    touch(Touch::Mute).await;
    snapshots.wait_for(|now| now.muted).await.unwrap();
    touch(Touch::Mute).await;
    snapshots.wait_for(|now| !now.muted).await.unwrap();
    for pressed in [true, false] {
        touch(Touch::Talk(pressed)).await;
    }
    assert!(matches!(daemon.inbox.recv().await, Some(Message::Event(Event::ButtonPressed))));
    assert!(matches!(daemon.inbox.recv().await, Some(Message::Event(Event::ButtonReleased))));
    daemon.bus.send_modify(|now| now.volume = 95);
    touch(Touch::Volume(1)).await;
    assert!(matches!(daemon.inbox.recv().await, Some(Message::Device(DeviceAction::SetVolume(100)))));
    touch(Touch::MuteSwitch(true)).await;
    snapshots.wait_for(|now| now.muted).await.unwrap();
    // Without power it hears nothing, whatever is chosen elsewhere.
    daemon.controls.carry_out(Command::Mute(false), Origin::Home).await.unwrap();
    snapshots.wait_for(|now| now.muted).await.unwrap();
    touch(Touch::MuteSwitch(false)).await;
    snapshots.wait_for(|now| !now.muted).await.unwrap();
}
