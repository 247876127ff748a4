//! HTTPS for the panel, from an authority of this device's own. A browser gives its microphone to no page without it.
//!
//! There is nobody who could vouch for `pipit.local`, so each device vouches for itself: whoever wants to be without the browser's
//! warning installs its certificate once. It can vouch for names and addresses at home and for nothing else.

mod authority;
mod listener;

pub use authority::Authority;
pub use listener::{Client, TlsListener};
