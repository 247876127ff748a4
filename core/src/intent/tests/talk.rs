use super::{quiet, transcript};
use crate::intent::Surroundings;
use expect_test::expect;

#[test]
fn stop_and_never_mind_are_answered_with_silence() {
    let said = transcript(
        &quiet(),
        &[
            "stop",
            "Stop!",
            "okay stop",
            "stop it",
            "stop talking",
            "be quiet",
            "shut up",
            "that's enough",
            "enough",
            "quiet please",
            "never mind",
            "nevermind",
            "cancel",
            "cancel that",
            "forget it",
            "no thanks",
            "leave it",
            "oh never mind",
        ],
    );
    expect![[r#"
        stop -> Stop:  [stop]
        Stop! -> Stop:  [stop]
        okay stop -> Stop:  [stop]
        stop it -> Stop:  [stop]
        stop talking -> Stop:  [stop]
        be quiet -> Stop:  [stop]
        shut up -> Stop:  [stop]
        that's enough -> Stop:  [stop]
        enough -> Stop:  [stop]
        quiet please -> Stop:  [stop]
        never mind -> HassNevermind:  [stop]
        nevermind -> HassNevermind:  [stop]
        cancel -> HassNevermind:  [stop]
        cancel that -> HassNevermind:  [stop]
        forget it -> HassNevermind:  [stop]
        no thanks -> HassNevermind:  [stop]
        leave it -> HassNevermind:  [stop]
        oh never mind -> HassNevermind:  [stop]
    "#]]
    .assert_eq(&said);
}

#[test]
fn the_last_reply_is_repeated() {
    let utterances =
        ["repeat that", "can you repeat that please", "say that again", "what did you say", "pardon", "again"];
    let around = Surroundings { last_reply: Some("It's noon."), ..quiet() };
    expect![[r#"
        repeat that -> Repeat: It's noon.
        can you repeat that please -> Repeat: It's noon.
        say that again -> Repeat: It's noon.
        what did you say -> Repeat: It's noon.
        pardon -> Repeat: It's noon.
        again -> Repeat: It's noon.
    "#]]
    .assert_eq(&transcript(&around, &utterances));
    expect![[r#"
        repeat that -> Repeat: I haven't said anything yet.
    "#]]
    .assert_eq(&transcript(&quiet(), &utterances[..1]));
}

#[test]
fn small_talk() {
    let said = transcript(
        &quiet(),
        &[
            "hello",
            "hello there",
            "hi",
            "hey",
            "hey pipit",
            "Good morning!",
            "good evening",
            "thank you",
            "thanks",
            "thanks a lot",
            "thank you very much",
            "okay thanks",
            "goodbye",
            "bye",
            "see you later",
            "good night",
            "how are you",
            "Hello, how are you today?",
            "what can you do",
            "help",
            "what can i say",
            "hello what time is it",
        ],
    );
    expect![[r#"
        hello -> Greet: Good afternoon.
        hello there -> Greet: Good afternoon.
        hi -> Greet: Good afternoon.
        hey -> Greet: Good afternoon.
        hey pipit -> Greet: Good afternoon.
        Good morning! -> Greet: Good afternoon.
        good evening -> Greet: Good afternoon.
        thank you -> Thank: You're welcome.
        thanks -> Thank: You're welcome.
        thanks a lot -> Thank: You're welcome.
        thank you very much -> Thank: You're welcome.
        okay thanks -> Thank: You're welcome.
        goodbye -> Farewell: Goodbye.
        bye -> Farewell: Goodbye.
        see you later -> Farewell: Goodbye.
        good night -> Farewell: Good night.
        how are you -> HowAreYou: I'm fine, thank you. What can I do for you?
        Hello, how are you today? -> HowAreYou: I'm fine, thank you. What can I do for you?
        what can you do -> Help: I can tell you the time and date, run timers, set alarms and reminders, make announcements, change the volume, do sums, convert units and remember what you tell me. Try: set a timer for 10 minutes.
        help -> Help: I can tell you the time and date, run timers, set alarms and reminders, make announcements, change the volume, do sums, convert units and remember what you tell me. Try: set a timer for 10 minutes.
        what can i say -> Help: I can tell you the time and date, run timers, set alarms and reminders, make announcements, change the volume, do sums, convert units and remember what you tell me. Try: set a timer for 10 minutes.
        hello what time is it -> HassGetCurrentTime: It's 4:30 PM.
    "#]].assert_eq(&said);
}

#[test]
fn what_is_not_certain_is_left_to_others() {
    let said = transcript(
        &quiet(),
        &[
            "",
            " ",
            "?!",
            "please",
            "okay",
            "yes",
            "no",
            "stop the music",
            "stop the vacuum",
            "cancel my alarm",
            "pause the timer",
            "add five minutes to the timer",
            "help me with my homework",
            "what can you tell me about rome",
            "thank god it's friday",
            "hello kitty",
            "good morning vietnam",
            "how are you going to fix this",
            "repeat this song",
            "say hello to my friend",
            "bye bye birdie lyrics",
            "what is the capital of france",
            "never mind the gap is what they say",
            "turn off the lights in ten minutes",
            "play the time warp",
        ],
    );
    expect![[r#"
         -> not understood
          -> not understood
        ?! -> not understood
        please -> not understood
        okay -> not understood
        yes -> not understood
        no -> not understood
        stop the music -> not understood
        stop the vacuum -> not understood
        cancel my alarm -> CancelAlarm: You have no alarms set.
        pause the timer -> HassPauseTimer: You have no timers running.
        add five minutes to the timer -> HassIncreaseTimer: You have no timers running.
        help me with my homework -> not understood
        what can you tell me about rome -> not understood
        thank god it's friday -> not understood
        hello kitty -> not understood
        good morning vietnam -> not understood
        how are you going to fix this -> not understood
        repeat this song -> not understood
        say hello to my friend -> not understood
        bye bye birdie lyrics -> not understood
        what is the capital of france -> not understood
        never mind the gap is what they say -> not understood
        turn off the lights in ten minutes -> not understood
        play the time warp -> not understood
    "#]]
    .assert_eq(&said);
}
