//! Ear and voice for others than those who speak to this device: peers over Wyoming, and programs over HTTP. Long speech is
//! transcribed in parts and text is spoken by clauses, each after whatever those who speak here wait for.

mod dictation;
mod http;
mod joined;
mod speaking;

pub(crate) use dictation::{Dictation, Progress};
pub use http::Speech;
pub(crate) use joined::joined;
pub(crate) use speaking::Speaking;

/// Results of the workers wait here. It is never full, so that no worker ever waits for whoever asked: they ask for two parts of
/// speech and two clauses at once, and for no more before they have taken what came of them.
pub(crate) const INBOX: usize = 8;

/// What was asked for can't be done: a sentence for people.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);
