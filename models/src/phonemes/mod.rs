//! Text to phonemes, for the voices that take phonemes: where sentences and clauses end, English by dictionary, and
//! espeak-ng's alphabet. What a model's own tokens are is said beside the model.

pub(crate) mod clauses;
pub(crate) mod english;
pub(crate) mod kokoro_symbols;
