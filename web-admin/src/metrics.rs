//! What has been counted since the start, and Prometheus' text format for it (version 0.0.4).
//!
//! It is written here and not by a crate, because no value in it needs escaping: see `docs/adr/0007`.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::requests::Requests;
use crate::{Snapshot, Stage, TurnRecord};

pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds in seconds. People notice a wait from about 0.2 s on, and find it long from about 1 s on.
const BUCKETS: [f64; 12] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 5.0, 10.0];

/// The milestones of an answer, as [`crate::Timings`] knows them.
const MILESTONES: [&str; 4] = ["decided", "transcript", "first_text", "first_audio"];

/// Counters. They only ever grow, and begin anew when the daemon does.
#[derive(Debug, Default)]
pub struct Metrics {
    counts: Mutex<Counts>,
    pub(crate) requests: Requests,
}

#[derive(Debug, Default)]
struct Counts {
    turns: BTreeMap<&'static str, u64>,
    drafts: u64,
    drafts_thrown_away: u64,
    reopened: u64,
    interruptions: u64,
    false_interruptions: u64,
    milestones: [Histogram; MILESTONES.len()],
    work: BTreeMap<Stage, Work>,
}

#[derive(Debug, Default)]
struct Work {
    begun: u64,
    thrown_away: u64,
    failed: u64,
    model_seconds: f64,
}

/// How many values were in each bucket, those beyond the last in one of their own.
#[derive(Debug, Default)]
struct Histogram {
    counts: [u64; BUCKETS.len() + 1],
    sum: f64,
}

impl Metrics {
    /// A turn is over.
    pub fn turn_ended(&self, record: &TurnRecord) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.turns.entry(record.outcome()).or_default() += 1;
        let waterfall = &record.waterfall;
        counts.drafts += waterfall.drafts.len() as u64;
        counts.drafts_thrown_away += waterfall.drafts.iter().filter(|draft| draft.dropped_ms.is_some()).count() as u64;
        counts.reopened += waterfall.reopened_ms.len() as u64;
        counts.interruptions += waterfall.interruptions.len() as u64;
        let resumed = waterfall.interruptions.iter().filter(|interruption| interruption.resumed_ms.is_some());
        counts.false_interruptions += resumed.count() as u64;
        for span in waterfall.spans() {
            let work = counts.work.entry(span.stage).or_default();
            work.begun += 1;
            work.thrown_away += u64::from(span.discarded);
            work.failed += u64::from(span.failed);
        }
        if record.ended_by.is_some() {
            let t = &record.timings_ms;
            let reached = [t.turn_decided, t.transcript, t.reply_first_text, t.first_audio];
            for (histogram, ms) in counts.milestones.iter_mut().zip(reached) {
                ms.into_iter().for_each(|ms| histogram.observe(ms / 1e3));
            }
        }
    }

    /// A model has worked, whether or not anybody waited for it.
    pub fn worked(&self, stage: Stage, took: Duration) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.work.entry(stage).or_default().model_seconds += took.as_secs_f64();
    }

    /// Everything that was counted, and the counters of `snapshot`, in Prometheus' text format.
    #[must_use]
    pub fn written(&self, snapshot: &Snapshot) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page::default();
        counts.write(&mut page);
        page.counter(
            "pipit_sound_dropped_seconds_total",
            "Sound lost because the machine was too busy to listen.",
            [("", snapshot.sound_dropped_ms as f64 / 1e3)],
        );
        page.counter(
            "pipit_sound_overruns_total",
            "Times that the sound device itself lost sound.",
            [("", snapshot.sound_overruns)],
        );
        for (name, help, count) in [
            ("pipit_wakes_total", "Times that a word or a phrase woke Pipit.", snapshot.wakes),
            ("pipit_wake_false_accepts_total", "Wakes after which no request came.", snapshot.wake_false_accepts),
            ("pipit_wake_misses_total", "Attempts to wake Pipit that it did not hear.", snapshot.wake_misses),
        ] {
            page.counter(name, help, [("", count)]);
        }
        page.begin(
            "pipit_overloaded",
            "gauge",
            "Whether Pipit does without something because the machine is too slow.",
        );
        page.line("pipit_overloaded", "", u8::from(snapshot.overload.is_some()));
        let help = "What is wrong with the board (heat, power, disk) or the configuration, as the panel tells it.";
        page.begin("pipit_troubles", "gauge", help);
        page.line("pipit_troubles", "", snapshot.troubles.len());
        page.begin("pipit_microphone_connected", "gauge", "Whether a microphone is heard.");
        page.line("pipit_microphone_connected", "", u8::from(snapshot.microphone.is_some()));
        page.text + &self.requests.written()
    }
}

/// How things stand at this moment, beside what is counted.
pub(crate) fn gauges(snapshot: &Snapshot, broker: Option<bool>) -> String {
    let mut page = Page::default();
    page.begin("pipit_microphone_muted", "gauge", "Whether the microphone is switched off.");
    page.line("pipit_microphone_muted", "", u8::from(snapshot.muted));
    page.begin("pipit_model_loaded", "gauge", "Whether there is a model at work, by what for.");
    for (what, model) in [("recogniser", &snapshot.recogniser), ("voice", &snapshot.voice)] {
        page.line("pipit_model_loaded", &label("for", what), u8::from(model.is_some()));
    }
    if let Some(is_connected) = broker {
        page.begin("pipit_mqtt_connected", "gauge", "Whether the MQTT broker is connected.");
        page.line("pipit_mqtt_connected", "", u8::from(is_connected));
    }
    page.text
}

impl Counts {
    fn write(&self, page: &mut Page) {
        let turns = self.turns.iter().map(|(outcome, count)| (label("ended_by", outcome), *count));
        page.counter("pipit_turns_total", "Turns, by what ended them.", turns);
        let singles = [
            ("pipit_drafts_total", "Answers begun, one at each pause.", self.drafts),
            ("pipit_drafts_thrown_away_total", "Answers that were begun in vain.", self.drafts_thrown_away),
            ("pipit_turns_reopened_total", "Ends of turns that were taken back.", self.reopened),
            ("pipit_interruptions_total", "Times that somebody spoke over an answer.", self.interruptions),
            (
                "pipit_false_interruptions_total",
                "Interruptions after which the answer went on.",
                self.false_interruptions,
            ),
        ];
        for (name, help, count) in singles {
            page.counter(name, help, [("", count)]);
        }
        page.begin("pipit_response_seconds", "histogram", "From the end of speech to each stage of the answer.");
        for (milestone, histogram) in MILESTONES.into_iter().zip(&self.milestones) {
            page.histogram("pipit_response_seconds", &format!("stage=\"{milestone}\""), histogram);
        }
        let work = |figure: fn(&Work) -> u64| {
            self.work.iter().map(move |(stage, work)| (label("stage", stage.name()), figure(work)))
        };
        page.counter("pipit_work_total", "Pieces of work begun for a turn.", work(|work| work.begun));
        page.counter(
            "pipit_work_thrown_away_total",
            "Pieces of work of which nothing came.",
            work(|work| work.thrown_away),
        );
        page.counter("pipit_errors_total", "Pieces of work that failed.", work(|work| work.failed));
        let seconds = self.work.iter().map(|(stage, work)| (label("stage", stage.name()), work.model_seconds));
        page.counter("pipit_model_seconds_total", "Time that models worked.", seconds);
    }
}

impl Histogram {
    fn observe(&mut self, value: f64) {
        let bucket = BUCKETS.iter().position(|bound| value <= *bound).unwrap_or(BUCKETS.len());
        self.counts[bucket] += 1;
        self.sum += value;
    }
}

/// Names, labels and help are this file's own words, so that nothing in them has to be escaped.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a string can't fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.text, "{name}{labels} {value}");
    }

    fn counter<L: Display>(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (L, impl Display)>) {
        self.begin(name, "counter", help);
        for (labels, value) in values {
            self.line(name, &labels.to_string(), value);
        }
    }

    fn histogram(&mut self, name: &str, label: &str, histogram: &Histogram) {
        let mut below = 0;
        let bounds = BUCKETS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(histogram.counts) {
            below += count;
            self.line(&format!("{name}_bucket"), &format!("{{{label},le=\"{bound}\"}}"), below);
        }
        self.line(&format!("{name}_sum"), &format!("{{{label}}}"), histogram.sum);
        self.line(&format!("{name}_count"), &format!("{{{label}}}"), below);
    }
}

fn label(name: &str, value: &str) -> String {
    format!("{{{name}=\"{value}\"}}")
}
