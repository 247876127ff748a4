//! Pulling models from servers that behave in every way that servers do.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod arrives;
mod refused;
mod server;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pipit_models::catalogue::{ModelFolder, Sha256, State};
use pipit_models::download::{Downloader, Patience, Progress, PullError};
use tempfile::TempDir;

const NAME: &str = "test-model";
const FILE: &str = "test.bin";

/// Long enough for several blocks, and not the same anywhere twice.
fn content() -> Vec<u8> {
    (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Gives up after few attempts and hardly waits between them, but trusts a busy machine to answer in the end.
fn impatient() -> Downloader {
    noticing_stalls_after(Duration::from_secs(20))
}

fn noticing_stalls_after(stall: Duration) -> Downloader {
    Downloader::new(Patience {
        connect: Duration::from_secs(10),
        stall,
        attempts: 3,
        worth: 1000,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
        spare_disk: 0,
        ..Patience::default()
    })
}

/// A models folder whose own catalogue holds one model, of one file at `url`.
struct Fixture {
    folder: TempDir,
    models: ModelFolder,
}

impl Fixture {
    fn new(url: &str) -> Self {
        Self::with(url, &format!("bytes = {}\nsha256 = \"{}\"", content().len(), Sha256::of(&content())))
    }

    fn with(url: &str, known: &str) -> Self {
        let folder = TempDir::new().unwrap();
        write_entry(folder.path(), url, known);
        let models = ModelFolder::open(folder.path(), None).unwrap();
        Fixture { folder, models }
    }

    fn pull(&self) -> Result<(), PullError> {
        self.pull_with(&impatient(), &mut |_| ())
    }

    fn pull_with(&self, downloader: &Downloader, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), PullError> {
        downloader.pull(&self.models, NAME, progress, &AtomicBool::new(false)).map(drop)
    }

    fn state(&self) -> State {
        self.models.state(self.models.catalogue().get(NAME).unwrap())
    }

    /// The names in the folder, but for those that belong to it rather than to a download.
    fn left(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| !["catalogue.toml", "hashes.json"].contains(&name.as_str()));
        names.sort();
        names
    }

    fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    #[track_caller]
    fn assert_installed(&self) {
        assert_eq!(self.state(), State::Installed);
        assert_eq!(self.left(), [FILE]);
        assert!(fs::read(self.folder.path().join(FILE)).unwrap() == content(), "the content differs");
    }

    /// That nothing came of it, and nothing of it is left.
    #[track_caller]
    fn assert_nothing(&self) {
        assert_eq!(self.state(), State::Absent);
        assert_eq!(self.left(), [""; 0]);
    }
}

fn write_entry(folder: &Path, url: &str, known: &str) {
    let entry = format!(
        "[[model]]\nname = \"{NAME}\"\nengine = \"whisper\"\nlanguages = [\"en\"]\nlicence = \"MIT\"\nmemory_mb = 1\n\
         about = \"A test.\"\n[[model.file]]\nname = \"{FILE}\"\nurl = \"{url}\"\n{known}\n"
    );
    fs::write(folder.join("catalogue.toml"), entry).unwrap();
}

#[track_caller]
fn assert_untrusted(outcome: Result<(), PullError>, says: &str) {
    match outcome {
        Err(error @ PullError::Untrusted { .. }) => assert!(error.to_string().contains(says), "{error}"),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[track_caller]
fn assert_failed(outcome: Result<(), PullError>, says: &str) {
    match outcome {
        Err(error @ PullError::Failed { .. }) => assert!(error.to_string().contains(says), "{error}"),
        other => panic!("expected a failure, got {other:?}"),
    }
}
