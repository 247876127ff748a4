//! The tensors of a Whisper model.
//!
//! Source: `model.py` of <https://github.com/openai/whisper> (MIT), whose names these are.

use super::file::Architecture;

/// Every tensor with its sizes, the last of which changes fastest.
pub(super) fn of(shape: &Architecture) -> Vec<(String, Vec<usize>)> {
    let width = shape.width;
    let mut all = vec![
        ("encoder.positional_embedding".to_owned(), vec![shape.audio_context, width]),
        ("encoder.conv1.weight".to_owned(), vec![width, shape.mels, 3]),
        ("encoder.conv1.bias".to_owned(), vec![width, 1]),
        ("encoder.conv2.weight".to_owned(), vec![width, width, 3]),
        ("encoder.conv2.bias".to_owned(), vec![width, 1]),
    ];
    for layer in 0..shape.audio_layers {
        push_block(&mut all, &format!("encoder.blocks.{layer}"), width, &["attn"]);
    }
    push_pair(&mut all, "encoder.ln_post", vec![width]);
    all.push(("decoder.positional_embedding".to_owned(), vec![shape.text_context, width]));
    all.push(("decoder.token_embedding.weight".to_owned(), vec![shape.vocabulary, width]));
    for layer in 0..shape.text_layers {
        push_block(&mut all, &format!("decoder.blocks.{layer}"), width, &["attn", "cross_attn"]);
    }
    push_pair(&mut all, "decoder.ln", vec![width]);
    all
}

fn push_block(all: &mut Vec<(String, Vec<usize>)>, block: &str, width: usize, attentions: &[&str]) {
    for attention in attentions {
        push_pair(all, &format!("{block}.{attention}.query"), vec![width, width]);
        all.push((format!("{block}.{attention}.key.weight"), vec![width, width]));
        push_pair(all, &format!("{block}.{attention}.value"), vec![width, width]);
        push_pair(all, &format!("{block}.{attention}.out"), vec![width, width]);
        push_pair(all, &format!("{block}.{attention}_ln"), vec![width]);
    }
    push_pair(all, &format!("{block}.mlp.0"), vec![4 * width, width]);
    push_pair(all, &format!("{block}.mlp.2"), vec![width, 4 * width]);
    push_pair(all, &format!("{block}.mlp_ln"), vec![width]);
}

/// A weight and the bias of its outputs.
fn push_pair(all: &mut Vec<(String, Vec<usize>)>, layer: &str, sizes: Vec<usize>) {
    let outputs = sizes[0];
    all.push((format!("{layer}.weight"), sizes));
    all.push((format!("{layer}.bias"), vec![outputs]));
}
