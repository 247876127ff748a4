//! Silence in and nothing out, in real time: for machines without sound, and for trying everything else.

use std::time::Duration;

use anyhow::Result;
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, LISTENING_RATE, SampleIndex, duration_of};

use super::playback::{Playback, ReportSink};
use super::wav::Metronome;
use super::{Capture, CaptureStep, remote};

/// A microphone that hears nothing.
pub struct Silence {
    at: SampleIndex,
    metronome: Metronome,
}

impl Silence {
    /// Begins now.
    #[must_use]
    pub fn new() -> Self {
        Silence { at: SampleIndex::default(), metronome: Metronome::new(duration_of(FRAME_SAMPLES, LISTENING_RATE)) }
    }
}

impl Default for Silence {
    fn default() -> Self {
        Self::new()
    }
}

impl Capture for Silence {
    fn next_frame(&mut self, timeout: Duration) -> CaptureStep {
        if !self.metronome.wait(timeout) {
            return CaptureStep::TimedOut;
        }
        let frame = AudioFrame { at: self.at, samples: [0.0; FRAME_SAMPLES] };
        self.at = frame.end();
        CaptureStep::Frame(frame)
    }
}

/// Opens a speaker that takes each clause's playing time and makes no sound.
pub(super) fn open(reports: ReportSink) -> Result<Playback> {
    remote::open(|_| {}, reports)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use pipit_core::audio::{Hertz, Pcm};

    use super::*;
    use crate::audio::{ClauseId, PlaybackReport};

    #[test]
    fn a_clause_takes_its_time_and_a_stop_cuts_it() {
        let (send, reports) = mpsc::channel();
        let playback = open(Box::new(move |report| send.send(report).unwrap())).unwrap();
        let id = |clause| ClauseId { turn: 1, revision: 1, clause };
        let begun = Instant::now();
        playback.play(id(0), Pcm::new(vec![0.0; 800], Hertz(8_000))).unwrap();
        playback.end_of_turn(1);
        playback.play(id(1), Pcm::new(vec![0.0; 800_000], Hertz(8_000))).unwrap();
        playback.play(id(2), Pcm::new(vec![0.0; 800_000], Hertz(8_000))).unwrap();
        assert_eq!(reports.recv().unwrap(), PlaybackReport::Started(id(0)));
        assert_eq!(reports.recv().unwrap(), PlaybackReport::Played(id(0)));
        assert!(begun.elapsed() >= Duration::from_millis(100));
        assert_eq!(reports.recv().unwrap(), PlaybackReport::Started(id(1)));
        playback.stop();
        let PlaybackReport::Stopped { cut: Some((cut, heard)) } = reports.recv().unwrap() else { panic!() };
        assert!(cut == id(1) && heard < Duration::from_secs(100));
        playback.stop();
        assert_eq!(reports.recv().unwrap(), PlaybackReport::Stopped { cut: None });
        drop(playback);
        assert!(reports.recv().is_err(), "nothing of the dropped clause is reported");
    }

    #[test]
    fn silence_keeps_real_time() {
        let mut silence = Silence::new();
        assert_eq!(silence.next_frame(Duration::ZERO), CaptureStep::TimedOut);
        let begun = Instant::now();
        for n in 0..4 {
            let CaptureStep::Frame(frame) = silence.next_frame(Duration::from_secs(10)) else { panic!() };
            assert_eq!(frame.at, SampleIndex(n * FRAME_SAMPLES as u64));
        }
        assert!(begun.elapsed() >= Duration::from_millis(3 * 32));
    }
}
