//! Importing model files from a folder, as from a USB stick.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use pipit_models::catalogue::{ModelFolder, Sha256, State};
use pipit_models::download::{ArrivalError, ImportError, Imported, Rejected, RemoveError};
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

#[test]
fn a_file_that_is_sent_gets_its_name_by_its_hash_and_another_gets_none() {
    let folder = TempDir::new().unwrap();
    let models = models(folder.path());
    let mut sent = models.arriving(Some(13)).unwrap();
    assert!(matches!(models.arriving(None), Err(ArrivalError::Busy)));
    sent.push(b"voice ").unwrap();
    sent.push(b"weights").unwrap();
    assert_eq!(sent.finish().unwrap().name, "voice.onnx");
    assert_eq!(state(&models, "voice"), State::Partial);

    let mut sent = models.arriving(None).unwrap();
    sent.push(b"voice weightz").unwrap();
    assert!(matches!(sent.finish(), Err(ArrivalError::Unknown(_))));
    assert!(matches!(models.arriving(Some(100_000_000_000)), Err(ArrivalError::TooLarge(_))));
    let mut sent = models.arriving(Some(15)).unwrap();
    sent.push(b"another").unwrap();
    drop(sent);
    let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["catalogue.toml", "hashes.json", "voice.onnx"]);
}

#[test]
fn what_is_removed_is_gone_but_not_what_another_model_shares_or_pipit_needs() {
    let folder = TempDir::new().unwrap();
    models(folder.path());
    fs::write(folder.path().join("voice.onnx"), b"voice weights").unwrap();
    fs::write(folder.path().join("voice.onnx.json"), b"{}").unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(folder.path().join("deep/er.bin.part"), b"another").unwrap();
    let other = entry("other-voice", &[("other.onnx", b"other weights"), ("voice.onnx.json", b"{}")]);
    let catalogue = fs::read_to_string(folder.path().join("catalogue.toml")).unwrap() + &other;
    fs::write(folder.path().join("catalogue.toml"), catalogue).unwrap();
    let models = ModelFolder::open(folder.path(), None).unwrap();

    assert_eq!(models.remove("voice").unwrap(), 13, "the other voice may want the JSON");
    assert_eq!(state(&models, "voice"), State::Partial);
    assert_eq!(models.remove("nested").unwrap(), 7);
    assert_eq!(state(&models, "nested"), State::Absent);
    assert_eq!(models.remove("nested").unwrap(), 0);
    assert!(matches!(models.remove("silero-vad-v6"), Err(RemoveError::Needed(_))));
    assert!(matches!(models.remove("nobody"), Err(RemoveError::UnknownModel(_))));
}

#[test]
fn downloads_that_were_broken_off_give_way_but_none_that_goes_on() {
    let folder = TempDir::new().unwrap();
    models(folder.path());
    fs::create_dir(folder.path().join("deep")).unwrap();
    let (broken_off, going_on) = (folder.path().join("deep/er.bin.part"), folder.path().join("voice.onnx.part"));
    fs::write(&broken_off, b"another").unwrap();
    fs::write(&going_on, b"voice").unwrap();
    let held = fs::File::open(&going_on).unwrap();
    held.lock().unwrap();
    let models = ModelFolder::open(folder.path(), None).unwrap();
    assert_eq!(models.forget_unfinished(), 7);
    assert!(!broken_off.exists() && going_on.exists());
}
