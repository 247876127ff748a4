//! Pulls that end with the file, whatever happened on the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use pipit_models::catalogue::{ModelFolder, Sha256, State};
use pipit_models::download::{Downloader, Patience, Progress, PullError};
use pipit_models::sentences;

use super::server::{ETAG, Server};
use super::{FILE, Fixture, NAME, content, impatient, noticing_stalls_after};

#[test]
fn a_good_server_is_asked_once() {
    let server = Server::start(|exchange| exchange.serve(&content()));
    let fixture = Fixture::new(&server.url("/a"));
    let mut seen = Vec::new();
    let progress = &mut |progress: Progress<'_>| match progress {
        Progress::Downloading { done, total, .. } => seen.push((done, total)),
        other => panic!("{other:?}"),
    };
    fixture.pull_with(&impatient(), progress).unwrap();
    fixture.assert_installed();
    assert_eq!(seen.first(), Some(&(0, 200_000)));
    assert_eq!(seen.last(), Some(&(200_000, 200_000)));
    assert!(seen.is_sorted());
    fixture.pull_with(&impatient(), &mut |progress| panic!("a second pull has nothing to do: {progress:?}")).unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_cut_download_is_resumed_where_it_ended() {
    let server = Server::start(|exchange| match exchange.number {
        0 => exchange.cut(&content(), 70_000),
        _ => exchange.serve(&content()),
    });
    let fixture = Fixture::new(&server.url("/a"));
    fixture.pull().unwrap();
    fixture.assert_installed();
    let second = &server.requests()[1];
    assert_eq!((second.from, second.if_range.as_deref()), (Some(70_000), Some(ETAG)));
}

#[test]
fn a_process_that_starts_later_resumes_too() {
    let server = Server::start(|exchange| exchange.serve(&content()));
    let fixture = Fixture::new(&server.url("/a"));
    let cancel = AtomicBool::new(false);
    let outcome = impatient().pull(
        &fixture.models,
        NAME,
        &mut |progress| {
            if matches!(progress, Progress::Downloading { done, .. } if done > 0) {
                cancel.store(true, Ordering::Relaxed);
            }
        },
        &cancel,
    );
    assert!(matches!(outcome, Err(PullError::Cancelled { .. })), "{outcome:?}");
    assert_eq!(fixture.state(), State::Partial);
    assert_eq!(fixture.models.installed(NAME), None, "what is not whole must not be used");
    fixture.pull().unwrap();
    fixture.assert_installed();
    assert!(server.requests()[1].from > Some(0));
}

#[test]
fn a_server_that_ignores_ranges_begins_again() {
    let server = Server::start(|exchange| match exchange.number {
        0 => exchange.cut(&content(), 70_000),
        _ => exchange.serve_whole(&content()),
    });
    let fixture = Fixture::new(&server.url("/a"));
    fixture.pull().unwrap();
    fixture.assert_installed();
}

#[test]
fn a_part_that_rotted_on_the_disk_is_dropped() {
    let server = Server::start(|exchange| exchange.serve(&content()));
    let fixture = Fixture::new(&server.url("/a"));
    let mut rotten = content()[..70_000].to_vec();
    rotten[500] ^= 1;
    fixture.put("test.bin.part", &rotten);
    fixture.pull().unwrap();
    fixture.assert_installed();
    assert_eq!(server.requests().iter().map(|request| request.from).collect::<Vec<_>>(), [Some(70_000), None]);
}

#[test]
fn a_part_of_another_version_is_not_resumed() {
    let server = Server::start(|exchange| exchange.serve(&content()));
    let fixture = Fixture::new(&server.url("/a"));
    fixture.put("test.bin.part", &[7; 70_000]);
    fixture.put("test.bin.part.json", br#"{"url": "http://elsewhere/a", "sha256": null, "etag": "\"first\""}"#);
    fixture.pull().unwrap();
    fixture.assert_installed();
    assert_eq!(server.requests()[0].from, None);
}

#[test]
fn a_whole_part_needs_no_network() {
    let server = Server::start(|exchange| exchange.serve(&content()));
    let fixture = Fixture::new(&server.url("/a"));
    fixture.put("test.bin.part", &content());
    fixture.pull().unwrap();
    fixture.assert_installed();
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_stall_is_noticed_and_retried() {
    let server = Server::start(|exchange| match exchange.number {
        0 => exchange.stall(&content(), 70_000),
        _ => exchange.serve(&content()),
    });
    let fixture = Fixture::new(&server.url("/a"));
    let mut reasons = Vec::new();
    let progress = &mut |progress: Progress<'_>| {
        if let Progress::Retrying { reason, .. } = progress {
            reasons.push(reason.to_owned());
        }
    };
    fixture.pull_with(&noticing_stalls_after(Duration::from_millis(200)), progress).unwrap();
    fixture.assert_installed();
    assert!(!reasons.is_empty());
}

#[test]
fn what_is_cancelled_does_not_wait_for_a_server_that_says_nothing() {
    // Before it answers, and between the bytes.
    for says in [None, Some(0), Some(70_000)] {
        let (silent, falls_silent) = mpsc::channel();
        let server = Server::start(move |exchange| {
            if let Some(bytes) = says {
                exchange.cut(&content(), bytes);
            }
            silent.send(()).unwrap();
            exchange.wait();
        });
        let fixture = Fixture::new(&server.url("/a"));
        let cancel = AtomicBool::new(false);
        // Nobody here lives to see that end.
        let downloader = noticing_stalls_after(Duration::from_secs(3600));
        let outcome = std::thread::scope(|scope| {
            let pulling = scope.spawn(|| downloader.pull(&fixture.models, NAME, &mut |_| (), &cancel).map(drop));
            falls_silent.recv().unwrap();
            cancel.store(true, Ordering::Relaxed);
            pulling.join().unwrap()
        });
        assert!(matches!(outcome, Err(PullError::Cancelled { .. })), "{says:?}: {outcome:?}");
    }
}

#[test]
fn many_cuts_are_survived_while_each_brings_more() {
    let server = Server::start(|exchange| exchange.cut(&content(), 9_000));
    let fixture = Fixture::new(&server.url("/a"));
    fixture.pull().unwrap();
    fixture.assert_installed();
    assert_eq!(server.requests().len(), 200_000_usize.div_ceil(9_000));
}

#[test]
fn redirects_are_followed() {
    let server = Server::start(|exchange| match exchange.request.path.as_str() {
        "/old/a" => exchange.status("302 Found", "Location: ../new/a?signed=1\r\n"),
        "/new/a?signed=1" => exchange.status("307 Temporary Redirect", "Location: /store/a\r\n"),
        "/store/a" => exchange.serve(&content()),
        other => panic!("asked for {other}"),
    });
    let fixture = Fixture::new(&server.url("/old/a"));
    fixture.pull().unwrap();
    fixture.assert_installed();
}

#[test]
fn a_length_that_only_the_part_lies_about_is_noticed() {
    let server = Server::start(|exchange| match exchange.number {
        0 => exchange.cut(&content(), 70_000),
        1 => exchange.send(
            b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/200000\r\nContent-Length: 10\r\n\r\n0123456789",
        ),
        _ => exchange.serve(&content()),
    });
    let fixture = Fixture::new(&server.url("/a"));
    fixture.pull().unwrap();
    fixture.assert_installed();
}

#[test]
fn range_not_satisfiable_begins_again() {
    let server = Server::start(|exchange| match exchange.request.from {
        Some(_) => exchange.status("416 Range Not Satisfiable", "Content-Range: bytes */200000\r\n"),
        None => exchange.serve(&content()),
    });
    let fixture = Fixture::new(&server.url("/a"));
    fixture.put("test.bin.part", &content()[..70_000]);
    fixture.pull().unwrap();
    fixture.assert_installed();
}

#[test]
fn two_pulls_at_once_download_once() {
    let (second_waits, waits) = mpsc::channel();
    let waits = Mutex::new(waits);
    let server = Server::start(move |exchange| {
        // Until the second pull has found the first one at work.
        waits.lock().unwrap().recv_timeout(Duration::from_secs(20)).unwrap();
        exchange.serve(&content());
    });
    let fixture = Fixture::new(&server.url("/a"));
    let patient = || Downloader::new(Patience { spare_disk: 0, ..Patience::default() });
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (fixture, second_waits) = (&fixture, second_waits.clone());
            scope.spawn(move || {
                let progress = &mut |progress: Progress<'_>| {
                    if matches!(progress, Progress::Waiting { .. }) {
                        second_waits.send(()).unwrap();
                    }
                };
                fixture.pull_with(&patient(), progress).unwrap();
            });
        }
    });
    fixture.assert_installed();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn sentence_packs_come_from_a_mirror_that_the_owner_names() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("home_assistant_intents/data/de.json", zip::write::FileOptions::default()).unwrap();
    std::io::Write::write_all(&mut archive, br#"{"language": "de"}"#).unwrap();
    let archive = archive.finish().unwrap().into_inner();
    let known = format!("bytes = {}\nsha256 = \"{}\"", archive.len(), Sha256::of(&archive));
    let server = Server::start(move |exchange| exchange.serve(&archive));
    let folder = tempfile::tempdir().unwrap();
    let entry = format!(
        "[[model]]\nname = \"{}\"\nengine = \"hassil\"\nlanguages = [\"*\"]\nlicence = \"CC BY 4.0\"\nmemory_mb = 1\n\
         about = \"A test.\"\n[[model.file]]\nname = \"packs.whl\"\nurl = \"{}\"\n{known}\n",
        sentences::NAME,
        server.url("/packs")
    );
    std::fs::write(folder.path().join("catalogue.toml"), entry).unwrap();
    let models = ModelFolder::open(folder.path(), None).unwrap();
    impatient().pull(&models, sentences::NAME, &mut |_| (), &AtomicBool::new(false)).unwrap();
    let installed = models.installed(sentences::NAME).unwrap();
    assert_eq!(sentences::pack(&installed[0], "de").unwrap().language, "de");
}

#[test]
fn a_corrupt_file_is_replaced() {
    let server = Server::start(|exchange| exchange.serve(&content()));
    let fixture = Fixture::new(&server.url("/a"));
    let mut spoilt = content();
    spoilt[7] ^= 1;
    fixture.put(FILE, &spoilt);
    fixture.pull().unwrap();
    fixture.assert_installed();
}
