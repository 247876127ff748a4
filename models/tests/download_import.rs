//! Importing model files from a folder, as from a USB stick.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use pipit_models::catalogue::{ModelFolder, Sha256, State};
use pipit_models::download::{ImportError, Imported, Rejected};
use tempfile::TempDir;

fn entry(name: &str, files: &[(&str, &[u8])]) -> String {
    let mut text = format!(
        "[[model]]\nname = \"{name}\"\nengine = \"piper\"\nlanguages = [\"en\"]\nlicence = \"MIT\"\nmemory_mb = 1\nabout = \"A test.\"\n"
    );
    for (file, content) in files {
        text += &format!(
            "[[model.file]]\nname = \"{file}\"\nurl = \"https://example.org/{file}\"\nbytes = {}\nsha256 = \"{}\"\n",
            content.len(),
            Sha256::of(content)
        );
    }
    text
}

fn models(folder: &Path) -> ModelFolder {
    let catalogue = entry("voice", &[("voice.onnx", b"voice weights"), ("voice.onnx.json", b"{}")])
        + &entry("nested", &[("deep/er.bin", b"another content")]);
    fs::write(folder.join("catalogue.toml"), catalogue).unwrap();
    ModelFolder::open(folder, None).unwrap()
}

fn import(models: &ModelFolder, from: &Path) -> Result<Imported, ImportError> {
    models.import(from, &mut |_, _| (), &AtomicBool::new(false))
}

fn state(models: &ModelFolder, name: &str) -> State {
    models.state(models.catalogue().get(name).unwrap())
}

#[test]
fn files_are_known_by_their_content_whatever_they_are_called() {
    let (folder, stick) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let models = models(folder.path());
    fs::create_dir_all(stick.path().join("Models/english")).unwrap();
    fs::write(stick.path().join("Models/english/voice (1).onnx"), b"voice weights").unwrap();
    fs::write(stick.path().join("voice.onnx.json"), b"{}").unwrap();
    fs::write(stick.path().join("er.bin"), b"another content").unwrap();
    fs::write(stick.path().join("holiday.jpg"), b"not a model..").unwrap();

    let imported = import(&models, stick.path()).unwrap();
    assert_eq!(imported.taken, ["voice.onnx", "voice.onnx.json", "deep/er.bin"]);
    assert_eq!(imported.rejected, []);
    assert_eq!(state(&models, "voice"), State::Installed);
    assert_eq!(state(&models, "nested"), State::Installed);
    assert_eq!(fs::read(folder.path().join("voice.onnx")).unwrap(), b"voice weights");

    let again = import(&models, stick.path()).unwrap();
    assert_eq!((again.taken.len(), again.already_there.len()), (0, 3));
}

#[test]
fn a_wrong_file_of_the_right_name_is_refused() {
    let (folder, stick) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let models = models(folder.path());
    let wrong = stick.path().join("voice.onnx");
    fs::write(&wrong, b"voice weightz").unwrap();
    fs::write(stick.path().join("voice.onnx.json"), b"{").unwrap();
    let imported = import(&models, stick.path()).unwrap();
    assert_eq!(imported.taken, [""; 0]);
    let why = format!("it hashes to {} instead of {}", Sha256::of(b"voice weightz"), Sha256::of(b"voice weights"));
    let short = Rejected { path: stick.path().join("voice.onnx.json"), why: "it has 1 bytes instead of 2".into() };
    assert_eq!(imported.rejected, [Rejected { path: wrong, why }, short]);
    assert_eq!(state(&models, "voice"), State::Absent);
}

#[test]
fn one_file_can_be_named_and_a_missing_stick_is_told() {
    let (folder, stick) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let models = models(folder.path());
    let file = stick.path().join("voice.onnx");
    fs::write(&file, b"voice weights").unwrap();
    assert_eq!(import(&models, &file).unwrap().taken, ["voice.onnx"]);
    assert_eq!(state(&models, "voice"), State::Partial);
    let error = import(&models, &stick.path().join("absent")).unwrap_err();
    assert!(error.to_string().contains("is the stick mounted?"), "{error}");
}
