//! What is answered without a language model, with a real store and a clock that stands still.

mod support;

use std::time::Duration;

use pipit_chat::{DeviceAction, Door, Due, Request};
use support::{TestClock, ask, converse, engine, settings, store};
use tempfile::TempDir;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_hours(1);

fn said(due: &[Due]) -> Vec<&str> {
    due.iter().map(|due| due.text.as_str()).collect()
}

#[tokio::test]
async fn a_conversation() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let engine = engine(folder.path(), &clock, settings());
    let mut told = String::new();
    for asked in [
        "What time is it?",
        "Set a pasta timer for ten minutes.",
        "Set a timer for an hour",
        "How long is left on the pasta timer?",
        "Say that again",
        "Cancel the timer",
        "The pasta timer",
        "What's the volume?",
        "Set the volume to 30 percent",
        "Stop",
        "Say that again",
        "What is six times seven?",
        "Why is the sky blue?",
    ] {
        let answered = ask(&engine, asked).await;
        told.push_str(&format!("{asked}\n  {:?} {:?} {}\n", answered.intent, answered.device, answered.text));
        engine.finish(answered.turn, &answered.text).await.unwrap();
        clock.advance(MINUTE);
    }
    expect_test::expect![[r#"
        What time is it?
          Some("HassGetCurrentTime") [] It's 2:05 PM.
        Set a pasta timer for ten minutes.
          Some("HassStartTimer") [] Pasta timer set for 10 minutes.
        Set a timer for an hour
          Some("HassStartTimer") [] Timer set for 1 hour.
        How long is left on the pasta timer?
          Some("HassTimerStatus") [] Your pasta timer has 8 minutes left.
        Say that again
          Some("Repeat") [] Your pasta timer has 8 minutes left.
        Cancel the timer
          Some("HassCancelTimer") [] Which one should I cancel: the pasta timer or the 1 hour timer?
        The pasta timer
          Some("PickTimer") [] Pasta timer cancelled.
        What's the volume?
          Some("GetVolume") [] The volume is at 60 percent.
        Set the volume to 30 percent
          Some("HassSetVolume") [SetVolume(30)] Volume at 30 percent.
        Stop
          Some("Stop") [Stop] 
        Say that again
          Some("Repeat") [] Volume at 30 percent.
        What is six times seven?
          Some("Calculate") [] That's 42.
        Why is the sky blue?
          None [] Sorry, I can't answer that, but I can tell you the time and date, run timers, set alarms and reminders, make announcements, change the volume, do sums, convert units and remember what you tell me.
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_request_changes_nothing_until_it_is_performed() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let engine = engine(folder.path(), &clock, settings());
    let draft = support::collect(engine.respond(support::request("set a timer for ten minutes"))).await;
    assert_eq!(draft.text, "Timer set for 10 minutes.");
    assert_eq!(store(folder.path()).timers().unwrap(), []);
    clock.advance(MINUTE);
    engine.perform(draft.deed.unwrap()).await.unwrap();
    // The ten minutes began when they were asked for.
    assert_eq!(engine.next_due().unwrap(), Some(clock.clock()().timestamp() + MINUTE * 9));
}

#[tokio::test]
async fn the_volume_is_remembered() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let first = engine(folder.path(), &clock, settings());
    assert_eq!(first.volume(), 60);
    let answered = ask(&first, "set the volume to 30 percent").await;
    assert_eq!(answered.device, [DeviceAction::SetVolume(30)]);
    drop(first);
    assert_eq!(engine(folder.path(), &clock, settings()).volume(), 30);
}

#[tokio::test]
async fn history_is_what_was_heard() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let engine = engine(folder.path(), &clock, settings());
    for (asked, heard) in [("hello", "Good "), ("what time is it", ""), ("stop", ""), ("thank you", "You're welcome.")]
    {
        let answered = ask(&engine, asked).await;
        engine.finish(answered.turn, heard).await.unwrap();
    }
    // A reply that is dropped is a turn that was cancelled.
    drop(engine.respond(support::request("hello")));
    let history = store(folder.path()).recent_exchanges(9).unwrap();
    let history: Vec<(&str, &str)> = history.iter().map(|said| (said.asked.as_str(), said.heard.as_str())).collect();
    assert_eq!(history, [("hello", "Good"), ("thank you", "You're welcome.")]);
}

#[tokio::test]
async fn a_question_that_was_interrupted_can_be_answered() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let engine = engine(folder.path(), &clock, settings());
    converse(&engine, "set a pasta timer for ten minutes").await;
    converse(&engine, "set a tea timer for three minutes").await;
    let which = ask(&engine, "cancel the timer").await;
    engine.finish(which.turn, "Which one").await.unwrap();
    // The whole of it is said again, too.
    assert_eq!(converse(&engine, "say that again").await, which.text);
    assert_eq!(converse(&engine, "the tea timer").await, "Tea timer cancelled.");
}

#[tokio::test]
async fn another_process_says_again_what_was_heard() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    converse(&engine(folder.path(), &clock, settings()), "hello").await;
    let another = engine(folder.path(), &clock, settings());
    assert_eq!(converse(&another, "say that again").await, "Good afternoon.");
}

#[tokio::test]
async fn each_timer_rings_once_even_across_restarts() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let first = engine(folder.path(), &clock, settings());
    let start = clock.clock()().timestamp();
    converse(&first, "set a timer for ten minutes").await;
    converse(&first, "set a pasta timer for one minute").await;
    assert_eq!(first.next_due().unwrap(), Some(start + MINUTE));
    assert_eq!(first.take_due_timers().unwrap(), []);
    clock.advance(MINUTE);
    let pasta = first.take_due_timers().unwrap();
    assert_eq!(said(&pasta), ["Your pasta timer is done."]);
    first.announced(pasta[0].notice, true).unwrap();
    assert_eq!(first.take_due_timers().unwrap(), []);
    drop(first);

    clock.advance(14 * MINUTE);
    let second = engine(folder.path(), &clock, settings());
    let missed = second.take_due_timers().unwrap();
    assert_eq!(said(&missed), ["Your 10 minute timer was due 5 minutes ago, while I was off."]);
    assert_eq!(missed[0].late, 5 * MINUTE);
    drop(second);
    let third = engine(folder.path(), &clock, settings());
    assert_eq!(third.take_due_timers().unwrap(), []);
    assert_eq!(third.next_due().unwrap(), None);
}

#[tokio::test]
async fn what_is_to_be_announced_waits_for_whoever_speaks_and_says_if_it_is_late() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let terminal = engine(folder.path(), &clock, settings());
    let draft = support::collect(terminal.respond(support::request("announce that dinner is ready"))).await;
    assert_eq!((draft.text.as_str(), draft.intent), ("I'll announce it.", Some("Announce")));
    let daemon = engine(folder.path(), &clock, settings());
    assert_eq!(said(&daemon.take_due_announcements().unwrap()), [""; 0], "it was only a draft");
    terminal.perform(draft.deed.unwrap()).await.unwrap();
    assert_eq!(said(&daemon.take_due_announcements().unwrap()), ["Dinner is ready."]);
    assert_eq!(said(&daemon.take_due_announcements().unwrap()), [""; 0]);
    converse(&terminal, "tell everybody the bus is here").await;
    drop(daemon);
    clock.advance(90 * MINUTE);
    let late = "This was to be announced 1 hour and 30 minutes ago, while I was off. The bus is here.";
    assert_eq!(said(&engine(folder.path(), &clock, settings()).take_due_announcements().unwrap()), [late]);
}

#[tokio::test]
async fn who_is_not_kept_is_announced_where_pipit_speaks_and_nowhere_else() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let (engine, owner) = (engine(folder.path(), &clock, settings()), store(folder.path()));
    let traceless = engine.for_person(owner.ephemeral().unwrap(), false);
    converse(&traceless, "announce that dinner is ready").await;
    assert_eq!(said(&engine.take_due_announcements().unwrap()), [""; 0], "it is in memory only");
    assert_eq!(said(&traceless.take_due_announcements().unwrap()), ["Dinner is ready."]);
    let typed = Request { door: Door::Terminal, ..support::request("announce that dinner is ready") };
    let refused = support::collect(traceless.respond(typed)).await;
    assert_eq!(
        (refused.text.as_str(), refused.deed),
        ("I can't keep that, because nothing that you say here is kept.", None)
    );
}

#[tokio::test]
async fn what_was_taken_and_not_heard_is_due_again_after_a_restart() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let first = engine(folder.path(), &clock, settings());
    converse(&first, "set a timer for one minute").await;
    converse(&first, "announce that dinner is ready").await;
    clock.advance(MINUTE);
    let (timer, dinner) = (first.take_due_timers().unwrap(), first.take_due_announcements().unwrap());
    assert_eq!((timer.len(), dinner.len()), (1, 1));
    // It dies, with the words on its lips.
    drop(first);

    clock.advance(2 * MINUTE);
    let second = engine(folder.path(), &clock, settings());
    assert_eq!(said(&second.take_due_timers().unwrap()), [""; 0], "another may be saying it");
    second.ring_again().unwrap();
    let (timer, dinner) = (second.take_due_timers().unwrap(), second.take_due_announcements().unwrap());
    assert_eq!(said(&timer), ["Your 1 minute timer was due 2 minutes ago, while I was off."]);
    assert_eq!(dinner.len(), 1);
    second.announced(timer[0].notice, true).unwrap();
    second.announced(dinner[0].notice, true).unwrap();
    drop(second);

    let third = engine(folder.path(), &clock, settings());
    third.ring_again().unwrap();
    assert_eq!((third.take_due_timers().unwrap(), third.take_due_announcements().unwrap()), (vec![], vec![]));
}

#[tokio::test]
async fn what_could_not_be_said_is_tried_again_in_a_while() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let daemon = engine(folder.path(), &clock, settings());
    converse(&daemon, "set a timer for one minute").await;
    converse(&daemon, "remind me in one minute to leave").await;
    converse(&daemon, "set an alarm for 2:30 pm").await;
    clock.advance(60 * MINUTE);
    let due =
        || [daemon.take_due_timers(), daemon.take_due_alarms(), daemon.take_due_announcements()].map(Result::unwrap);
    // There is no loudspeaker.
    let first = due();
    assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
    first.iter().flatten().for_each(|due| daemon.announced(due.notice, false).unwrap());
    assert!(due().iter().all(Vec::is_empty));
    clock.advance(MINUTE);
    let again = due();
    assert_eq!(said(&again.concat()).len(), 3);
    again.iter().flatten().for_each(|due| daemon.announced(due.notice, true).unwrap());
    clock.advance(MINUTE);
    assert!(due().iter().all(Vec::is_empty));
}

#[tokio::test]
async fn when_to_remind_is_asked_and_answered_and_the_reminder_said() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let daemon = engine(folder.path(), &clock, settings());
    assert_eq!(converse(&daemon, "remind me to call my mum").await, "When should I remind you to call your mum?");
    assert_eq!(converse(&daemon, "in ten minutes").await, "I'll remind you in 10 minutes to call your mum.");
    assert_ne!(converse(&daemon, "in ten minutes").await, "I'll remind you in 10 minutes to call your mum.");
    clock.advance(10 * MINUTE);
    let due = daemon.take_due_announcements().unwrap();
    assert_eq!(said(&due), ["This is your reminder to call your mum."]);
    daemon.announced(due[0].notice, true).unwrap();
    assert_eq!(converse(&daemon, "what are my reminders").await, "You have no reminders.");
}

#[tokio::test]
async fn an_alarm_rings_until_it_is_stopped_and_waits_where_it_is_snoozed() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let daemon = engine(folder.path(), &clock, settings());
    assert_eq!(converse(&daemon, "wake me at 3 pm every day").await, "Alarm set for 3 PM every day.");
    clock.advance(54 * MINUTE);
    assert_eq!(daemon.take_due_alarms().unwrap(), []);
    clock.advance(2 * MINUTE);
    let rings = || daemon.take_due_alarms().unwrap();
    let first = rings();
    assert_eq!(said(&first), ["This is your alarm for 3 PM, 1 minute late."]);
    assert_eq!(rings(), [], "it is being said");
    daemon.announced(first[0].notice, true).unwrap();
    assert_eq!(rings(), [], "there is a pause");
    clock.advance(Duration::from_secs(15));
    assert_eq!(rings().len(), 1);
    // Another program may be where it is stopped or snoozed.
    let terminal = engine(folder.path(), &clock, settings());
    assert_eq!(converse(&terminal, "five more minutes").await, "I'll ring again in 5 minutes.");
    drop(daemon);

    let daemon = engine(folder.path(), &clock, settings());
    daemon.ring_again().unwrap();
    assert_eq!(daemon.take_due_alarms().unwrap(), []);
    clock.advance(5 * MINUTE);
    let again = daemon.take_due_alarms().unwrap();
    daemon.announced(again[0].notice, true).unwrap();
    converse(&terminal, "stop").await;
    clock.advance(23 * 60 * MINUTE);
    assert_eq!(daemon.take_due_alarms().unwrap(), []);
    clock.advance(60 * MINUTE);
    assert_eq!(daemon.take_due_alarms().unwrap().len(), 1);
}

#[tokio::test]
async fn an_alarm_after_a_power_cut_rings_late_or_is_said_to_have_been_missed() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let first = engine(folder.path(), &clock, settings());
    converse(&first, "set an alarm for 3 pm").await;
    converse(&first, "set an alarm for 2:50 pm").await;
    clock.advance(66 * MINUTE);
    // Both fell due; one is taken up by a daemon that dies.
    drop(first.take_due_alarms().unwrap());
    drop(first);
    let second = engine(folder.path(), &clock, settings());
    second.ring_again().unwrap();
    let due = second.take_due_alarms().unwrap();
    assert_eq!(
        said(&due),
        [
            "This is your alarm for 3 PM, 11 minutes late.",
            "I missed your alarm for 2:50 PM. It was due 21 minutes ago, while I was off."
        ]
    );
    due.iter().for_each(|due| second.announced(due.notice, true).unwrap());
    clock.advance(MINUTE);
    assert_eq!(second.take_due_alarms().unwrap().len(), 1, "one rings on");
    second.silence().unwrap();
    assert_eq!(converse(&second, "which alarms are set").await, "You have no alarms set.");
}

#[tokio::test]
async fn a_timer_keeps_its_length_and_an_alarm_its_time_of_day_when_the_clock_jumps_by_years() {
    let (folder, clock) = (TempDir::new().unwrap(), TestClock::new());
    let engine = engine(folder.path(), &clock, settings());
    // By a clock that was right, before the board was off.
    converse(&engine, "set a timer for 2 hours").await;
    let before = engine.set_so_far().unwrap();
    converse(&engine, "set a timer for 10 minutes").await;
    converse(&engine, "set an alarm for 3 pm").await;
    converse(&engine, "set an alarm for 4 pm every day").await;
    let expected = clock.clock()().timestamp();
    // Some years and an hour: it is 15:05 now.
    clock.advance(HOUR * 24 * 365 * 3 + HOUR);
    engine.clock_was_set(before, expected).unwrap();
    assert_eq!(said(&engine.take_due_timers().unwrap()).len(), 1, "what was set by the right clock is due by it");
    assert!(engine.take_due_alarms().unwrap().is_empty());
    clock.advance(9 * MINUTE);
    assert!(engine.take_due_timers().unwrap().is_empty());
    clock.advance(MINUTE);
    assert_eq!(said(&engine.take_due_timers().unwrap()), ["Your 10 minute timer is done."]);
    clock.advance(45 * MINUTE);
    assert_eq!(said(&engine.take_due_alarms().unwrap()), ["It's 4 PM. This is your alarm."]);
    clock.advance(23 * HOUR);
    assert_eq!(said(&engine.take_due_alarms().unwrap()), ["It's 3 PM. This is your alarm."]);
}
