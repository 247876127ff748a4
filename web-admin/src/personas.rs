//! `/api/personas`: who Pipit may be when a model answers. Who lives here chooses one, and the owner writes them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use pipit_core::chat::{Pack, PackTopic, Persona, PersonaError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Sources;
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking, sentence};

/// Personas that the owner may keep.
const MOST: usize = 32;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 30;
/// The longest title, in bytes.
const LONGEST_TITLE: usize = 100;
/// The longest instructions, in bytes: a small model has room for little more.
const LONGEST_PROMPT: usize = 8000;
/// The longest greeting and the longest refusal, in bytes.
const LONGEST_SAYING: usize = 500;
/// Words or tools in one list.
const MOST_WORDS: usize = 300;
/// The longest of them, in bytes.
const LONGEST_WORD: usize = 60;

/// All of them, and which one speaks; null for what the configuration says.
async fn list(State(sources): State<Sources>, who: Who) -> Result<Json<Value>, Problem> {
    who.require_resident()?;
    blocking(move || {
        let engine = &sources.apis.engine;
        let built_in = Persona::names().filter_map(|name| Some((name.to_owned(), Pack::built_in(name)?, true)));
        let own = sources.accounts.root().personas()?.into_iter();
        // One that an older Pipit wrote and this one can't read is not known to the engine either.
        let own = own.filter_map(|(name, pack)| Some((name, Pack::read(&pack).ok()?, false)));
        let all: Vec<_> = built_in.chain(own).map(|(name, pack, built_in)| told(&name, &pack, built_in)).collect();
        Ok(Json(json!({"personas": all, "speaks": engine.speaks(), "model": engine.has_model()})))
    })
    .await?
}

fn told(name: &str, pack: &Pack, built_in: bool) -> Value {
    let Pack { title, prompt, greeting, tools, topic, .. } = pack;
    json!({
        "name": name,
        "built_in": built_in,
        "title": title,
        "prompt": prompt,
        "greeting": greeting,
        "tools": tools,
        "topic": topic,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    /// Null for what the configuration says.
    speaks: Option<String>,
}

/// Lets one speak from now on, wherever none was chosen for a conversation.
async fn choose(
    State(sources): State<Sources>,
    who: Who,
    JsonBody(Chosen { speaks }): JsonBody<Chosen>,
) -> Result<StatusCode, Problem> {
    who.require_resident()?;
    blocking(move || {
        let engine = &sources.apis.engine;
        if let Some(name) = &speaks {
            known(engine, name)?;
        }
        sources.accounts.root().set_speaking_persona(speaks.as_deref())?;
        engine.read_personas()?;
        who.note(&format!("persona {}", speaks.as_deref().unwrap_or("as configured")));
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

/// Checks that there is such a persona.
///
/// # Errors
/// There is none.
pub(crate) fn known(engine: &pipit_chat::Engine, name: &str) -> Result<(), Problem> {
    if engine.knows_persona(name) {
        return Ok(());
    }
    Err(Problem::not_found("There is no such persona; /api/personas tells which there are."))
}

/// Keeps one of the owner's, in place of the one that had the name.
async fn write(
    State(sources): State<Sources>,
    who: Who,
    Path(name): Path<String>,
    JsonBody(pack): JsonBody<Pack>,
) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    check_name(&name)?;
    let pack = fit(pack)?;
    let written = pack.written().map_err(|why| unfit(&why))?;
    Persona::of(pack).map_err(|why| unfit(&why))?;
    blocking(move || {
        let root = sources.accounts.root();
        let own = root.personas()?;
        if own.len() >= MOST && !own.iter().any(|(known, _)| *known == name) {
            return Err(Problem::conflict(format!("There are {MOST} personas already; delete one first.")));
        }
        root.set_persona(&name, &written)?;
        sources.apis.engine.read_personas()?;
        who.note(&format!("persona {name} written"));
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

async fn remove(State(sources): State<Sources>, who: Who, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    who.require_owner()?;
    check_name(&name)?;
    blocking(move || {
        let root = sources.accounts.root();
        if !root.remove_persona(&name)? {
            return Err(Problem::not_found("There is no such persona; list them again."));
        }
        if root.speaking_persona()?.as_deref() == Some(name.as_str()) {
            root.set_speaking_persona(None)?;
        }
        sources.apis.engine.read_personas()?;
        who.note(&format!("persona {name} deleted"));
        Ok(StatusCode::NO_CONTENT)
    })
    .await?
}

fn check_name(name: &str) -> Result<(), Problem> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(allowed) {
        let accepted = format!("A name has 1 to {LONGEST_NAME} small letters, digits and hyphens.");
        return Err(Problem::unfit(accepted));
    }
    if Persona::names().any(|built_in| built_in == name) {
        return Err(Problem::conflict("This one comes with Pipit and stays as it is; give yours another name."));
    }
    Ok(())
}

/// The pack without spaces around what it says, and without a voice, which is chosen for the whole device.
fn fit(pack: Pack) -> Result<Pack, Problem> {
    let saying = |what: &str, text: String, longest: usize| {
        let text = text.trim().to_owned();
        if text.len() <= longest && !text.contains('\0') {
            return Ok(text);
        }
        Err(Problem::unfit(format!("The {what} has at most {longest} bytes.")))
    };
    let words = |words: Vec<String>| {
        let words: Vec<_> = words.iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect();
        if words.len() <= MOST_WORDS && words.iter().all(|word| word.len() <= LONGEST_WORD) {
            return Ok(words);
        }
        Err(Problem::unfit(format!("A list has at most {MOST_WORDS} words of {LONGEST_WORD} bytes.")))
    };
    let Pack { title, prompt, greeting, tools, topic, voice: _ } = pack;
    let title = saying("title", title, LONGEST_TITLE)?;
    if title.is_empty() {
        return Err(Problem::unfit("A persona needs a title."));
    }
    let topic = topic.map(|PackTopic { subject, elsewhere, small_talk, refusal }| {
        Ok::<_, Problem>(PackTopic {
            subject: words(subject)?,
            elsewhere: words(elsewhere)?,
            small_talk: words(small_talk)?,
            refusal: saying("refusal", refusal, LONGEST_SAYING)?,
        })
    });
    Ok(Pack {
        title,
        prompt: saying("instructions", prompt, LONGEST_PROMPT)?,
        greeting: greeting.map(|greeting| saying("greeting", greeting, LONGEST_SAYING)).transpose()?,
        tools: tools.map(words).transpose()?,
        voice: None,
        topic: topic.transpose()?,
    })
}

fn unfit(why: &PersonaError) -> Problem {
    Problem::unfit(sentence(&why.to_string()))
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new()
        .route("/api/personas", get(list).patch(choose))
        .route("/api/personas/{name}", put(write).delete(remove))
}
