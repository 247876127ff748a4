//! The last good copy: what returns when the file is damaged, and what never takes its place.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use pipit_core::chat::{Door, Exchange};
use pipit_store::Store;
use tempfile::TempDir;

struct Home {
    folder: TempDir,
    file: PathBuf,
}

impl Home {
    fn new() -> Home {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("pipit.db");
        Home { folder, file }
    }

    fn open(&self) -> Store {
        Store::open(&self.file).expect("a store")
    }

    fn damage(&self) {
        fs::write(&self.file, "not a database any more ".repeat(1000)).expect("the file can be written");
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

fn say(store: &Store, n: usize) {
    let exchange = Exchange { asked: format!("question {n}"), heard: "An answer.".to_owned() };
    store.add_exchange(Door::Voice, Timestamp::UNIX_EPOCH, &exchange).expect("an exchange");
}

fn asked(store: &Store) -> usize {
    store.recent_exchanges(usize::MAX).expect("exchanges").len()
}

#[test]
fn several_copies_that_are_made_at_once_wait_for_each_other() {
    let home = Home::new();
    let store = home.open();
    (0..100).for_each(|n| say(&store, n));
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| (0..5).try_for_each(|_| store.back_up()))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
    });
    for made in made {
        made.expect("a copy");
    }
    assert_eq!(asked(&Store::open(&home.file).unwrap()), 100);
    assert!(store.backed_up_at().is_some());
    assert!(!home.names().iter().any(|name| name.contains(".good.new")), "{:?}", home.names());
}

#[test]
fn a_damaged_file_gives_way_to_the_last_good_copy_and_is_kept() {
    let home = Home::new();
    let store = home.open();
    assert_eq!(store.backed_up_at(), None);
    (0..3).for_each(|n| say(&store, n));
    store.back_up().unwrap();
    let at = store.backed_up_at().expect("a copy");
    assert!(*at.to_string() > *"2026", "{at}");
    say(&store, 3);
    drop(store);

    home.damage();
    let store = home.open();
    let warning = store.warning().expect("a warning");
    assert!(warning.contains(&at.strftime("%Y-%m-%d %H:%M UTC").to_string()), "{warning}");
    assert_eq!(asked(&store), 3);
    assert_eq!(store.search("question", 9).unwrap().messages.len(), 3);
    assert_eq!(home.names().iter().filter(|name| name.contains(".corrupt-")).count(), 1);
    say(&store, 4);
    drop(store);
    assert_eq!(home.open().warning(), None);
    // The copy serves again.
    home.damage();
    assert_eq!(asked(&home.open()), 3);
}

#[test]
fn a_copy_that_is_damaged_too_is_not_returned_to() {
    let home = Home::new();
    let store = home.open();
    say(&store, 0);
    store.back_up().unwrap();
    drop(store);
    home.damage();
    fs::write(home.folder.path().join("pipit.db.good"), "rubbish ".repeat(1000)).unwrap();
    let store = home.open();
    assert!(store.warning().expect("a warning").contains("a new one begun"));
    assert_eq!(asked(&store), 0);
}

#[test]
fn what_cannot_be_copied_whole_leaves_the_last_copy_as_it_was() {
    let home = Home::new();
    let store = home.open();
    (0..500).for_each(|n| say(&store, n));
    store.back_up().unwrap();
    let copy = home.folder.path().join("pipit.db.good");
    let before = fs::read(&copy).unwrap();
    drop(store);
    // A process that died in the middle of the last try has left this, and a page has gone bad since the file was opened.
    fs::write(home.folder.path().join("pipit.db.good.new"), "half").unwrap();
    let store = home.open();
    let mut bytes = fs::read(&home.file).unwrap();
    let length = bytes.len();
    bytes[4096..length].fill(0xA5);
    fs::write(&home.file, bytes).unwrap();
    store.back_up().unwrap_err();
    assert_eq!(fs::read(&copy).unwrap(), before);
}

#[test]
fn what_was_deleted_is_not_to_come_back_by_the_copy() {
    let home = Home::new();
    let store = home.open();
    say(&store, 0);
    store.back_up().unwrap();
    store.delete_conversation(store.conversations(None, 1).unwrap()[0].id).unwrap();
    assert_eq!(store.backed_up_at(), None, "it is time for another");
    store.back_up().unwrap();
    assert!(store.backed_up_at().is_some());
    let copy = fs::read(home.folder.path().join("pipit.db.good")).unwrap();
    assert!(!copy.windows(8).any(|window| window == b"question"));
}

#[cfg(unix)]
#[test]
fn nobody_else_on_the_machine_can_read_the_copy() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let store = home.open();
    say(&store, 0);
    store.back_up().unwrap();
    drop(store);
    home.damage();
    let _store = home.open();
    for name in home.names().iter().filter(|name| !name.contains(".corrupt-")) {
        let mode = fs::metadata(home.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}
