//! What a person sees of Pipit: a display, and the pictures of it. What is shown is decided in [`pipit_core::face`].
//!
//! A display may be slow, hang or be gone, and nobody waits for it: a thread of its own is the only one that touches it, and always
//! shows the newest face.

pub mod beside;
pub mod canvas;
pub mod draw;
mod framebuffer;
pub mod glyphs;
pub mod line;
mod mipi;
pub mod pen;
pub mod picture;
pub mod screen;
pub mod situation;
mod ssd1306;
mod thread;

pub use beside::Beside;
pub use thread::start;
