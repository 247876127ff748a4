//! Building an ONNX graph: nodes in the order in which they compute, and weights in a file beside it.

use std::io::{self, Write};

use prost::Message as _;

use super::proto::{
    AttributeProto, DimensionProto, EXTERNAL, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, Size,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// The operators of ONNX itself, as of version 1.12: what ONNX Runtime 1.17 knows, and all that is needed.
const OPSET: i64 = 17;
/// The file format that belongs to it.
const IR_VERSION: i64 = 8;
/// ONNX Runtime's own operators.
const CONTRIB: &str = "com.microsoft";
/// Weights of fewer bytes stand in the graph itself.
const SMALL: usize = 1_024;
/// Weights begin where a page does, so that they can be mapped.
const PAGE: u64 = 4_096;

/// The number types of tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F32 = 1,
    U8 = 2,
    I8 = 3,
    I64 = 7,
}

/// A value that a node or the caller gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value(String);

impl Value {
    /// In place of an optional input.
    pub(super) fn none() -> Value {
        Value(String::new())
    }
}

/// A setting of a node.
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting<'a> {
    Int(&'a str, i64),
    Ints(&'a str, &'a [i64]),
}

/// A size of what the caller gives or gets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dimension<'a> {
    Fixed(usize),
    /// It differs from run to run; the same name means the same size.
    Named(&'a str),
}

/// The file with the weights of one or more graphs.
pub(super) struct WeightFile<W> {
    name: String,
    out: W,
    length: u64,
}

impl<W: Write> WeightFile<W> {
    /// `name` is what the graphs call it: a file beside theirs.
    pub(super) fn new(name: &str, out: W) -> WeightFile<W> {
        WeightFile { name: name.to_owned(), out, length: 0 }
    }

    /// Writes `bytes` at the next page, and says where.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let start = self.length.next_multiple_of(PAGE);
        self.out.write_all(&vec![0; (start - self.length) as usize])?;
        self.out.write_all(bytes)?;
        self.length = start + bytes.len() as u64;
        Ok(start)
    }

    /// The file, which holds so many bytes.
    pub(super) fn finish(self) -> (W, u64) {
        (self.out, self.length)
    }
}

/// A graph in the making.
pub(super) struct Graph<'a, W> {
    graph: GraphProto,
    weights: &'a mut WeightFile<W>,
    values: usize,
}

impl<'a, W: Write> Graph<'a, W> {
    pub(super) fn new(name: &str, weights: &'a mut WeightFile<W>) -> Graph<'a, W> {
        Graph { graph: GraphProto { name: name.to_owned(), ..GraphProto::default() }, weights, values: 0 }
    }

    /// What the caller gives.
    pub(super) fn input(&mut self, name: &str, kind: Kind, sizes: &[Dimension]) -> Value {
        self.graph.input.push(outlet(name, kind, sizes));
        Value(name.to_owned())
    }

    /// Gives `value` to the caller under this name.
    pub(super) fn output(&mut self, name: &str, value: &Value, kind: Kind, sizes: &[Dimension]) {
        self.push("", "Identity", &[value], vec![name.to_owned()], &[]);
        self.graph.output.push(outlet(name, kind, sizes));
    }

    /// The result of one of ONNX's operators.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&Value], settings: &[Setting]) -> Value {
        let output = self.fresh();
        self.push("", operator, inputs, vec![output.clone()], settings);
        Value(output)
    }

    /// The results of one of ONNX Runtime's operators.
    pub(super) fn contrib<const N: usize>(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        settings: &[Setting],
    ) -> [Value; N] {
        let outputs: [String; N] = std::array::from_fn(|_| self.fresh());
        self.push(CONTRIB, operator, inputs, outputs.to_vec(), settings);
        outputs.map(Value)
    }

    /// A tensor of numbers that stay the same.
    pub(super) fn floats(&mut self, sizes: &[usize], numbers: &[f32]) -> io::Result<Value> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensor(Kind::F32, sizes, &bytes)
    }

    /// A list of whole numbers.
    pub(super) fn ints(&mut self, numbers: &[i64]) -> io::Result<Value> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensor(Kind::I64, &[numbers.len()], &bytes)
    }

    /// A tensor whose numbers are `bytes`, little-endian.
    pub(super) fn tensor(&mut self, kind: Kind, sizes: &[usize], bytes: &[u8]) -> io::Result<Value> {
        let name = self.fresh();
        let mut tensor = TensorProto {
            dims: sizes.iter().map(|size| *size as i64).collect(),
            data_type: kind as i32,
            name: name.clone(),
            ..TensorProto::default()
        };
        if bytes.len() < SMALL {
            tensor.raw_data = bytes.to_vec();
        } else {
            let offset = self.weights.append(bytes)?;
            let entry = |key: &str, value: String| StringStringEntryProto { key: key.to_owned(), value };
            tensor.data_location = EXTERNAL;
            tensor.external_data = vec![
                entry("location", self.weights.name.clone()),
                entry("offset", offset.to_string()),
                entry("length", bytes.len().to_string()),
            ];
        }
        self.graph.initializer.push(tensor);
        Ok(Value(name))
    }

    /// The graph as a file.
    pub(super) fn finish(self) -> Vec<u8> {
        let opset = |domain: &str, version| OperatorSetIdProto { domain: domain.to_owned(), version };
        ModelProto {
            ir_version: IR_VERSION,
            producer_name: "pipit".to_owned(),
            graph: Some(self.graph),
            opset_import: vec![opset("", OPSET), opset(CONTRIB, 1)],
        }
        .encode_to_vec()
    }

    fn fresh(&mut self) -> String {
        self.values += 1;
        format!("v{}", self.values)
    }

    fn push(&mut self, domain: &str, operator: &str, inputs: &[&Value], output: Vec<String>, settings: &[Setting]) {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            name: output[0].clone(),
            output,
            op_type: operator.to_owned(),
            attribute: settings.iter().map(|setting| attribute(*setting)).collect(),
            domain: domain.to_owned(),
        });
    }
}

fn attribute(setting: Setting) -> AttributeProto {
    match setting {
        Setting::Int(name, i) => AttributeProto { name: name.to_owned(), i, r#type: 2, ..AttributeProto::default() },
        Setting::Ints(name, ints) => {
            AttributeProto { name: name.to_owned(), ints: ints.to_vec(), r#type: 7, ..AttributeProto::default() }
        }
    }
}

fn outlet(name: &str, kind: Kind, sizes: &[Dimension]) -> ValueInfoProto {
    let dimension = |size: &Dimension| DimensionProto {
        size: Some(match size {
            Dimension::Fixed(size) => Size::Fixed(*size as i64),
            Dimension::Named(name) => Size::Named((*name).to_owned()),
        }),
    };
    let shape = TensorShapeProto { dim: sizes.iter().map(dimension).collect() };
    let tensor = TensorTypeProto { elem_type: kind as i32, shape: Some(shape) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}
