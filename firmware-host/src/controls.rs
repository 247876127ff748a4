//! Carries out what somebody wants changed while Pipit runs, at the panel or over MQTT. What may be done from where is decided by
//! [`pipit_core::control`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use pipit_chat::{DeviceAction, Engine};
use pipit_core::chat::Tier;
use pipit_core::config::{Config, LlmSettings};
use pipit_core::control::{Choices, Command, Origin, Selection, Standing, judge};
use pipit_core::turn::{Event, WakeMode};
use pipit_store::{Store, StoreError};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::bus::Bus;
use crate::selections::Selections;
use crate::worker::{Inbox, Message, Models, NotChosen};

/// So many texts may wait to be said. Whoever has one more is told so.
const MOST_WAITING: usize = 10;

/// The voices and recognisers that can be chosen.
pub struct Choosing {
    selections: Arc<Selections>,
    choose_voice: Choose,
    choose_recogniser: Choose,
}

/// Has one of them take over, by its place, and tells what came of it.
pub type Choose = Box<dyn Fn(usize) -> oneshot::Receiver<Result<(), NotChosen>> + Send + Sync>;

impl Choosing {
    /// Those of `selections`, which `models` at work load.
    pub fn new(selections: Arc<Selections>, models: &Arc<Models>) -> Choosing {
        // Whoever controls Pipit does not keep its models from ending.
        let (voice, recogniser) = (Arc::downgrade(models), Arc::downgrade(models));
        let nothing = || oneshot::channel().1;
        let choose_voice = move |at| voice.upgrade().map_or_else(nothing, |models| models.choose_voice(at));
        let choose_recogniser =
            move |at| recogniser.upgrade().map_or_else(nothing, |models| models.choose_recogniser(at));
        Choosing::by(selections, Box::new(choose_voice), Box::new(choose_recogniser))
    }

    /// Those of `selections`, which these load.
    pub fn by(selections: Arc<Selections>, choose_voice: Choose, choose_recogniser: Choose) -> Choosing {
        Choosing { selections, choose_voice, choose_recogniser }
    }
}

/// What can be chosen of several models.
#[derive(Clone, Copy)]
enum Part {
    Voice,
    Recogniser,
}

/// The daemon's controls. Clones control the same daemon.
#[derive(Clone)]
pub struct Controls {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    store: Store,
    bus: Bus,
    inbox: Inbox,
    configured: WakeMode,
    choices: Choices,
    choosing: Choosing,
    /// Held while what was chosen is kept, so that what is kept last is what holds.
    keeping: Mutex<()>,
    /// Held while a command is judged and takes effect, so that no two are judged by the same state.
    standing: Mutex<Standing>,
    /// What the ear looks at.
    muted: Arc<AtomicBool>,
    stop: CancellationToken,
    restarts: AtomicBool,
}

impl Controls {
    /// The controls of the daemon whose driver answers by `engine`, listens to `inbox` and ends with `stop`. Settings are kept in
    /// `store`, and with it what those who speak want announced. What was chosen before the start takes effect here, so nothing
    /// may be heard before.
    ///
    /// # Errors
    /// The driver takes no events.
    pub fn new(
        config: &Config,
        choosing: Choosing,
        (engine, store): (Engine, Store),
        bus: Bus,
        inbox: Inbox,
        stop: CancellationToken,
    ) -> anyhow::Result<Controls> {
        let Selections { voices, recognisers, voice, recogniser, .. } = &*choosing.selections;
        let choices = Choices { voices: voices.clone(), models: recognisers.clone(), ..choices(config) };
        let configured = config.wake.attention.mode;
        let standing = Standing { voice: *voice, model: *recogniser, ..at_start(&choices, configured, &store) };
        let muted = Arc::new(AtomicBool::new(standing.muted));
        inbox.try_send(Message::Event(Event::WakeModeChosen { mode: standing.mode })).context("the driver is busy")?;
        engine.set_widest(standing.widest);
        bus.send_modify(|snapshot| {
            snapshot.muted = standing.muted;
            snapshot.widest_tier = standing.widest.name();
        });
        let (keeping, standing, restarts) = (Mutex::default(), Mutex::new(standing), AtomicBool::new(false));
        let shared = Shared {
            engine,
            store,
            bus,
            inbox,
            configured,
            choices,
            choosing,
            keeping,
            standing,
            muted,
            stop,
            restarts,
        };
        Ok(Controls { shared: Arc::new(shared) })
    }

    /// Raised while the microphone is off.
    pub fn muted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shared.muted)
    }

    /// What can be chosen.
    pub fn choices(&self) -> &Choices {
        &self.shared.choices
    }

    /// The voices and recognisers that can be chosen.
    pub fn selections(&self) -> &Arc<Selections> {
        &self.shared.choosing.selections
    }

    /// What the driver listens to.
    pub fn inbox(&self) -> &Inbox {
        &self.shared.inbox
    }

    /// Whether somebody wants Pipit started again.
    pub fn wants_restart(&self) -> bool {
        self.shared.restarts.load(Ordering::Relaxed)
    }

    /// Carries out a command.
    ///
    /// # Errors
    /// It is refused ([`pipit_core::control::Refusal`]), or it was done and can't be remembered, or Pipit is ending.
    pub async fn carry_out(&self, command: Command, from: Origin) -> anyhow::Result<()> {
        let message = self.take_effect(&command, from)?;
        if let Some(message) = message {
            self.shared.inbox.send(message).await.map_err(|_| anyhow::anyhow!("Pipit is ending"))?;
        }
        let shared = Arc::clone(&self.shared);
        // SQLite may have to wait for another program.
        tokio::task::spawn_blocking(move || shared.remember(command)).await.context("Pipit is ending")?
    }

    /// Does what is done at once, and gives what is left for the driver.
    fn take_effect(&self, command: &Command, from: Origin) -> anyhow::Result<Option<Message>> {
        let Shared { engine, bus, choices, muted, .. } = &*self.shared;
        let mut standing = self.standing();
        judge(command, from, &standing, choices)?;
        Ok(match command {
            Command::Mute(off) => {
                standing.muted = *off;
                muted.store(*off, Ordering::Relaxed);
                bus.send_modify(|snapshot| snapshot.muted = *off);
                tracing::info!("the microphone is {}", if *off { "off" } else { "on again" });
                None
            }
            Command::SetWidest(tier) => {
                standing.widest = *tier;
                engine.set_widest(*tier);
                bus.send_modify(|snapshot| snapshot.widest_tier = tier.name());
                tracing::info!("servers are asked up to this tier: {tier}");
                None
            }
            Command::SetWakeMode(mode) => {
                standing.mode = *mode;
                tracing::info!("the wake mode is {}", mode.name());
                Some(Message::Event(Event::WakeModeChosen { mode: *mode }))
            }
            Command::SetVoice(name) => {
                self.choose(Part::Voice, name, &mut standing);
                None
            }
            Command::SetModel(name) => {
                self.choose(Part::Recogniser, name, &mut standing);
                None
            }
            Command::SetVolume(percent) => Some(Message::Device(DeviceAction::SetVolume(*percent))),
            Command::Stop => Some(Message::Event(Event::StopRequested)),
            Command::Restart => {
                tracing::info!("ending, to be started again");
                self.shared.restarts.store(true, Ordering::Relaxed);
                self.shared.stop.cancel();
                None
            }
            Command::Announce(_) => None,
        })
    }

    /// Has a model loaded, and keeps in the end which of them works.
    fn choose(&self, part: Part, name: &str, standing: &mut Standing) {
        let Choosing { choose_voice, choose_recogniser, .. } = &self.shared.choosing;
        // It was judged, so it is there.
        let Some(at) = part.selection(&self.shared.choices).find(name) else { return };
        let choose = match part {
            Part::Voice => choose_voice,
            Part::Recogniser => choose_recogniser,
        };
        let before = std::mem::replace(part.of(standing), at);
        tokio::spawn(self.clone().settle(part, (before, at), choose(at)));
    }

    async fn settle(
        self,
        part: Part,
        (before, chosen): (usize, usize),
        told: oneshot::Receiver<Result<(), NotChosen>>,
    ) {
        // Otherwise something else was chosen meanwhile, or Pipit ends.
        let Ok(outcome) = told.await else { return };
        let names = part.selection(&self.shared.choices);
        let name = |at: usize| names.names().nth(at).unwrap_or("as it is");
        let works = match outcome {
            Ok(()) => chosen,
            Err(NotChosen { stays, error }) => {
                let (stays_so, wanted) = (name(stays), name(chosen));
                tracing::warn!("{} stays {stays_so}, because {wanted} can't be loaded: {error:#}", part.what());
                stays
            }
        };
        {
            let mut standing = self.standing();
            let now = part.of(&mut standing);
            // Another one may have been chosen meanwhile.
            *now = if *now == chosen { works } else { return };
        }
        let controls = self.clone();
        // SQLite may have to wait for another program.
        let kept = tokio::task::spawn_blocking(move || controls.keep(part, before, works)).await;
        if let Ok(Err(error)) = kept {
            tracing::error!(
                "which is {} holds until Pipit ends, and could not be kept beyond that: {error}",
                part.what()
            );
        }
    }

    /// Keeps which model works, and in whose place, unless another one was chosen meanwhile.
    fn keep(&self, part: Part, before: usize, works: usize) -> Result<(), StoreError> {
        let Shared { store, choices, keeping, .. } = &*self.shared;
        let _alone = keeping.lock().unwrap_or_else(PoisonError::into_inner);
        if *part.of(&mut self.standing()) != works {
            return Ok(());
        }
        let name = part.selection(choices).names().nth(works).filter(|_| works != 0);
        match part {
            Part::Voice => store.set_voice(name),
            Part::Recogniser => {
                let former = part.selection(choices).names().nth(before).filter(|_| before != works);
                former.map_or(Ok(()), |former| store.set_former_recogniser(former))?;
                store.set_recogniser(name)
            }
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.shared.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    fn what(self) -> &'static str {
        match self {
            Part::Voice => "the voice",
            Part::Recogniser => "the recogniser",
        }
    }

    fn of(self, standing: &mut Standing) -> &mut usize {
        match self {
            Part::Voice => &mut standing.voice,
            Part::Recogniser => &mut standing.model,
        }
    }

    fn selection(self, choices: &Choices) -> &Selection {
        match self {
            Part::Voice => &choices.voices,
            Part::Recogniser => &choices.models,
        }
    }
}

impl Shared {
    /// Keeps what must survive a restart.
    fn remember(&self, command: Command) -> anyhow::Result<()> {
        let lost = "it holds until Pipit ends, and could not be kept beyond that";
        match command {
            Command::Mute(off) => self.store.set_muted(off).context(lost),
            Command::SetVolume(percent) => self.store.set_volume(percent).context(lost),
            Command::SetWakeMode(mode) => {
                let less = mode.reach() < self.configured.reach();
                self.store.set_wake_mode(less.then(|| mode.name())).context(lost)
            }
            Command::SetWidest(tier) => {
                let less = self.choices.tiers.last().is_some_and(|farthest| tier < *farthest);
                self.store.set_widest_tier(less.then(|| tier.name())).context(lost)
            }
            // That is kept once it is known whether it works.
            Command::SetVoice(_) | Command::SetModel(_) => Ok(()),
            Command::Announce(text) => {
                let waiting = self.store.announcements()?.len() + self.engine.unsettled();
                ensure!(waiting < MOST_WAITING, "{waiting} texts wait to be said already; wait until they were heard");
                self.store.add_announcement_here(&text, Timestamp::now())?;
                Ok(())
            }
            Command::Stop | Command::Restart => Ok(()),
        }
    }
}

/// What can be chosen with this configuration, beside voices and recognisers.
fn choices(config: &Config) -> Choices {
    let transcribes = config.transcription_service().map(|service| service.tier);
    let models = config.llm.iter().flat_map(LlmSettings::allowed).map(|server| server.tier);
    let tools = config.llm.iter().flat_map(LlmSettings::allowed_mcp).map(|server| server.tier);
    let speaks = config.voice_service().map(|service| service.tier);
    let farthest = models.chain(tools).chain(transcribes).chain(speaks).max().unwrap_or(Tier::Device);
    Choices {
        restart: is_service(),
        widen_by_broker: config.mqtt.as_ref().is_some_and(|mqtt| mqtt.allow_unmute),
        ..Choices::new(config.wake.attention.mode, farthest, transcribes)
    }
}

/// How it stands at the start. What can't be read is taken for the least.
fn at_start(choices: &Choices, configured: WakeMode, store: &Store) -> Standing {
    let read = || Ok::<_, StoreError>((store.muted()?, store.wake_mode()?, store.widest_tier()?));
    let standing = match read() {
        Ok((muted, mode, tier)) => choices.at_start(muted, configured, mode.as_deref(), tier.as_deref()),
        Err(error) => {
            tracing::error!("the microphone stays off, since it can't be read whether it was switched off: {error}");
            choices.at_start(true, configured, Some(WakeMode::PushToTalk.name()), Some(Tier::Device.name()))
        }
    };
    if standing.muted {
        tracing::warn!("the microphone is switched off, as it was before");
    }
    if standing.mode != configured {
        tracing::warn!(
            "the wake mode is {}, as it was chosen, and not {}, as wake.mode says",
            standing.mode.name(),
            configured.name()
        );
    }
    if choices.tiers.last().is_some_and(|farthest| standing.widest < *farthest) {
        tracing::warn!("servers are asked up to this tier only, as it was chosen: {}", standing.widest);
    }
    standing
}

/// Whether systemd has started this process itself, so that it can start it again. systemd.exec(5) on `SYSTEMD_EXEC_PID`.
fn is_service() -> bool {
    std::env::var("SYSTEMD_EXEC_PID").is_ok_and(|pid| pid.parse() == Ok(std::process::id()))
}

#[cfg(test)]
mod tests;
