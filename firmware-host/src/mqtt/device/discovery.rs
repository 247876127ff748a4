//! The one message by which Home Assistant knows the device and each of its entities.

use pipit_core::chat::Tier;
use pipit_core::control::LONGEST_TEXT;
use pipit_web::{Stage, TurnRecord};
use serde_json::{Map, Value, json};

use super::command::INSTALL;
use super::{QOS, Settings, model_ms};

/// What Pipit may be doing, as `pipit_core::turn::Phase` has it.
const PHASES: [&str; 6] = ["idle", "listening", "hearing", "weighing", "thinking", "speaking"];

/// What may have become of a turn.
const EVENTS: [&str; 4] = ["answered", "interrupted", "unanswered", "announced"];

/// Takes a figure of a turn, in milliseconds.
type Figure = fn(&TurnRecord) -> Option<f64>;

/// What is measured of each turn: key, name, and where it stands.
pub(super) fn latencies() -> [(&'static str, &'static str, Figure); 7] {
    [
        ("decided_after", "Turn decided after", |turn| turn.timings_ms.turn_decided),
        ("understood_after", "Transcript after", |turn| turn.timings_ms.transcript),
        ("first_words_after", "First words after", |turn| turn.timings_ms.reply_first_text),
        ("audible_after", "Audible after", |turn| turn.timings_ms.first_audio),
        ("turn_model_time", "Turn model time", |turn| model_ms(turn, Stage::Endpointing)),
        ("recogniser_time", "Recogniser time", |turn| model_ms(turn, Stage::Transcription)),
        ("voice_time", "Voice time", |turn| model_ms(turn, Stage::Synthesis)),
    ]
}

/// The message's content.
pub(super) fn payload(settings: &Settings) -> Value {
    let Settings { id, topic_prefix, version, .. } = settings;
    let components = Components { settings, all: Map::new() }.build();
    json!({
        "dev": {
            "ids": [id],
            "name": name(id),
            "mf": "Pipit",
            "mdl": "Voice assistant",
            "sw": version,
        },
        "o": { "name": "Pipit", "sw": version },
        "avty_t": format!("{topic_prefix}/status"),
        "qos": QOS,
        "cmps": components,
    })
}

/// What people call the device until they give it another name: "Pipit kitchen" for `pipit-kitchen`.
fn name(id: &str) -> String {
    let spaced: String = id.chars().map(|c| if matches!(c, '-' | '_') { ' ' } else { c }).collect();
    let mut chars = spaced.trim().chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => "Pipit".to_owned(),
    }
}

/// The id as a part of an entity's: small letters, digits, and single underscores between them.
fn slug(id: &str) -> String {
    let small = id.to_ascii_lowercase();
    let words: Vec<&str> = small.split(['-', '_']).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "pipit".to_owned() } else { words.join("_") }
}

struct Components<'a> {
    settings: &'a Settings,
    all: Map<String, Value>,
}

impl Components<'_> {
    fn build(mut self) -> Map<String, Value> {
        self.controls();
        self.what_it_says();
        self.turns();
        self.timers();
        self.diagnostics();
        self.update();
        self.all
    }

    fn topic(&self, key: &str) -> String {
        format!("{}/{key}", self.settings.topic_prefix)
    }

    /// An entity with these fields beside those that all have.
    fn add(&mut self, platform: &str, key: &str, name: &str, fields: Value) {
        let Settings { id, .. } = self.settings;
        let mut entity = json!({
            "p": platform,
            "name": name,
            "uniq_id": format!("{id}_{key}"),
            "default_entity_id": format!("{platform}.{}_{key}", slug(id)),
        });
        if let (Some(entity), Value::Object(fields)) = (entity.as_object_mut(), fields) {
            entity.extend(fields);
        }
        self.all.insert(key.to_owned(), entity);
    }

    /// An entity with a state of its own.
    fn with_state(&mut self, platform: &str, key: &str, name: &str, mut fields: Value) {
        fields["stat_t"] = self.topic(key).into();
        self.add(platform, key, name, fields);
    }

    /// An entity that is commanded.
    fn with_command(&mut self, platform: &str, key: &str, name: &str, mut fields: Value) {
        fields["cmd_t"] = self.topic(&format!("{key}/set")).into();
        self.add(platform, key, name, fields);
    }

    fn with_both(&mut self, platform: &str, key: &str, name: &str, mut fields: Value) {
        fields["stat_t"] = self.topic(key).into();
        self.with_command(platform, key, name, fields);
    }

    /// There is no such entity here. Whoever knows one of an earlier start forgets it.
    fn without(&mut self, platform: &str, key: &str) {
        self.all.insert(key.to_owned(), json!({ "p": platform }));
    }

    fn controls(&mut self) {
        let choices = &self.settings.choices;
        let modes: Vec<_> = choices.modes.iter().map(|mode| mode.name()).collect();
        let tiers: Vec<_> = choices.tiers.iter().map(|tier: &Tier| tier.name()).collect();
        self.with_both("switch", "muted", "Mute", json!({ "ic": "mdi:microphone-off" }));
        let fields = json!({ "ops": modes, "ent_cat": "config", "ic": "mdi:ear-hearing" });
        self.with_both("select", "wake_mode", "Wake mode", fields);
        if tiers.len() > 1 {
            let fields = json!({ "ops": tiers, "ent_cat": "config", "ic": "mdi:shield-home" });
            self.with_both("select", "privacy", "Privacy", fields);
        } else {
            self.without("select", "privacy");
        }
        for (key, name, icon, selection) in [
            ("voice", "Voice", "mdi:account-tie-voice", &choices.voices),
            ("model", "Recogniser", "mdi:microphone-message", &choices.models),
        ] {
            let options: Vec<&str> = selection.names().collect();
            if options.is_empty() {
                self.without("select", key);
            } else {
                self.with_both("select", key, name, json!({ "ops": options, "ent_cat": "config", "ic": icon }));
            }
        }
        let fields =
            json!({ "min": 0, "max": 100, "step": 1, "unit_of_meas": "%", "mode": "slider", "ic": "mdi:volume-high" });
        self.with_both("number", "volume", "Volume", fields);
        self.with_command("button", "stop", "Stop", json!({ "ic": "mdi:stop" }));
        if self.settings.choices.restart {
            self.with_command("button", "restart", "Restart", json!({ "dev_cla": "restart", "ent_cat": "config" }));
        } else {
            self.without("button", "restart");
        }
    }

    /// What is installed can be told by what lies on the disk, and takes effect with a restart where one is to be had.
    fn update(&mut self) {
        let mut fields = json!({ "dev_cla": "firmware", "ent_cat": "config", "tit": "Pipit" });
        if self.settings.choices.restart {
            fields["pl_inst"] = INSTALL.into();
            self.with_both("update", "update", "Update", fields);
        } else {
            self.with_state("update", "update", "Update", fields);
        }
    }

    fn what_it_says(&mut self) {
        // Always empty again, so that the same can be said twice and nothing of it is kept.
        let emptied = json!({
            "stat_t": self.topic("state"),
            "val_tpl": "{{ '' }}",
            "min": 0,
            "max": LONGEST_TEXT,
            "ic": "mdi:bullhorn",
        });
        self.with_command("text", "say", "Say", emptied);
        self.with_command("notify", "announce", "Announce", json!({ "ic": "mdi:bullhorn" }));
        for (key, name, icon) in
            [("last_request", "Last request", "mdi:comment-question"), ("last_reply", "Last reply", "mdi:comment-text")]
        {
            if self.settings.words {
                let fields = json!({ "json_attr_t": self.topic(&format!("{key}/attributes")), "ic": icon });
                self.with_state("sensor", key, name, fields);
            } else {
                self.without("sensor", key);
            }
        }
    }

    fn turns(&mut self) {
        let fields = json!({ "dev_cla": "enum", "ops": PHASES, "ic": "mdi:account-voice" });
        self.with_state("sensor", "state", "State", fields);
        self.with_state("event", "event", "Turn", json!({ "evt_typ": EVENTS, "ic": "mdi:chat-processing" }));
        for (key, name, _) in latencies() {
            let fields = json!({
                "dev_cla": "duration",
                "unit_of_meas": "ms",
                "stat_cla": "measurement",
                "sug_dsp_prc": 0,
                "ent_cat": "diagnostic",
            });
            self.with_state("sensor", key, name, fields);
        }
    }

    fn timers(&mut self) {
        let fields = json!({
            "stat_cla": "measurement",
            "json_attr_t": self.topic("timers/attributes"),
            "ic": "mdi:timer-sand",
        });
        self.with_state("sensor", "timers", "Timers", fields);
        self.with_state("sensor", "next_timer", "Next timer", json!({ "dev_cla": "timestamp" }));
    }

    fn diagnostics(&mut self) {
        let fields = json!({ "dev_cla": "connectivity", "ent_cat": "diagnostic" });
        self.with_state("binary_sensor", "microphone", "Microphone", fields);
        let fields = json!({ "dev_cla": "problem", "ent_cat": "diagnostic" });
        self.with_state("binary_sensor", "overloaded", "Overloaded", fields);
        if self.settings.has_thermometer {
            let fields = json!({
                "dev_cla": "temperature",
                "unit_of_meas": "°C",
                "stat_cla": "measurement",
                "ent_cat": "diagnostic",
            });
            self.with_state("sensor", "temperature", "Temperature", fields);
        } else {
            self.without("sensor", "temperature");
        }
        let fields = json!({
            "dev_cla": "data_size",
            "unit_of_meas": "MiB",
            "stat_cla": "measurement",
            "ent_cat": "diagnostic",
        });
        self.with_state("sensor", "memory", "Memory", fields);
    }
}
