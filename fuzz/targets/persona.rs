//! A pack may say anything, and so may people and models: nothing panics, and a reply that is let through is let through whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pipit_core::chat::{Persona, ReplyCheck};

fuzz_target!(|input: (&str, &str)| {
    let (pack, text) = input;
    let topic = Persona::parse(pack).ok().and_then(|persona| persona.topic);
    let guard = topic.or_else(|| Persona::built_in("automotive")?.topic).expect("one of the two has a subject");
    let _ = guard.judge(text);
    let mut check = ReplyCheck::new(guard);
    let mut passed: String = text.char_indices().map(|(at, c)| check.push(&text[at..at + c.len_utf8()])).collect();
    passed.push_str(&check.finish());
    assert!(check.is_over() || passed == text);
});
