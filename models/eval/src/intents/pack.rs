//! Reads a pack as Home Assistant's repository has it: a file for each intent and domain, or for each combination of slots.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use pipit_core::intent::hassil::{Block, Pack};
use serde::Deserialize;
use serde_json::Value;

/// What the sentences of an intent have to do with the area of whoever speaks, by intent and combination of slots.
type Combinations = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct Sentences {
    data: Vec<Block>,
}

pub(super) fn read(folder: &Path, language: &str) -> Result<Pack> {
    let templates = folder.join("templates");
    let combinations: Combinations = yaml(&folder.join("intents.yaml"))?;
    let mut pack = Pack::default();
    for kind in ["lists", "rules", "responses"] {
        for file in files(&templates.join(format!("{kind}_{language}")))? {
            pack.add(yaml(&file)?);
        }
    }
    let (folders, whole): (Vec<_>, Vec<_>) =
        files(&templates.join(format!("sentences_{language}")))?.into_iter().partition(|file| file.is_dir());
    for file in whole {
        pack.add(yaml(&file)?);
    }
    for file in folders {
        let intent = name(&file);
        for file in files(&file)? {
            let Sentences { mut data } = yaml(&file)?;
            let combination =
                combinations.get(&intent).and_then(|intent| intent.get("slot_combinations")?.get(name(&file)));
            if combination.and_then(|combination| combination.get("context_area")) == Some(&Value::Bool(true)) {
                data.iter_mut().for_each(Block::require_area);
            }
            pack.add_sentences(&intent, data);
        }
    }
    Ok(pack)
}

pub(super) fn yaml<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("{} can't be understood", file.display()))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} can't be read", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

fn name(file: &Path) -> String {
    file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
