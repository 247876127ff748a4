//! Accounts: passwords, sessions, API tokens, and the audit log.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use pipit_store::{
    ABSOLUTE_LIMIT, Client, IDLE_LIMIT, KeySource, NewPasskey, NewPerson, NewPrivacy, PasskeyAlgorithm,
    PasswordProblem, PersonId, Refreshed, Role, Store, StoreError,
};
use support::{holding, make_older};
use tempfile::TempDir;

const OWNERS: &str = "seventeen wet herons";
const ANNS: &str = "a pile of green coats";
const CLIENT: Client<'_> = Client { address: "192.168.1.9", agent: "Firefox" };

struct Home {
    folder: TempDir,
    file: PathBuf,
    store: Store,
    owner: PersonId,
    ann: PersonId,
}

impl Home {
    /// Claimed by Otto; Ann lives there too, and has a password.
    fn new() -> Home {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("pipit.db");
        let store = Store::open(&file).unwrap();
        let owner = store.claim("Otto", OWNERS).unwrap();
        let ann = add(&store, "Ann", NewPrivacy::Standard);
        store.set_password(ann, ANNS, None).unwrap();
        Home { folder, file, store, owner, ann }
    }

    fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.file).unwrap()
    }
}

fn add(store: &Store, name: &str, privacy: NewPrivacy<'_>) -> PersonId {
    store.add_person(&NewPerson { name: Some(name), role: Role::Member, privacy }, at(0)).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn after(limit: Duration) -> Timestamp {
    at(i64::try_from(limit.as_secs()).unwrap())
}

fn is_recognised(store: &Store, name: &str, password: &str) -> bool {
    store.recognise(name, password).unwrap().is_some()
}

#[test]
fn one_claim_succeeds_of_those_that_are_made_at_once() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("pipit.db")).unwrap();
    assert!(!store.is_claimed().unwrap());
    assert!(!is_recognised(&store, "owner", ""), "there is no password yet");
    let claims: Vec<_> = std::thread::scope(|scope| {
        let names = ["Otto", "Olga", "Ole", "Ona"];
        let claims = names.map(|name| {
            let store = &store;
            scope.spawn(move || store.claim(name, &format!("{OWNERS} {name}")).map(|_| name))
        });
        claims.into_iter().map(|claim| claim.join().unwrap()).collect()
    });
    let won: Vec<_> = claims.iter().filter_map(|claim| claim.as_ref().ok()).collect();
    let lost = claims.iter().filter(|claim| matches!(claim, Err(StoreError::AlreadyClaimed))).count();
    assert_eq!((won.len(), lost), (1, 3), "{claims:?}");
    assert!(store.is_claimed().unwrap());
    for name in ["Otto", "Olga", "Ole", "Ona"] {
        assert_eq!(is_recognised(&store, name, &format!("{OWNERS} {name}")), name == *won[0]);
    }
}

#[test]
fn whoever_has_name_and_password_is_recognised_and_nobody_else() {
    let home = Home::new();
    let (store, pia) = (&home.store, add(&home.store, "Pia", NewPrivacy::Private("only I know")));
    let who = |name: &str, password: &str| store.recognise(name, password).unwrap().map(|found| found.person.id);
    assert_eq!(who("Otto", OWNERS), Some(home.owner));
    assert_eq!(who(" otto ", OWNERS), Some(home.owner));
    assert_eq!(who("Ann", ANNS), Some(home.ann));
    for (name, password) in
        [("Otto", ANNS), ("Ann", OWNERS), ("Otto", ""), ("", OWNERS), ("Nobody", OWNERS), ("Pia", ANNS)]
    {
        assert_eq!(who(name, password), None, "{name}");
    }
    let theirs = store.recognise("pia", "only I know").unwrap().unwrap();
    assert_eq!(theirs.unlocked.unwrap().person(), pia, "it opens what she said");
    assert!(matches!(store.set_password(pia, ANNS, None), Err(StoreError::PersonLocked)));
    assert!(store.change_password(pia, "only I know", "nobody else knows", None).unwrap());
    assert!(!store.change_password(pia, "only I know", "what will it be", None).unwrap());
    assert_eq!(who("Pia", "only I know"), None);
    assert_eq!(who("Pia", "nobody else knows"), Some(pia));
    // As one keyboard composes it, and as another does.
    store.set_password(home.ann, "nai\u{308}ve coats", None).unwrap();
    assert_eq!(who("Ann", "na\u{ef}ve coats"), Some(home.ann));
    for secret in [OWNERS, ANNS, "only I know", "nobody else knows"] {
        assert_eq!(holding(home.folder.path(), secret), Vec::<PathBuf>::new());
    }
    assert!(matches!(store.of(home.ann).unwrap().recognise("Ann", ANNS), Err(StoreError::NotTheOwners)));
}

#[test]
fn a_password_that_everybody_would_try_is_refused() {
    let home = Home::new();
    let problem = |password: &str| match home.store.set_password(home.ann, password, None) {
        Err(StoreError::UnfitPassword(problem)) => Some(problem),
        done => {
            done.unwrap();
            None
        }
    };
    assert_eq!(problem("seven77"), Some(PasswordProblem::Short));
    assert_eq!(problem("\u{e4}\u{e4}\u{e4}\u{e4}"), Some(PasswordProblem::Short), "bytes are no characters");
    assert_eq!(problem(&"wren ".repeat(205)), Some(PasswordProblem::Long));
    let common =
        ["Password1", "12345678", "QWERTYUIOP", "raspberry", "aaaaaaaaaaaa", "        ", "P@ssw0rd1", "liverpool9"];
    for common in common.into_iter().chain(["pipit2026", "1qaz2wsx", "annannann"]) {
        assert_eq!(problem(common), Some(PasswordProblem::Common), "{common}");
    }
    let dora = add(&home.store, "Dora Dormouse", NewPrivacy::Standard);
    let refused = home.store.set_password(dora, "dora dormouse", None);
    assert!(matches!(refused, Err(StoreError::UnfitPassword(PasswordProblem::Name))));
    assert_eq!(problem("dora dormouse"), None);
    // Whatever is typed is judged, and soon.
    for odd in ["\u{0}\u{0}\u{7f}\u{fffd}\u{200d}\u{301}e\u{1f468}", &"ab1!\u{df}".repeat(170), &"\u{fdfa}".repeat(18)]
    {
        assert_ne!(problem(odd), Some(PasswordProblem::Long), "{odd:?}");
    }
    assert_eq!(problem("\u{1f426}\u{1f33f}\u{1f342}\u{1f30a}\u{1f525}\u{1f3b2}\u{1f9ed}\u{1fab6}"), None);
}

#[test]
fn a_session_goes_on_while_it_is_used_and_for_ninety_days_at_most() {
    let home = Home::new();
    let store = &home.store;
    let (id, secret) = store.begin_session(home.ann, CLIENT, at(0)).unwrap();
    assert_eq!(secret.len(), 64);
    let (session, person) = store.session(&secret, at(1)).unwrap().unwrap();
    assert_eq!((session.id, person.id, session.address.as_str()), (id, home.ann, "192.168.1.9"));
    for wrong in ["", "0", &secret[1..], &secret.to_uppercase(), &format!("{}g", &secret[1..])] {
        assert_eq!(store.session(wrong, at(1)).unwrap(), None, "{wrong}");
    }
    assert_eq!(holding(home.folder.path(), &secret), Vec::<PathBuf>::new(), "only its hash is kept");
    // A clock that was set back signs nobody out.
    assert!(store.session(&secret, at(-1_000_000)).unwrap().is_some());

    let (_, unused) = store.begin_session(home.ann, CLIENT, at(0)).unwrap();
    let day = 24 * 60 * 60;
    for days in (10..90).step_by(10) {
        assert!(store.session(&secret, at(days * day)).unwrap().is_some(), "day {days}");
    }
    assert!(store.is_session(id, at(ABSOLUTE_LIMIT.as_secs() as i64 - 1)).unwrap());
    assert_eq!(store.session(&secret, after(ABSOLUTE_LIMIT)).unwrap(), None);
    assert_eq!(store.session(&unused, after(IDLE_LIMIT)).unwrap(), None);
    assert!(store.session(&unused, at(IDLE_LIMIT.as_secs() as i64 - 1)).unwrap().is_some());
    assert_eq!(store.sessions(home.ann, after(ABSOLUTE_LIMIT)).unwrap(), []);
    store.begin_session(home.owner, CLIENT, after(ABSOLUTE_LIMIT)).unwrap();
    let left: i64 = home.raw().query_row("SELECT count(*) FROM session", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1, "what is over is deleted");
}

#[test]
fn a_session_ends_for_its_own_person_and_with_another_password() {
    let home = Home::new();
    let store = &home.store;
    let begin = |of| store.begin_session(of, CLIENT, at(0)).unwrap();
    let ((one, first), (two, second), (three, owners)) = (begin(home.ann), begin(home.ann), begin(home.owner));
    assert!(!store.end_session(home.ann, three).unwrap(), "it is somebody else's");
    assert!(store.end_session(home.ann, one).unwrap());
    assert!(!store.end_session(home.ann, one).unwrap());
    assert_eq!(store.session(&first, at(1)).unwrap(), None);
    let (_, another) = begin(home.ann);
    store.set_password(home.ann, "another pile of coats", Some(two)).unwrap();
    assert_eq!(store.session(&another, at(1)).unwrap(), None);
    assert!(store.session(&second, at(1)).unwrap().is_some());
    assert!(store.session(&owners, at(1)).unwrap().is_some());
    for n in 0..60 {
        store.begin_session(home.ann, CLIENT, at(n)).unwrap();
    }
    assert_eq!(store.sessions(home.ann, at(60)).unwrap().len(), 50);
    store.erase_person(home.ann).unwrap();
    assert_eq!(store.session(&second, at(1)).unwrap(), None);
    assert!(!is_recognised(store, "Ann", "another pile of coats"));
}

#[test]
fn a_token_opens_until_it_is_removed_and_private_people_have_none() {
    let home = Home::new();
    let store = &home.store;
    let (id, secret) = store.make_token(home.ann, " Kitchen ", "read talk", at(0)).unwrap();
    assert!(secret.starts_with("pipit_") && secret.len() == 70);
    let (token, person) = store.token(&secret, at(5)).unwrap().unwrap();
    assert_eq!((token.name.as_str(), token.scopes.as_str(), person.id), ("Kitchen", "read talk", home.ann));
    assert_eq!(store.tokens(home.ann).unwrap()[0].last_used, Some(at(5)));
    assert_eq!(store.tokens(home.owner).unwrap(), []);
    assert_eq!(store.token(&secret["pipit_".len()..], at(5)).unwrap(), None);
    assert_eq!(store.session(&secret["pipit_".len()..], at(5)).unwrap(), None, "a token is no session");
    assert_eq!(holding(home.folder.path(), &secret["pipit_".len()..]), Vec::<PathBuf>::new());
    assert!(!store.remove_token(home.owner, id).unwrap());
    assert!(store.remove_token(home.ann, id).unwrap());
    assert_eq!(store.token(&secret, at(6)).unwrap(), None);
    let pia = add(store, "Pia", NewPrivacy::Private("only I know"));
    assert!(matches!(store.make_token(pia, "a", "read", at(0)), Err(StoreError::PersonLocked)));
    assert!(matches!(store.make_token(home.ann, " ", "read", at(0)), Err(StoreError::UnfitName)));
    for _ in 0..50 {
        store.make_token(home.ann, "a", "read", at(0)).unwrap();
    }
    assert!(matches!(store.make_token(home.ann, "a", "read", at(0)), Err(StoreError::TooManyTokens)));
    let (_, owners) = store.make_token(home.owner, "a", "read", at(0)).unwrap();
    store.erase_person(home.owner).unwrap();
    assert_eq!(store.token(&owners, at(1)).unwrap(), None);
    assert!(!store.is_claimed().unwrap(), "the new owner claims it anew");
}

/// Whoever has the file can change it, but not so that nobody sees it.
#[test]
fn a_row_of_the_audit_log_that_was_changed_is_found() {
    let home = Home::new();
    let store = &home.store;
    for n in 0..10 {
        store.audit(Some(home.ann), &format!("deed {n}"), "192.168.1.9", at(n)).unwrap();
    }
    assert_eq!(store.check_audit().unwrap(), None);
    let rows = store.audit_rows(Some(5), 2).unwrap();
    assert_eq!(rows.iter().map(|row| (row.id, row.what.as_str())).collect::<Vec<_>>(), [(4, "deed 3"), (3, "deed 2")]);
    let raw = home.raw();
    let found = |change: &str| {
        raw.execute_batch(&format!("SAVEPOINT before; {change}; RELEASE before;")).unwrap();
        store.check_audit().unwrap()
    };
    let saved: Vec<u8> = raw.query_row("SELECT tag FROM audit WHERE id = 4", [], |row| row.get(0)).unwrap();
    assert_eq!(found("UPDATE audit SET what = 'nothing' WHERE id = 4"), Some(4));
    assert_eq!(found("UPDATE audit SET what = 'deed 3' WHERE id = 4"), None);
    assert_eq!(found("UPDATE audit SET who = NULL WHERE id = 5"), Some(5));
    raw.execute("UPDATE audit SET who = ? WHERE id = 5", [raw_id(&raw, home.ann)]).unwrap();
    assert_eq!(found("UPDATE audit SET tag = zeroblob(32) WHERE id = 4"), Some(4));
    raw.execute("UPDATE audit SET tag = ? WHERE id = 4", [&saved]).unwrap();
    assert_eq!(found("DELETE FROM audit WHERE id = 7"), Some(8));
    assert_eq!(found("INSERT INTO audit SELECT 7, at, who, what, address, tag FROM audit WHERE id = 6"), Some(7));
    assert_eq!(found("DELETE FROM audit WHERE id <= 7"), Some(8), "there is no anchor for what is left");
    let forged = "INSERT INTO audit_anchor SELECT 1, 8, tag, zeroblob(32) FROM audit WHERE id = 8";
    assert_eq!(found(&format!("{forged}; DELETE FROM audit WHERE id <= 8")), Some(8));
    // The key belongs to the device, and what another key has written is begun anew with it.
    std::fs::remove_file(home.folder.path().join("pipit.db.key")).unwrap();
    drop(raw);
    let (file, folder) = (home.file.clone(), home.folder);
    drop(home.store);
    Store::begin_anew(&file, &KeySource::Beside).unwrap();
    let store = Store::open(&file).unwrap();
    assert_eq!((store.check_audit().unwrap(), store.audit_rows(None, 10).unwrap().len()), (None, 0));
    assert!(!store.is_claimed().unwrap());
    drop(folder);
}

fn raw_id(raw: &rusqlite::Connection, person: PersonId) -> Vec<u8> {
    let ids: Vec<Vec<u8>> =
        raw.prepare("SELECT id FROM person").unwrap().query_map([], |row| row.get(0)).unwrap().flatten().collect();
    let hex = |id: &Vec<u8>| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    ids.into_iter().find(|id| hex(id) == person.to_string()).unwrap()
}

/// As it was before there were sessions: the same tables without those of the accounts.
#[test]
fn a_file_of_the_version_before_is_carried_over() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    let ann = add(&store, "Ann", NewPrivacy::Standard);
    store.of(ann).unwrap().add_fact("the wren sings", at(0)).unwrap();
    drop(store);
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute_batch(
        "DROP TABLE session; DROP TABLE api_token; DROP TABLE audit; DROP TABLE audit_anchor; DROP TABLE token_family;
         DROP TABLE passkey; DROP TABLE link; DROP TABLE invitation; PRAGMA user_version = 9;",
    )
    .unwrap();
    drop(raw);
    let store = Store::open(&file).unwrap();
    assert_eq!(store.of(ann).unwrap().facts().unwrap()[0].text, "the wren sings");
    let owner = store.claim("Otto", OWNERS).unwrap();
    let (_, secret) = store.begin_session(owner, CLIENT, at(0)).unwrap();
    store.audit(Some(owner), "claimed", "192.168.1.9", at(0)).unwrap();
    drop(store);
    let store = Store::open(&file).unwrap();
    assert_eq!(store.session(&secret, at(1)).unwrap().unwrap().1.id, owner, "a session outlives a restart");
    assert_eq!(store.check_audit().unwrap(), None);
}

#[test]
fn a_file_from_before_there_were_people_can_be_claimed() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    drop(make_older(&file, "zanzibarian"));
    let store = Store::open(&file).unwrap();
    let owner = store.claim("Otto", OWNERS).unwrap();
    assert_eq!(store.of(owner).unwrap().facts().unwrap()[0].text, "zanzibarian is a fact");
    assert!(is_recognised(&store, "Otto", OWNERS));
}

#[test]
fn whoever_was_signed_out_is_not_signed_in_again_by_a_copy() {
    let Home { folder: _folder, file, store, owner, .. } = Home::new();
    let (id, secret) = store.begin_session(owner, CLIENT, at(0)).unwrap();
    store.back_up().unwrap();
    store.end_session(owner, id).unwrap();
    drop(store);
    std::fs::write(&file, "not a database any more ".repeat(1000)).unwrap();
    let store = Store::open(&file).unwrap();
    assert!(store.warning().is_some_and(|warning| warning.contains("the copy of")));
    assert_eq!(store.session(&secret, at(1)).unwrap(), None);
    assert!(is_recognised(&store, "Otto", OWNERS));
}

#[test]
fn nothing_by_which_they_got_in_is_left_of_whoever_is_erased() {
    let home = Home::new();
    let (_, token) = home.store.begin_family(home.ann, "read", CLIENT, at(0)).unwrap();
    let key = NewPasskey {
        credential: b"phone",
        host: "pipit.local",
        algorithm: PasskeyAlgorithm::EdDsa,
        public_key: &[7; 32],
        sign_count: 0,
        name: "Phone",
    };
    home.store.add_passkey(home.ann, key, at(0)).unwrap();
    let twice = home.store.add_passkey(home.owner, key, at(0)).unwrap_err();
    assert!(matches!(twice, StoreError::PasskeyKnown), "{twice}");
    home.store.link(home.ann, "https://id.example.org", "ann", at(0)).unwrap();
    let code = home.store.invite(home.ann, at(0)).unwrap();
    home.store.erase_person(home.ann).unwrap();
    for table in ["token_family", "passkey", "link", "invitation", "session"] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(home.raw().query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{table}");
    }
    assert!(matches!(home.store.refresh(&token, at(1)).unwrap(), Refreshed::Unknown));
    assert!(home.store.passkey(b"phone", "pipit.local").unwrap().is_none());
    assert!(home.store.accept_invitation("Ann", &code, "nineteen dry herons", at(1)).unwrap().is_none());
}

#[test]
fn the_owner_stays_the_owner() {
    let home = Home::new();
    assert!(matches!(home.store.set_role(home.owner, Role::Member), Err(StoreError::OwnerStays)));
    assert!(matches!(home.store.set_role(home.ann, Role::Owner), Err(StoreError::OwnerStays)));
    home.store.set_role(home.ann, Role::Guest).unwrap();
    assert_eq!(home.store.known(home.ann).unwrap().role, Role::Guest);
    assert!(matches!(home.store.rename_person(home.ann, "OTTO"), Err(StoreError::NameTaken)));
    home.store.rename_person(home.ann, "ANN").unwrap();
}
