//! Writes down what turns took, on a thread of its own, because a disk may be slow and SQLite may have to wait.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use jiff::Timestamp;
use pipit_store::{Store, StoreError};
use pipit_web::TurnRecord;

/// Turns that wait to be written. They come seconds apart; should the disk be slower still, a turn that finds no room here
/// is not kept.
const UNWRITTEN: usize = 16;

/// Keeps the last turns in the store.
pub struct TurnLog {
    records: Option<SyncSender<TurnRecord>>,
    thread: Option<JoinHandle<()>>,
}

impl TurnLog {
    /// Starts the thread, which keeps the last `keep` turns. A turn that can't be written is lost, which is said once until
    /// the next can.
    ///
    /// # Errors
    /// The operating system gives Pipit no thread.
    pub fn start(store: Store, keep: u32) -> std::io::Result<TurnLog> {
        let (records, queue) = sync_channel::<TurnRecord>(UNWRITTEN);
        let thread = std::thread::Builder::new().name("turn-log".to_owned()).spawn(move || {
            let mut failing = false;
            for record in queue {
                let failed = write(&store, &record, keep).err();
                match &failed {
                    Some(error) if !failing => tracing::warn!("what turns take is not kept: {error}"),
                    _ => {}
                }
                failing = failed.is_some();
            }
        })?;
        Ok(TurnLog { records: Some(records), thread: Some(thread) })
    }

    /// Has a turn written soon, without waiting for it.
    pub fn keep(&self, record: TurnRecord) {
        if self.records.as_ref().is_some_and(|records| records.try_send(record).is_err()) {
            tracing::warn!("what a turn took is not kept: the disk of state.dir is too slow, or the log has failed");
        }
    }
}

impl Drop for TurnLog {
    /// Waits until everything is written.
    fn drop(&mut self) {
        self.records = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has already been told there.
            let _ = thread.join();
        }
    }
}

fn write(store: &Store, record: &TurnRecord, keep: u32) -> Result<(), StoreError> {
    // Numbers and fixed words always have a JSON form.
    let json = serde_json::to_string(record).unwrap_or_else(|_| "{}".to_owned());
    store.add_turn(Timestamp::now(), &json, keep)
}
