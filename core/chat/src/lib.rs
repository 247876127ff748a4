//! The shared chat core: one engine for voice, panel and terminal.
//!
//! A request is answered offline where it can be, and otherwise by a language model. What is decided is decided in
//! `pipit-core`; this crate does it: it performs the actions on the store, speaks HTTP, and keeps the time limits.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod answering;
mod cast;
mod engine;
mod error;
mod history;
mod home;
mod offline;
mod own;
mod prepare;
mod provider;
mod reply;
mod settings;
mod timers;
pub mod tools;
pub mod transfer;
mod upkeep;

pub use engine::{Clock, Engine, Given, Place, Request};
pub use error::{ChatError, Wait};
pub use pipit_core::chat::Door;
pub use provider::{HttpProvider, Meter, Prompt, Provider, ProviderIdentity, ProviderReport};
pub use reply::{Counted, Deed, DeviceAction, FinishedTurn, Kept, Reply, ReplyEvent};
pub use settings::{EngineSettings, ProviderKind, ProviderSettings, Secret};
pub use timers::Due;
pub use tools::Confirmation;
