//! The owner's personas, and who speaks in a conversation.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use jiff::Timestamp;
use pipit_store::{NewPerson, NewPrivacy, Role, Store, StoreError};

#[test]
fn packs_are_sealed_and_the_owners_and_a_choice_goes_with_its_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    let ann = NewPerson { name: Some("Ann"), role: Role::Member, privacy: NewPrivacy::Standard };
    let annas = store.of(store.add_person(&ann, Timestamp::UNIX_EPOCH).unwrap()).unwrap();
    store.set_persona("pirate", "prompt = 'Arr, speak as a corsair.'").unwrap();
    store.set_persona("butler", "prompt = 'Sir.'").unwrap();
    store.set_persona("butler", "prompt = 'Madam.'").unwrap();
    assert!(matches!(annas.personas(), Err(StoreError::NotTheOwners)));
    assert!(matches!(annas.remove_persona("butler"), Err(StoreError::NotTheOwners)));

    let conversation = annas.create_conversation("Ships", Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(annas.persona_of(conversation).unwrap(), None);
    annas.set_persona_of(conversation, Some("pirate")).unwrap();
    assert!(matches!(store.set_persona_of(conversation, Some("butler")), Err(StoreError::NoConversation(_))));
    assert_eq!(store.persona_of(conversation).unwrap(), None, "it is Ann's");
    store.set_speaking_persona(Some("butler")).unwrap();
    drop((annas, store));

    let store = Store::open(&file).unwrap();
    let annas = store.of(store.people().unwrap()[1].id).unwrap();
    assert_eq!(annas.persona_of(conversation).unwrap().as_deref(), Some("pirate"));
    let packs = store.personas().unwrap();
    assert_eq!(packs[0], ("butler".to_owned(), "prompt = 'Madam.'".to_owned()));
    assert!(store.remove_persona("butler").unwrap() && !store.remove_persona("butler").unwrap());
    assert_eq!(store.personas().unwrap().len(), 1);
    annas.delete_conversation(conversation).unwrap();
    assert_eq!(annas.persona_of(conversation).unwrap(), None);
    drop((annas, store));
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"corsair"));
    }
}
