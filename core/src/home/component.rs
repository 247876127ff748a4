//! What the fields of an entity mean: what it is, how its messages tell its state, and what is published to command it.
//! Keys and defaults: Home Assistant's documentation of each MQTT component.

use super::control::{Control, Payload, Step, Takes};
use super::discovery::Fields;
use super::state::{Reads, Source, Status};
use super::{DeviceKind, HomeAction};

/// What a component consists of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Component {
    pub(super) kind: DeviceKind,
    pub(super) sources: Vec<Source>,
    pub(super) controls: Vec<Control>,
}

/// What the fields of a `component` mean; nothing where it is none that a home is commanded by or asked about.
pub(super) fn read(component: &str, fields: &Fields) -> Option<Component> {
    let mut read = Reader { fields, sources: Vec::new(), controls: Vec::new() };
    let class = fields.text("device_class").unwrap_or_default();
    let kind = match component {
        "light" => read.light(),
        "switch" => read.switch(),
        "siren" => read.siren(),
        "cover" => read.cover(&class),
        "valve" => read.valve(),
        "climate" | "water_heater" => read.climate(),
        "fan" => read.fan(),
        "humidifier" => read.humidifier(),
        "lock" => read.lock(),
        "alarm_control_panel" => read.alarm(),
        "vacuum" => read.vacuum(),
        "lawn_mower" => read.lawn_mower(),
        "scene" => read.press("payload_on", "ON", DeviceKind::Scene),
        "button" => read.press("payload_press", "PRESS", DeviceKind::Other),
        "number" => read.number(),
        "select" | "sensor" => read.sensor(),
        "binary_sensor" => read.binary_sensor(),
        _ => return None,
    };
    Some(Component { kind, sources: read.sources, controls: read.controls })
}

struct Reader<'a> {
    fields: &'a Fields,
    sources: Vec<Source>,
    controls: Vec<Control>,
}

/// The pairs of a switch's words, a cover's and a lock's: key, default, meaning.
type Words<'a> = &'a [(&'a str, &'a str, Status)];

impl Reader<'_> {
    /// A source, if the topic is given; its template is that of the first of the keys that is given.
    fn source(&mut self, topic: &str, templates: &[&str], reads: Reads) {
        let Some(topic) = self.fields.name(topic) else { return };
        let template = templates.iter().find_map(|key| self.fields.name(key));
        self.sources.push(Source { topic, template, reads });
    }

    fn words(&self, words: Words<'_>) -> Reads {
        Reads::Words(words.iter().map(|(key, or, is)| (self.fields.text_or(key, or), is.clone())).collect())
    }

    /// A step that sends the text of a key, or `or` where it is not given.
    fn step(&self, topic: &str, template: &str, payload: &str, or: &str) -> Option<Step> {
        let text = self.fields.text_or(payload, or);
        let payload = Payload::Text { text, template: self.fields.name(template) };
        Some(Step { topic: self.fields.name(topic)?, payload })
    }

    fn control(&mut self, action: HomeAction, takes: Takes, steps: Vec<Option<Step>>) {
        if let Some(steps) = steps.into_iter().collect::<Option<Vec<Step>>>() {
            self.controls.push(Control { action, takes, steps });
        }
    }

    /// An action that sends the text of a key to the command topic.
    fn command(&mut self, action: HomeAction, payload: &str, or: &str) {
        let step = self.step("command_topic", "command_template", payload, or);
        self.control(action, Takes::Nothing, vec![step]);
    }

    fn on_and_off(&mut self) {
        self.command(HomeAction::TurnOn, "payload_on", "ON");
        self.command(HomeAction::TurnOff, "payload_off", "OFF");
    }

    /// A number that is set, and the topic that tells it.
    fn level(&mut self, topic: &str, template: &str, (zero, full): (f64, f64), least: Option<f64>) {
        let template = self.fields.name(template);
        let payload = Payload::Level { zero, full, least, template };
        let step = self.fields.name(topic).map(|topic| Step { topic, payload });
        self.control(HomeAction::Set, Takes::Percent, vec![step]);
    }

    fn target(&mut self, topic: &str, template: &str, takes: Takes) {
        let payload = Payload::Number { template: self.fields.name(template) };
        let step = self.fields.name(topic).map(|topic| Step { topic, payload });
        self.control(HomeAction::Set, takes, vec![step]);
    }

    /// Two numbers of which a scale is made: different ones, or the defaults.
    fn scale(&self, zero: (&str, f64), full: (&str, f64)) -> (f64, f64) {
        let given = (self.fields.number(zero.0).unwrap_or(zero.1), self.fields.number(full.0).unwrap_or(full.1));
        if given.0 == given.1 { (zero.1, full.1) } else { given }
    }

    fn light(&mut self) -> DeviceKind {
        match self.fields.text_or("schema", "default").as_str() {
            "json" => self.json_light(),
            "template" => self.template_light(),
            _ => self.plain_light(),
        }
        DeviceKind::Light
    }

    fn plain_light(&mut self) {
        let words = self.words(&[("payload_on", "ON", Status::On), ("payload_off", "OFF", Status::Off)]);
        self.source("state_topic", &["state_value_template", "value_template"], words);
        let full = self.fields.number("brightness_scale").filter(|scale| *scale >= 1.0).unwrap_or(255.0);
        let level = Reads::Level { zero: 0.0, full, is: None };
        self.source("brightness_state_topic", &["brightness_value_template"], level);
        self.on_and_off();
        let payload = Payload::Level {
            zero: 0.0,
            full,
            least: Some(1.0),
            template: self.fields.name("brightness_command_template"),
        };
        let level = self.fields.name("brightness_command_topic").map(|topic| Step { topic, payload });
        let on = self.step("command_topic", "command_template", "payload_on", "ON");
        // What switches it on: the brightness itself, or the command before or after it.
        let steps = match self.fields.text_or("on_command_type", "last").as_str() {
            "brightness" => vec![level],
            "first" => vec![on, level],
            _ => vec![level, on],
        };
        self.control(HomeAction::Set, Takes::Percent, steps);
    }

    fn json_light(&mut self) {
        let scale = self.fields.number("brightness_scale").filter(|scale| *scale >= 1.0).unwrap_or(255.0);
        self.source("state_topic", &[], Reads::JsonLight { scale });
        let Some(topic) = self.fields.name("command_topic") else { return };
        let text = |text: &str| Payload::Text { text: text.to_owned(), template: None };
        let one = |payload| vec![Some(Step { topic: topic.clone(), payload })];
        self.control(HomeAction::TurnOn, Takes::Nothing, one(text(r#"{"state":"ON"}"#)));
        self.control(HomeAction::TurnOff, Takes::Nothing, one(text(r#"{"state":"OFF"}"#)));
        let modes = self.fields.list("supported_color_modes").unwrap_or_default();
        if self.fields.flag("brightness") == Some(true) || modes.iter().any(|mode| mode != "onoff") {
            self.control(HomeAction::Set, Takes::Percent, one(Payload::JsonLight { scale }));
        }
    }

    fn template_light(&mut self) {
        let words = Reads::Words(vec![("on".to_owned(), Status::On), ("off".to_owned(), Status::Off)]);
        self.source("state_topic", &["state_template"], words);
        if self.fields.has("brightness_template") {
            let level = Reads::Level { zero: 0.0, full: 255.0, is: None };
            self.source("state_topic", &["brightness_template"], level);
        }
        let Some(topic) = self.fields.name("command_topic") else { return };
        let mut command = |action, takes, template: &str, state| {
            let template = self.fields.name(template);
            let payload = template.map(|template| Payload::TemplateLight { template, state });
            let step = payload.map(|payload| Step { topic: topic.clone(), payload });
            self.controls.extend(step.map(|step| Control { action, takes, steps: vec![step] }));
        };
        command(HomeAction::TurnOn, Takes::Nothing, "command_on_template", "on");
        command(HomeAction::TurnOff, Takes::Nothing, "command_off_template", "off");
        if self.fields.has("brightness_template") {
            command(HomeAction::Set, Takes::Percent, "command_on_template", "on");
        }
    }

    /// On and off where the words of the state are those of the command, unless it has words of its own.
    fn on_or_off(&mut self, templates: &[&str]) {
        let [on, off] = [("payload_on", "ON"), ("payload_off", "OFF")].map(|(key, or)| self.fields.text_or(key, or));
        let words = self.words(&[("state_on", &on, Status::On), ("state_off", &off, Status::Off)]);
        self.source("state_topic", templates, words);
    }

    fn switch(&mut self) -> DeviceKind {
        self.on_or_off(&["value_template"]);
        self.on_and_off();
        DeviceKind::Switch
    }

    fn siren(&mut self) -> DeviceKind {
        self.on_or_off(&["state_value_template", "value_template"]);
        let states = [(HomeAction::TurnOn, "payload_on", "ON"), (HomeAction::TurnOff, "payload_off", "OFF")];
        for (action, payload, or) in states {
            if self.fields.has("command_template") {
                self.command(action, payload, or);
            } else if let Some(topic) = self.fields.name("command_topic") {
                // Without a template, a siren is sent an object.
                let text = serde_json::json!({ "state": self.fields.text_or(payload, or) }).to_string();
                let payload = Payload::Text { text, template: None };
                self.control(action, Takes::Nothing, vec![Some(Step { topic, payload })]);
            }
        }
        DeviceKind::Alarm
    }

    /// The words of what opens and closes.
    fn opening(&self) -> Reads {
        self.words(&[
            ("state_open", "open", Status::Open),
            ("state_opening", "opening", Status::Opening),
            ("state_closed", "closed", Status::Closed),
            ("state_closing", "closing", Status::Closing),
            ("state_stopped", "stopped", Status::Stopped),
        ])
    }

    /// Open and close; what has `null` for one of them can't do it.
    fn open_and_close(&mut self) {
        for (action, payload, or) in
            [(HomeAction::Open, "payload_open", "OPEN"), (HomeAction::Close, "payload_close", "CLOSE")]
        {
            if !self.fields.is_null(payload) {
                self.command(action, payload, or);
            }
        }
    }

    fn cover(&mut self, class: &str) -> DeviceKind {
        let words = self.opening();
        self.source("state_topic", &["value_template"], words);
        let (zero, full) = self.scale(("position_closed", 0.0), ("position_open", 100.0));
        // A position says whether it is open where nothing else does.
        let is = (!self.fields.has("state_topic")).then_some([Status::Closed, Status::Open]);
        let level = Reads::Level { zero, full, is };
        self.source("position_topic", &["position_template", "value_template"], level);
        self.open_and_close();
        self.level("set_position_topic", "set_position_template", (zero, full), None);
        if matches!(class, "garage" | "gate" | "door") { DeviceKind::Door } else { DeviceKind::Cover }
    }

    fn valve(&mut self) -> DeviceKind {
        let (zero, full) = self.scale(("position_closed", 0.0), ("position_open", 100.0));
        if self.fields.flag("reports_position") == Some(true) {
            let level = Reads::Level { zero, full, is: Some([Status::Closed, Status::Open]) };
            self.source("state_topic", &["value_template"], level);
            for (action, at) in [(HomeAction::Open, full), (HomeAction::Close, zero)] {
                let step = self.step("command_topic", "command_template", "", &at.to_string());
                self.control(action, Takes::Nothing, vec![step]);
            }
            self.level("command_topic", "command_template", (zero, full), None);
        } else {
            let words = self.opening();
            self.source("state_topic", &["value_template"], words);
            self.open_and_close();
        }
        DeviceKind::Valve
    }

    fn climate(&mut self) -> DeviceKind {
        let off = vec![("off".to_owned(), Status::Off)];
        self.source("mode_state_topic", &["mode_state_template", "value_template"], Reads::Text);
        self.source("mode_state_topic", &["mode_state_template", "value_template"], Reads::Words(off));
        self.source("temperature_state_topic", &["temperature_state_template", "value_template"], Reads::Target);
        let current = ["current_temperature_template", "value_template"];
        self.source("current_temperature_topic", &current, Reads::Current);
        let modes = self.fields.list("modes").unwrap_or_else(|| vec!["off".to_owned(), "heat".to_owned()]);
        let warm = ["heat_cool", "heat", "auto", "cool"].into_iter().find(|mode| modes.iter().any(|one| one == mode));
        let off = modes.iter().any(|mode| mode == "off").then_some("off");
        for (action, payload, or, mode) in
            [(HomeAction::TurnOn, "payload_on", "ON", warm), (HomeAction::TurnOff, "payload_off", "OFF", off)]
        {
            let power = self.step("power_command_topic", "power_command_template", payload, or);
            let mode = mode.and_then(|mode| self.step("mode_command_topic", "mode_command_template", "", mode));
            self.control(action, Takes::Nothing, vec![power.or(mode)]);
        }
        let unit = match self.fields.text("temperature_unit").as_deref() {
            Some("C") => "degrees Celsius",
            Some("F") => "degrees Fahrenheit",
            _ => "degrees",
        };
        let (least, most) = (self.fields.number("min_temp"), self.fields.number("max_temp"));
        let takes = Takes::Number { least, most, unit: unit.to_owned() };
        self.target("temperature_command_topic", "temperature_command_template", takes);
        DeviceKind::Climate
    }

    fn fan(&mut self) -> DeviceKind {
        self.on_or_off(&["state_value_template"]);
        let (first, last) = self.scale(("speed_range_min", 1.0), ("speed_range_max", 100.0));
        let zero = first - 1.0;
        let level = Reads::Level { zero, full: last, is: None };
        self.source("percentage_state_topic", &["percentage_value_template"], level);
        self.on_and_off();
        self.level("percentage_command_topic", "percentage_command_template", (zero, last), Some(first));
        DeviceKind::Fan
    }

    fn humidifier(&mut self) -> DeviceKind {
        self.on_or_off(&["state_value_template"]);
        self.source("target_humidity_state_topic", &["target_humidity_state_template"], Reads::Target);
        self.on_and_off();
        let least = Some(self.fields.number("min_humidity").unwrap_or(0.0));
        let most = Some(self.fields.number("max_humidity").unwrap_or(100.0));
        let takes = Takes::Number { least, most, unit: "percent".to_owned() };
        self.target("target_humidity_command_topic", "target_humidity_command_template", takes);
        DeviceKind::Other
    }

    fn lock(&mut self) -> DeviceKind {
        let words = self.words(&[
            ("state_locked", "LOCKED", Status::Locked),
            ("state_locking", "LOCKING", Status::Locking),
            ("state_unlocked", "UNLOCKED", Status::Unlocked),
            ("state_unlocking", "UNLOCKING", Status::Unlocking),
            ("state_jammed", "JAMMED", Status::Jammed),
        ]);
        self.source("state_topic", &["value_template"], words);
        self.command(HomeAction::Lock, "payload_lock", "LOCK");
        // A lock that wants a code is not given one: Pipit has none.
        if !self.fields.has("code_format") {
            self.command(HomeAction::Unlock, "payload_unlock", "UNLOCK");
            if self.fields.has("payload_open") {
                self.command(HomeAction::Open, "payload_open", "OPEN");
            }
        }
        DeviceKind::Lock
    }

    fn alarm(&mut self) -> DeviceKind {
        self.source("state_topic", &["value_template"], Reads::Text);
        let free = |needs: &str| !self.fields.has("code") || self.fields.flag(needs) == Some(false);
        let (arm, disarm) = (free("code_arm_required"), free("code_disarm_required"));
        let ways = [("arm_away", "ARM_AWAY"), ("arm_home", "ARM_HOME"), ("arm_night", "ARM_NIGHT")];
        let features = self.fields.list("supported_features");
        let has = |way: &str| features.as_ref().is_none_or(|features| features.iter().any(|one| one == way));
        if let Some((way, or)) = ways.into_iter().find(|(way, _)| arm && has(way)) {
            self.command(HomeAction::Arm, &format!("payload_{way}"), or);
        }
        if disarm {
            self.command(HomeAction::Disarm, "payload_disarm", "DISARM");
        }
        DeviceKind::Alarm
    }

    fn vacuum(&mut self) -> DeviceKind {
        let template = "{{ value_json.state if value_json.state is defined else value }}".to_owned();
        if let Some(topic) = self.fields.name("state_topic") {
            self.sources.push(Source { topic, template: Some(template), reads: Reads::Text });
        }
        self.command(HomeAction::TurnOn, "payload_start", "start");
        self.command(HomeAction::TurnOff, "payload_return_to_base", "return_to_base");
        DeviceKind::Vacuum
    }

    fn lawn_mower(&mut self) -> DeviceKind {
        self.source("activity_state_topic", &["activity_value_template"], Reads::Text);
        for (action, topic, template, payload) in [
            (HomeAction::TurnOn, "start_mowing_command_topic", "start_mowing_command_template", "start_mowing"),
            (HomeAction::TurnOff, "dock_command_topic", "dock_command_template", "dock"),
        ] {
            let step = self.step(topic, template, "", payload);
            self.control(action, Takes::Nothing, vec![step]);
        }
        DeviceKind::Vacuum
    }

    fn press(&mut self, payload: &str, or: &str, kind: DeviceKind) -> DeviceKind {
        self.command(HomeAction::TurnOn, payload, or);
        kind
    }

    fn number(&mut self) -> DeviceKind {
        self.source("state_topic", &["value_template"], Reads::Target);
        let (least, most) = self.scale(("min", 1.0), ("max", 100.0));
        let unit = self.fields.text("unit_of_measurement").unwrap_or_default();
        let takes = Takes::Number { least: Some(least), most: Some(most), unit };
        self.target("command_topic", "command_template", takes);
        DeviceKind::Other
    }

    fn sensor(&mut self) -> DeviceKind {
        self.source("state_topic", &["value_template"], Reads::Text);
        DeviceKind::Other
    }

    fn binary_sensor(&mut self) -> DeviceKind {
        let words = self.words(&[("payload_on", "ON", Status::On), ("payload_off", "OFF", Status::Off)]);
        self.source("state_topic", &["value_template"], words);
        DeviceKind::Other
    }
}
