//! Whether sentences read finished, against sentences of which somebody has said so.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use pipit_core::turn::reads_finished;
use serde::Serialize;

use crate::figures::share;
use crate::manifest;

/// A probability of an end up to which a sentence is unfinished, and from which it is finished. What lies between is not
/// counted: those who wrote it down were not sure themselves.
const UNFINISHED: f64 = 0.1;
const FINISHED: f64 = 1.0;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// Rows that are clear.
    rows: usize,
    accuracy: f64,
    /// Unfinished sentences that are taken for finished.
    false_complete: usize,
    /// Finished sentences that are taken for unfinished.
    false_incomplete: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { rows, accuracy, false_complete, false_incomplete } = self;
        write!(f, "rows {rows}  accuracy {accuracy:.4}  ")?;
        write!(f, "false_complete {false_complete}  false_incomplete {false_incomplete}")
    }
}

// A row that is judged wrongly goes to standard error, so that standard output holds the figures alone.
#[allow(clippy::print_stderr)]
pub(crate) fn measure(folder: &Path, verbose: bool) -> Result<Figures> {
    let path = folder.join("turnsense.tsv");
    let mut figures = Figures::default();
    for row in manifest::rows(&path, &["text", "eou_probability"])? {
        let text = &row["text"];
        let label: f64 = row["eou_probability"]
            .parse()
            .with_context(|| format!("{}: eou_probability of \"{text}\" is no number", path.display()))?;
        if label > UNFINISHED && label < FINISHED {
            continue;
        }
        let (finished, judged) = (label >= FINISHED, reads_finished(text) == Some(true));
        figures.rows += 1;
        figures.false_complete += usize::from(judged && !finished);
        figures.false_incomplete += usize::from(finished && !judged);
        if verbose && judged != finished {
            eprintln!("{}\t{text}", if judged { "false_complete" } else { "false_incomplete" });
        }
    }
    if figures.rows == 0 {
        bail!("{} has no row that is clearly finished or unfinished", path.display());
    }
    let right = figures.rows - figures.false_complete - figures.false_incomplete;
    Ok(Figures { accuracy: share(right, figures.rows), ..figures })
}
