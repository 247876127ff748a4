//! The home, as a model may have it commanded. What it consists of and how it is reached is for whoever implements [`Home`]; what
//! has to be confirmed is decided here, by what would be acted on.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use pipit_core::chat::{Risk, Tier, ToolCall, ToolSpec};
use pipit_core::home::{Device, HomeAction, Meaning, Vocabulary};
use pipit_core::intent::hassil::Recognised;
use pipit_store::PersonId;
use serde_json::{Map, Value, json};

use super::{Circumstances, Done, Nature, Tool, confirm, optional_text, text_of};

/// What models, and personas, call the tool that commands the home.
pub const HOME_CONTROL: &str = "home_control";

/// What whoever wants to use it is told where there is no home.
pub(crate) const NO_HOME: &str =
    "No home is connected to Pipit, so nothing in it can be switched or set. Tell the person so.";

/// Devices that are named to whoever confirms a command.
const NAMED: usize = 6;

/// A home that can be commanded, for [`crate::Engine::connect_home`].
pub trait Home: Send + Sync {
    /// How far a command travels.
    fn tier(&self) -> Tier {
        Tier::House
    }

    /// The devices that somebody means who calls them `what`, in `place` if they said where. It answers at once, from what is
    /// known; names are the household's own.
    ///
    /// # Errors
    /// Nothing is meant, or it is not clear what: a sentence for the model, with the names that it may have meant.
    fn find(&self, what: &str, place: Option<&str>) -> Result<Vec<Device>, String>;

    /// A number that is another one whenever something in it is new, is called something else, or is gone.
    fn generation(&self) -> u64;

    /// What it consists of is called, for recognising sentences about it.
    fn vocabulary(&self) -> Vocabulary;

    /// What a sentence about it comes to that was said in `here`, if that is known. It answers at once, and does nothing.
    fn meaning(&self, said: &Recognised, here: Option<&str>) -> Meaning;

    /// Does it. Whatever had to be confirmed is.
    ///
    /// # Errors
    /// Why it was not done, for the model and for the person, in a sentence.
    fn command(self: Arc<Self>, command: HomeCommand) -> BoxFuture<'static, Result<(), String>>;
}

/// Something to be done in a home.
#[derive(Clone, Debug, PartialEq)]
pub struct HomeCommand {
    /// What to do.
    pub action: HomeAction,
    /// With what; at least one.
    pub devices: Vec<Device>,
    /// With [`HomeAction::Set`], to what: percent, or degrees of the home's own scale.
    pub value: Option<f64>,
    /// Who wants it.
    pub by: PersonId,
}

/// What is to be done, with which devices, and to what they are set.
type Order = (HomeAction, Vec<Device>, Option<f64>);

/// What was said, understood without a model, and has to be confirmed.
struct Spoken {
    home: Arc<dyn Home>,
    said: Vec<Recognised>,
    here: Option<String>,
    spec: ToolSpec,
}

struct HomeControl {
    home: Arc<dyn Home>,
    spec: ToolSpec,
}

/// What a model wants done, as it said it.
struct Wanted {
    action: HomeAction,
    what: String,
    place: Option<String>,
    value: Option<f64>,
}

/// The tool that commands `home`.
pub(crate) fn home_control(home: Arc<dyn Home>) -> Arc<dyn Tool> {
    let actions = HomeAction::ALL.map(HomeAction::name);
    let text = |what: &str| json!({"type": "string", "description": what});
    let parameters = json!({
        "type": "object",
        "properties": {
            "action": {"type": "string", "enum": actions},
            "what": text("The device as it is called, or its kind, such as: ceiling light, or: lights"),
            "where": text("The room, if it matters"),
            "value": {"type": "number", "description": "With set: percent, or degrees"},
        },
        "required": ["action", "what"],
    });
    let description = "Switches, opens or sets something in the home.".to_owned();
    let spec = ToolSpec { name: HOME_CONTROL.to_owned(), description, parameters, risk: Risk::Changes };
    Arc::new(HomeControl { home, spec })
}

impl Wanted {
    fn read(arguments: &Map<String, Value>) -> Result<Wanted, String> {
        let name = text_of(arguments, "action")?;
        let action = HomeAction::ALL.into_iter().find(|action| action.name() == name).ok_or_else(|| {
            format!("there is no action {name}; there are: {}", HomeAction::ALL.map(HomeAction::name).join(", "))
        })?;
        let value = match arguments.get("value") {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_f64().ok_or("value must be a number")?),
        };
        match (action, value) {
            (HomeAction::Set, None) => return Err("value is missing: to what is it to be set?".to_owned()),
            (HomeAction::Set, Some(_)) | (_, None) => {}
            (_, Some(_)) => return Err("value goes with the action set only".to_owned()),
        }
        Ok(Wanted { action, what: text_of(arguments, "what")?, place: optional_text(arguments, "where")?, value })
    }

    fn find(&self, home: &dyn Home) -> Result<Vec<Device>, String> {
        let devices = home.find(&self.what, self.place.as_deref())?;
        if devices.is_empty() { Err(format!("there is nothing called {}", self.what)) } else { Ok(devices) }
    }

    fn said(&self, devices: &[Device]) -> String {
        said(self.action, devices, self.value)
    }
}

/// What commands `home` as somebody said it, once that is confirmed.
pub(crate) fn spoken(home: Arc<dyn Home>, said: Vec<Recognised>, here: Option<String>) -> Arc<dyn Tool> {
    let (name, description) = (HOME_CONTROL.to_owned(), "What somebody said.".to_owned());
    let spec = ToolSpec { name, description, parameters: json!({"type": "object"}), risk: Risk::Guarded };
    Arc::new(Spoken { home, said, here, spec })
}

impl Spoken {
    /// What it means by now.
    fn wanted(&self) -> Result<Vec<Order>, String> {
        let command = |said| match self.home.meaning(said, self.here.as_deref()) {
            Meaning::Command { action, devices, value, .. } => Ok((action, devices, value)),
            Meaning::Cannot(why) | Meaning::Unknown(why) => Err(why),
            Meaning::Question(_) | Meaning::Elsewhere => Err("it means something else by now".to_owned()),
        };
        self.said.iter().map(command).collect()
    }
}

impl Tool for Spoken {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn describe(&self, call: &ToolCall) -> String {
        let Ok(wanted) = self.wanted() else { return confirm::describe(call) };
        let said: Vec<String> = wanted.iter().map(|(action, devices, value)| said(*action, devices, *value)).collect();
        said.join(", and ")
    }

    fn nature(&self) -> Nature {
        Nature::Own
    }

    fn tier(&self) -> Tier {
        self.home.tier()
    }

    fn call(self: Arc<Self>, _: Map<String, Value>, at: Circumstances) -> BoxFuture<'static, Result<Done, String>> {
        async move {
            if !at.confirmed {
                return Err("it has not been confirmed".to_owned());
            }
            let by = at.store.person();
            for (action, devices, value) in self.wanted()? {
                Arc::clone(&self.home).command(HomeCommand { action, devices, value, by }).await?;
            }
            Ok(Done::default())
        }
        .boxed()
    }
}

impl HomeCommand {
    /// What doing it may do to the people at home.
    pub(crate) fn risk(&self) -> Risk {
        risk_of(self.action, &self.devices)
    }
}

/// As it is said: "set Blind (Kitchen) and Blind (Hall) to 30".
fn said(action: HomeAction, devices: &[Device], value: Option<f64>) -> String {
    let mut named: Vec<String> = devices.iter().take(NAMED).map(Device::to_string).collect();
    if devices.len() > NAMED {
        named.push(format!("{} more", devices.len() - NAMED));
    }
    let to = value.map(|value| format!(" to {value}")).unwrap_or_default();
    format!("{action} {}{to}", named.join(" and "))
}

fn risk_of(action: HomeAction, devices: &[Device]) -> Risk {
    devices.iter().map(|device| device.risk(action)).max().unwrap_or(Risk::Changes)
}

impl Tool for HomeControl {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn risk(&self, call: &ToolCall) -> Risk {
        let found = Wanted::read(&call.object()).and_then(|wanted| Ok((wanted.action, wanted.find(&*self.home)?)));
        // What can't be done needs no confirmation, and says why when it is tried.
        found.map_or(self.spec.risk, |(action, devices)| risk_of(action, &devices))
    }

    fn describe(&self, call: &ToolCall) -> String {
        let said = Wanted::read(&call.object()).and_then(|wanted| Ok(wanted.said(&wanted.find(&*self.home)?)));
        said.unwrap_or_else(|_| confirm::describe(call))
    }

    /// What it returns is put together here, of names that the household gave.
    fn nature(&self) -> Nature {
        Nature::Own
    }

    fn tier(&self) -> Tier {
        self.home.tier()
    }

    fn call(
        self: Arc<Self>,
        arguments: Map<String, Value>,
        at: Circumstances,
    ) -> BoxFuture<'static, Result<Done, String>> {
        async move {
            let wanted = Wanted::read(&arguments)?;
            let devices = wanted.find(&*self.home)?;
            // The home may have changed since its risk was looked at.
            if risk_of(wanted.action, &devices) == Risk::Guarded && !at.confirmed {
                return Err("what it means has just changed, and has to be asked for again".to_owned());
            }
            let said = wanted.said(&devices);
            let by = at.store.person();
            let command = HomeCommand { action: wanted.action, devices, value: wanted.value, by };
            Arc::clone(&self.home).command(command).await?;
            Ok(Done { result: format!("Done: {said}."), device: Vec::new() })
        }
        .boxed()
    }
}
