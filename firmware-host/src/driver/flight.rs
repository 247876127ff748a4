//! One turn on its way: what is being done for its latest draft, and the engine's answer to it.

use jiff::Timestamp;
use pipit_chat::{ChatError, Engine, FinishedTurn, ReplyEvent, Request};
use pipit_core::audio::Pcm;
use pipit_core::turn::{DraftId, Event};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::assist::{self, Link};
use crate::report::Recording;
use crate::worker::{Inbox, Message, Urgency};

/// What is being done for one turn: for its latest draft.
pub(super) struct InFlight {
    pub(super) recording: Recording,
    pub(super) draft: DraftId,
    /// By what the ledger knows the turn.
    pub(super) number: i64,
    /// Whether its result may turn out to be useless.
    pub(super) urgency: Urgency,
    /// Stops the engine.
    pub(super) reply: CancellationToken,
    /// Lets what the request asks for be done, by giving what was said.
    pub(super) act: watch::Sender<Option<Pcm>>,
    /// Where the request was given to Assist.
    pub(super) assist: Option<Link>,
    pub(super) finished: Option<FinishedTurn>,
    /// The words of its clauses, where somebody is told them.
    pub(super) clauses: Vec<(usize, String)>,
}

impl InFlight {
    pub(super) fn new(draft: DraftId) -> Self {
        InFlight {
            recording: Recording::new(draft.turn),
            draft,
            number: new_number(),
            // An announcement is certain from the beginning.
            urgency: Urgency::Wanted,
            reply: CancellationToken::new(),
            act: watch::Sender::default(),
            assist: None,
            finished: None,
            clauses: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, draft: DraftId) {
        // Where there were but parts, nothing is thrown away.
        if self.draft.revision == 0 {
            self.draft = draft;
            return;
        }
        self.cancel();
        self.draft = draft;
        self.finished = None;
        self.clauses.clear();
        self.recording.revised();
    }

    /// Stops what is being done, and makes ready for something else to be done for the same draft.
    pub(super) fn cancel(&mut self) {
        self.reply.cancel();
        self.reply = CancellationToken::new();
        self.act = watch::Sender::default();
    }
}

/// A number for a turn that begins now: the time in Unix milliseconds.
pub(super) fn new_number() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Has the engine answer, or Assist where that waits for requests and this one is not for Pipit itself.
pub(super) async fn answer(
    engine: Engine,
    assist: Option<Link>,
    draft: DraftId,
    request: Request,
    act: watch::Receiver<Option<Pcm>>,
    inbox: Inbox,
) {
    let Some(assist) = assist else { return converse(engine, draft, request, act, inbox).await };
    let (asked, this) = (engine.clone(), request.clone());
    match tokio::task::spawn_blocking(move || asked.is_own(&this)).await {
        Ok(Ok(false)) => assist::converse(assist, draft, request, act, inbox).await,
        // What is wrong with the store, the engine says too.
        _ => converse(engine, draft, request, act, inbox).await,
    }
}

/// Asks the engine and passes on what it says, until it has said everything. What the request asks for is done once `act`
/// allows it.
async fn converse(
    engine: Engine,
    draft: DraftId,
    request: Request,
    mut act: watch::Receiver<Option<Pcm>>,
    inbox: Inbox,
) {
    let mut reply = engine.respond(request);
    let mut held = None;
    while let Some(event) = reply.next().await {
        let message = match event {
            Ok(ReplyEvent::Understood { intent, deed }) => {
                held = deed;
                Message::Understood(draft, intent, held.is_some())
            }
            Ok(ReplyEvent::AnsweredBy(provider)) => Message::AnsweredBy(draft, provider),
            Ok(ReplyEvent::Text(text)) => Message::Event(Event::ReplyText { draft, text }),
            // What has to be done before the reply goes on is done as a deed is: once the turn is decided.
            Ok(ReplyEvent::WantsToAct) => {
                if inbox.send(Message::Understood(draft, None, true)).await.is_err() {
                    return;
                }
                if act.wait_for(Option::is_some).await.is_err() {
                    return;
                }
                reply.permit();
                Message::Event(Event::Acted { draft })
            }
            Ok(ReplyEvent::Device(action)) => Message::Device(action),
            // It is asked for in the text that follows.
            Ok(ReplyEvent::Confirm(_)) => continue,
            Err(error) => return fail(draft, &error, &inbox).await,
        };
        // The inbox closes only when everything is shutting down.
        if inbox.send(message).await.is_err() {
            return;
        }
    }
    let finished = Message::Answered(draft, reply.finished());
    let ended = Message::Event(Event::ReplyEnded { draft });
    let Some(deed) = held else {
        let _ = inbox.send(finished).await;
        let _ = inbox.send(ended).await;
        return;
    };
    let _ = inbox.send(ended).await;
    if act.wait_for(Option::is_some).await.is_err() {
        return;
    }
    match engine.perform(deed).await {
        Ok(device) => {
            for action in device {
                let _ = inbox.send(Message::Device(action)).await;
            }
            let _ = inbox.send(finished).await;
            let _ = inbox.send(Message::Event(Event::Acted { draft })).await;
        }
        Err(error) => fail(draft, &error, &inbox).await,
    }
}

async fn fail(draft: DraftId, error: &ChatError, inbox: &Inbox) {
    tracing::error!("no reply: {error}");
    let _ = inbox.send(Message::Event(Event::ReplyFailed { draft, apology: error.spoken() })).await;
}
