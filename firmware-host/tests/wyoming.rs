//! What a Wyoming peer is answered, well-behaved or not, by models that do as the test says. Where nothing works, time is
//! virtual.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use std::sync::Arc;
use std::time::Duration;

use pipit::assist::Assist;
use pipit::bus::Bus;
use pipit::worker::{ClauseText, Gauge, Job, Models, Pause, Utterance, Work, Worker, smart_turn, stt, tts};
use pipit::wyoming::{Fault, Services, converse, serve};
use pipit_core::audio::{Hertz, Pcm};
use pipit_core::load::LoadSettings;
use pipit_core::turn::{Event as TurnEvent, Overheard, Transcription};
use pipit_core::wyoming::{AudioFormat, Decoder, Event, Limits, MonoReader};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Far beyond what anything here takes, so that only what never happens fails.
const PATIENCE: Duration = Duration::from_secs(3600);

const LIMITS: Limits = Limits { header: 1 << 20, data: 1 << 20, payload: 1 << 20 };

/// A recogniser that says how much it heard, a voice that says each clause for a tenth of a second, and no ear.
fn services() -> Arc<Services> {
    fn heard(job: &Job<Utterance>) -> Transcription {
        match job.task.utterance.samples() {
            samples if samples.iter().all(|sample| *sample == 0.0) => Transcription::Silence,
            samples if samples[0] < -0.4 => Transcription::Failed,
            samples => Transcription::Words(Overheard::new(format!(" {} samples", samples.len()))),
        }
    }
    let gauge = Arc::new(Gauge::new(LoadSettings::default(), 0));
    let nothing = || Box::new(|_| anyhow::bail!("it is not used"));
    let smart_turn = smart_turn(nothing());
    let stt = with::<_, Utterance>(stt(Box::new(|_| anyhow::bail!("it is not used")), Duration::ZERO), |(), job| {
        TurnEvent::Transcribed { draft: job.draft, transcription: heard(job) }
    });
    let tts = with::<_, ClauseText>(tts(Box::new(|_| anyhow::bail!("it is not used")), Duration::ZERO), |(), job| {
        let (draft, clause, rate) = (job.draft, job.task.clause, if job.task.clause == 0 { 8_000 } else { 16_000 });
        if job.task.words.contains("mute") {
            return TurnEvent::ClauseFailed { draft, clause };
        }
        TurnEvent::ClauseReady { draft, clause, pcm: Pcm::new(vec![0.5; rate / 10], Hertz(rate as u32)) }
    });
    let models = Models::new(
        Worker::<Pause>::start(smart_turn, Arc::clone(&gauge)).unwrap().0,
        Worker::start(stt, Arc::clone(&gauge)).unwrap().0,
        Worker::start(tts, Arc::clone(&gauge)).unwrap().0,
        gauge,
    );
    Arc::new(Services::new(models, "en".to_owned(), Arc::new(|_| anyhow::bail!("there is no ear")), None))
}

/// The same work by a function.
fn with<Real, Task>(real: Work<Real, Task>, run: fn(&mut (), &Job<Task>) -> TurnEvent) -> Work<(), Task> {
    let Work { name, thread, stage, advice, share, failed, limit, begins, .. } = real;
    let load = Box::new(|_| Ok(((), "a fake".to_owned())));
    Work { name, thread, stage, advice, share, load, run, failed, limit, begins }
}

/// A peer of Pipit.
struct Peer {
    reading: ReadHalf<DuplexStream>,
    writing: WriteHalf<DuplexStream>,
    decoder: Decoder,
    read: Vec<u8>,
    attended: JoinHandle<Result<(), Fault>>,
}

impl Peer {
    fn new(services: &Arc<Services>) -> Peer {
        Peer::with_buffer(services, 1 << 20)
    }

    fn with_buffer(services: &Arc<Services>, bytes: usize) -> Peer {
        let (ours, theirs) = duplex(bytes);
        let services = Arc::clone(services);
        let attended = tokio::spawn(async move { converse(theirs, &services).await });
        let (reading, writing) = split(ours);
        Peer { reading, writing, decoder: Decoder::new(LIMITS), read: Vec::new(), attended }
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.writing.write_all(bytes).await.unwrap();
    }

    async fn send(&mut self, event: Event) {
        self.write(&event.encode()).await;
    }

    /// The next event, or nothing where Pipit has hung up.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let mut unread = &self.read[..];
            let event = self.decoder.decode(&mut unread).unwrap();
            self.read.drain(..self.read.len() - unread.len());
            if event.is_some() {
                return event;
            }
            let read =
                timeout(PATIENCE, self.reading.read_buf(&mut self.read)).await.expect("something comes").unwrap();
            if read == 0 {
                return None;
            }
        }
    }

    /// The kinds of the events up to one of this kind, each run of one kind once, and that event.
    async fn until(&mut self, kind: &str) -> (String, Event) {
        let mut kinds: Vec<String> = Vec::new();
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("no {kind} after {kinds:?}"));
            if kinds.last() != Some(&event.kind) {
                kinds.push(event.kind.clone());
            }
            if event.kind == kind {
                return (kinds.join(" "), event);
            }
        }
    }

    /// The next event says why Pipit leaves, and it does.
    async fn why_left(mut self) -> String {
        let (_, error) = self.until("error").await;
        assert!(self.next().await.is_none(), "nothing follows");
        assert!(self.attended.await.unwrap().is_err());
        format!("{}: {}", error.text("code").unwrap(), error.text("text").unwrap())
    }
}

/// Sound of a format, as an event.
fn chunk(rate: u32, width: u32, channels: u32, bytes: Vec<u8>) -> Event {
    Event::new("audio-chunk").with("rate", rate).with("width", width).with("channels", channels).carrying(bytes)
}

/// A tenth of a second at 16 kHz in 16 bits.
fn tenth(sample: i16) -> Event {
    chunk(16_000, 2, 1, sample.to_le_bytes().repeat(1_600))
}

fn start() -> Event {
    Event::audio_start(Hertz(16_000))
}

#[tokio::test]
async fn what_pipit_has_given_to_assist_is_not_transcribed_once_more() {
    let (assist, services) = (Assist::new(Bus::new(None)), Arc::try_unwrap(services()).ok().unwrap());
    let services = Arc::new(services.knowing(assist.clone()));
    let sample = |at: usize| (at % 900) as i16 + 1;
    let samples: Vec<f32> = (0..32_000).map(|at| f32::from(sample(at)) / 32_768.0).collect();
    assist.gives("turn on the lamp".to_owned(), samples);
    let heard = async |length: usize, changed: Option<usize>| {
        let mut peer = Peer::new(&services);
        peer.send(Event::new("transcribe")).await;
        for from in (0..length).step_by(1_600) {
            let bytes = (from..from + 1_600).flat_map(|at| sample(at + usize::from(changed == Some(at))).to_le_bytes());
            peer.send(chunk(16_000, 2, 1, bytes.collect())).await;
        }
        peer.send(Event::audio_stop()).await;
        peer.until("transcript").await.1.text("text").unwrap().to_owned()
    };
    assert_eq!(heard(32_000, None).await, "turn on the lamp");
    assert_eq!(heard(16_000, None).await, "turn on the lamp", "Home Assistant took a pause for the end");
    assert_eq!(heard(32_000, Some(20_000)).await, "32000 samples", "somebody else's sound");
    assert_eq!(heard(3_200, None).await, "3200 samples", "too little to be sure");
    assist.is_done();
    assert_eq!(heard(32_000, None).await, "32000 samples");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_is_answered_as_often_as_it_is_asked() {
    let services = services();
    let mut peer = Peer::new(&services);
    for _ in 0..2 {
        peer.send(Event::new("describe")).await;
        let info = peer.next().await.unwrap();
        let known = |part: &str| info.data[part].as_array().unwrap().len();
        assert_eq!((known("asr"), known("tts"), known("wake"), known("mic")), (1, 1, 0, 0), "there is no wake word");
        assert_eq!(info.data["asr"][0]["models"][0]["languages"], json!(["en"]));
    }
    peer.send(Event::new("somersault").with("text", "unknown").carrying(vec![0; 5_000])).await;
    peer.send(Event::new("audio-stop")).await;
    peer.send(Event::new("ping").with("text", "hello")).await;
    assert_eq!(peer.next().await, Some(Event::new("pong").with("text", "hello")));
    drop((peer.writing, peer.reading));
    assert!(peer.attended.await.unwrap().is_ok());
}

#[tokio::test]
async fn speech_is_transcribed_in_whatever_format_it_comes() {
    let services = services();
    let mut peer = Peer::new(&services);
    let formats = [(16_000, 2, 1), (48_000, 4, 2), (44_100, 3, 1), (8_000, 1, 6)];
    for (rate, width, channels) in formats {
        peer.send(Event::new("transcribe").with("language", "en-US")).await;
        peer.send(Event::new("audio-start").with("rate", rate).with("width", width).with("channels", channels)).await;
        // Half of the loudest there is, and in pieces that cut frames.
        let sample: Vec<u8> = if width == 1 { vec![192] } else { [vec![0; width as usize - 1], vec![0x40]].concat() };
        let second = sample.repeat((rate * channels) as usize);
        for piece in second.chunks(10_007) {
            peer.send(chunk(rate, width, channels, piece.to_vec())).await;
        }
        peer.send(Event::new("audio-stop")).await;
        let (kinds, transcript) = peer.until("transcript").await;
        assert_eq!(kinds, "transcript-start transcript-chunk transcript");
        assert_eq!(transcript.text("text"), Some("16000 samples"), "{rate} Hz, {width} bytes, {channels} channels");
        assert_eq!(peer.next().await.unwrap().kind, "transcript-stop");
    }
    for silent in [vec![], vec![tenth(0)]] {
        peer.send(Event::new("transcribe")).await;
        peer.send(start()).await;
        for event in silent {
            peer.send(event).await;
        }
        peer.send(Event::new("audio-stop")).await;
        assert_eq!(peer.until("transcript").await.1.text("text"), Some(""));
    }
}

#[tokio::test]
async fn long_speech_is_transcribed_while_it_is_spoken() {
    let services = services();
    let mut peer = Peer::new(&services);
    peer.send(Event::new("transcribe")).await;
    peer.send(start()).await;
    for at in 0..250 {
        // After seven seconds and after fourteen it is quiet.
        peer.send(tenth(if matches!(at, 70..72 | 140..142) { 1 } else { 9_000 })).await;
    }
    let first = peer.until("transcript-chunk").await.1;
    let length: usize = first.text("text").unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((112_000..115_200).contains(&length), "it is cut where it is quiet: {length}");
    peer.send(Event::new("audio-stop")).await;
    let (kinds, transcript) = peer.until("transcript").await;
    assert_eq!(kinds, "transcript-chunk transcript");
    let text = transcript.text("text").unwrap();
    let lengths: Vec<usize> = text.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert_eq!((lengths.iter().sum::<usize>(), lengths[0]), (400_000, length), "{text}");
    assert!(lengths.len() >= 3 && lengths.iter().all(|length| *length < 160_000), "{text}");
}

#[tokio::test]
async fn a_text_is_spoken_clause_by_clause() {
    let services = services();
    let mut peer = Peer::new(&services);
    peer.send(Event::new("synthesize").with("text", "It is nine. The kettle is on, and the door is open.")).await;
    let (kinds, _) = peer.until("audio-stop").await;
    assert_eq!(kinds, "audio-start audio-chunk audio-stop");
    for nothing in ["", "***"] {
        peer.send(Event::new("synthesize").with("text", nothing)).await;
        assert_eq!(peer.until("audio-stop").await.0, "audio-start audio-stop", "{nothing:?}");
    }
}

#[tokio::test]
async fn the_first_clause_is_heard_before_the_last_is_written() {
    let services = services();
    let mut peer = Peer::new(&services);
    peer.send(Event::new("synthesize-start").with("voice", json!({ "name": "pipit" }))).await;
    for text in ["The kettle is on the sto", "ve. And the d", "oor"] {
        peer.send(Event::new("synthesize-chunk").with("text", text)).await;
    }
    let started = peer.next().await.unwrap();
    let format = AudioFormat::of(&started).unwrap();
    assert_eq!((started.kind.as_str(), format.rate), ("audio-start", Hertz(8_000)));
    let mut sound = Vec::new();
    let mut reader = MonoReader::new(format);
    let first = peer.next().await.unwrap();
    reader.push(&first.payload, &mut sound);
    assert_eq!(sound.len(), 800);
    peer.send(Event::new("synthesize-chunk").with("text", " is open.")).await;
    // It is there for those who know no streaming.
    peer.send(Event::new("synthesize").with("text", "The kettle is on the stove. And the door is open.")).await;
    peer.send(Event::new("synthesize-stop")).await;
    let last = peer.next().await.unwrap();
    assert_eq!(AudioFormat::of(&last).unwrap(), format, "a voice of another rate does not change the stream's");
    reader.push(&last.payload, &mut sound);
    assert_eq!(sound.len(), 1_600);
    assert_eq!(peer.until("synthesize-stopped").await.0, "audio-stop synthesize-stopped", "it is said once");
    peer.send(Event::new("synthesize").with("text", "Again.")).await;
    assert_eq!(peer.until("audio-stop").await.0, "audio-start audio-chunk audio-stop");
}

#[tokio::test]
async fn what_can_not_be_done_is_told() {
    let services = services();
    let text = |text: &str| Event::new("synthesize").with("text", text);
    let two_minutes = vec![tenth(1); 1_201];
    let cases = [
        (
            vec![Event::new("transcribe").with("language", "de")],
            "refused: this Pipit knows the language en and no other",
        ),
        (
            vec![text("x").with("voice", json!({ "language": "fr-FR" }))],
            "refused: this Pipit knows the language en and no other",
        ),
        (vec![text("<speak/>").with("text_format", "ssml")], "refused: SSML is not understood here; send plain text"),
        (vec![text(&"word ".repeat(2_001))], "refused: no more than 10000 letters are spoken at once"),
        (vec![text("Be mute.")], "refused: the text could not be spoken; Pipit's log says why"),
        (vec![Event::new("synthesize")], "refused: synthesize needs a text"),
        (
            vec![Event::new("synthesize-chunk").with("text", "x")],
            "refused: synthesize-chunk must come after synthesize-start",
        ),
        (
            vec![Event::new("synthesize-start"), Event::new("synthesize-start")],
            "refused: another text is still being spoken; wait for its end",
        ),
        (vec![Event::new("detect")], "refused: no wake word is installed here"),
        (vec![start()], "refused: there is no ear to listen with; Pipit's log says why"),
        (vec![Event::new("transcribe"), start(), start()], "refused: audio-start came twice without audio-stop"),
        (
            vec![Event::new("transcribe"), start(), Event::new("transcribe")],
            "refused: transcribe must come before the sound, and after the transcript of the sound before",
        ),
        (
            vec![Event::new("transcribe"), start(), chunk(16_000, 1, 1, vec![0])],
            "refused: the sound's format changed in the middle of it",
        ),
        (vec![Event::new("transcribe"), chunk(16_000, 9, 1, vec![0])], "refused: audio-chunk needs width from 1 to 4"),
        (
            vec![Event::new("transcribe"), start(), tenth(-20_000), Event::audio_stop()],
            "refused: the speech could not be transcribed; Pipit's log says why",
        ),
        (
            [vec![Event::new("transcribe"), start()], two_minutes].concat(),
            "refused: no more than 120 s are transcribed at once",
        ),
    ];
    for (events, told) in cases {
        let mut peer = Peer::with_buffer(&services, 8 << 20);
        for event in events {
            peer.send(event).await;
        }
        assert_eq!(peer.why_left().await, told);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_lies_about_lengths_is_left() {
    let services = services();
    let cases: [(&[u8], &str); 5] = [
        (
            b"{\"type\": \"describe\", \"payload_length\": 99999999999}\n",
            "malformed: an event's payload is longer than 1048576 bytes",
        ),
        (
            b"{\"type\": \"describe\", \"data_length\": 65537}\n",
            "malformed: an event's data is longer than 65536 bytes",
        ),
        (b"{\"type\": \"describe\", \"data_length\": -1}\n", "malformed: an event's data_length is no number of bytes"),
        (b"GET / HTTP/1.1\r\nhost: pipit\r\n\r\n", "malformed: an event's header is no JSON object"),
        (&[b' '; 70_000], "malformed: an event's header is longer than 65536 bytes"),
    ];
    for (bytes, told) in cases {
        let mut peer = Peer::new(&services);
        peer.write(bytes).await;
        assert_eq!(peer.why_left().await, told);
    }
    // What is promised and follows is no event, but no lie either.
    let mut peer = Peer::new(&services);
    peer.write(b"{\"type\": \"x\", \"payload_length\": 21}\n{\"type\": \"describe\"}\n{\"type\": \"ping\"}\n").await;
    assert_eq!(peer.next().await.unwrap().kind, "pong");
    // Half a header, and gone.
    let mut peer = Peer::new(&services);
    peer.write(b"{\"type\": \"descr").await;
    drop((peer.writing, peer.reading));
    assert!(matches!(peer.attended.await.unwrap(), Err(Fault::Gone(_))));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stalls_is_left() {
    let services = services();
    let begun = tokio::time::Instant::now();
    let mut peer = Peer::new(&services);
    let (seconds, half) = (|| begun.elapsed().as_secs(), b"{\"type\": \"synthesize\", \"data_length\": 90}\n{");
    peer.write(half).await;
    // Now and then a byte makes no difference.
    let mut slow = Peer::new(&services);
    let dripping = tokio::spawn(async move {
        while slow.writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    assert_eq!(peer.why_left().await, "stalled: an event was not whole in time");
    assert_eq!(seconds(), 10);
    dripping.await.unwrap();
    assert!((10..13).contains(&seconds()), "{}", seconds());

    for (events, after) in [
        (vec![], 300),
        (vec![Event::new("ping")], 300),
        (vec![Event::new("transcribe"), start(), tenth(1)], 30),
        (vec![Event::new("transcribe")], 30),
        (vec![Event::new("synthesize-start")], 60),
    ] {
        let (mut peer, begun) = (Peer::new(&services), tokio::time::Instant::now());
        for event in events {
            peer.send(event).await;
        }
        assert_eq!(peer.why_left().await, "stalled: nothing came for too long");
        assert_eq!(begun.elapsed().as_secs(), after);
    }

    // Who asks and never reads is left, too.
    let mut deaf = Peer::with_buffer(&services, 512);
    deaf.send(Event::new("describe")).await;
    assert!(matches!(deaf.attended.await.unwrap(), Err(Fault::Stalled("nothing was taken for too long"))));
}

#[tokio::test]
async fn a_crowd_is_let_in_as_far_as_there_is_room() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let server = tokio::spawn(serve(listener, services(), stop.clone()));
    let mut peers = Vec::new();
    for _ in 0..16 {
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(&Event::new("ping").encode()).await.unwrap();
        assert!(answer(&mut peer).await.contains("pong"));
        peers.push(peer);
    }
    for _ in 0..40 {
        let mut refused = TcpStream::connect(address).await.unwrap();
        assert!(answer(&mut refused).await.contains("too many are connected"));
    }
    drop(peers.pop());
    loop {
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(&Event::new("ping").encode()).await.unwrap();
        if answer(&mut peer).await.contains("pong") {
            break;
        }
    }
    stop.cancel();
    timeout(PATIENCE, server).await.unwrap().unwrap();
    for peer in &mut peers {
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"", "they are let go at the end");
    }
}

/// What is answered first.
async fn answer(peer: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4_096];
    match peer.read(&mut bytes).await {
        Ok(read) => String::from_utf8_lossy(&bytes[..read]).into_owned(),
        Err(error) => error.to_string(),
    }
}
