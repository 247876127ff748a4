use std::path::PathBuf;

use half::{bf16, f16};
use serde_json::{Map, Value, json};

use super::*;
use crate::cancel::CancelFlag;
use crate::whisper::onnx::{Cache, OnnxWhisper};
use crate::whisper::tests::speech;
use crate::whisper::weights::Weights;
use crate::whisper::{Whisper, WhisperSettings, nano};

/// A model as it is pulled, before it is written to a folder.
struct Pulled {
    name: &'static str,
    header: Map<String, Value>,
    data: Vec<u8>,
    /// What the file is filled up to with zeros.
    length: u64,
    config: Value,
    vocabulary: Map<String, Value>,
}

impl Pulled {
    fn new(shape: &Architecture, texts: &[Vec<u8>]) -> Pulled {
        let config = json!({
            "model_type": "whisper",
            "architectures": ["WhisperForConditionalGeneration"],
            "activation_function": "gelu",
            "vocab_size": shape.vocabulary,
            "d_model": shape.width,
            "encoder_attention_heads": shape.heads,
            "decoder_attention_heads": shape.heads,
            "encoder_layers": shape.audio_layers,
            "decoder_layers": shape.text_layers,
            "num_mel_bins": shape.mels,
            "max_source_positions": shape.audio_context,
            "max_target_positions": shape.text_context,
            "scale_embedding": false,
        });
        let characters: HashMap<u8, char> = bytes_of_characters().into_iter().map(|(c, byte)| (byte, c)).collect();
        let written = |text: &Vec<u8>| text.iter().map(|byte| characters[byte]).collect::<String>();
        let mut vocabulary: Map<String, Value> =
            texts.iter().enumerate().map(|(id, text)| (written(text), json!(id))).collect();
        vocabulary.insert("<|endoftext|>".to_owned(), json!(texts.len()));
        let mut header = Map::new();
        header.insert("__metadata__".to_owned(), json!({"format": "pt", "shape": "none"}));
        Pulled { name: "model.safetensors", header, data: Vec::new(), length: 0, config, vocabulary }
    }

    fn push(&mut self, name: &str, sizes: &[usize], dtype: &str, bytes: u64) {
        let entry = json!({"dtype": dtype, "shape": sizes, "data_offsets": [self.length, self.length + bytes]});
        self.header.insert(name.to_owned(), entry);
        self.length += bytes;
    }

    fn write(&self, folder: &Path) -> PathBuf {
        let mut header = serde_json::to_vec(&self.header).unwrap();
        header.resize(header.len().next_multiple_of(8), b' ');
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_slice(), self.data.as_slice()].concat();
        let path = folder.join(self.name);
        std::fs::write(&path, bytes).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(8 + header.len() as u64 + self.length).unwrap();
        std::fs::write(folder.join("config.json"), self.config.to_string()).unwrap();
        std::fs::write(folder.join("vocab.json"), serde_json::to_vec(&self.vocabulary).unwrap()).unwrap();
        path
    }
}

/// The model in the box with its numbers in another format, and a text of its own for each token: its file has lost those
/// that are no UTF-8.
fn nano_in(dtype: &str, prefix: &str, write: fn(f32, &mut Vec<u8>)) -> (Pulled, Vec<Vec<u8>>) {
    let mut weights = Weights::open(&WhisperSource::Bytes(nano())).unwrap();
    let shape = weights.contents.architecture;
    let mut texts = weights.contents.vocabulary[..50_256].to_vec();
    for (id, text) in texts.iter_mut().enumerate().filter(|(_, text)| text.contains(&0xef)) {
        *text = [0xff, (id >> 8) as u8, id as u8].to_vec();
    }
    let mut pulled = Pulled::new(&shape, &texts);
    for (name, mut sizes) in tensors::of(&shape) {
        let numbers = weights.tensor(&name, &sizes).ok().unwrap();
        sizes.retain(|size| *size != 1);
        let before = pulled.data.len();
        numbers.iter().for_each(|number| write(*number, &mut pulled.data));
        let bytes = (pulled.data.len() - before) as u64;
        pulled.push(&format!("{prefix}{}", hugging_face(&name)), &sizes, dtype, bytes);
    }
    (pulled, texts)
}

#[test]
fn the_same_weights_are_read_as_from_ggml() {
    type Case = (&'static str, &'static str, fn(f32, &mut Vec<u8>), fn(f32) -> f32);
    let table: [Case; 3] = [
        ("F32", "model.", |number, out| out.extend(number.to_le_bytes()), |number| number),
        (
            "F16",
            "model.",
            |number, out| out.extend(f16::from_f32(number).to_le_bytes()),
            |number| f16::from_f32(number).to_f32(),
        ),
        (
            "BF16",
            "",
            |number, out| out.extend(bf16::from_f32(number).to_le_bytes()),
            |number| bf16::from_f32(number).to_f32(),
        ),
    ];
    let mut ggml = Weights::open(&WhisperSource::Bytes(nano())).unwrap();
    for (dtype, prefix, write, rounded) in table {
        let folder = tempfile::tempdir().unwrap();
        let (pulled, texts) = nano_in(dtype, prefix, write);
        let source = WhisperSource::File(pulled.write(folder.path()));
        let mut weights = Weights::open(&source).unwrap();
        assert_eq!(weights.contents.architecture, ggml.contents.architecture);
        assert!(weights.contents.vocabulary == texts);
        assert_eq!(weights.contents.tensors.len(), ggml.contents.tensors.len());
        for (name, sizes) in tensors::of(&ggml.contents.architecture) {
            let expected: Vec<f32> = ggml.tensor(&name, &sizes).ok().unwrap().into_iter().map(rounded).collect();
            assert!(weights.tensor(&name, &sizes).ok().unwrap() == expected, "{dtype} {name}");
        }
        let filters = weights.contents.filters.iter().zip(&ggml.contents.filters);
        assert!(filters.clone().all(|(one, other)| (one - other).abs() < 1e-6), "the filters differ");
        assert_eq!(filters.len(), 80 * 201);
    }
}

#[test]
fn what_was_pulled_from_hugging_face_hears() {
    let folder = tempfile::tempdir().unwrap();
    let (pulled, _) = nano_in("F32", "model.", |number, out| out.extend(number.to_le_bytes()));
    let source = WhisperSource::File(pulled.write(folder.path()));
    let (runtime, cache) = (crate::runtime::tests::runtime(), Cache::new(folder.path().join("compiled")));
    let settings = WhisperSettings::default();
    let mut whisper = OnnxWhisper::load(&runtime, &source, &settings, None, &cache, &mut |_| true).unwrap();
    let transcript = whisper.transcribe(&speech("turn on the kitchen light"), &CancelFlag::new()).unwrap();
    assert_eq!(transcript.text, "turn on the kitchen light");
}

#[test]
fn names_are_hugging_faces() {
    let table = [
        ("encoder.positional_embedding", "encoder.embed_positions.weight"),
        ("encoder.conv1.bias", "encoder.conv1.bias"),
        ("encoder.blocks.0.attn.query.weight", "encoder.layers.0.self_attn.q_proj.weight"),
        ("encoder.blocks.11.attn_ln.bias", "encoder.layers.11.self_attn_layer_norm.bias"),
        ("encoder.ln_post.weight", "encoder.layer_norm.weight"),
        ("decoder.token_embedding.weight", "decoder.embed_tokens.weight"),
        ("decoder.blocks.3.attn.key.weight", "decoder.layers.3.self_attn.k_proj.weight"),
        ("decoder.blocks.3.cross_attn.value.bias", "decoder.layers.3.encoder_attn.v_proj.bias"),
        ("decoder.blocks.3.cross_attn.out.bias", "decoder.layers.3.encoder_attn.out_proj.bias"),
        ("decoder.blocks.3.cross_attn_ln.weight", "decoder.layers.3.encoder_attn_layer_norm.weight"),
        ("decoder.blocks.3.mlp.0.weight", "decoder.layers.3.fc1.weight"),
        ("decoder.blocks.3.mlp.2.weight", "decoder.layers.3.fc2.weight"),
        ("decoder.blocks.3.mlp_ln.weight", "decoder.layers.3.final_layer_norm.weight"),
        ("decoder.ln.bias", "decoder.layer_norm.bias"),
    ];
    for (ours, theirs) in table {
        assert_eq!(hugging_face(ours), theirs);
    }
}

/// The smallest shape that there can be, with numbers of zero.
fn small(vocabulary: usize) -> Pulled {
    let shape = Architecture {
        vocabulary,
        audio_context: 64,
        width: 32,
        heads: 1,
        audio_layers: 1,
        text_context: 16,
        text_layers: 1,
        mels: 80,
    };
    let word = |id: usize| if id == 220 { b" ".to_vec() } else { format!(" {id:x}").into_bytes() };
    let mut texts: Vec<Vec<u8>> = (0..50_256).map(word).collect();
    if vocabulary > 51_864 {
        texts.push(Vec::new());
    }
    let mut pulled = Pulled::new(&shape, &texts);
    for (name, sizes) in tensors::of(&shape) {
        let bytes = 2 * sizes.iter().product::<usize>() as u64;
        pulled.push(&format!("model.{}", hugging_face(&name)), &sizes, "F16", bytes);
    }
    pulled
}

fn refusal(path: PathBuf) -> String {
    Weights::open(&WhisperSource::File(path)).map(|_| ()).expect_err("it is damaged").to_string()
}

#[test]
fn what_need_not_be_there_need_not_be_there() {
    let folder = tempfile::tempdir().unwrap();
    for vocabulary in [51_864, 51_865, 51_866] {
        let mut pulled = small(vocabulary);
        pulled.push("proj_out.weight", &[vocabulary, 32], "F16", 64 * vocabulary as u64);
        pulled.header.remove("__metadata__");
        pulled.vocabulary.remove("");
        pulled.vocabulary.insert("<|notimestamps|>".to_owned(), json!(50_363));
        let weights = Weights::open(&WhisperSource::File(pulled.write(folder.path()))).unwrap();
        let texts = weights.contents.vocabulary;
        assert_eq!(texts.len(), if vocabulary == 51_864 { 50_256 } else { 50_257 });
        assert_eq!(texts[255..257], [b" ff".to_vec(), b" 100".to_vec()]);
        assert_eq!(texts[50_256..].concat(), b"");
    }
}

const QUERY: &str = "model.encoder.layers.0.self_attn.q_proj.weight";

#[test]
fn damaged_models_are_refused_with_a_reason() {
    type Case = (&'static str, fn(&mut Pulled));
    let table: &[Case] = &[
        ("it is cut short", |p| p.length -= 1),
        ("it goes on after its last tensor", |p| p.length += 1),
        ("has no tensor encoder.layers.0.self_attn.q_proj.weight", |p| {
            // Only its name differs.
            let entry = p.header.remove(QUERY).unwrap();
            p.header.insert("model.encoder.layers.0.self_attn.qkv.weight".to_owned(), entry);
        }),
        ("it has a tensor \"model.encoder.layers.1.fc1.bias\"", |p| {
            p.push("model.encoder.layers.1.fc1.bias", &[2], "F16", 4);
        }),
        ("overlap or leave gaps", |p| p.header[QUERY]["data_offsets"][0] = json!(0)),
        ("overlap or leave gaps", |p| p.header[QUERY]["data_offsets"][1] = json!(0)),
        ("overlap or leave gaps", |p| p.header[QUERY]["data_offsets"] = json!([1u64 << 40, u64::MAX])),
        ("it is cut short", |p| {
            // The file itself stays as it is.
            let length = p.length;
            p.push("model.decoder.more", &[1], "F16", 1 << 62);
            p.length = length;
        }),
        ("is no list of tensors", |p| p.header[QUERY]["data_offsets"] = json!([-1, 5])),
        ("is no list of tensors", |p| p.header[QUERY] = json!({"dtype": "F16", "shape": [32, 32]})),
        ("is no list of tensors", |p| p.header[QUERY]["shape"] = json!("32 by 32")),
        ("has the sizes [32, 31] instead of [32, 32]", |p| p.header[QUERY]["shape"] = json!([32, 31])),
        ("instead of [32, 32]", |p| p.header[QUERY]["shape"] = json!([u64::MAX, u64::MAX])),
        ("instead of [32, 32]", |p| p.header[QUERY]["shape"] = json!([])),
        ("takes 2048 bytes, and by its sizes 4096", |p| p.header[QUERY]["dtype"] = json!("F32")),
        ("in the number format \"F8_E4M3\"", |p| p.header[QUERY]["dtype"] = json!("F8_E4M3")),
        ("another kind of model, \"wav2vec2\"", |p| p.config["model_type"] = json!("wav2vec2")),
        ("config.json beside it is not Whisper's", |p| p.config = json!([1, 2])),
        ("config.json beside it is not Whisper's", |p| p.config["d_model"] = json!(-32)),
        ("config.json beside it is not Whisper's", |p| p.config["d_model"] = Value::Null),
        ("says d_model = 18446744073709551615,", |p| p.config["d_model"] = json!(u64::MAX)),
        ("sizes that do not fit together", |p| p.config["encoder_attention_heads"] = json!(3)),
        ("sizes that do not fit together", |p| p.config["decoder_attention_heads"] = json!(2)),
        ("says max_source_positions = 0,", |p| p.config["max_source_positions"] = json!(0)),
        ("says max_target_positions = 4096,", |p| p.config["max_target_positions"] = json!(4096)),
        ("says num_mel_bins = 129,", |p| p.config["num_mel_bins"] = json!(129)),
        ("has the sizes [32, 80, 3] instead of [32, 128, 3]", |p| p.config["num_mel_bins"] = json!(128)),
        ("has no tensor encoder.layers.1.self_attn.q_proj.weight", |p| p.config["encoder_layers"] = json!(2)),
        ("says encoder_layers = 1000,", |p| p.config["encoder_layers"] = json!(1000)),
        ("says vocab_size = 32000,", |p| p.config["vocab_size"] = json!(32_000)),
        ("embed_tokens.weight has the sizes [51864, 32]", |p| p.config["vocab_size"] = json!(51_865)),
        ("an output of its own", |p| p.config["tie_word_embeddings"] = json!(false)),
        ("vocab.json has no token 7", |p| assert!(p.vocabulary.remove("Ġ7").is_some())),
        ("vocab.json has two tokens 7", |p| assert!(p.vocabulary.insert("seven".to_owned(), json!(7)).is_none())),
        ("vocab.json has a token 51864", |p| p.vocabulary["<|endoftext|>"] = json!(51_864)),
        ("that is not written as GPT-2 writes bytes", |p| {
            assert!(p.vocabulary.remove("Ġ7").is_some());
            p.vocabulary.insert(" 7".to_owned(), json!(7));
        }),
        ("vocab.json beside it is not Whisper's", |p| p.vocabulary["<|endoftext|>"] = json!("none")),
    ];
    let folder = tempfile::tempdir().unwrap();
    let whole = small(51_864);
    assert!(Weights::open(&WhisperSource::File(whole.write(folder.path()))).is_ok());
    for (expected, damage) in table {
        let mut pulled = small(51_864);
        damage(&mut pulled);
        let message = refusal(pulled.write(folder.path()));
        assert!(message.contains(expected), "instead of {expected:?}: {message}");
        assert!(message.contains("model.safetensors"), "{message}");
    }
}

#[test]
fn what_is_no_such_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = small(51_864).write(folder.path());
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 7, 8, 9, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(refusal(path.clone()).contains("it is cut short"), "cut to {length} bytes");
    }
    let with_header = |length: u64, text: &str| [&length.to_le_bytes(), text.as_bytes()].concat();
    let deep = "[".repeat(1 << 16);
    for (bytes, expected) in [
        (nano().to_vec(), "it is no safetensors file"),
        (with_header(u64::MAX, "{}"), "it is no safetensors file"),
        (with_header(1 << 20, "{}"), "it is cut short"),
        (with_header(2, "[]"), "its header is no list of tensors"),
        (with_header(1 << 16, &deep), "its header is no list of tensors"),
        (with_header(2, "{}"), "it has no tensor"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let message = refusal(path.clone());
        assert!(message.contains(expected), "instead of {expected:?}: {message}");
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(refusal(path.clone()).contains("it is a folder"));
    std::fs::remove_dir(&path).unwrap();
    let missing = Weights::open(&WhisperSource::File(path)).map(|_| ()).unwrap_err();
    assert!(matches!(missing, ModelError::Missing { .. }), "{missing}");
}

#[test]
fn files_that_must_be_beside_it_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "vocab.json"] {
        let path = small(51_864).write(folder.path());
        std::fs::remove_file(folder.path().join(name)).unwrap();
        let message = refusal(path);
        assert!(message.contains(&format!("the file {name} of the same model must be beside it")), "{message}");
    }
}

#[test]
fn a_model_in_several_files_is_refused_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let mut part = small(51_864);
    part.name = "model-00001-of-00002.safetensors";
    part.header.remove("model.decoder.layer_norm.bias");
    part.length -= 64;
    let paths = [part.write(folder.path()), folder.path().join(INDEX), folder.path().join("model.safetensors")];
    std::fs::write(&paths[1], "{}").unwrap();
    for path in paths {
        let message = refusal(path);
        assert!(message.contains("one file is needed"), "{message}");
    }
}

#[test]
fn whisper_cpp_says_that_it_needs_onnx_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let source = WhisperSource::File(small(51_864).write(folder.path()));
    let error = Whisper::load(&source, &WhisperSettings::default()).unwrap_err();
    assert!(matches!(error, ModelError::Settings(_)), "{error}");
    assert!(error.to_string().contains("ONNX Runtime"), "{error}");
    // By the name alone, whatever is in it.
    let path = folder.path().join("nano.safetensors");
    std::fs::write(&path, nano()).unwrap();
    assert!(Whisper::load(&WhisperSource::File(path), &WhisperSettings::default()).is_err());
}
