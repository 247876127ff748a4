//! The one task that speaks with the broker: connects, lets the participants say what they have to say, hands them what comes,
//! and begins again when the connection is lost. With each connection everything is said anew, since a broker may have forgotten
//! all of it, and nothing that was meant for the connection before is said in the next.

use std::time::{Duration, Instant};

use pipit_core::config::MqttSettings;
use pipit_core::home::Publish;
use rumqttc::{
    AsyncClient, ConnAck, ConnectionError, Event, EventLoop, Incoming as Packet, PubAckReason, PubRecReason,
    SubscribeReasonCode,
};
use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::backoff::Backoff;
use super::failure::Failure;
use super::options::{self, KEEP_ALIVE, LARGEST_PACKET, OFFLINE, ONLINE, status_topic};
use super::outbox::{self, Limits, Outbox, Unsent, WAITING};
use super::work::{Overflow, Work};
use super::{Incoming, Outcome, Participant};

/// A connection on which nothing moves for this long, no ping either, is stuck: the broker takes no more bytes.
const STUCK: Duration = KEEP_ALIVE.saturating_mul(2);
/// A connection that held this long was a good one; after a shorter one the pauses go on growing.
const GOOD: Duration = Duration::from_secs(3);
/// So many shorter ones in a row are no coincidence.
const BRIEF: u32 = 2;
/// How long saying goodbye may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long messages are worked on before others of the runtime have their turn.
const TURN: Duration = Duration::from_millis(1);
/// How many messages that are ignored are told of in a minute.
const COMPLAINTS: u32 = 10;

/// Gives the password, if one is configured; it is asked for again with each connection, because a file may have changed.
pub type Password = Box<dyn Fn() -> anyhow::Result<Option<String>> + Send>;

/// How it stands with the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not there yet.
    Connecting,
    /// The broker has heard what Pipit listens to, and all that had to be said at the beginning is on its way.
    Connected,
    /// Why it is not there, in a sentence without its full stop. It is tried again.
    Failed(String),
    /// It was ended from here.
    Ended,
}

/// The connection, before and while it runs.
pub struct Connection {
    settings: MqttSettings,
    password: Password,
    participants: Vec<Box<dyn Participant>>,
    outbox: Outbox,
    status: watch::Sender<Status>,
    complaints: Complaints,
    /// Whether it only looks, beside the connection that says whether Pipit is there.
    is_visit: bool,
}

/// What was complained about in this minute.
#[derive(Default)]
struct Complaints {
    since: Option<Instant>,
    said: u32,
    unsaid: u64,
}

/// What is known of a connection that the broker has accepted.
struct Session {
    limits: Limits,
    since: Instant,
    work: Work,
    /// How many requests for topics the broker was sent, and how many it has answered.
    requests: usize,
    answers: usize,
    /// How many there were when all had been handed over that is said first.
    first_requests: Option<usize>,
    is_welcomed: bool,
    was_refused: bool,
}

impl Connection {
    /// A connection that nobody takes part in yet.
    #[must_use]
    pub fn new(settings: MqttSettings, password: Password) -> Connection {
        let (status, _) = watch::channel(Status::Connecting);
        let (outbox, complaints) = (Outbox::default(), Complaints::default());
        Connection { settings, password, participants: Vec::new(), outbox, status, complaints, is_visit: false }
    }

    /// One that only looks: it has a name of its own, and nobody is told that Pipit comes or goes.
    #[must_use]
    pub fn visit(mut settings: MqttSettings, password: Password) -> Connection {
        // Of two with one name the broker keeps the newer.
        settings.client_id += &format!("-{}", std::process::id());
        Connection { is_visit: true, ..Connection::new(settings, password) }
    }

    /// Lets somebody take part, from the next connection on.
    pub fn join(&mut self, participant: Box<dyn Participant>) {
        self.participants.push(participant);
    }

    /// For publishing from elsewhere.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// How it stands with the broker, from now on.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Stays connected until `stop`, then says that Pipit is offline and leaves. It ends within some seconds.
    pub async fn run(mut self, stop: CancellationToken) {
        let (mut backoff, mut said, mut lost, mut brief) = (Backoff::default(), None, None, 0);
        while !stop.is_cancelled() {
            let mut session = None;
            let ended = self.converse(&stop, &mut session, &mut said).await;
            self.outbox.close();
            let Err(mut failure) = ended else { break };
            match session.map(|session| session.since.elapsed() > GOOD) {
                Some(true) => {
                    backoff.reset();
                    (lost, brief) = (None, 0);
                }
                Some(false) => brief += 1,
                None => {}
            }
            // Many brokers end a connection without a word when another begins under its name.
            if brief > BRIEF {
                failure.why += &format!(
                    " again, soon after it began; if another client is called {} too, each needs a mqtt.client_id of \
                     its own",
                    self.settings.client_id
                );
            }
            if said.as_ref() == Some(&failure.why) {
                debug!("{}; it is tried again", failure.why);
            } else {
                warn!("{}. It is tried again", failure.why);
            }
            said = Some(failure.why.clone());
            let away = lost.get_or_insert_with(Instant::now).elapsed();
            self.status.send_replace(Status::Failed(failure.why));
            let pause = backoff.next(failure.is_refusal, away, chance());
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.status.send_replace(Status::Ended);
    }

    /// One connection, from its beginning until `stop` (then it is ended in order) or until it fails.
    async fn converse(
        &mut self,
        stop: &CancellationToken,
        session: &mut Option<Session>,
        said: &mut Option<String>,
    ) -> Result<(), Failure> {
        let options = (self.password)().and_then(|password| options::options(&self.settings, password));
        let mut options =
            options.map_err(|error| Failure::refusal(format!("no connection to an MQTT broker: {error:#}")))?;
        if !self.is_visit {
            options.set_last_will(options::last_will(&self.settings));
        }
        // With each connection its own, so that nothing of the one before is sent.
        let (client, mut events) = AsyncClient::builder(options).capacity(WAITING).build();
        let mut turn = Instant::now();
        loop {
            let Some(event) = next(&mut events, stop, session.as_mut(), &client).await else {
                self.outbox.close();
                if let Some(session) = session {
                    let farewell = farewell(self.status_is(OFFLINE), &client, &mut events, session.limits);
                    debug!("the MQTT broker was left, in order: {}", timeout(FAREWELL, farewell).await.is_ok());
                }
                return Ok(());
            };
            let stuck = |_| Failure::passing("the MQTT broker takes nothing any more".to_owned());
            match event.map_err(stuck)? {
                Ok(Event::Incoming(packet)) => self.receive(packet, session, said)?,
                Ok(Event::Outgoing(_) | Event::Auth(_)) => {}
                Err(error) => return Err(Failure::of(&error, &self.settings, session.is_some())),
            }
            if let Some(session) = session {
                session.hand_over(&client);
                if !session.is_welcomed && session.is_under_way() {
                    session.is_welcomed = true;
                    self.outbox.open(client.clone(), session.limits);
                    self.status.send_replace(Status::Connected);
                }
            }
            // Messages that came together are handed out without a pause, and a flood of them never ends.
            if turn.elapsed() > TURN {
                tokio::task::yield_now().await;
                turn = Instant::now();
            }
        }
    }

    fn receive(
        &mut self,
        packet: Packet,
        session: &mut Option<Session>,
        said: &mut Option<String>,
    ) -> Result<(), Failure> {
        match (packet, session) {
            (Packet::ConnAck(answer), session) => {
                let (host, port) = (&self.settings.host, self.settings.port);
                let secured = if self.settings.tls.is_some() { ", encrypted" } else { "" };
                info!("connected to the MQTT broker at {host}:{port}{secured}");
                *said = None;
                *session = Some(self.begin(&answer)?);
            }
            (Packet::Publish(message), Some(session)) => {
                let Ok(topic) = std::str::from_utf8(&message.topic) else { return Ok(()) };
                let message = Incoming { topic, payload: &message.payload, retained: message.retain };
                self.hear(&message, &mut session.work)?;
            }
            (Packet::SubAck(answer), Some(session)) => {
                session.answers += 1;
                let granted = |code: &&SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
                let refused = answer.return_codes.iter().filter(|code| !granted(code)).count();
                if refused > 0 {
                    session.refused(&format!("lets Pipit listen to all but {refused} topics"));
                }
            }
            (Packet::PubAck(answer), Some(session))
                if !matches!(answer.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) =>
            {
                session.refused(&format!("does not take a message ({:?})", answer.reason));
            }
            (Packet::PubRec(answer), Some(session))
                if !matches!(answer.reason, PubRecReason::Success | PubRecReason::NoMatchingSubscribers) =>
            {
                session.refused(&format!("does not take a message ({:?})", answer.reason));
            }
            _ => {}
        }
        Ok(())
    }

    /// What is said first: what Pipit wants to hear, what it is, that it is there, and how it is.
    fn begin(&mut self, answer: &ConnAck) -> Result<Session, Failure> {
        let told = answer.properties.as_ref();
        let packet = told.and_then(|told| told.max_packet_size).unwrap_or(LARGEST_PACKET).min(LARGEST_PACKET);
        let limits = Limits {
            packet: packet as usize,
            qos: told.and_then(|told| told.max_qos).unwrap_or(2),
            retain: told.and_then(|told| told.retain_available) != Some(0),
        };
        let mut work = Work::default();
        for participant in &self.participants {
            work.subscribe(participant.subscriptions()).map_err(|Overflow| too_much())?;
        }
        for participant in &mut self.participants {
            work.publish(participant.announcements());
        }
        work.publish(self.status_is(ONLINE).into_iter().collect());
        for participant in &mut self.participants {
            work.publish(participant.states());
        }
        Ok(Session {
            limits,
            since: Instant::now(),
            work,
            requests: 0,
            answers: 0,
            first_requests: None,
            is_welcomed: false,
            was_refused: false,
        })
    }

    /// What tells everybody whether Pipit is there.
    fn status_is(&self, is: &str) -> Option<Publish> {
        let message = || Publish { topic: status_topic(&self.settings), payload: is.to_owned(), qos: 1, retain: true };
        (!self.is_visit).then(message)
    }

    fn hear(&mut self, message: &Incoming<'_>, work: &mut Work) -> Result<(), Failure> {
        let below = message.topic.strip_prefix(&*self.settings.topic_prefix);
        if message.retained && below.is_some_and(|rest| rest.starts_with('/')) {
            debug!("what the broker kept on {} is ignored: it may be of any age", message.topic);
            return Ok(());
        }
        for participant in &mut self.participants {
            let Outcome { publish, subscribe, unsubscribe, problem } = participant.message(message);
            work.unsubscribe(unsubscribe).map_err(|Overflow| too_much())?;
            work.subscribe(subscribe).map_err(|Overflow| too_much())?;
            work.publish(publish);
            if let Some(problem) = problem {
                self.complaints.complain(&problem);
            }
        }
        Ok(())
    }
}

impl Session {
    fn hand_over(&mut self, client: &AsyncClient) {
        self.requests += self.work.hand_over(client, self.limits);
        if self.first_requests.is_none() && self.work.is_empty() {
            self.first_requests = Some(self.requests);
        }
    }

    /// Whether the broker knows what Pipit wants to hear, and all that is said first is on its way.
    fn is_under_way(&self) -> bool {
        self.first_requests.is_some_and(|requests| self.answers >= requests)
    }

    /// Tells once in a connection what the broker's rules do not allow.
    fn refused(&mut self, what: &str) {
        if !self.was_refused {
            warn!("the MQTT broker {what}; see what its access rules allow this user");
        }
        self.was_refused = true;
    }
}

/// What happens next on the connection, or nothing where `stop` comes first. The future that waits for it is never given up for
/// something else, since it may be in the middle of a message.
async fn next(
    events: &mut EventLoop,
    stop: &CancellationToken,
    mut session: Option<&mut Session>,
    client: &AsyncClient,
) -> Option<Result<Result<Event, ConnectionError>, Elapsed>> {
    let mut event = std::pin::pin!(timeout(STUCK, events.poll()));
    loop {
        let due = session.as_ref().and_then(|session| session.work.due());
        tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            event = &mut event => return Some(event),
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                if let Some(session) = &mut session {
                    session.hand_over(client);
                }
            }
        }
    }
}

impl Complaints {
    /// Tells of what was ignored, but no more than a log can bear.
    fn complain(&mut self, problem: &str) {
        if self.since.is_none_or(|since| since.elapsed() > Duration::from_secs(60)) {
            if self.unsaid > 0 {
                warn!("{} more MQTT messages were ignored", self.unsaid);
            }
            *self = Complaints { since: Some(Instant::now()), said: 0, unsaid: 0 };
        }
        if self.said < COMPLAINTS {
            self.said += 1;
            warn!("MQTT: {problem}");
        } else {
            self.unsaid += 1;
        }
    }
}

fn too_much() -> Failure {
    Failure::refusal("more topics are made known over MQTT than can be listened to".to_owned())
}

/// Says a last word, and leaves in order, so that the broker does not say that Pipit has vanished.
async fn farewell(word: Option<Publish>, client: &AsyncClient, events: &mut EventLoop, limits: Limits) {
    if let Some(word) = word {
        let sending = loop {
            match outbox::publish(client, limits, &word) {
                Ok(sending) => break sending,
                Err(Unsent::Full) if events.poll().await.is_ok() => {}
                Err(_) => return,
            }
        };
        let mut sent = std::pin::pin!(sending.sent());
        loop {
            tokio::select! {
                biased;
                _ = &mut sent => break,
                event = events.poll() => if event.is_err() { return },
            }
        }
    }
    if client.try_disconnect().is_ok() {
        while events.poll().await.is_ok() {}
    }
}

/// From 0 to 1.
fn chance() -> f64 {
    let drawn = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(drawn) / f64::from(u32::MAX)
}
