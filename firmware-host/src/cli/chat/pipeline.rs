//! What the daemon does just now, as far as it is known here, and how that is written.

use pipit_web::{Timings, Waterfall};
use serde::Deserialize;

use super::super::drawing;
use super::text::{fitted, printable};

/// The quietest sound that the meter shows, in dB below the loudest that there is.
const FLOOR: f32 = -60.0;

/// The meter's widest bar.
const METER: usize = 30;

/// What stands beside it in the same line, in columns.
const BESIDE_METER: usize = 21;

/// Something that the daemon has told, or that it does not.
pub(super) enum News {
    /// It can't be asked, for this reason.
    Unreachable(String),
    State(Told),
    /// How loud the microphone hears it, in dB below the loudest that there is.
    Level(f32),
    Turn(Box<Turn>),
}

/// The state, of which this is shown.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Told {
    pub(super) phase: String,
    pub(super) microphone: Option<String>,
    #[serde(default)]
    pub(super) sound_dropped_ms: u64,
    #[serde(default)]
    pub(super) overload: Option<String>,
    #[serde(default)]
    pub(super) turns: u64,
}

/// A turn that is over.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Turn {
    #[serde(default)]
    pub(super) turn: u64,
    pub(super) timings_ms: Timings,
    pub(super) waterfall: Waterfall,
}

/// What is known of it.
#[derive(Default)]
pub(super) struct Pipeline {
    unreachable: Option<String>,
    state: Option<Told>,
    level: Option<f32>,
    turn: Option<Box<Turn>>,
}

impl Pipeline {
    pub(super) fn take(&mut self, news: News) {
        match news {
            News::Unreachable(why) => *self = Pipeline { unreachable: Some(why), ..Pipeline::default() },
            News::State(state) => {
                self.unreachable = None;
                if state.microphone.is_none() {
                    self.level = None;
                }
                self.state = Some(state);
            }
            News::Level(level) => self.level = Some(level),
            News::Turn(turn) => self.turn = Some(turn),
        }
    }

    /// The lines, each at most `width` columns wide.
    pub(super) fn lines(&self, width: usize) -> Vec<String> {
        let mut lines = match (&self.unreachable, &self.state) {
            (Some(why), _) => super::text::wrapped(&printable(why), width),
            (None, None) => vec!["asking the daemon".to_owned()],
            (None, Some(state)) => self.state_lines(state, width),
        };
        match &self.turn {
            Some(turn) => {
                lines.push(format!("turn {}", turn.turn));
                lines.extend(drawing::waterfall(&turn.timings_ms, &turn.waterfall, width));
            }
            None if self.state.is_some() => lines.push("no turn yet".to_owned()),
            None => {}
        }
        lines.iter().map(|line| fitted(line, width)).collect()
    }

    fn state_lines(&self, state: &Told, width: usize) -> Vec<String> {
        let microphone = match &state.microphone {
            Some(name) => printable(name),
            None => "no microphone".to_owned(),
        };
        let mut line = format!("{:<10} {}", printable(&state.phase), meter(self.level, width));
        line.push_str(&format!("  {} turns  {microphone}", state.turns));
        if state.sound_dropped_ms > 0 {
            line.push_str(&format!("  {} ms of sound lost", state.sound_dropped_ms));
        }
        let overload = state.overload.as_ref().map(|overload| printable(overload));
        [line].into_iter().chain(overload).collect()
    }
}

/// A bar as long as the sound is loud.
fn meter(level: Option<f32>, width: usize) -> String {
    let Some(level) = level else { return "level unknown".to_owned() };
    let part = ((level - FLOOR) / -FLOOR).clamp(0.0, 1.0);
    let cells = width.saturating_sub(BESIDE_METER).clamp(5, METER);
    let full = ((part * cells as f32).round() as usize).min(cells);
    format!("[{}{}] {level:>4.0} dB", "|".repeat(full), " ".repeat(cells - full))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    /// As the daemon writes them.
    fn turn() -> Box<Turn> {
        let span = |stage: &str, began: f64, ended: f64| {
            serde_json::json!({ "stage": stage, "began_ms": began, "ended_ms": ended, "model_ms": ended - began,
                "speculative": true, "discarded": false, "failed": false })
        };
        let told = serde_json::json!({
            "event": "turn", "turn": 3, "ended_by": "intent",
            "timings_ms": { "speech_end": 0.0, "pause": 224.0, "turn_decided": 224.0, "transcript": 61.0,
                "reply_first_text": 64.0, "first_audio": 230.0 },
            "waterfall": { "reopened_ms": [], "interruptions": [], "ended_ms": 900.0, "parts": [], "drafts": [{
                "revision": 1, "pause_ms": 0.0, "dropped_ms": null,
                "provider": { "name": "nas", "model": "small", "tier": "in the house" },
                "spans": [span("transcription", 0.0, 61.0), span("synthesis", 64.0, 79.0)] }] },
        });
        Box::new(serde_json::from_value(told).unwrap())
    }

    #[test]
    fn what_the_daemon_tells_is_drawn() {
        let mut pipeline = Pipeline::default();
        let mut drawn = vec![pipeline.lines(60).join("\n")];
        let state = |phase: &str, microphone: Option<&str>| {
            News::State(Told { phase: phase.to_owned(), microphone: microphone.map(str::to_owned), ..Told::default() })
        };
        for news in [
            News::Unreachable(
                "Nobody listens there. `pipit run` starts it, and it is asked again by itself.".to_owned(),
            ),
            state("idle", None),
            state("hearing", Some("USB\u{1b}[0m")),
            News::Level(-30.0),
            News::Turn(turn()),
            state("idle", None),
        ] {
            pipeline.take(news);
            drawn.push(pipeline.lines(60).join("\n"));
        }
        expect![[r#"
            asking the daemon
            ---
            Nobody listens there. `pipit run` starts it, and it is asked
            again by itself.
            ---
            idle       level unknown  0 turns  no microphone
            no turn yet
            ---
            hearing    level unknown  0 turns  USB[0m
            no turn yet
            ---
            hearing    [|||||||||||||||               ]  -30 dB  0 turn…
            no turn yet
            ---
            hearing    [|||||||||||||||               ]  -30 dB  0 turn…
            turn 3
                  0 ms  end of speech
                224 ms  pause noticed ·························
                 61 ms  transcript    ░░░░░░
                 79 ms  first clause         ░
                224 ms  turn decided                           ◆
                230 ms  first audio                            ▶
            ---
            idle       level unknown  0 turns  no microphone
            turn 3
                  0 ms  end of speech
                224 ms  pause noticed ·························
                 61 ms  transcript    ░░░░░░
                 79 ms  first clause         ░
                224 ms  turn decided                           ◆
                230 ms  first audio                            ▶"#]]
        .assert_eq(&drawn.join("\n---\n"));
        assert!(pipeline.lines(40).iter().all(|line| line.chars().count() <= 40));
    }

    #[test]
    fn the_meter_takes_any_figure() {
        for level in [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, -200.0, 0.0, 40.0] {
            assert!(meter(Some(level), 40).contains('['), "{level}");
        }
    }
}
