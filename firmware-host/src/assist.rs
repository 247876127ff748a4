//! Home Assistant's Assist as whoever answers what is said, while it is connected as to a satellite.
//!
//! Assist hears the request rather than reading it, and acts on what it hears. So nothing is sent before the turn is decided, and
//! what was sent can't be taken back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipit_chat::Request;
use pipit_core::audio::{LISTENING_RATE, Pcm};
use pipit_core::chat::Tier;
use pipit_core::turn::{DraftId, Event};
use pipit_core::wyoming::{Failure, News};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::bus::Bus;
use crate::worker::{Inbox, Message};

/// What it is called where others who answer have a name.
pub const ASSIST: &str = "assist";

/// How long Assist may say nothing. Its language model may think and use tools; after this the turn would give up by itself.
const SILENCE: Duration = Duration::from_secs(25);

/// What wants to be told to Assist waits here: a request, and that the one before it has been heard.
const ORDERS: usize = 8;

/// What it has told waits here for the driver, which is never busy for long.
const NEWS: usize = 16;

/// The way to Assist, while there is one. Clones are the same way.
#[derive(Clone)]
pub struct Assist {
    link: watch::Sender<Option<Link>>,
    links: Arc<AtomicU64>,
    known: Arc<Mutex<Option<Arc<Known>>>>,
    bus: Bus,
}

/// The request that was given to Assist, as sound and as words. Where Home Assistant has Pipit itself transcribe it, Pipit
/// knows it already: without the phrase that woke it, and whole, also where Home Assistant took a pause for the end.
#[derive(Debug)]
pub struct Known {
    samples: Vec<f32>,
    words: String,
}

/// A connection on which Assist waits for requests.
#[derive(Clone, Debug)]
pub struct Link {
    number: u64,
    tier: Tier,
    orders: mpsc::Sender<Order>,
}

/// What is wanted of whoever keeps the connection.
#[derive(Debug)]
pub enum Order {
    /// Have this answered, and tell what comes of it.
    Ask {
        /// By what the ledger knows the turn.
        turn: Option<i64>,
        /// What was said, at [`LISTENING_RATE`].
        utterance: Pcm,
        /// The same as words.
        words: String,
        /// Where to tell it. Once nobody listens there, the answer is of no use any more.
        news: mpsc::Sender<News>,
    },
    /// What Assist wanted heard has been heard, or never will be.
    Played,
}

/// Keeps a link. Without it there is no way to Assist.
pub struct Connected {
    assist: Assist,
    number: u64,
}

impl Assist {
    /// No way to it yet. Whether there is one is told on `bus`.
    pub fn new(bus: Bus) -> Assist {
        Assist { link: watch::Sender::default(), links: Arc::default(), known: Arc::default(), bus }
    }

    /// These `words` are given to Assist as `samples` at [`LISTENING_RATE`], as whoever receives them will read them.
    pub fn gives(&self, words: String, samples: Vec<f32>) {
        *self.lock() = Some(Arc::new(Known { samples, words }));
    }

    /// What was given to it is answered, or not waited for any more.
    pub fn is_done(&self) {
        *self.lock() = None;
    }

    /// What was given to it and is not done.
    pub fn known(&self) -> Option<Arc<Known>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to Assist, if it waits for requests.
    pub fn link(&self) -> Option<Link> {
        self.link.borrow().clone()
    }

    /// Assist waits for requests, at a peer as far away as `tier`. In place of another that did before, because whoever connects
    /// once more has often lost the connection that there was.
    pub fn connect(&self, tier: Tier) -> (Connected, mpsc::Receiver<Order>) {
        let (orders, waiting) = mpsc::channel(ORDERS);
        let number = self.links.fetch_add(1, Ordering::Relaxed);
        self.link.send_replace(Some(Link { number, tier, orders }));
        self.bus.send_modify(|snapshot| snapshot.assist = true);
        tracing::info!("Home Assistant's Assist answers what is said, but for what is for Pipit itself");
        (Connected { assist: self.clone(), number }, waiting)
    }
}

impl Known {
    /// Its sound.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// Its words.
    pub fn words(&self) -> &str {
        &self.words
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let ended = self.assist.link.send_if_modified(|link| {
            let mine = link.as_ref().is_some_and(|link| link.number == self.number);
            if mine {
                *link = None;
            }
            mine
        });
        if ended {
            self.assist.bus.send_modify(|snapshot| snapshot.assist = false);
            tracing::info!("Pipit answers everything itself again: Home Assistant's Assist has gone or was paused");
        }
    }
}

impl Link {
    /// How far away it is.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// What it wanted heard has been heard, or never will be.
    pub fn played(&self) {
        // It waits no longer for that than the sound takes.
        let _ = self.orders.try_send(Order::Played);
    }
}

/// Has Assist answer, once `act` gives what was said as sound, and passes on what it tells.
pub async fn converse(
    link: Link,
    draft: DraftId,
    request: Request,
    mut act: watch::Receiver<Option<Pcm>>,
    inbox: Inbox,
) {
    if inbox.send(Message::Understood(draft, None, true)).await.is_err() {
        return;
    }
    let Ok(utterance) = act.wait_for(Option::is_some).await.map(|act| act.clone().unwrap_or_else(nothing)) else {
        return;
    };
    let (sender, mut news) = mpsc::channel(NEWS);
    let asked = Message::AskedAssist(draft, link.clone());
    let Request { text: words, turn, .. } = request;
    let order = Order::Ask { turn, utterance, words, news: sender };
    if inbox.send(asked).await.is_err() {
        return;
    }
    let outcome = match link.orders.send(order).await {
        Ok(()) => pass_on(draft, &mut news, &inbox).await,
        Err(_) => Err(Failure::Gone),
    };
    let last = match outcome {
        Ok(()) => Event::ReplyEnded { draft },
        Err(failure) => {
            match &failure {
                Failure::Other(code) => tracing::warn!("Home Assistant's Assist could not answer: {code}"),
                failure => tracing::warn!("no answer from Home Assistant's Assist: {failure:?}"),
            }
            Event::ReplyFailed { draft, apology: failure.spoken().to_owned() }
        }
    };
    // The inbox closes only when everything is shutting down.
    let _ = inbox.send(Message::Event(last)).await;
}

fn nothing() -> Pcm {
    Pcm::new(Vec::new(), LISTENING_RATE)
}

async fn pass_on(draft: DraftId, news: &mut mpsc::Receiver<News>, inbox: &Inbox) -> Result<(), Failure> {
    let mut acted = false;
    loop {
        let told = timeout(SILENCE, news.recv()).await.map_err(|_| Failure::Silent)?.ok_or(Failure::Gone)?;
        // What it says of a deed is true from here on.
        if !acted && !matches!(told, News::Failed(_)) {
            acted = true;
            let _ = inbox.send(Message::Event(Event::Acted { draft })).await;
        }
        match told {
            News::Sound { text, pcm } => {
                let _ = inbox.send(Message::Event(Event::ReplySound { draft, text, pcm })).await;
            }
            News::Ended => return Ok(()),
            News::Failed(failure) => return Err(failure),
            News::Running | News::Paused | News::Understood | News::Announcement(_) | News::TimerDone { .. } => {}
        }
    }
}
