//! Written text to spoken words against files of examples, one file for each class.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    rows: usize,
    /// Rows that sound as they should: case, punctuation and hyphens cannot be heard.
    exact: usize,
    classes: BTreeMap<String, Class>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rows {}  exact {}", self.rows, self.exact)?;
        self.classes.iter().try_for_each(|(name, class)| write!(f, "  {name} {}/{}", class.exact, class.rows))
    }
}

#[derive(Debug, Default, Serialize)]
struct Class {
    rows: usize,
    exact: usize,
}

// A row that differs goes to standard error, so that standard output holds the figures alone.
#[allow(clippy::print_stderr)]
pub(crate) fn measure(folder: &Path, verbose: bool) -> Result<Figures> {
    let mut classes: BTreeMap<String, Class> = BTreeMap::new();
    for path in files(folder)? {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let class = classes.entry(name.trim_start_matches("test_cases_").to_owned()).or_default();
        for (written, accepted) in examples(&text) {
            let spoken = pipit_core::speech::spoken(written);
            let same = accepted.iter().any(|accepted| audible(&spoken) == audible(accepted));
            class.rows += 1;
            class.exact += usize::from(same);
            if verbose && !same {
                eprintln!("{name}\t{written}\t{}\t{spoken}", accepted.join(" | "));
            }
        }
    }
    let (rows, exact) = classes.values().fold((0, 0), |sum, class| (sum.0 + class.rows, sum.1 + class.exact));
    if rows == 0 {
        bail!("{} holds no lines of the form written~spoken", folder.display());
    }
    Ok(Figures { rows, exact, classes })
}

/// The text files of the folder, or of the folder in it that holds the cases from written to spoken text.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let nested = folder.join("data_text_normalization");
    let folder = if nested.is_dir() { &nested } else { folder };
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What is written, with every way of saying it that is right: `written~spoken` on one line, or `~written` followed by
/// lines of which each is right.
fn examples(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut examples: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match (line.trim_start_matches('~').split_once('~'), line.starts_with('~')) {
            (Some((written, spoken)), _) => examples.push((written, vec![spoken])),
            (None, true) => examples.push((line.trim_start_matches('~'), Vec::new())),
            (None, false) => examples.last_mut().into_iter().for_each(|(_, accepted)| accepted.push(line)),
        }
    }
    examples
}

fn audible(text: &str) -> String {
    let plain = text.to_lowercase().replace('-', " ");
    let words = plain.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_examples_are_read() {
        let text = "1~one\n~$5\nfive dollars\nfive bucks\n\n~~x\n2~two";
        let expected =
            [("1", vec!["one"]), ("$5", vec!["five dollars", "five bucks"]), ("x", vec![]), ("2", vec!["two"])];
        assert_eq!(examples(text), expected);
    }

    #[test]
    fn what_cannot_be_heard_does_not_count() {
        assert_eq!(audible("Twenty-one, \"OK\"."), audible("twenty one ok"));
    }
}
