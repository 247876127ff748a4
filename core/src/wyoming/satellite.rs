//! Assist at the other end: what Home Assistant's Wyoming integration tells a satellite, and what that comes to.
//!
//! It asks for nothing by number, so what belongs to which request is known by the order alone. A request is answered by
//! `transcribe`, `transcript`, `synthesize`, and the reply as sound, or by `error`; where the reply is written by a language
//! model its sound may begin before its text is known. Sound that comes without a request is to be announced.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{AudioFormat, Event, MonoReader};
use crate::audio::{Pcm, duration_of, quietest, samples_in};
use crate::time::Moment;

/// A piece of a reply has at most so much sound, so that its beginning is heard while the rest is being made.
const PIECE: Duration = Duration::from_secs(3);
/// And at least so much.
const LEAST: Duration = Duration::from_secs(1);
/// The longest reply or announcement. What comes after it is not heard.
const LONGEST: Duration = Duration::from_mins(5);
/// Letters that are spoken in a second, for as long as nothing better is known.
const LETTERS: f32 = 15.0;
/// What was given up may still be answered for so long.
const DROPPED: Duration = Duration::from_secs(20);
/// So many timers are known by name.
const TIMERS: usize = 100;

/// What Assist wants, or has done.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It answers what is said from now on.
    Running,
    /// It answers nothing any more.
    Paused,
    /// It knows what was asked, and is doing it.
    Understood,
    /// More of the reply.
    Sound {
        /// The words in it, with the white space before them; empty where they are not known.
        text: String,
        /// Its sound.
        pcm: Pcm,
    },
    /// The reply is complete.
    Ended,
    /// There is no reply, or no more of it.
    Failed(Failure),
    /// This is to be announced, and whether it was is to be told by `played`.
    Announcement(Pcm),
    /// A timer of its own is over.
    TimerDone {
        /// What it is called.
        name: Option<String>,
        /// How long it ran.
        length: Duration,
    },
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It made out no words.
    NotHeard,
    /// Something else, by the name that Home Assistant has for it.
    Other(String),
    /// It has gone.
    Gone,
    /// It has said nothing for too long.
    Silent,
}

impl Failure {
    /// What to say about it.
    #[must_use]
    pub fn spoken(&self) -> &'static str {
        match self {
            Failure::NotHeard => "Sorry, Home Assistant didn't catch that.",
            Failure::Other(_) => "Sorry, Home Assistant couldn't do that. My log says why.",
            Failure::Gone => "Sorry, I lost Home Assistant before it had answered.",
            Failure::Silent => "Home Assistant has said nothing to that.",
        }
    }
}

/// What is known of Assist at the other end of one connection.
#[derive(Debug, Default)]
pub struct Assist {
    request: Request,
    stream: Option<Stream>,
    timers: BTreeMap<String, Timer>,
    /// Pings since it has paused the satellite.
    pings_in_pause: Option<u32>,
}

/// The request that was given to it last.
#[derive(Debug, Default)]
enum Request {
    /// There is none, or it is answered.
    #[default]
    None,
    /// Whatever comes yet belongs to the one before.
    Given,
    /// It is being answered.
    Heard { words: String },
    /// Nobody waits for the answer any more.
    Dropped { until: Moment },
}

#[derive(Debug)]
struct Stream {
    reader: MonoReader,
    of: Of,
    samples: Vec<f32>,
    /// Samples that came before these.
    taken: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Reply,
    Announcement,
    Nothing,
}

#[derive(Debug)]
struct Timer {
    name: Option<String>,
    length: Duration,
}

impl Assist {
    /// The event that gives it a request. The sound follows, in the events of [`super::sound`], and then `audio-stop`.
    pub fn ask(&mut self) -> Event {
        self.request = Request::Given;
        Event::new("run-pipeline").with("start_stage", "asr").with("end_stage", "tts").with("restart_on_end", false)
    }

    /// Nobody waits for the reply any more.
    pub fn drop_request(&mut self, now: Moment) {
        if matches!(self.request, Request::Given | Request::Heard { .. }) {
            self.request = Request::Dropped { until: now + DROPPED };
        }
        if let Some(stream) = self.stream.as_mut().filter(|stream| stream.of == Of::Reply) {
            stream.of = Of::Nothing;
        }
    }

    /// Whether something of it is under way that the next request would get mixed up with.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.stream.is_some()
    }

    /// Takes in what it told.
    ///
    /// # Errors
    /// It is nothing that can be, as a sentence.
    pub fn take(&mut self, now: Moment, event: &Event) -> Result<Vec<News>, String> {
        if matches!(self.request, Request::Dropped { until } if until <= now) {
            self.request = Request::None;
        }
        let one = |news| Ok(vec![news]);
        match &*event.kind {
            "run-satellite" => {
                self.pings_in_pause = None;
                one(News::Running)
            }
            "pause-satellite" => {
                self.pings_in_pause = Some(0);
                one(News::Paused)
            }
            "ping" => Ok(self.ping().into_iter().collect()),
            "transcribe" if matches!(self.request, Request::Given) => {
                self.request = Request::Heard { words: String::new() };
                Ok(Vec::new())
            }
            "transcript" if self.is_heard() => one(News::Understood),
            "synthesize" => {
                if let (Request::Heard { words }, Some(text)) = (&mut self.request, event.text("text")) {
                    text.clone_into(words);
                }
                Ok(Vec::new())
            }
            "audio-start" => self.begin(AudioFormat::of(event)?).map(|()| Vec::new()),
            "audio-chunk" => self.hear(event),
            "audio-stop" => Ok(self.end()),
            "error" => Ok(self.fail(event)),
            "timer-started" => {
                self.start_timer(event);
                Ok(Vec::new())
            }
            "timer-updated" => {
                if let (Some(timer), Some(length)) = (self.timer(event), seconds(event)) {
                    timer.length = length;
                }
                Ok(Vec::new())
            }
            "timer-cancelled" => {
                event.text("id").and_then(|id| self.timers.remove(id));
                Ok(Vec::new())
            }
            "timer-finished" => Ok(event
                .text("id")
                .and_then(|id| self.timers.remove(id))
                .map(|Timer { name, length }| News::TimerDone { name, length })
                .into_iter()
                .collect()),
            // Whatever else there is in the protocol or will be.
            _ => Ok(Vec::new()),
        }
    }

    /// No sound has come for a while: what there is of the reply need not wait for more.
    pub fn lull(&mut self) -> Option<News> {
        let stream = self.stream.as_mut().filter(|stream| stream.of == Of::Reply)?;
        let all = std::mem::take(&mut stream.samples);
        piece(&mut self.request, stream, all, false)
    }

    /// Home Assistant pings the satellite that it uses. Where it has been muted and is un-muted at once, it goes on with that without
    /// another `run-satellite`; where it stays muted, at most one more ping was on its way.
    fn ping(&mut self) -> Option<News> {
        let pings = self.pings_in_pause.as_mut()?;
        *pings += 1;
        if *pings < 2 {
            return None;
        }
        self.pings_in_pause = None;
        Some(News::Running)
    }

    fn is_heard(&self) -> bool {
        matches!(self.request, Request::Heard { .. })
    }

    fn begin(&mut self, format: AudioFormat) -> Result<(), String> {
        if self.stream.is_some() {
            return Err("audio-start came twice without audio-stop".to_owned());
        }
        let of = match self.request {
            Request::None => Of::Announcement,
            Request::Given | Request::Dropped { .. } => Of::Nothing,
            Request::Heard { .. } => Of::Reply,
        };
        self.stream = Some(Stream { reader: MonoReader::new(format), of, samples: Vec::new(), taken: 0 });
        Ok(())
    }

    fn hear(&mut self, event: &Event) -> Result<Vec<News>, String> {
        let format = AudioFormat::of(event)?;
        if self.stream.is_none() {
            self.begin(format)?;
        }
        let Some(stream) = &mut self.stream else { return Ok(Vec::new()) };
        if stream.reader.format() != format {
            return Err("the sound's format changed in the middle of it".to_owned());
        }
        let room = samples_in(LONGEST, format.rate).saturating_sub(stream.taken + stream.samples.len());
        if stream.of == Of::Nothing || room == 0 {
            return Ok(Vec::new());
        }
        stream.reader.push(&event.payload, &mut stream.samples);
        let mut news = Vec::new();
        let (least, most) = (samples_in(LEAST, format.rate), samples_in(PIECE, format.rate));
        while stream.of == Of::Reply && stream.samples.len() >= most {
            let at = least + quietest(&stream.samples[least..most], format.rate);
            let front = stream.samples.drain(..at).collect();
            news.extend(piece(&mut self.request, stream, front, false));
        }
        Ok(news)
    }

    fn end(&mut self) -> Vec<News> {
        let Some(mut stream) = self.stream.take() else { return Vec::new() };
        let samples = std::mem::take(&mut stream.samples);
        match stream.of {
            Of::Announcement => {
                let pcm = Pcm::new(samples, stream.reader.format().rate);
                if pcm.is_empty() { Vec::new() } else { vec![News::Announcement(pcm)] }
            }
            Of::Reply => {
                let last = piece(&mut self.request, &mut stream, samples, true);
                self.request = Request::None;
                last.into_iter().chain([News::Ended]).collect()
            }
            Of::Nothing => {
                if let Request::Dropped { .. } = self.request {
                    self.request = Request::None;
                }
                Vec::new()
            }
        }
    }

    fn fail(&mut self, event: &Event) -> Vec<News> {
        match std::mem::take(&mut self.request) {
            Request::None | Request::Dropped { .. } => Vec::new(),
            Request::Given | Request::Heard { .. } => {
                if let Some(stream) = &mut self.stream {
                    stream.of = Of::Nothing;
                }
                let code = event.text("code").unwrap_or_default();
                let unheard = code == "stt-no-text-recognized";
                vec![News::Failed(if unheard { Failure::NotHeard } else { Failure::Other(name(code)) })]
            }
        }
    }

    fn start_timer(&mut self, event: &Event) {
        if let (Some(id), Some(length)) = (event.text("id"), seconds(event))
            && self.timers.len() < TIMERS
        {
            let name = event.text("name").filter(|name| !name.trim().is_empty()).map(str::to_owned);
            self.timers.insert(id.to_owned(), Timer { name, length });
        }
    }

    fn timer(&mut self, event: &Event) -> Option<&mut Timer> {
        self.timers.get_mut(event.text("id")?)
    }
}

/// A piece of the reply, with about as many of its words as are heard in it; with all that are left in the `last`.
fn piece(request: &mut Request, stream: &mut Stream, samples: Vec<f32>, last: bool) -> Option<News> {
    stream.taken += samples.len();
    let rate = stream.reader.format().rate;
    let length = duration_of(samples.len(), rate);
    let text = match request {
        Request::Heard { words } => {
            let letters = if last { usize::MAX } else { (length.as_secs_f32() * LETTERS) as usize };
            let rest = words.split_off(end_of_word(words, letters));
            let before =
                if stream.taken > samples.len() && !words.is_empty() && !words.starts_with(' ') { " " } else { "" };
            format!("{before}{}", std::mem::replace(words, rest))
        }
        _ => String::new(),
    };
    (!samples.is_empty()).then(|| News::Sound { text, pcm: Pcm::new(samples, rate) })
}

/// Where the word ends in which this letter is, in bytes.
fn end_of_word(text: &str, letter: usize) -> usize {
    let from = text.char_indices().nth(letter).map_or(text.len(), |(at, _)| at);
    text[from..].find(char::is_whitespace).map_or(text.len(), |at| from + at)
}

/// The name of an error. Whatever else may stand there is nobody's to read.
fn name(code: &str) -> String {
    let is_name = !code.is_empty() && code.len() <= 60 && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_name { code.to_owned() } else { "an error without a name".to_owned() }
}

fn seconds(event: &Event) -> Option<Duration> {
    event.data.get("total_seconds").and_then(Value::as_u64).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::audio::Hertz;

    const NOW: Moment = Moment::START;
    const RATE: Hertz = Hertz(1_000 * 16);

    /// What came of each event, as a test wants to read it.
    fn told(assist: &mut Assist, events: impl IntoIterator<Item = Event>) -> String {
        let news = events.into_iter().flat_map(|event| assist.take(NOW, &event).unwrap());
        news.map(|news| describe(&news)).collect::<Vec<_>>().join(", ")
    }

    fn describe(news: &News) -> String {
        match news {
            News::Sound { text, pcm } => format!("`{text}` for {:?}", pcm.duration()),
            News::Announcement(pcm) => format!("announces {:?}", pcm.duration()),
            news => format!("{news:?}"),
        }
    }

    fn says(text: &str) -> Event {
        Event::new("synthesize").with("text", text)
    }

    /// So many seconds of sound, loud but for a gap after each two and a half.
    fn sound(seconds: usize) -> Vec<Event> {
        let samples: Vec<f32> =
            (0..16_000 * seconds).map(|at| if (39_200..40_800).contains(&(at % 80_000)) { 0.0 } else { 0.5 }).collect();
        crate::wyoming::sound(&Pcm::new(samples, RATE), 0.1).collect()
    }

    fn spoken(seconds: usize) -> Vec<Event> {
        [vec![Event::audio_start(RATE)], sound(seconds), vec![Event::audio_stop()]].concat()
    }

    fn heard() -> Assist {
        let mut assist = Assist::default();
        assert_eq!(assist.ask().kind, "run-pipeline");
        let news = told(&mut assist, ["transcribe", "voice-started", "voice-stopped", "transcript"].map(Event::new));
        assert_eq!(news, "Understood");
        assist
    }

    #[test]
    fn a_reply_comes_in_pieces_with_the_words_in_them() {
        let mut assist = heard();
        assert_eq!(told(&mut assist, [says("Turned on the lamp.")]), "");
        assert_eq!(told(&mut assist, spoken(1)), "`Turned on the lamp.` for 1s, Ended");
        let mut assist = heard();
        told(&mut assist, [says("one two three four five six seven eight nine ten eleven twelve")]);
        assert_eq!(
            told(&mut assist, spoken(5)),
            "`one two three four five six seven eight` for 2.49s, ` nine ten eleven twelve` for 2.51s, Ended"
        );
    }

    #[test]
    fn a_reply_that_is_still_being_written_is_heard_before_its_words_are_known() {
        let mut assist = heard();
        let before = [vec![Event::audio_start(RATE)], sound(1)].concat();
        assert_eq!(told(&mut assist, before), "");
        assert_eq!(assist.lull().as_ref().map(describe).unwrap(), "`` for 1s");
        assert_eq!(assist.lull(), None);
        let after = [vec![says("It is noon.")], sound(1), vec![Event::audio_stop()]].concat();
        assert_eq!(told(&mut assist, after), "` It is noon.` for 1s, Ended");
    }

    #[test]
    fn sound_without_a_request_is_an_announcement() {
        let mut assist = Assist::default();
        assert_eq!(told(&mut assist, spoken(2)), "announces 2s");
        assert_eq!(told(&mut assist, [Event::audio_start(RATE), Event::audio_stop()]), "");
        let mut assist = heard();
        told(&mut assist, spoken(1));
        assert_eq!(told(&mut assist, spoken(1)), "announces 1s", "the request has been answered");
    }

    #[test]
    fn what_belongs_to_a_request_that_was_dropped_is_not_heard() {
        let mut assist = heard();
        told(&mut assist, [vec![says("A long story"), Event::audio_start(RATE)], sound(1)].concat());
        assist.drop_request(NOW);
        assert!(assist.is_busy() && assist.lull().is_none());
        assert_eq!(told(&mut assist, [sound(1), vec![Event::audio_stop()]].concat()), "");
        assert!(!assist.is_busy());
        // Another request is given before the one that was dropped has been answered.
        let mut assist = heard();
        assist.drop_request(NOW);
        assist.ask();
        assert_eq!(told(&mut assist, [vec![says("Too late.")], spoken(1)].concat()), "");
        let next = ["transcribe", "transcript"].map(Event::new).into_iter().chain([says("In time.")]).chain(spoken(1));
        assert_eq!(told(&mut assist, next), "Understood, `In time.` for 1s, Ended");
    }

    #[test]
    fn what_was_dropped_and_never_answered_takes_nothing_for_its_own_later() {
        let mut assist = heard();
        assist.drop_request(NOW);
        let later = NOW + DROPPED;
        let news: Vec<News> = spoken(1).iter().flat_map(|event| assist.take(later, event).unwrap()).collect();
        assert_eq!(news.iter().map(describe).collect::<Vec<_>>(), ["announces 1s"]);
    }

    #[test]
    fn a_failure_ends_the_request_and_whatever_sound_it_had() {
        let error = |code: &str| Event::new("error").with("text", "no").with("code", code);
        let mut assist = heard();
        assert_eq!(told(&mut assist, [error("stt-no-text-recognized")]), "Failed(NotHeard)");
        assert_eq!(told(&mut assist, [error("again")]), "");
        assert_eq!(told(&mut heard(), [error("you\nsaid")]), "Failed(Other(\"an error without a name\"))");
        let mut assist = heard();
        let events = [vec![Event::audio_start(RATE)], sound(1), vec![error("tts-failed")], sound(1)].concat();
        assert_eq!(told(&mut assist, events), "Failed(Other(\"tts-failed\"))");
        assert_eq!(told(&mut assist, [Event::audio_stop()]), "");
    }

    #[test]
    fn a_pause_ends_where_home_assistant_goes_on_without_saying_so() {
        let mut assist = Assist::default();
        let pings = |assist: &mut Assist, n| told(assist, std::iter::repeat_n(Event::new("ping"), n));
        assert_eq!(told(&mut assist, ["run-satellite", "ping", "ping"].map(Event::new)), "Running");
        assert_eq!(told(&mut assist, ["pause-satellite"].map(Event::new)), "Paused");
        assert_eq!(pings(&mut assist, 1), "");
        assert_eq!(pings(&mut assist, 3), "Running");
        assert_eq!(told(&mut assist, ["pause-satellite", "ping", "run-satellite"].map(Event::new)), "Paused, Running");
        assert_eq!(pings(&mut assist, 2), "");
    }

    #[test]
    fn its_timers_are_known_by_name_until_they_are_over() {
        let timer = |kind: &str, id: &str| Event::new(kind).with("id", id).with("total_seconds", 300);
        let mut assist = Assist::default();
        told(&mut assist, [timer("timer-started", "a").with("name", "pizza"), timer("timer-started", "b")]);
        told(&mut assist, [timer("timer-cancelled", "b"), timer("timer-updated", "a").with("total_seconds", 360)]);
        let over = ["a", "a", "b"].map(|id| Event::new("timer-finished").with("id", id));
        assert_eq!(told(&mut assist, over), "TimerDone { name: Some(\"pizza\"), length: 360s }");
        let many = (0..1_000).map(|id| timer("timer-started", &id.to_string()));
        told(&mut assist, many);
        assert_eq!(assist.timers.len(), TIMERS);
    }

    #[test]
    fn sound_that_never_ends_and_sound_that_can_not_be() {
        let mut assist = Assist::default();
        let minute = sound(60);
        for _ in 0..6 {
            told(&mut assist, minute.clone());
        }
        assert_eq!(told(&mut assist, [Event::audio_stop()]), "announces 300s");
        let strange = Event::new("audio-chunk").with("rate", 16_000).with("width", 9).with("channels", 1);
        assert!(assist.take(NOW, &strange).is_err());
        told(&mut assist, [Event::audio_start(RATE)]);
        assert!(assist.take(NOW, &Event::audio_start(RATE)).is_err());
        assert!(assist.take(NOW, &Event::audio_start(Hertz(8_000)).carrying(vec![0])).is_err());
        let other = Event::new("audio-chunk").with("rate", 8_000).with("width", 2).with("channels", 1);
        assert!(assist.take(NOW, &other).is_err());
        for text in [json!(null), json!(3), json!({})] {
            let odd = ["synthesize", "error", "timer-started", "timer-finished"].map(Event::new);
            told(&mut heard(), odd.map(|event| event.with("text", text.clone()).with("id", text.clone())));
        }
    }
}
