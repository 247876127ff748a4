//! `/ws` on real sockets: who may, what is told, and what ends it.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod bare;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use pipit_core::audio::{Hertz, Pcm};
use pipit_store::{Client, NewPerson, NewPrivacy, PersonId, Role, Store};
use pipit_web::voice::{Given, Told, Voice};
use pipit_web::{BusEvent, Hearing, Snapshot, Sockets, Sources, Thresholds, router, serve};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};

/// Far beyond what anything here takes, so that only what never happens fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon, as far as sockets know one: whoever speaks from one is heard here.
struct Daemon {
    address: SocketAddr,
    store: Store,
    people: [PersonId; 3],
    bus: broadcast::Sender<BusEvent>,
    ear: watch::Sender<Hearing>,
    sockets: Sockets,
    /// What was given to places from where somebody speaks, and whether they speak as guests.
    given: Mutex<mpsc::UnboundedReceiver<(bool, Option<Given>)>>,
    /// What is told there, the newest last.
    tell: Arc<Mutex<Vec<mpsc::Sender<Told>>>>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
    _snapshots: watch::Sender<Snapshot>,
    _state: TempDir,
}

/// What somebody shows.
enum Shown {
    Nothing,
    Session(String),
    Token(String),
}

type Socket = WebSocketStream<TcpStream>;

/// Tells that the place is gone.
struct Leaves(mpsc::UnboundedSender<(bool, Option<Given>)>, bool);

impl Drop for Leaves {
    fn drop(&mut self) {
        let _ = self.0.send((self.1, None));
    }
}

impl Daemon {
    async fn start() -> Daemon {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(&state.path().join("pipit.db")).unwrap();
        store.claim("Otto", "seventeen wet herons").unwrap();
        let otto = store.recognise("Otto", "seventeen wet herons").unwrap().unwrap().person.id;
        let add = |name, role| {
            let new = NewPerson { name: Some(name), role, privacy: NewPrivacy::Standard };
            store.add_person(&new, Timestamp::UNIX_EPOCH).unwrap()
        };
        let people = [otto, add("Ann", Role::Member), add("Gustav", Role::Guest)];
        let (bus, snapshots, ear) = (broadcast::Sender::new(256), watch::Sender::default(), watch::Sender::default());
        let (give, given) = mpsc::unbounded_channel();
        let tell = Arc::<Mutex<Vec<mpsc::Sender<Told>>>>::default();
        let telling = Arc::clone(&tell);
        let open = Arc::new(move |_, guest| {
            let (tell, told) = mpsc::channel(128);
            telling.lock().unwrap().push(tell);
            let leaves = Leaves(give.clone(), guest);
            let give = move |given| drop(leaves.0.send((leaves.1, Some(given))));
            Ok(Voice { give: Box::new(give), told })
        });
        let sockets = Sockets::new(open, ear.clone(), Thresholds { voice: 0.5, turn: 0.625, wake: None });
        let sources = Sources {
            sockets: sockets.clone(),
            snapshots: snapshots.subscribe(),
            events: bus.downgrade(),
            ..bare::sources(&store)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, None, router(sources), async { drop(stopped.await) }));
        Daemon {
            address,
            store,
            people,
            bus,
            ear,
            sockets,
            given: Mutex::new(given),
            tell,
            stop: Some(stop),
            served,
            _snapshots: snapshots,
            _state: state,
        }
    }

    fn session(&self, of: usize) -> Shown {
        let client = Client { address: "127.0.0.1", agent: "" };
        let (_, secret) = self.store.begin_session(self.people[of], client, Timestamp::now()).unwrap();
        Shown::Session(secret.as_str().to_owned())
    }

    fn token(&self, of: usize, scopes: &str) -> Shown {
        let (_, secret) = self.store.make_token(self.people[of], "a", scopes, Timestamp::now()).unwrap();
        Shown::Token(secret.as_str().to_owned())
    }

    /// As a browser connects where a session is shown, and else as a program, with other headers in place of theirs.
    async fn connect(&self, shown: &Shown, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
        self.connect_from(TcpSocket::new_v4().unwrap(), shown, headers).await
    }

    async fn connect_from(
        &self,
        socket: TcpSocket,
        shown: &Shown,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, u16> {
        let mut request = format!("ws://{}/ws", self.address).into_client_request().unwrap();
        let mut all = Vec::new();
        match shown {
            Shown::Nothing => {}
            Shown::Session(secret) => {
                all.push(("cookie", format!("pipit_session={secret}")));
                all.push(("origin", format!("http://{}", self.address)));
            }
            Shown::Token(token) => all.push(("authorization", format!("Bearer {token}"))),
        }
        all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        for (name, value) in all {
            match value.as_str() {
                "" => request.headers_mut().remove(name),
                value => request.headers_mut().insert(name, value.parse().unwrap()),
            };
        }
        let stream = socket.connect(self.address).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// One on which hello has been said.
    async fn greeted(&self, shown: &Shown) -> Socket {
        let mut socket = self.connect(shown, &[]).await.unwrap();
        say(&mut socket, json!({"type": "hello", "version": 1})).await;
        let welcome = told(&mut socket).await;
        let known = !matches!(shown, Shown::Nothing);
        assert_eq!(welcome, json!({"type": "welcome", "version": 1, "signed_in": known}));
        socket
    }

    async fn given(&self) -> (bool, Option<Given>) {
        let next = std::future::poll_fn(|context| self.given.lock().unwrap().poll_recv(context));
        tokio::time::timeout(PATIENCE, next).await.unwrap().unwrap()
    }

    fn tell(&self, told: Told) {
        self.tell.lock().unwrap().last().unwrap().try_send(told).unwrap();
    }
}

async fn say(socket: &mut Socket, what: Value) {
    socket.send(Message::text(what.to_string())).await.unwrap();
}

/// The next message, without pings; of one that closes it, the code and the reason.
async fn next(socket: &mut Socket) -> Message {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("something is told");
        match message.expect("it is closed with a reason").unwrap() {
            Message::Ping(_) => {}
            message => return message,
        }
    }
}

#[track_caller]
fn read(message: Message) -> Value {
    match message {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        Message::Close(Some(frame)) => json!({"closed": u16::from(frame.code), "why": frame.reason.as_str()}),
        message => panic!("{message:?}"),
    }
}

async fn told(socket: &mut Socket) -> Value {
    read(next(socket).await)
}

/// The code with which it is closed, after whatever else is told.
async fn closed(socket: &mut Socket) -> u16 {
    loop {
        if let Message::Close(frame) = next(socket).await {
            let frame = frame.unwrap();
            assert!(frame.reason.ends_with('.'), "{frame:?}");
            return frame.code.into();
        }
    }
}

#[tokio::test]
async fn everybody_may_subscribe_to_what_they_may() {
    let daemon = Daemon::start().await;
    let all = [
        ("the owner", daemon.session(0), [true; 3]),
        ("a member", daemon.session(1), [true; 3]),
        ("a guest", daemon.session(2), [true; 3]),
        ("to read", daemon.token(0, "read"), [true, true, false]),
        ("to talk", daemon.token(0, "talk"), [false, false, true]),
        ("to control", daemon.token(0, "control"), [false; 3]),
        ("to administer", daemon.token(0, "admin"), [false; 3]),
    ];
    for (name, shown, may) in all {
        for (subject, may) in ["events", "levels", "voice"].into_iter().zip(may) {
            let mut socket = daemon.greeted(&shown).await;
            say(&mut socket, json!({"type": "subscribe", "to": subject})).await;
            let answer = told(&mut socket).await;
            let expected = if may { ("subscribed", None) } else { ("error", Some("forbidden")) };
            assert_eq!((answer["type"].as_str().unwrap(), answer["code"].as_str()), expected, "{name}: {answer}");
            if subject == "voice" && may {
                say(&mut socket, json!({"type": "press"})).await;
                assert_eq!(daemon.given().await, (name == "a guest", Some(Given::Pressed)), "{name}");
                drop(socket);
                assert_eq!(daemon.given().await.1, None, "the place ends with the socket");
            }
        }
    }
}

#[tokio::test]
async fn a_program_signs_in_at_the_upgrade_or_after_it_and_nobody_without_a_token() {
    let daemon = Daemon::start().await;
    let Shown::Token(token) = daemon.token(1, "read") else { unreachable!() };
    let mut socket = daemon.greeted(&Shown::Nothing).await;
    say(&mut socket, json!({"type": "sign_in", "token": token})).await;
    assert_eq!(told(&mut socket).await, json!({"type": "signed_in"}));
    say(&mut socket, json!({"type": "subscribe", "to": "events"})).await;
    assert_eq!(told(&mut socket).await["type"], "subscribed");
    for (said, code) in [
        (json!({"type": "sign_in", "token": "pipit_0"}), 4401),
        (json!({"type": "sign_in", "token": ""}), 4401),
        (json!({"type": "subscribe", "to": "events"}), 1008),
    ] {
        let mut socket = daemon.greeted(&Shown::Nothing).await;
        say(&mut socket, said).await;
        assert_eq!(closed(&mut socket).await, code);
    }
    for shown in [Shown::Token("pipit_0".to_owned()), Shown::Session("0".to_owned())] {
        assert_eq!(daemon.connect(&shown, &[]).await.unwrap_err(), 401);
    }
}

#[tokio::test]
async fn no_other_page_opens_a_socket_with_somebodys_cookie() {
    let daemon = Daemon::start().await;
    let session = daemon.session(0);
    let own = format!("http://{}", daemon.address);
    for (headers, status) in [
        (&[("origin", own.as_str())][..], None),
        (&[("origin", own.as_str()), ("sec-fetch-site", "same-origin")], None),
        (&[("origin", "http://evil.example")], Some(403)),
        (&[("origin", "null")], Some(403)),
        (&[("origin", own.as_str()), ("sec-fetch-site", "cross-site")], Some(403)),
        (&[("origin", own.as_str()), ("sec-fetch-site", "same-site")], Some(403)),
        (&[("origin", "")], Some(403)),
        (&[("host", "evil.example"), ("origin", "http://evil.example")], Some(421)),
    ] {
        assert_eq!(daemon.connect(&session, headers).await.err(), status, "{headers:?}");
    }
    // Without a cookie there is nothing to be had, and yet no page is let in.
    assert_eq!(daemon.connect(&Shown::Nothing, &[("origin", "http://evil.example")]).await.err(), Some(403));
}

#[tokio::test]
async fn events_are_told_as_they_happen_and_the_state_at_first() {
    let daemon = Daemon::start().await;
    let session = daemon.session(1);
    let (mut one, mut other) = (daemon.greeted(&session).await, daemon.greeted(&session).await);
    for socket in [&mut one, &mut other] {
        say(socket, json!({"type": "subscribe", "to": "events"})).await;
        assert_eq!(told(socket).await, json!({"type": "subscribed", "to": "events"}));
        let state = told(socket).await;
        assert_eq!((&state["type"], &state["event"]), (&json!("event"), &json!("state")));
    }
    let now = |phase| BusEvent::State(Snapshot { phase, ..Snapshot::default() });
    daemon.bus.send(now("hearing")).unwrap();
    for socket in [&mut one, &mut other] {
        assert_eq!(told(socket).await["phase"], "hearing");
    }
    say(&mut one, json!({"type": "unsubscribe", "from": "events"})).await;
    assert_eq!(told(&mut one).await, json!({"type": "unsubscribed", "from": "events"}));
    daemon.bus.send(now("idle")).unwrap();
    assert_eq!(told(&mut other).await["phase"], "idle");
    // Whoever left is told nothing, and can come back.
    say(&mut one, json!({"type": "subscribe", "to": "events"})).await;
    assert_eq!(told(&mut one).await["type"], "subscribed");
    assert_eq!(told(&mut one).await["phase"], "");
    drop((one, other));
    daemon.sockets.closed().await;
    assert_eq!(daemon.bus.receiver_count(), 0, "nothing is written for nobody");
    let mut again = daemon.greeted(&session).await;
    say(&mut again, json!({"type": "subscribe", "to": "events"})).await;
    assert_eq!(
        (told(&mut again).await["type"].clone(), told(&mut again).await["phase"].clone()),
        (json!("subscribed"), json!(""))
    );
    daemon.bus.send(now("speaking")).unwrap();
    assert_eq!(told(&mut again).await["phase"], "speaking");
}

#[tokio::test]
async fn the_ear_is_looked_at_only_while_somebody_is_subscribed() {
    let daemon = Daemon::start().await;
    let mut socket = daemon.greeted(&daemon.token(0, "read")).await;
    assert_eq!(daemon.ear.receiver_count(), 0);
    say(&mut socket, json!({"type": "subscribe", "to": "levels"})).await;
    let thresholds = json!({"voice": 0.5, "turn": 0.625, "wake": null});
    assert_eq!(told(&mut socket).await, json!({"type": "subscribed", "to": "levels", "thresholds": thresholds}));
    let heard =
        Hearing { dbfs: -31.5, voice: Some(0.75), turn: Some(0.25), turns_judged: 3, dropped_frames: 2, wake: None };
    daemon.ear.send_replace(heard);
    let level = json!({
        "type": "level", "dbfs": -31.5, "voice": 0.75, "wake": null, "turn": 0.25, "turns_judged": 3, "dropped_frames": 2,
    });
    assert_eq!(told(&mut socket).await, level);
    say(&mut socket, json!({"type": "unsubscribe", "from": "levels"})).await;
    while told(&mut socket).await["type"] != "unsubscribed" {}
    tokio::time::timeout(PATIENCE, daemon.ear.closed()).await.expect("nobody looks any more");
}

#[tokio::test]
async fn who_speaks_is_heard_and_told_what_to_play() {
    let daemon = Daemon::start().await;
    let mut socket = daemon.greeted(&daemon.session(1)).await;
    say(&mut socket, json!({"type": "subscribe", "to": "voice"})).await;
    assert_eq!(told(&mut socket).await, json!({"type": "subscribed", "to": "voice"}));
    say(&mut socket, json!({"type": "press"})).await;
    socket.send(Message::binary([0x00, 0x40, 0x00, 0x80, 0xff, 0x7f].to_vec())).await.unwrap();
    say(&mut socket, json!({"type": "release"})).await;
    say(&mut socket, json!({"type": "stop"})).await;
    let sound = Given::Sound(vec![0.5, -1.0, 32_767.0 / 32_768.0]);
    for expected in [Given::Pressed, sound, Given::Released, Given::Stop] {
        assert_eq!(daemon.given().await, (false, Some(expected)));
    }
    let samples: Vec<f32> = (0..10_000).map(|at| (at as f32 / 10_000.0) - 0.5).collect();
    for told in [
        Told::Phase("thinking"),
        Told::Hearing("what time".to_owned()),
        Told::Understood("what time is it".to_owned()),
        Told::Saying("it's noon".to_owned()),
        Told::Clause(Pcm::new(samples.clone(), Hertz(22_050))),
        Told::Pause,
        Told::Resume,
        Told::Stop,
        Told::Turn {
            transcript: "what time is it".to_owned(),
            reply: "it's noon".to_owned(),
            first_audio_ms: Some(1.5),
        },
        Told::Kept(7),
    ] {
        daemon.tell(told);
    }
    assert_eq!(told(&mut socket).await, json!({"type": "phase", "phase": "thinking"}));
    assert_eq!(told(&mut socket).await, json!({"type": "hearing", "text": "what time"}));
    assert_eq!(told(&mut socket).await, json!({"type": "understood", "text": "what time is it"}));
    assert_eq!(told(&mut socket).await, json!({"type": "saying", "text": "it's noon"}));
    assert_eq!(told(&mut socket).await, json!({"type": "clause", "clause": 1, "rate": 22_050, "samples": 10_000}));
    let mut played = Vec::new();
    while played.len() < 10_000 {
        let piece = next(&mut socket).await.into_data();
        played.extend(piece.chunks(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_767.0));
    }
    assert!(played.iter().zip(&samples).all(|(played, sample)| (played - sample).abs() < 1e-4));
    for kind in ["pause", "resume", "silence"] {
        assert_eq!(told(&mut socket).await, json!({"type": kind}));
    }
    let turn = json!({"type": "turn", "transcript": "what time is it", "reply": "it's noon", "first_audio_ms": 1.5});
    assert_eq!(told(&mut socket).await, turn);
    assert_eq!(told(&mut socket).await, json!({"type": "kept", "conversation": 7}));
    // The place is lost where the daemon says so; another can be opened.
    daemon.tell.lock().unwrap().clear();
    assert_eq!(told(&mut socket).await, json!({"type": "unsubscribed", "from": "voice"}));
    assert_eq!(daemon.given().await.1, None);
    say(&mut socket, json!({"type": "subscribe", "to": "voice"})).await;
    assert_eq!(told(&mut socket).await["type"], "subscribed");
}

#[tokio::test]
async fn few_speak_at_once() {
    let daemon = Daemon::start().await;
    let (ann, otto) = (daemon.session(1), daemon.session(0));
    let speak = async |shown: &Shown| {
        let mut socket = daemon.greeted(shown).await;
        say(&mut socket, json!({"type": "subscribe", "to": "voice"})).await;
        let answer = told(&mut socket).await;
        (socket, answer["code"].as_str().map(str::to_owned))
    };
    let (one, two) = (speak(&ann).await, speak(&ann).await);
    assert_eq!((&one.1, &two.1), (&None, &None));
    assert_eq!(speak(&ann).await.1.as_deref(), Some("no_voice"), "two places for one person");
    let (three, four) = (speak(&otto).await, speak(&otto).await);
    assert_eq!((&three.1, &four.1), (&None, &None));
    assert_eq!(speak(&daemon.session(2)).await.1.as_deref(), Some("no_voice"), "four places in all");
    drop(one);
    assert_eq!(daemon.given().await.1, None);
    // A place that is given up is another's, once its socket has noticed.
    let mut guest = daemon.greeted(&daemon.session(2)).await;
    loop {
        say(&mut guest, json!({"type": "subscribe", "to": "voice"})).await;
        if told(&mut guest).await["type"] == "subscribed" {
            break;
        }
    }
}

#[tokio::test]
async fn a_socket_dies_with_its_session() {
    let daemon = Daemon::start().await;
    let session = daemon.session(1);
    let Shown::Session(secret) = &session else { unreachable!() };
    let mut socket = daemon.greeted(&session).await;
    let mut other = daemon.greeted(&daemon.session(1)).await;
    say(&mut socket, json!({"type": "subscribe", "to": "voice"})).await;
    assert_eq!(told(&mut socket).await["type"], "subscribed");
    let mut stream = TcpStream::connect(daemon.address).await.unwrap();
    let sign_out = format!(
        "DELETE /api/session HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost\r\ncookie: pipit_session={secret}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(sign_out.as_bytes()).await.unwrap();
    assert_eq!(closed(&mut socket).await, 4401);
    assert_eq!(daemon.given().await.1, None, "and what was opened with it");
    say(&mut other, json!({"type": "subscribe", "to": "levels"})).await;
    assert_eq!(told(&mut other).await["type"], "subscribed", "another session goes on");
}

#[tokio::test]
async fn when_the_daemon_ends_sockets_are_told_in_mid_stream() {
    let mut daemon = Daemon::start().await;
    let mut idle = daemon.greeted(&daemon.session(1)).await;
    let mut new = daemon.connect(&Shown::Nothing, &[]).await.unwrap();
    let mut speaking = daemon.greeted(&daemon.session(1)).await;
    say(&mut speaking, json!({"type": "subscribe", "to": "voice"})).await;
    assert_eq!(told(&mut speaking).await["type"], "subscribed");
    daemon.tell(Told::Clause(Pcm::new(vec![0.5; 500_000], Hertz(24_000))));
    assert_eq!(told(&mut speaking).await["type"], "clause");
    daemon.stop.take().unwrap().send(()).unwrap();
    for socket in [&mut idle, &mut new, &mut speaking] {
        assert_eq!(closed(socket).await, 1001);
        while let Some(Ok(_)) = socket.next().await {}
    }
    assert_eq!(daemon.given().await.1, None);
    tokio::time::timeout(PATIENCE, daemon.sockets.closed()).await.unwrap();
    daemon.served.await.unwrap();
}

/// Bytes of a frame as a client sends it, masked by zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn what_can_not_be_meant_closes_the_socket_and_is_told_why() {
    let daemon = Daemon::start().await;
    let session = daemon.session(1);
    let large = vec![b'a'; 5_000];
    let larger = vec![b'a'; 100_000];
    for (name, bytes, code) in [
        ("no JSON", frame(0x81, b"hello"), 1007),
        ("half a letter", frame(0x81, &[0xc3]), 1007),
        ("a large text", frame(0x81, &large), 1009),
        ("a larger one", frame(0x81, &larger), 1009),
        ("large sound", frame(0x82, &[0; 8_194]), 1009),
        ("larger sound", frame(0x82, &larger), 1009),
        ("half a sample", frame(0x82, &[1]), 1007),
        ("sound for nobody", frame(0x82, &[1, 1]), 1003),
        ("no mask", vec![0x81, 0x02, b'{', b'}'], 1002),
        ("a reserved bit", frame(0xc1, b"{}"), 1002),
        ("a reserved frame", frame(0x83, b"{}"), 1002),
        ("a long ping", frame(0x89, &large), 1002),
        ("the rest of nothing", frame(0x80, b"{}"), 1002),
    ] {
        let mut socket = daemon.greeted(&session).await;
        socket.get_mut().write_all(&bytes).await.unwrap();
        assert_eq!(closed(&mut socket).await, code, "{name}");
    }
    // The end of a stream in the middle of a frame ends the socket too.
    let mut socket = daemon.greeted(&session).await;
    socket.get_mut().write_all(&frame(0x81, &large)[..100]).await.unwrap();
    drop(socket);
    tokio::time::timeout(PATIENCE, daemon.sockets.closed()).await.unwrap();
}

#[tokio::test]
async fn one_address_has_so_many_sockets_and_strangers_fewer() {
    let daemon = Daemon::start().await;
    let session = daemon.session(1);
    let from = |last: u8| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        socket
    };
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(daemon.connect_from(from(1), &Shown::Nothing, &[]).await.unwrap());
    }
    assert_eq!(daemon.connect_from(from(1), &Shown::Nothing, &[]).await.err(), Some(429));
    for _ in 8..32 {
        open.push(daemon.connect_from(from(1), &session, &[]).await.unwrap());
    }
    assert_eq!(daemon.connect_from(from(1), &session, &[]).await.err(), Some(429));
    open.push(daemon.connect_from(from(2), &session, &[]).await.unwrap());
    drop(open);
    tokio::time::timeout(PATIENCE, daemon.sockets.closed()).await.unwrap();
    daemon.connect_from(from(1), &Shown::Nothing, &[]).await.unwrap();
}

/// Time is virtual: it passes while nobody does anything.
#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_is_not_waited_for() {
    let daemon = Daemon::start().await;
    let mut silent = daemon.connect(&daemon.token(1, "read"), &[]).await.unwrap();
    assert_eq!(told(&mut silent).await["closed"], 4408);
    let mut stranger = daemon.greeted(&Shown::Nothing).await;
    let opened = tokio::time::Instant::now();
    let closed = tokio::time::timeout(Duration::from_secs(120), stranger.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(read(closed)["closed"], 4408);
    assert!(opened.elapsed() >= Duration::from_secs(59), "{:?}", opened.elapsed());
}

/// Time is virtual here too.
#[tokio::test(start_paused = true)]
async fn whoever_never_reads_is_left() {
    let daemon = Daemon::start().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut socket = daemon.connect_from(socket, &daemon.token(1, "read"), &[]).await.unwrap();
    say(&mut socket, json!({"type": "hello", "version": 1})).await;
    say(&mut socket, json!({"type": "subscribe", "to": "events"})).await;
    while told(&mut socket).await["type"] != "subscribed" {}
    let large = Snapshot { microphone: Some("a".repeat(1_000_000)), ..Snapshot::default() };
    let began = tokio::time::Instant::now();
    for _ in 0..60 {
        daemon.bus.send(BusEvent::State(large.clone())).unwrap();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    daemon.sockets.closed().await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    // It never was told: nobody reads.
    drop(socket);
}
