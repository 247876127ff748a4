//! What the workers measure of themselves, for [`Load`] to judge; what follows is told to the log and to the drivers.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pipit_core::load::{Level, Load, LoadSettings, Reason, Work};
use pipit_core::time::Moment;
use tokio::sync::watch;

/// How far the board keeps up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overload {
    /// What Pipit can afford.
    pub level: Level,
    /// What was given up and why, in words; nothing where the board keeps up.
    pub told: Option<String>,
}

/// One for all workers.
pub struct Gauge {
    load: Mutex<Load>,
    started: Instant,
    /// Always the newest.
    overload: watch::Sender<Overload>,
}

impl Gauge {
    /// A gauge for a board that has so many voices which are lighter than its best.
    pub fn new(settings: LoadSettings, lighter_voices: usize) -> Self {
        Gauge {
            load: Mutex::new(Load::new(settings, lighter_voices)),
            started: Instant::now(),
            overload: watch::Sender::new(Overload::default()),
        }
    }

    /// How far the board keeps up, always the newest.
    pub fn overload(&self) -> watch::Receiver<Overload> {
        self.overload.subscribe()
    }

    /// What Pipit can afford just now.
    pub(super) fn level(&self) -> Level {
        self.overload.borrow().level
    }

    /// Takes in a measurement.
    pub(super) fn take(&self, work: Work) {
        self.judge(|load, now| load.take(now, work));
    }

    /// Another voice speaks now because somebody has chosen it, and so many are lighter than that one.
    pub(super) fn voice_chosen(&self, lighter_voices: usize) {
        self.judge(|load, now| load.voice_chosen(now, lighter_voices));
    }

    /// Takes in how hot the board is, in degrees Celsius.
    pub(super) fn heat(&self, celsius: f64) {
        self.judge(|load, now| load.heat(now, celsius));
    }

    /// Looks whether something that was given up can be tried again, and says when to look next.
    pub(super) fn tick(&self) -> Option<Instant> {
        self.judge(Load::tick);
        let deadline = self.load.lock().unwrap_or_else(PoisonError::into_inner).next_deadline();
        deadline.map(|deadline| self.started + deadline.since_start())
    }

    fn judge(&self, judge: impl FnOnce(&mut Load, Moment) -> Option<Reason>) {
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        let before = load.level();
        let Some(reason) = judge(&mut load, Moment::after_start(self.started.elapsed())) else { return };
        let level = load.level();
        // Within the lock, so that what is told last is what holds.
        if level > before {
            tracing::warn!("this board can't afford everything: {}", words(level, reason));
        } else {
            tracing::info!("{}", words(level, reason));
        }
        let told = (level != Level::Full).then(|| words(level, reason));
        self.overload.send_replace(Overload { level, told });
    }
}

/// What was measured, and what it means.
fn words(level: Level, reason: Reason) -> String {
    let consequence = match level {
        Level::Full => "answers are prepared in advance again".to_owned(),
        Level::NoDrafts => "answers come later, because none is prepared in advance".to_owned(),
        Level::LighterVoice(1) => "Pipit speaks with a lighter voice, and prepares no answer in advance".to_owned(),
        Level::LighterVoice(steps) => {
            format!("Pipit speaks with a voice that is {steps} steps lighter, and prepares no answer in advance")
        }
    };
    match reason {
        Reason::Wait(wait) => format!("people wait {:.1} s for the recogniser; {consequence}", wait.as_secs_f64()),
        Reason::Voice(factor) => format!("the voice needs {factor:.1} s for a second of speech; {consequence}"),
        Reason::Heat(celsius) => format!("it has {celsius:.0} °C; {consequence}"),
        Reason::Chosen => format!("another voice was chosen; {consequence}"),
        Reason::Calm(calm) => format!("it has kept up for {}; {consequence}", minutes(calm)),
    }
}

fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}
