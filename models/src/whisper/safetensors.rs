//! Reading what Hugging Face has for Whisper: `model.safetensors` for the weights, and beside it `config.json` for the model's
//! shape and `vocab.json` for its tokens.
//!
//! Source: <https://github.com/huggingface/safetensors> (Apache-2.0) for the format, and `modeling_whisper.py` of
//! <https://github.com/huggingface/transformers> (Apache-2.0) for the names. Nothing here believes a number of the files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::RangeInclusive;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::file::{Architecture, Contents, Refusal, Tensor};
use super::number_format::Format;
use super::{MODEL, WhisperSource, tensors, weights};
use crate::error::ModelError;
use crate::mel::slaney_filters;

const CONFIG: &str = "config.json";
const VOCABULARY: &str = "vocab.json";
/// Lists the parts of a model that is in several files.
const INDEX: &str = "model.safetensors.index.json";

/// The longest header that is read, and the longest file beside it: those of Whisper large have 170 kB and 1 MB.
const MOST_HEADER: u64 = 4 << 20;
const MOST_BESIDE: u64 = 16 << 20;

/// What the output's weights are called, which are the token embedding's once more.
const TIED: &str = "proj_out.weight";

/// Whether a file is read here, by its name.
pub(super) fn is_named_so(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "safetensors") || is_index(path)
}

/// Checks a whole file with those beside it, and returns what they hold. The numbers of the tensors are not read.
pub(super) fn read(path: &Path) -> Result<Contents, ModelError> {
    let in_parts = || "it is a part of a model in several files, and one file is needed: fetch one that has a model.safetensors, or a ggml file";
    if is_index(path) {
        return Err(ModelError::unusable(MODEL, path, in_parts()));
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_part(path) => {
            return Err(ModelError::unusable(MODEL, path, in_parts()));
        }
        Err(error) => return Err(ModelError::unreadable(MODEL, path, &error)),
    };
    read_contents(path, file).map_err(|refusal| refusal.of(&WhisperSource::File(path.to_owned())))
}

fn is_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".safetensors.index.json"))
}

/// Whether a model in several files is there, of which this is one or has the name of the whole.
fn is_part(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains("-of-")) || path.with_file_name(INDEX).is_file()
}

fn read_contents(path: &Path, file: File) -> Result<Contents, Refusal> {
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(Refusal::Content("it is a folder".to_owned()));
    }
    // The header first, so that what is no such file is called that, whatever is beside it.
    let (entries, data) = read_header(file, metadata.len())?;
    let architecture = read_architecture(path)?;
    let tensors = place(path, entries, data, &architecture)?;
    let vocabulary = read_vocabulary(path, &architecture)?;
    Ok(Contents { architecture, filters: slaney_filters(architecture.mels), vocabulary, tensors })
}

#[derive(Deserialize)]
struct Header {
    /// Free text, which is no tensor.
    #[serde(rename = "__metadata__")]
    _metadata: Option<IgnoredAny>,
    #[serde(flatten)]
    entries: HashMap<String, Entry>,
}

/// What the header says about a tensor.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    /// Its first byte and the one after its last, counted from where the header ends.
    data_offsets: [u64; 2],
}

/// The tensors by their names, and where their numbers begin. Together they are all that follows the header.
fn read_header(file: File, length: u64) -> Result<(HashMap<String, Entry>, u64), Refusal> {
    let mut file = BufReader::new(file);
    let mut header_length = [0; 8];
    file.read_exact(&mut header_length)?;
    let header_length = u64::from_le_bytes(header_length);
    if header_length > MOST_HEADER {
        return Err(Refusal::Content(format!(
            "it is no safetensors file, or its header, which claims {header_length} bytes, is damaged"
        )));
    }
    let mut header = vec![0; header_length as usize];
    file.read_exact(&mut header)?;
    let header: Header = serde_json::from_slice(&header)
        .map_err(|error| Refusal::Content(format!("its header is no list of tensors ({error})")))?;
    let mut spans: Vec<[u64; 2]> = header.entries.values().map(|entry| entry.data_offsets).collect();
    spans.sort_unstable();
    let mut end = 0;
    for [from, to] in spans {
        if from != end || to < from {
            return Err(Refusal::Content(format!(
                "its tensors overlap or leave gaps: one is at the bytes {from} to {to}, and the one before ends at {end}"
            )));
        }
        end = to;
    }
    let data = 8 + header_length;
    match end.cmp(&length.saturating_sub(data)) {
        std::cmp::Ordering::Greater => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        std::cmp::Ordering::Less => Err(Refusal::Content("it goes on after its last tensor".to_owned())),
        std::cmp::Ordering::Equal => Ok((header.entries, data)),
    }
}

/// The tensors by OpenAI's names, all of those that a model of this shape has and no others.
fn place(
    path: &Path,
    mut entries: HashMap<String, Entry>,
    data: u64,
    shape: &Architecture,
) -> Result<HashMap<String, Tensor>, Refusal> {
    let mut placed = HashMap::new();
    for (name, expected) in tensors::of(shape) {
        let theirs = hugging_face(&name);
        let entry = entries.remove(&format!("model.{theirs}")).or_else(|| entries.remove(&theirs));
        let Some(Entry { dtype, shape: sizes, data_offsets: [from, to] }) = entry else {
            let part =
                if is_part(path) { ", as it is a part of a model in several files: one file is needed" } else { "" };
            return Err(Refusal::Content(format!("it has no tensor {theirs}{part}")));
        };
        let sizes: Vec<usize> = sizes.iter().map(|size| usize::try_from(*size).unwrap_or(usize::MAX)).collect();
        if weights::significant(&sizes) != weights::significant(&expected) {
            return Err(Refusal::Content(format!(
                "its tensor {theirs} has the sizes {sizes:?} instead of {expected:?}, which config.json asks for"
            )));
        }
        let format = match dtype.as_str() {
            "F32" => Format::F32,
            "F16" => Format::F16,
            "BF16" => Format::Bf16,
            _ => {
                return Err(Refusal::Content(format!(
                    "its tensor {theirs} is in the number format {}, and F32, F16 and BF16 are read",
                    shown(&dtype)
                )));
            }
        };
        // They are as large as expected, so their product is too.
        let bytes = sizes.iter().product::<usize>() as u64 * format.block().bytes;
        if bytes != to - from {
            return Err(Refusal::Content(format!(
                "its tensor {theirs} takes {} bytes, and by its sizes {bytes}",
                to - from
            )));
        }
        placed.insert(name, Tensor { sizes, format, offset: data + from });
    }
    entries.remove(TIED);
    match entries.keys().min() {
        None => Ok(placed),
        Some(name) => Err(Refusal::Content(format!(
            "it has a tensor {} that no Whisper of the shape in {CONFIG} has",
            shown(name)
        ))),
    }
}

/// The name that a tensor has there, without the `model.` that most begin with.
fn hugging_face(name: &str) -> String {
    const NAMES: &[(&str, &str)] = &[
        (".positional_embedding", ".embed_positions.weight"),
        (".token_embedding.", ".embed_tokens."),
        (".ln_post.", ".layer_norm."),
        (".ln.", ".layer_norm."),
        (".blocks.", ".layers."),
        (".cross_attn_ln.", ".encoder_attn_layer_norm."),
        (".attn_ln.", ".self_attn_layer_norm."),
        (".mlp_ln.", ".final_layer_norm."),
        (".cross_attn.", ".encoder_attn."),
        (".attn.", ".self_attn."),
        (".query.", ".q_proj."),
        (".key.", ".k_proj."),
        (".value.", ".v_proj."),
        (".out.", ".out_proj."),
        (".mlp.0.", ".fc1."),
        (".mlp.2.", ".fc2."),
    ];
    NAMES.iter().fold(name.to_owned(), |name, (ours, theirs)| name.replace(ours, theirs))
}

#[derive(Deserialize)]
struct Config {
    model_type: String,
    vocab_size: u64,
    d_model: u64,
    encoder_attention_heads: u64,
    decoder_attention_heads: u64,
    encoder_layers: u64,
    decoder_layers: u64,
    num_mel_bins: u64,
    max_source_positions: u64,
    max_target_positions: u64,
    // What follows could be otherwise and is not in any of OpenAI's models.
    activation_function: Option<String>,
    scale_embedding: Option<bool>,
    tie_word_embeddings: Option<bool>,
}

fn read_architecture(path: &Path) -> Result<Architecture, Refusal> {
    let config: Config = read_beside(path, CONFIG)?;
    let refused = |reason: String| Err(Refusal::Content(format!("its {CONFIG} {reason}")));
    if config.model_type != "whisper" {
        return refused(format!("is that of another kind of model, {}", shown(&config.model_type)));
    }
    if config.activation_function.is_some_and(|function| function != "gelu")
        || config.scale_embedding == Some(true)
        || config.tie_word_embeddings == Some(false)
    {
        return refused(
            "asks for another activation, a scaled embedding or an output of its own, which OpenAI's models do not have"
                .to_owned(),
        );
    }
    // The ids of the special tokens follow from it.
    let vocabulary = number("vocab_size", config.vocab_size, 51_864..=51_866)?;
    let width = number("d_model", config.d_model, 32..=2048)?;
    let heads = number("encoder_attention_heads", config.encoder_attention_heads, 1..=64)?;
    if !width.is_multiple_of(heads) || config.decoder_attention_heads != heads as u64 {
        return refused(format!(
            "has sizes that do not fit together (a width of {width}, {heads} heads and {})",
            config.decoder_attention_heads
        ));
    }
    Ok(Architecture {
        vocabulary,
        audio_context: number("max_source_positions", config.max_source_positions, 64..=1500)?,
        width,
        heads,
        audio_layers: number("encoder_layers", config.encoder_layers, 1..=64)?,
        text_context: number("max_target_positions", config.max_target_positions, 16..=448)?,
        text_layers: number("decoder_layers", config.decoder_layers, 1..=64)?,
        mels: number("num_mel_bins", config.num_mel_bins, 1..=128)?,
    })
}

fn number(key: &str, number: u64, allowed: RangeInclusive<usize>) -> Result<usize, Refusal> {
    usize::try_from(number).ok().filter(|number| allowed.contains(number)).ok_or_else(|| {
        let (least, most) = allowed.into_inner();
        Refusal::Content(format!("its {CONFIG} says {key} = {number}, and from {least} to {most} are possible"))
    })
}

/// The bytes of each token by its id, up to the special ones.
fn read_vocabulary(path: &Path, shape: &Architecture) -> Result<Vec<Vec<u8>>, Refusal> {
    let tokens: HashMap<String, u64> = read_beside(path, VOCABULARY)?;
    let refused = |reason: String| Err(Refusal::Content(format!("its {VOCABULARY} {reason}")));
    // The first special token ends a text. In multilingual models one without any text stands before it, which not every
    // copy lists.
    let (end, empty) = if shape.vocabulary > 51_864 { (50_257, Some(50_256)) } else { (50_256, None) };
    let mut texts = vec![None; end];
    if let Some(empty) = empty {
        texts[empty] = Some(Vec::new());
    }
    let bytes = bytes_of_characters();
    for (text, id) in &tokens {
        if *id >= shape.vocabulary as u64 {
            return refused(format!("has a token {id}, and the model has {} of them", shape.vocabulary));
        }
        let Some(slot) = texts.get_mut(*id as usize) else { continue };
        let Some(text) = text.chars().map(|c| bytes.get(&c).copied()).collect::<Option<Vec<u8>>>() else {
            return refused(format!("has a token {} that is not written as GPT-2 writes bytes", shown(text)));
        };
        if slot.replace(text).is_some_and(|other| !other.is_empty()) {
            return refused(format!("has two tokens {id}"));
        }
    }
    if let Some(missing) = texts.iter().position(Option::is_none) {
        return refused(format!("has no token {missing}: it is another model's"));
    }
    Ok(texts.into_iter().flatten().collect())
}

/// GPT-2's tokens are bytes and JSON is text: those that print are written as the character with their number, and the others
/// as the characters from 256 on, in order.
fn bytes_of_characters() -> HashMap<char, u8> {
    let prints = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let (printed, others): (Vec<u8>, Vec<u8>) = (0..=u8::MAX).partition(prints);
    let others = ('\u{100}'..).zip(others);
    printed.into_iter().map(|byte| (char::from(byte), byte)).chain(others).collect()
}

fn read_beside<T: DeserializeOwned>(path: &Path, name: &str) -> Result<T, Refusal> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path.with_file_name(name))?.take(MOST_BESIDE).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| {
        Refusal::Content(format!("the file {name} of the same model must be beside it, and cannot be read ({error})"))
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::Content(format!("the file {name} beside it is not Whisper's ({error})")))
}

/// What a file says, so that it can stand in a message.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

#[cfg(test)]
mod tests;
