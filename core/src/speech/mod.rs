//! From reply text to clauses that can be spoken, and back to what was heard.
//!
//! The reply arrives as a stream of text. [`ClauseSplitter`] hands out a [`Clause`] as soon as one can be spoken, the
//! first one early. Each carries two texts: the words as they were written, which together are the reply byte for
//! byte, and the words for the voice, with Markdown taken out and numbers, dates and units put into words by
//! [`spoken`]. When playback stops in the middle, [`heard()`] says how much of a clause's written text had been said.
//!
//! ```text
//! reply text -> ClauseSplitter -> Clause { text, spoken } -> voice -> speaker
//!                                          |                           |
//!                                          +---- heard(text, played) <-+ -> history
//! ```
//!
//! Nothing here knows of voices, phonemes or sound, other than that sound takes time.

mod clause;
mod heard;
mod markdown;
mod normalise;

pub use clause::{Clause, ClauseSplitter};
pub use heard::{heard, heard_reply};
pub use normalise::spoken;
