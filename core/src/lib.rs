//! Pipit's decisions, and nothing else.
//!
//! This crate does no I/O, reads no clock, starts no thread and has no `async` and no `unsafe`: time comes in as a
//! [`time::Moment`], audio as values, and what should happen goes out as data. Everything here can therefore be
//! tested in virtual time. Read the modules in this order.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod time;

pub mod audio;

pub mod ear;

pub mod turn;

pub mod face;

pub mod load;

pub mod intent;

pub mod chat;

pub mod home;

pub mod control;

pub mod speech;

pub mod wyoming;

pub mod config;
