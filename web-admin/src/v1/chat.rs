//! `POST /v1/chat`: a request and its reply, as Server-Sent Events. What was sent of it is what the conversation keeps.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::{Extension, Json};
use futures_util::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use pipit_chat::{ChatError, Door, Engine, Kept, Place, Request};
use pipit_core::chat::{Role, title};
use pipit_store::{ConversationId, MessageId, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tracing::warn;
use utoipa::ToSchema;

use super::answer::{Answer, Part};
use super::description::{Failures, ServerSentEvent};
use super::wire::Number;
use super::{TAKES, in_store, place_in};
use crate::Sources;
use crate::account::Who;
use crate::guard::{JsonBody, RequestId};
use crate::problem::Problem;

/// The longest request, in bytes.
pub(super) const LONGEST: usize = 64 << 10;

/// Events that wait to be sent. Nothing of the reply is read ahead of somebody who takes it slowly.
const AHEAD: usize = 4;

/// What a conversation is called of which nothing is known.
const UNTITLED: &str = "New conversation";

/// Something that a person wants.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatRequest)]
pub(super) struct Wanted {
    /// What is asked; not needed with `again`.
    #[serde(default)]
    #[schema(example = "What time is it?")]
    text: String,
    /// In which conversation; without one, a new one is begun.
    #[serde(default)]
    conversation: Option<i64>,
    /// In the place of this earlier request, and of all that came after it.
    #[serde(default)]
    instead_of: Option<i64>,
    /// Who answers in a conversation that is begun: one of `/api/personas`.
    #[serde(default)]
    persona: Option<String>,
    /// Give the last reply of the conversation again.
    #[serde(default)]
    again: bool,
}

/// What was confirmed came to this.
#[derive(Serialize, ToSchema)]
pub(super) struct Confirmed {
    /// A sentence.
    text: String,
}

/// Answers a request, as events: `understood` {"intent"}, `provider` {"name", "model", "tier"}, `text` {"text"}, `confirm` {"id", "what",
/// "within_seconds"}, and at the end `done` {"conversation", "request", "reply"} or `error`. Whoever hangs up cancels the rest.
#[utoipa::path(post, path = "/v1/chat", tag = "chat", request_body = Wanted,
    responses((status = 200, description = "Server-Sent Events", content_type = "text/event-stream", body = ServerSentEvent),
              Failures))]
pub(super) async fn chat(
    who: Who,
    State(sources): State<Sources>,
    Extension(id): Extension<RequestId>,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let apis = sources.apis;
    let permit = place_in(&apis.shared.replies)?;
    if wanted.text.len() > LONGEST {
        return Err(super::wire::too_large("64 kB of text"));
    }
    if let Some(persona) = &wanted.persona {
        who.require_resident()?;
        crate::personas::known(&apis.engine, persona)?;
    }
    let (text, place, is_new) = in_store(&who.store, move |store| Ok(place_of(store, wanted))).await??;
    let (engine, ended) = (apis.engine_of(&who), who.ended());
    let (to, events) = mpsc::channel(AHEAD);
    let shown = Arc::<Mutex<String>>::default();
    let reply = engine.respond(Request { text, door: Door::Panel, place, turn: None });
    let answer = Answer::new(apis, engine.clone(), reply);
    let telling = Telling { engine, store: who.store, place, is_new, to, shown: Arc::clone(&shown), permit, id };
    tokio::spawn(telling.run(answer));
    let events = stream::unfold((events, shown), |(mut events, shown)| async move {
        loop {
            let event = match events.recv().await? {
                Told::Event(name, data) => Event::default().event(name).data(data.to_string()),
                Told::Text(text) => {
                    shown.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
                    Event::default().event("text").data(json!({"text": text}).to_string())
                }
                Told::Mark(reached) => {
                    // Whoever waited may have given up.
                    let _ = reached.send(());
                    continue;
                }
            };
            return Some((Ok(event), (events, shown)));
        }
    });
    // Nobody is told anything any more once they are signed out.
    let events = events.take_until(ended);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Has something done that waited for a tap on it: see the event `confirm`.
#[utoipa::path(post, path = "/v1/confirmations/{id}", tag = "chat", params(("id" = i64, Path)),
    responses((status = 200, body = Confirmed), Failures))]
pub(super) async fn confirm(
    who: Who,
    State(sources): State<Sources>,
    Number(id): Number,
) -> Result<Json<Confirmed>, Problem> {
    let id = u64::try_from(id).map_err(|_| ChatError::NothingToConfirm)?;
    let (engine, on_device) = (sources.apis.engine_of(&who), Arc::clone(&sources.apis.on_device));
    // It is done whole, whoever hangs up.
    let done = tokio::spawn(async move { engine.confirm(id).await });
    let (text, actions) = done.await.map_err(|_| super::stopping())??;
    actions.into_iter().for_each(|action| on_device(action));
    Ok(Json(Confirmed { text }))
}

/// What is asked, where, and whether the conversation was begun for it.
fn place_of(store: &Store, wanted: Wanted) -> Result<(String, Place, bool), Problem> {
    let Wanted { text, conversation, instead_of, again, persona } = wanted;
    let needs_text = || {
        if text.trim().is_empty() { Err(Problem::unfit("There is nothing in the text.")) } else { Ok(()) }
    };
    let Some(conversation) = conversation.map(ConversationId) else {
        if again || instead_of.is_some() {
            return Err(Problem::unfit("Say in which conversation that is."));
        }
        needs_text()?;
        let name = title(&text).unwrap_or_else(|| UNTITLED.to_owned());
        let conversation = store.create_conversation(&name, Timestamp::now())?;
        if persona.is_some() {
            store.set_persona_of(conversation, persona.as_deref())?;
        }
        return Ok((text, Place::End(conversation), true));
    };
    store.conversation(conversation)?;
    if persona.is_some() {
        return Err(Problem::unfit("The persona of a conversation that has begun is chosen at /v1/conversations."));
    }
    if again {
        let last = store.last_messages(conversation, 2)?;
        let [request, reply] = &last[..] else {
            return Err(Problem::unfit("There is no reply in this conversation yet."));
        };
        if instead_of.is_some_and(|id| id != reply.id.0) {
            let wanted = "the last reply of its conversation";
            return Err(StoreError::WrongMessage { id: reply.id, wanted }.into());
        }
        return Ok((request.text.clone(), Place::Again { conversation, reply: reply.id }, false));
    }
    needs_text()?;
    let Some(request) = instead_of.map(MessageId) else { return Ok((text, Place::End(conversation), false)) };
    let before = MessageId(request.0.saturating_sub(1));
    let there = store.messages(conversation, Some(before), 1)?.into_iter().find(|message| message.id == request);
    match there {
        Some(message) if message.role == Role::User => Ok((text, Place::Instead { conversation, request }, false)),
        Some(message) => Err(StoreError::WrongMessage { id: message.id, wanted: "a request" }.into()),
        None => Err(StoreError::NoMessage(request).into()),
    }
}

/// What is told of a reply.
enum Told {
    Event(&'static str, Value),
    Text(String),
    /// Nothing for whoever reads: all before it has left.
    Mark(oneshot::Sender<()>),
}

impl Told {
    fn of(part: Part) -> Told {
        match part {
            Part::Understood(intent) => Told::Event("understood", json!({"intent": intent})),
            Part::AnsweredBy(by) => {
                Told::Event("provider", json!({"name": by.name, "model": by.model, "tier": by.tier.to_string()}))
            }
            Part::Text(text) => Told::Text(text),
            Part::Confirm(asked) => Told::Event(
                "confirm",
                json!({"id": asked.id, "what": asked.what, "within_seconds": asked.within.as_secs()}),
            ),
        }
    }

    fn done(kept: Option<Kept>, stands_in: Option<ConversationId>) -> Told {
        let conversation = kept.map(|kept| kept.conversation).or(stands_in).map(|id| id.0);
        let (request, reply) = (kept.map(|kept| kept.request.0), kept.map(|kept| kept.reply.0));
        Told::Event("done", json!({"conversation": conversation, "request": request, "reply": reply}))
    }
}

/// Whoever was told has gone.
struct Gone;

/// Tells a reply as it comes, and has what was sent of it kept.
struct Telling {
    engine: Engine,
    store: Store,
    place: Place,
    /// The conversation was begun for this.
    is_new: bool,
    to: mpsc::Sender<Told>,
    /// What has left of the reply.
    shown: Arc<Mutex<String>>,
    permit: OwnedSemaphorePermit,
    /// By which the request is found again.
    id: RequestId,
}

impl Telling {
    async fn run(self, mut answer: Answer) {
        let outcome = loop {
            let next = tokio::select! {
                biased;
                () = self.to.closed() => break Ok(()),
                next = answer.next() => next,
            };
            match next {
                Some(Ok(part)) => {
                    if self.tell(Told::of(part)).await.is_err() {
                        break Ok(());
                    }
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        };
        // Only then is it known what has left.
        let (mark, reached) = oneshot::channel();
        let all_left = async {
            if self.to.send(Told::Mark(mark)).await.is_ok() {
                // It fails where they have gone.
                let _ = reached.await;
            }
        };
        let _ = tokio::time::timeout(TAKES, all_left).await;
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let kept = match outcome {
            Ok(()) => self.engine.finish(answer.into_reply().finished(), &shown).await,
            Err(error) => Err(error),
        };
        let stands_in = if matches!(kept, Ok(Some(_))) { None } else { self.drop_empty().await };
        match kept {
            Ok(kept) => {
                let _ = self.tell(Told::done(kept, stands_in)).await;
                drop((self.to, self.permit));
                if let Some(kept) = kept
                    && let Err(error) = self.engine.look_after(kept.conversation).await
                {
                    warn!("a conversation has no title: {error}");
                }
            }
            Err(error) => {
                let _ = self.tell(Told::Event("error", Problem::from(error).written(&self.id))).await;
            }
        }
    }

    async fn tell(&self, told: Told) -> Result<(), Gone> {
        match tokio::time::timeout(TAKES, self.to.send(told)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Deletes a conversation in which nothing was said after all. Gives the one that there is.
    async fn drop_empty(&self) -> Option<ConversationId> {
        let (Place::End(id) | Place::Instead { conversation: id, .. } | Place::Again { conversation: id, .. }) =
            self.place
        else {
            return None;
        };
        if !self.is_new {
            return Some(id);
        }
        let dropped = in_store(&self.store, move |store| {
            let is_empty = store.messages(id, None, 1)?.is_empty();
            if is_empty {
                store.delete_conversation(id)?;
            }
            Ok(is_empty)
        });
        // Where even that fails, it stays and is used again.
        if dropped.await.unwrap_or(false) { None } else { Some(id) }
    }
}
