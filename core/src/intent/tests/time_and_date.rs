use super::{quiet, transcript};
use crate::intent::Surroundings;
use expect_test::expect;
use jiff::civil::date;

#[test]
fn the_time() {
    let said = transcript(
        &quiet(),
        &[
            "what time is it",
            "What time is it?",
            "what's the time",
            "tell me the time",
            "what time is it now please",
            "hey can you tell me what time it is",
            "do you have the time",
            "what is the current time",
        ],
    );
    expect![[r#"
        what time is it -> HassGetCurrentTime: It's 4:30 PM.
        What time is it? -> HassGetCurrentTime: It's 4:30 PM.
        what's the time -> HassGetCurrentTime: It's 4:30 PM.
        tell me the time -> HassGetCurrentTime: It's 4:30 PM.
        what time is it now please -> HassGetCurrentTime: It's 4:30 PM.
        hey can you tell me what time it is -> HassGetCurrentTime: It's 4:30 PM.
        do you have the time -> HassGetCurrentTime: It's 4:30 PM.
        what is the current time -> HassGetCurrentTime: It's 4:30 PM.
    "#]]
    .assert_eq(&said);
}

#[test]
fn hours_are_said_without_minutes_and_noon_by_its_name() {
    let at = |hour, minute| {
        let around = Surroundings { now: date(2025, 3, 1).at(hour, minute, 0, 0), ..quiet() };
        transcript(&around, &["what time is it"])
    };
    let said = [(0, 0), (0, 5), (4, 0), (11, 59), (12, 0), (12, 1), (23, 9)].map(|(hour, minute)| at(hour, minute));
    expect![[r#"
        what time is it -> HassGetCurrentTime: It's midnight.
        what time is it -> HassGetCurrentTime: It's 12:05 AM.
        what time is it -> HassGetCurrentTime: It's 4 AM.
        what time is it -> HassGetCurrentTime: It's 11:59 AM.
        what time is it -> HassGetCurrentTime: It's noon.
        what time is it -> HassGetCurrentTime: It's 12:01 PM.
        what time is it -> HassGetCurrentTime: It's 11:09 PM.
    "#]]
    .assert_eq(&said.concat());
}

#[test]
fn dates() {
    let said = transcript(
        &quiet(),
        &[
            "what's the date",
            "what is today's date",
            "what's the date today",
            "what day is it",
            "what day is it today",
            "what day of the week is it",
            "what day is tomorrow",
            "what day was yesterday",
            "what's the date on friday",
            "what's the date on Saturday",
            "what month is it",
            "what year is it",
            "is it monday today",
            "is it saturday today",
            "what day is march twenty second",
            "what day is the 4th of July",
            "what day is february thirtieth",
            "what day of the week is the twenty ninth of february",
            "when is christmas",
            "when is easter",
            "what day of the week is the twelfth",
            "what day is the 31st",
            "what is the date and time",
            "how many days until christmas",
            "how many days until saturday",
            "how many days until sunday",
            "how many days until tomorrow",
            "how long until halloween",
            "how many days until new year",
        ],
    );
    expect![[r#"
        what's the date -> HassGetCurrentDate: It's Saturday, March 1st, 2025.
        what is today's date -> HassGetCurrentDate: It's Saturday, March 1st, 2025.
        what's the date today -> HassGetCurrentDate: It's Saturday, March 1st, 2025.
        what day is it -> HassGetCurrentDate: It's Saturday, March 1st, 2025.
        what day is it today -> HassGetCurrentDate: It's Saturday, March 1st, 2025.
        what day of the week is it -> HassGetCurrentDate: It's Saturday, March 1st, 2025.
        what day is tomorrow -> HassGetCurrentDate: Tomorrow is Sunday, March 2nd.
        what day was yesterday -> HassGetCurrentDate: Yesterday was Friday, February 28th.
        what's the date on friday -> HassGetCurrentDate: Friday is March 7th.
        what's the date on Saturday -> HassGetCurrentDate: It's Saturday today, March 1st.
        what month is it -> HassGetCurrentDate: It's March.
        what year is it -> HassGetCurrentDate: It's 2025.
        is it monday today -> HassGetCurrentDate: No, it's Saturday.
        is it saturday today -> HassGetCurrentDate: Yes, it's Saturday.
        what day is march twenty second -> HassGetCurrentDate: March 22nd, 2025, is a Saturday.
        what day is the 4th of July -> HassGetCurrentDate: July 4th, 2025, is a Friday.
        what day is february thirtieth -> not understood
        what day of the week is the twenty ninth of february -> HassGetCurrentDate: February 29th, 2028, is a Tuesday.
        when is christmas -> HassGetCurrentDate: Christmas is on Thursday, December 25th, 2025.
        when is easter -> HassGetCurrentDate: Easter is on Sunday, April 20th, 2025.
        what day of the week is the twelfth -> HassGetCurrentDate: March 12th, 2025, is a Wednesday.
        what day is the 31st -> HassGetCurrentDate: March 31st, 2025, is a Monday.
        what is the date and time -> HassGetCurrentDate: It's 4:30 PM on Saturday, March 1st, 2025.
        how many days until christmas -> HassGetCurrentDate: It's 299 days until Christmas.
        how many days until saturday -> HassGetCurrentDate: That's today.
        how many days until sunday -> HassGetCurrentDate: That's tomorrow, in 1 day.
        how many days until tomorrow -> HassGetCurrentDate: That's 1 day.
        how long until halloween -> HassGetCurrentDate: It's 244 days until Halloween.
        how many days until new year -> HassGetCurrentDate: It's 306 days until New Year's Day.
    "#]]
    .assert_eq(&said);
}

#[test]
fn times_elsewhere_and_days_that_need_knowledge_are_left_to_others() {
    let said = transcript(
        &quiet(),
        &[
            "what time is it in london",
            "what's the time in new york",
            "what time is sunset",
            "when is sunrise",
            "when is my birthday",
            "how many days until summer",
            "what day is mother's day",
            "what date did the war end",
            "time",
            "what is the date of the battle of hastings",
        ],
    );
    expect![[r#"
        what time is it in london -> not understood
        what's the time in new york -> not understood
        what time is sunset -> not understood
        when is sunrise -> not understood
        when is my birthday -> not understood
        how many days until summer -> not understood
        what day is mother's day -> not understood
        what date did the war end -> not understood
        time -> not understood
        what is the date of the battle of hastings -> not understood
    "#]]
    .assert_eq(&said);
}
