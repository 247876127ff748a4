//! Whether the board keeps up with those who speak to it, and what is given up where it does not: first the answers that
//! are prepared in advance, then the beauty of the voice. Knows no worker, no queue and no clock: it is fed with what was
//! measured.

use std::time::Duration;

use crate::time::Moment;

/// From where on the board is behind, and when it has caught up. The only place where these figures stand.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadSettings {
    /// How long somebody whose turn is over may wait until the recogniser begins with what they said.
    pub longest_wait: Duration,
    /// Seconds that the voice may need for a second of speech. What needs more has gaps.
    pub slow_voice: f64,
    /// The same, from where on it counts as keeping up again.
    pub quick_voice: f64,
    /// How much speech a voice is judged by, at least: the first clauses after a pause always take longer.
    pub least_speech: Duration,
    /// How long the board must have kept up before something that was given up is tried again.
    pub calm: Duration,
    /// Each time that this was too early it is waited for twice as long, up to this.
    pub longest_calm: Duration,
    /// Degrees Celsius from which on the board is spared, before it slows itself down (a Raspberry Pi does so from 80 on).
    pub hot: f64,
    /// Degrees Celsius below which what is given up for the heat may come back.
    pub cool: f64,
}

impl Default for LoadSettings {
    fn default() -> Self {
        LoadSettings {
            longest_wait: Duration::from_millis(500),
            slow_voice: 1.0,
            quick_voice: 0.7,
            least_speech: Duration::from_secs(3),
            calm: Duration::from_secs(120),
            longest_calm: Duration::from_secs(1920),
            hot: 78.0,
            cool: 72.0,
        }
    }
}

/// What Pipit can afford.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Everything.
    #[default]
    Full,
    /// No work on answers before it is certain that they are wanted.
    NoDrafts,
    /// That, and a lighter voice than the best: so many steps lighter.
    LighterVoice(usize),
}

impl Level {
    /// Whether answers may be prepared in advance.
    #[must_use]
    pub fn allows_drafts(self) -> bool {
        self == Level::Full
    }

    /// How many steps lighter than the best the voice is to be.
    #[must_use]
    pub fn voice(self) -> usize {
        match self {
            Level::Full | Level::NoDrafts => 0,
            Level::LighterVoice(steps) => steps,
        }
    }
}

/// What was measured of one piece of work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// The recogniser has begun with something that somebody waits for.
    Heard {
        /// How long it had been wanted by then.
        waited: Duration,
    },
    /// A clause has been made.
    Spoke {
        /// By which voice: so many steps lighter than the best.
        voice: usize,
        /// How long the clause had waited while the voice spoke for others.
        waited: Duration,
        /// How long the voice worked on it.
        worked: Duration,
        /// How long it sounds.
        speech: Duration,
    },
}

/// Why the level has changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// People wait so long for the recogniser.
    Wait(Duration),
    /// The voice needs so many seconds for a second of speech, the waiting for its other work included.
    Voice(f64),
    /// The board has kept up for so long.
    Calm(Duration),
    /// Somebody has chosen another voice.
    Chosen,
    /// The board has so many degrees Celsius.
    Heat(f64),
}

/// Judges how far the board keeps up. One step at a time is given up, and judged by what is measured after it.
#[derive(Debug)]
pub struct Load {
    settings: LoadSettings,
    lighter_voices: usize,
    level: Level,
    /// A mean of which each new measurement is one half.
    wait: Duration,
    voice: VoiceFactor,
    /// The last sign of being behind, or the last change.
    quiet_since: Moment,
    /// How long the quiet must last.
    patience: Duration,
    climbed_at: Option<Moment>,
}

/// Seconds for a second of speech: a mean over what was spoken, in which older clauses count less and less.
#[derive(Debug, Default)]
struct VoiceFactor {
    needed: f64,
    spoken: f64,
    speech: Duration,
}

impl Load {
    /// A board that has had nothing to do yet. So many voices are installed that are lighter than the best.
    #[must_use]
    pub fn new(settings: LoadSettings, lighter_voices: usize) -> Self {
        let patience = settings.calm;
        Load {
            settings,
            lighter_voices,
            level: Level::Full,
            wait: Duration::ZERO,
            voice: VoiceFactor::default(),
            quiet_since: Moment::START,
            patience,
            climbed_at: None,
        }
    }

    /// What Pipit can afford just now.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// When [`Load::tick`] must be called if nothing is measured before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        (self.level != Level::Full).then(|| self.quiet_since + self.patience)
    }

    /// Takes in a measurement. Says why if the level has changed.
    pub fn take(&mut self, now: Moment, work: Work) -> Option<Reason> {
        match work {
            Work::Heard { waited } => {
                self.wait = (self.wait + waited) / 2;
                if self.wait * 2 > self.settings.longest_wait {
                    self.quiet_since = now;
                }
                let behind = self.wait > self.settings.longest_wait && self.level == Level::Full;
                behind.then(|| self.give_up(now, Reason::Wait(self.wait), Level::NoDrafts))
            }
            // The voice that speaks just now is being replaced.
            Work::Spoke { voice, .. } if voice != self.level.voice() => None,
            Work::Spoke { waited, worked, speech, .. } => {
                self.voice.add(waited + worked, speech);
                let factor = self.voice.factor(self.settings.least_speech)?;
                if factor > self.settings.quick_voice {
                    self.quiet_since = now;
                }
                let lighter = self.lighter()?;
                (factor > self.settings.slow_voice).then(|| self.give_up(now, Reason::Voice(factor), lighter))
            }
        }
        .or_else(|| self.tick(now))
    }

    /// Another voice speaks now because somebody has chosen it, and so many are lighter than that one. What was given up of the
    /// voice before is no matter any more. Says why if the level has changed.
    pub fn voice_chosen(&mut self, now: Moment, lighter_voices: usize) -> Option<Reason> {
        self.lighter_voices = lighter_voices;
        self.voice = VoiceFactor::default();
        if self.level.voice() == 0 {
            return None;
        }
        self.change(now, Level::NoDrafts);
        Some(Reason::Chosen)
    }

    /// Takes in how hot the board is, in degrees Celsius. What is given up for the heat is the work in advance alone: it is done in vain the
    /// most often, and the voice that people know is not. Says why if the level has changed.
    pub fn heat(&mut self, now: Moment, celsius: f64) -> Option<Reason> {
        if celsius >= self.settings.cool {
            self.quiet_since = now;
        }
        let spared = celsius >= self.settings.hot && self.level == Level::Full;
        spared.then(|| self.give_up(now, Reason::Heat(celsius), Level::NoDrafts)).or_else(|| self.tick(now))
    }

    /// Tries again what was given up, if the board has kept up for long enough. Says why if the level has changed.
    pub fn tick(&mut self, now: Moment) -> Option<Reason> {
        if self.next_deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let better = match self.level {
            Level::Full | Level::NoDrafts => Level::Full,
            Level::LighterVoice(0 | 1) => Level::NoDrafts,
            Level::LighterVoice(steps) => Level::LighterVoice(steps - 1),
        };
        let waited = self.patience;
        self.climbed_at = Some(now);
        self.change(now, better);
        Some(Reason::Calm(waited))
    }

    /// The next step down, if there is one.
    fn lighter(&self) -> Option<Level> {
        match self.level {
            Level::Full => Some(Level::NoDrafts),
            Level::NoDrafts | Level::LighterVoice(_) => {
                let steps = self.level.voice() + 1;
                (steps <= self.lighter_voices).then_some(Level::LighterVoice(steps))
            }
        }
    }

    fn give_up(&mut self, now: Moment, reason: Reason, level: Level) -> Reason {
        let too_early = self.climbed_at.is_some_and(|at| now.saturating_since(at) < self.patience);
        self.patience =
            if too_early { (self.patience * 2).min(self.settings.longest_calm) } else { self.settings.calm };
        self.change(now, level);
        reason
    }

    /// What was measured before says nothing about what comes after.
    fn change(&mut self, now: Moment, level: Level) {
        self.level = level;
        self.wait = Duration::ZERO;
        self.voice = VoiceFactor::default();
        self.quiet_since = now;
    }
}

impl VoiceFactor {
    fn add(&mut self, needed: Duration, speech: Duration) {
        /// What is left of older clauses when a new one comes: the last three or four make up the mean.
        const KEPT: f64 = 0.7;
        self.needed = self.needed * KEPT + needed.as_secs_f64();
        self.spoken = self.spoken * KEPT + speech.as_secs_f64();
        self.speech += speech;
    }

    /// Nothing where too little was spoken to tell.
    fn factor(&self, least: Duration) -> Option<f64> {
        (self.speech >= least && self.spoken > 0.0).then(|| self.needed / self.spoken)
    }
}

#[cfg(test)]
mod tests;
