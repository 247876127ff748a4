//! The rounds: what Pipit does when the power goes, and what it is asked when it is back.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use super::cache::Kept;
use super::daemon::{Daemon, Group};
use super::known::{Kind, Known};
use super::machine::Machine;
use super::users::{OF_A_BACKUP, Traffic};
use super::{Figures, PASSPHRASE, Settings, checks, models};
use crate::chance::Chance;
use crate::panel::Body;

/// Whatever is not written with fsync may be lost: without this, ext4 makes up for programs that forget it.
const OPTIONS: &str = "noauto_da_alloc";
/// What an installation brings.
const MODELS: [&str; 2] = ["silero-vad-v6.onnx", "smart-turn-v3.2.onnx"];
const MOST_WRITES_MORE: u64 = 12;
/// How often each is chosen.
const KEPT: [Kept; 6] = [Kept::None, Kept::None, Kept::All, Kept::First, Kept::Some, Kept::Some];
const ROUNDS: [(Round, u64); 4] =
    [(Round::FirstStart, 1), (Round::Traffic, 13), (Round::Start, 3), (Round::Restoration, 2)];

/// What the power is cut in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Round {
    /// The first start on an empty disk.
    FirstStart,
    /// A backup takes the place of what there is.
    Restoration,
    Start,
    /// Everything is used at once.
    Traffic,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Round::FirstStart => "first start",
            Round::Restoration => "restoration",
            Round::Start => "start",
            Round::Traffic => "traffic",
        })
    }
}

pub(super) struct Bench {
    machine: Machine,
    daemon: Daemon,
    known: Arc<Known>,
    chance: Chance,
    folder: PathBuf,
    catalogue: String,
    /// Whether the owner has a password.
    is_claimed: bool,
    last_restored: Value,
}

impl Bench {
    pub(super) fn new(settings: &Settings, folder: &Path) -> Result<Bench> {
        let machine = Machine::new(folder, OPTIONS)?;
        let config = machine.disk().join("pipit.toml");
        Ok(Bench {
            daemon: Daemon::new(&settings.binary, settings.preload.as_deref(), config, folder.join("log"))?,
            machine,
            known: Arc::default(),
            chance: Chance::new(settings.seed),
            folder: folder.to_owned(),
            catalogue: models::serve()?,
            is_claimed: false,
            last_restored: Value::Null,
        })
    }

    pub(super) fn group(&self) -> Group {
        self.daemon.group()
    }

    pub(super) fn choose(&mut self) -> Round {
        let mut left = self.chance.below(ROUNDS.iter().map(|(_, share)| share).sum());
        for (round, share) in ROUNDS {
            if left < share {
                return round;
            }
            left -= share;
        }
        Round::Traffic
    }

    /// Ends with a cut, and says how it was.
    ///
    /// # Errors
    /// Something was lost or damaged.
    pub(super) fn round(&mut self, round: Round, figures: &mut Figures) -> Result<String> {
        match round {
            Round::FirstStart => {
                self.begin_disk()?;
                self.daemon.start()?;
                self.wait(0..1500);
                self.cut(None, figures)
            }
            Round::Start => {
                self.begin_round()?;
                self.daemon.start()?;
                self.wait(0..1000);
                self.cut(None, figures)
            }
            Round::Restoration => {
                self.begin_round()?;
                self.start_and_compare(figures)?;
                self.restore(figures)
            }
            Round::Traffic => {
                self.begin_round()?;
                self.start_and_compare(figures)?;
                let traffic = Traffic::begin(&self.daemon.panel, &self.known, &mut self.chance);
                self.wait(200..4000);
                self.cut(Some(traffic), figures)
            }
        }
    }

    pub(super) fn look_at_the_last(&mut self, figures: &mut Figures) -> Result<()> {
        self.begin_round()?;
        self.start_and_compare(figures)?;
        self.daemon.kill()?;
        self.machine.unplug()
    }

    /// Keeps the log of a failure, and takes everything away.
    pub(super) fn give_up(&mut self, number: usize) -> Result<()> {
        // Where it has not begun, there is none.
        let _ = fs::copy(self.folder.join("log"), self.folder.join(format!("log-of-{number}")));
        self.known.power_is_cut();
        self.daemon.kill()?;
        self.machine.unplug()
    }

    /// Lets some milliseconds pass: the moment of the cut is to be by chance.
    fn wait(&mut self, milliseconds: std::ops::Range<u64>) {
        thread::sleep(Duration::from_millis(self.chance.among(milliseconds)));
    }

    /// An empty disk, with what an installation brings: the configuration and the models, all flushed.
    fn begin_disk(&mut self) -> Result<()> {
        self.machine.begin_disk()?;
        let (disk, installed) = (self.machine.disk(), crate::models::folder()?);
        fs::create_dir(disk.join("models"))?;
        for name in MODELS {
            let model = installed.join(name);
            fs::copy(&model, disk.join("models").join(name))
                .with_context(|| format!("there is no {}; firmware-host/setup.sh brings it", model.display()))?;
        }
        fs::write(disk.join("models/catalogue.toml"), &self.catalogue)?;
        fs::write(disk.join("pipit.toml"), self.configuration()?)?;
        self.machine.sync()?;
        self.known.clear();
        self.daemon.panel.sign_out();
        (self.is_claimed, self.last_restored) = (false, Value::Null);
        Ok(())
    }

    fn configuration(&self) -> Result<String> {
        let said =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware-host/demo/2-set-a-timer-for-ten-minutes.wav");
        let runtime = crate::models::folder()?.join("onnxruntime/libonnxruntime.so");
        let disk = self.machine.disk().display();
        Ok(format!(
            r#"[state]
dir = "{disk}/state"
[models]
dir = "{disk}/models"
runtime = "{}"
[audio]
backend = "wav"
input = "{}"
output = "{}"
[stt]
model = "pipit-nano-en"
[tts]
engine = "espeak"
[web]
listen = "127.0.0.1:{}"
"#,
            runtime.display(),
            said.canonicalize().with_context(|| format!("there is no {}", said.display()))?.display(),
            self.folder.join("said").display(),
            self.daemon.panel.port(),
        ))
    }

    /// The power is back: looks through what is left.
    fn begin_round(&mut self) -> Result<()> {
        self.machine.begin_again()?;
        self.known.power_is_back();
        checks::look_through(&self.machine.disk().join("state"), &self.daemon, &self.known)
    }

    /// Starts on what is left, and finds all that was confirmed.
    fn start_and_compare(&mut self, figures: &mut Figures) -> Result<()> {
        self.start(figures)?;
        if !self.is_claimed {
            self.daemon.claim()?;
            self.is_claimed = true;
        }
        if self.daemon.panel.token().is_none() {
            self.sign_in()?;
        }
        self.daemon.panel.get("/v1/timers").context("the token that was given out opens nothing")?;
        checks::compare(&self.daemon, &self.known)
    }

    fn start(&mut self, figures: &mut Figures) -> Result<()> {
        self.daemon.start()?;
        let took = self.daemon.wait_until_ready()?;
        figures.longest_start_s = figures.longest_start_s.max(took.as_secs_f64());
        Ok(())
    }

    fn sign_in(&mut self) -> Result<()> {
        self.daemon.panel.sign_in("cuts").context("the owner can't sign in")
    }

    /// The power goes; what is left is in the disk's image.
    fn cut(&mut self, traffic: Option<Traffic>, figures: &mut Figures) -> Result<String> {
        self.known.power_is_cut();
        let kept = *self.chance.one_of(&KEPT).context("there are some")?;
        let cut = self.machine.cut(kept, self.chance.next(), self.chance.below(MOST_WRITES_MORE + 1));
        self.daemon.kill()?;
        let used = traffic.map(Traffic::end);
        self.machine.unplug()?;
        let unflushed = cut?;
        figures.count(unflushed);
        let kept = format!("{kept:?}").to_lowercase();
        let mut said = format!("{kept}: {} of {} unflushed blocks kept", unflushed.kept, unflushed.written);
        if let Some((requests, refused)) = used {
            figures.requests += requests;
            ensure!(refused.is_empty(), "it refused: {:?}", &refused[..refused.len().min(3)]);
            said += &format!(", {requests} requests");
        }
        Ok(said)
    }

    /// A backup is made, changed after, and confirmed to come back; the power goes then, or while it takes its place.
    fn restore(&mut self, figures: &mut Figures) -> Result<String> {
        let passphrase = || Body::Json(json!({"passphrase": PASSPHRASE}));
        let panel = self.daemon.panel.clone();
        panel.task("POST", "/api/backup", passphrase())?;
        let backup = panel.bytes("GET", "/api/backup/file", Body::Nothing)?;
        let then = self.known.all();
        for user in OF_A_BACKUP {
            for _ in 0..3 {
                user(&panel, &self.known, &mut self.chance)?;
            }
        }
        panel.ask("PUT", "/api/restore/file", Body::Bytes(backup))?;
        panel.task("POST", "/api/restore/try", passphrase())?;
        panel.ask("POST", "/api/restore", Body::Nothing)?;
        let now = self.known.all();
        let cut = if self.chance.fraction() < 0.3 {
            format!("once confirmed, {}", self.cut(None, figures)?)
        } else {
            self.daemon.end()?;
            self.daemon.start()?;
            self.wait(0..1000);
            self.cut(None, figures)?
        };
        self.begin_round()?;
        self.start(figures)?;
        // Tokens come back with a backup, and whoever is not known by theirs signs in again.
        self.sign_in()?;
        let last = self.daemon.panel.get("/api/restore")?["last"].take();
        if last.is_null() || last["at"] == self.last_restored {
            bail!("a restoration that was confirmed has not happened");
        }
        self.last_restored = last["at"].clone();
        let went_back = !last["went_back"].is_null();
        // Models are in no backup. What was not there then may be there again or not: it is compared with what there was.
        self.known.put(if went_back { now } else { then.with(Kind::Model, &now) });
        checks::compare(&self.daemon, &self.known)?;
        self.daemon.panel.ask("DELETE", "/api/restore/kept", Body::Nothing)?;
        let outcome = if went_back { "went back" } else { "restored" };
        Ok(format!("{cut}; {outcome}; and again {}", self.cut(None, figures)?))
    }
}
