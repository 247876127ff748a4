//! What Pipit was told to remember.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use jiff::Timestamp;
use pipit_core::intent::FactId;
use pipit_store::Store;

#[test]
fn facts_are_kept_once_and_forgotten_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    let at = Timestamp::UNIX_EPOCH;
    let parking = store.add_fact("I park on level two", at).unwrap();
    let key = store.add_fact("the key is under the pot", at).unwrap();
    assert_eq!(store.add_fact("I park on level two", at).unwrap(), parking, "told twice, remembered once");
    drop(store);

    let store = Store::open(&file).unwrap();
    let texts = |store: &Store| store.facts().unwrap().into_iter().map(|fact| fact.text).collect::<Vec<_>>();
    assert_eq!(texts(&store), ["I park on level two", "the key is under the pot"]);
    assert_eq!(store.forget_facts(&[key, FactId(99)]).unwrap(), 1);
    assert_eq!(texts(&store), ["I park on level two"]);
    assert!(store.add_fact("a new one", at).unwrap() > key, "an id never comes back");
    drop(store);
    let kept = std::fs::read_dir(folder.path()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let traces = kept.filter(|bytes| bytes.windows(13).any(|window| window == b"under the pot"));
    assert_eq!(traces.count(), 0, "nothing of it is left in any file");
}
