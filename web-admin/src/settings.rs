//! `/api/settings`: every key of the configuration, what it holds and where that comes from, and what the owner sets in the panel.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use pipit_core::config::panel::{Change, Field, Setting, SettingKind, Source, sections};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::Sources;
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking, sentence};

/// Keys that are changed at once.
const AT_ONCE: usize = 200;

/// The configuration, as far as the panel may see and change it.
pub trait Settings: Send + Sync {
    /// What holds after the next start.
    ///
    /// # Errors
    /// A sentence for people.
    fn read(&self) -> Result<Shown, String>;

    /// Sets all of these, or none. Nothing of it sends a secret elsewhere.
    ///
    /// # Errors
    /// Sentences for people.
    fn change(&self, changes: &[Change]) -> Result<(), Vec<String>> {
        self.change_with(changes, &Secrets::new())
    }

    /// The same where secrets are given anew, so that they may go wherever the changes say: all is done, or nothing.
    ///
    /// # Errors
    /// Sentences for people.
    fn change_with(&self, changes: &[Change], secrets: &Secrets) -> Result<(), Vec<String>>;
}

/// Secrets by their names.
pub type Secrets = BTreeMap<String, Zeroizing<String>>;

/// What is shown of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Every key.
    pub settings: Vec<Setting>,
    /// The owner's file.
    pub file: String,
    /// Whether something of it takes effect at the next start only.
    pub pending: bool,
}

/// By `section.key`, what each is to hold; null takes back what the panel has set. `secrets` are kept under their names with it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    changes: BTreeMap<String, Value>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

async fn read(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    shown(sources.settings).await
}

async fn change(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(Changes { changes, secrets }): JsonBody<Changes>,
) -> Result<Json<Value>, Problem> {
    who.require_owner()?;
    if changes.is_empty() || changes.len() > AT_ONCE {
        return Err(Problem::unfit(format!("What is set at once must be 1 to {AT_ONCE} settings.")));
    }
    let named = |(name, value): (String, Value)| {
        let (section, key) = name.split_once('.').unwrap_or((name.as_str(), ""));
        Change { section: section.to_owned(), key: key.to_owned(), value: Some(value).filter(|value| !value.is_null()) }
    };
    let changes: Vec<_> = changes.into_iter().map(named).collect();
    let secrets: Secrets = secrets.into_iter().map(|(name, secret)| (name, Zeroizing::new(secret))).collect();
    secrets.iter().try_for_each(|(name, secret)| crate::secrets::check(name, secret))?;
    let settings = Arc::clone(&sources.settings);
    blocking(move || {
        settings.change_with(&changes, &secrets).map_err(|sentences| Problem::unfit(joined(&sentences)))?;
        // What they hold now may be what somebody said or how a server is reached, and is not written down.
        let names: Vec<_> = changes.iter().map(|change| format!("{}.{}", change.section, change.key)).collect();
        who.note(&format!("settings: {}", names.join(", ")));
        secrets.keys().for_each(|name| who.note(&format!("secret {name} set")));
        Ok::<_, Problem>(())
    })
    .await??;
    shown(sources.settings).await
}

async fn shown(settings: Arc<dyn Settings>) -> Result<Json<Value>, Problem> {
    let unread = |error: String| Problem::unavailable(sentence(&error));
    let Shown { settings, file, pending } = blocking(move || settings.read()).await?.map_err(unread)?;
    let told: Vec<_> = settings.iter().map(told).collect();
    let sections: Vec<_> = sections().into_iter().map(|(name, about)| json!({"name": name, "about": about})).collect();
    Ok(Json(json!({"sections": sections, "settings": told, "file": file, "pending": pending})))
}

fn told(setting: &Setting) -> Value {
    let mut told = json!({
        "name": format!("{}.{}", setting.section, setting.key),
        "about": setting.about,
        "default": setting.default,
        "value": setting.value,
        "fixed": setting.fixed,
    });
    let (source, place) = match &setting.source {
        Source::Default => ("default", None),
        Source::File(place) => ("file", Some(place)),
        Source::Panel => ("panel", None),
        Source::Outside(name) => ("outside", Some(name)),
    };
    if let (Value::Object(told), Value::Object(kind)) = (&mut told, told_of_kind(&setting.kind)) {
        told.insert("source".to_owned(), json!(source));
        told.insert("place".to_owned(), json!(place));
        told.extend(kind);
    }
    told
}

/// What a key may hold.
fn told_of_kind(kind: &SettingKind) -> Value {
    match kind {
        SettingKind::Text { may_be_empty } => json!({"kind": "text", "may_be_empty": may_be_empty}),
        SettingKind::Choice(choices) => {
            let choices: Vec<_> = choices.iter().map(|(name, about)| json!({"name": name, "about": about})).collect();
            json!({"kind": "choice", "choices": choices})
        }
        SettingKind::Flag => json!({"kind": "flag"}),
        SettingKind::Whole(from, to) => json!({"kind": "whole", "from": from, "to": to}),
        SettingKind::Decimal(from, to) => json!({"kind": "decimal", "from": from, "to": to}),
        SettingKind::Tables(fields) => {
            let told = |field: &Field| {
                let mut told = told_of_kind(&field.kind);
                told["name"] = json!(field.key);
                told["about"] = json!(field.about);
                told["fixed"] = json!(field.fixed);
                told
            };
            json!({"kind": "tables", "fields": fields.iter().map(told).collect::<Vec<_>>()})
        }
    }
}

fn joined(sentences: &[String]) -> String {
    let sentences: Vec<_> = sentences.iter().map(|one| sentence(one)).collect();
    sentences.join(" ")
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/settings", get(read).patch(change))
}
