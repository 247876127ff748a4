//! What can be commanded in a home, which commands somebody has to confirm, and what devices make known over MQTT. How a broker
//! is reached is told elsewhere: messages come in as bytes, and what is to be published goes out as data.

mod abbreviations;
mod component;
mod control;
mod described;
mod discovery;
mod entity;
mod find;
mod registry;
mod request;
mod said;
mod state;
mod template;
#[cfg(test)]
mod tests;
mod topic;

use std::fmt;

pub use control::Publish;
pub use described::{Described, DescribedKind};
pub use entity::{Entity, Household, Reachable};
pub use registry::{Changes, Registry, Settings, Subscription};
pub(crate) use request::UNDERSTOOD;
pub use request::{Meaning, Vocabulary};
pub use said::which_one;
pub use state::{State, Status};

use crate::chat::{Risk, speaks_of_risk};

/// The longest name that is read out or told to a model, in characters.
const LONGEST_NAME: usize = 60;

/// Names a device to the home that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub String);

/// Something in the home that can be commanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its identity.
    pub id: DeviceId,
    /// What the household calls it.
    pub name: String,
    /// The room or area that it is in, if that is known.
    pub place: Option<String>,
    /// What it is.
    pub kind: DeviceKind,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A light.
    Light,
    /// A fan.
    Fan,
    /// Heating or air conditioning.
    Climate,
    /// A television, a radio, a loudspeaker.
    MediaPlayer,
    /// A robot that cleans or mows.
    Vacuum,
    /// A blind, a curtain, an awning, a shutter.
    Cover,
    /// A socket or a relay, which may have anything on it.
    Switch,
    /// A scene or a script, which may do anything.
    Scene,
    /// A garage door, a gate, a door with a motor or an opener.
    Door,
    /// A lock.
    Lock,
    /// An alarm system or a siren.
    Alarm,
    /// A valve for gas or water.
    Valve,
    /// Something else.
    Other,
}

/// Which devices are guarded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// All of a kind, whatever is done with them.
    Always,
    /// Those that may have something guarded behind them, going by their names.
    ByName,
    /// None.
    Never,
}

impl DeviceKind {
    fn guard(self) -> Guard {
        match self {
            DeviceKind::Door | DeviceKind::Lock | DeviceKind::Alarm | DeviceKind::Valve => Guard::Always,
            DeviceKind::Cover | DeviceKind::Switch | DeviceKind::Scene | DeviceKind::Other => Guard::ByName,
            DeviceKind::Light
            | DeviceKind::Fan
            | DeviceKind::Climate
            | DeviceKind::MediaPlayer
            | DeviceKind::Vacuum => Guard::Never,
        }
    }
}

/// What is to be done with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeAction {
    /// Turn it on, or begin it.
    TurnOn,
    /// Turn it off, or end it.
    TurnOff,
    /// Set it to a value: a brightness, position or speed in percent, or a temperature in degrees.
    Set,
    /// Open it.
    Open,
    /// Close it.
    Close,
    /// Lock it.
    Lock,
    /// Unlock it.
    Unlock,
    /// Arm it.
    Arm,
    /// Disarm it.
    Disarm,
}

impl HomeAction {
    /// All of them.
    pub const ALL: [HomeAction; 9] = [
        HomeAction::TurnOn,
        HomeAction::TurnOff,
        HomeAction::Set,
        HomeAction::Open,
        HomeAction::Close,
        HomeAction::Lock,
        HomeAction::Unlock,
        HomeAction::Arm,
        HomeAction::Disarm,
    ];

    /// By which models and programs know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            HomeAction::TurnOn => "turn_on",
            HomeAction::TurnOff => "turn_off",
            HomeAction::Set => "set",
            HomeAction::Open => "open",
            HomeAction::Close => "close",
            HomeAction::Lock => "lock",
            HomeAction::Unlock => "unlock",
            HomeAction::Arm => "arm",
            HomeAction::Disarm => "disarm",
        }
    }
}

/// As it is said: "turn on".
impl fmt::Display for HomeAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().replace('_', " "))
    }
}

/// As it is said: "Ceiling light (Kitchen)", on one line and not too long, whatever it is called.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&sayable(&self.name))?;
        self.place.as_deref().map_or(Ok(()), |place| write!(f, " ({})", sayable(place)))
    }
}

fn sayable(name: &str) -> String {
    let words: Vec<&str> =
        name.split(|c: char| c.is_control() || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(LONGEST_NAME).collect()
}

impl Device {
    /// What doing this with it may do to the people at home. Locks, alarms, doors and valves are guarded whatever is done with
    /// them, and so is what may have one of them behind it, going by its name and place.
    #[must_use]
    pub fn risk(&self, action: HomeAction) -> Risk {
        let named = || speaks_of_risk(&self.name) || self.place.as_deref().is_some_and(speaks_of_risk);
        let guarded = match self.kind.guard() {
            Guard::Always => true,
            Guard::ByName => named(),
            Guard::Never => false,
        };
        if guarded || matches!(action, HomeAction::Unlock | HomeAction::Disarm) { Risk::Guarded } else { Risk::Changes }
    }
}
