//! Files that are written as a whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;

/// Writes a file as a whole: after a power cut it is the old one or the new one.
///
/// # Errors
/// It can't be written. The old one is still there.
pub fn replace(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut partial = OsString::from(file);
    partial.push(".partial");
    let write = || -> io::Result<()> {
        let mut written = File::create(&partial)?;
        written.write_all(content)?;
        written.sync_all()?;
        fs::rename(&partial, file)?;
        file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().with_context(|| format!("{} can't be written; free some space there", file.display()))
}
