//! `/v1/conversations`: what was said, found, renamed and deleted.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use pipit_core::chat::{Door, Role};
use pipit_store::{Conversation, ConversationId, Message, MessageId, Store, StoreError};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::description::Failures;
use super::wire::{Asked, Number, written};
use super::{erase, in_store};
use crate::Sources;
use crate::account::Who;
use crate::guard::JsonBody;
use crate::problem::Problem;

/// As many are listed or found at most.
const MOST: usize = 200;
const USUAL: usize = 50;

/// The longest title, in bytes.
const LONGEST_TITLE: usize = 200;

/// A conversation without what was said in it.
#[derive(Serialize, ToSchema)]
pub(super) struct About {
    id: i64,
    title: String,
    /// When it was begun.
    created: String,
    /// When something was last said in it.
    changed: String,
    /// Who was chosen to answer in it; null for the persona that speaks anyway.
    persona: Option<String>,
}

/// Something that was said.
#[derive(Serialize, ToSchema)]
pub(super) struct Line {
    id: i64,
    /// `user` or `assistant`.
    role: &'static str,
    /// `voice`, `terminal` or `panel`, where that is known.
    door: Option<&'static str>,
    at: String,
    /// What was said; of a reply that was cut short, what was heard or shown of it.
    text: String,
    /// Whether the reply was cut short.
    cut: bool,
}

/// Something that was found.
#[derive(Serialize, ToSchema)]
pub(super) struct Hit {
    conversation: i64,
    #[serde(flatten)]
    message: Line,
}

/// What is listed or found.
#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    /// The one in which something was said last first; of a search, those whose title has the words.
    conversations: Vec<About>,
    /// Of a search, the messages that have the words, the newest first.
    messages: Vec<Hit>,
}

/// A conversation with what was said in it.
#[derive(Serialize, ToSchema)]
pub(super) struct Whole {
    #[serde(flatten)]
    about: About,
    /// In the order in which they were said.
    messages: Vec<Line>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListOf {
    /// Words that are looked for in titles and messages.
    #[serde(default)]
    search: Option<String>,
    /// Those after this conversation in the list.
    #[serde(default)]
    after: Option<i64>,
    /// How many at most, of 200.
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PartOf {
    /// Only the last so many messages, of 1000.
    #[serde(default)]
    last: Option<usize>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Words {
    /// Words that are looked for.
    search: String,
    /// How many at most, of 200.
    #[serde(default)]
    limit: Option<usize>,
}

/// A message, and what it has replaced.
#[derive(Serialize, ToSchema)]
pub(super) struct Versions {
    #[serde(flatten)]
    message: Line,
    /// Of a request that was edited, the one before and what was said after it; of a reply that was given again, the one before.
    earlier: Vec<Line>,
}

/// How a conversation is called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Called {
    #[serde(default)]
    #[schema(example = "Holidays")]
    title: String,
}

/// What is to be different about a conversation. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Changed {
    #[serde(default)]
    #[schema(example = "Holidays")]
    title: Option<String>,
    /// Who answers in it: one of `/api/personas`, or null for the persona that speaks anyway.
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<String>)]
    persona: Option<Option<String>>,
}

/// What is there, null too.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The conversations, or what a search finds.
#[utoipa::path(get, path = "/v1/conversations", tag = "conversations", params(ListOf),
    responses((status = 200, body = Listed), Failures))]
pub(super) async fn list(who: Who, Asked(of): Asked<ListOf>) -> Result<Json<Listed>, Problem> {
    let limit = of.limit.unwrap_or(USUAL).min(MOST);
    let listed = in_store(&who.store, move |store| {
        let (conversations, messages) = match of.search.filter(|words| !words.trim().is_empty()) {
            Some(words) => {
                let found = store.search(&words, limit)?;
                (found.conversations, found.messages)
            }
            None => (store.conversations(of.after.map(ConversationId), limit)?, Vec::new()),
        };
        let hit =
            |(conversation, message): (ConversationId, _)| Hit { conversation: conversation.0, message: line(message) };
        Ok(Listed {
            conversations: conversations.into_iter().map(|one| about(store, one)).collect::<Result<_, _>>()?,
            messages: messages.into_iter().map(hit).collect(),
        })
    });
    listed.await.map(Json)
}

/// Begins a conversation.
#[utoipa::path(post, path = "/v1/conversations", tag = "conversations", request_body = Called,
    responses((status = 201, body = About), Failures))]
pub(super) async fn create(
    who: Who,
    JsonBody(Called { title }): JsonBody<Called>,
) -> Result<(StatusCode, Json<About>), Problem> {
    let title = if title.trim().is_empty() { None } else { Some(fit(&title)?) };
    let begun = in_store(&who.store, move |store| {
        let id = store.create_conversation(title.as_deref().unwrap_or("New conversation"), Timestamp::now())?;
        if let Some(title) = title {
            // It was chosen by a person, so that nothing takes its place.
            store.rename_conversation(id, &title)?;
        }
        about(store, store.conversation(id)?)
    });
    Ok((StatusCode::CREATED, Json(begun.await?)))
}

/// One conversation with its messages.
#[utoipa::path(get, path = "/v1/conversations/{id}", tag = "conversations", params(("id" = i64, Path), PartOf),
    responses((status = 200, body = Whole), Failures))]
pub(super) async fn show(who: Who, Number(id): Number, Asked(part): Asked<PartOf>) -> Result<Json<Whole>, Problem> {
    let last = part.last.unwrap_or(1000).min(1000);
    let whole = in_store(&who.store, move |store| {
        let id = ConversationId(id);
        let about = about(store, store.conversation(id)?)?;
        Ok(Whole { about, messages: store.last_messages(id, last)?.into_iter().map(line).collect() })
    });
    whole.await.map(Json)
}

/// Gives a conversation another title, or has another persona answer in it.
#[utoipa::path(patch, path = "/v1/conversations/{id}", tag = "conversations", params(("id" = i64, Path)), request_body = Changed,
    responses((status = 200, body = About), Failures))]
pub(super) async fn change(
    who: Who,
    State(sources): State<Sources>,
    Number(id): Number,
    JsonBody(Changed { title, persona }): JsonBody<Changed>,
) -> Result<Json<About>, Problem> {
    if title.is_none() && persona.is_none() {
        return Err(Problem::unfit("Say what is to be different: title or persona."));
    }
    let title = title.map(|title| fit(&title)).transpose()?;
    if let Some(persona) = &persona {
        who.require_resident()?;
        persona.iter().try_for_each(|name| crate::personas::known(&sources.apis.engine, name))?;
    }
    let changed = in_store(&who.store, move |store| {
        let id = ConversationId(id);
        if let Some(title) = title {
            store.rename_conversation(id, &title)?;
        }
        if let Some(persona) = persona {
            store.set_persona_of(id, persona.as_deref())?;
        }
        about(store, store.conversation(id)?)
    });
    changed.await.map(Json)
}

/// Deletes a conversation with everything in it, for good.
#[utoipa::path(delete, path = "/v1/conversations/{id}", tag = "conversations", params(("id" = i64, Path)),
    responses((status = 204), Failures))]
pub(super) async fn delete(who: Who, Number(id): Number) -> Result<StatusCode, Problem> {
    erase(&who.store, move |store| store.delete_conversation(ConversationId(id))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The messages that have these words, the newest first.
#[utoipa::path(get, path = "/v1/messages", tag = "conversations", params(Words),
    responses((status = 200, body = Vec<Hit>), Failures))]
pub(super) async fn find(who: Who, Asked(Words { search, limit }): Asked<Words>) -> Result<Json<Vec<Hit>>, Problem> {
    let limit = limit.unwrap_or(USUAL).min(MOST);
    let hit =
        |(conversation, message): (ConversationId, _)| Hit { conversation: conversation.0, message: line(message) };
    let found =
        in_store(&who.store, move |store| Ok(store.search(&search, limit)?.messages.into_iter().map(hit).collect()));
    found.await.map(Json)
}

/// A message with what it has replaced. It is edited by `POST /v1/chat`, which puts another request in its place.
#[utoipa::path(get, path = "/v1/messages/{id}", tag = "conversations", params(("id" = i64, Path)),
    responses((status = 200, body = Versions), Failures))]
pub(super) async fn message(who: Who, Number(id): Number) -> Result<Json<Versions>, Problem> {
    let found = in_store(&who.store, move |store| {
        let id = MessageId(id);
        let message = line(store.message(id)?);
        Ok(Versions { message, earlier: store.earlier_versions(id)?.into_iter().map(line).collect() })
    });
    found.await.map(Json)
}

/// Deletes a message and the other half of its turn, for good.
#[utoipa::path(delete, path = "/v1/messages/{id}", tag = "conversations", params(("id" = i64, Path)),
    responses((status = 204), Failures))]
pub(super) async fn delete_message(who: Who, Number(id): Number) -> Result<StatusCode, Problem> {
    erase(&who.store, move |store| store.delete_message(MessageId(id))).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn fit(title: &str) -> Result<String, Problem> {
    let title: String = title.trim().chars().filter(|c| !c.is_control()).collect();
    if title.is_empty() || title.len() > LONGEST_TITLE {
        return Err(Problem::unfit("A title has at least one letter and at most 200 bytes."));
    }
    Ok(title)
}

fn about(store: &Store, conversation: Conversation) -> Result<About, StoreError> {
    let Conversation { id, title, created, changed, .. } = conversation;
    let persona = store.persona_of(id)?;
    Ok(About { id: id.0, title, created: written(created), changed: written(changed), persona })
}

fn line(message: Message) -> Line {
    let role = match message.role {
        Role::User => "user",
        Role::Assistant | Role::System => "assistant",
    };
    let door = message.door.map(|door| match door {
        Door::Voice => "voice",
        Door::Terminal => "terminal",
        Door::Panel => "panel",
    });
    let (text, cut) = (message.said().to_owned(), message.heard.is_some());
    Line { id: message.id.0, role, door, at: written(message.at), text, cut }
}
