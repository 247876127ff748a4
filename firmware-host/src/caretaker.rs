//! Looks after the machine while Pipit runs: a hot board is spared, what is wrong with it is said, and where its disk is nearly full, what
//! can be had again gives way to what can't: the history.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pipit_models::catalogue::ModelFolder;
use pipit_store::Store;

use crate::board_state::{BoardState, SCARCE, Trouble};
use crate::bus::Bus;
use crate::worker::Models;

/// How often to look. A board takes minutes to warm up, and a disk to fill.
const LOOK: Duration = Duration::from_secs(10);

/// Records of turns that are kept where the disk is nearly full.
const TURNS: u32 = 20;

/// What is looked after, and by whose work.
pub struct Caretaker {
    /// What the disk is for: the folder of the history is the one that is looked at.
    pub store: Store,
    /// The folder of the history.
    pub state_dir: std::path::PathBuf,
    /// Where downloads lie that were broken off.
    pub folder: ModelFolder,
    /// What makes a board hot.
    pub models: Arc<Models>,
    /// What is wrong beside the board, for as long as Pipit runs. Whoever found it has logged it.
    pub also: Vec<Trouble>,
    /// Where it is told.
    pub bus: Bus,
}

impl Caretaker {
    /// Tells what is known before the board was looked at.
    pub fn begin(&self) {
        self.tell(Vec::new());
    }

    fn tell(&self, of_board: Vec<Trouble>) {
        let mut all: Vec<_> = self.also.iter().cloned().chain(of_board).collect();
        all.sort_by_key(|trouble| !trouble.is_grave);
        self.bus.send_modify(|snapshot| snapshot.troubles = all.into_iter().map(|trouble| trouble.words).collect());
    }

    /// Until the runtime ends.
    pub async fn look_after_it(self) {
        let (mut looks, mut told, mut made_room) = (tokio::time::interval(LOOK), BTreeSet::new(), false);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let this = Arc::new(self);
        loop {
            looks.tick().await;
            let now = Arc::clone(&this);
            let looked = tokio::task::spawn_blocking(move || {
                let state = BoardState::look(&now.state_dir);
                let is_scarce = state.disk.free.is_some_and(|free| free < SCARCE) && !state.disk.read_only;
                if is_scarce && !made_room {
                    make_room(&now.folder, &now.store);
                }
                (state, is_scarce)
            });
            // Else the runtime is shutting down.
            let Ok((state, is_scarce)) = looked.await else { return };
            made_room = is_scarce;
            if let Some(celsius) = state.celsius {
                this.models.heat(celsius);
            }
            let troubles = state.troubles();
            told = log_new(&troubles, &told);
            this.tell(troubles);
        }
    }
}

/// Deletes what can be had again: a download can be begun anew, and how long old turns took is of no use to anybody who has no room.
fn make_room(folder: &ModelFolder, store: &Store) {
    let freed = folder.forget_unfinished();
    match store.forget_turns(TURNS) {
        Ok(()) => tracing::warn!(
            "the disk is nearly full: downloads that were broken off are deleted ({} MB), and so is what all but the last {TURNS} turns \
             took; the history stays",
            freed / 1_000_000
        ),
        Err(error) => tracing::warn!("the disk is nearly full, and what old turns took can't be deleted: {error}"),
    }
}

/// Logs what was not there at the last look. Says what is there now.
fn log_new(troubles: &[Trouble], before: &BTreeSet<(&'static str, bool)>) -> BTreeSet<(&'static str, bool)> {
    for trouble in troubles.iter().filter(|trouble| !before.contains(&trouble.key())) {
        if trouble.is_grave {
            tracing::error!("{}", trouble.words);
        } else {
            tracing::warn!("{}", trouble.words);
        }
    }
    let now: BTreeSet<_> = troubles.iter().map(Trouble::key).collect();
    for (what, _) in before.iter().filter(|(what, _)| !now.iter().any(|(still, _)| still == what)) {
        tracing::info!("the board is well again: {what}");
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(about: &'static str, is_grave: bool, words: &str) -> Trouble {
        Trouble { about, is_grave, words: words.to_owned() }
    }

    #[test]
    fn where_the_disk_is_nearly_full_what_can_be_had_again_gives_way_to_the_history() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(&state.path().join("pipit.db")).unwrap();
        for n in 0..30 {
            store.add_turn(jiff::Timestamp::UNIX_EPOCH, &format!("{{\"turn\": {n}}}"), 200).unwrap();
        }
        store.add_timer(None, Duration::from_secs(60), jiff::Timestamp::UNIX_EPOCH).unwrap();
        let folder = ModelFolder::open(state.path().join("models"), None).unwrap();
        let file = folder.catalogue().models().iter().find_map(|model| model.files.first()).unwrap();
        let part = folder.path().join(format!("{}.part", file.name));
        std::fs::create_dir_all(part.parent().unwrap()).unwrap();
        std::fs::write(&part, "half of it").unwrap();
        make_room(&folder, &store);
        assert!(!part.exists());
        assert_eq!(store.recent_turns(100).unwrap().len(), TURNS as usize);
        assert_eq!(store.timers().unwrap().len(), 1);
    }

    #[test]
    fn what_is_wrong_is_logged_once_whatever_figures_it_holds() {
        let first = log_new(&[trouble("temperature", true, "81 °C")], &BTreeSet::new());
        let second = log_new(&[trouble("temperature", true, "82 °C")], &first);
        assert_eq!(first, second);
        assert_eq!(log_new(&[], &second), BTreeSet::new());
    }
}
