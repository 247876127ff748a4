//! Every neural model behind a plain synchronous struct, and the catalogue they come from.

pub mod error;

pub mod cancel;

pub mod runtime;

pub mod silero;

pub mod voice_activity;

pub mod smart_turn;

pub mod openwakeword;

pub mod whisper;

pub mod recogniser;

pub mod echo;

pub mod clip;

pub mod voice;

pub mod espeak;

pub mod kokoro;

pub mod piper;

pub mod sentences;

pub mod service;

mod mel;

mod phonemes;

#[cfg(feature = "dictionary")]
pub use phonemes::pronounce;

mod synthesis;

pub mod board;
pub mod catalogue;
pub mod download;
