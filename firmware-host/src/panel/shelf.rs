//! The models folder, for the panel. It is looked at anew each time, since `pipit models` may change it too.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail, ensure};
use pipit_core::config::Config;
use pipit_models::cancel::CancelFlag;
use pipit_models::catalogue::{Kind, Model, Source, State, Verdict};
use pipit_models::download::{self, Downloader};
use pipit_store::Store;
use pipit_web::{Models, Outcome, Progress, Usable};
use tokio::sync::mpsc;

use crate::app::App;
use crate::bus::Bus;
use crate::controls::Controls;
use crate::installed::Installed;
use crate::shelf;

pub(super) struct Shelf {
    config: Config,
    bus: Bus,
    store: Store,
    controls: Controls,
    /// Held while something is measured: two at once would slow each other down.
    measuring: Mutex<()>,
}

impl Shelf {
    pub(super) fn new(app: &App, controls: &Controls) -> Shelf {
        let (config, bus, store) = (app.config().clone(), app.bus().clone(), app.speakers().clone());
        Shelf { config, bus, store, controls: controls.clone(), measuring: Mutex::default() }
    }

    /// What recognises speech now, and what speaks.
    fn now(&self) -> (Option<String>, Option<String>) {
        let snapshots = self.bus.snapshots();
        let now = snapshots.borrow();
        (now.recogniser.clone(), now.voice.clone())
    }

    fn at_work(&self, installed: &Installed) -> HashSet<String> {
        let (recogniser, voice) = self.now();
        shelf::at_work(installed, &self.config, recogniser.as_deref(), voice.as_deref())
    }

    fn listed(&self) -> anyhow::Result<Models> {
        let installed = Installed::open(&self.config)?;
        let (folder, board) = (installed.folder(), installed.board());
        let at_work = self.at_work(&installed);
        let models = folder.list().into_iter().map(|listed| {
            let model = listed.model;
            let fit = folder.catalogue().fit(model, board, installed.measured());
            let is_here = model.source == Source::InTheBox;
            pipit_web::Model {
                name: model.name.clone(),
                kind: model.kind().as_str(),
                about: model.about.clone(),
                licence: model.licence.clone(),
                bytes: model.bytes(),
                memory: model.memory,
                on_disk: listed.bytes_on_disk,
                state: if is_here { State::Installed } else { listed.state }.name(),
                source: source_name(model.source),
                host: model.host(),
                fits: fit.verdict == Verdict::Fits,
                fit: fit.to_string(),
                factor: fit.real_time_factor,
                measured: fit.measured,
                at_work: at_work.contains(&model.name),
                measurable: shelf::is_measurable(model),
            }
        });
        let recommended = folder.catalogue().recommended(board, &self.config.stt.language, installed.measured());
        let recommended = recommended.recogniser.iter().chain(&recommended.voice).map(|model| model.name.clone());
        let (recogniser, _) = self.now();
        let former = self.store.former_recogniser().unwrap_or_else(|error| {
            tracing::warn!("it is not known what recognised speech before: {error}");
            None
        });
        let former = former.filter(|former| Some(former) != recogniser.as_ref());
        let former = former.filter(|former| self.check_usable(&installed, former).is_ok());
        Ok(Models {
            models: models.collect(),
            board: board.name.clone(),
            cores: board.cores,
            memory: board.memory_for_models(),
            free: folder.free_space(),
            import_from: self.config.models.import_dir.as_ref().map(|folder| folder.display().to_string()),
            recommended: recommended.collect(),
            former,
        })
    }

    fn pulled(&self, name: &str, progress: &Progress) -> anyhow::Result<Outcome> {
        let installed = Installed::open(&self.config)?;
        let model = installed.folder().catalogue().get(name)?;
        let files = Files::of(model);
        let mut show = |step: download::Progress<'_>| match step {
            download::Progress::Waiting { file } => progress.say(format!("{file}: another download is under way.")),
            download::Progress::Checking { file, done, .. } => {
                progress.say(format!("Checking {file}."));
                progress.reached(files.before(file) + done, files.total);
            }
            download::Progress::Downloading { file, done, .. } => {
                progress.say(format!("Downloading {file}."));
                progress.reached(files.before(file) + done, files.total);
            }
            download::Progress::Retrying { file, reason, after } => {
                progress.say(format!("{file}: {reason}; again in {after:.0?}."));
            }
        };
        Downloader::default().pull(installed.folder(), name, &mut show, progress.cancelled())?;
        Ok(format!("{name} is installed.").into())
    }

    fn verified(&self, name: &str, progress: &Progress) -> anyhow::Result<Outcome> {
        let installed = Installed::open(&self.config)?;
        let files = Files::of(installed.folder().catalogue().get(name)?);
        let mut show = |file: &pipit_models::catalogue::ModelFile, done, _| {
            progress.say(format!("Reading {}.", file.name));
            progress.reached(files.before(&file.name) + done, files.total);
        };
        let verdicts = installed.folder().verify(name, &mut show, progress.cancelled()).map_err(|error| {
            if progress.is_cancelled() { anyhow::anyhow!("it was cancelled") } else { error.into() }
        })?;
        let said: Vec<_> =
            verdicts.iter().map(|(file, verdict)| format!("{}: {}", file.name, shelf::in_words(verdict))).collect();
        ensure!(!verdicts.iter().any(|(_, verdict)| shelf::is_bad(verdict)), said.join("; "));
        Ok(format!("{}.", said.join("; ")).into())
    }

    fn measured(&self, name: &str, progress: &Progress) -> anyhow::Result<Outcome> {
        let runs = NonZeroUsize::new(5).context("five is not zero")?;
        let installed = Installed::open(&self.config)?;
        let model = installed.folder().catalogue().get(name)?;
        progress.say("Waiting for another measurement.");
        let _alone = self.measuring.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(!progress.is_cancelled(), "it was cancelled");
        progress.say("Loading it beside what is at work, and working six times with it.");
        let measured =
            shelf::bench(&installed, &self.config, model, runs, &CancelFlag::of(progress.cancelled()), &|line| {
                tracing::info!("{line}")
            })?;
        let by = measured.engine.map_or(String::new(), |engine| format!(" with {engine}"));
        let seconds = measured.real_time_factor.wall;
        Ok(format!("{name} takes {seconds:.2} s for a second of speech on this board{by}.").into())
    }

    fn imported(&self, progress: &Progress) -> anyhow::Result<Outcome> {
        let from = self.config.models.import_dir.as_ref();
        let from = from.context("no folder is named to take models from; set models.import_dir")?;
        let installed = Installed::open(&self.config)?;
        progress.say(format!("Looking through {}.", from.display()));
        let mut show = |file: &str, done| {
            progress.say(format!("Copying {file}."));
            progress.reached(done, None);
        };
        let imported = installed.folder().import(from, &mut show, progress.cancelled())?;
        let mut said = Vec::new();
        for (what, files) in [("Taken", &imported.taken), ("There already", &imported.already_there)] {
            if !files.is_empty() {
                said.push(format!("{what}: {}", files.join(", ")));
            }
        }
        said.extend(imported.rejected.iter().map(|one| {
            format!("Not taken: {}, since {}", one.path.file_name().unwrap_or_default().to_string_lossy(), one.why)
        }));
        ensure!(!said.is_empty(), "{} holds no file of the catalogue", from.display());
        let said = format!("{}.", said.join(". "));
        ensure!(!imported.taken.is_empty() || !imported.already_there.is_empty(), said);
        Ok(said.into())
    }

    fn taken(&self, announced: Option<u64>, mut pieces: mpsc::Receiver<Result<Vec<u8>, ()>>) -> anyhow::Result<String> {
        let installed = Installed::open(&self.config)?;
        let mut arriving = installed.folder().arriving(announced)?;
        while let Some(piece) = pieces.blocking_recv() {
            let Ok(piece) = piece else { bail!("the rest of the file did not come; send it again") };
            arriving.push(&piece)?;
        }
        Ok(arriving.finish()?.name)
    }

    fn check_usable(&self, installed: &Installed, name: &str) -> anyhow::Result<Usable> {
        let choices = self.controls.choices();
        let Ok(model) = installed.folder().catalogue().get(name) else {
            // A service, or a file that the configuration names.
            ensure!(choices.models.find(name).is_some(), "there is no recogniser {name} any more");
            return Ok(Usable::Now);
        };
        ensure!(model.kind() == Kind::Stt, "{name} is no recogniser");
        let is_here = model.source == Source::InTheBox || installed.folder().state(model) == State::Installed;
        ensure!(is_here, "{name} is not installed; download it first");
        if choices.models.find(name).is_some() {
            return Ok(Usable::Now);
        }
        let language = &self.config.stt.language;
        ensure!(model.knows(language), "{name} does not know the language {language}, which stt.language says");
        if installed.recognisers(&self.config).iter().any(|known| known == name) {
            return Ok(Usable::FromNextStart);
        }
        let fit = installed.folder().catalogue().fit(model, installed.board(), installed.measured());
        bail!("{name} does not suit this board: {fit}")
    }
}

impl pipit_web::Shelf for Shelf {
    fn list(&self) -> Result<Models, String> {
        self.listed().map_err(in_words)
    }

    fn pull(&self, name: &str, progress: &Progress) -> Result<Outcome, String> {
        self.pulled(name, progress).map_err(in_words)
    }

    fn verify(&self, name: &str, progress: &Progress) -> Result<Outcome, String> {
        self.verified(name, progress).map_err(in_words)
    }

    fn measure(&self, name: &str, progress: &Progress) -> Result<Outcome, String> {
        self.measured(name, progress).map_err(in_words)
    }

    fn import(&self, progress: &Progress) -> Result<Outcome, String> {
        self.imported(progress).map_err(in_words)
    }

    fn take(&self, announced: Option<u64>, pieces: mpsc::Receiver<Result<Vec<u8>, ()>>) -> Result<String, String> {
        self.taken(announced, pieces).map_err(in_words)
    }

    fn remove(&self, name: &str) -> Result<(), String> {
        let removed = Installed::open(&self.config).and_then(|installed| {
            let at_work = self.at_work(&installed);
            shelf::remove(&installed, name, &at_work)
        });
        removed.map(drop).map_err(in_words)
    }

    fn usable(&self, name: &str) -> Result<Usable, String> {
        Installed::open(&self.config).and_then(|installed| self.check_usable(&installed, name)).map_err(in_words)
    }

    fn use_from_next_start(&self, name: &str) -> Result<(), String> {
        let kept = || {
            if let (Some(now), _) = self.now() {
                self.store.set_former_recogniser(&now)?;
            }
            self.store.set_recogniser(Some(name))
        };
        kept().map_err(|error| format!("it can't be kept that {name} was chosen: {error}"))
    }
}

/// How far a model's files are into all of it.
struct Files<'a> {
    before: Vec<(&'a str, u64)>,
    total: Option<u64>,
}

impl Files<'_> {
    fn of(model: &Model) -> Files<'_> {
        let mut sum = 0;
        let before = model.files.iter().map(|file| {
            let before = sum;
            sum += file.bytes.unwrap_or_default();
            (file.name.as_str(), before)
        });
        Files { before: before.collect(), total: model.bytes() }
    }

    fn before(&self, file: &str) -> u64 {
        self.before.iter().find(|(name, _)| *name == file).map_or(0, |(_, before)| *before)
    }
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Download => "download",
        Source::Setup => "setup",
        Source::InTheBox => "in the box",
    }
}

fn in_words(error: anyhow::Error) -> String {
    format!("{error:#}")
}
