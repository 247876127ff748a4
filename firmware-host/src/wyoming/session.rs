//! What one peer asks for, and what it is answered.

use std::time::Duration;

use pipit_core::audio::{Hertz, LISTENING_RATE};
use pipit_core::turn::{Event as TurnEvent, TurnId};
use pipit_core::wyoming::{AudioFormat, Event, MonoReader, sound};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::Services;
use super::listener::{For, Heard, Listener, What};
use super::peer::{Fault, Peer};
use crate::assist::Assist;
use crate::audio::Resampler;
use crate::speech::{Dictation, INBOX, Progress, Speaking};
use crate::worker::{Endpoint, Message};

/// How long a peer that wants nothing may stay.
const IDLE: Duration = Duration::from_secs(300);
/// How long a stream of sound may have a gap.
const BETWEEN_SOUNDS: Duration = Duration::from_secs(30);
/// How long a stream of text may have one: a language model that writes it may use a tool meanwhile.
const BETWEEN_TEXTS: Duration = Duration::from_secs(60);

/// The longest speech that is transcribed.
const LONGEST: Duration = Duration::from_secs(120);

/// Seconds of sound in an event.
const PIECE: f32 = 0.1;

/// What a reply without a word in it is said to be sampled at.
const USUAL_RATE: Hertz = Hertz(22_050);

pub(super) struct Session<'a, S> {
    peer: Peer<S>,
    services: &'a Services,
    endpoint: Endpoint,
    inbox: mpsc::Receiver<Message>,
    heard: mpsc::Receiver<Heard>,
    tell: mpsc::Sender<Heard>,
    /// Requests and streams so far.
    count: u64,
    /// It asked for a transcript of the sound to come.
    transcribe: bool,
    /// It asked for the wake word to be found in it.
    detect: bool,
    stream: Option<Stream>,
    dictation: Option<Dictation>,
    listening: Option<Listening>,
    speaking: Option<Reading>,
}

/// Sound that comes in.
struct Stream {
    reader: MonoReader,
    resampler: Resampler,
    listener: Option<Listener>,
}

/// Text that is read to the peer.
struct Reading {
    speaking: Speaking,
    /// Whether the text comes in pieces.
    streaming: bool,
    /// The peer was told that sound begins.
    begun: bool,
}

/// What is being listened for, up to the end of a stream and a little longer.
struct Listening {
    stream: u64,
    listening: For,
    found: bool,
    /// When it began by the peer's own clock, if that is known, in milliseconds.
    began: Option<u64>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    pub(super) fn new(stream: S, services: &'a Services) -> Self {
        let (sender, inbox) = mpsc::channel(INBOX);
        let (tell, heard) = mpsc::channel(INBOX);
        Session {
            peer: Peer::new(stream),
            services,
            endpoint: services.models.endpoint(sender),
            inbox,
            heard,
            tell,
            count: 0,
            transcribe: false,
            detect: false,
            stream: None,
            dictation: None,
            listening: None,
            speaking: None,
        }
    }

    /// Does what the peer asks for until it goes or is left.
    pub(super) async fn run(mut self) -> Result<(), Fault> {
        let outcome = self.go_on().await;
        if let Err(fault) = &outcome {
            self.peer.leave(fault).await;
        }
        outcome
    }

    async fn go_on(&mut self) -> Result<(), Fault> {
        loop {
            let patience = self.patience();
            // Who sends more than can be transcribed waits.
            let reads = !self.dictation.as_ref().is_some_and(Dictation::is_full);
            tokio::select! {
                event = self.peer.next(patience), if reads => match event? {
                    Some(event) => self.on_event(event).await?,
                    None => return Ok(()),
                },
                Some(message) = self.inbox.recv() => self.on_worker(message).await?,
                Some(heard) = self.heard.recv() => self.on_heard(heard).await?,
            }
        }
    }

    /// How long the next event may be waited for. Whoever waits for Pipit need say nothing.
    fn patience(&self) -> Option<Duration> {
        if self.stream.is_some() || self.transcribe || self.detect {
            return Some(BETWEEN_SOUNDS);
        }
        if let Some(speaking) = &self.speaking {
            return (!speaking.speaking.has_all_its_text()).then_some(BETWEEN_TEXTS);
        }
        (self.dictation.is_none() && self.listening.is_none()).then_some(IDLE)
    }

    async fn on_event(&mut self, event: Event) -> Result<(), Fault> {
        match event.kind.as_str() {
            "describe" => self.peer.send(&self.services.info).await,
            "ping" => {
                let text = event.data.get("text").cloned().unwrap_or(Value::Null);
                self.peer.send(&Event::new("pong").with("text", text)).await
            }
            "transcribe" => self.on_transcribe(&event),
            "detect" => self.on_detect(&event),
            "audio-start" => self.begin_stream(format(&event)?),
            "audio-chunk" => self.on_sound(&event).await,
            "audio-stop" => self.end_stream().await,
            "synthesize" => self.on_text(&event).await,
            "synthesize-start" => self.begin_speaking(&event, true),
            "synthesize-chunk" => self.on_more_text(&event).await,
            "synthesize-stop" => match &mut self.speaking {
                Some(Reading { speaking, streaming: true, .. }) => {
                    speaking.end(&self.endpoint)?;
                    self.go_on_speaking().await
                }
                _ => Ok(()),
            },
            // Whatever else there is in the protocol or will be.
            _ => Ok(()),
        }
    }

    fn on_transcribe(&mut self, event: &Event) -> Result<(), Fault> {
        self.check_language(event.text("language"))?;
        if self.stream.is_some() || self.dictation.is_some() {
            return Err(refused("transcribe must come before the sound, and after the transcript of the sound before"));
        }
        self.transcribe = true;
        Ok(())
    }

    fn on_detect(&mut self, event: &Event) -> Result<(), Fault> {
        let Some(wake_word) = &self.services.wake_word else { return Err(refused("no wake word is installed here")) };
        if let Some(Value::Array(names)) = event.data.get("names")
            && !names.is_empty()
            && !names.iter().any(|name| name == wake_word)
        {
            return Err(refused(format!("the wake word here is {wake_word}, and none of those that were named")));
        }
        if self.stream.is_some() {
            return Err(refused("detect must come before the sound"));
        }
        self.detect = true;
        Ok(())
    }

    fn check_language(&self, wanted: Option<&str>) -> Result<(), Fault> {
        let known = &self.services.language;
        let main = |language: &str| language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        match wanted.filter(|wanted| !wanted.is_empty() && main(wanted) != main(known)) {
            Some(_) => Err(refused(format!("this Pipit knows the language {known} and no other"))),
            None => Ok(()),
        }
    }

    fn begin_stream(&mut self, format: AudioFormat) -> Result<(), Fault> {
        if self.stream.is_some() {
            return Err(refused("audio-start came twice without audio-stop"));
        }
        let resampler = Resampler::new(format.rate, LISTENING_RATE).map_err(|error| refused(error.to_string()))?;
        self.count += 1;
        let (transcribe, detect) = (std::mem::take(&mut self.transcribe), std::mem::take(&mut self.detect));
        if transcribe {
            let known = self.services.assist.as_ref().and_then(Assist::known);
            self.dictation = Some(Dictation::new(TurnId(self.count), LONGEST, known));
        }
        // Without a request, a peer that sends sound wants to know when somebody speaks in it.
        let listening = if detect { Some(For::WakeWord) } else { (!transcribe).then_some(For::Voice) };
        let start =
            |listening| Listener::start(self.services.open_ear.clone(), listening, self.count, self.tell.clone());
        let listener = listening.map(start).transpose()?;
        self.listening =
            listening.map(|listening| Listening { stream: self.count, listening, found: false, began: None });
        self.stream = Some(Stream { reader: MonoReader::new(format), resampler, listener });
        Ok(())
    }

    async fn on_sound(&mut self, event: &Event) -> Result<(), Fault> {
        let format = format(event)?;
        if self.stream.is_none() {
            self.begin_stream(format)?;
        }
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if stream.reader.format() != format {
            return Err(refused("the sound's format changed in the middle of it"));
        }
        if let Some(listening) = &mut self.listening {
            let timestamp = event.data.get("timestamp").and_then(Value::as_u64);
            listening.began.get_or_insert(timestamp.unwrap_or_default());
        }
        let (mut mono, mut samples) = (Vec::new(), Vec::new());
        stream.reader.push(&event.payload, &mut mono);
        stream.resampler.push(&mono, &mut samples);
        self.hear(samples).await
    }

    async fn hear(&mut self, samples: Vec<f32>) -> Result<(), Fault> {
        if let Some(dictation) = self.dictation.as_mut().filter(|dictation| !dictation.has_ended()) {
            dictation.push(&samples, &self.endpoint)?;
        }
        let Some(listener) = self.stream.as_ref().and_then(|stream| stream.listener.as_ref()) else { return Ok(()) };
        let mut sending = std::pin::pin!(listener.hear(samples));
        loop {
            // What the ear tells is taken meanwhile, so that the two never wait for each other.
            let heard = tokio::select! {
                () = &mut sending => return Ok(()),
                Some(heard) = self.heard.recv() => heard,
            };
            answer(&mut self.peer, &mut self.listening, self.services, heard).await?;
        }
    }

    async fn end_stream(&mut self) -> Result<(), Fault> {
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        let mut rest = Vec::new();
        stream.resampler.finish(&mut rest);
        self.stream = Some(stream);
        let heard = self.hear(rest).await;
        self.stream = None;
        heard?;
        if let Some(dictation) = &mut self.dictation
            && let Some(progress) = dictation.end(&self.endpoint)?
        {
            self.tell_transcript(progress, true).await?;
        }
        Ok(())
    }

    async fn on_worker(&mut self, message: Message) -> Result<(), Fault> {
        let Message::Worked { event, .. } = message else { return Ok(()) };
        match event {
            TurnEvent::Transcribed { draft, transcription } => {
                let Some(dictation) = &mut self.dictation else { return Ok(()) };
                let first = dictation.is_first();
                match dictation.transcribed(draft, transcription, &self.endpoint)? {
                    Some(progress) => self.tell_transcript(progress, first).await,
                    None => Ok(()),
                }
            }
            TurnEvent::ClauseReady { draft, clause, pcm } => self.on_clause(draft, clause, Some(pcm)).await,
            TurnEvent::ClauseFailed { draft, clause } => self.on_clause(draft, clause, None).await,
            _ => Ok(()),
        }
    }

    async fn tell_transcript(&mut self, progress: Progress, first: bool) -> Result<(), Fault> {
        let language = self.services.language.as_str();
        if first {
            self.peer.send(&Event::new("transcript-start").with("language", language)).await?;
        }
        let chunk = |text: &str| {
            let space = if first || text.is_empty() { "" } else { " " };
            Event::new("transcript-chunk").with("text", format!("{space}{}", text.trim()))
        };
        match progress {
            Progress::Part(text) => self.peer.send(&chunk(&text)).await,
            Progress::Whole { last, all } => {
                self.dictation = None;
                self.peer.send(&chunk(&last)).await?;
                self.peer.send(&Event::new("transcript").with("text", all).with("language", language)).await?;
                self.peer.send(&Event::new("transcript-stop")).await
            }
        }
    }

    async fn on_heard(&mut self, heard: Heard) -> Result<(), Fault> {
        answer(&mut self.peer, &mut self.listening, self.services, heard).await
    }

    fn begin_speaking(&mut self, event: &Event, streaming: bool) -> Result<(), Fault> {
        if self.speaking.is_some() {
            return Err(refused("another text is still being spoken; wait for its end"));
        }
        let language = event.data.get("voice").and_then(|voice| voice.get("language")).and_then(Value::as_str);
        self.check_language(language)?;
        if event.text("text_format") == Some("ssml") {
            return Err(refused("SSML is not understood here; send plain text"));
        }
        self.count += 1;
        let speaking = Speaking::new(TurnId(self.count), None);
        self.speaking = Some(Reading { speaking, streaming, begun: false });
        Ok(())
    }

    async fn on_text(&mut self, event: &Event) -> Result<(), Fault> {
        // A peer that streams its text sends all of it once more, for those who know no streaming.
        if self.speaking.as_ref().is_some_and(Reading::takes_more_text) {
            return Ok(());
        }
        let text = event.text("text").ok_or_else(|| refused("synthesize needs a text"))?;
        self.begin_speaking(event, false)?;
        if let Some(Reading { speaking, .. }) = &mut self.speaking {
            speaking.push(text, &self.endpoint)?;
            speaking.end(&self.endpoint)?;
        }
        self.go_on_speaking().await
    }

    async fn on_more_text(&mut self, event: &Event) -> Result<(), Fault> {
        let text = event.text("text").ok_or_else(|| refused("synthesize-chunk needs a text"))?;
        match self.speaking.as_mut().filter(|reading| reading.takes_more_text()) {
            Some(Reading { speaking, .. }) => Ok(speaking.push(text, &self.endpoint)?),
            None => Err(refused("synthesize-chunk must come after synthesize-start")),
        }
    }

    async fn on_clause(
        &mut self,
        draft: pipit_core::turn::DraftId,
        clause: usize,
        pcm: Option<pipit_core::audio::Pcm>,
    ) -> Result<(), Fault> {
        let Some(Reading { speaking, .. }) = &mut self.speaking else { return Ok(()) };
        speaking.spoken(draft, clause, pcm)?;
        self.go_on_speaking().await
    }

    /// Sends what is ready to be heard.
    async fn go_on_speaking(&mut self) -> Result<(), Fault> {
        let Some(Reading { speaking, streaming, begun }) = &mut self.speaking else { return Ok(()) };
        while let Some(pcm) = speaking.next(&self.endpoint)? {
            if pcm.is_empty() {
                continue;
            }
            if !std::mem::replace(begun, true) {
                self.peer.send(&Event::audio_start(pcm.rate())).await?;
            }
            for event in sound(&pcm, PIECE) {
                self.peer.send(&event).await?;
            }
        }
        if !speaking.is_over() {
            return Ok(());
        }
        let (begun, streaming) = (*begun, *streaming);
        // The voice is free to change.
        self.endpoint.cancel(speaking.draft());
        self.speaking = None;
        if !begun {
            self.peer.send(&Event::audio_start(USUAL_RATE)).await?;
        }
        self.peer.send(&Event::audio_stop()).await?;
        if streaming {
            self.peer.send(&Event::new("synthesize-stopped")).await?;
        }
        Ok(())
    }
}

impl Reading {
    fn takes_more_text(&self) -> bool {
        self.streaming && !self.speaking.has_all_its_text()
    }
}

/// Tells the peer what was heard in its stream.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    peer: &mut Peer<S>,
    listening: &mut Option<Listening>,
    services: &Services,
    Heard { stream, what }: Heard,
) -> Result<(), Fault> {
    let Some(current) = listening.as_mut().filter(|listening| listening.stream == stream) else { return Ok(()) };
    let began = current.began.unwrap_or_default();
    let at = |kind: &str, at: Duration| Event::new(kind).with("timestamp", began.saturating_add(at.as_millis() as u64));
    match what {
        What::WakeWord { at: when } => {
            current.found = true;
            let name = services.wake_word.as_deref();
            peer.send(&at("detection", when).with("name", name)).await
        }
        What::VoiceStarted { at: when } => peer.send(&at("voice-started", when)).await,
        What::VoiceStopped { at: when } => peer.send(&at("voice-stopped", when)).await,
        What::End => {
            let in_vain = current.listening == For::WakeWord && !current.found;
            *listening = None;
            if in_vain { peer.send(&Event::new("not-detected")).await } else { Ok(()) }
        }
        What::Failed(why) => {
            tracing::error!("a Wyoming peer's sound can't be listened to: {why}");
            Err(refused("there is no ear to listen with; Pipit's log says why"))
        }
    }
}

fn format(event: &Event) -> Result<AudioFormat, Fault> {
    AudioFormat::of(event).map_err(Fault::Refused)
}

fn refused(why: impl Into<String>) -> Fault {
    Fault::Refused(why.into())
}
