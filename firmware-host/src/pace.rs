//! How fast the voice speaks, which can be changed while it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pipit_core::audio::{Hertz, Pcm};
use pipit_models::cancel::CancelFlag;
use pipit_models::voice::{Voice, VoiceError};

/// The speed: 1 is the voice's own. Clones are the same.
#[derive(Clone)]
pub struct Pace(Arc<AtomicU32>);

impl Pace {
    /// Begins with this one.
    pub fn new(speed: f32) -> Pace {
        Pace(Arc::new(AtomicU32::new(speed.to_bits())))
    }

    /// The speed now.
    pub fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Speaks so fast from the next clause on.
    pub fn set(&self, speed: f32) {
        self.0.store(speed.to_bits(), Ordering::Relaxed);
    }

    /// The same voice, which speaks at this speed whatever it was opened with.
    pub fn of(&self, voice: Box<dyn Voice>) -> Box<dyn Voice> {
        Box::new(Paced { voice, pace: self.clone(), last: None })
    }
}

struct Paced {
    voice: Box<dyn Voice>,
    pace: Pace,
    /// What the voice was told last.
    last: Option<f32>,
}

impl Voice for Paced {
    fn name(&self) -> &str {
        self.voice.name()
    }

    fn rate(&self) -> Hertz {
        self.voice.rate()
    }

    fn speak(&mut self, spoken_text: &str, cancel: &CancelFlag) -> Result<Pcm, VoiceError> {
        let now = self.pace.get();
        if self.last.replace(now) != Some(now) {
            self.voice.set_speed(now);
        }
        self.voice.speak(spoken_text, cancel)
    }

    fn set_speed(&mut self, speed: f32) {
        self.pace.set(speed);
    }
}

#[cfg(test)]
mod tests {
    use pipit_models::voice::{self, VoiceSettings};

    use super::*;

    #[test]
    fn a_voice_that_is_open_speaks_faster_once_that_is_wanted() {
        let settings = VoiceSettings { voice: None, speed: 0.5, models: std::path::PathBuf::new(), service: None };
        let pace = Pace::new(1.0);
        let mut voice = pace.of(voice::open("espeak", &settings, None).unwrap());
        let mut said = || voice::say(&mut *voice, "The kitchen light is on.", &CancelFlag::new()).unwrap().duration();
        let usual = said();
        assert_eq!(said(), usual);
        pace.set(2.0);
        assert!((said().as_secs_f64() / usual.as_secs_f64() - 0.5).abs() < 0.15);
    }
}
