//! The built-in catalogue, the owner's entries, what lies in the folder, and what each board is given.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use expect_test::expect;
use pipit_models::board::{Board, SystemFiles};
use pipit_models::catalogue::{
    Catalogue, FileVerdict, Measurement, Measurements, ModelFolder, RealTimeFactor, Source, State, Verdict, measure,
};
use tempfile::TempDir;

#[test]
fn every_built_in_file_is_pinned_and_comes_from_a_model_host_or_a_package() {
    for arch in ["x86_64", "aarch64", "arm"] {
        for model in Catalogue::built_in_for(arch).models() {
            for file in &model.files {
                let name = &file.name;
                assert!(file.sha256.is_some() && file.bytes.is_some(), "{name} is not pinned");
                let downloaded = file.url.is_some() || file.package.is_some();
                assert_eq!(downloaded, model.source == Source::Download, "{name}");
                let host = file.url.as_ref().map(|url| url.split('/').nth(2).unwrap().to_owned());
                assert!(host.is_none_or(|host| ["huggingface.co", "github.com"].contains(&&*host)), "{name}");
            }
        }
    }
}

fn board(device: &str, part: &str, cores: usize, megabytes: u64) -> Board {
    let files = SystemFiles {
        device_tree_model: format!("{device}\0"),
        cpuinfo: format!("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: {part}\n"),
        meminfo: format!("MemTotal:       {} kB\nMemFree:        1 kB\n", megabytes * 1024),
        cgroup_memory_max: "max\n".into(),
    };
    Board::from_system_files("aarch64", cores, &files)
}

fn mini_pc() -> Board {
    let files = SystemFiles {
        cpuinfo: "model name\t: Some Processor\nflags\t\t: fpu avx2 fma avx512f\n".into(),
        meminfo: "MemTotal: 16000000 kB\n".into(),
        ..SystemFiles::default()
    };
    Board::from_system_files("x86_64", 4, &files)
}

#[test]
fn each_board_is_given_what_it_can_afford() {
    let boards = [
        board("Raspberry Pi Zero 2 W Rev 1.0", "0xd03", 4, 420),
        board("Raspberry Pi 3 Model B Plus Rev 1.3", "0xd03", 4, 900),
        board("Raspberry Pi 4 Model B Rev 1.2", "0xd08", 4, 920),
        board("Raspberry Pi 4 Model B Rev 1.5", "0xd08", 4, 3800),
        board("Raspberry Pi 5 Model B Rev 1.0", "0xd0b", 4, 1990),
        board("Raspberry Pi 5 Model B Rev 1.0", "0xd0b", 4, 8060),
        mini_pc(),
    ];
    let lines: Vec<_> = boards
        .iter()
        .flat_map(|board| ["en", "de"].map(|language| (board, language)))
        .map(|(board, language)| {
            let catalogue = Catalogue::built_in_for(&board.arch);
            let chosen = catalogue.recommended(board, language, &Measurements::default());
            let name = |model: Option<&pipit_models::catalogue::Model>| {
                model.map_or("-".to_owned(), |model| model.name.clone())
            };
            let megabytes = board.memory / 1_000_000;
            let (hears, speaks) = (name(chosen.recogniser), name(chosen.voice));
            format!("{} {megabytes} MB {language}: {hears}, {speaks}\n", board.name)
        })
        .collect();
    expect![[r#"
        Raspberry Pi Zero 2 W Rev 1.0 440 MB en: -, -
        Raspberry Pi Zero 2 W Rev 1.0 440 MB de: -, -
        Raspberry Pi 3 Model B Plus Rev 1.3 943 MB en: whisper-tiny.en, -
        Raspberry Pi 3 Model B Plus Rev 1.3 943 MB de: whisper-tiny, -
        Raspberry Pi 4 Model B Rev 1.2 964 MB en: whisper-tiny.en, piper-en_US-ljspeech-medium
        Raspberry Pi 4 Model B Rev 1.2 964 MB de: whisper-tiny, -
        Raspberry Pi 4 Model B Rev 1.5 3984 MB en: whisper-tiny.en, piper-en_US-ljspeech-medium
        Raspberry Pi 4 Model B Rev 1.5 3984 MB de: whisper-tiny, -
        Raspberry Pi 5 Model B Rev 1.0 2086 MB en: whisper-base.en, piper-en_US-ljspeech-medium
        Raspberry Pi 5 Model B Rev 1.0 2086 MB de: whisper-base, -
        Raspberry Pi 5 Model B Rev 1.0 8451 MB en: whisper-base.en, piper-en_US-ljspeech-medium
        Raspberry Pi 5 Model B Rev 1.0 8451 MB de: whisper-base, -
        Some Processor 16384 MB en: whisper-small.en-q5_1, kokoro-v1.0
        Some Processor 16384 MB de: whisper-small-q5_1, -
    "#]]
    .assert_eq(&lines.concat());
}

#[test]
fn measurements_outweigh_estimates_on_the_board_they_were_taken_on() {
    let folder = TempDir::new().unwrap();
    let (fast, slow) = (mini_pc(), board("Raspberry Pi 4 Model B", "0xd08", 4, 3800));
    let factor = |wall| RealTimeFactor { wall, cpu: wall, runs: 3 };
    let measurement = |model: &str, board: &Board, wall| Measurement {
        model: model.into(),
        board: board.fingerprint(),
        threads: 2,
        real_time_factor: factor(wall),
        engine: None,
    };
    let mut measured = Measurements::load(folder.path());
    measured.insert(measurement("whisper-large-v3-turbo-q5_0", &fast, 0.5));
    measured.insert(measurement("whisper-large-v3-turbo-q5_0", &fast, 0.1));
    measured.insert(measurement("whisper-base.en", &slow, 0.2));
    measured.insert(measurement("whisper-tiny.en", &fast, 5.0));
    measured.save().unwrap();
    let measured = Measurements::load(folder.path());

    let chosen = |board: &Board| {
        let catalogue = Catalogue::built_in_for(&board.arch);
        catalogue.recommended(board, "en", &measured).recogniser.map(|model| model.name.clone())
    };
    assert_eq!(chosen(&fast).as_deref(), Some("whisper-large-v3-turbo-q5_0"));
    assert_eq!(chosen(&slow).as_deref(), Some("whisper-base.en"));

    let catalogue = Catalogue::built_in_for("x86_64");
    let fit = catalogue.fit(catalogue.get("whisper-tiny.en").unwrap(), &fast, &measured);
    assert_eq!((fit.verdict, fit.measured), (Verdict::TooSlow, true));
    assert_eq!(fit.to_string(), "too slow: measured at 5.00 s per second of speech");
    let fit = catalogue.fit(catalogue.get("whisper-tiny.en").unwrap(), &slow, &measured);
    assert_eq!((fit.verdict, fit.measured), (Verdict::Fits, false));

    fs::write(folder.path().join("measured.json"), "{").unwrap();
    assert_eq!(Measurements::load(folder.path()).of("whisper-base.en", &slow), None);
}

#[test]
fn a_processor_without_onnx_runtime_keeps_whisper_and_espeak() {
    let mut board = board("Raspberry Pi 4 Model B", "0xd08", 4, 3800);
    board.arch = "arm".into();
    let catalogue = Catalogue::built_in_for("arm");
    let chosen = catalogue.recommended(&board, "en", &Measurements::default());
    assert_eq!(chosen.recogniser.map(|model| &*model.name), Some("whisper-tiny.en"));
    assert_eq!(chosen.voice, None);
}

#[test]
fn a_container_has_the_memory_of_its_limit() {
    let files = SystemFiles {
        meminfo: "MemTotal: 16000000 kB\n".into(),
        cgroup_memory_max: "536870912\n".into(),
        ..SystemFiles::default()
    };
    assert_eq!(Board::from_system_files("x86_64", 2, &files).memory, 512 << 20);
    let here = Board::detect();
    assert!(here.memory > 0 && here.cores > 0 && here.speed > 0.0, "{here:?}");
}

#[test]
fn a_factor_is_the_median_of_its_runs() {
    let mut run = 0;
    let started = Instant::now();
    let outcome = measure(NonZeroUsize::new(3).unwrap(), || {
        run += 1;
        // Work of a known length by the clock that measures it, for audio of 10, 10, 1000 and 1 ms.
        let until = Instant::now() + Duration::from_millis(5);
        while Instant::now() < until {}
        Ok::<_, ()>(Duration::from_millis([10, 10, 1000, 1][run - 1]))
    })
    .unwrap();
    assert_eq!((run, outcome.runs), (4, 3));
    let longest = started.elapsed().as_secs_f64();
    assert!(outcome.wall >= 0.5 && outcome.wall <= longest / 0.01, "{outcome:?}");
    assert!(measure(NonZeroUsize::MIN, || Err::<Duration, _>("broken")).is_err());
}

fn own_entry(name: &str, rest: &str) -> String {
    format!(
        "[[model]]\nname = \"{name}\"\nengine = \"whisper\"\nlanguages = [\"en\"]\nlicence = \"MIT\"\nmemory_mb = 1\nabout = \"Mine.\"\n{rest}"
    )
}

#[test]
fn the_owner_adds_and_replaces_entries() {
    let folder = TempDir::new().unwrap();
    let file = "[[model.file]]\nname = \"mine.bin\"\nurl = \"https://example.org/mine.bin\"\n";
    let text = own_entry("mine", file) + &own_entry("whisper-tiny.en", file);
    fs::write(folder.path().join("catalogue.toml"), text).unwrap();
    let catalogue = Catalogue::load(folder.path()).unwrap();
    assert_eq!(catalogue.models().len(), Catalogue::built_in().models().len() + 1);
    assert_eq!(catalogue.get("whisper-tiny.en").unwrap().about, "Mine.");
}

#[test]
fn a_wrong_entry_says_where_and_what() {
    let sha = "0".repeat(64);
    let file = |rest: &str| own_entry("mine", &format!("[[model.file]]\nname = \"mine.bin\"\n{rest}"));
    let cases = [
        file(""),
        file("url = \"https://user:pass@example.org/a\""),
        file("url = \"http://example.org/a\""),
        file(&format!("url = \"ftp://example.org/a\"\nsha256 = \"{sha}\"")),
        file("url = \"https://example.org/a\"\nsha256 = \"abc\""),
        file("package = \"mine==1\"\nbytes = 1"),
        file(&format!("package = \"mine @ https://example.org/a\"\nbytes = 1\nsha256 = \"{sha}\"")),
        file(&format!("package = \"--pre==1\"\nbytes = 1\nsha256 = \"{sha}\"")),
        file(&format!("package = \"mine==1\"\nurl = \"https://example.org/a\"\nsha256 = \"{sha}\"")),
        own_entry("mine", "[[model.file]]\nname = \"../mine.bin\"\nurl = \"https://example.org/a\""),
        own_entry("mine", "[[model.file]]\nname = \"/etc/mine.bin\"\nurl = \"https://example.org/a\""),
        own_entry("two words", "file = []"),
        own_entry("mine", "file = []"),
        own_entry("mine", "sise = 3\nfile = []"),
        file("url = \"https://example.org/a\"\n").repeat(2),
    ];
    let mut errors = String::new();
    for text in cases {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("catalogue.toml"), text).unwrap();
        let error = Catalogue::load(folder.path()).unwrap_err().to_string();
        errors += &error.replace(&folder.path().display().to_string(), "MODELS");
        errors += "\n";
    }
    expect![[r#"
        MODELS/catalogue.toml: model `mine`: `mine.bin` has neither a url nor a package
        MODELS/catalogue.toml: model `mine`: the url of `mine.bin` holds a user name or password; a catalogue is no place for them
        MODELS/catalogue.toml: model `mine`: the url of `mine.bin` is not https: then the entry needs a sha256
        MODELS/catalogue.toml: model `mine`: the url of `mine.bin` begins with `ftp:`; use https
        MODELS/catalogue.toml: model `mine`: the sha256 of `mine.bin` must be 64 hexadecimal digits
        MODELS/catalogue.toml: model `mine`: `mine.bin` comes out of a package: then the entry needs bytes and a sha256
        MODELS/catalogue.toml: model `mine`: the package of `mine.bin` must be as in "name==1.2"
        MODELS/catalogue.toml: model `mine`: the package of `mine.bin` must be as in "name==1.2"
        MODELS/catalogue.toml: model `mine`: `mine.bin` has a url and a package; one of them brings it
        MODELS/catalogue.toml: model `mine`: the file name `../mine.bin` must be a path inside the models folder
        MODELS/catalogue.toml: model `mine`: the file name `/etc/mine.bin` must be a path inside the models folder
        MODELS/catalogue.toml: model `two words`: a name is made of letters, digits, `.`, `_` and `-`
        MODELS/catalogue.toml: model `mine`: it has no [[model.file]]
        MODELS/catalogue.toml: TOML parse error at line 8, column 1
          |
        8 | sise = 3
          | ^^^^
        unknown field `sise`, expected one of `name`, `engine`, `source`, `languages`, `licence`, `memory_mb`, `real_time_factor`, `quality`, `about`, `file`
        MODELS/catalogue.toml: there are two models called `mine`
    "#]].assert_eq(&errors);
    // A mirror at home may be plain HTTP when the hash is known.
    let folder = TempDir::new().unwrap();
    let text = file(&format!("url = \"http://nas.local/a\"\nsha256 = \"{sha}\""));
    fs::write(folder.path().join("catalogue.toml"), text).unwrap();
    Catalogue::load(folder.path()).unwrap();
}

#[test]
fn the_folder_tells_whole_from_missing_and_corrupt() {
    let (folder, shipped) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let models = ModelFolder::open(folder.path(), Some(shipped.path().into())).unwrap();
    let state = |name| models.state(models.catalogue().get(name).unwrap());
    let nano = concat!(env!("CARGO_MANIFEST_DIR"), "/pipit-nano-en-q5_0.bin");
    assert_eq!(state("pipit-nano-en"), State::Absent);
    fs::copy(nano, shipped.path().join("pipit-nano-en-q5_0.bin")).unwrap();
    assert_eq!(state("pipit-nano-en"), State::Installed);
    let installed = models.installed("pipit-nano-en").unwrap();
    assert_eq!(installed, [shipped.path().join("pipit-nano-en-q5_0.bin")]);

    // The same file with one bit wrong looks whole until it is verified; from then on it is known.
    let mut bytes = fs::read(nano).unwrap();
    bytes[1000] ^= 1;
    let own = folder.path().join("pipit-nano-en-q5_0.bin");
    fs::write(&own, &bytes).unwrap();
    assert_eq!(state("pipit-nano-en"), State::Installed);
    let verify = || models.verify("pipit-nano-en", &mut |_, _, _| (), &AtomicBool::new(false)).unwrap().remove(0).1;
    assert!(matches!(verify(), FileVerdict::Corrupt { .. }));
    assert_eq!(state("pipit-nano-en"), State::Corrupt);
    assert_eq!(models.installed("pipit-nano-en"), None);

    fs::copy(nano, &own).unwrap();
    assert_eq!(verify(), FileVerdict::Good);
    assert_eq!(state("pipit-nano-en"), State::Installed);
    fs::write(&own, b"short").unwrap();
    assert_eq!(state("pipit-nano-en"), State::Corrupt);
    assert_eq!(models.list().len(), models.catalogue().models().len());
}
