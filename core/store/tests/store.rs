//! The store over real SQLite files: what survives, and what happens to files that are not as they should be.

use std::fs;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use pipit_core::chat::{Door, Exchange};
use pipit_store::{Store, StoreError};
use tempfile::TempDir;

fn exchange(asked: &str, heard: &str) -> Exchange {
    Exchange { asked: asked.to_owned(), heard: heard.to_owned() }
}

fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a timestamp")
}

const EIGHT_MINUTES: Duration = Duration::from_secs(480);

#[test]
fn what_was_said_is_there_after_reopening() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    for n in 0..5 {
        store.add_exchange(Door::Voice, noon(), &exchange(&format!("question {n}"), "An answer.")).unwrap();
    }
    store.set_volume(40).unwrap();
    store.set_speed(1.2).unwrap();
    store.set_former_recogniser("whisper-base.en").unwrap();
    store.set_welcome_step("sound").unwrap();
    store.set_muted(true).unwrap();
    store.set_wake_mode(Some("phrase")).unwrap();
    store.set_widest_tier(Some("in the house")).unwrap();
    store.set_voice(Some("kokoro af_heart")).unwrap();
    store.set_recogniser(Some("whisper-tiny.en")).unwrap();
    drop(store);

    let store = Store::open(&file).unwrap();
    assert_eq!(store.warning(), None);
    let recent = store.recent_exchanges(2).unwrap();
    assert_eq!(recent, [exchange("question 3", "An answer."), exchange("question 4", "An answer.")]);
    assert_eq!((store.volume().unwrap(), store.speed().unwrap()), (Some(40), Some(1.2)));
    assert_eq!(store.former_recogniser().unwrap().as_deref(), Some("whisper-base.en"));
    assert_eq!(store.welcome_step().unwrap().as_deref(), Some("sound"));
    assert!(store.muted().unwrap());
    assert_eq!(store.wake_mode().unwrap().as_deref(), Some("phrase"));
    assert_eq!(store.widest_tier().unwrap().as_deref(), Some("in the house"));
    assert_eq!(store.voice().unwrap().as_deref(), Some("kokoro af_heart"));
    assert_eq!(store.recogniser().unwrap().as_deref(), Some("whisper-tiny.en"));
    store.set_muted(false).unwrap();
    store.set_wake_mode(None).unwrap();
    store.set_widest_tier(None).unwrap();
    store.set_voice(None).unwrap();
    store.set_recogniser(None).unwrap();
    assert!(store.voice().unwrap().is_none() && store.recogniser().unwrap().is_none());
    assert!(!store.muted().unwrap() && store.wake_mode().unwrap().is_none() && store.widest_tier().unwrap().is_none());
}

#[test]
fn a_timer_rings_once_even_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    let pasta = store.add_timer(Some("pasta"), EIGHT_MINUTES, noon() + 8.minutes()).unwrap();
    let other = store.add_timer(None, EIGHT_MINUTES, noon() + 5.minutes()).unwrap();
    let cancelled = store.add_timer(None, EIGHT_MINUTES, noon() + 1.minutes()).unwrap();
    store.cancel_timers(&[cancelled]).unwrap();
    drop(store);

    let store = Store::open(&file).unwrap();
    let running: Vec<_> = store.timers().unwrap().into_iter().map(|timer| timer.id).collect();
    assert_eq!(running, [other, pasta]);
    assert!(store.take_due(noon()).unwrap().is_empty());
    let due = store.take_due(noon() + 1.hours()).unwrap();
    assert_eq!(due.iter().map(|timer| timer.id).collect::<Vec<_>>(), [other, pasta]);
    assert_eq!(due[1].name.as_deref(), Some("pasta"));
    assert_eq!(due[1].length, EIGHT_MINUTES);
    assert!(store.take_due(noon() + 2.hours()).unwrap().is_empty());
    assert!(Store::open(&file).unwrap().timers().unwrap().is_empty());
}

#[test]
fn two_programs_share_the_file_and_each_timer_rings_in_one() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let (daemon, terminal) = (Store::open(&file).unwrap(), Store::open(&file).unwrap());
    for _ in 0..50 {
        terminal.add_timer(None, EIGHT_MINUTES, noon()).unwrap();
    }
    let taken: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = [&daemon, &terminal]
            .into_iter()
            .map(|store| scope.spawn(move || store.take_due(noon()).unwrap().len()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(taken, 50);
}

#[test]
fn a_damaged_file_is_kept_and_a_new_one_begun() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    fs::write(&file, "This is not a database, but somebody may want it back.").unwrap();
    let store = Store::open(&file).unwrap();
    assert!(store.warning().unwrap().contains("damaged"), "{:?}", store.warning());
    store.set_volume(10).unwrap();
    let kept = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> = kept.filter(|path| path.to_string_lossy().contains("corrupt")).collect();
    assert_eq!(kept.len(), 1);
    assert!(fs::read_to_string(&kept[0]).unwrap().contains("want it back"));
}

#[test]
fn a_page_of_rubbish_in_the_middle_is_damage_too() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    for n in 0..500 {
        store.add_exchange(Door::Terminal, noon(), &exchange(&format!("question {n}"), &"word ".repeat(20))).unwrap();
    }
    drop(store);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(&file, bytes).unwrap();
    let store = Store::open(&file).unwrap();
    assert!(store.warning().is_some());
    assert!(store.recent_exchanges(10).unwrap().is_empty());
}

#[test]
fn a_newer_pipits_file_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    drop(Store::open(&file).unwrap());
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&file).unwrap();
    let error = Store::open(&file).unwrap_err();
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = TempDir::new().unwrap();
    let error = Store::open(&folder.path().join("missing/pipit.db")).unwrap_err().to_string();
    assert!(error.contains("missing/pipit.db") && error.contains("may write"), "{error}");
}

#[test]
fn a_paused_timer_waits_through_a_restart_and_its_time_changes() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pipit.db");
    let store = Store::open(&file).unwrap();
    let id = store.add_timer(Some("pasta"), EIGHT_MINUTES, noon() + 8.minutes()).unwrap();
    store.pause_timers(&[id], noon() + 3.minutes()).unwrap();
    store.pause_timers(&[id], noon() + 4.minutes()).unwrap();
    drop(store);

    let store = Store::open(&file).unwrap();
    assert!(store.take_due(noon() + 1.hours()).unwrap().is_empty());
    assert_eq!(store.timers().unwrap()[0].paused, Some(Duration::from_secs(300)));
    store.change_timer(id, SignedDuration::from_mins(-2)).unwrap();
    store.resume_timers(&[id], noon() + 1.hours()).unwrap();
    assert_eq!(store.timers().unwrap()[0].due, noon() + 63.minutes());
    store.change_timer(id, SignedDuration::from_mins(10)).unwrap();
    assert!(store.take_due(noon() + 63.minutes()).unwrap().is_empty());
    assert_eq!(store.take_due(noon() + 73.minutes()).unwrap()[0].id, id);
    // What has rung is over.
    store.change_timer(id, SignedDuration::from_mins(10)).unwrap();
    store.pause_timers(&[id], noon()).unwrap();
    store.resume_timers(&[id], noon()).unwrap();
    assert!(store.timers().unwrap().is_empty());
}
