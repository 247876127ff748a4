//! Whether Pipit is being spoken to: when it may listen at all, and which of what it hears is a request.
//!
//! Asleep, it hears nothing but what wakes it; after a wake, and after each reply, it listens for a while. What was said
//! before is nobody's: the type [`Overheard`] keeps it from being shown, logged, stored or sent until
//! [`Attention::judge`] has said that it was meant for Pipit, and what was not is dropped there.
//!
//! Nothing here recognises a wake word or reads a button; it is told. What a request leads to is no affair of this module.

mod overheard;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::overheard::Overheard;
use crate::ear::{Address, WakePhrases};
use crate::time::Moment;

/// How long Pipit listens after a wake for the request to begin.
const REQUEST_WINDOW: Duration = Duration::from_secs(8);
/// A wake-word model fires at the end of its word, so what it fired upon began up to this long before. openWakeWord fires
/// 0.5 to 1.1 s after the beginning of "alexa" and "jarvis" where these were said without a pause.
const WAKE_WORD_LENGTH: Duration = Duration::from_millis(1200);
/// Words of other talk that may fit into [`WAKE_WORD_LENGTH`] before a short wake word. They are dropped.
const WORDS_BEFORE_WAKE_WORD: usize = 3;
/// How long before the end of its word a wake-word model may fire. What goes on for longer is more than the word.
const WAKE_WORD_TAIL: Duration = Duration::from_millis(300);
/// People begin to speak while their finger goes down.
const BEFORE_BUTTON: Duration = Duration::from_millis(500);
/// A button that is held shorter than this was tapped: Pipit then listens as after a wake.
const TAP: Duration = Duration::from_millis(500);
/// A score of this share of the threshold was nearly a wake.
const NEARLY: f32 = 0.5;
/// A wake this long after something that was nearly one says that that was missed: whoever is not heard says it again.
const SAID_AGAIN: std::ops::RangeInclusive<Duration> = Duration::from_millis(1500)..=Duration::from_secs(6);

/// What makes Pipit listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakeMode {
    /// Nothing need: it always does.
    Always,
    /// A button, while it is held or after a tap.
    PushToTalk,
    /// Words at the beginning of what is said, read in the transcript.
    Phrase,
    /// A model that knows one phrase by its sound.
    OpenWakeWord,
}

impl WakeMode {
    /// All of them, the one in which the least is listened to first.
    pub const ALL: [WakeMode; 4] = [WakeMode::PushToTalk, WakeMode::OpenWakeWord, WakeMode::Phrase, WakeMode::Always];

    /// The name by which the configuration and everybody else knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WakeMode::Always => "always",
            WakeMode::PushToTalk => "push-to-talk",
            WakeMode::Phrase => "phrase",
            WakeMode::OpenWakeWord => "openwakeword",
        }
    }

    /// How much is listened to, from nothing on: its place in [`WakeMode::ALL`].
    #[must_use]
    pub fn reach(self) -> usize {
        WakeMode::ALL.iter().position(|mode| *mode == self).unwrap_or(WakeMode::ALL.len())
    }
}

/// When Pipit takes itself to be spoken to.
#[derive(Clone, Debug, PartialEq)]
pub struct AttentionSettings {
    /// What makes it listen.
    pub mode: WakeMode,
    /// The phrases that wake it in [`WakeMode::Phrase`], or what the model of [`WakeMode::OpenWakeWord`] listens for. In
    /// every mode they are taken off the front of a request.
    pub phrases: WakePhrases,
    /// The model's score, 0.0..=1.0, from which it is a wake.
    pub threshold: f32,
    /// How long after a reply it listens without having been woken.
    pub follow_up: Duration,
}

impl AttentionSettings {
    /// The score below which nothing need be told of what the wake-word model has heard.
    #[must_use]
    pub fn least_score(&self) -> f32 {
        self.threshold * NEARLY
    }
}

impl Default for AttentionSettings {
    fn default() -> Self {
        AttentionSettings {
            mode: WakeMode::Always,
            phrases: WakePhrases::new(["hey pipit"]).expect("it has seven sounds, and a test makes it"),
            threshold: 0.5,
            follow_up: Duration::from_secs(8),
        }
    }
}

/// What may be done with speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Nothing: it may be neither transcribed nor kept.
    Ignore,
    /// It may be transcribed on this machine, as a draft that nobody but [`Attention::judge`] sees.
    Overhear,
    /// It is meant for Pipit.
    Attend {
        /// How much of it, from its start, was said before Pipit was woken and must not be transcribed.
        skip: Duration,
    },
}

/// Whom a transcript was meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not for Pipit.
    NotForPipit {
        /// Whether it sounded much like the wake phrase.
        nearly: bool,
    },
    /// Pipit was addressed and nothing else: the request is still to come.
    Addressed,
    /// A request.
    Request {
        /// What is wanted, without the wake phrase.
        text: String,
        /// Whether it was the phrase in front of it that made it one.
        woke: bool,
    },
}

/// How well waking works, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WakeCounters {
    /// Times that Pipit was woken by a word or a phrase.
    pub wakes: u64,
    /// Wakes after which no request came.
    pub false_accepts: u64,
    /// Attempts that were not heard, as far as can be known: nearly a wake, and soon after it a wake.
    pub misses: u64,
}

/// The attention that one place is paid.
#[derive(Debug)]
pub struct Attention {
    settings: AttentionSettings,
    /// The newest time in which speech is attended to; it may be over.
    window: Option<Window>,
    /// Since when the button is held.
    button_down: Option<Moment>,
    /// Whether a request is being answered, or Pipit speaks.
    conversing: bool,
    /// The latest time that it was told.
    seen: Moment,
    /// A wake that no request has followed yet.
    unanswered: Option<Unanswered>,
    /// The first thing of late that was nearly a wake.
    nearly: Option<Moment>,
    counters: WakeCounters,
}

/// A time in which speech is attended to.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Moment,
    /// Speech that begins later is not attended to, unless something holds the window open.
    until: Moment,
    /// How long before `from` speech may have begun for the rest of it to be attended to.
    reach_back: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Unanswered {
    /// Whether speech has begun that may be the request.
    speech: bool,
}

impl Attention {
    /// Asleep, unless the mode is [`WakeMode::Always`].
    #[must_use]
    pub fn new(settings: AttentionSettings) -> Attention {
        let counters = WakeCounters::default();
        Attention {
            settings,
            window: None,
            button_down: None,
            conversing: false,
            seen: Moment::START,
            unanswered: None,
            nearly: None,
            counters,
        }
    }

    /// What makes it listen.
    #[must_use]
    pub fn mode(&self) -> WakeMode {
        self.settings.mode
    }

    /// Somebody else was meant: falls asleep again, unless a button is held. That was no false wake.
    pub fn stand_down(&mut self) {
        self.unanswered = None;
        self.conversing = false;
        if !self.is_held_open() {
            self.window = None;
        }
    }

    /// Listens in this mode from now on. What woke it before counts no more, unless a button is held or somebody is being
    /// answered.
    pub fn set_mode(&mut self, mode: WakeMode) {
        self.settings.mode = mode;
        self.unanswered = None;
        self.nearly = None;
        if !self.is_held_open() {
            self.window = None;
        }
    }

    /// What may be done with speech that began at `started`. Ask anew whenever something is about to be done: a
    /// wake or a button in the middle of speech changes the answer.
    #[must_use]
    pub fn admission(&self, started: Moment) -> Admission {
        let whole = Admission::Attend { skip: Duration::ZERO };
        if self.settings.mode == WakeMode::Always {
            return whole;
        }
        match self.window_for(started) {
            Some(window) if started >= window.from => whole,
            Some(window) => Admission::Attend { skip: (window.from - window.reach_back).saturating_since(started) },
            None if self.settings.mode == WakeMode::Phrase => Admission::Overhear,
            None => Admission::Ignore,
        }
    }

    /// Whether speech that began now would be attended to.
    #[must_use]
    pub fn is_awake(&self, now: Moment) -> bool {
        matches!(self.admission(now), Admission::Attend { .. })
    }

    /// Whether Pipit was woken and listens, with nobody speaking yet or a request being answered.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.settings.mode != WakeMode::Always && self.is_awake(self.seen)
    }

    /// Whether the wake-word model has to listen: only asleep, and where there is one.
    #[must_use]
    pub fn wants_wake_word(&self) -> bool {
        self.settings.mode == WakeMode::OpenWakeWord && !self.is_awake(self.seen)
    }

    /// Whether speech from `started` to `ended` was the wake word and nothing more. The model knows that better than a
    /// recogniser, which makes other words of a name that it has never heard.
    #[must_use]
    pub fn was_wake_word_alone(&self, started: Moment, ended: Moment) -> bool {
        self.window_for(started).is_some_and(|window| {
            window.reach_back == WAKE_WORD_LENGTH && started < window.from && ended <= window.from + WAKE_WORD_TAIL
        })
    }

    /// Says whom the transcript of speech that began at `started` was meant for. Changes nothing, so that drafts can be
    /// judged; what comes of it is told by [`Attention::settled`].
    #[must_use]
    pub fn judge(&self, started: Moment, overheard: Overheard) -> Verdict {
        self.judge_as(self.admission(started), started, overheard)
    }

    /// As [`Attention::judge`], of speech that was kept because of this `admission`. A wake since then changes nothing:
    /// the words from before it are among those that are judged.
    pub(super) fn judge_as(&self, admission: Admission, started: Moment, overheard: Overheard) -> Verdict {
        let woken_within = self.window_for(started).is_some_and(|window| started < window.from);
        let phrases = &self.settings.phrases;
        let text = overheard.disclose();
        if admission == Admission::Ignore || !text.contains(char::is_alphanumeric) {
            return Verdict::NotForPipit { nearly: false };
        }
        let woke = admission == Admission::Overhear;
        let address = match self.settings.mode {
            // The model has heard its phrase, whatever the recogniser made of it.
            WakeMode::OpenWakeWord if woken_within => match phrases.find_after(&text, WORDS_BEFORE_WAKE_WORD) {
                Address::Perhaps(rest) => Address::ToPipit(rest),
                address => address,
            },
            _ => phrases.find(&text),
        };
        match address {
            // Where it need not be called, it has been told its name and nothing else, and may say what it makes of that.
            Address::ToPipit("") if self.settings.mode == WakeMode::Always => Verdict::Request { text, woke },
            Address::ToPipit("") => Verdict::Addressed,
            Address::ToPipit(request) => Verdict::Request { text: request.to_owned(), woke },
            address if woke => Verdict::NotForPipit { nearly: matches!(address, Address::Perhaps(_)) },
            _ => Verdict::Request { text, woke },
        }
    }

    /// Speech has begun.
    pub fn speech_started(&mut self, now: Moment) -> Admission {
        self.lapse(now);
        if let (Some(_), Some(unanswered)) = (self.window_for(now), &mut self.unanswered) {
            unanswered.speech = true;
        }
        self.admission(now)
    }

    /// The verdict on speech that began at `started` holds: its turn is committed, or it was nobody's.
    pub fn settled(&mut self, started: Moment, now: Moment, verdict: &Verdict) {
        match verdict {
            Verdict::NotForPipit { nearly } => {
                if *nearly {
                    self.nearly_woken(now);
                }
                self.came_to_nothing(now);
            }
            Verdict::Addressed => self.wake(now, Duration::ZERO),
            Verdict::Request { woke, .. } => {
                if *woke {
                    self.count_wake(now);
                }
                self.unanswered = None;
                self.converse(started, now);
            }
        }
    }

    /// Speech that had begun held no words, or none that could be understood.
    pub fn came_to_nothing(&mut self, now: Moment) {
        if let Some(unanswered) = &mut self.unanswered {
            unanswered.speech = false;
        }
        self.lapse(now);
    }

    /// The wake-word model has given a score, 0.0..=1.0; it need not be asked in other modes than its own. Says whether
    /// this woke Pipit.
    pub fn wake_word_scored(&mut self, now: Moment, score: f32) -> bool {
        self.lapse(now);
        let threshold = self.settings.threshold;
        // Awake, it is not listened for: the last syllable of the word that woke Pipit scores high too.
        if self.settings.mode != WakeMode::OpenWakeWord || self.window_for(now).is_some() {
            return false;
        }
        let woken = score >= threshold;
        if woken {
            self.wake(now, WAKE_WORD_LENGTH);
        } else if score >= self.settings.least_score() {
            self.nearly_woken(now);
        }
        woken
    }

    /// The button went down. In every mode it makes Pipit listen.
    pub fn button_pressed(&mut self, now: Moment) {
        self.lapse(now);
        self.open(now, now, BEFORE_BUTTON);
        self.button_down = Some(now);
    }

    /// The button went up.
    pub fn button_released(&mut self, now: Moment) {
        let Some(pressed) = self.button_down.take() else { return };
        let tapped = now.saturating_since(pressed) < TAP;
        if let Some(window) = &mut self.window {
            window.until = window.until.max(if tapped { now + REQUEST_WINDOW } else { now });
        }
        self.lapse(now);
    }

    /// Pipit has begun to speak: a reply, or something nobody asked for just now, which may be answered too.
    pub fn reply_began(&mut self, now: Moment) {
        self.lapse(now);
        // A timer that is due does not use up a tap on the button.
        if self.settings.mode != WakeMode::PushToTalk {
            self.converse(now, now);
        }
    }

    /// Whether a request is being answered or Pipit speaks, so that [`Attention::reply_ended`] is due some time.
    #[must_use]
    pub fn is_conversing(&self) -> bool {
        self.conversing
    }

    /// Pipit has finished speaking, was stopped, or had nothing to say to a request. The follow-up window begins.
    pub fn reply_ended(&mut self, now: Moment) {
        if self.settings.mode != WakeMode::PushToTalk {
            self.open(now, now + self.settings.follow_up, Duration::ZERO);
        }
        self.conversing = false;
        self.lapse(now);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Moment) {
        self.lapse(now);
    }

    /// When Pipit falls asleep unless something happens; then a [`Attention::tick`] is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        let until = self.window.filter(|_| !self.is_held_open())?.until;
        // What has passed has been told.
        Some(until).filter(|until| *until > self.seen)
    }

    /// How well waking works.
    #[must_use]
    pub fn counters(&self) -> WakeCounters {
        self.counters
    }

    /// The window that speech which began at `started` falls into, at least with its end.
    fn window_for(&self, started: Moment) -> Option<Window> {
        let ends_after = |window: &Window| self.is_held_open() || started < window.until;
        let reaches = |window: &Window| started >= window.from || !window.reach_back.is_zero();
        self.window.filter(|window| ends_after(window) && reaches(window))
    }

    fn wake(&mut self, now: Moment, reach_back: Duration) {
        let needed = self.window_for(now).is_none() && self.settings.mode != WakeMode::Always;
        if needed {
            self.count_wake(now);
            self.unanswered = Some(Unanswered { speech: false });
        }
        self.open(now, now + REQUEST_WINDOW, reach_back);
    }

    fn count_wake(&mut self, now: Moment) {
        self.counters.wakes += 1;
        let missed = self.nearly.take().is_some_and(|nearly| SAID_AGAIN.contains(&now.saturating_since(nearly)));
        self.counters.misses += u64::from(missed);
    }

    fn nearly_woken(&mut self, now: Moment) {
        // The first of several, because a score rises before it is a wake.
        let still_counts = self.nearly.is_some_and(|nearly| now.saturating_since(nearly) <= *SAID_AGAIN.end());
        if !still_counts {
            self.nearly = Some(now);
        }
    }

    /// A request was accepted or Pipit speaks: nobody need wake it until the end of the follow-up window.
    fn converse(&mut self, from: Moment, now: Moment) {
        if self.settings.mode != WakeMode::PushToTalk {
            self.open(from, now, Duration::ZERO);
            self.conversing = true;
        } else if let Some(window) = &mut self.window {
            // One tap is for one request.
            window.until = now;
        }
    }

    fn is_held_open(&self) -> bool {
        self.conversing || self.button_down.is_some()
    }

    /// Opens a window, or makes one that is open last longer.
    fn open(&mut self, from: Moment, until: Moment, reach_back: Duration) {
        let open = self.window.filter(|open| self.is_held_open() || from < open.until);
        self.window = Some(match open {
            Some(open) => Window { from: open.from.min(from), until: open.until.max(until), ..open },
            None => Window { from, until, reach_back },
        });
    }

    /// Counts a wake that nothing came of in its window. Speech that began in it is waited for.
    fn lapse(&mut self, now: Moment) {
        self.seen = self.seen.max(now);
        let over = !self.is_held_open() && self.window.is_none_or(|window| window.until <= now);
        if over && self.unanswered.take_if(|unanswered| !unanswered.speech).is_some() {
            self.counters.false_accepts += 1;
        }
    }
}
