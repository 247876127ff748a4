//! Whisper's layers as ONNX nodes.
//!
//! Source: `model.py` of <https://github.com/openai/whisper> (MIT), whose names the tensors have.

use std::collections::HashSet;
use std::io::{self, Write};

use super::super::file::{Architecture, Refusal};
use super::super::weights::Weights;
use super::graph::{Dimension, Graph, Kind, Setting, Value, WeightFile};
use super::quantise::{Matrix, Precision, Scheme};

/// Inputs that share a scale where weights are kept by blocks.
const BLOCK: usize = 128;

/// Why a model could not be compiled.
pub(super) enum Failure {
    /// Its file can't be used.
    Refused(Refusal),
    /// What was made of it could not be written.
    Write(io::Error),
    /// ONNX Runtime can't run it.
    Probe(String),
    /// The caller asked to stop.
    Cancelled,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Write(error)
    }
}

impl From<ort::Error> for Failure {
    fn from(error: ort::Error) -> Self {
        Failure::Probe(error.to_string())
    }
}

/// How far the work has come, and whether it is still wanted.
pub(super) struct Progress<'p> {
    /// Weights that are written, and that are to be.
    done: u64,
    total: u64,
    /// Told the share that is done; answers whether to go on.
    tell: &'p mut dyn FnMut(f32) -> bool,
}

impl<'p> Progress<'p> {
    pub(super) fn new(
        shape: &Architecture,
        precision: Precision,
        tell: &'p mut dyn FnMut(f32) -> bool,
    ) -> Progress<'p> {
        let (encoder, decoder) = matrices(shape);
        let probed = if precision.encoder == Scheme::Int8 { encoder } else { 0 };
        Progress { done: 0, total: probed + encoder + decoder, tell }
    }

    fn advance(&mut self, weights: usize) -> Result<(), Failure> {
        self.done += weights as u64;
        let share = self.done as f32 / self.total.max(1) as f32;
        if (self.tell)(share.min(1.0)) { Ok(()) } else { Err(Failure::Cancelled) }
    }
}

/// The weights in the matrices of the encoder's graph, and of the decoder's.
pub(super) fn matrices(shape: &Architecture) -> (u64, u64) {
    let square = (shape.width * shape.width) as u64;
    let (audio, text) = (shape.audio_layers as u64, shape.text_layers as u64);
    // What makes the decoder's keys and values of the sound is the encoder's work.
    ((12 * audio + 2 * text) * square, 14 * text * square + (shape.vocabulary * shape.width) as u64)
}

/// Makes nodes from the weights of a model.
pub(super) struct Layers<'a, 'p, W> {
    pub(super) graph: Graph<'a, W>,
    weights: &'a mut Weights,
    shape: Architecture,
    scheme: Scheme,
    /// Matrices that are kept exactly whatever the scheme.
    exact: &'a HashSet<String>,
    progress: &'a mut Progress<'p>,
    /// The matrices so far: their names, what goes in, and how wide that is.
    uses: Vec<(String, Value, usize)>,
}

/// A part of the encoder.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// From the spectrogram to the first layer.
    Stem,
    /// A layer.
    Block(usize),
    /// From the last layer to what the decoder attends to.
    Crosses,
}

impl<'a, 'p, W: Write> Layers<'a, 'p, W> {
    pub(super) fn new(
        name: &str,
        weights: &'a mut Weights,
        file: &'a mut WeightFile<W>,
        scheme: Scheme,
        exact: &'a HashSet<String>,
        progress: &'a mut Progress<'p>,
    ) -> Layers<'a, 'p, W> {
        let shape = weights.contents.architecture;
        Layers { graph: Graph::new(name, file), weights, shape, scheme, exact, progress, uses: Vec::new() }
    }

    /// The encoder: `mel` to the keys and values that each layer of the decoder attends to.
    pub(super) fn encoder(mut self) -> Result<Vec<u8>, Failure> {
        let mel = self.given(Part::Stem);
        let mut x = self.stem(&mel)?;
        for layer in 0..self.shape.audio_layers {
            x = self.block(layer, &x)?;
        }
        for (name, y) in self.crosses(&x)? {
            self.graph.output(&name, &y, Kind::F32, &self.cache("positions"));
        }
        Ok(self.graph.finish())
    }

    /// One part of the encoder by itself: its graph, and the names of its matrices. The graph's outputs are what the part gives as
    /// `given`, but for the last part, and what goes into its `n`th matrix as `into_n`.
    pub(super) fn probe(mut self, part: Part) -> Result<(Vec<u8>, Vec<String>), Failure> {
        let given = self.given(part);
        let y = match part {
            Part::Stem => Some(self.stem(&given)?),
            Part::Block(layer) => Some(self.block(layer, &given)?),
            Part::Crosses => {
                self.crosses(&given)?;
                None
            }
        };
        let hidden = |width| [Dimension::Fixed(1), Dimension::Named("positions"), Dimension::Fixed(width)];
        if let Some(y) = y {
            self.graph.output("given", &y, Kind::F32, &hidden(self.shape.width));
        }
        let mut names = Vec::new();
        for (number, (name, x, inputs)) in std::mem::take(&mut self.uses).into_iter().enumerate() {
            self.graph.output(&format!("into_{number}"), &x, Kind::F32, &hidden(inputs));
            names.push(name);
        }
        Ok((self.graph.finish(), names))
    }

    /// What goes into a part of the encoder.
    fn given(&mut self, part: Part) -> Value {
        let one = Dimension::Fixed(1);
        match part {
            Part::Stem => self.graph.input(
                "mel",
                Kind::F32,
                &[one, Dimension::Fixed(self.shape.mels), Dimension::Named("frames")],
            ),
            Part::Block(_) | Part::Crosses => {
                let width = Dimension::Fixed(self.shape.width);
                self.graph.input("hidden", Kind::F32, &[one, Dimension::Named("positions"), width])
            }
        }
    }

    fn stem(&mut self, mel: &Value) -> Result<Value, Failure> {
        let Architecture { width, mels, audio_context, .. } = self.shape;
        let x = self.convolution("encoder.conv1", mel, mels, 1)?;
        let x = self.convolution("encoder.conv2", &x, width, 2)?;
        let x = self.graph.node("Transpose", &[&x], &[Setting::Ints("perm", &[0, 2, 1])]);
        let positions = self.weights.tensor("encoder.positional_embedding", &[audio_context, width])?;
        let positions = self.graph.floats(&[1, audio_context, width], &positions)?;
        // Only as many positions as there is sound.
        let length = self.graph.node("Shape", &[&x], &[Setting::Int("start", 1), Setting::Int("end", 2)]);
        let (zero, one) = (self.graph.ints(&[0])?, self.graph.ints(&[1])?);
        let positions = self.graph.node("Slice", &[&positions, &zero, &length, &one], &[]);
        Ok(self.graph.node("Add", &[&x, &positions], &[]))
    }

    fn block(&mut self, layer: usize, x: &Value) -> Result<Value, Failure> {
        let width = self.shape.width;
        let block = format!("encoder.blocks.{layer}");
        let normal = self.layer_norm(&format!("{block}.attn_ln"), x)?;
        let query = self.linear(&format!("{block}.attn.query"), &normal, width, width, true)?;
        let key = self.linear(&format!("{block}.attn.key"), &normal, width, width, false)?;
        let value = self.linear(&format!("{block}.attn.value"), &normal, width, width, true)?;
        let [heard] = self.graph.contrib("MultiHeadAttention", &[&query, &key, &value], &[self.heads()]);
        let heard = self.linear(&format!("{block}.attn.out"), &heard, width, width, true)?;
        let x = self.graph.node("Add", &[x, &heard], &[]);
        self.feed_forward(&block, &x)
    }

    /// The keys and values for the layers of the decoder, by name.
    fn crosses(&mut self, x: &Value) -> Result<Vec<(String, Value)>, Failure> {
        let width = self.shape.width;
        let x = self.layer_norm("encoder.ln_post", x)?;
        let mut crosses = Vec::new();
        for layer in 0..self.shape.text_layers {
            for (part, has_bias) in [("key", false), ("value", true)] {
                let name = format!("decoder.blocks.{layer}.cross_attn.{part}");
                let y = self.linear(&name, &x, width, width, has_bias)?;
                crosses.push((format!("cross_{part}_{layer}"), self.by_heads(&y)?));
            }
        }
        Ok(crosses)
    }

    /// The decoder: tokens, with what was kept of those before them, to the logits at the `wanted` ones.
    pub(super) fn decoder(mut self) -> Result<Vec<u8>, Failure> {
        let Architecture { width, vocabulary, text_layers, .. } = self.shape;
        let (batch, tokens) = (Dimension::Named("batch"), Dimension::Named("tokens"));
        let mut x = self.graph.input("embedded", Kind::F32, &[batch, tokens, Dimension::Fixed(width)]);
        let wanted = self.graph.input("wanted", Kind::I64, &[Dimension::Named("wanted")]);
        for layer in 0..text_layers {
            let block = format!("decoder.blocks.{layer}");
            let kept = self.cache("past");
            let past_key = self.graph.input(&format!("past_key_{layer}"), Kind::F32, &kept);
            let past_value = self.graph.input(&format!("past_value_{layer}"), Kind::F32, &kept);
            let heard = self.cache("positions");
            let cross_key = self.graph.input(&format!("cross_key_{layer}"), Kind::F32, &heard);
            let cross_value = self.graph.input(&format!("cross_value_{layer}"), Kind::F32, &heard);

            let normal = self.layer_norm(&format!("{block}.attn_ln"), &x)?;
            let query = self.linear(&format!("{block}.attn.query"), &normal, width, width, true)?;
            let key = self.linear(&format!("{block}.attn.key"), &normal, width, width, false)?;
            let value = self.linear(&format!("{block}.attn.value"), &normal, width, width, true)?;
            let none = Value::none();
            let [said, key, value] = self.graph.contrib(
                "MultiHeadAttention",
                &[&query, &key, &value, &none, &none, &none, &past_key, &past_value],
                &[self.heads(), Setting::Int("unidirectional", 1)],
            );
            self.graph.output(&format!("present_key_{layer}"), &key, Kind::F32, &self.cache("present"));
            self.graph.output(&format!("present_value_{layer}"), &value, Kind::F32, &self.cache("present"));
            let said = self.linear(&format!("{block}.attn.out"), &said, width, width, true)?;
            x = self.graph.node("Add", &[&x, &said], &[]);

            let normal = self.layer_norm(&format!("{block}.cross_attn_ln"), &x)?;
            let query = self.linear(&format!("{block}.cross_attn.query"), &normal, width, width, true)?;
            let [heard] =
                self.graph.contrib("MultiHeadAttention", &[&query, &cross_key, &cross_value], &[self.heads()]);
            let heard = self.linear(&format!("{block}.cross_attn.out"), &heard, width, width, true)?;
            x = self.graph.node("Add", &[&x, &heard], &[]);
            x = self.feed_forward(&block, &x)?;
        }
        let x = self.graph.node("Gather", &[&x, &wanted], &[Setting::Int("axis", 1)]);
        let x = self.layer_norm("decoder.ln", &x)?;
        let embedding = self.weights.tensor("decoder.token_embedding.weight", &[vocabulary, width])?;
        let logits = self.product(
            "decoder.token_embedding",
            &x,
            &Matrix { outputs: vocabulary, inputs: width, numbers: embedding },
            None,
        )?;
        self.graph.output(
            "logits",
            &logits,
            Kind::F32,
            &[batch, Dimension::Named("wanted"), Dimension::Fixed(vocabulary)],
        );
        Ok(self.graph.finish())
    }

    fn heads(&self) -> Setting<'static> {
        Setting::Int("num_heads", self.shape.heads as i64)
    }

    /// The sizes of keys or values of so many positions.
    fn cache<'n>(&self, positions: &'n str) -> [Dimension<'n>; 4] {
        let (heads, width) = (self.shape.heads, self.shape.width);
        [
            Dimension::Named("batch"),
            Dimension::Fixed(heads),
            Dimension::Named(positions),
            Dimension::Fixed(width / heads),
        ]
    }

    fn convolution(&mut self, name: &str, x: &Value, inputs: usize, stride: i64) -> Result<Value, Failure> {
        let width = self.shape.width;
        let weight = self.weights.tensor(&format!("{name}.weight"), &[width, inputs, 3])?;
        let weight = self.graph.floats(&[width, inputs, 3], &weight)?;
        let bias = self.weights.tensor(&format!("{name}.bias"), &[width])?;
        let bias = self.graph.floats(&[width], &bias)?;
        let settings =
            [Setting::Ints("kernel_shape", &[3]), Setting::Ints("pads", &[1, 1]), Setting::Ints("strides", &[stride])];
        let x = self.graph.node("Conv", &[x, &weight, &bias], &settings);
        let [x] = self.graph.contrib("Gelu", &[&x], &[]);
        Ok(x)
    }

    fn layer_norm(&mut self, name: &str, x: &Value) -> Result<Value, Failure> {
        let width = self.shape.width;
        let weight = self.weights.tensor(&format!("{name}.weight"), &[width])?;
        let weight = self.graph.floats(&[width], &weight)?;
        let bias = self.weights.tensor(&format!("{name}.bias"), &[width])?;
        let bias = self.graph.floats(&[width], &bias)?;
        Ok(self.graph.node("LayerNormalization", &[x, &weight, &bias], &[Setting::Int("axis", -1)]))
    }

    fn feed_forward(&mut self, block: &str, x: &Value) -> Result<Value, Failure> {
        let width = self.shape.width;
        let normal = self.layer_norm(&format!("{block}.mlp_ln"), x)?;
        let wide = self.linear(&format!("{block}.mlp.0"), &normal, width, 4 * width, true)?;
        let [wide] = self.graph.contrib("Gelu", &[&wide], &[]);
        let y = self.linear(&format!("{block}.mlp.2"), &wide, 4 * width, width, true)?;
        Ok(self.graph.node("Add", &[x, &y], &[]))
    }

    fn linear(
        &mut self,
        name: &str,
        x: &Value,
        inputs: usize,
        outputs: usize,
        has_bias: bool,
    ) -> Result<Value, Failure> {
        let numbers = self.weights.tensor(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = if has_bias { Some(self.weights.tensor(&format!("{name}.bias"), &[outputs])?) } else { None };
        self.product(name, x, &Matrix { outputs, inputs, numbers }, bias.as_deref())
    }

    fn product(&mut self, name: &str, x: &Value, matrix: &Matrix, bias: Option<&[f32]>) -> Result<Value, Failure> {
        self.progress.advance(matrix.numbers.len())?;
        let (inputs, outputs) = (matrix.inputs, matrix.outputs);
        let none = Value::none();
        let bias = bias.map(|bias| self.graph.floats(&[outputs], bias)).transpose()?;
        self.uses.push((name.to_owned(), x.clone(), inputs));
        match if self.exact.contains(name) { Scheme::Fp32 } else { self.scheme } {
            Scheme::Fp32 => {
                let weight = self.graph.tensor(Kind::F32, &[inputs, outputs], &matrix.turned())?;
                let y = self.graph.node("MatMul", &[x, &weight], &[]);
                Ok(bias.map_or(y.clone(), |bias| self.graph.node("Add", &[&y, &bias], &[])))
            }
            Scheme::Int8 => {
                let (bytes, scales) = matrix.by_outputs();
                let weight = self.graph.tensor(Kind::I8, &[inputs, outputs], &bytes)?;
                let scales = self.graph.floats(&[outputs], &scales)?;
                let mut given = vec![x, &weight, &scales];
                if let Some(bias) = &bias {
                    given.extend([&none, bias]);
                }
                let [y] = self.graph.contrib("DynamicQuantizeMatMul", &given, &[]);
                Ok(y)
            }
            Scheme::Block8 | Scheme::Block4 => {
                let bits = if self.scheme == Scheme::Block8 { 8 } else { 4 };
                let (bytes, scales) = matrix.by_blocks(bits, BLOCK);
                let blocks = inputs.div_ceil(BLOCK);
                let weight = self.graph.tensor(Kind::U8, &[outputs, blocks, BLOCK * bits / 8], &bytes)?;
                let scales = self.graph.floats(&[outputs * blocks], &scales)?;
                let mut given = vec![x, &weight, &scales];
                if let Some(bias) = &bias {
                    given.extend([&none, &none, bias]);
                }
                let settings = [
                    Setting::Int("K", inputs as i64),
                    Setting::Int("N", outputs as i64),
                    Setting::Int("bits", bits as i64),
                    Setting::Int("block_size", BLOCK as i64),
                    // What goes in is made 8 bits too, by its own blocks.
                    Setting::Int("accuracy_level", 4),
                ];
                let [y] = self.graph.contrib("MatMulNBits", &given, &settings);
                Ok(y)
            }
        }
    }

    fn by_heads(&mut self, x: &Value) -> Result<Value, Failure> {
        let (heads, width) = (self.shape.heads as i64, self.shape.width as i64);
        let shape = self.graph.ints(&[0, 0, heads, width / heads])?;
        let x = self.graph.node("Reshape", &[x, &shape], &[]);
        Ok(self.graph.node("Transpose", &[&x], &[Setting::Ints("perm", &[0, 2, 1, 3])]))
    }
}
