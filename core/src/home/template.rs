//! The templates of discovery messages: Jinja, which is written by whoever may publish on the broker, and so has little to spend.

use std::cell::OnceCell;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior, context};

/// What one template may take, in minijinja's measure. Those of real devices need a hundredth of it.
const MOST_STEPS: u64 = 20_000;
/// The longest template, in bytes.
const LONGEST: usize = 4096;
/// The longest that one may become, in bytes.
const LONGEST_RESULT: usize = 16 * 1024;

/// Renders the templates of all entities.
#[derive(Debug)]
pub(super) struct Templates {
    environment: Environment<'static>,
}

/// What came in a message: its text and, if that is JSON, what it says.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) text: &'a str,
    json: OnceCell<Option<serde_json::Value>>,
    value: OnceCell<Value>,
}

impl<'a> Message<'a> {
    pub(super) fn new(text: &'a str) -> Message<'a> {
        Message { text, json: OnceCell::new(), value: OnceCell::new() }
    }

    /// The message as JSON; nothing where it is none.
    pub(super) fn json(&self) -> Option<&serde_json::Value> {
        self.json.get_or_init(|| serde_json::from_str(self.text).ok()).as_ref()
    }

    fn value(&self) -> Value {
        self.value.get_or_init(|| self.json().map_or(Value::UNDEFINED, |json| Value::from(Serde(json)))).clone()
    }
}

impl Templates {
    pub(super) fn new() -> Templates {
        let mut environment = Environment::new();
        // A message that lacks what a template looks for says nothing about it, and is no error.
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_fuel(Some(MOST_STEPS));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        Templates { environment }
    }

    /// Whether `template` can be used.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(&self, template: &str) -> Result<(), String> {
        if template.len() > LONGEST {
            return Err(format!("the template has {} bytes; at most {LONGEST} are allowed", template.len()));
        }
        let unreadable = |error| format!("the template {template:?} can't be read: {error}");
        self.environment.template_from_str(template).map(|_| ()).map_err(unreadable)
    }

    /// What `template` makes of `message`; nothing where it can't be rendered, or becomes too long.
    pub(super) fn read(&self, template: Option<&str>, message: &Message<'_>) -> Option<String> {
        let Some(template) = template else { return Some(message.text.to_owned()) };
        let rendered =
            self.environment.render_str(template, context! { value => message.text, value_json => message.value() });
        rendered.ok().filter(|text| text.len() <= LONGEST_RESULT).map(|text| text.trim().to_owned())
    }

    /// What `template` makes of what is to be sent.
    ///
    /// # Errors
    /// Why it can't be rendered.
    pub(super) fn write(&self, template: &str, known: Value) -> Result<String, String> {
        let rendered = self.environment.render_str(template, known).map_err(|error| error.to_string())?;
        if rendered.len() <= LONGEST_RESULT { Ok(rendered) } else { Err("what is to be sent got too long".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_devices_use_are_understood() {
        let templates = Templates::new();
        let json = r#"{"state":"ON","a":{"b":21.46},"contact":false,"n":"7","mode":"low"}"#;
        for (template, text, expected) in [
            ("{{ value_json.state }}", json, Some("ON")),
            ("{{value_json['a'].b}}", json, Some("21.46")),
            ("{{ value_json.a.b | round(1) }}", json, Some("21.5")),
            ("{{ value_json.n | float }}", json, Some("7.0")),
            ("{{ value_json.n | int + 1 }}", json, Some("8")),
            ("{{ value_json.contact }}", json, Some("False")),
            ("{{ 'ON' if value_json.a.b | float > 20 else 'OFF' }}", json, Some("ON")),
            ("{{ value }}", "21", Some("21")),
            ("{{ value | float / 2 }}", "21", Some("10.5")),
            ("{% if value == '1' %} on {% else %} off {% endif %}", "1", Some("on")),
            ("{{ {'off':0, 'low':1}[value_json.mode] | default('None') }}", json, Some("1")),
            ("{% set values = {None:None,'heat':'heating'} %}{{ values[value_json.running] }}", json, Some("")),
            ("{{ value_json.missing.deeper }}", json, Some("")),
            ("{{ value_json.state }}", "no JSON", Some("")),
            ("{{ value | nonsense }}", "1", None),
            ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "", None),
            ("{% set a = 'x' * 99999 %}{% set a = a * 999 %}{{ a }}", "", None),
        ] {
            assert_eq!(templates.read(Some(template), &Message::new(text)).as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let templates = Templates::new();
        let unreadable = templates.check("{{ value").unwrap_err();
        assert!(unreadable.contains("\"{{ value\"") && unreadable.contains("syntax"), "{unreadable}");
        assert!(templates.check(&" ".repeat(5000)).unwrap_err().contains("5000 bytes"));
        let deep = format!("{{{{ {}1{} }}}}", "(".repeat(1000), ")".repeat(1000));
        assert!(templates.check(&deep).unwrap_err().contains("recursion"));
    }
}
