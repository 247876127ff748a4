//! Virtual time and fixtures for the tests of every crate. Never part of a release.
#![forbid(unsafe_code)]

pub mod http;
pub mod sim;
pub mod wyoming;

pub use sim::{Sim, check, check_attending, taken_from};
