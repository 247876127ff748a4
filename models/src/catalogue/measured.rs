//! How fast a model runs on this board: measuring it, and the measurements kept in `measured.json`.

use std::fmt;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::ledger::write_json;
use crate::board::Board;

const FILE: &str = "measured.json";

/// Time spent per second of audio; below 1 is faster than real time. Medians of several runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RealTimeFactor {
    /// By the clock on the wall, which is what a person waits.
    pub wall: f64,
    /// By this process's processor time, all threads together.
    pub cpu: f64,
    /// How many runs were taken, the first one (which warms up) left out.
    pub runs: usize,
}

impl fmt::Display for RealTimeFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} (processor {:.3})", self.wall, self.cpu)
    }
}

/// Runs `work` once to warm up and then `runs` times. `work` says how much audio it heard or made.
///
/// Processor time covers this process only, so for a voice that is a process of its own only `wall` tells.
///
/// # Errors
/// The first error of `work`.
pub fn measure<E>(runs: NonZeroUsize, mut work: impl FnMut() -> Result<Duration, E>) -> Result<RealTimeFactor, E> {
    work()?;
    let mut wall = Vec::with_capacity(runs.get());
    let mut cpu = Vec::with_capacity(runs.get());
    for _ in 0..runs.get() {
        let (started, cpu_started) = (Instant::now(), processor_time());
        let audio = work()?.as_secs_f64().max(f64::EPSILON);
        wall.push(started.elapsed().as_secs_f64() / audio);
        cpu.push(processor_time().saturating_sub(cpu_started).as_secs_f64() / audio);
    }
    Ok(RealTimeFactor { wall: median(&mut wall), cpu: median(&mut cpu), runs: runs.get() })
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// The median of at least one value.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// One model's speed on one board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The catalogue's name of the model.
    pub model: String,
    /// The board it was measured on, as [`Board::fingerprint`] says.
    pub board: String,
    /// Threads that the model was given.
    pub threads: usize,
    /// The outcome.
    pub real_time_factor: RealTimeFactor,
    /// What ran it, where there is a choice: the quickest of those that hear alike.
    #[serde(default)]
    pub engine: Option<String>,
}

/// The measurements kept in a models folder. Those of another board (a card moved from one to another) are kept but not
/// used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurements {
    path: Option<PathBuf>,
    all: Vec<Measurement>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    measurements: Vec<Measurement>,
}

impl Measurements {
    /// The measurements kept in `folder`. A missing or damaged file counts as none.
    #[must_use]
    pub fn load(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let all = match fs::read(&path) {
            Ok(text) => serde_json::from_slice::<Document>(&text).map(|document| document.measurements).unwrap_or_else(
                |error| {
                    tracing::warn!(path = %path.display(), %error, "the measurements are damaged; measure again with `pipit models bench`");
                    Vec::new()
                },
            ),
            Err(_) => Vec::new(),
        };
        Measurements { path: Some(path), all }
    }

    /// Adds a measurement, in place of an earlier one of the same model on the same board.
    pub fn insert(&mut self, measurement: Measurement) {
        self.all.retain(|known| (&known.model, &known.board) != (&measurement.model, &measurement.board));
        self.all.push(measurement);
    }

    /// Writes them to where they were loaded from, whole or not at all.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        write_json(path, &Document { measurements: self.all.clone() })
    }

    /// What was measured of `model` on `board`.
    #[must_use]
    pub fn of(&self, model: &str, board: &Board) -> Option<&Measurement> {
        let fingerprint = board.fingerprint();
        self.all.iter().find(|known| known.model == model && known.board == fingerprint)
    }
}
