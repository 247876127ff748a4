use std::time::Duration;

use expect_test::expect;
use jiff::civil::date;

use super::{quiet, transcript};
use crate::intent::{AnnounceAt, Announcement, AnnouncementId, Intent, NoAnnouncing, Surroundings, fulfil, proclaim};

fn waiting() -> [Announcement; 2] {
    let one = |id, text: &str, at| Announcement {
        id: AnnouncementId(id),
        text: text.to_owned(),
        at,
        reminder: false,
        every: None,
    };
    [
        one(3, "Take the bins out.", date(2025, 3, 1).at(18, 0, 0, 0)),
        one(4, "Call Anna about the bins", date(2025, 3, 2).at(9, 30, 0, 0)),
    ]
}

#[test]
fn what_is_to_be_announced_is_kept_as_it_was_said() {
    let said = transcript(
        &quiet(),
        &[
            "Announce that Dinner is ready!",
            "Please announce: we leave in ten minutes",
            "Could you tell everyone that the bus is here",
            "tell everybody dinner is ready",
            "announce",
            "announce at six that dinner is ready",
            "tell everyone about the party",
            "tell everyone how it works",
            "announce it",
        ],
    );
    expect![[r#"
        Announce that Dinner is ready! -> Announce: I'll announce it. [announce `Dinner is ready!` Once]
        Please announce: we leave in ten minutes -> Announce: I'll announce it. [announce `we leave in ten minutes` Once]
        Could you tell everyone that the bus is here -> Announce: I'll announce it. [announce `the bus is here` Once]
        tell everybody dinner is ready -> Announce: I'll announce it. [announce `dinner is ready` Once]
        announce -> not understood
        announce at six that dinner is ready -> not understood
        tell everyone about the party -> not understood
        tell everyone how it works -> not understood
        announce it -> not understood
    "#]]
    .assert_eq(&said);
}

#[test]
fn what_waits_is_told_and_cancelled() {
    let waiting = waiting();
    let around = Surroundings { announcements: &waiting, ..quiet() };
    let said = transcript(&around, &["which announcements are waiting?", "cancel all announcements"]);
    expect![[r#"
        which announcements are waiting? -> ListAnnouncements: 2 announcements are waiting: at 6 PM, Take the bins out; tomorrow at 9:30 AM, Call Anna about the bins.
        cancel all announcements -> CancelAnnouncements: 2 announcements cancelled. [cancel announcements [3, 4]]
    "#]]
    .assert_eq(&said);
    expect![[r#"
        which announcements are there -> ListAnnouncements: No announcements are waiting.
        cancel the announcement -> CancelAnnouncements: No announcements are waiting.
    "#]]
    .assert_eq(&transcript(&quiet(), &["which announcements are there", "cancel the announcement"]));
    let about = |about: &str| {
        let done = fulfil(&Intent::CancelAnnouncements { about: Some(about.to_owned()) }, &around);
        format!("{} {:?}", done.reply, done.actions)
    };
    expect![[r#"
        Announcement cancelled. [CancelAnnouncements([AnnouncementId(4)])]
        2 announcements cancelled. [CancelAnnouncements([AnnouncementId(3), AnnouncementId(4)])]
        No announcement that is waiting is about that. []
        No announcement that is waiting is about that. []"#]]
    .assert_eq(&[about("Anna"), about("bins"), about("the dog"), about("the")].join("\n"));
}

#[test]
fn when_is_said_back_and_what_cannot_be_is_refused() {
    let (now, waiting) = (quiet().now, waiting());
    let full: Vec<Announcement> = (0..50).map(|_| waiting[0].clone()).collect();
    let mut told = String::new();
    let mut tell = |text: &str, at, around: &Surroundings<'_>| {
        let done = fulfil(&Intent::Announce { text: text.to_owned(), at }, around);
        told += &format!("{at:?}: {} {:?}\n", done.reply, done.actions);
    };
    for at in [
        AnnounceAt::After(Duration::from_secs(600)),
        AnnounceAt::After(Duration::MAX),
        AnnounceAt::Time(jiff::civil::time(18, 0, 0, 0)),
        AnnounceAt::Time(jiff::civil::time(7, 30, 0, 0)),
        AnnounceAt::On(date(2025, 3, 8).at(12, 0, 0, 0)),
        AnnounceAt::On(now.yesterday().unwrap()),
        AnnounceAt::On(date(2027, 1, 1).at(0, 0, 0, 0)),
    ] {
        tell("tea", at, &quiet());
    }
    tell(" ", AnnounceAt::Once, &quiet());
    tell(&"a".repeat(801), AnnounceAt::Once, &quiet());
    tell("tea", AnnounceAt::Once, &Surroundings { announcements: &full, ..quiet() });
    for why in [NoAnnouncing::Private, NoAnnouncing::NothingKept] {
        tell("tea", AnnounceAt::Once, &Surroundings { no_announcing: Some(why), ..quiet() });
    }
    expect![[r#"
        After(600s): I'll announce it at 4:40 PM. [Announce { text: "tea", at: After(600s) }]
        After(18446744073709551615.999999999s): That's too far ahead for me. I can announce things up to a year ahead. []
        Time(18:00:00): I'll announce it at 6 PM. [Announce { text: "tea", at: On(2025-03-01T18:00:00) }]
        Time(07:30:00): I'll announce it tomorrow at 7:30 AM. [Announce { text: "tea", at: On(2025-03-02T07:30:00) }]
        On(2025-03-08T12:00:00): I'll announce it on Saturday, March 8th at noon. [Announce { text: "tea", at: On(2025-03-08T12:00:00) }]
        On(2025-02-28T16:30:00): That time has passed. []
        On(2027-01-01T00:00:00): That's too far ahead for me. I can announce things up to a year ahead. []
        Once: What should I announce? []
        Once: That's too long to be announced. []
        Once: Too many reminders and announcements are waiting already. []
        Once: I can't keep that, because what I am to announce has to be read without your passphrase. []
        Once: I can't keep that, because nothing that you say here is kept. []
    "#]].assert_eq(&told);
}

#[test]
fn an_announcement_that_comes_late_says_so() {
    assert_eq!(proclaim("dinner is ready", Duration::ZERO), "Dinner is ready.");
    assert_eq!(
        proclaim("Who's hungry?", Duration::from_secs(3 * 3600 + 59)),
        "This was to be announced 3 hours ago, while I was off. Who's hungry?"
    );
}
