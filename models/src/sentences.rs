//! Home Assistant's sentence packs: one for each language, all in the Python package `home-assistant-intents`, a zip archive.
//! What the sentences mean is `pipit_core::intent`'s.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pipit_core::intent::hassil::Pack;
use zip::ZipArchive;

/// The catalogue's name of the packs.
pub const NAME: &str = "home-assistant-intents";

/// Where they lie in the archive.
const FOLDER: &str = "home_assistant_intents/data/";

/// The largest archive that is opened, and the largest pack that is taken out of it, in bytes: ten times what they have.
const LARGEST_ARCHIVE: u64 = 8 << 20;
const LARGEST_PACK: u64 = 4 << 20;

/// A pack can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SentencesError {
    /// The archive can't be, or it is none.
    #[error("{} can't be read: {why}", path.display())]
    Unreadable {
        /// The archive.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is none in that language.
    #[error("Home Assistant has no sentences in the language \"{language}\"; it has {}", known.join(", "))]
    UnknownLanguage {
        /// The language.
        language: String,
        /// Those that there are.
        known: Vec<String>,
    },
}

/// Reads the pack of a language, which is called as Home Assistant calls it, such as `de` or `pt-BR`.
///
/// # Errors
/// See [`SentencesError`].
pub fn pack(archive: &Path, language: &str) -> Result<Pack, SentencesError> {
    let unreadable = |why: String| SentencesError::Unreadable { path: archive.to_owned(), why };
    let size = fs::metadata(archive).map_err(|error| unreadable(error.to_string()))?.len();
    if size > LARGEST_ARCHIVE {
        return Err(unreadable(format!("it has {size} bytes, of which at most {LARGEST_ARCHIVE} are read")));
    }
    let file = File::open(archive).map_err(|error| unreadable(error.to_string()))?;
    let mut packs = ZipArchive::new(file).map_err(|error| unreadable(error.to_string()))?;
    let name = format!("{FOLDER}{language}.json");
    if !packs.file_names().any(|known| known == name) {
        let names = packs.file_names().filter_map(|name| name.strip_prefix(FOLDER)?.strip_suffix(".json"));
        let mut known: Vec<String> = names.map(str::to_owned).collect();
        known.sort();
        return Err(SentencesError::UnknownLanguage { language: language.to_owned(), known });
    }
    let mut text = Vec::new();
    let pack = packs.by_name(&name).map_err(|error| unreadable(error.to_string()))?;
    pack.take(LARGEST_PACK + 1).read_to_end(&mut text).map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > LARGEST_PACK {
        return Err(unreadable(format!("its sentences in {language} have more than {LARGEST_PACK} bytes")));
    }
    serde_json::from_slice(&text).map_err(|error| unreadable(format!("its sentences in {language}: {error}")))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::write::{FileOptions, ZipWriter};

    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let mut archive = ZipWriter::new(tempfile::NamedTempFile::new().unwrap());
        for (name, content) in files {
            archive.start_file(*name, FileOptions::default()).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap()
    }

    fn refused(archive: &Path, language: &str) -> String {
        pack(archive, language).unwrap_err().to_string()
    }

    #[test]
    fn the_pack_of_a_language_is_read_and_no_other() {
        let german = br#"{"language": "de", "intents": {"HassTurnOn": {"data": []}}, "settings": {"a": 1}}"#;
        let archive = archive(&[
            ("home_assistant_intents/data/de.json", german),
            ("home_assistant_intents/data/pt-BR.json", b"no JSON"),
            ("home_assistant_intents/speech_to_phrase/nl.json", b"{}"),
        ]);
        let pack = pack(archive.path(), "de").unwrap();
        assert_eq!((&*pack.language, pack.intents().collect::<Vec<_>>()), ("de", vec!["HassTurnOn"]));
        let unknown = refused(archive.path(), "nl");
        assert_eq!(unknown, "Home Assistant has no sentences in the language \"nl\"; it has de, pt-BR");
        let broken = refused(archive.path(), "pt-BR");
        assert!(broken.contains("sentences in pt-BR: expected"), "{broken}");
    }

    #[test]
    fn what_is_no_archive_or_too_large_is_refused() {
        let spaces = vec![b' '; LARGEST_PACK as usize + 1];
        let large = archive(&[("home_assistant_intents/data/de.json", &spaces)]);
        assert!(refused(large.path(), "de").contains("more than 4194304 bytes"));
        let whole = fs::read(large.path()).unwrap();
        let cut = tempfile::NamedTempFile::new().unwrap();
        for end in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(cut.path(), &whole[..end]).unwrap();
            assert!(refused(cut.path(), "de").contains("can't be read"), "{end}");
        }
        File::create(cut.path()).unwrap().set_len(LARGEST_ARCHIVE + 1).unwrap();
        assert!(refused(cut.path(), "de").contains("at most 8388608"));
        assert!(refused(Path::new("/nowhere"), "de").contains("/nowhere can't be read"));
    }
}
