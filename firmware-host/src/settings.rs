//! Where the configuration comes from: the owner's file, what was set at the panel, the environment and the flags.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use pipit_core::config::panel::{self, Change, Setting};
use pipit_core::config::{self, Config, Defaults, Layers, Problem, Text};
use pipit_store::Store;
use pipit_web::settings::{Secrets, Settings, Shown};
use zeroize::Zeroizing;

use crate::board_state::Trouble;
use crate::whole_file;

/// What the panel writes, in the state directory: where it may write, and what is backed up.
const PANELS_FILE: &str = "settings.toml";

/// The last configuration that the daemon came up with, in the state directory.
pub(crate) const LAST_GOOD_FILE: &str = "pipit.toml.last-good";

/// The layers of the configuration, as far as they are known before any of them is read.
#[derive(Clone, Debug, Default)]
pub struct Layering {
    /// The file, if one was named; else the usual one, which need not exist.
    pub file: Option<PathBuf>,
    /// What followed each `--set`.
    pub flags: Vec<String>,
    /// What is read in place of the file, which can't be used.
    last_good: Option<LastGood>,
}

/// What the file said when the daemon came up last.
#[derive(Clone, Debug)]
struct LastGood {
    name: String,
    content: String,
    /// What is wrong with the file now.
    problem: String,
}

/// What a configuration was made of.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What is wrong with what was set at the panel, so that it was left out.
    pub left_out: Option<String>,
}

impl Layering {
    /// That file, if one is named, and what followed each `--set`.
    #[must_use]
    pub fn new(file: Option<PathBuf>, flags: Vec<String>) -> Layering {
        Layering { file, flags, last_good: None }
    }

    /// The same, and where the file can't be used, as after a power cut in the middle of writing it, the one that the daemon came up
    /// with last takes its place.
    #[must_use]
    pub fn or_last_good(self) -> Layering {
        let Some(problem) = self.problem() else { return self };
        let content = match self.kept() {
            Ok(Some(content)) => content,
            Ok(None) => return self,
            Err(error) => {
                tracing::warn!("whether there is a last configuration that was right can't be looked up: {error:#}");
                return self;
            }
        };
        let name = format!("{}, as it was when Pipit came up last", self.name().display());
        let instead = Layering { last_good: Some(LastGood { name, content, problem }), ..self.clone() };
        match instead.with_layers(None, config::load) {
            Ok(Ok(_)) => instead,
            // What is wrong is not in the file, or there too.
            _ => self,
        }
    }

    /// What is wrong with the file, where the last good one takes its place.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        if let Some(LastGood { problem, .. }) = &self.last_good {
            return Some(problem.clone());
        }
        match self.with_layers(None, config::load) {
            Err(error) => Some(format!("{error:#}")),
            Ok(Err(problems)) => Some(listed(&problems)),
            // A file of no length is what a power cut leaves; whoever wants everything as it comes has no file.
            Ok(Ok(_)) => {
                let is_empty = fs::metadata(self.name()).is_ok_and(|file| file.is_file() && file.len() == 0);
                is_empty.then(|| format!("{} is empty", self.name().display()))
            }
        }
    }

    /// That the last good configuration takes the place of the file, if so, and what to do about it. Of what is wrong with the file
    /// the first is told.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let LastGood { problem, .. } = self.last_good.as_ref()?;
        let mut all = problem.lines();
        let first = all.next().unwrap_or_default();
        let more = match all.count() {
            0 => String::new(),
            more => format!("; {more} more: pipit config check"),
        };
        Some(Trouble::slight(
            "configuration",
            format!(
                "the last good configuration is in use: the newest can't be used; set it right and restart Pipit ({first}{more})"
            ),
        ))
    }

    /// Whether the last good configuration takes the place of the file.
    #[must_use]
    pub fn is_last_good(&self) -> bool {
        self.last_good.is_some()
    }

    /// Keeps what the file says as what Pipit came up with last. Without a file there is nothing to keep.
    ///
    /// # Errors
    /// It can't be written.
    pub fn keep_as_good(&self, state_dir: &Path) -> anyhow::Result<()> {
        if self.is_last_good() {
            return Ok(());
        }
        let (kept, name) = (state_dir.join(LAST_GOOD_FILE), self.name());
        let Some(content) = read(&name)? else { return Ok(()) };
        let text = format!("{}\n{content}", heading(&name));
        if read(&kept).is_ok_and(|before| before.as_ref() == Some(&text)) {
            return Ok(());
        }
        replace(&kept, &text)
    }

    /// What the same file said when Pipit came up last. It is looked for where the state lies if the file does not say, as it is for
    /// the service.
    fn kept(&self) -> anyhow::Result<Option<String>> {
        let without = Layering { last_good: Some(LastGood::nothing()), ..self.clone() };
        let Ok(config) = without.with_layers(None, config::load)? else { return Ok(None) };
        let text = read(&config.state_dir.join(LAST_GOOD_FILE))?;
        let content = |text: String| Some(text.strip_prefix(&heading(&self.name()))?.strip_prefix('\n')?.to_owned());
        Ok(text.and_then(content).filter(|content| !content.is_empty()))
    }

    /// Reads every layer. What was set at the panel and is not right is left out: Pipit starts without, so that it can be set
    /// right there.
    ///
    /// # Errors
    /// What the owner wrote is not right, or can't be read.
    pub fn load(&self) -> anyhow::Result<Loaded> {
        let config = self.load_without_panel()?;
        let file = panels_file(&config);
        let Some(text) = read(&file)? else { return Ok(Loaded { config, left_out: None }) };
        let with_panel = self.with_layers(Some((&file, &text)), config::load)?;
        Ok(match with_panel {
            Ok(config) => Loaded { config, left_out: None },
            Err(problems) => Loaded { config, left_out: Some(listed(&problems)) },
        })
    }

    /// Reads every layer but the panel's.
    ///
    /// # Errors
    /// What the owner wrote is not right, or can't be read.
    pub fn load_without_panel(&self) -> anyhow::Result<Config> {
        self.with_layers(None, config::load)?.map_err(|problems| not_right(&problems))
    }

    fn name(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| PathBuf::from(config::USUAL_FILE))
    }

    /// What was set at the panel and what the owner wrote, as they are.
    ///
    /// # Errors
    /// One of them is there and can't be read.
    pub fn texts_in(&self, state_dir: &Path) -> anyhow::Result<(Option<String>, Option<String>)> {
        let own = self.last_good.as_ref().map(|good| good.content.clone());
        Ok((read(&state_dir.join(PANELS_FILE))?, own.map_or_else(|| read(&self.name()), |own| Ok(Some(own)))?))
    }

    /// Where the configuration comes from, in words.
    #[must_use]
    pub fn described(&self) -> String {
        if let Some(LastGood { name, .. }) = &self.last_good {
            return name.clone();
        }
        match &self.file {
            Some(file) => file.display().to_string(),
            None if Path::new(config::USUAL_FILE).exists() => config::USUAL_FILE.to_owned(),
            None => format!("no file at {}: everything has its default", config::USUAL_FILE),
        }
    }

    fn with_layers<T>(&self, panel: Option<(&Path, &str)>, work: impl FnOnce(Layers<'_>) -> T) -> anyhow::Result<T> {
        let (file, panels_name) = (self.name(), panel.map(|(file, _)| file.display().to_string()));
        let mut name = file.display().to_string();
        let content = match (&self.last_good, fs::read_to_string(&file)) {
            (Some(good), _) => {
                name.clone_from(&good.name);
                Some(good.content.clone())
            }
            (None, Ok(content)) => Some(content),
            (None, Err(error)) if error.kind() == ErrorKind::NotFound && self.file.is_none() => None,
            (None, Err(error)) => {
                return Err(error).with_context(|| format!("the configuration {name} can't be read"));
            }
        };
        let state_dir = config::usual_state_dir(|name| std::env::var_os(name)).context(
            "there is no place for what Pipit remembers: set HOME, or write state.dir into the configuration",
        )?;
        Ok(work(Layers {
            defaults: Defaults { state_dir },
            file: content.as_deref().map(|content| Text { name: &name, content }),
            panel: panels_name.as_deref().zip(panel).map(|(name, (_, content))| Text { name, content }),
            environment: std::env::vars_os().collect(),
            flags: &self.flags,
        }))
    }
}

impl LastGood {
    /// As if there were no file.
    fn nothing() -> LastGood {
        LastGood { name: String::new(), content: String::new(), problem: String::new() }
    }
}

/// By which it is known of which file the last good one was.
fn heading(file: &Path) -> String {
    format!("# What Pipit came up with last out of {}", file.display())
}

/// The panel's part of the configuration, which takes effect at the next start.
pub struct PanelsSettings {
    layering: Layering,
    file: PathBuf,
    store: Store,
    /// What held at the start.
    at_start: Vec<Setting>,
    /// Held while the file is changed.
    changing: Mutex<()>,
}

impl PanelsSettings {
    /// Of a daemon that was started with `config`, which `layering` says. What was chosen at run time is kept in `store`.
    ///
    /// # Errors
    /// The layers can't be read any more, or are no longer right.
    pub fn new(layering: Layering, config: &Config, store: Store) -> anyhow::Result<PanelsSettings> {
        let (file, changing) = (panels_file(config), Mutex::new(()));
        let at_start = read_all(&layering, &file)?;
        Ok(PanelsSettings { layering, file, store, at_start, changing })
    }

    fn written(&self, changes: &[Change], secrets: &Secrets) -> Result<(), Vec<String>> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let unread = |error: anyhow::Error| vec![format!("{error:#}")];
        let before = read(&self.file).map_err(unread)?.unwrap_or_default();
        let given: Vec<_> = secrets.keys().map(String::as_str).collect();
        let change = |layers: Layers<'_>| panel::changed_with(layers, changes, &given);
        let text = self.layering.with_layers(Some((&self.file, &before)), change).map_err(unread)??;
        let kept = self.keep(secrets).map_err(unread)?;
        if let Err(error) = replace(&self.file, &text) {
            self.put_back(kept);
            return Err(unread(error));
        }
        self.forget_choices(changes).map_err(unread)
    }

    /// Keeps these secrets; gives what was there before under their names. It goes before the settings, so that what was kept
    /// is never sent where only the new one may go.
    fn keep(&self, secrets: &Secrets) -> anyhow::Result<Vec<(String, Option<Zeroizing<String>>)>> {
        let mut before = Vec::new();
        for (name, secret) in secrets {
            before.push((name.clone(), self.store.secret(name)?));
            if let Err(error) = self.store.set_secret_at(name, secret.trim(), jiff::Timestamp::now()) {
                self.put_back(before);
                return Err(error).with_context(|| format!("the secret {name} can't be kept, and nothing was set"));
            }
        }
        Ok(before)
    }

    fn put_back(&self, secrets: Vec<(String, Option<Zeroizing<String>>)>) {
        for (name, secret) in secrets {
            let put_back = match secret {
                Some(secret) => self.store.set_secret(&name, &secret),
                None => self.store.remove_secret(&name).map(|_| ()),
            };
            if let Err(error) = put_back {
                tracing::error!("the secret {name} is another one now, though nothing was set with it: {error}");
            }
        }
    }

    /// What was chosen while it ran would outweigh what is now set.
    fn forget_choices(&self, changes: &[Change]) -> anyhow::Result<()> {
        let store = &self.store;
        for Change { section, key, value } in changes {
            match (section.as_str(), key.as_str()) {
                ("audio", "volume") => {
                    let percent = value.as_ref().and_then(|value| u8::try_from(value.as_u64()?).ok());
                    store.set_volume(percent.unwrap_or(100))
                }
                ("wake", "mode") => store.set_wake_mode(None),
                ("chat", "privacy") => store.set_widest_tier(None),
                ("chat", "persona" | "system_prompt") => store.set_speaking_persona(None),
                ("tts", "engine" | "voice" | "model") => store.set_voice(None),
                ("stt", "engine" | "model") => store.set_recogniser(None),
                _ => Ok(()),
            }
            .context("it is set, but what was chosen at run time could not be forgotten and still holds")?;
        }
        Ok(())
    }
}

impl Settings for PanelsSettings {
    fn read(&self) -> Result<Shown, String> {
        let settings = read_all(&self.layering, &self.file).map_err(|error| format!("{error:#}"))?;
        let differs = |(now, before): (&Setting, &Setting)| now.value != before.value;
        let pending = settings.iter().zip(&self.at_start).any(differs);
        let file = match &self.layering.last_good {
            Some(good) => good.name.clone(),
            None => self.layering.name().display().to_string(),
        };
        Ok(Shown { settings, file, pending })
    }

    fn change_with(&self, changes: &[Change], secrets: &Secrets) -> Result<(), Vec<String>> {
        self.written(changes, secrets)
    }
}

fn panels_file(config: &Config) -> PathBuf {
    config.state_dir.join(PANELS_FILE)
}

/// Every setting. What was set at the panel is left out where it is not right.
fn read_all(layering: &Layering, file: &Path) -> anyhow::Result<Vec<Setting>> {
    if let Some(text) = read(file)?
        && let Ok(settings) = layering.with_layers(Some((file, &text)), panel::settings)?
    {
        return Ok(settings);
    }
    layering.with_layers(None, panel::settings)?.map_err(|problems| not_right(&problems))
}

/// What is in a file, if there is one. That its folder can't be one is told by whoever makes that.
fn read(file: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} can't be read", file.display())),
    }
}

/// Writes a file as a whole, in a folder that need not be there yet.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    }
    whole_file::replace(file, text.as_bytes())
}

fn not_right(problems: &[Problem]) -> anyhow::Error {
    anyhow::anyhow!("the configuration is not right:\n{}", listed(problems))
}

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
