//! Wyoming servers, such as wyoming-faster-whisper, wyoming-piper, or another Pipit in the house.
//!
//! Source: <https://github.com/OHF-Voice/wyoming>. A request has a connection of its own, as Home Assistant's have. A clause is
//! asked for whole, for the reason in `openai.rs`. The protocol knows neither keys nor a pace of the voice, and a recogniser
//! gives words without figures, which are believed as those of any service that gives no more.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pipit_core::audio::{Hertz, LISTENING_RATE, Pcm};
use pipit_core::wyoming::{AudioFormat, Decoder, Event, Limits, MonoReader, sound};
use serde_json::json;
use url::Url;

use super::answer::shortened;
use super::traffic::Moved;
use super::{CONNECT, RemoteRecogniser, ServiceError, ServiceSettings, unusable};
use crate::cancel::CancelFlag;
use crate::error::ModelError;
use crate::recogniser::Recogniser;
use crate::runtime::Runtime;
use crate::voice::{Engine, Opened, Voice, VoiceError, VoiceSettings};
use crate::whisper::{SegmentHeard, Transcript, judge_segments, silence};

/// The engine's line in the table of engines.
pub(crate) const ENGINE: Engine = Engine { name: "wyoming", open, voices, usual: |_| None };

/// What a server may send in one event. Its own description is the longest text, and nobody asks for that.
const LIMITS: Limits = Limits { header: 256 << 10, data: 256 << 10, payload: 4 << 20 };

/// What a server may send altogether. A clause lasts less than half a minute, which is 6 MB at 48 kHz in stereo.
const MOST: usize = 8 << 20;

/// How often the flag is looked at while an answer is waited for.
const LOOK: Duration = Duration::from_millis(5);

/// Seconds of sound in an event.
const PIECE: f32 = 0.1;

/// Piper's usual rate. What comes says its own.
const USUAL_RATE: Hertz = Hertz(22_050);

/// A server that can be asked.
struct Server {
    settings: ServiceSettings,
    host: String,
    port: u16,
}

/// Why there is no answer.
enum Fault {
    Broken(String),
    TooMuch,
    Malformed(String),
}

impl Server {
    fn new(settings: &ServiceSettings) -> Result<Server, ServiceError> {
        let wrong = || unusable(settings, "its address must be like tcp://host:port");
        let url = Url::parse(&settings.base_url).ok().filter(|url| url.scheme() == "tcp").ok_or_else(wrong)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port().ok_or_else(wrong)?;
        Ok(Server { settings: settings.clone(), host, port })
    }

    /// Sends `request`, and gives what comes up to an event of the kind `last`. `said` is what must not come back in an error,
    /// because somebody says it.
    fn ask(
        &self,
        request: &[Event],
        last: &'static str,
        said: &str,
        cancel: &CancelFlag,
    ) -> Result<Vec<Event>, ServiceError> {
        if cancel.is_cancelled() {
            return Err(ServiceError::Cancelled);
        }
        let moved = Arc::new(Moved::default());
        let outcome = self.exchange(request.iter().flat_map(Event::encode).collect(), last, cancel, &moved);
        if let Some((meter, traffic)) = self.settings.meter.as_ref().zip(moved.told(&self.host)) {
            meter(traffic);
        }
        let events = outcome?;
        match events.iter().find(|event| event.kind == "error") {
            Some(error) => {
                let text = shortened(error.text("text").unwrap_or("it does not say why"));
                let detail = if said.trim().is_empty() { text } else { text.replace(said.trim(), "[text]") };
                Err(ServiceError::Refused { service: self.name(), detail })
            }
            None => Ok(events),
        }
    }

    /// Nothing ends a look-up of a name or a connection under way, so the request has a thread of its own, which is left
    /// behind: shutting the connection ends what reads or writes at once.
    fn exchange(
        &self,
        request: Vec<u8>,
        last: &'static str,
        cancel: &CancelFlag,
        moved: &Arc<Moved>,
    ) -> Result<Vec<Event>, ServiceError> {
        let (begun, limit) = (Instant::now(), self.settings.time_limit);
        let connection = Arc::new(Connection::default());
        let (sender, receiver) = sync_channel(1);
        let (host, port, moving, connecting) =
            (self.host.clone(), self.port, Arc::clone(moved), Arc::clone(&connection));
        let started = thread::Builder::new().name("speech-request".to_owned()).spawn(move || {
            // Nobody may be waiting for it any more.
            let _ = sender.send(call(&host, port, &request, last, limit, &connecting, &moving));
        });
        started.map_err(|error| self.unavailable(format!("there is no thread for the request ({error})")))?;
        loop {
            let error = match receiver.recv_timeout(LOOK) {
                Ok(outcome) => return outcome.map_err(|fault| self.reported(fault)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.unavailable("the request's thread has failed".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) if cancel.is_cancelled() => ServiceError::Cancelled,
                Err(RecvTimeoutError::Timeout) if begun.elapsed() >= limit => {
                    ServiceError::TimedOut { service: self.name(), limit }
                }
                Err(RecvTimeoutError::Timeout) => continue,
            };
            connection.shut();
            return Err(error);
        }
    }

    fn reported(&self, fault: Fault) -> ServiceError {
        match fault {
            Fault::Broken(detail) => self.unavailable(detail),
            Fault::TooMuch => self.unreadable(format!("it sends more than {} MB", MOST >> 20)),
            Fault::Malformed(detail) => self.unreadable(detail),
        }
    }

    fn name(&self) -> String {
        self.settings.name.clone()
    }

    fn unavailable(&self, detail: String) -> ServiceError {
        ServiceError::Unavailable { service: self.name(), detail }
    }

    fn unreadable(&self, detail: impl Into<String>) -> ServiceError {
        ServiceError::Unreadable { service: self.name(), detail: detail.into() }
    }
}

/// A connection that another thread may shut.
#[derive(Default)]
struct Connection(Mutex<State>);

#[derive(Default)]
struct State {
    stream: Option<TcpStream>,
    shut: bool,
}

impl Connection {
    fn opened(&self, stream: &TcpStream) -> io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.shut {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        state.stream = Some(stream.try_clone()?);
        Ok(())
    }

    fn shut(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.shut = true;
        if let Some(stream) = state.stream.take() {
            // It may be shut already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn call(
    host: &str,
    port: u16,
    request: &[u8],
    last: &str,
    limit: Duration,
    connection: &Connection,
    moved: &Moved,
) -> Result<Vec<Event>, Fault> {
    let broken = |error: io::Error| Fault::Broken(format!("the connection broke: {}", error.kind()));
    let mut stream = connect(host, port)?;
    connection.opened(&stream).map_err(broken)?;
    // Whoever asked may be gone.
    stream.set_read_timeout(Some(limit)).and_then(|()| stream.set_write_timeout(Some(limit))).map_err(broken)?;
    let _ = stream.set_nodelay(true);
    for piece in request.chunks(64 << 10) {
        stream.write_all(piece).map_err(broken)?;
        moved.sent(piece.len() as u64);
    }
    let (mut decoder, mut events, mut buffer, mut read) = (Decoder::new(LIMITS), Vec::new(), vec![0; 16 << 10], 0);
    loop {
        let length = stream.read(&mut buffer).map_err(broken)?;
        if length == 0 {
            return Err(Fault::Broken("it hung up before it had answered".to_owned()));
        }
        moved.received(length as u64);
        read += length;
        let mut unread = &buffer[..length];
        while let Some(event) = decoder.decode(&mut unread).map_err(|error| Fault::Malformed(error.to_string()))? {
            let over = event.kind == last || event.kind == "error";
            events.push(event);
            if over {
                return Ok(events);
            }
        }
        if read > MOST {
            return Err(Fault::TooMuch);
        }
    }
}

fn connect(host: &str, port: u16) -> Result<TcpStream, Fault> {
    let unknown = || Fault::Broken("its name is not known".to_owned());
    let mut failed = None;
    for address in (host, port).to_socket_addrs().map_err(|_| unknown())? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = Some(error),
        }
    }
    Err(match failed {
        None => unknown(),
        Some(error) if error.kind() == io::ErrorKind::TimedOut => {
            Fault::Broken("there is no connection in time".to_owned())
        }
        Some(_) => Fault::Broken("there is no connection".to_owned()),
    })
}

/// Such a server as a recogniser.
pub struct WyomingTranscriber {
    server: Server,
    language: Option<String>,
}

impl WyomingTranscriber {
    /// A recogniser by the service's settings, for a language as its ISO 639 code. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ServiceError::Settings`].
    pub fn new(settings: &ServiceSettings, language: Option<String>) -> Result<WyomingTranscriber, ServiceError> {
        Ok(WyomingTranscriber { server: Server::new(settings)?, language })
    }
}

impl RemoteRecogniser for WyomingTranscriber {
    fn ask(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ServiceError> {
        if let Some(nothing) = silence(utterance) {
            return Ok(Transcript::nothing(nothing));
        }
        // A sample that is no number would be noise.
        let whole: Vec<f32> = utterance.iter().map(|sample| if sample.is_finite() { *sample } else { 0.0 }).collect();
        let mut transcribe = Event::new("transcribe");
        if let Some(language) = &self.language {
            transcribe = transcribe.with("language", language.as_str());
        }
        let model = &self.server.settings.model;
        if !model.is_empty() {
            transcribe = transcribe.with("name", model.as_str());
        }
        let pcm = Pcm::new(whole, LISTENING_RATE);
        let events = [transcribe, Event::audio_start(pcm.rate())].into_iter();
        let request: Vec<Event> = events.chain(sound(&pcm, PIECE)).chain([Event::audio_stop()]).collect();
        let answer = self.server.ask(&request, "transcript", "", cancel)?;
        let text = answer.last().and_then(|event| event.text("text"));
        let text = text.ok_or_else(|| self.server.unreadable("its transcript has no text"))?.to_owned();
        Ok(judge_segments([SegmentHeard { text, mean_log_probability: 0.0, no_speech: 0.0 }].into_iter()))
    }
}

impl Recogniser for WyomingTranscriber {
    fn transcribe(&mut self, utterance: &[f32], cancel: &CancelFlag) -> Result<Transcript, ModelError> {
        Ok(self.ask(utterance, cancel)?)
    }
}

/// A voice of such a server.
struct WyomingVoice {
    server: Server,
    voice: Option<String>,
    name: String,
    rate: Hertz,
}

impl Voice for WyomingVoice {
    fn name(&self) -> &str {
        &self.name
    }

    fn rate(&self) -> Hertz {
        self.rate
    }

    fn speak(&mut self, spoken_text: &str, cancel: &CancelFlag) -> Result<Pcm, VoiceError> {
        if cancel.is_cancelled() {
            return Err(VoiceError::Cancelled);
        }
        if !spoken_text.chars().any(char::is_alphanumeric) {
            return Ok(Pcm::new([], self.rate));
        }
        let mut request = Event::new("synthesize").with("text", spoken_text);
        if let Some(voice) = &self.voice {
            request = request.with("voice", json!({ "name": voice }));
        }
        let events = self.server.ask(&[request], "audio-stop", spoken_text, cancel)?;
        let pcm = self.read(&events)?;
        self.rate = pcm.rate();
        Ok(pcm)
    }
}

impl WyomingVoice {
    fn read(&self, events: &[Event]) -> Result<Pcm, ServiceError> {
        let (mut reader, mut samples) = (None::<MonoReader>, Vec::new());
        for event in events.iter().filter(|event| matches!(event.kind.as_str(), "audio-start" | "audio-chunk")) {
            let format = AudioFormat::of(event).map_err(|reason| self.server.unreadable(reason))?;
            let reader = reader.get_or_insert_with(|| MonoReader::new(format));
            if reader.format() != format {
                return Err(self.server.unreadable("its sound changes its format in the middle"));
            }
            reader.push(&event.payload, &mut samples);
        }
        match reader {
            Some(reader) if !samples.is_empty() => Ok(Pcm::new(samples, reader.format().rate)),
            _ => Err(self.server.unreadable("its answer has no sound in it")),
        }
    }
}

fn open(settings: &VoiceSettings, _: Option<&Runtime>) -> Opened {
    let server = Server::new(settings.service()?)?;
    let voice = settings.voice.clone();
    let name = match &voice {
        Some(voice) => format!("{} {voice}", server.settings.name),
        None => server.settings.name.clone(),
    };
    Ok(Box::new(WyomingVoice { server, voice, name, rate: USUAL_RATE }))
}

/// A server tells its voices only to whoever asks it.
fn voices(_: &VoiceSettings) -> Result<Vec<String>, VoiceError> {
    Ok(Vec::new())
}
