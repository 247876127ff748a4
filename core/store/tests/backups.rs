//! Backups under a passphrase, and the trial of them.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use pipit_store::{
    BackupError, Client, Contents, DATABASE, DATABASE_KEY, KeySource, Making, NewPerson, NewPrivacy, NewReply, NewTurn,
    PANELS_SETTINGS, Role, Said, Store, try_backup,
};
use tempfile::TempDir;

const PASSPHRASE: &str = "four wet green herons";
const SETTINGS: &str = "[audio]\nvolume = 30\n";
const PLENTY: u64 = 1 << 30;

/// A device that somebody has lived with.
struct Device {
    folder: TempDir,
    store: Store,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

impl Device {
    fn new() -> Device {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(DATABASE)).unwrap();
        store.claim("Ottokar", "seventeen wet herons").unwrap();
        let ann = NewPerson { name: Some("Annabel"), role: Role::Member, privacy: NewPrivacy::Standard };
        store.add_person(&ann, now()).unwrap();
        let conversation = store.create_conversation("Birds", now()).unwrap();
        let request = Said { at: now(), text: "does the wren sing".to_owned() };
        let reply = NewReply { at: now(), text: "it does".to_owned(), heard: None };
        store.append(conversation, &NewTurn { door: None, request, reply }).unwrap();
        store.add_fact("the wren nests in the hedge", now()).unwrap();
        store.set_secret("broker", "sealed as a wren").unwrap();
        Device { folder, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn backed_up(&self) -> PathBuf {
        let file = self.path("backup");
        let (settings, at) = (Some(SETTINGS), now());
        let making = Making { passphrase: PASSPHRASE, pipit: "1.2.3", at, settings, configuration: None };
        let length = self.store.make_backup(&file, &making, &mut |_, _| true).unwrap();
        assert_eq!(length, fs::metadata(&file).unwrap().len());
        file
    }
}

/// What is found in a backup, and the folder that it is unpacked into.
fn tried(file: &Path, key: &KeySource, most: u64) -> (TempDir, Result<Contents, BackupError>) {
    let folder = tempfile::tempdir().unwrap();
    let contents = try_backup(file, PASSPHRASE, folder.path(), (key, most), &mut |done, all| {
        assert!(done <= all);
        true
    });
    (folder, contents)
}

#[test]
fn what_is_backed_up_is_there_again_and_nobody_is_signed_in() {
    let device = Device::new();
    let owner = device.store.person();
    let client = Client { address: "here", agent: "a browser" };
    let (_, session) = device.store.begin_session(owner, client, now()).unwrap();
    let file = device.backed_up();
    // Long ones: three letters are found in so much noise now and then.
    for words in ["wren nests", "Ottokar", "Annabel", "herons", "volume"] {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(words.len()).any(|window| window == words.as_bytes()), "{words} can be read in it");
    }
    assert!(!device.path("backup.database").exists(), "the copy is gone");

    let (folder, contents) = tried(&file, &KeySource::Beside, PLENTY);
    let contents = contents.unwrap();
    assert_eq!((contents.pipit.as_str(), contents.made_at), ("1.2.3", now()));
    assert_eq!(contents.people, ["Ottokar", "Annabel"]);
    let counted = (contents.conversations, contents.messages, contents.facts, contents.secrets);
    assert_eq!((contents.is_claimed, counted), (true, (1, 2, 1, 1)));
    assert!(contents.has_settings && !contents.has_configuration);
    assert_eq!(fs::read_to_string(folder.path().join(PANELS_SETTINGS)).unwrap(), SETTINGS);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");

    let restored = Store::open(&folder.path().join(DATABASE)).unwrap();
    assert_eq!(restored.facts().unwrap()[0].text, "the wren nests in the hedge");
    assert_eq!(restored.secret("broker").unwrap().unwrap().as_str(), "sealed as a wren");
    assert!(
        restored.recognise("Ottokar", "seventeen wet herons").unwrap().is_some(),
        "the key makes the passwords good"
    );
    assert!(restored.session(&session, now()).unwrap().is_none());
    assert!(device.store.session(&session, now()).unwrap().is_some(), "where it was made, it goes on");
}

#[test]
fn what_can_not_be_gone_on_with_is_told_before_anything_is_replaced() {
    let device = Device::new();
    let file = device.backed_up();
    let (_folder, refused) = tried(&file, &KeySource::Beside, 1000);
    assert!(matches!(refused, Err(BackupError::TooLarge { most: 1000, .. })));

    let elsewhere = device.path("credential");
    fs::write(&elsewhere, [7; 32]).unwrap();
    let (_folder, refused) = tried(&file, &KeySource::File(elsewhere.clone()), PLENTY);
    assert!(matches!(refused, Err(BackupError::KeyFromElsewhere { .. })));
    fs::copy(device.path(DATABASE_KEY), &elsewhere).unwrap();
    let (_folder, fits) = tried(&file, &KeySource::File(elsewhere), PLENTY);
    assert!(fits.is_ok());

    let short = Making { passphrase: "eleven char", pipit: "", at: now(), settings: None, configuration: None };
    let refused = device.store.make_backup(&device.path("short"), &short, &mut |_, _| true);
    assert!(matches!(refused, Err(BackupError::ShortPassphrase)));

    let cancelled = Making { passphrase: PASSPHRASE, ..short };
    let refused = device.store.make_backup(&device.path("cancelled"), &cancelled, &mut |_, _| false);
    assert!(matches!(refused, Err(BackupError::Cancelled)));
    assert!(!device.path("cancelled").exists() && !device.path("cancelled.database").exists());

    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let (folder, refused) = tried(&file, &KeySource::Beside, PLENTY);
    assert!(matches!(refused, Err(BackupError::Damaged)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing of it is unpacked");
}

#[test]
fn what_a_newer_pipit_wrote_is_not_gone_on_with() {
    let device = Device::new();
    let other = rusqlite::Connection::open(device.path(DATABASE)).unwrap();
    other.execute_batch("PRAGMA user_version = 99").unwrap();
    let (_folder, refused) = tried(&device.backed_up(), &KeySource::Beside, PLENTY);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("was written by a newer Pipit"), "{refused}");
}
