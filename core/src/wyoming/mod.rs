//! Wyoming, by which parts of a voice assistant find each other in the house: what its events look like on the wire, and
//! the sound in them.
//!
//! Source: <https://github.com/OHF-Voice/wyoming>. An event is a line of JSON, more JSON if the line says so, and bytes of
//! sound if the line says so. There is no handshake, no authentication and no encryption, so whoever can reach the port may
//! send anything: a [`Decoder`] holds no more than its [`Limits`], however much a line promises.
//!
//! Nothing here knows sockets, or what an event is answered with.

mod audio;
mod decoder;
mod event;
mod satellite;
#[cfg(test)]
mod tests;

pub use audio::{AudioFormat, MonoReader, sound};
pub use decoder::{Decoder, Limits, Malformed};
pub use event::Event;
pub use satellite::{Assist, Failure, News};

/// What the service type is called in zeroconf.
pub const SERVICE_TYPE: &str = "_wyoming._tcp.local.";
