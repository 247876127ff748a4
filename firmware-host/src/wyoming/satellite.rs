//! Pipit's microphone and speaker for Assist: what is said to Pipit goes to Home Assistant as sound, and what it answers or wants
//! announced comes back as sound.
//!
//! Home Assistant connects; whoever is connected and has said `run-satellite` answers. When somebody has finished speaking is for
//! Pipit to decide, and so is what interrupts an answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pipit_core::audio::{LISTENING_RATE, Pcm};
use pipit_core::chat::Tier;
use pipit_core::intent::ring;
use pipit_core::time::Moment;
use pipit_core::wyoming::{Assist as Protocol, AudioFormat, Event, MonoReader, News, sound};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::peer::{Fault, Peer};
use crate::assist::{Assist, Connected, Order};
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::worker::{Inbox, Message};

/// Home Assistant sends a ping every other second while it is connected to a satellite.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sound that comes in faster than it is heard has no gap of this length in it, unless the rest is still being made.
const LULL: Duration = Duration::from_millis(150);

/// As [`sound`] writes it.
const SOUND: AudioFormat = AudioFormat { rate: LISTENING_RATE, width: 2, channels: 1 };

/// Seconds of sound in an event.
const PIECE: f32 = 0.064;

/// So many announcements of one peer may wait to be heard.
const ANNOUNCEMENTS: usize = 4;

/// What every connection to the satellite shares.
pub struct Offer {
    assist: Assist,
    inbox: Inbox,
    /// Has something said that is due.
    say: Say,
    ledger: Ledger,
    info: Event,
}

/// Has a text said as soon as nobody speaks, again where nobody heard it.
pub type Say = Arc<dyn Fn(String) + Send + Sync>;

impl Offer {
    /// A satellite in `area`: what is said to Pipit is answered by whoever `assist` gives, sound to be announced goes to the driver
    /// by `inbox`, and a timer of Home Assistant's that is over is told by `say`. What is sent stands in `ledger`.
    pub fn new(assist: Assist, inbox: Inbox, say: Say, ledger: Ledger, area: Option<&str>) -> Offer {
        Offer { assist, inbox, say, ledger, info: super::info::satellite(area) }
    }
}

/// A request that is to be given to Assist.
struct Waiting {
    turn: Option<i64>,
    utterance: Pcm,
    words: String,
    news: mpsc::Sender<News>,
}

/// A request that Assist is answering.
struct Asked {
    turn: Option<i64>,
    news: mpsc::Sender<News>,
    /// Bytes of sound that went there and came back.
    sent: u64,
    received: u64,
}

pub(super) struct Session<'a, S> {
    peer: Peer<S>,
    host: IpAddr,
    offer: &'a Offer,
    clock: Clock,
    protocol: Protocol,
    connected: Option<(Connected, mpsc::Receiver<Order>)>,
    /// A request that would be mixed up with the sound that is still coming in.
    waiting: Option<Waiting>,
    asked: Option<Asked>,
    /// Announcements that have been heard, or never will be.
    settled: (mpsc::Sender<()>, mpsc::Receiver<()>),
    announcements: Arc<Semaphore>,
}

/// What happens next.
enum Next {
    Event(Option<Event>),
    Order(Order),
    Dropped,
    Settled,
    Lull,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    pub(super) fn new(stream: S, address: SocketAddr, offer: &'a Offer) -> Self {
        Session {
            peer: Peer::new(stream),
            host: address.ip().to_canonical(),
            offer,
            clock: Clock::live(),
            protocol: Protocol::default(),
            connected: None,
            waiting: None,
            asked: None,
            settled: mpsc::channel(ANNOUNCEMENTS),
            announcements: Arc::new(Semaphore::new(ANNOUNCEMENTS)),
        }
    }

    /// Is a satellite of the peer until it goes or is left.
    pub(super) async fn run(mut self) -> Result<(), Fault> {
        let outcome = self.go_on().await;
        self.forget();
        if let Err(fault) = &outcome {
            self.peer.leave(fault).await;
        }
        outcome
    }

    async fn go_on(&mut self) -> Result<(), Fault> {
        loop {
            match self.next().await? {
                Next::Event(Some(event)) => self.on_event(event).await?,
                Next::Event(None) => return Ok(()),
                Next::Order(Order::Ask { turn, utterance, words, news }) => {
                    self.drop_request();
                    self.waiting = Some(Waiting { turn, utterance, words, news });
                }
                Next::Order(Order::Played) | Next::Settled => self.peer.send(&Event::new("played")).await?,
                Next::Dropped => self.drop_request(),
                Next::Lull => {
                    if let Some(news) = self.protocol.lull() {
                        self.on_news(news).await?;
                    }
                }
            }
            if !self.protocol.is_busy()
                && let Some(waiting) = self.waiting.take()
            {
                self.ask(waiting).await?;
            }
        }
    }

    async fn next(&mut self) -> Result<Next, Fault> {
        let Session { peer, protocol, connected, asked, settled, .. } = self;
        let dropped = async {
            match asked {
                Some(asked) => asked.news.closed().await,
                None => std::future::pending().await,
            }
        };
        let order = async {
            match connected {
                Some((_, orders)) => orders.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = peer.next(Some(PATIENCE)) => Ok(Next::Event(event?)),
            Some(order) = order => Ok(Next::Order(order)),
            () = dropped => Ok(Next::Dropped),
            Some(()) = settled.1.recv() => Ok(Next::Settled),
            () = tokio::time::sleep(LULL), if protocol.is_busy() => Ok(Next::Lull),
        }
    }

    async fn on_event(&mut self, event: Event) -> Result<(), Fault> {
        match event.kind.as_str() {
            "describe" => return self.peer.send(&self.offer.info).await,
            "ping" => {
                let text = event.data.get("text").cloned().unwrap_or(Value::Null);
                self.peer.send(&Event::new("pong").with("text", text)).await?;
            }
            _ => {}
        }
        if let Some(asked) = &mut self.asked {
            asked.received += event.payload.len() as u64;
        }
        for news in self.protocol.take(self.now(), &event).map_err(Fault::Refused)? {
            self.on_news(news).await?;
        }
        Ok(())
    }

    async fn on_news(&mut self, news: News) -> Result<(), Fault> {
        match news {
            News::Running => {
                let tier = Tier::of_url(&format!("tcp://{}", SocketAddr::new(self.host, 1)));
                self.connected = Some(self.offer.assist.connect(tier));
            }
            News::Paused => self.forget(),
            News::Understood | News::Sound { .. } => self.tell(news).await,
            News::Ended | News::Failed(_) => {
                self.tell(news).await;
                self.settle_request();
            }
            News::Announcement(pcm) => self.announce(pcm).await?,
            News::TimerDone { name, length } => {
                let (say, text) = (Arc::clone(&self.offer.say), ring(name.as_deref(), length, Duration::ZERO));
                // SQLite may have to wait for another program.
                drop(tokio::task::spawn_blocking(move || say(text)));
            }
        }
        Ok(())
    }

    /// Sends what was said, to be answered.
    async fn ask(&mut self, Waiting { turn, utterance, words, news }: Waiting) -> Result<(), Fault> {
        let mut asked = Asked { turn, news, sent: 0, received: 0 };
        let pieces: Vec<Event> = sound(&utterance, PIECE).collect();
        let (mut reader, mut samples) = (MonoReader::new(SOUND), Vec::with_capacity(utterance.samples().len()));
        pieces.iter().for_each(|event| reader.push(&event.payload, &mut samples));
        self.offer.assist.gives(words, samples);
        self.peer.send(&self.protocol.ask()).await?;
        for event in &pieces {
            asked.sent += event.payload.len() as u64;
            self.peer.send(event).await?;
        }
        self.asked = Some(asked);
        self.peer.send(&Event::audio_stop()).await
    }

    async fn tell(&self, news: News) {
        if let Some(asked) = &self.asked {
            // Where nobody listens any more, that is noticed as such.
            let _ = asked.news.send(news).await;
        }
    }

    /// Has something played that nobody asked for.
    async fn announce(&self, pcm: Pcm) -> Result<(), Fault> {
        let (told, settled) = (self.settled.0.clone(), Arc::clone(&self.announcements).try_acquire_owned());
        let Ok(slot) = settled else {
            return Err(Fault::Refused(format!("{ANNOUNCEMENTS} announcements wait to be heard already")));
        };
        let (done, heard) = oneshot::channel();
        if self.offer.inbox.send(Message::Announce { pcm, done }).await.is_ok() {
            tokio::spawn(async move {
                // Heard or given up, nobody waits for it any more.
                let _ = heard.await;
                let _ = told.send(()).await;
                drop(slot);
            });
        }
        Ok(())
    }

    /// Nobody waits for the answer any more.
    fn drop_request(&mut self) {
        self.protocol.drop_request(self.now());
        self.settle_request();
    }

    /// The request is over; what it sent away is written down.
    fn settle_request(&mut self) {
        if let Some(Asked { turn, sent, received, .. }) = self.asked.take() {
            self.offer.assist.is_done();
            let tier = Tier::of_url(&format!("tcp://{}", SocketAddr::new(self.host, 1)));
            self.offer.ledger.asked_assist(turn, (self.host.to_string(), tier), (sent, received));
        }
    }

    /// It is no satellite any more.
    fn forget(&mut self) {
        (self.connected, self.waiting) = (None, None);
        self.drop_request();
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }
}
