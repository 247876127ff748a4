//! What can be changed about Pipit while it runs, by whoever is there: the panel, and Home Assistant over MQTT. Which of it may be
//! done from where is decided here; who does it is not.
//!
//! Two things are asked of a command that comes over a network. It must not make Pipit listen more or tell more to others than
//! somebody at home has chosen, for whoever sends it may be a stranger; and it must be something that can be done.

use std::fmt;

use crate::chat::Tier;
use crate::turn::WakeMode;

/// The longest text that is said at somebody's wish, in characters: what a text field of Home Assistant holds.
pub const LONGEST_TEXT: usize = 255;

/// Something to be done now.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// Switch the microphone off, or on again.
    Mute(bool),
    /// Play at this volume from now on, in percent.
    SetVolume(u8),
    /// Let this make it listen.
    SetWakeMode(WakeMode),
    /// Ask no server that is farther away.
    SetWidest(Tier),
    /// Speak with the voice of this name, from the next reply on.
    SetVoice(String),
    /// Have speech recognised by what has this name.
    SetModel(String),
    /// Say this once nobody speaks, and again after a restart if it was not heard. Not empty, without control characters, and at
    /// most [`LONGEST_TEXT`] characters.
    Announce(String),
    /// Fall silent, and let nothing ring any more.
    Stop,
    /// End, for whoever started Pipit to start it again.
    Restart,
}

/// Leaves out what people want said.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Mute(muted) => f.debug_tuple("Mute").field(muted).finish(),
            Command::SetVolume(percent) => f.debug_tuple("SetVolume").field(percent).finish(),
            Command::SetWakeMode(mode) => f.debug_tuple("SetWakeMode").field(mode).finish(),
            Command::SetWidest(tier) => f.debug_tuple("SetWidest").field(tier).finish(),
            Command::SetVoice(name) => f.debug_tuple("SetVoice").field(name).finish(),
            Command::SetModel(name) => f.debug_tuple("SetModel").field(name).finish(),
            Command::Announce(_) => f.write_str("Announce(..)"),
            Command::Stop => f.write_str("Stop"),
            Command::Restart => f.write_str("Restart"),
        }
    }
}

impl Command {
    /// Reads the volume: a number from 0 to 100, which is rounded.
    ///
    /// # Errors
    /// What is accepted instead.
    pub fn volume(written: &str) -> Result<Command, &'static str> {
        let percent = written.trim().parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
        let percent = percent.ok_or("a number from 0 to 100")?;
        Ok(Command::SetVolume(percent.round() as u8))
    }

    /// Reads what is to be said. Line breaks become spaces, and what can't be read aloud goes.
    ///
    /// # Errors
    /// What is accepted instead.
    pub fn announcement(written: &str) -> Result<Command, &'static str> {
        let words: Vec<&str> =
            written.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
        let text = words.join(" ");
        let fits = text.chars().any(char::is_alphanumeric) && text.chars().count() <= LONGEST_TEXT;
        if fits { Ok(Command::Announce(text)) } else { Err("a text of at most 255 characters, with words in it") }
    }
}

/// Where a command comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody who is known to be allowed to do everything, such as at the panel.
    Home,
    /// The MQTT broker, on which anything may publish that knows its password.
    Broker,
}

/// How it stands, as far as commands change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the microphone is off.
    pub muted: bool,
    /// What makes it listen.
    pub mode: WakeMode,
    /// How far away a server may be that is asked.
    pub widest: Tier,
    /// What speaks, as its place in [`Choices::voices`].
    pub voice: usize,
    /// What recognises speech, as its place in [`Choices::models`].
    pub model: usize,
}

/// A voice or a recogniser that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selectable {
    /// What it is called.
    pub name: String,
    /// How far what it is given goes: a model is on this device, a service may be elsewhere.
    pub tier: Tier,
}

/// The voices or the recognisers that there are. What is configured is the first; empty where nothing can be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection(pub Vec<Selectable>);

impl Selection {
    /// What they are called.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|one| one.name.as_str())
    }

    /// Where the one of this name stands.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.names().position(|known| known == name)
    }

    /// Which it is at the start, where somebody has chosen the one of this name since. One that is there no more was chosen in place
    /// of what is configured, so that takes its place; but not where it would tell others what the chosen one may not have told.
    #[must_use]
    pub fn at_start(&self, chosen: Option<&str>) -> usize {
        let Some(name) = chosen else { return 0 };
        self.find(name).unwrap_or_else(|| self.nearest())
    }

    /// The first that tells nobody; without one, what is configured.
    #[must_use]
    pub fn nearest(&self) -> usize {
        self.0.iter().position(|one| one.tier == Tier::Device).unwrap_or(0)
    }

    fn tier(&self, at: usize) -> Tier {
        self.0.get(at).map_or(Tier::Device, |one| one.tier)
    }

    /// Judges whether the one of this name may take the place of `now`.
    fn judge(&self, name: &str, now: usize, may_widen: bool) -> Result<(), Refusal> {
        let wanted = self.find(name).ok_or(Refusal::NotInstalled)?;
        let farther = self.tier(wanted) > self.tier(now);
        if farther && !may_widen { Err(Refusal::AsksFarther) } else { Ok(()) }
    }
}

/// What can be chosen here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// The modes, each with what it needs at hand, in the order of [`WakeMode::ALL`].
    pub modes: Vec<WakeMode>,
    /// The tiers up to which servers may be asked, near to far; the configuration's own is the last.
    pub tiers: Vec<Tier>,
    /// What can speak.
    pub voices: Selection,
    /// What can recognise speech.
    pub models: Selection,
    /// Whether somebody starts Pipit again when it ends.
    pub restart: bool,
    /// Whether the owner lets it be made to listen more, or to ask farther, over MQTT.
    pub widen_by_broker: bool,
}

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It would listen more.
    ListensMore,
    /// It would ask servers that are farther away.
    AsksFarther,
    /// This wake mode can't be chosen here.
    NoSuchMode(WakeMode),
    /// No server as far away may be asked, whoever wants it.
    NoSuchTier(Tier),
    /// There is no such voice or recogniser.
    NotInstalled,
    /// Nothing would start it again.
    NobodyStartsIt,
}

impl Choices {
    /// What can be chosen where the configuration has Pipit listen in this mode, and ask servers as far away as `farthest`.
    /// `tells` is the tier of the service that transcribes, if one does. Voices and recognisers are yet to be added.
    #[must_use]
    pub fn new(configured: WakeMode, farthest: Tier, tells: Option<Tier>) -> Choices {
        let has_what_it_needs = |mode: &WakeMode| match mode {
            WakeMode::PushToTalk | WakeMode::Always => true,
            // All that is said is transcribed, which must not leave this device.
            WakeMode::Phrase => tells.is_none_or(|tier| tier == Tier::Device),
            // Its model is loaded for the mode that is configured.
            WakeMode::OpenWakeWord => false,
        };
        let modes = WakeMode::ALL.into_iter().filter(|mode| *mode == configured || has_what_it_needs(mode)).collect();
        let tiers = [Tier::Device, Tier::House, Tier::Outside].into_iter().filter(|tier| *tier <= farthest).collect();
        let none = Selection::default();
        Choices { modes, tiers, voices: none.clone(), models: none, restart: false, widen_by_broker: false }
    }

    /// How it stands at the start: as configured, or as somebody has chosen since by these names, where that is less. More than
    /// the configuration says lasts until Pipit ends. What speaks and what recognises is as configured.
    #[must_use]
    pub fn at_start(
        &self,
        muted: bool,
        configured: WakeMode,
        chosen_mode: Option<&str>,
        chosen_tier: Option<&str>,
    ) -> Standing {
        let mode = self.modes.iter().find(|mode| Some(mode.name()) == chosen_mode).copied();
        let mode = mode.filter(|mode| mode.reach() < configured.reach()).unwrap_or(configured);
        let widest = self.tiers.iter().find(|tier| Some(tier.name()) == chosen_tier);
        let widest = widest.or(self.tiers.last()).copied().unwrap_or(Tier::Device);
        Standing { muted, mode, widest, voice: 0, model: 0 }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::ListensMore => f.write_str(
                "Pipit would listen more, which nobody may have it do over MQTT; do it at Pipit itself, or set mqtt.allow_unmute",
            ),
            Refusal::AsksFarther => f.write_str(
                "what is said would go farther, which nobody may have it do over MQTT; do it at Pipit itself, or set \
                 mqtt.allow_unmute",
            ),
            Refusal::NoSuchMode(mode) => write!(
                f,
                "the wake mode \"{}\" can't be chosen: what it needs is not loaded, or a speech service outside of this device \
                 would be sent all that is said; set wake.mode and start Pipit again",
                mode.name()
            ),
            Refusal::NoSuchTier(tier) => {
                write!(f, "no server that is \"{tier}\" may be asked; chat.privacy says so, and is read at the start")
            }
            Refusal::NotInstalled => f.write_str(
                "no voice or recogniser of that name was there when Pipit started; see what `pipit models list` shows, and start \
                 Pipit again",
            ),
            Refusal::NobodyStartsIt => {
                f.write_str("nothing would start Pipit again; run it as a service of systemd to restart it from afar")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// Judges a command. Listening less and asking nobody is possible from anywhere: at worst it is a nuisance. The other way
/// round, a stranger on the broker would have a microphone in the house, so the owner has to allow that.
///
/// # Errors
/// Why it is not to be done.
pub fn judge(command: &Command, from: Origin, standing: &Standing, choices: &Choices) -> Result<(), Refusal> {
    let may_widen = from == Origin::Home || choices.widen_by_broker;
    match command {
        Command::Mute(false) if standing.muted && !may_widen => Err(Refusal::ListensMore),
        Command::SetWakeMode(mode) if !choices.modes.contains(mode) => Err(Refusal::NoSuchMode(*mode)),
        Command::SetWakeMode(mode) if mode.reach() > standing.mode.reach() && !may_widen => Err(Refusal::ListensMore),
        Command::SetWidest(tier) if !choices.tiers.contains(tier) => Err(Refusal::NoSuchTier(*tier)),
        Command::SetWidest(tier) if *tier > standing.widest && !may_widen => Err(Refusal::AsksFarther),
        Command::SetVoice(name) => choices.voices.judge(name, standing.voice, may_widen),
        Command::SetModel(name) => choices.models.judge(name, standing.model, may_widen),
        Command::Restart if !choices.restart => Err(Refusal::NobodyStartsIt),
        Command::Mute(_)
        | Command::SetVolume(_)
        | Command::SetWakeMode(_)
        | Command::SetWidest(_)
        | Command::Announce(_)
        | Command::Stop
        | Command::Restart => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AS_CONFIGURED: Standing =
        Standing { muted: false, mode: WakeMode::Phrase, widest: Tier::House, voice: 0, model: 0 };

    fn selection(options: &[(&str, Tier)]) -> Selection {
        Selection(options.iter().map(|(name, tier)| Selectable { name: (*name).to_owned(), tier: *tier }).collect())
    }

    fn choices() -> Choices {
        Choices {
            modes: vec![WakeMode::PushToTalk, WakeMode::Phrase, WakeMode::Always],
            tiers: vec![Tier::Device, Tier::House],
            voices: selection(&[("espeak-ng en-us", Tier::Device), ("kokoro af_heart", Tier::Device)]),
            models: selection(&[("the service", Tier::House), ("whisper-tiny.en", Tier::Device)]),
            restart: true,
            widen_by_broker: false,
        }
    }

    #[test]
    fn over_mqtt_it_can_be_made_to_listen_less_and_not_more() {
        let widens = [
            (Command::Mute(false), Standing { muted: true, ..AS_CONFIGURED }, Refusal::ListensMore),
            (Command::SetWakeMode(WakeMode::Always), AS_CONFIGURED, Refusal::ListensMore),
            (Command::SetWidest(Tier::House), Standing { widest: Tier::Device, ..AS_CONFIGURED }, Refusal::AsksFarther),
            // What is said would be sent to it.
            (Command::SetModel("the service".into()), Standing { model: 1, ..AS_CONFIGURED }, Refusal::AsksFarther),
        ];
        let allowed = Choices { widen_by_broker: true, ..choices() };
        for (command, standing, refusal) in widens {
            assert_eq!(judge(&command, Origin::Broker, &standing, &choices()), Err(refusal), "{command:?}");
            assert_eq!(judge(&command, Origin::Broker, &standing, &allowed), Ok(()), "{command:?}");
            assert_eq!(judge(&command, Origin::Home, &standing, &choices()), Ok(()), "{command:?}");
        }
        for command in [
            Command::Mute(true),
            Command::Mute(false),
            Command::SetWakeMode(WakeMode::PushToTalk),
            Command::SetWakeMode(WakeMode::Phrase),
            Command::SetWidest(Tier::Device),
            Command::SetWidest(Tier::House),
            Command::SetVolume(100),
            Command::SetVoice("kokoro af_heart".into()),
            Command::SetModel("the service".into()),
            Command::SetModel("whisper-tiny.en".into()),
            Command::Announce("dinner".into()),
            Command::Stop,
            Command::Restart,
        ] {
            assert_eq!(judge(&command, Origin::Broker, &AS_CONFIGURED, &choices()), Ok(()), "{command:?}");
        }
    }

    #[test]
    fn what_is_not_there_can_be_chosen_by_nobody() {
        let few = Choices { restart: false, widen_by_broker: true, ..choices() };
        for (command, refusal) in [
            (Command::SetWakeMode(WakeMode::OpenWakeWord), Refusal::NoSuchMode(WakeMode::OpenWakeWord)),
            (Command::SetWidest(Tier::Outside), Refusal::NoSuchTier(Tier::Outside)),
            (Command::SetVoice("whisper-tiny.en".into()), Refusal::NotInstalled),
            (Command::SetModel(String::new()), Refusal::NotInstalled),
            (Command::Restart, Refusal::NobodyStartsIt),
        ] {
            for from in [Origin::Home, Origin::Broker] {
                assert_eq!(judge(&command, from, &AS_CONFIGURED, &few), Err(refusal));
            }
        }
    }

    #[test]
    fn what_was_chosen_lasts_where_it_is_less_than_the_configuration_says() {
        let choices = Choices::new(WakeMode::Phrase, Tier::House, None);
        let at_start = |mode, tier| choices.at_start(false, WakeMode::Phrase, mode, tier);
        assert_eq!(at_start(None, None), AS_CONFIGURED);
        let narrow = Standing { mode: WakeMode::PushToTalk, widest: Tier::Device, ..AS_CONFIGURED };
        assert_eq!(at_start(Some("push-to-talk"), Some("on this device")), narrow);
        assert_eq!(at_start(Some("always"), Some("leaves the house")), AS_CONFIGURED);
        assert_eq!(at_start(Some("openwakeword"), Some("")), AS_CONFIGURED, "its model is not loaded");
    }

    #[test]
    fn what_was_chosen_and_is_gone_is_replaced_by_what_tells_no_more() {
        let Choices { voices, models, .. } = choices();
        assert_eq!((voices.at_start(None), models.at_start(None)), (0, 0));
        assert_eq!((voices.at_start(Some("kokoro af_heart")), models.at_start(Some("whisper-tiny.en"))), (1, 1));
        assert_eq!(voices.at_start(Some("piper x")), 0, "what is configured");
        assert_eq!(models.at_start(Some("whisper-base")), 1, "nothing that was said went to a service");
        let only = selection(&[("the service", Tier::House)]);
        assert_eq!(only.at_start(Some("whisper-base")), 0);
        assert_eq!(Selection::default().at_start(Some("whisper-base")), 0);
    }

    #[test]
    fn a_mode_can_be_chosen_where_what_it_needs_is_there() {
        let modes = |configured, tells| {
            let choices = Choices::new(configured, Tier::Device, tells);
            choices.modes.iter().map(|mode| mode.name()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(modes(WakeMode::Always, None), "push-to-talk phrase always");
        assert_eq!(modes(WakeMode::Always, Some(Tier::House)), "push-to-talk always");
        assert_eq!(modes(WakeMode::OpenWakeWord, Some(Tier::Device)), "push-to-talk openwakeword phrase always");
    }

    #[test]
    fn a_volume_is_a_number_and_an_announcement_has_words() {
        for (written, percent) in [("0", 0), (" 55 ", 55), ("30.0", 30), ("99.6", 100), ("100", 100)] {
            assert_eq!(Command::volume(written), Ok(Command::SetVolume(percent)));
        }
        for written in ["", "loud", "-1", "101", "NaN", "inf", "5 0", "1e9"] {
            assert_eq!(Command::volume(written), Err("a number from 0 to 100"), "{written}");
        }
        let said = Command::announcement("  Dinner\nis\u{7} ready ").unwrap();
        assert_eq!(said, Command::Announce("Dinner is ready".into()));
        assert_eq!(format!("{said:?}"), "Announce(..)", "what people want said is in no log");
        assert!(Command::announcement(&"ä".repeat(LONGEST_TEXT)).is_ok());
        for written in [String::new(), " \n".into(), "...".into(), "ä".repeat(LONGEST_TEXT + 1)] {
            assert!(Command::announcement(&written).is_err(), "{written}");
        }
    }
}
