//! The store under `kill -9`, a few times; `make bench-store` does it some hundred times.

use std::process::Command;

#[test]
fn a_writer_that_is_killed_loses_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut kill = Command::new(env!("CARGO_BIN_EXE_pipit-eval"));
    let output = kill.arg("kill-store").arg(folder.path()).args(["--json", "--times", "20"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    let figures: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(figures["killed"], 20);
    assert_ne!(figures["acknowledged"], 0, "it was always killed before it began");
    for nothing in ["lost", "half_turns", "broken"] {
        assert_eq!(figures[nothing], 0, "{figures}");
    }
}
