//! `pipit models`, as far as it needs no network.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::fs;
use std::path::Path;

use support::{Home, models_folder};

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
fn a_name_that_is_not_in_the_catalogue_is_answered_with_the_nearest() {
    let home = Home::new();
    home.pipit(["models", "pull", "whisper-bse.en"]).failed_saying(&["whisper-bse.en", "whisper-base.en"]);
    home.pipit(["models", "verify", "silero-vad"]).failed_saying(&["silero-vad-v6"]);
    let said = home.pipit(["models", "pull"]);
    assert_eq!(said.code, Some(2), "{said:?}");
}
