//! Why the system took back an update of its own, as it writes it into a file: an image is updated as a whole, and Pipit with it.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::OFlags;

/// Of a longer reason this is the beginning, in bytes.
const LONGEST: u64 = 500;

/// When, and why; nothing where no update was taken back. It is words, whatever is in the file, and a link is not followed.
#[must_use]
pub fn failure(file: &Path) -> Option<(Timestamp, String)> {
    // Nor is a pipe waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(file).ok()?;
    let of = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut content = Vec::new();
    file.take(LONGEST).read_to_end(&mut content).ok()?;
    let text = String::from_utf8_lossy(&content);
    let words: Vec<_> =
        text.split(|one: char| one.is_whitespace() || one.is_control()).filter(|word| !word.is_empty()).collect();
    let at = of.modified().ok().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or_default();
    (!words.is_empty()).then(|| (at, words.join(" ")))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_reason_is_words_whatever_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("failure");
        let why = || failure(&file).map(|(_, why)| why);
        assert_eq!(why(), None, "no update was taken back");
        let long = "x".repeat(10_000);
        for (content, words) in [
            (
                b"The update to version 2 was taken back: \x1b[31mit\x00 crashed.\n".as_slice(),
                Some("The update to version 2 was taken back: [31mit crashed."),
            ),
            (b" \n\0\n", None),
            (b"\xff<b>\n<script>", Some("\u{fffd}<b> <script>")),
            (long.as_bytes(), Some(&long[..500])),
        ] {
            fs::write(&file, content).unwrap();
            assert_eq!(why().as_deref(), words);
        }
        assert!(failure(&file).unwrap().0 > Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn nothing_is_read_but_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, file) = (folder.path().join("secret"), folder.path().join("failure"));
        fs::write(&secret, "what nobody may read").unwrap();
        symlink(&secret, &file).unwrap();
        assert_eq!(failure(&file), None);
        assert_eq!(failure(folder.path()), None);
        fs::remove_file(&file).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        assert_eq!(failure(&file), None, "and no writer is waited for");
    }
}
