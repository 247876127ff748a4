//! Pulls that must end without a file, and say why.

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pipit_models::catalogue::{FileVerdict, ModelFolder, Sha256, State};
use pipit_models::download::{Downloader, Patience, PullError};
use tempfile::TempDir;

use super::server::{Exchange, Server};
use super::{FILE, Fixture, NAME, assert_failed, assert_untrusted, content, impatient, noticing_stalls_after};

#[test]
fn corrupt_content_is_refused_and_removed() {
    let server = Server::start(|exchange| {
        let mut spoilt = content();
        spoilt[123_456] ^= 4;
        exchange.serve(&spoilt);
    });
    let fixture = Fixture::new(&server.url("/a"));
    assert_untrusted(fixture.pull(), "hashes to");
    fixture.assert_nothing();
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    // The system accepts the connections; nobody ever reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let fixture = Fixture::new(&format!("http://{}/a", silent.local_addr().unwrap()));
    let outcome = fixture.pull_with(&noticing_stalls_after(Duration::from_millis(50)), &mut |_| ());
    assert_failed(outcome, "gave up after 3 attempts: the server stopped answering");
    fixture.assert_nothing();
}

#[test]
fn attempts_that_bring_nothing_new_are_counted() {
    // Cuts at the same place for ever, and will not go on from there.
    let server = Server::start(|exchange| {
        exchange.request.from = None;
        exchange.cut(&content(), 70_000);
    });
    let fixture = Fixture::new(&server.url("/a"));
    assert_failed(fixture.pull(), "gave up after");
    assert!(server.requests().len() <= 4, "{} requests", server.requests().len());
    assert_eq!(fixture.state(), State::Partial);
}

#[test]
fn redirects_that_lead_nowhere_end() {
    let server = Server::start(|exchange| exchange.status("302 Found", "Location: /a\r\n"));
    let fixture = Fixture::new(&server.url("/a"));
    assert_failed(fixture.pull(), "redirects more than 20 times");
    fixture.assert_nothing();

    let server = Server::start(|exchange| exchange.status("302 Found", "Location: ftp://127.0.0.1/a\r\n"));
    let fixture = Fixture::new(&server.url("/a"));
    assert_untrusted(fixture.pull(), "not https");
    fixture.assert_nothing();
}

#[test]
fn lies_about_the_length_are_noticed() {
    type Lie = fn(&mut Exchange);
    let untrusted: [(Lie, &str); 5] = [
        (|exchange| exchange.serve(&[]), "offers 0 bytes"),
        (|exchange| exchange.serve(&content()[..150_000]), "offers 150000 bytes where the catalogue says 200000"),
        (|exchange| exchange.serve(&[content(), content()].concat()), "offers 400000 bytes"),
        (|exchange| exchange.chunked(&[content(), content()].concat()), "sends more than its 200000 bytes"),
        (
            |exchange| {
                let head = "HTTP/1.1 200 OK\r\nContent-Length: 200001\r\nConnection: close\r\n\r\n";
                exchange.send(head.as_bytes());
                exchange.send(&content());
            },
            "offers 200001 bytes",
        ),
    ];
    for (lie, says) in untrusted {
        let server = Server::start(lie);
        let fixture = Fixture::new(&server.url("/a"));
        assert_untrusted(fixture.pull(), says);
        fixture.assert_nothing();
    }
    // Chunks that end early, again and again: the range asked for next is not honoured either.
    let server = Server::start(|exchange| exchange.chunked(&content()[..150_000]));
    let fixture = Fixture::new(&server.url("/a"));
    assert_failed(fixture.pull(), "the connection ended at 150000 of 200000 bytes");
}

#[test]
fn refusals_say_what_to_do() {
    let server = Server::start(|exchange| exchange.status("404 Not Found", ""));
    let fixture = Fixture::new(&server.url("/a?token=secret"));
    let outcome = fixture.pull();
    assert!(!outcome.as_ref().unwrap_err().to_string().contains("secret"));
    assert_failed(outcome, "404 Not Found");
    fixture.assert_nothing();
    assert_eq!(server.requests().len(), 1);

    let server = Server::start(|exchange| match exchange.number {
        0 => exchange.status("503 Service Unavailable", ""),
        _ => exchange.serve(&content()),
    });
    let fixture = Fixture::new(&server.url("/a"));
    fixture.pull().unwrap();
    fixture.assert_installed();
}

#[test]
fn a_login_page_is_not_taken_for_the_file() {
    let server = Server::start(|exchange| {
        let page = "<!doctype html><p>Please accept our terms.";
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            page.len()
        );
        exchange.send(head.as_bytes());
        exchange.send(page.as_bytes());
    });
    let fixture = Fixture::new(&server.url("/a"));
    assert_untrusted(fixture.pull(), "a web page came instead");
    fixture.assert_nothing();
}

#[test]
fn a_hash_is_learned_once_and_then_binds() {
    let hash = Sha256::of(&content());
    let vouching = move |exchange: &mut Exchange| match exchange.request.path.as_str() {
        "/a" => exchange.status("302 Found", &format!("Location: /store\r\nX-Linked-Etag: \"{hash}\"\r\n")),
        _ => exchange.serve(&content()),
    };
    let server = Server::start(vouching);
    let fixture = Fixture::with(&server.url("/a"), "");
    fixture.pull().unwrap();
    fixture.assert_installed();
    let verdicts = fixture.models.verify(NAME, &mut |_, _, _| (), &AtomicBool::new(false)).unwrap();
    assert_eq!(verdicts[0].1, FileVerdict::Good);

    // Another file under the same address, even one that the server vouches for, is no longer accepted.
    fs::remove_file(fixture.folder.path().join(FILE)).unwrap();
    let other = vec![1; 200_000];
    let record = fs::read_to_string(fixture.folder.path().join("hashes.json")).unwrap();
    let changed = Server::start(move |exchange| {
        let hash = Sha256::of(&other);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nX-Linked-Etag: \"{hash}\"\r\n\r\n", other.len());
        exchange.send(head.as_bytes());
        exchange.send(&other);
    });
    let moved = Fixture::with(&changed.url("/a"), "");
    let record = record.replace(&server.url("/a"), &changed.url("/a"));
    moved.put("hashes.json", record.as_bytes());
    assert_untrusted(moved.pull(), "the server now has another file of this name");
    moved.assert_nothing();
}

#[test]
fn without_any_hash_nothing_is_installed() {
    let server = Server::start(|exchange| exchange.serve(&content()));
    let fixture = Fixture::with(&server.url("/a"), "");
    assert_failed(fixture.pull(), "add `sha256` to its entry");
    fixture.assert_nothing();
}

#[test]
fn offline_is_one_line_and_quick() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a", listener.local_addr().unwrap());
    drop(listener);
    let fixture = Fixture::new(&url);
    let outcome = fixture.pull_with(&impatient(), &mut |progress| panic!("no attempt may follow: {progress:?}"));
    let error = outcome.unwrap_err();
    assert!(matches!(error, PullError::Offline { .. }), "{error:?}");
    assert_eq!(error.to_string().lines().count(), 1);
    fixture.assert_nothing();
}

#[test]
fn a_full_disk_is_told_before_and_during() {
    let server = Server::start(|exchange| exchange.serve(&content()));
    let fixture = Fixture::new(&server.url("/a"));
    let spare = Downloader::new(Patience { spare_disk: u64::MAX / 2, ..Patience::default() });
    let error = fixture.pull_with(&spare, &mut |_| ()).unwrap_err();
    assert!(matches!(error, PullError::NoSpace { .. }), "{error:?}");
    fixture.assert_nothing();

    // Every write to this device ends with "no space left".
    std::os::unix::fs::symlink("/dev/full", fixture.folder.path().join("test.bin.part")).unwrap();
    assert_failed(fixture.pull(), "the disk filled up");
    fixture.assert_nothing();
}

#[test]
fn what_is_not_downloaded_says_where_it_comes_from() {
    let folder = TempDir::new().unwrap();
    let models = ModelFolder::open(folder.path(), None).unwrap();
    let pull = |name| impatient().pull(&models, name, &mut |_| (), &AtomicBool::new(false)).unwrap_err().to_string();
    assert_eq!(pull("silero-vad-v6"), "silero-vad-v6: comes with the set-up: run `firmware-host/setup.sh run`");
    assert_eq!(pull("pipit-nano-en"), "pipit-nano-en: ships with Pipit and is missing from this installation");
    assert_eq!(
        pull("whisper-tinyen"),
        "there is no model called `whisper-tinyen`; did you mean `whisper-tiny.en`? (`pipit models list` shows them all)"
    );
}
