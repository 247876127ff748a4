//! Files as an older Pipit left them.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use std::path::{Path, PathBuf};

/// The file as the fifth version of the schema has it, with the marker in every text.
pub(crate) fn make_older(file: &Path, marker: &str) -> rusqlite::Connection {
    let raw = rusqlite::Connection::open(file).unwrap();
    raw.execute_batch(include_str!("../version_5.sql")).unwrap();
    let m = marker;
    raw.execute_batch(&format!(
        "INSERT INTO conversation (id, key, title, temporary, system_prompt, created, changed, recency, summary, summarised_to)
             VALUES (7, 'k', '{m} title', 0, '{m}', 1, 2, 3, '{m}', 6);
         INSERT INTO message (id, conversation, role, at, text, heard, replaced_by) VALUES
             (4, 7, 'user', 1, '{m} wants', NULL, NULL), (6, 7, 'assistant', 2, '{m} replies', '{m}', NULL),
             (5, 7, 'assistant', 2, '{m} said before', NULL, 6);
         INSERT INTO fact (id, text, at) VALUES (4, '{m} is a fact', 1);
         INSERT INTO conversation (id, key, title, temporary, created, changed, recency) VALUES (90, 'l', '{m}', 0, 1, 2, 4);
         DELETE FROM conversation WHERE id = 90;"
    ))
    .unwrap();
    raw
}

/// The names of the files in a folder with the marker in them, in whatever case.
pub(crate) fn holding(folder: &Path, marker: &str) -> Vec<PathBuf> {
    let marker = marker.to_ascii_lowercase();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap().to_ascii_lowercase();
        bytes.windows(marker.len()).any(|window| window == marker.as_bytes())
    };
    files.filter(holds).collect()
}
