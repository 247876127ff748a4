//! The owner may write anything: nothing panics, and what can't be used is reported.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pipit_core::config::{Defaults, Layers, Text, load};

fuzz_target!(|content: &str| {
    let loaded = load(Layers {
        defaults: Defaults { state_dir: "/var/lib/pipit".into() },
        file: Some(Text { name: "pipit.toml", content }),
        environment: Vec::new(),
        flags: &[],
    });
    if let Err(problems) = loaded {
        assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.to_string().is_empty()));
    }
});
