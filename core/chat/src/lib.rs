//! The shared chat core: one engine for voice, panel and terminal.
