//! The daemon and the command line: hardware and wiring, nothing else. Whatever can be decided without hardware is
//! decided in `pipit-core`.
#![forbid(unsafe_code)]

pub mod advertise;
pub mod app;
pub mod assist;
pub mod audio;
pub mod authority;
pub mod backup;
pub mod barge_in;
pub mod bus;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod controls;
pub mod driver;
pub mod echo_test;
pub mod executable;
pub mod hearing;
pub mod identity;
pub mod installed;
pub mod ledger;
pub mod log_lines;
pub mod mqtt;
pub mod nightly;
pub mod pace;
pub mod panel;
pub mod providers;
pub mod remote;
pub mod report;
pub mod restore;
pub mod selections;
pub mod self_test;
pub mod sentences;
pub mod services;
pub mod settings;
pub mod shelf;
pub mod speech;
pub mod support;
pub mod timers;
pub mod turn_log;
pub mod waterfall;
pub mod worker;
pub mod wyoming;
