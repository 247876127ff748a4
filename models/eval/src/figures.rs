//! Printing a record of figures as one line, for people or as JSON.

use std::fmt::Display;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Prints `figures` as they display themselves, or as a JSON object.
pub(crate) fn print(figures: &(impl Serialize + Display), json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(figures)?);
    } else {
        println!("{figures}");
    }
    Ok(())
}

/// The memory that this process has taken, in kB.
pub(crate) fn resident_kb() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("memory is measured on Linux only")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel tells no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The value below which a share `q` (0.0..=1.0) of `sorted` lies; nothing of nothing.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * q).round() as usize).copied()
}

/// `part / whole` to four places, and 0 of nothing.
pub(crate) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 1e4).round() / 1e4 }
}
