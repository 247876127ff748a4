//! Virtual time and fixtures for the tests of every crate.
