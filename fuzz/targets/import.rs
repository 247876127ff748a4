//! A file of conversations, as anybody may have written it: it is taken in or refused, and what was taken in comes out again.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pipit_chat::transfer::{export, import};
use pipit_store::Store;

/// Whatever is taken in goes to memory and is forgotten.
static STORE: LazyLock<Store> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder").keep();
    Store::open(&folder.join("pipit.db")).expect("a store")
});

fuzz_target!(|bytes: &[u8]| {
    let store = STORE.ephemeral().expect("a store in memory");
    let Ok(carried) = import(&store, bytes) else { return };
    let mut written = Vec::new();
    export(&store, &[], &mut written).expect("what was taken in can be given out");
    let other = STORE.ephemeral().expect("a store in memory");
    let again = import(&other, &*written).expect("what was given out can be taken in");
    assert_eq!(again.added, carried.added);
});
