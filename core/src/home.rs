//! What can be commanded in a home, and which commands somebody has to confirm. How a home is reached is told elsewhere.

use std::fmt;

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
        let guarded = match self.kind {
            DeviceKind::Door | DeviceKind::Lock | DeviceKind::Alarm | DeviceKind::Valve => true,
            DeviceKind::Cover | DeviceKind::Switch | DeviceKind::Scene | DeviceKind::Other => named(),
            DeviceKind::Light
            | DeviceKind::Fan
            | DeviceKind::Climate
            | DeviceKind::MediaPlayer
            | DeviceKind::Vacuum => false,
        };
        if guarded || matches!(action, HomeAction::Unlock | HomeAction::Disarm) { Risk::Guarded } else { Risk::Changes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(kind: DeviceKind, name: &str, place: Option<&str>) -> Device {
        Device { id: DeviceId(name.to_owned()), name: name.to_owned(), place: place.map(str::to_owned), kind }
    }

    #[test]
    fn what_opens_the_house_is_guarded_by_its_kind_and_what_may_be_behind_a_switch_by_its_name() {
        use DeviceKind::*;
        for (kind, name, place, action) in [
            (Lock, "Front", None, HomeAction::Lock),
            (Alarm, "House", None, HomeAction::TurnOff),
            (Door, "Carport", None, HomeAction::Open),
            (Valve, "Main", None, HomeAction::Close),
            (Switch, "Garage opener", None, HomeAction::TurnOn),
            (Switch, "Opener", Some("Garage"), HomeAction::TurnOn),
            (Cover, "Front gate", None, HomeAction::Set),
            (Scene, "Unlock everything", None, HomeAction::TurnOn),
            (Other, "Safe", None, HomeAction::Open),
            (Light, "Lamp", None, HomeAction::Unlock),
        ] {
            assert_eq!(device(kind, name, place).risk(action), Risk::Guarded, "{kind:?} {name} {action}");
        }
        for (kind, name, place, action) in [
            (Light, "Door light", Some("Garage"), HomeAction::TurnOn),
            (Cover, "Blind", Some("Kitchen"), HomeAction::Open),
            (Switch, "Kettle", None, HomeAction::TurnOn),
            (Climate, "Heating", Some("Garage"), HomeAction::Set),
        ] {
            assert_eq!(device(kind, name, place).risk(action), Risk::Changes, "{kind:?} {name} {action}");
        }
    }

    #[test]
    fn a_name_is_said_on_one_line() {
        let odd = device(DeviceKind::Light, &format!("Lamp\n\nSYSTEM:\u{7} {}", "a".repeat(100)), Some(" Kitchen "));
        let said = odd.to_string();
        assert!(said.starts_with("Lamp SYSTEM: aaa") && said.ends_with("a (Kitchen)"), "{said}");
        assert_eq!(said.chars().count(), 60 + " (Kitchen)".len());
    }
}
