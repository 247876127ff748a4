//! When another program takes turns to be over, so that it is scored as Pipit is.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::manifest;

/// The decisions in the table at `path`, in seconds, clip by clip.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Vec<f64>>> {
    let mut decisions: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in manifest::rows(path, &["clip", "at_s"])? {
        let at_s = row["at_s"].parse().with_context(|| {
            format!("{}: \"{}\" is no time in seconds; write it as 1.25", path.display(), row["at_s"])
        })?;
        decisions.entry(row["clip"].clone()).or_default().push(at_s);
    }
    // The scorer asks for the latest, whatever order the other program printed them in.
    decisions.values_mut().for_each(|clip| clip.sort_by(f64::total_cmp));
    Ok(decisions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<BTreeMap<String, Vec<f64>>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("decisions.tsv");
        std::fs::write(&file, text)?;
        read(&file)
    }

    #[test]
    fn decisions_are_read_clip_by_clip_in_the_order_of_time() {
        let decisions = read_text("clip\tat_s\nb.flac\t2.5\na.flac\t1\nb.flac\t0.25\n").unwrap();
        assert_eq!(decisions["a.flac"], [1.0]);
        assert_eq!(decisions["b.flac"], [0.25, 2.5]);
    }

    #[test]
    fn a_time_that_is_none_is_named() {
        let error = read_text("clip\tat_s\na.flac\tsoon\n").unwrap_err();
        assert!(error.to_string().contains("\"soon\""), "{error:#}");
    }
}
