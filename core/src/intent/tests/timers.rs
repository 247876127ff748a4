use super::{quiet, timer, transcript};
use crate::intent::{Surroundings, Timer};
use expect_test::expect;

#[test]
fn timers_are_started() {
    let said = transcript(
        &quiet(),
        &[
            "set a timer for five minutes",
            "Set a timer for 5 minutes.",
            "set a five minute timer",
            "set a 15-minute timer",
            "timer ten minutes",
            "ten minute timer",
            "45 second timer",
            "start a timer for an hour and a half",
            "start a one hour and thirty second timer",
            "start a 1 hour 15 minute and 30 second timer",
            "can you set a timer for half an hour please",
            "set a timer for a quarter of an hour",
            "set a timer for three quarters of an hour",
            "set a timer for a couple of minutes",
            "set a timer for one and a half hours",
            "set a timer for 1 and a 1/2 hours",
            "set a timer for 1/2 a minute",
            "set a timer for five and a half minutes",
            "set a timer for one hour and ten minutes",
            "set a timer for an hour and ten minutes",
            "set a timer for one hour thirty",
            "set a timer for two minutes thirty",
            "set a timer for one point five hours",
            "set a timer for 1.5 hours",
            "set a timer for ninety seconds",
            "set a timer for one hundred and five minutes",
            "set a timer for two days",
            "remind me in ten minutes",
            "wake me up in half an hour",
            "count down from ten seconds",
        ],
    );
    expect![[r#"
        set a timer for five minutes -> HassStartTimer: Timer set for 5 minutes. [start - 300s]
        Set a timer for 5 minutes. -> HassStartTimer: Timer set for 5 minutes. [start - 300s]
        set a five minute timer -> HassStartTimer: Timer set for 5 minutes. [start - 300s]
        set a 15-minute timer -> HassStartTimer: Timer set for 15 minutes. [start - 900s]
        timer ten minutes -> HassStartTimer: Timer set for 10 minutes. [start - 600s]
        ten minute timer -> HassStartTimer: Timer set for 10 minutes. [start - 600s]
        45 second timer -> HassStartTimer: Timer set for 45 seconds. [start - 45s]
        start a timer for an hour and a half -> HassStartTimer: Timer set for 1 hour and 30 minutes. [start - 5400s]
        start a one hour and thirty second timer -> HassStartTimer: Timer set for 1 hour and 30 seconds. [start - 3630s]
        start a 1 hour 15 minute and 30 second timer -> HassStartTimer: Timer set for 1 hour, 15 minutes and 30 seconds. [start - 4530s]
        can you set a timer for half an hour please -> HassStartTimer: Timer set for 30 minutes. [start - 1800s]
        set a timer for a quarter of an hour -> HassStartTimer: Timer set for 15 minutes. [start - 900s]
        set a timer for three quarters of an hour -> HassStartTimer: Timer set for 45 minutes. [start - 2700s]
        set a timer for a couple of minutes -> HassStartTimer: Timer set for 2 minutes. [start - 120s]
        set a timer for one and a half hours -> HassStartTimer: Timer set for 1 hour and 30 minutes. [start - 5400s]
        set a timer for 1 and a 1/2 hours -> HassStartTimer: Timer set for 1 hour and 30 minutes. [start - 5400s]
        set a timer for 1/2 a minute -> HassStartTimer: Timer set for 30 seconds. [start - 30s]
        set a timer for five and a half minutes -> HassStartTimer: Timer set for 5 minutes and 30 seconds. [start - 330s]
        set a timer for one hour and ten minutes -> HassStartTimer: Timer set for 1 hour and 10 minutes. [start - 4200s]
        set a timer for an hour and ten minutes -> HassStartTimer: Timer set for 1 hour and 10 minutes. [start - 4200s]
        set a timer for one hour thirty -> HassStartTimer: Timer set for 1 hour and 30 minutes. [start - 5400s]
        set a timer for two minutes thirty -> HassStartTimer: Timer set for 2 minutes and 30 seconds. [start - 150s]
        set a timer for one point five hours -> HassStartTimer: Timer set for 1 hour and 30 minutes. [start - 5400s]
        set a timer for 1.5 hours -> HassStartTimer: Timer set for 1 hour and 30 minutes. [start - 5400s]
        set a timer for ninety seconds -> HassStartTimer: Timer set for 1 minute and 30 seconds. [start - 90s]
        set a timer for one hundred and five minutes -> HassStartTimer: Timer set for 1 hour and 45 minutes. [start - 6300s]
        set a timer for two days -> HassStartTimer: Timer set for 2 days. [start - 172800s]
        remind me in ten minutes -> HassStartTimer: Timer set for 10 minutes. [start - 600s]
        wake me up in half an hour -> HassStartTimer: Timer set for 30 minutes. [start - 1800s]
        count down from ten seconds -> HassStartTimer: Timer set for 10 seconds. [start - 10s]
    "#]].assert_eq(&said);
}

#[test]
fn timers_are_named() {
    let said = transcript(
        &quiet(),
        &[
            "set a pizza timer for ten minutes",
            "set a timer for ten minutes for pizza",
            "set a timer for ten minutes for the sweet potato pie",
            "create a timer for ten minutes called tea",
            "set timer called pizza for 5 minutes",
            "timer for 5 minutes called pizza",
            "start an 11 minute timer named pizza",
            "set a five minute egg timer",
            "set a timer for my pasta for eight minutes",
            "pasta timer for eight minutes",
            "set a mac and cheese timer for eight minutes",
            "set a ten minute timer for the kitchen",
        ],
    );
    expect![[r#"
        set a pizza timer for ten minutes -> HassStartTimer: Pizza timer set for 10 minutes. [start pizza 600s]
        set a timer for ten minutes for pizza -> HassStartTimer: Pizza timer set for 10 minutes. [start pizza 600s]
        set a timer for ten minutes for the sweet potato pie -> HassStartTimer: Sweet potato pie timer set for 10 minutes. [start sweet potato pie 600s]
        create a timer for ten minutes called tea -> HassStartTimer: Tea timer set for 10 minutes. [start tea 600s]
        set timer called pizza for 5 minutes -> HassStartTimer: Pizza timer set for 5 minutes. [start pizza 300s]
        timer for 5 minutes called pizza -> HassStartTimer: Pizza timer set for 5 minutes. [start pizza 300s]
        start an 11 minute timer named pizza -> HassStartTimer: Pizza timer set for 11 minutes. [start pizza 660s]
        set a five minute egg timer -> HassStartTimer: Egg timer set for 5 minutes. [start egg 300s]
        set a timer for my pasta for eight minutes -> HassStartTimer: Pasta timer set for 8 minutes. [start pasta 480s]
        pasta timer for eight minutes -> HassStartTimer: Pasta timer set for 8 minutes. [start pasta 480s]
        set a mac and cheese timer for eight minutes -> HassStartTimer: Mac and cheese timer set for 8 minutes. [start mac and cheese 480s]
        set a ten minute timer for the kitchen -> HassStartTimer: Kitchen timer set for 10 minutes. [start kitchen 600s]
    "#]].assert_eq(&said);
}

#[test]
fn lengths_that_cannot_be() {
    let said = transcript(
        &quiet(),
        &[
            "set a timer",
            "set a pasta timer",
            "set a timer for zero minutes",
            "set a timer for half a second",
            "set a timer for eight days",
            "set a timer for a million years",
            "set a timer for nine hundred trillion trillion years",
            "set a timer for minus five minutes",
            "set a timer for five",
            "set a timer for five miles",
            "set a timer for half past four",
            "set a timer for ten minutes and turn off the lights",
            "set a timer for ten minutes for pizza and call mom",
        ],
    );
    expect![[r#"
        set a timer -> HassStartTimer: For how long? Say, for example, set a timer for 10 minutes.
        set a pasta timer -> HassStartTimer: For how long? Say, for example, set a timer for 10 minutes.
        set a timer for zero minutes -> HassStartTimer: A timer needs at least 1 second.
        set a timer for half a second -> HassStartTimer: A timer needs at least 1 second.
        set a timer for eight days -> HassStartTimer: That's too long for me. A timer can run for up to 7 days.
        set a timer for a million years -> HassStartTimer: That's too long for me. A timer can run for up to 7 days.
        set a timer for nine hundred trillion trillion years -> not understood
        set a timer for minus five minutes -> not understood
        set a timer for five -> not understood
        set a timer for five miles -> not understood
        set a timer for half past four -> not understood
        set a timer for ten minutes and turn off the lights -> not understood
        set a timer for ten minutes for pizza and call mom -> not understood
    "#]]
    .assert_eq(&said);
}

#[test]
fn one_timer() {
    let timers = [timer(1, None, 600, 200)];
    let around = Surroundings { timers: &timers, ..quiet() };
    let said = transcript(
        &around,
        &[
            "how long is left on the timer",
            "how much time is left",
            "how much time do i have left",
            "when does the timer go off",
            "when will my timer end",
            "what timers are set",
            "list my timers",
            "timer status",
            "how much time's left",
            "what's left on the timer",
            "cancel the timer",
            "stop the timer",
            "cancel my ten minute timer",
            "cancel the pasta timer",
            "how long is left on the pasta timer",
            "cancel all timers",
            "turn the timer off",
        ],
    );
    expect![[r#"
        how long is left on the timer -> HassTimerStatus: Your timer has 3 minutes and 20 seconds left.
        how much time is left -> HassTimerStatus: Your timer has 3 minutes and 20 seconds left.
        how much time do i have left -> HassTimerStatus: Your timer has 3 minutes and 20 seconds left.
        when does the timer go off -> HassTimerStatus: Your timer has 3 minutes and 20 seconds left.
        when will my timer end -> HassTimerStatus: Your timer has 3 minutes and 20 seconds left.
        what timers are set -> HassTimerStatus: Your timer has 3 minutes and 20 seconds left.
        list my timers -> HassTimerStatus: Your timer has 3 minutes and 20 seconds left.
        timer status -> HassTimerStatus: Your timer has 3 minutes and 20 seconds left.
        how much time's left -> HassTimerStatus: Your timer has 3 minutes and 20 seconds left.
        what's left on the timer -> HassTimerStatus: Your timer has 3 minutes and 20 seconds left.
        cancel the timer -> HassCancelTimer: Timer cancelled. [cancel [1]]
        stop the timer -> HassCancelTimer: Timer cancelled. [cancel [1]]
        cancel my ten minute timer -> HassCancelTimer: Timer cancelled. [cancel [1]]
        cancel the pasta timer -> HassCancelTimer: You have no pasta timer, only your 10 minute timer.
        how long is left on the pasta timer -> HassTimerStatus: You have no pasta timer, only your 10 minute timer.
        cancel all timers -> HassCancelAllTimers: Timer cancelled. [cancel [1]]
        turn the timer off -> HassCancelTimer: Timer cancelled. [cancel [1]]
    "#]]
    .assert_eq(&said);
}

#[test]
fn several_timers_are_told_apart() {
    let timers = [
        timer(1, Some("pasta"), 600, 200),
        timer(2, None, 3600, 3599),
        timer(3, Some("roast chicken"), 5400, 3661),
        timer(4, None, 300, 1),
    ];
    let around = Surroundings { timers: &timers, ..quiet() };
    let said = transcript(
        &around,
        &[
            "how long is left on the pasta timer",
            "how much time left on pasta timer",
            "how long is left on the chicken timer",
            "how long is left on my 1 hour timer",
            "status of 5 minute timer",
            "the pasta timer",
            "when will the pasta timer be done",
            "cancel the timer",
            "cancel the pasta timer",
            "stop my chicken timer",
            "cancel the five minute timer",
            "cancel the egg timer",
            "what timers do i have",
            "how long is left",
            "cancel all my timers",
            "cancel the timers",
            "how long is left on the egg timer",
        ],
    );
    expect![[r#"
        how long is left on the pasta timer -> HassTimerStatus: Your pasta timer has 3 minutes and 20 seconds left.
        how much time left on pasta timer -> HassTimerStatus: Your pasta timer has 3 minutes and 20 seconds left.
        how long is left on the chicken timer -> HassTimerStatus: Your roast chicken timer has 1 hour, 1 minute and 1 second left.
        how long is left on my 1 hour timer -> HassTimerStatus: Your 1 hour timer has 59 minutes and 59 seconds left.
        status of 5 minute timer -> HassTimerStatus: Your 5 minute timer has 1 second left.
        the pasta timer -> PickTimer: Your pasta timer has 3 minutes and 20 seconds left.
        when will the pasta timer be done -> HassTimerStatus: Your pasta timer has 3 minutes and 20 seconds left.
        cancel the timer -> HassCancelTimer: Which one should I cancel: the pasta timer, the 1 hour timer, the roast chicken timer or the 5 minute timer?
        cancel the pasta timer -> HassCancelTimer: Pasta timer cancelled. [cancel [1]]
        stop my chicken timer -> HassCancelTimer: Roast chicken timer cancelled. [cancel [3]]
        cancel the five minute timer -> HassCancelTimer: 5 minute timer cancelled. [cancel [4]]
        cancel the egg timer -> HassCancelTimer: You have no egg timer, only your pasta timer, your 1 hour timer, your roast chicken timer and your 5 minute timer.
        what timers do i have -> HassTimerStatus: You have 4 timers: your pasta timer has 3 minutes and 20 seconds left, your 1 hour timer has 59 minutes and 59 seconds left, your roast chicken timer has 1 hour, 1 minute and 1 second left and your 5 minute timer has 1 second left.
        how long is left -> HassTimerStatus: You have 4 timers: your pasta timer has 3 minutes and 20 seconds left, your 1 hour timer has 59 minutes and 59 seconds left, your roast chicken timer has 1 hour, 1 minute and 1 second left and your 5 minute timer has 1 second left.
        cancel all my timers -> HassCancelAllTimers: All 4 timers cancelled. [cancel [1, 2, 3, 4]]
        cancel the timers -> HassCancelAllTimers: All 4 timers cancelled. [cancel [1, 2, 3, 4]]
        how long is left on the egg timer -> HassTimerStatus: You have no egg timer, only your pasta timer, your 1 hour timer, your roast chicken timer and your 5 minute timer.
    "#]].assert_eq(&said);
}

#[test]
fn timers_alike_are_told_apart_by_what_is_left() {
    let timers = [timer(1, None, 600, 200), timer(2, None, 600, 300)];
    let around = Surroundings { timers: &timers, ..quiet() };
    expect![[r#"
        cancel the timer -> HassCancelTimer: Which one should I cancel: the 10 minute timer with 3 minutes and 20 seconds left or the 10 minute timer with 5 minutes left?
        how long is left -> HassTimerStatus: You have 2 timers: your 10 minute timer has 3 minutes and 20 seconds left and your 10 minute timer has 5 minutes left.
    "#]].assert_eq(&transcript(&around, &["cancel the timer", "how long is left"]));
}

#[test]
fn no_timers() {
    let said = transcript(
        &quiet(),
        &["how long is left on the timer", "cancel the timer", "cancel all timers", "cancel the pasta timer"],
    );
    expect![[r#"
        how long is left on the timer -> HassTimerStatus: You have no timers running.
        cancel the timer -> HassCancelTimer: You have no timers running.
        cancel all timers -> HassCancelAllTimers: You have no timers running.
        cancel the pasta timer -> HassCancelTimer: You have no timers running.
    "#]]
    .assert_eq(&said);
}

#[test]
fn which_one_is_answered_by_a_name() {
    let timers = [timer(1, Some("pasta"), 600, 200), timer(2, None, 3600, 3599)];
    let asked = Surroundings {
        timers: &timers,
        last_reply: Some("Which one should I cancel: the pasta timer or the 1 hour timer?"),
        ..quiet()
    };
    expect![[r#"
        the pasta timer -> PickTimer: Pasta timer cancelled. [cancel [1]]
        the one hour timer -> PickTimer: 1 hour timer cancelled. [cancel [2]]
        the one hour one -> PickTimer: 1 hour timer cancelled. [cancel [2]]
    "#]]
    .assert_eq(&transcript(&asked, &["the pasta timer", "the one hour timer", "the one hour one"]));
}

#[test]
fn timers_are_changed_and_paused() {
    let timers = [timer(1, Some("pizza"), 600, 200), Timer { paused: true, ..timer(2, None, 3600, 3599) }];
    let around = Surroundings { timers: &timers, ..quiet() };
    let said = transcript(
        &around,
        &[
            "Add five minutes to the pizza timer.",
            "add another 5 minutes to my pizza timer",
            "five more minutes on the pizza timer",
            "extend the one hour timer by half an hour",
            "take a minute off the pizza timer",
            "take five minutes off the pizza timer",
            "shorten the pizza timer by 30 seconds",
            "add eight days to the pizza timer",
            "add zero minutes to the pizza timer",
            "add five minutes",
            "take a minute off",
            "pause the pizza timer",
            "pause the timer",
            "pause the one hour timer",
            "resume the timer",
            "unpause the pizza timer",
            "pause all timers",
            "resume all my timers",
            "how long is left",
            "pause the egg timer",
        ],
    );
    expect![[r#"
        Add five minutes to the pizza timer. -> HassIncreaseTimer: Your pizza timer has 8 minutes and 20 seconds left now. [change 1 by 300s]
        add another 5 minutes to my pizza timer -> HassIncreaseTimer: Your pizza timer has 8 minutes and 20 seconds left now. [change 1 by 300s]
        five more minutes on the pizza timer -> HassIncreaseTimer: Your pizza timer has 8 minutes and 20 seconds left now. [change 1 by 300s]
        extend the one hour timer by half an hour -> HassIncreaseTimer: Your 1 hour timer has 1 hour, 29 minutes and 59 seconds left now. [change 2 by 1800s]
        take a minute off the pizza timer -> HassDecreaseTimer: Your pizza timer has 2 minutes and 20 seconds left now. [change 1 by -60s]
        take five minutes off the pizza timer -> HassDecreaseTimer: Your pizza timer has only 3 minutes and 20 seconds left.
        shorten the pizza timer by 30 seconds -> HassDecreaseTimer: Your pizza timer has 2 minutes and 50 seconds left now. [change 1 by -30s]
        add eight days to the pizza timer -> HassIncreaseTimer: That's too long for me. A timer can run for up to 7 days.
        add zero minutes to the pizza timer -> HassIncreaseTimer: A timer can be changed by 1 second or more.
        add five minutes -> HassIncreaseTimer: Which one should I add 5 minutes to: the pizza timer or the 1 hour timer?
        take a minute off -> HassDecreaseTimer: Which one should I take 1 minute off: the pizza timer or the 1 hour timer?
        pause the pizza timer -> HassPauseTimer: Pizza timer paused, with 3 minutes and 20 seconds left. [pause [1]]
        pause the timer -> HassPauseTimer: Pizza timer paused, with 3 minutes and 20 seconds left. [pause [1]]
        pause the one hour timer -> HassPauseTimer: Your 1 hour timer is paused already.
        resume the timer -> HassUnpauseTimer: 1 hour timer running again, with 59 minutes and 59 seconds left. [resume [2]]
        unpause the pizza timer -> HassUnpauseTimer: Your pizza timer is not paused.
        pause all timers -> HassPauseTimer: Pizza timer paused, with 3 minutes and 20 seconds left. [pause [1]]
        resume all my timers -> HassUnpauseTimer: 1 hour timer running again, with 59 minutes and 59 seconds left. [resume [2]]
        how long is left -> HassTimerStatus: You have 2 timers: your pizza timer has 3 minutes and 20 seconds left and your 1 hour timer is paused with 59 minutes and 59 seconds left.
        pause the egg timer -> HassPauseTimer: You have no egg timer, only your pizza timer and your 1 hour timer.
    "#]].assert_eq(&said);
    let which = |last_reply| Surroundings { last_reply: Some(last_reply), ..around };
    let picked = [
        "Which one should I add 1 hour, 5 minutes and 1 second to: the pizza timer or the 1 hour timer?",
        "Which one should I take 1 minute off: the pizza timer or the 1 hour timer?",
        "Which one should I pause: the pizza timer or the 1 hour timer?",
        "Which one should I resume: the pizza timer or the 1 hour timer?",
    ]
    .map(|asked| transcript(&which(asked), &["the pizza timer"]));
    expect![[r#"
        the pizza timer -> PickTimer: Your pizza timer has 1 hour, 8 minutes and 21 seconds left now. [change 1 by 3901s]
        the pizza timer -> PickTimer: Your pizza timer has 2 minutes and 20 seconds left now. [change 1 by -60s]
        the pizza timer -> PickTimer: Pizza timer paused, with 3 minutes and 20 seconds left. [pause [1]]
        the pizza timer -> PickTimer: Your pizza timer is not paused.
    "#]].assert_eq(&picked.concat());
}
