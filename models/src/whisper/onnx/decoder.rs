//! The decoder's steps: tokens in, logits out, and what is kept between them.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use half::f16;
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorRef};

use super::super::file::Architecture;
use super::vocabulary::Token;

/// The rows of the token embedding, which stay on disk: a step needs one.
#[derive(Debug)]
pub(super) struct Embedding {
    file: File,
    /// Where the first row begins: 16-bit numbers.
    offset: u64,
    /// What is added at each place in a text.
    positions: Vec<f32>,
    width: usize,
}

impl Embedding {
    pub(super) fn new(file: File, offset: u64, positions: Vec<f32>, width: usize) -> Embedding {
        Embedding { file, offset, positions, width }
    }

    /// The rows of `tokens`, which stand in the text from place `at` on.
    fn rows(&self, tokens: &[Token], at: usize) -> ort::Result<Vec<f32>> {
        let mut rows = Vec::with_capacity(tokens.len() * self.width);
        let mut bytes = vec![0; self.width * 2];
        for (token, place) in tokens.iter().zip(at..) {
            let start = self.offset + u64::from(*token) * bytes.len() as u64;
            self.file.read_exact_at(&mut bytes, start).map_err(|error| ort::Error::new(error.to_string()))?;
            let place = self.positions.chunks_exact(self.width).nth(place);
            let place = place.ok_or_else(|| ort::Error::new("the text is longer than the model has places"))?;
            let row = bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32());
            rows.extend(row.zip(place).map(|(number, place)| number + place));
        }
        Ok(rows)
    }
}

/// The decoder.
#[derive(Debug)]
pub(super) struct Decoder {
    session: Session,
    embedding: Embedding,
    shape: Architecture,
}

/// What the decoder keeps of one or more texts about the same sound.
pub(super) struct Kept {
    /// Keys and values of each layer, of the sound.
    cross: Vec<DynValue>,
    /// The same of the tokens so far.
    past: Vec<DynValue>,
    /// How many tokens those are.
    tokens: usize,
}

impl Kept {
    /// Nothing yet but the sound.
    pub(super) fn of(cross: Vec<DynValue>) -> Kept {
        Kept { cross, past: Vec::new(), tokens: 0 }
    }

    /// Begins a text anew.
    pub(super) fn forget(&mut self, shape: &Architecture) -> ort::Result<()> {
        let empty = || {
            let sizes = [1, shape.heads, 0, shape.width / shape.heads];
            Tensor::from_array((sizes, Vec::<f32>::new())).map(Tensor::into_dyn)
        };
        self.past = (0..2 * shape.text_layers).map(|_| empty()).collect::<ort::Result<_>>()?;
        self.tokens = 0;
        Ok(())
    }

    /// Forgets all but the first `tokens` of the text.
    pub(super) fn keep(&mut self, tokens: usize) -> ort::Result<()> {
        if tokens >= self.tokens {
            return Ok(());
        }
        for values in &mut self.past {
            let (sizes, numbers) = values.try_extract_tensor::<f32>()?;
            let [batch, heads, held, width] = [0, 1, 2, 3].map(|side| sizes[side] as usize);
            let rows = numbers.chunks_exact(held * width).flat_map(|rows| &rows[..tokens * width]);
            let kept = Tensor::from_array(([batch, heads, tokens, width], rows.copied().collect::<Vec<_>>()))?;
            *values = kept.into_dyn();
        }
        self.tokens = tokens;
        Ok(())
    }
}

impl Decoder {
    pub(super) fn new(session: Session, embedding: Embedding, shape: Architecture) -> Decoder {
        Decoder { session, embedding, shape }
    }

    /// Takes `tokens` on top of what is kept, and gives the logits after each of the `wanted` ones.
    pub(super) fn step(
        &mut self,
        kept: &mut Kept,
        tokens: &[Token],
        wanted: &[i64],
        options: &RunOptions,
    ) -> ort::Result<Vec<Vec<f32>>> {
        let rows = self.embedding.rows(tokens, kept.tokens)?;
        let embedded = TensorRef::from_array_view(([1, tokens.len(), self.shape.width], rows.as_slice()))?;
        let wanted = TensorRef::from_array_view(([wanted.len()], wanted))?;
        let mut inputs: Vec<(String, SessionInputValue)> =
            vec![("embedded".to_owned(), embedded.into()), ("wanted".to_owned(), wanted.into())];
        let names = |what: &'static str| {
            (0..self.shape.text_layers)
                .flat_map(move |layer| [format!("{what}_key_{layer}"), format!("{what}_value_{layer}")])
        };
        inputs.extend(names("past").zip(kept.past.iter().map(SessionInputValue::from)));
        inputs.extend(names("cross").zip(kept.cross.iter().map(SessionInputValue::from)));
        let mut outputs = self.session.run_with_options(inputs, options)?;
        let logits = {
            let (_, logits) = outputs["logits"].try_extract_tensor::<f32>()?;
            logits.chunks_exact(self.shape.vocabulary).map(<[f32]>::to_vec).collect()
        };
        let present = names("present")
            .map(|name| outputs.remove(&name).ok_or_else(|| ort::Error::new("the decoder gives too few values")));
        kept.past = present.collect::<ort::Result<_>>()?;
        kept.tokens += tokens.len();
        Ok(logits)
    }
}
