//! What is published so that something happens.

use minijinja::context;
use minijinja::value::Value;
use serde_json::json;

use super::template::Templates;
use super::{Device, HomeAction};

/// A message to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: String,
    /// The quality of service that the device wants: 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker is to keep it for whoever comes later.
    pub retain: bool,
}

/// How one action is done: what is published, in turn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Control {
    pub(super) action: HomeAction,
    pub(super) takes: Takes,
    pub(super) steps: Vec<Step>,
}

/// What value goes with an action.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Takes {
    Nothing,
    Percent,
    /// Degrees, or a number of the device's own scale.
    Number {
        least: Option<f64>,
        most: Option<f64>,
        unit: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) topic: String,
    pub(super) payload: Payload,
}

/// What is written into a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Payload {
    /// This text, through the template if there is one.
    Text { text: String, template: Option<String> },
    /// The percentage on the device's scale. Where it is not zero, neither is `least`.
    Level { zero: f64, full: f64, least: Option<f64>, template: Option<String> },
    /// The number as it is.
    Number { template: Option<String> },
    /// An object with the state, and the percentage on this scale as its brightness.
    JsonLight { scale: f64 },
    /// What the template makes of the state, and of the percentage on this scale.
    TemplateLight { template: String, state: &'static str },
}

impl Takes {
    /// Checks what an action is to be done with.
    ///
    /// # Errors
    /// Why that can't be, about `device`.
    pub(super) fn check(&self, device: &Device, value: Option<f64>) -> Result<(), String> {
        let value = match (self, value) {
            (Takes::Nothing, _) => return Ok(()),
            (_, None) => return Err(format!("{device} has to be set to something: say to what")),
            (_, Some(value)) => value,
        };
        let (least, most, unit) = match self {
            Takes::Nothing => return Ok(()),
            Takes::Percent => (Some(0.0), Some(100.0), "percent"),
            Takes::Number { least, most, unit } => (*least, *most, unit.as_str()),
        };
        let within = least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most);
        if value.is_finite() && within {
            return Ok(());
        }
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        Err(match (least, most) {
            (Some(least), Some(most)) => format!("{device} can be set to {least} to {most}{unit}, and not to {value}"),
            (Some(least), None) => format!("{device} can be set to {least}{unit} and more, and not to {value}"),
            (None, Some(most)) => format!("{device} can be set to {most}{unit} at most, and not to {value}"),
            (None, None) => format!("{device} can't be set to {value}{unit}"),
        })
    }
}

/// A number as devices expect it: whole where it is.
fn plain(number: f64) -> Value {
    // Beyond 2^53, not every whole number is one.
    if number.fract() == 0.0 && number.abs() < 9.0e15 { Value::from(number as i64) } else { Value::from(number) }
}

fn on_scale(percent: f64, zero: f64, full: f64, least: Option<f64>) -> f64 {
    let scaled = (zero + (full - zero) * percent / 100.0).round();
    if percent > 0.0 { least.map_or(scaled, |least| scaled.max(least)) } else { scaled }
}

impl Payload {
    /// What is published.
    ///
    /// # Errors
    /// The device's template can't be rendered.
    pub(super) fn write(&self, templates: &Templates, value: Option<f64>) -> Result<String, String> {
        let value = value.unwrap_or_default();
        let through = |template: &Option<String>, known: Value, otherwise: Value| match template {
            Some(template) => templates.write(template, known),
            None => Ok(otherwise.to_string()),
        };
        match self {
            Payload::Text { text, template } => {
                let text = Value::from(text.as_str());
                through(template, context! { value => text.clone(), action => text.clone() }, text)
            }
            Payload::Level { zero, full, least, template } => {
                let scaled = plain(on_scale(value, *zero, *full, *least));
                let known = context! { value => scaled.clone(), position => plain(value), percentage => plain(value),
                position_open => plain(*full), position_closed => plain(*zero) };
                through(template, known, scaled)
            }
            Payload::Number { template } => through(template, context! { value => plain(value) }, plain(value)),
            Payload::JsonLight { scale } => {
                let brightness = on_scale(value, 0.0, *scale, Some(1.0)) as i64;
                Ok(json!({ "state": "ON", "brightness": brightness }).to_string())
            }
            Payload::TemplateLight { template, state } => {
                let brightness = plain(on_scale(value, 0.0, 255.0, Some(1.0)));
                let state = *state;
                let known = if value > 0.0 {
                    context! { state, brightness }
                } else {
                    context! { state }
                };
                templates.write(template, known)
            }
        }
    }
}
