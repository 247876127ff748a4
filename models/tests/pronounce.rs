//! The program that says how English is pronounced.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use std::io::Write as _;
use std::process::{Command, Stdio};

fn pronounce(accent: &str, text: &str) -> (bool, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pipit-pronounce"))
        .arg(accent)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It may refuse the accent before it reads.
    let _ = program.stdin.take().unwrap().write_all(text.as_bytes());
    let ended = program.wait_with_output().unwrap();
    (ended.status.success(), String::from_utf8(ended.stdout).unwrap())
}

#[test]
fn each_line_has_its_answer() {
    let said = pronounce("american", "Hello, world!\n\nI read a book yesterday.\n");
    assert_eq!(said, (true, "həlˈO, wˈɜɹld!\n\nˌI ɹˈɛd ɐ bˈʊk jˈɛstəɹdˌA.\n".to_owned()));
    assert_eq!(pronounce("martian", "Hello.\n"), (false, String::new()));
}
