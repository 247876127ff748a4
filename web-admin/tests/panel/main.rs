//! What the panel's browser part and other programs may ask for, and what they may not.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod access;
mod accounts;
mod connections;
#[path = "../layers/mod.rs"]
mod layers;
mod privacy;
mod providers;
mod settings;
mod support;
