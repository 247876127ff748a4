//! What happens at a start after a restoration was confirmed: what was tried takes the place of what is there, which is set aside, and if
//! Pipit does not come up with it, what was there comes back.
//!
//! Each step is a few renames that may be done again, and where it stands is written down before it begins, so that a power cut in between
//! leaves nothing lost: the next start goes on where this one ended.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use pipit_store::{CONFIGURATION, DATABASE, DATABASE_KEY, PANELS_SETTINGS};
use serde::{Deserialize, Serialize};

use crate::whole_file;

/// Where backups are made, taken in and tried, in the state directory.
pub const WORKSHOP: &str = "backup";
/// In it, what was tried and confirmed.
pub const CONFIRMED: &str = "confirmed";
/// Where the configuration out of a backup is laid. It takes nothing's place: it is the owner's, and its paths may be another machine's.
pub const RESTORED_CONFIGURATION: &str = "pipit.toml.restored";

/// Where a swap stands.
const JOURNAL: &str = "restoring.json";
/// How the last one ended.
const LAST: &str = "restored.json";

/// What is replaced, in the state directory. The copy of last night goes too, since it is of another history.
pub(crate) const REPLACED: [&str; 6] =
    [DATABASE, "pipit.db-wal", "pipit.db-shm", "pipit.db.good", DATABASE_KEY, PANELS_SETTINGS];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// What is there goes into the folder `aside`.
    SettingAside,
    /// What was restored takes its place.
    MovingIn,
    /// Pipit starts with it.
    OnTrial,
    /// What it did not come up with goes into the folder `failed`.
    TakingOut,
    /// What was there comes back out of `aside`.
    PuttingBack,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Journal {
    step: Step,
    at: i64,
    aside: String,
    failed: String,
    /// Why Pipit goes back.
    why: Option<String>,
}

/// How the last restoration ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When it was begun, in Unix seconds.
    pub at: i64,
    /// Why Pipit went back to what was there, if it did.
    pub went_back: Option<String>,
    /// The folder, in the state directory, with what was there before, or with what Pipit did not come up with.
    pub kept: Option<String>,
    /// Whether there was a configuration in it, which lies beside now.
    pub configuration: bool,
}

/// To be called before anything in the state directory is opened. Says whether what is there now was restored and has yet to show that
/// Pipit comes up with it.
///
/// # Errors
/// A file can't be moved or written. Nothing is lost: the next start goes on from there.
pub fn at_start(state: &Path, now: Timestamp) -> anyhow::Result<bool> {
    let journal = match read::<Journal>(&state.join(JOURNAL))? {
        Some(journal) => journal,
        None if state.join(WORKSHOP).join(CONFIRMED).is_dir() => {
            let mark = now.strftime("%Y%m%dT%H%M%SZ");
            let (aside, failed) = (format!("before-restore-{mark}"), format!("failed-restore-{mark}"));
            tracing::info!("a backup is restored; what was there is kept in {}", state.join(&aside).display());
            Journal { step: Step::SettingAside, at: now.as_second(), aside, failed, why: None }
        }
        None => return Ok(false),
    };
    match journal.step {
        Step::SettingAside | Step::MovingIn => {}
        Step::OnTrial => {
            go_back(state, "Pipit did not come up with it; its log says why")?;
            return Ok(false);
        }
        Step::TakingOut | Step::PuttingBack => {
            go_on(state, journal)?;
            return Ok(false);
        }
    }
    go_on(state, journal)?;
    Ok(true)
}

/// Whether what is there was restored and has yet to show that Pipit comes up with it.
pub fn is_on_trial(state: &Path) -> bool {
    matches!(read::<Journal>(&state.join(JOURNAL)), Ok(Some(Journal { step: Step::OnTrial, .. })))
}

/// Pipit has come up with what was restored, and goes on with it.
///
/// # Errors
/// That can't be written down, so the next start would go back.
pub fn came_up(state: &Path) -> anyhow::Result<()> {
    let Some(journal) = read::<Journal>(&state.join(JOURNAL))? else { return Ok(()) };
    if journal.step != Step::OnTrial {
        return Ok(());
    }
    tracing::info!("Pipit goes on with what was restored");
    end(state, &journal, journal.aside.clone())
}

/// Puts what was there back, because Pipit did not come up with what was restored: `why`.
///
/// # Errors
/// As [`at_start`].
pub fn go_back(state: &Path, why: &str) -> anyhow::Result<()> {
    let Some(journal) = read::<Journal>(&state.join(JOURNAL))? else { return Ok(()) };
    tracing::error!("what was restored is not gone on with, and what was there is put back: {why}");
    go_on(state, Journal { step: Step::TakingOut, why: Some(why.to_owned()), ..journal })
}

/// How the last restoration ended, if there was one.
pub fn last(state: &Path) -> Option<Ended> {
    read(&state.join(LAST)).ok().flatten()
}

/// Deletes what the last restoration has set aside.
///
/// # Errors
/// It can't be deleted.
pub fn delete_kept(state: &Path) -> anyhow::Result<()> {
    let Some(Ended { kept: Some(kept), .. }) = last(state) else { return Ok(()) };
    // The name is Pipit's own, and leads nowhere else even if somebody has written another one.
    let is_ours = kept.starts_with("before-restore-") || kept.starts_with("failed-restore-");
    anyhow::ensure!(is_ours && !kept.contains('/'), "{LAST} names no folder of a restoration");
    let folder = state.join(&kept);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} can't be deleted", folder.display()));
        }
        _ => {}
    }
    let ended = last(state).map(|ended| Ended { kept: None, ..ended });
    write(&state.join(LAST), &ended)
}

/// Does the steps from this one to the next rest: on trial, or as it was.
fn go_on(state: &Path, mut journal: Journal) -> anyhow::Result<()> {
    loop {
        write(&state.join(JOURNAL), &journal)?;
        let (aside, failed) = (state.join(&journal.aside), state.join(&journal.failed));
        let confirmed = state.join(WORKSHOP).join(CONFIRMED);
        journal.step = match journal.step {
            Step::SettingAside => {
                move_all(state, &aside, &REPLACED)?;
                Step::MovingIn
            }
            Step::MovingIn => {
                if confirmed.join(CONFIGURATION).exists() {
                    moved(&confirmed.join(CONFIGURATION), &state.join(RESTORED_CONFIGURATION))?;
                }
                move_all(&confirmed, state, &REPLACED)?;
                match fs::remove_dir_all(&confirmed) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(error).with_context(|| unmoved(&confirmed));
                    }
                    _ => {}
                }
                Step::OnTrial
            }
            Step::OnTrial => return Ok(()),
            Step::TakingOut => {
                move_all(state, &failed, &REPLACED)?;
                Step::PuttingBack
            }
            Step::PuttingBack => {
                move_all(&aside, state, &REPLACED)?;
                // It is empty, so that nothing is lost where it can't be removed.
                let _ = fs::remove_dir(&aside);
                let kept = journal.failed.clone();
                return end(state, &journal, kept);
            }
        };
    }
}

fn end(state: &Path, journal: &Journal, kept: String) -> anyhow::Result<()> {
    let configuration = state.join(RESTORED_CONFIGURATION).exists();
    let kept = Some(kept).filter(|kept| state.join(kept).exists());
    let ended = Ended { at: journal.at, went_back: journal.why.clone(), kept, configuration };
    write(&state.join(LAST), &Some(ended))?;
    let journal = state.join(JOURNAL);
    fs::remove_file(&journal).with_context(|| unmoved(&journal))?;
    sync(state)
}

/// Moves those of the files that are there. What was moved before is no longer there, and once all was, nor may be the folder, so this
/// may be done again.
fn move_all(from: &Path, to: &Path, names: &[&str]) -> anyhow::Result<()> {
    private_folder(to)?;
    for name in names {
        moved(&from.join(name), &to.join(name))?;
    }
    if from.exists() {
        sync(from)?;
    }
    sync(to)
}

fn moved(from: &Path, to: &Path) -> anyhow::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(|| unmoved(from)),
        _ => Ok(()),
    }
}

fn unmoved(file: &Path) -> String {
    format!("{} can't be moved; look at the disk of state.dir, and start Pipit again", file.display())
}

/// A folder that only Pipit may look into.
///
/// # Errors
/// It can't be made.
pub fn private_folder(folder: &Path) -> anyhow::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
    builder.create(folder).with_context(|| format!("{} can't be made", folder.display()))
}

fn sync(folder: &Path) -> anyhow::Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(|| unmoved(folder))
}

fn read<T: for<'a> Deserialize<'a>>(file: &Path) -> anyhow::Result<Option<T>> {
    match fs::read(file) {
        Ok(content) => {
            let damaged = || format!("{} is damaged; move it away, and start Pipit again", file.display());
            serde_json::from_slice(&content).with_context(damaged)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} can't be read", file.display())),
    }
}

fn write<T: Serialize>(file: &Path, content: &T) -> anyhow::Result<()> {
    whole_file::replace(file, &serde_json::to_vec(content)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    /// A device with a history, and another that was confirmed.
    fn confirmed() -> tempfile::TempDir {
        let state = tempfile::tempdir().unwrap();
        let confirmed = state.path().join(WORKSHOP).join(CONFIRMED);
        fs::create_dir_all(&confirmed).unwrap();
        for name in [DATABASE, "pipit.db-wal", "pipit.db.good", DATABASE_KEY, PANELS_SETTINGS, "audio.json"] {
            fs::write(state.path().join(name), "old").unwrap();
        }
        for name in [DATABASE, DATABASE_KEY, CONFIGURATION] {
            fs::write(confirmed.join(name), "new").unwrap();
        }
        state
    }

    /// The files of a folder and what is in them.
    fn files(folder: &Path) -> BTreeMap<String, String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        let named =
            |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap());
        files.map(named).collect()
    }

    fn written(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
    }

    #[test]
    fn what_was_confirmed_takes_the_place_of_what_is_there_which_is_kept() {
        let state = confirmed();
        let state = state.path();
        assert!(at_start(state, now()).unwrap() && is_on_trial(state));
        came_up(state).unwrap();
        assert!(!is_on_trial(state));
        let mut there = files(state);
        there.remove(LAST).unwrap();
        let expected =
            [(DATABASE, "new"), (DATABASE_KEY, "new"), ("audio.json", "old"), (RESTORED_CONFIGURATION, "new")];
        assert_eq!(there, written(&expected));
        let ended = last(state).unwrap();
        let kept = ended.kept.clone().unwrap();
        assert_eq!(
            (ended.went_back, ended.configuration, kept.as_str()),
            (None, true, "before-restore-20270115T080000Z")
        );
        let old = [DATABASE, "pipit.db-wal", "pipit.db.good", DATABASE_KEY, PANELS_SETTINGS].map(|name| (name, "old"));
        assert_eq!(files(&state.join(&kept)), written(&old));
        assert!(!at_start(state, now()).unwrap(), "it is done once");
        delete_kept(state).unwrap();
        assert!(!state.join(&kept).exists() && last(state).unwrap().kept.is_none());
    }

    #[test]
    fn what_pipit_does_not_come_up_with_is_taken_out_again() {
        for crashes in [false, true] {
            let state = confirmed();
            let state = state.path();
            let mut before = files(state);
            assert!(at_start(state, now()).unwrap());
            if crashes {
                // It has ended without a word.
                assert!(!at_start(state, now()).unwrap());
            } else {
                go_back(state, "no room").unwrap();
            }
            let ended = last(state).unwrap();
            let why = if crashes { "Pipit did not come up with it; its log says why" } else { "no room" };
            assert_eq!(ended.went_back.as_deref(), Some(why));
            assert_eq!(files(&state.join(ended.kept.unwrap())), written(&[(DATABASE, "new"), (DATABASE_KEY, "new")]));
            let mut there = files(state);
            there.remove(LAST).unwrap();
            before.insert(RESTORED_CONFIGURATION.to_owned(), "new".to_owned());
            assert_eq!(there, before);
            assert!(!state.join("before-restore-20270115T080000Z").exists());
        }
    }

    /// Whichever rename was the last before the power went, the next start ends it.
    #[test]
    fn a_power_cut_between_two_renames_loses_nothing() {
        for cut_after in 0..REPLACED.len() {
            let state = confirmed();
            let state = state.path();
            let aside = "before-restore-x";
            let journal = |step| Journal {
                step,
                at: 0,
                aside: aside.to_owned(),
                failed: "failed-restore-x".to_owned(),
                why: None,
            };
            write(&state.join(JOURNAL), &journal(Step::SettingAside)).unwrap();
            move_all(state, &state.join(aside), &REPLACED[..cut_after]).unwrap();
            assert!(at_start(state, now()).unwrap(), "goes on");
            let there = files(state);
            assert_eq!((there[DATABASE].as_str(), there.get("pipit.db-wal")), ("new", None), "{cut_after}");
            assert_eq!(files(&state.join(aside))[DATABASE], "old");
            // And on the way back.
            write(&state.join(JOURNAL), &journal(Step::TakingOut)).unwrap();
            move_all(state, &state.join("failed-restore-x"), &REPLACED[..cut_after]).unwrap();
            assert!(!at_start(state, now()).unwrap());
            assert_eq!(files(state)[DATABASE], "old", "{cut_after}");
            assert_eq!(files(state)["pipit.db-wal"], "old", "{cut_after}");
        }
    }

    /// The folder that a step empties is gone, and the power went before that was written down.
    #[test]
    fn a_power_cut_between_the_last_rename_and_the_next_step_loses_nothing() {
        let journal = |step| Journal {
            step,
            at: 0,
            aside: "before-restore-x".to_owned(),
            failed: "failed-restore-x".to_owned(),
            why: None,
        };
        let state = confirmed();
        let state = state.path();
        assert!(at_start(state, now()).unwrap());
        write(&state.join(JOURNAL), &journal(Step::MovingIn)).unwrap();
        assert!(at_start(state, now()).unwrap(), "goes on");
        assert_eq!(files(state)[DATABASE], "new");
        // And on the way back, when all is as it was.
        write(&state.join(JOURNAL), &journal(Step::PuttingBack)).unwrap();
        assert!(!at_start(state, now()).unwrap());
        assert_eq!(files(state)[DATABASE], "new");
        assert!(!state.join(JOURNAL).exists());
    }
}
