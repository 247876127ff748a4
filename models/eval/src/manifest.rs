//! Tables of tab-separated values whose first line names the columns.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A recording that a manifest lists.
#[derive(Clone, Debug)]
pub(crate) struct Clip {
    pub(crate) path: PathBuf,
    /// What is said in it; empty where nobody has written it down.
    pub(crate) transcript: String,
}

/// The clips of `folder/manifest.tsv`, in its order.
pub(crate) fn clips(folder: &Path) -> Result<Vec<Clip>> {
    let mut clips = Vec::new();
    for row in rows(&folder.join("manifest.tsv"), &["file"])? {
        let transcript = row.get("transcript").cloned().unwrap_or_default();
        clips.push(Clip { path: folder.join(&row["file"]), transcript });
    }
    Ok(clips)
}

/// The rows of the table at `path`, each a map from column to field. The columns `wanted` must be there.
pub(crate) fn rows(path: &Path, wanted: &[&str]) -> Result<Vec<HashMap<String, String>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    if let Some(missing) = wanted.iter().find(|column| !columns.contains(column)) {
        bail!("{} has no column \"{missing}\"; its columns are {}", path.display(), columns.join(", "));
    }
    let row = |line: &str| columns.iter().zip(line.split('\t')).map(|(c, f)| ((*c).to_owned(), f.to_owned())).collect();
    // A line may leave out empty fields at its end.
    let full = |row: HashMap<String, String>| wanted.iter().all(|column| row.contains_key(*column)).then_some(row);
    Ok(lines.filter(|line| !line.trim().is_empty()).map(row).filter_map(full).collect())
}
