//! Wyoming by the real daemon, with its real models: for a peer in Rust, and for the protocol's own package in Python.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use pipit_core::audio::{LISTENING_RATE, Pcm};
use pipit_core::wyoming::Event;
use support::recording::{Sound, TWELVE_TIMES_SEVEN, WHAT_TIME_IS_IT, demo, samples, silence, words_beside};
use support::wyoming::{NO_PYTHON, Peer, python};
use support::{Home, Said};

/// `pipit run`, and where others find its ear and voice.
struct Daemon {
    process: Child,
    address: String,
    /// What it logged until then.
    log: String,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Daemon {
    fn start(home: &Home, more: &str) -> Daemon {
        Daemon::listening(home, "127.0.0.1:0", more)
    }

    fn listening(home: &Home, listen: &str, more: &str) -> Daemon {
        home.configure(&format!("{}[wyoming]\nlisten = {listen:?}\n{more}", home.usual_config()));
        let mut command = home.command();
        command.env("RUST_LOG", "trace").arg("run").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut daemon = Daemon { process, address: String::new(), log: String::new(), lines };
        while daemon.address.is_empty() {
            let line = daemon.lines.next().unwrap_or_else(|| panic!("it has ended:\n{}", daemon.log)).unwrap();
            daemon.log += &line;
            daemon.log.push('\n');
            if let Some((_, address)) = line.split_once("Wyoming at ") {
                daemon.address = address.trim().to_owned();
            }
        }
        daemon
    }

    /// Ends it, and gives all that it logged.
    fn end(mut self) -> String {
        let kill = format!("kill -TERM {}", self.process.id());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        for line in self.lines.by_ref() {
            self.log += &line.unwrap();
            self.log.push('\n');
        }
        assert!(self.process.wait().unwrap().success(), "{}", self.log);
        assert!(!self.log.contains("panicked"), "{}", self.log);
        std::mem::take(&mut self.log)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.process.kill();
    }
}

fn transcribe(address: &str, pcm: &Pcm) -> String {
    let mut peer = Peer::connect(address);
    peer.send(&Event::new("transcribe").with("language", "en"));
    peer.send_sound(pcm);
    peer.next_of("transcript").text("text").unwrap().to_owned()
}

#[test]
fn what_pipit_says_pipit_understands_and_keeps_nothing_of_it() {
    let home = Home::new();
    let daemon = Daemon::start(&home, "");
    let mut peer = Peer::connect(&daemon.address);
    peer.send(&Event::new("synthesize").with("text", "What time is it?"));
    let said = peer.next_sound();
    assert_eq!(transcribe(&daemon.address, &said), "what time is it");
    let demo = Pcm::new(samples(TWELVE_TIMES_SEVEN), LISTENING_RATE);
    assert_eq!(transcribe(&daemon.address, &demo), words_beside(&support::recording::demo(TWELVE_TIMES_SEVEN)));
    // A peer that is connected keeps the daemon from nothing.
    let log = daemon.end();
    assert_eq!(home.ask("repeat that"), "I haven't said anything yet.", "no conversation came of it");
    assert!(!log.contains("twelve"), "{log}");
    assert!(!log.contains("ended_by"), "no turn came of it: {log}");
}

#[test]
fn somebody_who_speaks_is_noticed_and_so_is_the_wake_word() {
    let home = Home::new();
    let daemon = Daemon::start(&home, "[wake]\nmodel = \"openwakeword-alexa\"\n");
    let mut peer = Peer::connect(&daemon.address);
    let (quiet, words) = (silence(1.0), samples(WHAT_TIME_IS_IT));
    peer.send_sound(&Pcm::new([&quiet[..], &words, &quiet].concat(), LISTENING_RATE));
    let at = |event: Event| event.data["timestamp"].as_u64().unwrap();
    let (started, stopped) = (at(peer.next_of("voice-started")), at(peer.next_of("voice-stopped")));
    let longest = 1_000 + words.len() as u64 / 16 + 100;
    assert!((900..longest).contains(&started) && (started..longest).contains(&stopped), "{started} {stopped}");

    peer.send(&Event::new("describe"));
    let info = peer.next_of("info");
    assert_eq!(info.data["wake"][0]["models"][0]["name"], "alexa");
    let detect = Event::new("detect").with("names", serde_json::json!(["alexa"]));
    peer.send(&detect);
    peer.send_sound(&Pcm::new(words.clone(), LISTENING_RATE));
    assert_eq!(peer.next().unwrap().kind, "not-detected");
    let clips = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/wake_words/audio");
    let Ok(alexa) = pipit_models::clip::read(&clips.join("alexa_203.flac")) else {
        println!("skipped: {} is not there", clips.display());
        return;
    };
    peer.send(&detect);
    let sound = Pcm::new([&quiet[..], alexa.samples(), &words].concat(), LISTENING_RATE);
    // Its own clock began a minute ago.
    for event in pipit_core::wyoming::sound(&sound, 0.1) {
        peer.send(&event.with("timestamp", 60_000));
    }
    peer.send(&Event::audio_stop());
    let detection = peer.next().unwrap();
    assert_eq!((detection.kind.as_str(), detection.text("name")), ("detection", Some("alexa")));
    assert!((61_000..63_500).contains(&detection.data["timestamp"].as_u64().unwrap()), "{:?}", detection.data);
    peer.send(&Event::new("ping"));
    assert_eq!(peer.next().unwrap().kind, "pong", "it is told once");
    daemon.end();
}

#[test]
fn home_assistant_finds_it_where_the_network_is_told() {
    let home = Home::new();
    let daemon = Daemon::listening(&home, "0.0.0.0:0", "");
    let port: u16 = daemon.address.rsplit_once(':').unwrap().1.parse().unwrap();
    let browser = mdns_sd::ServiceDaemon::new().unwrap();
    let found = browser.browse(pipit_core::wyoming::SERVICE_TYPE).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match found.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(mdns_sd::ServiceEvent::ServiceResolved(service)) if service.get_port() == port => {
                assert!(service.get_fullname().starts_with("pipit"), "{}", service.get_fullname());
                let addresses = service.get_addresses();
                assert!(!addresses.is_empty() && addresses.iter().all(mdns_sd::ScopedIp::is_ipv4), "{addresses:?}");
                break;
            }
            Ok(_) => {}
            Err(_) => {
                println!("skipped: there is no multicast between the processes of this machine");
                break;
            }
        }
    }
    daemon.end();
}

/// A home whose ear and voice are Wyoming servers.
fn home_of_client(stt: &str, tts: &str) -> Home {
    let home = Home::new();
    let usual = home.usual_config();
    let (usual, _) = usual.split_once("[stt]").unwrap();
    home.configure(&format!(
        "{usual}[stt]\nengine = \"wyoming\"\nbase_url = \"tcp://{stt}\"\n\
         [tts]\nengine = \"wyoming\"\nbase_url = \"tcp://{tts}\"\n"
    ));
    home
}

#[test]
fn a_slow_board_has_another_pipit_listen_and_speak() {
    let home = Home::new();
    let daemon = Daemon::start(&home, "");
    let client = home_of_client(&daemon.address, &daemon.address);
    client.pipit(["say", "What time is it?", "-o", "said.wav"]).succeeded();
    let heard = client.hear(&[client.path("said.wav"), demo(TWELVE_TIMES_SEVEN)]).succeeded();
    assert_eq!(heard.transcripts(), ["what time is it", &words_beside(&demo(TWELVE_TIMES_SEVEN))]);
    assert!(!heard.err.contains("not available") && !heard.err.contains("127.0.0.1"), "{heard:?}");
    for turn in heard.turns() {
        let reply = turn["reply_wav"].as_str().unwrap();
        Sound::of(reply.as_ref()).could_be(turn["reply"].as_str().unwrap());
    }
    let tested = client.pipit(["providers", "test"]).succeeded();
    assert_eq!(tested.out.matches("answers within").count(), 2, "{tested:?}");
    let ledger = client.pipit(["ledger"]).succeeded().out;
    assert!(ledger.contains("transcription") && ledger.contains("speech") && ledger.contains("127.0.0.1"), "{ledger}");
    daemon.end();
    // Without it, what is installed here takes over.
    let alone = client.hear(&[demo(TWELVE_TIMES_SEVEN)]).succeeded();
    assert_eq!(alone.transcripts(), [words_beside(&demo(TWELVE_TIMES_SEVEN))]);
    alone.said(&["transcription service is not available", "speech service is not available"]);
}

/// Speaks with espeak-ng, and says what it heard as a number of tenths of seconds.
const SERVER: &str = r#"
import asyncio, io, subprocess, wave
from functools import partial
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStop, wav_to_chunks
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.tts import Synthesize

class Handler(AsyncEventHandler):
    seconds = 0.0

    async def handle_event(self, event):
        if Transcribe.is_type(event.type):
            assert Transcribe.from_event(event).language == "en"
        elif AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (16000, 2, 1)
            self.seconds += chunk.seconds
        elif AudioStop.is_type(event.type):
            await self.write_event(Transcript(text="what is two plus two" if self.seconds > 0.5 else "too short").event())
        elif Synthesize.is_type(event.type):
            text = Synthesize.from_event(event).text
            spoken = subprocess.run(["espeak-ng", "--stdout", text], capture_output=True, check=True).stdout
            with wave.open(io.BytesIO(spoken)) as wav:
                for chunk in wav_to_chunks(wav, 1024, start_event=True, stop_event=True):
                    await self.write_event(chunk.event())
        return True

async def main():
    server = AsyncTcpServer("127.0.0.1", 0)
    await server.start(Handler)
    print(server._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"#;

#[test]
fn the_protocols_own_server_listens_and_speaks() {
    let Some(mut python) = python() else {
        println!("{NO_PYTHON}");
        return;
    };
    let mut server = Killed(python.args(["-c", SERVER]).stdout(Stdio::piped()).spawn().unwrap());
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let address = format!("127.0.0.1:{}", port.trim());
    let home = home_of_client(&address, &address);
    let heard = home.hear(&[demo(WHAT_TIME_IS_IT)]).succeeded();
    assert_eq!(heard.transcripts(), ["what is two plus two"], "{heard:?}");
    let turn = &heard.turns()[0];
    Sound::of(turn["reply_wav"].as_str().unwrap().as_ref()).could_be(turn["reply"].as_str().unwrap());
    assert!(!heard.err.contains("not available"), "{heard:?}");
}

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads `host port wav`, and prints what it was told, a line each.
const CLIENT: &str = r#"
import asyncio, sys, wave
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioChunkConverter, AudioStart, AudioStop, wav_to_chunks
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped
from wyoming.vad import VoiceStarted, VoiceStopped
from wyoming.wake import Detect, NotDetected

host, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]

async def until(client, kind):
    while True:
        event = await asyncio.wait_for(client.read_event(), 60)
        assert event is not None, f"no {kind.__name__}"
        assert event.type != "error", event.data
        if kind.is_type(event.type):
            return kind.from_event(event)

async def hear(client, chunks):
    await client.write_event(Transcribe(language="en").event())
    for chunk in chunks:
        await client.write_event(chunk.event())
    return (await until(client, Transcript)).text

async def main():
    async with AsyncTcpClient(host, port) as client:
        for _ in range(2):
            await client.write_event(Describe().event())
            info = await until(client, Info)
        print(info.asr[0].models[0].languages, info.tts[0].voices[0].name, info.wake[0].models[0].phrase)
        print(info.asr[0].supports_transcript_streaming, info.tts[0].supports_synthesize_streaming, info.satellite)
        await client.write_event(Ping(text="here?").event())
        print((await until(client, Pong)).text)
    async with AsyncTcpClient(host, port) as client:
        with wave.open(path) as wav:
            print(await hear(client, wav_to_chunks(wav, 1024, start_event=True, stop_event=True)))
    async with AsyncTcpClient(host, port) as client:
        await client.write_event(Synthesize(text="What time is it?").event())
        start = await until(client, AudioStart)
        sound = [start]
        while not isinstance(sound[-1], AudioStop):
            event = await client.read_event()
            sound.append((AudioStop if AudioStop.is_type(event.type) else AudioChunk).from_event(event))
        print(await hear(client, sound))
    # As Home Assistant streams a reply, and then in stereo at another rate.
    async with AsyncTcpClient(host, port) as client:
        await client.write_event(SynthesizeStart().event())
        for text in ["What ti", "me is ", "it? "]:
            await client.write_event(SynthesizeChunk(text=text).event())
        await client.write_event(Synthesize(text="What time is it? ").event())
        await client.write_event(SynthesizeStop().event())
        start = await until(client, AudioStart)
        convert, sound = AudioChunkConverter(rate=48000, width=4, channels=2), []
        while True:
            event = await client.read_event()
            if AudioStop.is_type(event.type):
                break
            sound.append(convert.convert(AudioChunk.from_event(event)))
        await until(client, SynthesizeStopped)
        sound = [AudioStart(rate=48000, width=4, channels=2)] + sound + [AudioStop()]
        print(await hear(client, sound))
    async with AsyncTcpClient(host, port) as client:
        with wave.open(path) as wav:
            chunks = list(wav_to_chunks(wav, 1024, start_event=True, stop_event=True))
        await client.write_event(Detect().event())
        for chunk in chunks:
            await client.write_event(chunk.event())
        await until(client, NotDetected)
        for chunk in chunks:
            await client.write_event(chunk.event())
        started = await until(client, VoiceStarted)
        print(started.timestamp < (await until(client, VoiceStopped)).timestamp)

asyncio.run(main())
"#;

#[test]
fn the_protocols_own_client_is_served() {
    let Some(mut python) = python() else {
        println!("{NO_PYTHON}");
        return;
    };
    let home = Home::new();
    let daemon = Daemon::start(&home, "");
    let (host, port) = daemon.address.rsplit_once(':').unwrap();
    let said = Said::of(python.args(["-c", CLIENT, host, port]).arg(demo(TWELVE_TIMES_SEVEN)).output().unwrap());
    let demo = words_beside(&demo(TWELVE_TIMES_SEVEN));
    let told =
        ["['en'] pipit hey jarvis", "True True None", "here?", &demo, "what time is it", "what time is it", "True"];
    assert_eq!(said.out.lines().collect::<Vec<_>>(), told, "{said:?}");
    daemon.end();
}
