use std::time::Duration;

use expect_test::expect;
use jiff::civil::date;

use super::{quiet, transcript};
use crate::intent::{
    Announcement, AnnouncementId, Days, Intent, NoAnnouncing, RemindAt, Surroundings, answer_to, fulfil, remind_aloud,
};

fn waiting() -> [Announcement; 4] {
    let one = |id, text: &str, at, reminder, every| Announcement {
        id: AnnouncementId(id),
        text: text.to_owned(),
        at,
        reminder,
        every,
    };
    let daily = Days::named("every day");
    [
        one(3, "Dinner is ready", date(2025, 3, 1).at(18, 0, 0, 0), false, None),
        one(4, "to take the bins out", date(2025, 3, 1).at(19, 0, 0, 0), true, None),
        one(5, "about Anna's birthday", date(2025, 3, 4).at(9, 30, 0, 0), true, None),
        one(6, "to take your pill", date(2025, 3, 2).at(8, 0, 0, 0), true, daily),
    ]
}

#[test]
fn what_and_when_stand_in_any_order() {
    let said = transcript(
        &quiet(),
        &[
            "Remind me in ten minutes to take the bread out of the oven.",
            "remind me to take the bread out of the oven in 10 minutes",
            "Please remind me to call my mum at 6 p.m.",
            "can you remind me at five to six to leave",
            "remind me at 5 to go to the shop",
            "remind me tomorrow at six to feed the cat",
            "remind me to meet Bob at the café on Friday at half past seven",
            "remind me tomorrow morning about the dentist",
            "remind me about the meeting at ten am tomorrow",
            "remind me on the twelfth that the rent is due",
            "remind me that I'm on call this evening",
            "set a reminder for 5 pm to water the plants",
            "set a reminder for the meeting at three pm tomorrow",
            "Hey Pipit, could you remind us tonight to lock the door, please?",
            "remind me to go to the store every Friday",
            "every day at 8 remind me to take my pill",
            "remind me every day at 8 to take my pill",
            "remind me to stretch on weekdays at half past ten",
            "remind me every evening to brush my teeth",
            "remind me to pick up the laundry next monday",
            "remind me two hours from now to ring Anna",
            "remind me at noon to eat",
            "remind me on Saturday at four to sleep",
            "remind me on Saturday at five to sleep",
        ],
    );
    expect![[r#"
        Remind me in ten minutes to take the bread out of the oven. -> Remind: I'll remind you in 10 minutes to take the bread out of the oven. [remind `to take the bread out of the oven` After(600s)]
        remind me to take the bread out of the oven in 10 minutes -> Remind: I'll remind you in 10 minutes to take the bread out of the oven. [remind `to take the bread out of the oven` After(600s)]
        Please remind me to call my mum at 6 p.m. -> Remind: I'll remind you at 6 PM to call your mum. [remind `to call your mum` At(2025-03-01T18:00:00)]
        can you remind me at five to six to leave -> Remind: I'll remind you at 5:55 PM to leave. [remind `to leave` At(2025-03-01T17:55:00)]
        remind me at 5 to go to the shop -> Remind: I'll remind you at 5 PM to go to the shop. [remind `to go to the shop` At(2025-03-01T17:00:00)]
        remind me tomorrow at six to feed the cat -> Remind: I'll remind you tomorrow at 6 PM to feed the cat. [remind `to feed the cat` At(2025-03-02T18:00:00)]
        remind me to meet Bob at the café on Friday at half past seven -> Remind: I'll remind you on Friday, March 7th at 7:30 AM to meet Bob at the café. [remind `to meet Bob at the café` At(2025-03-07T07:30:00)]
        remind me tomorrow morning about the dentist -> Remind: I'll remind you tomorrow at 9 AM about the dentist. [remind `about the dentist` At(2025-03-02T09:00:00)]
        remind me about the meeting at ten am tomorrow -> Remind: I'll remind you tomorrow at 10 AM about the meeting. [remind `about the meeting` At(2025-03-02T10:00:00)]
        remind me on the twelfth that the rent is due -> Remind: I'll remind you on Wednesday, March 12th at 9 AM that the rent is due. [remind `that the rent is due` At(2025-03-12T09:00:00)]
        remind me that I'm on call this evening -> Remind: I'll remind you at 6 PM that you're on call. [remind `that you're on call` At(2025-03-01T18:00:00)]
        set a reminder for 5 pm to water the plants -> Remind: I'll remind you at 5 PM to water the plants. [remind `to water the plants` At(2025-03-01T17:00:00)]
        set a reminder for the meeting at three pm tomorrow -> Remind: I'll remind you tomorrow at 3 PM about the meeting. [remind `about the meeting` At(2025-03-02T15:00:00)]
        Hey Pipit, could you remind us tonight to lock the door, please? -> Remind: I'll remind you at 8 PM to lock the door. [remind `to lock the door` At(2025-03-01T20:00:00)]
        remind me to go to the store every Friday -> Remind: I'll remind you on Fridays at 9 AM to go to the store. [remind `to go to the store` Every(Days(16), 09:00:00)]
        every day at 8 remind me to take my pill -> Remind: I'll remind you every day at 8 AM to take your pill. [remind `to take your pill` Every(Days(127), 08:00:00)]
        remind me every day at 8 to take my pill -> Remind: I'll remind you every day at 8 AM to take your pill. [remind `to take your pill` Every(Days(127), 08:00:00)]
        remind me to stretch on weekdays at half past ten -> Remind: I'll remind you on weekdays at 10:30 AM to stretch. [remind `to stretch` Every(Days(31), 10:30:00)]
        remind me every evening to brush my teeth -> Remind: I'll remind you every day at 6 PM to brush your teeth. [remind `to brush your teeth` Every(Days(127), 18:00:00)]
        remind me to pick up the laundry next monday -> Remind: I'll remind you on Monday, March 3rd at 9 AM to pick up the laundry. [remind `to pick up the laundry` At(2025-03-03T09:00:00)]
        remind me two hours from now to ring Anna -> Remind: I'll remind you in 2 hours to ring Anna. [remind `to ring Anna` After(7200s)]
        remind me at noon to eat -> Remind: I'll remind you tomorrow at noon to eat. [remind `to eat` At(2025-03-02T12:00:00)]
        remind me on Saturday at four to sleep -> Remind: I'll remind you on Saturday, March 8th at 4 PM to sleep. [remind `to sleep` At(2025-03-08T16:00:00)]
        remind me on Saturday at five to sleep -> Remind: I'll remind you at 5 PM to sleep. [remind `to sleep` At(2025-03-01T17:00:00)]
    "#]].assert_eq(&said);
}

#[test]
fn what_is_missing_is_asked_for_and_the_answer_understood() {
    let said = transcript(
        &quiet(),
        &[
            "remind me to call my mum",
            "remind me",
            "remind me at six",
            "set a reminder",
            "remind me tomorrow at two pm",
        ],
    );
    expect![[r#"
        remind me to call my mum -> Remind: When should I remind you to call your mum?
        remind me -> Remind: Of what? Say, for example, remind me at 6 PM to call Anna.
        remind me at six -> Remind: Of what? Say, for example, remind me at 6 PM to call Anna.
        set a reminder -> Remind: Of what? Say, for example, remind me at 6 PM to call Anna.
        remind me tomorrow at two pm -> Remind: Of what? Say, for example, remind me at 6 PM to call Anna.
    "#]]
    .assert_eq(&said);
    let mut told = String::new();
    for answer in [
        "In ten minutes.",
        "ten minutes",
        "at six",
        "six",
        "tomorrow morning please",
        "every Monday at 9",
        "no",
        "never",
    ] {
        let reply = answer_to("When should I remind you to call your mum?", answer)
            .map_or_else(|| "not an answer".to_owned(), |intent| fulfil(&intent, &quiet()).reply);
        told += &format!("{answer}: {reply}\n");
    }
    expect![[r#"
        In ten minutes.: I'll remind you in 10 minutes to call your mum.
        ten minutes: I'll remind you in 10 minutes to call your mum.
        at six: I'll remind you at 6 PM to call your mum.
        six: I'll remind you at 6 PM to call your mum.
        tomorrow morning please: I'll remind you tomorrow at 9 AM to call your mum.
        every Monday at 9: I'll remind you on Mondays at 9 AM to call your mum.
        no: not an answer
        never: not an answer
    "#]]
    .assert_eq(&told);
    assert_eq!(answer_to("Your timer is set.", "in ten minutes"), None);
}

#[test]
fn what_no_clock_knows_is_not_taken() {
    let said = transcript(
        &quiet(),
        &[
            "remind me to call mum when I get home",
            "remind me of this",
            "remind me what you said",
            "remind me the upcoming meeting at four am",
            "what did I ask you to remind me",
            "reminder",
            "you remind me of my brother",
            "remind me if it rains to close the window",
            "remind me about tomorrow meeting at ten",
            "set a reminder for next saturday go to the library at five o'clock",
            "delete all reminder of sunday",
        ],
    );
    expect![[r#"
        remind me to call mum when I get home -> not understood
        remind me of this -> not understood
        remind me what you said -> not understood
        remind me the upcoming meeting at four am -> not understood
        what did I ask you to remind me -> not understood
        reminder -> not understood
        you remind me of my brother -> not understood
        remind me if it rains to close the window -> not understood
        remind me about tomorrow meeting at ten -> not understood
        set a reminder for next saturday go to the library at five o'clock -> not understood
        delete all reminder of sunday -> not understood
    "#]]
    .assert_eq(&said);
}

#[test]
fn reminders_are_told_apart_from_announcements() {
    let waiting = waiting();
    let around = Surroundings { announcements: &waiting, ..quiet() };
    let said = transcript(
        &around,
        &[
            "what are my reminders?",
            "when is my next reminder",
            "which announcements are waiting",
            "cancel my reminder",
            "cancel the reminder about the bins",
            "delete my reminder to call Ben",
            "cancel all my reminders",
            "cancel all announcements",
        ],
    );
    expect![[r#"
        what are my reminders? -> ListReminders: You have 3 reminders: at 7 PM to take the bins out; on Tuesday, March 4th at 9:30 AM about Anna's birthday; every day at 8 AM to take your pill.
        when is my next reminder -> ListReminders: You have 3 reminders: at 7 PM to take the bins out; on Tuesday, March 4th at 9:30 AM about Anna's birthday; every day at 8 AM to take your pill.
        which announcements are waiting -> ListAnnouncements: One announcement is waiting: at 6 PM, Dinner is ready.
        cancel my reminder -> CancelReminders: Which one? You have reminders at 7 PM to take the bins out, on Tuesday, March 4th at 9:30 AM about Anna's birthday and every day at 8 AM to take your pill.
        cancel the reminder about the bins -> CancelReminders: The reminder to take the bins out is cancelled. [cancel announcements [4]]
        delete my reminder to call Ben -> CancelReminders: You have no reminder about that.
        cancel all my reminders -> CancelReminders: All 3 reminders cancelled. [cancel announcements [4, 5, 6]]
        cancel all announcements -> CancelAnnouncements: Announcement cancelled. [cancel announcements [3]]
    "#]].assert_eq(&said);
    let none = transcript(&quiet(), &["do i have any reminders", "cancel all reminders", "cancel my reminder"]);
    expect![[r#"
        do i have any reminders -> ListReminders: You have no reminders.
        cancel all reminders -> CancelReminders: You have no reminders.
        cancel my reminder -> CancelReminders: You have no reminders.
    "#]]
    .assert_eq(&none);
}

#[test]
fn what_cannot_be_is_refused() {
    let full: Vec<Announcement> = (0..50).map(|_| waiting()[0].clone()).collect();
    let mut told = String::new();
    let mut tell = |text: &str, at, around: &Surroundings<'_>| {
        let done = fulfil(&Intent::Remind { text: Some(text.to_owned()), at: Some(at) }, around);
        told += &format!("{} {:?}\n", done.reply, done.actions);
    };
    let soon = RemindAt::After(Duration::from_secs(60));
    tell("to run", RemindAt::After(Duration::MAX), &quiet());
    tell("to run", RemindAt::On(date(2024, 1, 1).at(0, 0, 0, 0)), &quiet());
    tell("to run", RemindAt::On(date(2027, 1, 1).at(0, 0, 0, 0)), &quiet());
    tell(&"a".repeat(801), soon, &quiet());
    tell("to run", soon, &Surroundings { announcements: &full, ..quiet() });
    for why in [NoAnnouncing::Private, NoAnnouncing::NothingKept] {
        tell("to run", soon, &Surroundings { no_announcing: Some(why), ..quiet() });
    }
    expect![[r#"
        That's too far ahead for me. I can remind you of things up to a year ahead. []
        That time has passed. []
        That's too far ahead for me. I can remind you of things up to a year ahead. []
        That's too long for a reminder. []
        Too many reminders and announcements are waiting already. []
        I can't keep that, because what I am to remind you of has to be read without your passphrase. []
        I can't keep that, because nothing that you say here is kept. []
    "#]]
    .assert_eq(&told);
}

#[test]
fn one_that_comes_late_says_so() {
    assert_eq!(remind_aloud("to call your mum.", Duration::ZERO), "This is your reminder to call your mum.");
    assert_eq!(
        remind_aloud("about the bins", Duration::from_secs(3 * 3600 + 59)),
        "You have missed a reminder about the bins. It was due 3 hours ago, while I was off."
    );
}
