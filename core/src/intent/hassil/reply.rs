//! Replies: Jinja templates in the packs, written for Python's Jinja and rendered by minijinja.

use minijinja::value::Serde;
use minijinja::{Environment, State, UndefinedBehavior, Value};
use serde::Serialize;

use super::{Pack, PackError};

/// What one reply may take: the longest of Home Assistant's needs a hundredth of it.
const MOST_STEPS: u64 = 100_000;

/// The replies of a pack, ready to be filled in.
#[derive(Debug)]
pub struct Replies {
    templates: Environment<'static>,
}

impl Replies {
    /// Compiles the replies of a pack.
    ///
    /// # Errors
    /// One of them can't be used; it is named.
    pub fn new(pack: &Pack) -> Result<Replies, PackError> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_fuel(Some(MOST_STEPS));
        templates.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        templates.add_function("state_attr", |state: &State<'_, '_>, id: &str, attribute: &str| {
            let matched = state.lookup("query").and_then(|query| query.get_attr("matched").ok());
            let entities = matched.and_then(|matched| matched.try_iter().ok()).into_iter().flatten();
            let mut ids = entities.map(|entity| (entity.get_attr("entity_id").ok(), entity));
            let entity =
                ids.find(|(own, _)| own.as_ref().and_then(Value::as_str) == Some(id)).map(|(_, entity)| entity);
            let value = entity.and_then(|entity| entity.get_attr("attributes").ok()?.get_attr(attribute).ok());
            value.filter(|value| !value.is_undefined()).unwrap_or_else(|| Value::from(()))
        });
        for (intent, replies) in &pack.responses.intents {
            for (key, reply) in replies {
                let name = name(intent, key);
                let error = |error: minijinja::Error| PackError::new("reply", &name, error.to_string());
                templates.add_template_owned(name.clone(), without_colons(reply)).map_err(error)?;
            }
        }
        Ok(Replies { templates })
    }

    /// A reply of an intent, filled in; nothing where there is no such reply.
    ///
    /// # Errors
    /// The template asks for something that `known` has not.
    pub fn render(&self, intent: &str, key: &str, known: impl Serialize) -> Result<Option<String>, PackError> {
        let name = name(intent, key);
        let Ok(template) = self.templates.get_template(&name) else { return Ok(None) };
        let rendered = template
            .render(Value::from(Serde(known)))
            .map_err(|error| PackError::new("reply", &name, error.to_string()))?;
        Ok(Some(rendered.split_whitespace().collect::<Vec<_>>().join(" ")))
    }
}

fn name(intent: &str, key: &str) -> String {
    format!("{intent}: {key}")
}

/// Jinja forgives a colon at the end of a statement, and some packs have it.
fn without_colons(template: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(template.len()), template);
    while let Some(end) = rest.find("%}") {
        let (statement, after) = rest.split_at(end);
        let minus = if statement.ends_with('-') { "-" } else { "" };
        let bare = statement.strip_suffix('-').unwrap_or(statement).trim_end();
        match bare.strip_suffix(':') {
            Some(bare) if statement.contains("{%") => {
                kept.push_str(bare);
                kept.push(' ');
                kept.push_str(minus);
            }
            _ => kept.push_str(statement),
        }
        kept.push_str("%}");
        rest = &after[2..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(reply: &str, known: serde_json::Value) -> String {
        let pack = serde_json::json!({ "responses": { "intents": { "It": { "default": reply } } } });
        let pack: Pack = serde_json::from_value(pack).unwrap();
        Replies::new(&pack)
            .unwrap()
            .render("It", "default", known)
            .map_or_else(|error| error.to_string(), Option::unwrap)
    }

    #[test]
    fn what_is_written_for_python_is_understood() {
        let known = serde_json::json!({ "n": 7, "name": "front_door", "map": { "a": "b" }, "names": ["y", "x"] });
        for (reply, expected) in [
            ("{% if n == 7: %}\n seven\n{%- else: -%} other {% endif %}", "seven"),
            ("{{ '{0:02d}'.format(n) }}:{{ '{}'.format(name) }}", "07:front_door"),
            ("{{ name.replace('_', ' ') | capitalize }} {{ map.get('a') }} {{ map.get('c', '-') }}", "Front door b -"),
            ("{{ names | sort | join(', ') }} {{ names[:1] }}", "x, y ['y']"),
            ("{{ 'a%}b' }}: %}", "a%}b: %}"),
        ] {
            assert_eq!(rendered(reply, known.clone()), expected, "{reply}");
        }
    }

    #[test]
    fn what_cannot_be_rendered_is_named() {
        let error = rendered("{{ slots.area }}", serde_json::json!({ "slots": {} }));
        assert!(error.contains("\"It: default\"") && error.contains("undefined"), "{error}");
        let endless =
            rendered("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", ().into());
        assert!(endless.contains("fuel"), "{endless}");
    }
}
