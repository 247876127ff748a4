//! What goes into a support bundle. Of the configuration, what is no text; of texts, only what Pipit itself has put there. Whatever else
//! could hold a name, an address or a path goes through `Discretion`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use pipit_core::config::Config;
use pipit_core::config::panel::{Setting, SettingKind, Source};
use pipit_models::board::Board;
use pipit_models::catalogue::{Catalogue, State};
use pipit_store::Store;
use pipit_web::settings::Settings;
use pipit_web::support::{Part, Support};
use pipit_web::{Metrics, Progress, Snapshot};
use serde_json::Value;
use tokio::sync::watch;

use crate::cli::doctor;
use crate::installed::Installed;
use crate::{audio, board_state};

/// Turns whose times are told.
const TURNS: usize = 50;

/// Texts that are shorter than this are no names that could be found again.
const SHORTEST_NAME: usize = 3;

/// Gives the last lines of the log, where they are kept.
pub type LogLines = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// What is looked at.
pub struct Looked {
    /// What the daemon was started with.
    pub config: Config,
    /// The configuration, key by key.
    pub settings: Arc<dyn Settings>,
    /// What is remembered, as the owner may use it.
    pub store: Store,
    /// Where the last turns are kept.
    pub turns: Store,
    /// What has been counted.
    pub metrics: Arc<Metrics>,
    /// The newest state.
    pub snapshots: watch::Receiver<Snapshot>,
    /// The last lines of the log.
    pub log: Option<LogLines>,
}

/// Bundles of what there is to be seen.
#[must_use]
pub fn of(looked: Looked) -> Support {
    Support::new(Arc::new(move |progress| looked.collect(progress)))
}

impl Looked {
    fn collect(&self, progress: &Progress) -> Result<Vec<Part>, String> {
        let settings = self.settings.read()?.settings;
        let catalogue = Catalogue::built_in();
        let discretion = Discretion::new(&settings, &self.store);
        let steps: [(&'static str, &dyn Fn() -> String); 8] = [
            ("Version and board", &|| version_and_board(&self.config)),
            ("Configuration", &|| configuration(&settings, &catalogue)),
            ("Findings", &|| self.findings(&discretion)),
            ("Models", &|| models(&self.config, &catalogue, &self.snapshots.borrow())),
            ("Sound devices", &sound_devices),
            ("Turns", &|| self.turns()),
            ("Counters", &|| self.metrics.written(&self.snapshots.borrow())),
            ("Log", &|| self.log(&discretion)),
        ];
        let mut parts = Vec::new();
        let all = steps.len() as u64;
        for (done, (name, look)) in steps.into_iter().enumerate() {
            if progress.is_cancelled() {
                return Err("it was cancelled".to_owned());
            }
            progress.reached(done as u64, Some(all));
            progress.say(name);
            parts.push(Part { name, text: look() });
        }
        Ok(parts)
    }

    fn findings(&self, discretion: &Discretion) -> String {
        let history = match self.store.warning() {
            Some(warning) => format!("BAD   history: {warning}"),
            None => "ok    history".to_owned(),
        };
        let found =
            doctor::at_hand(&self.config).into_iter().map(|(what, mark, words)| format!("{mark}  {what}: {words}"));
        let lines: Vec<_> = [history].into_iter().chain(found).map(|line| discretion.told(&line)).collect();
        lines.join("\n")
    }

    fn log(&self, discretion: &Discretion) -> String {
        let Some(lines) = &self.log else {
            return "Not kept by Pipit itself; `journalctl -u pipit` has it, where Pipit is a service.".to_owned();
        };
        let lines: Vec<_> = lines().iter().map(|line| discretion.told(line)).collect();
        lines.join("\n")
    }

    /// What the last turns took: numbers, and words of Pipit's own for how they ended.
    fn turns(&self) -> String {
        let turns = match self.turns.recent_turns(TURNS) {
            Ok(turns) => turns,
            Err(_) => return "The record can't be read.".to_owned(),
        };
        let mut text = String::from("in milliseconds after the end of speech, the newest first\n");
        for turn in turns {
            let record: Value = serde_json::from_str(&turn.record).unwrap_or_default();
            let ended_by =
                record["ended_by"].as_str().filter(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            let ended_by = ended_by.unwrap_or("nothing");
            let times = ["pause", "turn_decided", "transcript", "reply_first_text", "first_audio"].map(|stage| {
                let reached = record["timings_ms"][stage].as_f64();
                reached.map_or_else(|| format!("{stage} -"), |ms| format!("{stage} {ms:.0}"))
            });
            let drafts = record["waterfall"]["drafts"].as_array().map_or(0, Vec::len);
            let interruptions = record["waterfall"]["interruptions"].as_array().map_or(0, Vec::len);
            // Writing into a string can't fail.
            let _ = writeln!(text, "{ended_by}: {}; {drafts} drafts, {interruptions} interruptions", times.join(", "));
        }
        text
    }
}

fn version_and_board(config: &Config) -> String {
    let board = Board::detect();
    let first_line =
        |file: &str| fs::read_to_string(file).unwrap_or_default().lines().next().unwrap_or_default().to_owned();
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    let disk = board_state::free(&config.state_dir).unwrap_or(0);
    let since_start = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = since_start.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("unknown").trim();
    format!(
        "Pipit {}\nboard: {}, {}, {} cores, {} MB of memory\nsystem: {}, kernel {}\nload: {}\nfree on the disk of state.dir: {} MB\n\
         memory of Pipit: {memory}\n",
        env!("CARGO_PKG_VERSION"),
        board.name,
        board.arch,
        board.cores,
        board.memory / 1_000_000,
        system.trim_matches('"'),
        first_line("/proc/sys/kernel/osrelease"),
        first_line("/proc/loadavg"),
        disk / 1_000_000
    )
}

/// Every key that does not hold its default, without the words that somebody wrote.
fn configuration(settings: &[Setting], catalogue: &Catalogue) -> String {
    let mut text = String::from("what is not as Pipit comes; texts that could tell of you are left out\n");
    for setting in settings.iter().filter(|setting| setting.value != setting.default) {
        let from = match setting.source {
            Source::Default => "default",
            Source::File(_) => "file",
            Source::Panel => "panel",
            Source::Outside(_) => "environment or flag",
        };
        let _ = writeln!(text, "{}.{} = {} ({from})", setting.section, setting.key, value_told(setting, catalogue));
    }
    text
}

fn value_told(setting: &Setting, catalogue: &Catalogue) -> String {
    let value = &setting.value;
    match &setting.kind {
        SettingKind::Flag | SettingKind::Whole(..) | SettingKind::Decimal(..) | SettingKind::Choice(_) => {
            value.to_string()
        }
        SettingKind::Tables(_) => format!("{} entries", value.as_array().map_or(0, Vec::len)),
        SettingKind::Text { .. } => match value.as_str() {
            None | Some("") => "nothing".to_owned(),
            Some(name) if catalogue.get(name).is_ok() => format!("{name:?}"),
            Some(text) => format!("a text of {} characters", text.chars().count()),
        },
    }
}

/// Models of the catalogue that is built in; of others, how many.
fn models(config: &Config, catalogue: &Catalogue, now: &Snapshot) -> String {
    let installed = match Installed::open(config) {
        Ok(installed) => installed,
        Err(_) => return "The models folder can't be read.".to_owned(),
    };
    let (known, others): (Vec<_>, Vec<_>) =
        installed.folder().list().into_iter().partition(|listed| catalogue.get(&listed.model.name).is_ok());
    let at_work = match now.recogniser.as_deref() {
        Some(name) if catalogue.get(name).is_ok() => name,
        Some(_) => "another",
        None => "none",
    };
    let mut text = format!("recogniser at work: {at_work}\n");
    for listed in known.iter().filter(|listed| listed.state != State::Absent) {
        let name = &listed.model.name;
        let speed = installed.measured().of(name, installed.board());
        let speed = speed.map_or_else(
            || "not measured here".to_owned(),
            |measured| {
                let by = measured.engine.as_deref().map_or(String::new(), |engine| format!(", {engine}"));
                format!("real-time factor {} with {} threads{by}", measured.real_time_factor, measured.threads)
            },
        );
        let _ = writeln!(text, "{name}: {:?}, {} bytes, {speed}", listed.state, listed.bytes_on_disk);
    }
    let _ = writeln!(text, "and {} that are not in Pipit's own catalogue", others.len());
    text
}

/// What the devices can do, without what they are called: a headset has its owner's name.
fn sound_devices() -> String {
    let list = audio::devices();
    if list.problem.is_some() {
        return "They can't be listed.".to_owned();
    }
    let mut text = String::new();
    for (number, device) in list.devices.iter().enumerate() {
        let offers = |formats: &Option<audio::Formats>| {
            formats.as_ref().map_or_else(
                || "no".to_owned(),
                |formats| {
                    let ((low, high), (few, many)) = (formats.rates, formats.channels);
                    format!("{low} to {high}, {few} to {many} channels")
                },
            )
        };
        let is_default = if device.default { ", the default" } else { "" };
        let _ = writeln!(
            text,
            "device {}{is_default}: in {}; out {}",
            number + 1,
            offers(&device.input),
            offers(&device.output)
        );
    }
    if text.is_empty() { "There are none.".to_owned() } else { text }
}

/// Takes out of what Pipit tells whatever could be a name, an address or a path.
#[derive(Debug, Default)]
struct Discretion {
    /// In lower case, the longest first.
    names: Vec<String>,
}

impl Discretion {
    fn new(settings: &[Setting], store: &Store) -> Discretion {
        let mut names = BTreeSet::new();
        // What the system itself is called by.
        let own = [fs::read_to_string("/proc/sys/kernel/hostname").ok(), std::env::var("USER").ok()];
        names.extend(own.into_iter().flatten());
        names.extend(store.people().unwrap_or_default().into_iter().filter_map(|person| person.name));
        names.extend(store.secret_names().unwrap_or_default());
        for setting in settings.iter().filter(|setting| !matches!(setting.kind, SettingKind::Choice(_))) {
            texts_in(&setting.value, &mut names);
        }
        let mut names: Vec<_> = names.iter().map(|name| name.trim().to_lowercase()).collect();
        names.retain(|name| name.chars().count() >= SHORTEST_NAME);
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Discretion { names }
    }

    fn told(&self, line: &str) -> String {
        let words: Vec<_> = without_quoted(line)
            .split(' ')
            .map(|word| if is_telling(word) { "<left out>".to_owned() } else { word.to_owned() })
            .collect();
        let mut line = words.join(" ");
        for name in &self.names {
            line = without(&line, name);
        }
        line
    }
}

/// All texts in a value.
fn texts_in(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(into.insert(text.clone())),
        Value::Array(all) => all.iter().for_each(|one| texts_in(one, into)),
        Value::Object(all) => all.values().for_each(|one| texts_in(one, into)),
        _ => {}
    }
}

/// The line without what stands between quotation marks: names, mostly.
fn without_quoted(line: &str) -> String {
    let parts = line.split('"').enumerate();
    parts.map(|(n, part)| if n % 2 == 1 { "\"<left out>\"" } else { part }).collect()
}

/// Whether a word is an address of some kind or a path.
fn is_telling(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/' && c != '~');
    let host = bare.split([':', '/']).next().unwrap_or_default();
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok()
        || (bare.matches(':').count() > 1 && bare.contains(|c: char| c.is_ascii_hexdigit()));
    let has_dots = host.contains('.') && host.contains(|c: char| c.is_alphabetic());
    bare.contains(['/', '@', '\\', '~']) || is_address || has_dots
}

/// The line without `name`, however it is written.
fn without(line: &str, name: &str) -> String {
    let lower = line.to_lowercase();
    // Where letters change their length in lower case, the places would differ.
    if lower.len() != line.len() {
        return if lower.contains(name) { "<left out>".to_owned() } else { line.to_owned() };
    }
    let (mut told, mut from) = (String::new(), 0);
    while let Some(at) = lower[from..].find(name) {
        told += &line[from..from + at];
        told += "<left out>";
        from += at + name.len();
    }
    told + &line[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_tell_of_somebody_is_left_out_of_a_line() {
        let discretion = Discretion { names: vec!["living room".to_owned(), "ann".to_owned()] };
        for (line, told) in [
            ("connected to the MQTT broker at broker.lan:1883", "connected to the MQTT broker at <left out>"),
            ("panel at http://192.168.1.9:7847", "panel at <left out>"),
            ("/home/ann/.local/share/pipit can't be read", "<left out> can't be read"),
            ("the area Living Room of Ann is not there", "the area <left out> of <left out> is not there"),
            ("heard \"what time is it\" and more", "heard \"<left out>\" and more"),
            ("asked fe80::1 in vain", "asked <left out> in vain"),
            ("write to ann@example.org", "write to <left out>"),
            ("recogniser: whisper-base-en in 0.3 s", "recogniser: whisper-base-en in 0.3 s"),
            ("İstanbul has ANN in it", "<left out>"),
        ] {
            assert_eq!(discretion.told(line), told);
        }
    }
}
