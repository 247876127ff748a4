//! How much of the NeMo text-normalisation test set is read exactly, by class.
//!
//! The lines are `written~spoken`; those of `normalize_with_audio` are `~written` and then every accepted reading.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use pipit_core::speech::spoken;

/// A little below what is reached, so that a class cannot quietly be lost.
const FLOOR: f64 = 0.88;

#[test]
fn reads_the_yardstick() {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/text_norm_nemo/data_text_normalization");
    let Ok(files) = fs::read_dir(&folder) else {
        println!("skipped: {} is not there", folder.display());
        return;
    };
    let mut classes: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().replace("test_cases_", "");
        let text = fs::read_to_string(&path).unwrap();
        let rows = if name == "normalize_with_audio" { many_readings(&text) } else { one_reading(&text) };
        for (written, accepted) in rows {
            let said = spoken(&written);
            let count = classes.entry(name.clone()).or_default();
            count.1 += 1;
            if accepted.contains(&said) {
                count.0 += 1;
            } else {
                println!("{name}: {written:?}\n    said {said:?}\n    want {accepted:?}");
            }
        }
    }
    let (exact, rows) = classes.values().fold((0, 0), |sum, (exact, rows)| (sum.0 + exact, sum.1 + rows));
    for (name, (exact, rows)) in &classes {
        println!("{name:28} {exact:4}/{rows}");
    }
    println!("{:28} {exact:4}/{rows}", "all");
    assert!(exact as f64 >= FLOOR * rows as f64, "{exact} of {rows} rows are exact, below the floor of {FLOOR}");
}

fn one_reading(text: &str) -> Vec<(String, Vec<String>)> {
    let rows = text.lines().filter_map(|line| line.split_once('~'));
    rows.map(|(written, spoken)| (written.to_owned(), vec![spoken.trim().to_owned()])).collect()
}

fn many_readings(text: &str) -> Vec<(String, Vec<String>)> {
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix('~'), rows.last_mut()) {
            (Some(written), _) => rows.push((written.to_owned(), Vec::new())),
            (None, Some(row)) => row.1.push(line.to_owned()),
            (None, None) => {}
        }
    }
    rows
}
