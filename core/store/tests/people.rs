//! People: what one says is nobody else's, lies sealed in the file, and opens with its key only.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use pipit_core::chat::{Door, Exchange};
use pipit_core::intent::FactId;
use pipit_store::{
    ConversationId, KeyProblem, MadeOf, MessageId, NewPerson, NewPrivacy, NewReply, NewTurn, PersonId, PrivacyTier,
    Role, Said, Store, StoreError, Summary,
};
use tempfile::TempDir;

const AT: Timestamp = Timestamp::UNIX_EPOCH;

/// Said by everybody here, and in no file.
const MARKER: &str = "Zanzibarian";

fn turn(request: &str) -> NewTurn {
    let said = |text: &str| text.to_owned();
    NewTurn {
        door: None,
        request: Said { at: AT, text: said(request) },
        reply: NewReply { at: AT, text: format!("You said {request}."), heard: Some(said(MARKER)) },
    }
}

/// A conversation with everything in it that a person may say.
fn fill(store: &Store, who: &str) -> ConversationId {
    let conversation = store.create_conversation(&format!("{MARKER} of {who}"), AT).unwrap();
    let ids = store.append(conversation, &turn(&format!("{MARKER} says {who}"))).unwrap();
    store.set_system_prompt(conversation, Some(MARKER)).unwrap();
    let made_of = MadeOf { earlier: None, first: ids.request, messages: 2 };
    store.set_summary(conversation, &Summary { text: MARKER.to_owned(), to: ids.reply }, &made_of).unwrap();
    store.add_fact(&format!("{MARKER} is known to {who}"), AT).unwrap();
    let exchange = Exchange { asked: format!("{MARKER} asks {who}"), heard: MARKER.to_owned() };
    store.add_exchange(Door::Voice, AT, &exchange).unwrap();
    conversation
}

/// All that a store tells.
fn told(store: &Store) -> Vec<String> {
    let mut told: Vec<String> = store.facts().unwrap().into_iter().map(|fact| fact.text).collect();
    for conversation in store.conversations(None, 99).unwrap() {
        told.extend(store.messages(conversation.id, None, 99).unwrap().into_iter().map(|message| message.text));
        told.push(conversation.title);
    }
    told.sort();
    told
}

struct Home {
    folder: TempDir,
    file: PathBuf,
    owner: Store,
}

impl Home {
    fn new() -> Home {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("pipit.db");
        Home { owner: Store::open(&file).unwrap(), folder, file }
    }

    fn add(&self, name: &str, privacy: NewPrivacy<'_>) -> PersonId {
        self.owner.add_person(&NewPerson { name: Some(name), role: Role::Member, privacy }, AT).unwrap()
    }

    fn reopen(&mut self) {
        self.owner = Store::open(&self.file).unwrap();
    }

    /// The names of the files with the marker in them, in whatever case.
    fn holding(&self, marker: &str) -> Vec<PathBuf> {
        support::holding(self.folder.path(), marker)
    }
}

#[test]
fn nobody_sees_what_another_says_and_no_file_tells_it() {
    let mut home = Home::new();
    let (ann, ben) = (home.add("Ann", NewPrivacy::Standard), home.add("Ben", NewPrivacy::Private("correct horse")));
    let theirs = fill(&home.owner, "owner");
    fill(&home.owner.of(ann).unwrap(), "ann");
    fill(&home.owner.unlock(ben, "correct horse").unwrap(), "ben");
    home.owner.back_up().unwrap();
    assert_eq!(home.holding(MARKER), Vec::<PathBuf>::new());

    home.reopen();
    let (ann, ben) = (home.owner.of(ann).unwrap(), home.owner.unlock(ben, "correct horse").unwrap());
    for (store, who) in [(&home.owner, "owner"), (&ann, "ann"), (&ben, "ben")] {
        let told = told(store);
        assert_eq!(told.len(), 7, "{told:?}");
        assert!(
            told.iter().all(|text| text.contains(who) || text == MARKER || text == "Voice and terminal"),
            "{told:?}"
        );
        let found = store.search("zanzi", 99).unwrap();
        assert_eq!((found.conversations.len(), found.messages.len()), (1, 4));
    }
    assert!(told(&home.owner.ephemeral().unwrap()).is_empty());
    // Whoever knows a number knows nothing.
    let message = home.owner.messages(theirs, None, 9).unwrap()[0].id;
    let fact = home.owner.facts().unwrap()[0].id;
    deny_all(&ann, theirs, message, fact);
    assert_eq!(told(&home.owner).len(), 7);
}

/// Tries everything with what is somebody else's.
fn deny_all(store: &Store, conversation: ConversationId, message: MessageId, fact: FactId) {
    let made_of = MadeOf { earlier: None, first: MessageId(1), messages: 1 };
    let summary = Summary { text: "Mine now.".to_owned(), to: message };
    let denied = [
        store.conversation(conversation).map(drop),
        store.conversations(Some(conversation), 9).map(drop),
        store.rename_conversation(conversation, "mine"),
        store.replace_temporary_title(conversation, "mine").map(drop),
        store.set_system_prompt(conversation, None),
        store.set_summary(conversation, &summary, &made_of).map(drop),
        store.reset_conversation(conversation),
        store.delete_conversation(conversation),
        store.append(conversation, &turn("mine")).map(drop),
        store.messages(conversation, None, 9).map(drop),
        store.last_messages(conversation, 9).map(drop),
        store.edit(message, &turn("mine")).map(drop),
        store.regenerate(MessageId(message.0 + 1), &turn("mine").reply).map(drop),
        store.delete_message(message),
    ];
    for (n, outcome) in denied.into_iter().enumerate() {
        let error = outcome.unwrap_err();
        assert!(matches!(error, StoreError::NoConversation(_) | StoreError::NoMessage(_)), "{n}: {error}");
    }
    assert_eq!(store.summary(conversation).unwrap(), None);
    assert_eq!(store.earlier_versions(message).unwrap(), []);
    assert_eq!(store.forget_facts(&[fact]).unwrap(), 0);
}

#[test]
fn only_the_owners_store_leads_to_the_others() {
    let home = Home::new();
    let (ann, ben) = (home.add("Ann", NewPrivacy::Standard), home.add("Ben", NewPrivacy::Private("correct horse")));
    let annas = home.owner.of(ann).unwrap();
    for error in [
        annas.of(home.owner.person()).unwrap_err(),
        annas.unlock(ben, "correct horse").unwrap_err(),
        annas
            .add_person(&NewPerson { name: Some("Eve"), role: Role::Member, privacy: NewPrivacy::Standard }, AT)
            .unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NotTheOwners), "{error}");
    }
    assert!(matches!(home.owner.of(ben), Err(StoreError::PersonLocked)));
    assert!(matches!(home.owner.unlock(ann, "any"), Err(StoreError::NoPassphrase)));
    let again = NewPerson { name: Some(" ANN "), role: Role::Member, privacy: NewPrivacy::Standard };
    assert!(matches!(home.owner.add_person(&again, AT), Err(StoreError::NameTaken)));
    let nameless = NewPerson { name: None, ..again };
    assert!(matches!(home.owner.add_person(&nameless, AT), Err(StoreError::UnfitName)));
    let people: Vec<_> = home.owner.people().unwrap().into_iter().map(|p| (p.name.unwrap(), p.role, p.tier)).collect();
    let expected = [
        ("owner".to_owned(), Role::Owner, PrivacyTier::Standard),
        ("Ann".to_owned(), Role::Member, PrivacyTier::Standard),
        ("Ben".to_owned(), Role::Member, PrivacyTier::Private),
    ];
    assert_eq!(people, expected);
}

#[test]
fn a_passphrase_opens_and_can_be_changed_and_a_wrong_one_changes_nothing() {
    let mut home = Home::new();
    let ben = home.add("Ben", NewPrivacy::Private("correct horse"));
    fill(&home.owner.unlock(ben, "correct horse").unwrap(), "ben");
    assert!(matches!(home.owner.unlock(ben, "correct horsf"), Err(StoreError::WrongPassphrase)));
    assert!(matches!(home.owner.change_passphrase(ben, "wrong", "new"), Err(StoreError::WrongPassphrase)));
    home.owner.change_passphrase(ben, "correct horse", "battery staple").unwrap();
    home.reopen();
    assert!(matches!(home.owner.unlock(ben, "correct horse"), Err(StoreError::WrongPassphrase)));
    assert_eq!(told(&home.owner.unlock(ben, "battery staple").unwrap()).len(), 7);
    assert_eq!((home.holding("correct horse").len(), home.holding("battery staple").len()), (0, 0));
}

#[test]
fn without_its_key_nothing_is_changed_and_it_is_said_what_is_lost() {
    let mut home = Home::new();
    fill(&home.owner, "owner");
    let ben = home.add("Ben", NewPrivacy::Private("correct horse"));
    fill(&home.owner.unlock(ben, "correct horse").unwrap(), "ben");
    home.owner.add_timer(Some("tea"), Duration::from_secs(60), AT).unwrap();
    home.owner = Store::open(&home.folder.path().join("another.db")).unwrap();
    let (key, aside) = (home.folder.path().join("pipit.db.key"), home.folder.path().join("aside"));
    fs::rename(&key, &aside).unwrap();
    let before = fs::read(&home.file).unwrap();
    for (content, problem) in
        [(None, KeyProblem::Missing), (Some(&[7_u8; 32][..]), KeyProblem::Wrong), (Some(b"short"), KeyProblem::NoKey)]
    {
        content.into_iter().for_each(|content| fs::write(&key, content).unwrap());
        let error = Store::open(&home.file).unwrap_err();
        let StoreError::KeyLost { problem: found, lost, .. } = &error else { panic!("{error}") };
        assert_eq!((found, &lost.people[..], lost.private), (&problem, &[("owner".to_owned(), 2, 1)][..], 1));
        let said = error.to_string();
        for part in ["pipit.db.key", "2 conversations and 1 remembered facts of owner", "Timers", "begin-anew"] {
            assert!(said.contains(part), "{said}");
        }
        let _ = fs::remove_file(&key);
    }
    assert!(fs::read(&home.file).unwrap() == before, "the file was changed");

    // It goes on without: timers are there, and so is whoever has a passphrase.
    let without = Store::open_without_history(&home.file).unwrap();
    assert_eq!(without.timers().unwrap().len(), 1);
    fill(&without, "nobody");
    assert_eq!(told(&without.unlock(ben, "correct horse").unwrap()).len(), 7);
    assert!(matches!(without.of(without.people().unwrap()[0].id), Err(StoreError::NoDeviceKey)));
    drop(without);
    assert!(!key.exists(), "no key is made over the old one");
    fs::rename(&aside, &key).unwrap();
    home.reopen();
    assert_eq!(told(&home.owner).len(), 7, "everything is back, and nothing of what was said without it");
}

/// Every byte of every file that this process has open, temporary files without a name among them.
#[cfg(target_os = "linux")]
fn open_files() -> Vec<u8> {
    let open = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    open.filter(|path| fs::metadata(path).is_ok_and(|file| file.is_file()))
        .flat_map(|path| fs::read(path).unwrap())
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn an_ephemeral_session_leaves_no_trace() {
    let mut home = Home::new();
    fill(&home.owner, "owner");
    let eve = home.add("Eve", NewPrivacy::Ephemeral);
    for session in [home.owner.ephemeral().unwrap(), home.owner.of(eve).unwrap()] {
        assert_eq!(session.tier(), PrivacyTier::Ephemeral);
        let conversation = fill(&session, "nobody");
        for n in 0..600 {
            session.append(conversation, &turn(&format!("{MARKER} again {n}"))).unwrap();
        }
        session.rename_conversation(conversation, MARKER).unwrap();
        assert_eq!(session.search("zanzibarian", 2000).unwrap().messages.len(), 2 * 600 + 4);
        session.add_timer(Some(MARKER), Duration::from_secs(60), AT).unwrap();
        session.add_turn(AT, &format!("{{\"said\":\"{MARKER}\"}}"), 9).unwrap();
        session.set_volume(33).unwrap();
        session.back_up().unwrap();
        let bytes = open_files();
        assert!(!bytes.windows(MARKER.len()).any(|window| window.eq_ignore_ascii_case(MARKER.as_bytes())));
        assert_eq!(home.holding(MARKER), Vec::<PathBuf>::new());
        assert_eq!(told(&home.owner).len(), 7);
        // What the device needs is there.
        assert_eq!(home.owner.timers().unwrap().pop().unwrap().name, None);
        assert_eq!(home.owner.volume().unwrap(), Some(33));
        assert_eq!(home.owner.recent_turns(9).unwrap(), []);
    }
    assert!(told(&home.owner.of(eve).unwrap()).is_empty(), "each session begins with nothing");
    home.reopen();
    let raw = rusqlite::Connection::open(&home.file).unwrap();
    let rows: u32 = raw.query_row("SELECT count(*) FROM conversation", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 2, "the owner's");
}

#[cfg(unix)]
#[test]
fn nobody_else_on_the_machine_can_read_the_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let mode = fs::metadata(home.folder.path().join("pipit.db.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_was_changed_in_the_file_is_not_taken_for_what_was_said() {
    let home = Home::new();
    let conversation = fill(&home.owner, "owner");
    let raw = rusqlite::Connection::open(&home.file).unwrap();
    let messages = home.owner.messages(conversation, None, 9).unwrap();
    let swap = "UPDATE message SET text = (SELECT text FROM message WHERE id = ?) WHERE id = ?";
    raw.execute(swap, [messages[1].id.0, messages[0].id.0]).unwrap();
    let error = home.owner.messages(conversation, None, 9).unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { row, .. } if row == messages[0].id.0), "{error}");
    assert!(!error.to_string().contains(MARKER));
    assert!(raw.execute("UPDATE message SET text = 'plain'", []).is_err(), "a plain text fits in no column");
}

#[test]
fn what_an_older_pipit_left_is_sealed_and_nothing_else_is_left_of_it() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    drop(support::make_older(&file, MARKER));
    assert_eq!(fs::copy(&file, folder.path().join("pipit.db.good")).unwrap(), fs::metadata(&file).unwrap().len());
    let mut home = Home { owner: Store::open(&file).unwrap(), folder, file };
    assert_eq!(home.owner.warning(), None);
    for _ in 0..2 {
        assert_eq!(home.holding(MARKER), Vec::<PathBuf>::new());
        let told = told(&home.owner);
        let fact = format!("{MARKER} is a fact");
        assert_eq!(
            told,
            [fact.clone(), format!("{MARKER} replies"), format!("{MARKER} title"), format!("{MARKER} wants")]
        );
        let found = home.owner.search("zanzibarian", 9).unwrap();
        assert_eq!((found.conversations.len(), found.messages.len()), (1, 2));
        let conversation = &found.conversations[0];
        assert_eq!((conversation.key.as_str(), conversation.system_prompt.as_deref()), ("k", Some(MARKER)));
        assert_eq!(home.owner.summary(conversation.id).unwrap().unwrap().text, MARKER);
        assert_eq!(found.messages[0].1.heard.as_deref(), Some(MARKER));
        assert_eq!(home.owner.earlier_versions(found.messages[0].1.id).unwrap().len(), 1);
        assert_eq!(home.owner.add_fact(&fact, AT).unwrap(), FactId(4), "told again, remembered once");
        home.reopen();
    }
    assert!(home.owner.create_conversation("new", AT).unwrap().0 > 90, "an id never comes back");
}
