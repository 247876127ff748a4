//! Sentences about the home that the household wrote itself: files in Home Assistant's format of `custom_sentences`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pipit_core::intent::HomeSentences;
use pipit_core::intent::hassil::Pack;
use tracing::{info, warn};

/// The largest file that is read, in bytes. Home Assistant's whole English pack has half as many.
const LARGEST: u64 = 1 << 20;

/// The most files that are read.
const MOST_FILES: usize = 256;

/// The language of Pipit's own sentences, which the household's are added to.
const LANGUAGE: &str = "en";

/// Pipit's own sentences with those of a folder: its files `*.yaml`, and those in a folder `en` below it.
///
/// # Errors
/// A file can't be read or not be used; file, intent and sentence are named.
pub fn home_sentences(folder: &Path) -> anyhow::Result<HomeSentences> {
    let mut all = Pack::english();
    let files = files(folder)?;
    if files.is_empty() {
        warn!("{} has no sentences in it: no file that ends in .yaml", folder.display());
    }
    let mut last = None;
    for file in files {
        let own = read(&file)?;
        if !own.language.is_empty() && own.language != LANGUAGE {
            info!("{} is left out: it is in the language {}", file.display(), own.language);
            continue;
        }
        for intent in HomeSentences::come_to_nothing(&own) {
            warn!("{}: nothing is done for the intent {intent}, which has no reply either", file.display());
        }
        all.add(own);
        // One after the other, so that what is wrong is wrong with this one.
        let sentences = HomeSentences::new(all.clone());
        last = Some(sentences.with_context(|| format!("{} can't be used; mend it, or take it away", file.display()))?);
    }
    Ok(last.unwrap_or_else(HomeSentences::english))
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = files_in(folder).with_context(|| {
        format!("{} can't be read; set home.custom_sentences to a folder that can", folder.display())
    })?;
    let below = folder.join(LANGUAGE);
    if below.is_dir() {
        files.extend(files_in(&below).with_context(|| format!("{} can't be read", below.display()))?);
    }
    files.sort();
    if files.len() > MOST_FILES {
        bail!("{} has more than {MOST_FILES} files of sentences", folder.display());
    }
    Ok(files)
}

fn files_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if is_yaml && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

fn read(file: &Path) -> anyhow::Result<Pack> {
    let size = fs::metadata(file).with_context(|| format!("{} can't be read", file.display()))?.len();
    if size > LARGEST {
        bail!("{} has {size} bytes; at most {LARGEST} are read", file.display());
    }
    let text = fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    serde_saphyr::from_str(&text)
        .with_context(|| format!("{} is not in the format of custom_sentences", file.display()))
}

#[cfg(test)]
mod tests {
    use pipit_core::home::Vocabulary;
    use pipit_core::intent::Understanding;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        folder
    }

    #[test]
    fn the_households_own_sentences_are_understood_besides_pipits() {
        let folder = folder(&[
            (
                "movie.yaml",
                "language: en\nintents:\n  HassTurnOff:\n    data:\n      - sentences: ['<gloom> <everywhere>']\n        slots: {domain: light}\n        response: light_all\nexpansion_rules:\n  gloom: 'let there be (dark|darkness)'\n",
            ),
            (
                "en/wifi.yml",
                "language: en\nintents:\n  WifiPassword:\n    data:\n      - sentences: ['what is the wifi password']\nresponses:\n  intents:\n    WifiPassword:\n      default: It is on the fridge.\n",
            ),
            ("german.yaml", "language: de\nintents:\n  HassTurnOff:\n    data:\n      - sentences: ['(mach|']\n"),
            ("notes.txt", "(("),
        ]);
        let mut sentences = home_sentences(folder.path()).unwrap();
        sentences.furnish(1, Vocabulary::default);
        let intent = |said: &str| match sentences.understand(said, None) {
            Understanding::Certain(found) => (found.intent.clone(), sentences.answer(&found)),
            other => panic!("{said}: {other:?}"),
        };
        assert_eq!(intent("let there be darkness everywhere"), ("HassTurnOff".to_owned(), None));
        assert_eq!(intent("turn on all the lights"), ("HassTurnOn".to_owned(), None));
        let wifi = ("WifiPassword".to_owned(), Some("It is on the fridge.".to_owned()));
        assert_eq!(intent("What is the wifi password?"), wifi);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_file() {
        // Each rule is twice the next one, which written out is a million words.
        let runaway: String = (0..20).map(|at| format!("  r{at}: '<r{}> <r{}>'\n", at + 1, at + 1)).collect();
        let runaway = format!(
            "intents:\n  HassTurnOn:\n    data:\n      - sentences: ['go <r0>']\nexpansion_rules:\n{runaway}  r20: x\n"
        );
        let sentence = "intents:\n  HassTurnOn:\n    data:\n      - sentences: ['turn (on']\n";
        for (text, expected) in [
            (sentence, &["the sentence \"turn (on\" of \"HassTurnOn\"", "')' is missing"][..]),
            (&runaway, &["the sentence \"go <r0>\" of \"HassTurnOn\"", "more than 20000 parts"]),
            ("intents: [1]", &["format of custom_sentences"]),
        ] {
            let folder = folder(&[("own.yaml", text)]);
            let error = format!("{:#}", home_sentences(folder.path()).unwrap_err());
            assert!(error.contains("own.yaml"), "{error}");
            expected.iter().for_each(|expected| assert!(error.contains(expected), "{error}"));
        }
        assert!(format!("{:#}", home_sentences(Path::new("/nowhere")).unwrap_err()).contains("home.custom_sentences"));
    }
}
