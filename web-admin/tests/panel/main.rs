//! What the panel's browser part and other programs may ask for, and what they may not.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod access;
mod accounts;
mod backup;
#[path = "../bare/mod.rs"]
mod bare;
mod connections;
mod passkeys;
mod people;
mod privacy;
mod programs;
mod providers;
mod settings;
mod support;
