//! What the tests of voices share: the runtime, the stand-in models, and a folder in which engines find them.
#![allow(dead_code)] // Each test program uses a part of it.

use std::path::{Path, PathBuf};

use pipit_models::runtime::Runtime;

/// ONNX Runtime, which the set-up has put there.
pub(crate) fn runtime() -> Runtime {
    let folder = std::env::var_os("PIPIT_MODELS_DIR").map(PathBuf::from).unwrap_or_else(|| {
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        let data = data.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")));
        data.expect("HOME is set").join("pipit/models")
    });
    Runtime::load(&folder.join("onnxruntime/libonnxruntime.so")).unwrap_or_else(|error| panic!("{error}"))
}

/// A file that `make_voices.py` wrote.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A models' folder that holds the stand-ins under the names that the engines look for.
pub(crate) fn models_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("voice_kokoro.onnx", "kokoro-v1.0.onnx"),
        ("voice_styles.npz", "voices-v1.0.bin"),
        ("voice_piper.onnx", "en_US-one-medium.onnx"),
        ("voice_piper.onnx.json", "en_US-one-medium.onnx.json"),
        ("voice_piper_speakers.onnx", "en_US-three-medium.onnx"),
        ("voice_piper_speakers.onnx.json", "en_US-three-medium.onnx.json"),
    ];
    for (from, to) in files {
        std::fs::copy(fixture(from), folder.path().join(to)).unwrap();
    }
    folder
}
