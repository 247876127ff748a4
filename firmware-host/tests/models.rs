//! `pipit models`, as far as it needs no network.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::Command;

use pipit_models::catalogue::Sha256;
use support::{Home, Said, models_folder};
use zip::write::{FileOptions, ZipWriter};

#[test]
fn the_list_names_every_model_with_its_state_and_licence() {
    let said = Home::new().pipit(["models", "list"]).succeeded();
    for words in ["pipit-nano-en", "whisper-tiny.en", "kokoro-v1.0", "silero-vad-v6", "Licence", "installed"] {
        assert!(said.out.contains(words), "{words}: {said:?}");
    }
    assert!(said.out.contains(models_folder().to_str().unwrap()), "{said:?}");
}

#[test]
fn installed_files_are_verified() {
    let home = Home::new();
    let said = home.pipit(["models", "verify", "silero-vad-v6", "smart-turn-v3.2"]).succeeded();
    assert_eq!(said.out.matches("good").count(), 2, "{said:?}");
    let elsewhere = home.path("models");
    fs::create_dir(&elsewhere).unwrap();
    let in_it = |arguments: &[&str]| {
        let models = format!("--set=models.dir={}", elsewhere.display());
        home.pipit([&[&models, "models"], arguments].concat())
    };
    let missing = in_it(&["verify", "silero-vad-v6"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.out.contains("missing"), "{missing:?}");
    fs::write(elsewhere.join("silero-vad-v6.onnx"), "not it").unwrap();
    let corrupt = in_it(&["verify", "silero-vad-v6"]);
    assert_eq!(corrupt.code, Some(1), "{corrupt:?}");
    assert!(corrupt.out.contains("corrupt"), "{corrupt:?}");
    in_it(&["list"]).succeeded();
}

#[test]
fn an_import_takes_the_right_file_and_says_why_not_the_wrong_one() {
    let home = Home::new();
    let stick = home.path("stick");
    home.file("stick/deep/down/smart-turn-v3.2.onnx", fs::read(models_folder().join("smart-turn-v3.2.onnx")).unwrap());
    home.file("stick/silero-vad-v6.onnx", "only its name is right");
    home.file("stick/holiday.jpg", "a picture");
    let models = format!("--set=models.dir={}", home.path("models").display());
    let import = |from: &Path| home.pipit([&*models, "models", "import", from.to_str().unwrap()]);
    let said = import(&stick);
    assert!(said.out.contains("smart-turn-v3.2.onnx: taken"), "{said:?}");
    assert!(!said.err.contains("holiday"), "{said:?}");
    said.said(&["silero-vad-v6.onnx", "not taken"]);
    assert!(home.path("models/smart-turn-v3.2.onnx").exists() && !home.path("models/silero-vad-v6.onnx").exists());
    assert!(import(&stick).out.contains("is installed already"));
    let empty = home.path("empty");
    fs::create_dir(&empty).unwrap();
    import(&empty).failed_saying(&["empty", "pipit models list"]);
    import(&home.path("nowhere")).failed_saying(&["nowhere"]);
}

#[test]
fn what_is_at_work_is_not_removed_and_the_rest_is() {
    let home = Home::new();
    home.file("models/ggml-tiny.en.bin.part", "the beginning");
    let own = "[[model]]\nname = \"own\"\nengine = \"whisper\"\nlanguages = [\"en\"]\nlicence = \"MIT\"\nmemory_mb = 40\n\
               quality = 5\nabout = \"Ours.\"\n[[model.file]]\nname = \"own.bin\"\nurl = \"https://nas.local/own.bin\"\nbytes = 3\n";
    home.file("models/catalogue.toml", own);
    home.file("models/own.bin", "one");
    let models = format!("--set=models.dir={}", home.path("models").display());
    let remove = |names: &[&str]| home.pipit([&[&*models, "models", "remove"], names].concat());
    let at_work = home.pipit([&*models, "--set=stt.model=own", "models", "remove", "own"]);
    at_work.failed_saying(&["own is at work", "choose another"]);
    remove(&["silero-vad-v6"]).failed_saying(&["comes with Pipit"]);
    remove(&["whisper-tiny.en"]).succeeded();
    assert!(home.path("models/own.bin").exists() && !home.path("models/ggml-tiny.en.bin.part").exists());
    let other = home.pipit([&*models, "--set=stt.model=pipit-nano-en", "models", "remove", "own"]).succeeded();
    assert!(other.out.contains("own is removed") && !home.path("models/own.bin").exists(), "{other:?}");
}

#[test]
fn a_name_that_is_not_in_the_catalogue_is_answered_with_the_nearest() {
    let home = Home::new();
    home.pipit(["models", "pull", "whisper-bse.en"]).failed_saying(&["whisper-bse.en", "whisper-base.en"]);
    home.pipit(["models", "verify", "silero-vad"]).failed_saying(&["silero-vad-v6"]);
    let said = home.pipit(["models", "pull"]);
    assert_eq!(said.code, Some(2), "{said:?}");
}

/// The wheel of a Python package with a sentence pack in it.
fn wheel() -> Vec<u8> {
    let mut wheel = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("home_assistant_intents/data/de.json", r#"{"language": "de", "intents": {}}"#),
        ("pipit_packs-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pipit-packs\nVersion: 1.0\n"),
        ("pipit_packs-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        ("pipit_packs-1.0.dist-info/RECORD", ""),
    ] {
        wheel.start_file(name, FileOptions::default()).unwrap();
        wheel.write_all(content.as_bytes()).unwrap();
    }
    wheel.finish().unwrap().into_inner()
}

/// Has a wheel in `index`, where pip is told to look, and nothing in `models` but an entry of the sentence packs that says
/// that they are `package` and this `wheel`.
fn packs_are(package: &str, wheel: &[u8], home: &Home) {
    let entry = format!(
        "[[model]]\nname = 'home-assistant-intents'\nengine = 'hassil'\nlanguages = ['*']\nlicence = 'MIT'\nmemory_mb = 1\n\
         about = 'A test.'\n[[model.file]]\nname = 'packs.whl'\npackage = '{package}'\nbytes = {}\nsha256 = '{}'\n",
        wheel.len(),
        Sha256::of(wheel)
    );
    home.file("models/catalogue.toml", entry);
}

fn pull_packs(home: &Home, path: Option<&Path>) -> Said {
    let mut pipit = home.command();
    pipit.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", home.path("index"));
    if let Some(path) = path {
        pipit.env("PATH", path);
    }
    pipit.arg(format!("--set=models.dir={}", home.path("models").display()));
    Said::of(pipit.args(["models", "pull", "home-assistant-intents"]).output().unwrap())
}

#[test]
fn sentence_packs_come_out_of_a_package_that_pip_brings() {
    if !Command::new("python3").args(["-m", "pip", "--version"]).output().is_ok_and(|pip| pip.status.success()) {
        println!("skipped: python3 has no pip here");
        return;
    }
    let home = Home::new();
    let wheel = wheel();
    let in_index = home.file("index/pipit_packs-1.0-py3-none-any.whl", &wheel);
    let installed = home.path("models/packs.whl");
    packs_are("pipit-packs==2.0", &wheel, &home);
    pull_packs(&home, None).failed_saying(&["pipit-packs==2.0", "No matching distribution", "pipit models import"]);
    packs_are("pipit-packs==1.0", b"another", &home);
    pull_packs(&home, None).failed_saying(&["packs.whl was not installed: pip brought another pipit-packs==1.0"]);
    packs_are("pipit-packs==1.0", &wheel, &home);
    let nowhere = home.path("nowhere");
    pull_packs(&home, Some(&nowhere)).failed_saying(&["no python3", "apt install python3-pip", "pipit models import"]);
    assert!(!installed.exists());

    pull_packs(&home, None).succeeded();
    assert!(fs::read(&installed).unwrap() == wheel);
    let models = format!("--set=models.dir={}", home.path("models").display());
    let verified = home.pipit([&*models, "models", "verify", "home-assistant-intents"]).succeeded();
    assert_eq!(verified.out, "home-assistant-intents: packs.whl: good\n");
    let mut left: Vec<_> = fs::read_dir(home.path("models")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["catalogue.toml", "hashes.json", "packs.whl"]);

    // Without pip, the wheel comes from a stick.
    fs::remove_file(&installed).unwrap();
    let imported = home.pipit([&*models, "models", "import", in_index.to_str().unwrap()]).succeeded();
    assert_eq!(imported.out, "packs.whl: taken\n");
}

#[test]
fn a_python_without_pip_is_told_apart() {
    let home = Home::new();
    let python = home.path("python");
    let made = Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&python).output();
    if !made.is_ok_and(|made| made.status.success()) {
        println!("skipped: there is no python3 here that makes virtual environments");
        return;
    }
    packs_are("pipit-packs==1.0", b"any", &home);
    pull_packs(&home, Some(&python.join("bin"))).failed_saying(&["python3 has none here", "apt install python3-pip"]);
}
