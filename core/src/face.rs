//! What Pipit shows of itself: on a display, on its lights, and in the panel.
//!
//! A face is derived from how things stand, and never stored: whoever shows it asks anew with each change. How it is drawn is
//! decided by whoever draws.

use std::fmt;
use std::time::Duration;

use crate::audio::LOWEST_LEVEL;
use crate::turn::Phase;

/// The loudest step of [`Face::Listening`].
pub const LEVELS: u8 = 10;

/// More timers than these are not shown.
pub const TIMERS: usize = 3;

/// How things stand.
#[derive(Clone, PartialEq)]
pub struct Situation {
    /// What the turn machine is doing.
    pub phase: Phase,
    /// How loud the microphone hears it, in dB below the loudest that there is.
    pub level_db: f32,
    /// The words that somebody has said so far; empty where they are not known.
    pub hearing: String,
    /// The words that are being spoken; empty where they are not known.
    pub saying: String,
    /// Whether the microphone is switched off.
    pub muted: bool,
    /// Whether a timer or an alarm rings.
    pub rings: bool,
    /// Whether what recognises speech and what speaks is still being loaded.
    pub loading: bool,
    /// What keeps Pipit from answering.
    pub trouble: Option<Trouble>,
    /// The gravest of what else is wrong, in words: what it is, and behind a colon what to do.
    pub warning: Option<String>,
    /// The local time.
    pub clock: Clock,
    /// The timers that are set, the one that is due first first.
    pub timers: Vec<Timer>,
    /// Whether the device has an owner.
    pub claimed: bool,
    /// The code to claim it with, while there is one that is good.
    pub code: Option<String>,
    /// Where the panel is found, without `http://`.
    pub address: Option<String>,
}

/// A moment of the local day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// 0..=23.
    pub hour: u8,
    /// 0..=59.
    pub minute: u8,
    /// Days since Monday, 0..=6.
    pub weekday: u8,
    /// 1..=31.
    pub day: u8,
    /// 1..=12.
    pub month: u8,
    /// Whether hours are told as 1 to 12.
    pub twelve_hours: bool,
}

/// A timer that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What it is called, if anything.
    pub name: Option<String>,
    /// What is left of it.
    pub left: Duration,
    /// Whether it waits.
    pub paused: bool,
}

/// What keeps Pipit from answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No microphone is heard.
    Microphone,
    /// Nothing recognises speech.
    Recogniser,
    /// Nothing speaks.
    Voice,
}

impl Trouble {
    /// What is missing, in two words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Trouble::Microphone => "No microphone",
            Trouble::Recogniser => "Can't understand",
            Trouble::Voice => "Can't speak",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Trouble::Microphone => "Plug one in, or choose one in the panel",
            Trouble::Recogniser => "Get a speech model in the panel",
            Trouble::Voice => "Get a voice in the panel",
        }
    }
}

/// What is shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Face {
    /// It is not ready yet.
    Starting,
    /// Whoever reads this code is its owner.
    Code {
        /// Its digits.
        digits: String,
        /// Where the panel is found.
        address: Option<String>,
    },
    /// Nobody owns it yet.
    Welcome {
        /// Where the panel is found.
        address: Option<String>,
    },
    /// Nobody speaks.
    Idle {
        /// "14:05", or "2:05".
        time: String,
        /// "Friday 27 November".
        date: String,
        /// Whether the microphone is switched off.
        muted: bool,
        /// At most [`TIMERS`].
        timers: Vec<TimerShown>,
        /// What is wrong, if anything is, and behind a colon what to do.
        warning: Option<String>,
    },
    /// Somebody may speak, or does.
    Listening {
        /// How loud, 0..=[`LEVELS`].
        level: u8,
        /// What has been said so far; may be empty.
        words: String,
    },
    /// The answer is being found.
    Thinking,
    /// It is heard.
    Speaking {
        /// The words that are being spoken; may be empty.
        words: String,
    },
    /// A timer or an alarm rings.
    Ringing {
        /// What is said of it; may be empty.
        words: String,
    },
    /// Something keeps it from answering.
    Trouble(Trouble),
}

/// What lights show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Nothing.
    Off,
    /// All of them the same.
    Steady(Hue),
    /// As loud as it is heard, 0..=[`LEVELS`], in Pipit's own hue.
    Level(u8),
    /// One goes around.
    Turning(Hue),
    /// They get brighter and darker.
    Breathing(Hue),
    /// They go on and off.
    Blinking(Hue),
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hue {
    /// It is about what is said to Pipit, or what it says.
    Own,
    /// It is not set up, or not ready.
    Fresh,
    /// Something is due.
    Due,
    /// It does not listen, or can't.
    Muted,
}

/// A timer as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerShown {
    /// What it is called; empty where it has no name.
    pub name: String,
    /// "7:32" or "1:07:32".
    pub left: String,
    /// Whether it waits.
    pub paused: bool,
}

impl Default for Situation {
    /// Nothing is known yet but that it starts.
    fn default() -> Self {
        Situation {
            phase: Phase::Idle,
            level_db: LOWEST_LEVEL,
            hearing: String::new(),
            saying: String::new(),
            muted: false,
            rings: false,
            loading: true,
            trouble: None,
            warning: None,
            clock: Clock { day: 1, month: 1, ..Clock::default() },
            timers: Vec::new(),
            claimed: true,
            code: None,
            address: None,
        }
    }
}

impl Face {
    /// The face of this situation. What somebody is waiting for comes before what is only good to know.
    #[must_use]
    pub fn of(now: &Situation) -> Face {
        if let Some(digits) = now.code.as_ref().filter(|_| !now.claimed) {
            return Face::Code { digits: digits.clone(), address: now.address.clone() };
        }
        if now.rings && matches!(now.phase, Phase::Idle | Phase::Speaking) {
            let said = if now.phase == Phase::Speaking { now.saying.clone() } else { String::new() };
            return Face::Ringing { words: said };
        }
        match now.phase {
            Phase::Listening | Phase::Hearing => {
                return Face::Listening { level: step_of(now.level_db), words: now.hearing.clone() };
            }
            Phase::Weighing => return Face::Listening { level: 0, words: now.hearing.clone() },
            Phase::Thinking => return Face::Thinking,
            Phase::Speaking => return Face::Speaking { words: now.saying.clone() },
            Phase::Idle => {}
        }
        if now.loading {
            return Face::Starting;
        }
        if !now.claimed {
            return Face::Welcome { address: now.address.clone() };
        }
        // Where the microphone is off, it need not be there.
        let trouble = now.trouble.filter(|trouble| !(now.muted && *trouble == Trouble::Microphone));
        if let Some(trouble) = trouble {
            return Face::Trouble(trouble);
        }
        let timers = now.timers.iter().take(TIMERS).map(TimerShown::of).collect();
        let warning = now.warning.as_deref().map(begun);
        Face::Idle { time: now.clock.time(), date: now.clock.date(), muted: now.muted, timers, warning }
    }

    /// The same without what is not for everybody: neither words nor names nor the code.
    #[must_use]
    pub fn without_words(self) -> Face {
        match self {
            Face::Listening { level, .. } => Face::Listening { level, words: String::new() },
            Face::Speaking { .. } => Face::Speaking { words: String::new() },
            Face::Ringing { .. } => Face::Ringing { words: String::new() },
            Face::Code { address, .. } => Face::Welcome { address },
            Face::Idle { time, date, muted, timers, warning } => {
                let nameless = |timer: TimerShown| TimerShown { name: String::new(), ..timer };
                Face::Idle { time, date, muted, timers: timers.into_iter().map(nameless).collect(), warning }
            }
            other => other,
        }
    }

    /// The same for lights.
    #[must_use]
    pub fn light(&self) -> Light {
        match self {
            Face::Idle { muted: false, .. } => Light::Off,
            Face::Idle { muted: true, .. } => Light::Steady(Hue::Muted),
            Face::Starting => Light::Turning(Hue::Fresh),
            Face::Code { .. } | Face::Welcome { .. } => Light::Breathing(Hue::Fresh),
            Face::Listening { level, .. } => Light::Level(*level),
            Face::Thinking => Light::Turning(Hue::Own),
            Face::Speaking { .. } => Light::Breathing(Hue::Own),
            Face::Ringing { .. } => Light::Blinking(Hue::Due),
            Face::Trouble(_) => Light::Breathing(Hue::Muted),
        }
    }

    /// Whether something in it moves by itself.
    #[must_use]
    pub fn moves(&self) -> bool {
        matches!(self, Face::Starting | Face::Thinking | Face::Ringing { .. })
    }
}

/// Says nothing of what people say, and no code.
impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Face::Starting => "Starting",
            Face::Code { .. } => "Code",
            Face::Welcome { .. } => "Welcome",
            Face::Idle { muted: false, .. } => "Idle",
            Face::Idle { muted: true, .. } => "Muted",
            Face::Listening { .. } => "Listening",
            Face::Thinking => "Thinking",
            Face::Speaking { .. } => "Speaking",
            Face::Ringing { .. } => "Ringing",
            Face::Trouble(_) => "Trouble",
        })
    }
}

impl Clock {
    /// "14:05", or with twelve hours "2:05".
    #[must_use]
    pub fn time(&self) -> String {
        let hour = if self.twelve_hours { (self.hour + 11) % 12 + 1 } else { self.hour };
        format!("{hour}:{:02}", self.minute)
    }

    /// "Friday 27 November".
    #[must_use]
    pub fn date(&self) -> String {
        const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        const MONTHS: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        let day = DAYS.get(usize::from(self.weekday)).unwrap_or(&"");
        let month = MONTHS.get(usize::from(self.month).wrapping_sub(1)).unwrap_or(&"");
        format!("{day} {} {month}", self.day)
    }
}

impl TimerShown {
    fn of(timer: &Timer) -> TimerShown {
        // What is begun counts, as people count: a timer of ten seconds begins with 0:10 and rings at 0:00.
        let seconds = timer.left.as_secs() + u64::from(timer.left.subsec_nanos() > 0);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let left =
            if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") };
        TimerShown { name: timer.name.clone().unwrap_or_default(), left, paused: timer.paused }
    }
}

/// With a capital letter at its beginning.
fn begun(sentence: &str) -> String {
    let mut rest = sentence.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// Speech in a room lies between these.
fn step_of(level_db: f32) -> u8 {
    const SILENCE_DB: f32 = -55.0;
    const LOUD_DB: f32 = -15.0;
    let share = ((level_db - SILENCE_DB) / (LOUD_DB - SILENCE_DB)).clamp(0.0, 1.0);
    (share * f32::from(LEVELS)).round() as u8
}

#[cfg(test)]
mod tests;
