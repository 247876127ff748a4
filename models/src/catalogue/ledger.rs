//! What the files in the models folder hashed to when they were last read, kept in `hashes.json` beside them.
//!
//! It saves hashing a gigabyte for every `list`, remembers that a file was found corrupt, and holds the hashes that
//! were learned on first use.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::{ModelFile, Sha256};

const FILE: &str = "hashes.json";

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// By file name as in the catalogue.
    #[serde(default)]
    files: BTreeMap<String, Entry>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Entry {
    /// The hash of the file's content when it had `stamp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    /// What the server at `url` vouched for when the file was first pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    learned: Option<Learned>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    sha256: String,
    stamp: Stamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct Learned {
    sha256: String,
    url: String,
}

/// Tells whether a file has been written to since.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    modified_ns: u64,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Stamp { bytes: metadata.len(), modified_ns: modified.map_or(0, |since| since.as_nanos() as u64) }
    }
}

impl Ledger {
    /// Reads the ledger of `folder`. One that is missing or damaged counts as empty: hashes are then taken again.
    pub(super) fn read(folder: &Path) -> Self {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "the record of model hashes is damaged; starting a new one");
                Ledger::default()
            }),
            Err(_) => Ledger::default(),
        }
    }

    /// The content's hash, if the file has not changed since it was taken.
    pub(super) fn content(&self, name: &str, metadata: &fs::Metadata) -> Option<Sha256> {
        let content = self.files.get(name)?.content.as_ref()?;
        (content.stamp == Stamp::of(metadata)).then(|| Sha256::parse(&content.sha256)).flatten()
    }

    /// What `file` must hash to: by the catalogue, else by what was learned from the same address.
    pub(super) fn expected(&self, file: &ModelFile) -> Option<Sha256> {
        file.sha256.or_else(|| {
            let learned = self.files.get(&file.name)?.learned.as_ref()?;
            (Some(&learned.url) == file.url.as_ref()).then(|| Sha256::parse(&learned.sha256)).flatten()
        })
    }

    /// Records that the file `name`, now on the disk, hashes to `sha256`, and whether that was learned from its server.
    ///
    /// Two processes may record at once: the folder itself is locked meanwhile.
    pub(super) fn record(folder: &Path, file: &ModelFile, sha256: Sha256, learned: bool) -> io::Result<()> {
        let lock = File::open(folder)?;
        lock.lock()?;
        let mut ledger = Ledger::read(folder);
        let entry = ledger.files.entry(file.name.clone()).or_default();
        let stamp = Stamp::of(&fs::metadata(folder.join(&file.name))?);
        entry.content = Some(Content { sha256: sha256.to_string(), stamp });
        if let (true, Some(url)) = (learned, &file.url) {
            entry.learned = Some(Learned { sha256: sha256.to_string(), url: url.clone() });
        }
        write_json(&folder.join(FILE), &ledger)
    }
}

/// Writes `value` so that a reader sees either the old file or the whole new one.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(value).map_err(io::Error::other)?;
    let new = path.with_extension("json.new");
    let mut file = File::create(&new)?;
    io::Write::write_all(&mut file, &text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
