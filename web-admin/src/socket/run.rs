//! The task of a socket: it carries what comes to the [`Machine`], and does what follows. Decides nothing itself.

use std::future::{Future, pending};
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use pipit_core::audio::Pcm;
use pipit_store::{PersonId, Role};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite;

use super::Sockets;
use super::fan::{self, Tuned};
use super::message::{Closing, Reply, Subject, written};
use super::room::Place;
use super::state::{Action, Input, Machine};
use crate::account::Who;
use crate::problem::{Problem, blocking, sentence};
use crate::serve::Stopping;
use crate::voice::{Given, Told, Voice};
use crate::{BusEvent, Sources};

/// How long the other side may take nothing of what it is sent.
const TAKES: Duration = Duration::from_secs(10);
/// How long it may take to close.
const CLOSES: Duration = Duration::from_secs(2);
/// Samples that are sent at once: each piece is heard before the next is there.
const PIECE: usize = 4096;

/// What is known of a socket when it is opened.
pub(super) struct Opened {
    pub(super) who: Option<Box<Who>>,
    pub(super) address: String,
    /// Kept until it is known who it is.
    pub(super) stranger: Option<Place<IpAddr>>,
    pub(super) stopping: Option<Stopping>,
}

type Waiting<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

/// A place from which somebody speaks.
struct Speaking {
    voice: Voice,
    _place: Place<PersonId>,
    clauses: u64,
}

/// A socket and what it waits for.
struct Running {
    socket: WebSocket,
    sources: Sources,
    opened: Opened,
    machine: Machine,
    began: Instant,
    events: Option<Tuned>,
    levels: Option<Tuned>,
    speaking: Option<Box<Speaking>>,
    opening: Waiting<Result<Box<Speaking>, String>>,
    checking: Waiting<Result<Who, Problem>>,
    ended: Waiting<()>,
}

/// What happened.
enum Happened {
    Came(Option<Result<Message, axum::Error>>),
    Told(Result<Utf8Bytes, RecvError>),
    Voice(Option<Told>),
    Checked(Result<Who, Problem>),
    Opened(Result<Box<Speaking>, String>),
    SignedOut,
    Ending,
    Time,
}

/// Nobody is there any more, or nobody takes what is sent.
struct Gone;

/// Runs until one of both sides closes it.
pub(super) async fn run(socket: WebSocket, sources: Sources, opened: Opened) {
    let scopes = opened.who.as_ref().map(|who| who.scopes.clone());
    let ended: Waiting<()> = opened.who.as_ref().map(|who| Box::pin(who.ended()) as _);
    let mut running = Running {
        socket,
        sources,
        opened,
        machine: Machine::new(scopes),
        began: Instant::now(),
        events: None,
        levels: None,
        speaking: None,
        opening: None,
        checking: None,
        ended,
    };
    loop {
        let happened = running.next().await;
        match running.take(happened).await {
            Ok(None) => {}
            Ok(Some(closing)) => return running.close(closing).await,
            Err(Gone) => return,
        }
    }
}

impl Running {
    async fn next(&mut self) -> Happened {
        let deadline = self.began + self.machine.deadline().min(Duration::from_secs(3600));
        tokio::select! {
            () = stopped(&mut self.opened.stopping) => Happened::Ending,
            () = waited(&mut self.ended) => Happened::SignedOut,
            came = self.socket.recv() => Happened::Came(came),
            told = voice(&mut self.speaking) => Happened::Voice(told),
            told = tuned(&mut self.events) => Happened::Told(told),
            told = tuned(&mut self.levels) => Happened::Told(told),
            checked = waited(&mut self.checking) => Happened::Checked(checked),
            opened = waited(&mut self.opening) => Happened::Opened(opened),
            () = sleep_until(deadline) => Happened::Time,
        }
    }

    /// Does what follows. Gives why the socket is to be closed, if it is.
    async fn take(&mut self, happened: Happened) -> Result<Option<Closing>, Gone> {
        match happened {
            Happened::Ending => Ok(Some(Closing::ENDING)),
            Happened::SignedOut => Ok(Some(Closing::SIGNED_OUT)),
            Happened::Time => self.step(Input::Tick, &[]).await,
            Happened::Came(None) => Err(Gone),
            Happened::Came(Some(Ok(message))) => self.came(message).await,
            Happened::Came(Some(Err(error))) => broken(&error).map(Some).ok_or(Gone),
            Happened::Told(Ok(text)) => self.send(Message::Text(text)).await.map(|()| None),
            Happened::Told(Err(RecvError::Lagged(events))) => self.tell(&Reply::Missed { events }).await.map(|()| None),
            Happened::Told(Err(RecvError::Closed)) => Ok(Some(Closing::ENDING)),
            Happened::Voice(Some(told)) => self.told(told).await.map(|()| None),
            Happened::Voice(None) => {
                self.speaking = None;
                self.step(Input::Lost, &[]).await
            }
            Happened::Checked(checked) => self.checked(checked).await,
            Happened::Opened(Ok(speaking)) => {
                self.speaking = Some(speaking);
                self.step(Input::Opened(Ok(())), &[]).await
            }
            Happened::Opened(Err(why)) => self.step(Input::Opened(Err(why)), &[]).await,
        }
    }

    async fn came(&mut self, message: Message) -> Result<Option<Closing>, Gone> {
        match message {
            Message::Text(text) => self.step(Input::Text(&text), &[]).await,
            Message::Binary(sound) => self.step(Input::Sound(sound.len()), &sound).await,
            Message::Ping(_) | Message::Pong(_) => self.step(Input::Alive, &[]).await,
            // The answer to it is sent by itself.
            Message::Close(_) => {
                let _ = timeout(CLOSES, self.socket.recv()).await;
                Err(Gone)
            }
        }
    }

    async fn checked(&mut self, checked: Result<Who, Problem>) -> Result<Option<Closing>, Gone> {
        match checked {
            Ok(who) => {
                self.ended = Some(Box::pin(who.ended()));
                let scopes = who.scopes.clone();
                self.opened.who = Some(Box::new(who));
                self.opened.stranger = None;
                self.step(Input::Checked(Some(scopes)), &[]).await
            }
            Err(problem) if problem.is_signed_out() => self.step(Input::Checked(None), &[]).await,
            Err(_) => Ok(Some(Closing::FAILED)),
        }
    }

    async fn step(&mut self, input: Input<'_>, sound: &[u8]) -> Result<Option<Closing>, Gone> {
        let Some(action) = self.machine.step(self.began.elapsed(), input) else { return Ok(None) };
        match action {
            Action::Close(closing) => return Ok(Some(closing)),
            Action::Tell(reply) => self.tell(&reply).await?,
            Action::Ping => self.send(Message::Ping("".into())).await?,
            Action::Check(token) => {
                let (accounts, address) = (self.sources.accounts.clone(), self.opened.address.clone());
                self.checking = Some(Box::pin(async move { accounts.by_token(token, address).await }));
            }
            Action::Follow(subject) => return self.follow(subject).await,
            Action::Leave(subject) => {
                match subject {
                    Subject::Events => self.events = None,
                    Subject::Levels => self.levels = None,
                    Subject::Voice => (self.speaking, self.opening) = (None, None),
                }
                self.tell(&Reply::Unsubscribed { from: subject }).await?;
            }
            Action::OpenVoice => self.open_voice(),
            Action::Hear => self.give(Given::Sound(samples(sound))),
            Action::Press => self.give(Given::Pressed),
            Action::Release => self.give(Given::Released),
            Action::Stop => self.give(Given::Stop),
        }
        Ok(None)
    }

    async fn follow(&mut self, subject: Subject) -> Result<Option<Closing>, Gone> {
        let Sockets(shared) = &self.sources.sockets;
        let thresholds = (subject == Subject::Levels).then_some(shared.thresholds);
        let mut first = None;
        match subject {
            Subject::Events => {
                // Tuned in before the state is read, so that no change falls between the two.
                self.events = shared.events.events(&self.sources.events);
                if self.events.is_none() {
                    return Ok(Some(Closing::ENDING));
                }
                first = Some(fan::event(&BusEvent::State(self.sources.snapshots.borrow().clone())));
            }
            Subject::Levels => self.levels = Some(shared.levels.levels(&shared.ear)),
            Subject::Voice => {}
        }
        self.tell(&Reply::Subscribed { to: subject, thresholds }).await?;
        if let Some(first) = first {
            self.send(Message::Text(first)).await?;
        }
        Ok(None)
    }

    /// Opens a place to speak from, where there is room for one. It loads a model, which takes a moment.
    fn open_voice(&mut self) {
        let Some(who) = &self.opened.who else { return };
        let Sockets(shared) = &self.sources.sockets;
        let place = shared.places.take(who.person.id);
        let (open, store, guest) = (shared.open.clone(), who.store.clone(), who.person.role == Role::Guest);
        self.opening = Some(Box::pin(async move {
            let full = || "Others speak with Pipit through the panel now; try again when they are done.".to_owned();
            let place = place.ok_or_else(full)?;
            let opened = blocking(move || open(store, guest)).await;
            let ending = |_| "Pipit is ending; try again soon.".to_owned();
            let voice = opened.map_err(ending)?.map_err(|why| sentence(&why))?;
            Ok(Box::new(Speaking { voice, _place: place, clauses: 0 }))
        }));
    }

    fn give(&self, given: Given) {
        if let Some(speaking) = &self.speaking {
            (speaking.voice.give)(given);
        }
    }

    async fn told(&mut self, told: Told) -> Result<(), Gone> {
        let reply = match told {
            Told::Clause(pcm) => return self.clause(&pcm).await,
            Told::Phase(phase) => Reply::Phase { phase },
            Told::Pause => Reply::Pause,
            Told::Resume => Reply::Resume,
            Told::Stop => Reply::Silence,
            Told::Hearing(text) => Reply::Hearing { text },
            Told::Understood(text) => Reply::Understood { text },
            Told::Saying(text) => Reply::Saying { text },
            Told::Kept(conversation) => Reply::Kept { conversation },
            Told::Turn { transcript, reply, first_audio_ms } => Reply::Turn { transcript, reply, first_audio_ms },
        };
        self.tell(&reply).await
    }

    /// Says what follows, and then its samples, 16 bits little-endian.
    async fn clause(&mut self, pcm: &Pcm) -> Result<(), Gone> {
        let clause = self.speaking.as_mut().map_or(0, |speaking| {
            speaking.clauses += 1;
            speaking.clauses
        });
        let (rate, samples) = (pcm.rate().0, pcm.samples().len());
        self.tell(&Reply::Clause { clause, rate, samples }).await?;
        for piece in pcm.samples().chunks(PIECE) {
            let bytes: Vec<u8> = piece.iter().flat_map(|sample| quantised(*sample).to_le_bytes()).collect();
            self.send(Message::Binary(bytes.into())).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, reply: &Reply) -> Result<(), Gone> {
        self.send(Message::Text(written(reply))).await
    }

    /// Waits until it is on its way, which is not for long with somebody who reads.
    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        match timeout(TAKES, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Says why, and waits a moment for the other side to say the same.
    async fn close(mut self, Closing { code, why }: Closing) {
        (self.speaking, self.opening) = (None, None);
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(why) };
        let goodbye = async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let _ = timeout(CLOSES, goodbye).await;
    }
}

/// Why a connection that broke is closed, if there still is somebody to tell.
fn broken(error: &axum::Error) -> Option<Closing> {
    let error = std::error::Error::source(error)?.downcast_ref::<tungstenite::Error>()?;
    match error {
        tungstenite::Error::Capacity(_) => Some(Closing::TOO_LARGE),
        tungstenite::Error::Utf8(_) => Some(Closing::NOT_TEXT),
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => None,
        tungstenite::Error::Protocol(_) => Some(Closing::BROKEN),
        _ => None,
    }
}

fn samples(sound: &[u8]) -> Vec<f32> {
    let pairs = sound.chunks_exact(2);
    pairs.map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0).collect()
}

fn quantised(sample: f32) -> i16 {
    // What is no number is silent.
    (sample.clamp(-1.0, 1.0) * 32_767.0) as i16
}

async fn waited<T>(waiting: &mut Waiting<T>) -> T {
    let Some(future) = waiting else { return pending().await };
    let outcome = future.await;
    *waiting = None;
    outcome
}

async fn tuned(to: &mut Option<Tuned>) -> Result<Utf8Bytes, RecvError> {
    match to {
        Some(to) => to.recv().await,
        None => pending().await,
    }
}

async fn voice(speaking: &mut Option<Box<Speaking>>) -> Option<Told> {
    match speaking {
        Some(speaking) => speaking.voice.told.recv().await,
        None => pending().await,
    }
}

async fn stopped(stopping: &mut Option<Stopping>) {
    match stopping {
        // That who would tell it is gone says the same.
        Some(Stopping(stopped)) => drop(stopped.changed().await),
        None => pending().await,
    }
}
