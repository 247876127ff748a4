use std::time::Duration;

use expect_test::expect;
use jiff::civil::{date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::{quiet, timer, transcript};
use crate::intent::{Alarm, AlarmId, AlarmSchedule, Days, Repeats, Surroundings, missed_alarm, ring_alarm};

#[test]
fn alarms_are_set() {
    let said = transcript(
        &quiet(),
        &[
            "Wake me at seven.",
            "wake me up at half past six on Monday",
            "Set an alarm for 6:30 on weekdays.",
            "set an alarm for 6:30",
            "set an alarm for 6:30 a.m.",
            "set an alarm for noon tomorrow",
            "set an alarm for 12 every day",
            "set a 7 am alarm for saturdays and sundays",
            "set an alarm for monday to thursday at quarter to eight",
            "set an alarm every monday at 6",
            "alarm for 5 pm today",
            "set an alarm for 3 pm today",
            "set an alarm",
            "wake me at seven and turn on the lights",
        ],
    );
    expect![[r#"
        Wake me at seven. -> SetAlarm: Alarm set for tomorrow at 7 AM. [alarm 07:00 Once(2025-03-02)]
        wake me up at half past six on Monday -> SetAlarm: Alarm set for Monday, March 3rd at 6:30 AM. [alarm 06:30 Once(2025-03-03)]
        Set an alarm for 6:30 on weekdays. -> SetAlarm: Alarm set for 6:30 AM on weekdays. [alarm 06:30 Weekly(Days(31))]
        set an alarm for 6:30 -> SetAlarm: Alarm set for today at 6:30 PM. [alarm 18:30 Once(2025-03-01)]
        set an alarm for 6:30 a.m. -> SetAlarm: Alarm set for tomorrow at 6:30 AM. [alarm 06:30 Once(2025-03-02)]
        set an alarm for noon tomorrow -> SetAlarm: Alarm set for tomorrow at noon. [alarm 12:00 Once(2025-03-02)]
        set an alarm for 12 every day -> SetAlarm: Alarm set for noon every day. [alarm 12:00 Weekly(Days(127))]
        set a 7 am alarm for saturdays and sundays -> SetAlarm: Alarm set for 7 AM on weekends. [alarm 07:00 Weekly(Days(96))]
        set an alarm for monday to thursday at quarter to eight -> SetAlarm: Alarm set for 7:45 AM on Mondays, Tuesdays, Wednesdays and Thursdays. [alarm 07:45 Weekly(Days(15))]
        set an alarm every monday at 6 -> SetAlarm: Alarm set for 6 AM on Mondays. [alarm 06:00 Weekly(Days(1))]
        alarm for 5 pm today -> SetAlarm: Alarm set for today at 5 PM. [alarm 17:00 Once(2025-03-01)]
        set an alarm for 3 pm today -> SetAlarm: That time has passed.
        set an alarm -> SetAlarm: For when? Say, for example, set an alarm for 7 in the morning.
        wake me at seven and turn on the lights -> not understood
    "#]].assert_eq(&said);
}

fn alarms(ringing: bool) -> [Alarm; 2] {
    let one = |id, time, repeats, next| Alarm { id: AlarmId(id), time, repeats, next, ringing: ringing && id == 1 };
    let once = Repeats::Once(date(2025, 3, 1));
    [
        one(
            1,
            time(7, 0, 0, 0),
            Repeats::Weekly(Days::from_bits(0b001_1111).unwrap()),
            Some(date(2025, 3, 3).at(7, 0, 0, 0)),
        ),
        one(2, time(18, 0, 0, 0), once, Some(date(2025, 3, 1).at(18, 0, 0, 0))),
    ]
}

const SAID: &[&str] = &[
    "which alarms are set",
    "cancel the alarm",
    "cancel the 7 o'clock alarm",
    "turn off the alarm",
    "cancel all alarms",
    "cancel the alarm for 9 am",
    "skip the next one",
    "skip the seven am alarm",
    "snooze",
    "snooze for 20 minutes",
    "five more minutes",
    "snooze for a day",
    "stop",
];

#[test]
fn alarms_are_told_cancelled_skipped_and_snoozed() {
    let (quietly, ringing) = (alarms(false), alarms(true));
    let around = Surroundings { alarms: &quietly, ..quiet() };
    expect![[r#"
        which alarms are set -> ListAlarms: You have 2 alarms: 7 AM on weekdays and today at 6 PM.
        cancel the alarm -> CancelAlarm: Which one? You have alarms for 7 AM on weekdays and today at 6 PM.
        cancel the 7 o'clock alarm -> CancelAlarm: The alarm for 7 AM on weekdays is cancelled. [cancel alarms [1]]
        turn off the alarm -> CancelAlarm: Which one? You have alarms for 7 AM on weekdays and today at 6 PM.
        cancel all alarms -> CancelAlarm: All 2 alarms cancelled. [cancel alarms [1, 2]]
        cancel the alarm for 9 am -> CancelAlarm: You have no such alarm, only 7 AM on weekdays and today at 6 PM.
        skip the next one -> SkipAlarm: I'll skip the alarm for today at 6 PM. [cancel alarms [2]]
        skip the seven am alarm -> SkipAlarm: I'll skip the alarm for Monday, March 3rd at 7 AM. [skip 1 on 2025-03-03]
        snooze -> Snooze: No alarm is ringing.
        snooze for 20 minutes -> Snooze: No alarm is ringing.
        five more minutes -> Snooze: No alarm is ringing.
        snooze for a day -> Snooze: No alarm is ringing.
        stop -> Stop:  [stop]
    "#]]
    .assert_eq(&transcript(&around, SAID));
    let around = Surroundings { alarms: &ringing, ..quiet() };
    expect![[r#"
        which alarms are set -> ListAlarms: You have 2 alarms: 7 AM on weekdays and today at 6 PM.
        cancel the alarm -> CancelAlarm:  [stop]
        cancel the 7 o'clock alarm -> CancelAlarm: The alarm for 7 AM on weekdays is cancelled. [cancel alarms [1]]
        turn off the alarm -> CancelAlarm:  [stop]
        cancel all alarms -> CancelAlarm: All 2 alarms cancelled. [cancel alarms [1, 2]]
        cancel the alarm for 9 am -> CancelAlarm: You have no such alarm, only 7 AM on weekdays and today at 6 PM.
        skip the next one -> SkipAlarm: I'll skip the alarm for today at 6 PM. [cancel alarms [2]]
        skip the seven am alarm -> SkipAlarm: I'll skip the alarm for Monday, March 3rd at 7 AM. [skip 1 on 2025-03-03]
        snooze -> Snooze: I'll ring again in 9 minutes. [snooze 540s]
        snooze for 20 minutes -> Snooze: I'll ring again in 20 minutes. [snooze 1200s]
        five more minutes -> Snooze: I'll ring again in 5 minutes. [snooze 300s]
        snooze for a day -> Snooze: I can snooze for up to 3 hours.
        stop -> Stop:  [stop]
    "#]]
    .assert_eq(&transcript(&around, SAID));
    let timers = [timer(1, None, 600, 200)];
    let around = Surroundings { timers: &timers, ..quiet() };
    expect![[r#"
        five more minutes -> Snooze: Your timer has 8 minutes and 20 seconds left now. [change 1 by 300s]
        cancel the alarm -> CancelAlarm: You have no alarms set.
        snooze -> Snooze: No alarm is ringing.
    "#]]
    .assert_eq(&transcript(&around, &["five more minutes", "cancel the alarm", "snooze"]));
    expect![[r#"
        It's 7 AM. This is your alarm. I missed your alarm for 7 AM. It was due less than a second ago, while I was off.
        This is your alarm for 7 AM, 5 minutes late. I missed your alarm for 7 AM. It was due 5 minutes ago, while I was off."#]].assert_eq(&[0, 300].map(|late| {
        let late = Duration::from_secs(late);
        ring_alarm(time(7, 0, 0, 0), late) + " " + &missed_alarm(time(7, 0, 0, 0), late)
    }).join("\n"));
}

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn daily(hour: i8, minute: i8, over_to: &str) -> AlarmSchedule {
    let repeats = Repeats::Weekly(Days::from_bits(127).unwrap());
    AlarmSchedule { time: time(hour, minute, 0, 0), repeats, skip: None, over_to: at(over_to), snoozed_until: None }
}

#[test]
fn the_clock_on_the_wall_counts_where_clocks_change() {
    let zone = berlin();
    // Clocks go forward in the night to March 30th, and back in that to October 26th, 2025.
    let alarm = daily(7, 0, "2025-03-29T12:00:00Z");
    assert_eq!(alarm.next(at("2025-03-29T12:00:00Z"), &zone), Some(at("2025-03-30T05:00:00Z")));
    assert_eq!(alarm.next(at("2025-10-25T12:00:00Z"), &zone), Some(at("2025-10-26T06:00:00Z")));
    // Half past two is not there, and so is half past three.
    let night = daily(2, 30, "2025-03-29T12:00:00Z");
    assert_eq!(night.next(at("2025-03-29T12:00:00Z"), &zone), Some(at("2025-03-30T01:30:00Z")));
    // It is there twice, and rings once.
    let first = at("2025-10-26T00:30:00Z");
    let night = AlarmSchedule { over_to: at("2025-10-25T12:00:00Z"), ..night };
    assert_eq!(night.due(first, &zone), Some(first));
    let rung = AlarmSchedule { over_to: first, ..night };
    assert_eq!(rung.due(first + 1.hour(), &zone), None);
    assert_eq!(rung.next(first, &zone), Some(at("2025-10-27T01:30:00Z")));
    // Elsewhere it is seven o'clock there.
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    assert_eq!(alarm.next(at("2025-03-29T12:00:00Z"), &tokyo), Some(at("2025-03-29T22:00:00Z")));
}

#[test]
fn one_that_rings_once_is_over_then_also_on_a_leap_day() {
    let (zone, noon) = (TimeZone::UTC, at("2028-02-28T12:00:00Z"));
    let repeats = Repeats::Once(date(2028, 2, 29));
    let alarm = AlarmSchedule { repeats, over_to: noon, ..daily(7, 0, "2028-02-28T12:00:00Z") };
    let rings = at("2028-02-29T07:00:00Z");
    assert_eq!((alarm.next(noon, &zone), alarm.due(rings - 1.second(), &zone)), (Some(rings), None));
    assert_eq!(alarm.due(rings + 9.hours(), &zone), Some(rings), "it fell due while nobody looked");
    let snoozed = AlarmSchedule { over_to: rings, snoozed_until: Some(rings + 9.minutes()), ..alarm.clone() };
    assert_eq!((snoozed.is_over(&zone), snoozed.due(rings + 8.minutes(), &zone)), (false, None));
    assert_eq!(snoozed.due(rings + 10.minutes(), &zone), Some(rings + 9.minutes()));
    assert!(AlarmSchedule { snoozed_until: None, ..snoozed }.is_over(&zone));
    let weekly = AlarmSchedule { repeats: Repeats::Weekly(Days::from_bits(0b10).unwrap()), ..alarm };
    assert_eq!(weekly.next(noon, &zone), Some(rings), "the leap day is a Tuesday");
}

#[test]
fn one_that_is_skipped_rings_the_day_after() {
    let alarm = AlarmSchedule { skip: Some(date(2025, 3, 2)), ..daily(7, 0, "2025-03-01T12:00:00Z") };
    let zone = TimeZone::UTC;
    assert_eq!(alarm.due(at("2025-03-02T07:30:00Z"), &zone), None);
    assert_eq!(alarm.next(at("2025-03-01T12:00:00Z"), &zone), Some(at("2025-03-03T07:00:00Z")));
    let sundays = AlarmSchedule { repeats: Repeats::Weekly(Days::from_bits(64).unwrap()), ..alarm };
    assert_eq!(sundays.next(at("2025-03-01T12:00:00Z"), &zone), Some(at("2025-03-09T07:00:00Z")));
}

#[test]
fn clocks_that_jump_lose_no_alarm_and_ring_none_twice() {
    let zone = TimeZone::UTC;
    let alarm = daily(7, 0, "2025-03-01T07:00:00Z");
    // Ahead over a month: the last that was missed counts, and not thirty.
    assert_eq!(alarm.due(at("2025-04-01T07:05:00Z"), &zone), Some(at("2025-04-01T07:00:00Z")));
    // Back by an hour: today's has rung.
    assert_eq!(alarm.due(at("2025-03-01T06:30:00Z"), &zone), None);
    assert_eq!(alarm.next(at("2025-03-01T06:30:00Z"), &zone), Some(at("2025-03-02T07:00:00Z")));
    // Back by years, from a clock that was wrong: it rings on the days that are.
    let wrong = daily(7, 0, "2031-01-01T07:00:00Z");
    assert_eq!(wrong.next(at("2025-03-01T06:30:00Z"), &zone), Some(at("2025-03-01T07:00:00Z")));
    let snoozed = AlarmSchedule { snoozed_until: Some(at("2031-01-01T07:09:00Z")), ..wrong };
    assert_eq!(snoozed.due(at("2025-03-01T06:30:00Z"), &zone), Some(at("2025-03-01T06:30:00Z")));
}
