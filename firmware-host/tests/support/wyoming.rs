//! A Wyoming peer over TCP, in Rust, and the protocol's own Python package where that is installed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use pipit_core::audio::{Hertz, Pcm};
use pipit_core::wyoming::{AudioFormat, Decoder, Event, Limits, MonoReader, sound};

use super::sound_server::PATIENCE;

/// The other end of a connection.
pub(crate) struct Peer {
    stream: TcpStream,
    decoder: Decoder,
    unread: Vec<u8>,
}

impl Peer {
    pub(crate) fn connect(address: &str) -> Peer {
        Peer::of(TcpStream::connect(address).unwrap())
    }

    pub(crate) fn of(stream: TcpStream) -> Peer {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let limits = Limits { header: 1 << 20, data: 1 << 20, payload: 1 << 20 };
        Peer { stream, decoder: Decoder::new(limits), unread: Vec::new() }
    }

    pub(crate) fn send(&mut self, event: &Event) {
        self.stream.write_all(&event.encode()).unwrap();
    }

    /// Sends sound of 16 bits between its beginning and its end.
    pub(crate) fn send_sound(&mut self, pcm: &Pcm) {
        self.send(&Event::audio_start(pcm.rate()));
        sound(pcm, 0.1).for_each(|event| self.send(&event));
        self.send(&Event::audio_stop());
    }

    /// The next event, or nothing where the other one has hung up.
    pub(crate) fn next(&mut self) -> Option<Event> {
        loop {
            let mut unread = &self.unread[..];
            let event = self.decoder.decode(&mut unread).unwrap();
            self.unread.drain(..self.unread.len() - unread.len());
            if event.is_some() {
                return event;
            }
            let mut bytes = [0; 4_096];
            match self.stream.read(&mut bytes).unwrap() {
                0 => return None,
                read => self.unread.extend_from_slice(&bytes[..read]),
            }
        }
    }

    /// The first event of this kind that comes.
    #[track_caller]
    pub(crate) fn next_of(&mut self, kind: &str) -> Event {
        while let Some(event) = self.next() {
            if event.kind == kind {
                return event;
            }
            assert!(event.kind != "error", "{:?}", event.text("text"));
        }
        panic!("it hung up before any {kind}");
    }

    /// All sound up to its end.
    pub(crate) fn next_sound(&mut self) -> Pcm {
        let format = AudioFormat::of(&self.next_of("audio-start")).unwrap();
        let (mut reader, mut samples) = (MonoReader::new(format), Vec::new());
        loop {
            match self.next().expect("it ends") {
                event if event.kind == "audio-stop" => return Pcm::new(samples, Hertz(format.rate.0)),
                event => reader.push(&event.payload, &mut samples),
            }
        }
    }
}

/// What is said where [`python`] finds none.
pub(crate) const NO_PYTHON: &str =
    "skipped: there is no Python with the package `wyoming`; PIPIT_TEST_PYTHON may name one";

/// A Python that has the package `wyoming`: the one that PIPIT_TEST_PYTHON names, or the system's.
pub(crate) fn python() -> Option<Command> {
    let python = std::env::var_os("PIPIT_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let has = Command::new(&python).args(["-c", "import wyoming"]).output();
    has.is_ok_and(|output| output.status.success()).then(|| Command::new(python))
}
