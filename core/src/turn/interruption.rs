//! What speech over a reply means for the reply: its end, nothing, or another request.
//!
//! In doubt it is a request, which ends the reply too: a reply that goes on over somebody who wants something is worse
//! than one that stops for a murmur. Whether it was speech at all, and whether it was Pipit's own voice, is decided in
//! [`crate::ear`].

use crate::ear::transcript::words;
use crate::intent::{Catalogue, Intent};

/// What was meant by speaking over a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Fall silent. There is nothing to answer.
    Stop,
    /// Go on: a sign of listening, a laugh, or no words at all.
    BackChannel,
    /// A request, which takes the reply's place.
    Speech,
}

/// What only asks for a moment's silence. As an utterance of its own it would be no request, so the catalogue has none of
/// these.
const WAIT: &[&str] = &[
    "wait",
    "wait a minute",
    "wait a moment",
    "wait a second",
    "hold on",
    "hold on a minute",
    "hold on a moment",
    "hold on a second",
    "hang on",
    "hang on a minute",
    "hang on a moment",
    "hang on a second",
    "one moment",
    "one second",
    "just a minute",
    "just a moment",
    "just a second",
    "quit it",
    "silence please",
];

/// Signs of listening: said while another speaks, they claim no turn. Longest first where one begins another.
const BACK_CHANNELS: &[&[&str]] = &[
    &["got", "it"],
    &["i", "see"],
    &["all", "right"],
    &["of", "course"],
    &["oh", "my", "god"],
    &["oh", "my"],
    &["no", "way"],
    &["that", "is", "right"],
    &["thats", "right"],
    &["thank", "you"],
    &["alright"],
    &["amazing"],
    &["cool"],
    &["exactly"],
    &["fine"],
    &["good"],
    &["great"],
    &["interesting"],
    &["nice"],
    &["ok"],
    &["okay"],
    &["really"],
    &["right"],
    &["sure"],
    &["thanks"],
    &["true"],
    &["wow"],
    &["yeah"],
    &["yep"],
    &["yes"],
    &["yup"],
];

/// Sounds that recognisers write as words. They answer no question.
const MURMURS: &[&str] = &[
    "ah", "aha", "aw", "aww", "eh", "er", "erm", "ew", "huh", "lol", "oh", "oof", "ooh", "oops", "ouch", "ow", "uh",
    "uhm", "um", "whoa",
];

/// Hums that mean yes where a question was asked.
const HUMMED_YES: &[&[&str]] =
    &[&["uh", "huh"], &["uhhuh"], &["mm", "hm"], &["mm", "hmm"], &["mhm"], &["mmhm"], &["mmhmm"], &["mhmm"]];

/// What `heard`, a transcript of speech over a reply, means for it. `reply_asked` says whether what had been heard of the
/// reply ended in a question ([`ends_in_question`]): then "yes" is an answer, and an answer is a request.
#[must_use]
pub fn interruption(catalogue: &Catalogue, heard: &str, reply_asked: bool) -> Interruption {
    if claims_no_turn(heard, reply_asked) {
        return Interruption::BackChannel;
    }
    let stops = |piece: &str| is_stop(catalogue, piece, reply_asked);
    // "Yeah, okay. Stop." is a stop with signs of listening before it.
    let mut pieces = heard.split([',', '.', '!', '?', ';', '…', '\n']);
    if stops(heard) || pieces.all(|piece| stops(piece) || claims_no_turn(piece, reply_asked)) {
        return Interruption::Stop;
    }
    Interruption::Speech
}

/// Whether `said`, as written, ends by asking for an answer.
#[must_use]
pub fn ends_in_question(said: &str) -> bool {
    let closing = |c: char| !c.is_alphanumeric() && !"?？.!…".contains(c);
    said.trim_end_matches(closing).ends_with(['?', '？'])
}

fn is_stop(catalogue: &Catalogue, heard: &str, reply_asked: bool) -> bool {
    let mut spoken = spoken(heard);
    // "Stop stop stop stop" is one wish.
    spoken.dedup();
    let spoken = spoken.join(" ");
    match catalogue.recognise(heard).or_else(|| catalogue.recognise(&spoken)) {
        Some(Intent::Stop) => true,
        // To a question, "never mind" and "no thanks" are answers.
        Some(Intent::Nevermind) => !reply_asked,
        _ => WAIT.contains(&&*spoken),
    }
}

/// Whether `heard` consists of signs of listening, laughter and murmurs, or of nothing at all.
fn claims_no_turn(heard: &str, reply_asked: bool) -> bool {
    let spoken = spoken(heard);
    let mut rest = spoken.as_slice();
    while let Some(word) = rest.first() {
        let begins = |phrase: &&&[&str]| rest.len() >= phrase.len() && phrase.iter().zip(rest).all(|(a, b)| a == b);
        let length = match HUMMED_YES.iter().chain(BACK_CHANNELS).find(begins) {
            Some(_) if reply_asked => return false,
            Some(phrase) => phrase.len(),
            None if MURMURS.contains(&word.as_str()) || is_hum(word) || is_laughter(word) => 1,
            None => return false,
        };
        rest = &rest[length..];
    }
    true
}

fn spoken(heard: &str) -> Vec<String> {
    words(heard).map(|word| word.letters).collect()
}

/// "Mm", "hm", "hmmm".
fn is_hum(word: &str) -> bool {
    word.len() >= 2 && word.bytes().all(|letter| matches!(letter, b'm' | b'h'))
}

/// "Ha", "haha", "hehehe".
fn is_laughter(word: &str) -> bool {
    let of = |vowel: u8| word.bytes().all(|letter| letter == b'h' || letter == vowel);
    word == "ha"
        || (word.bytes().filter(|letter| *letter == b'h').count() >= 2 && [b'a', b'e', b'i'].into_iter().any(of))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};

    use super::*;

    fn check(reply_asked: bool, heard: &[&str], expected: Expect) {
        let catalogue = Catalogue::english();
        let mut out = String::new();
        for heard in heard {
            writeln!(out, "{heard} -> {:?}", interruption(&catalogue, heard, reply_asked)).unwrap();
        }
        expected.assert_eq(&out);
    }

    const STOPS: &[&str] = &[
        "stop",
        "Stop.",
        "STOP!",
        "Stop, stop, stop, stop!",
        "stop stop stop stop stop",
        "Pipit, stop.",
        "okay stop",
        "Please stop talking.",
        "cancel",
        "Cancel that.",
        "be quiet",
        "Be quiet, please.",
        "Shut up!",
        "that's enough",
        "Okay, okay, that's enough.",
        "Never mind.",
        "nevermind",
        "Oh, never mind.",
        "forget it",
        "Wait, wait.",
        "hold on",
        "Hang on a minute?",
        "No, stop it.",
        "Yeah. Yeah, stop.",
        "hush",
    ];

    const BACK: &[&str] = &[
        "",
        " ... ",
        "[laughs]",
        "(laughter)",
        "*coughs*",
        "[BLANK_AUDIO]",
        "mm-hm",
        "Mm-hmm.",
        "Mhm",
        "Uh-huh.",
        "uh huh",
        "hmm",
        "Yeah.",
        "yeah, yeah",
        "okay",
        "Okay, right.",
        "Right.",
        "Wow!",
        "Oh, wow.",
        "Ha ha ha!",
        "hahaha",
        "hehe",
        "I see.",
        "Got it.",
        "Oh, really?",
        "Yes.",
        "Thank you.",
        "all right",
        "No way!",
        "Oh my god.",
        "um",
    ];

    const REQUESTS: &[&str] = &[
        "What time is it?",
        "stop the timer",
        "Cancel the timer.",
        "stop the music in the kitchen",
        "no",
        "No, the other one.",
        "yes please do",
        "okay what about tomorrow",
        "right, and on Sunday?",
        "What?",
        "Pardon?",
        "wow, who wrote it?",
        "yeah but why",
        "louder",
        "turn it down",
        "hey",
        "he",
        "him",
        "tell me more",
        "wait for me in the car",
        "good morning",
        "thanks, and the weather?",
        "never mind the gap",
        "don't stop",
        "stop at five minutes",
        "say that again",
        "I see a bird",
    ];

    #[test]
    fn whoever_wants_silence_gets_it() {
        check(
            false,
            STOPS,
            expect![[r#"
                stop -> Stop
                Stop. -> Stop
                STOP! -> Stop
                Stop, stop, stop, stop! -> Stop
                stop stop stop stop stop -> Stop
                Pipit, stop. -> Stop
                okay stop -> Stop
                Please stop talking. -> Stop
                cancel -> Stop
                Cancel that. -> Stop
                be quiet -> Stop
                Be quiet, please. -> Stop
                Shut up! -> Stop
                that's enough -> Stop
                Okay, okay, that's enough. -> Stop
                Never mind. -> Stop
                nevermind -> Stop
                Oh, never mind. -> Stop
                forget it -> Stop
                Wait, wait. -> Stop
                hold on -> Stop
                Hang on a minute? -> Stop
                No, stop it. -> Stop
                Yeah. Yeah, stop. -> Stop
                hush -> Stop
            "#]],
        );
    }

    #[test]
    fn whoever_only_listens_does_not_interrupt() {
        check(
            false,
            BACK,
            expect![[r#"
                 -> BackChannel
                 ...  -> BackChannel
                [laughs] -> BackChannel
                (laughter) -> BackChannel
                *coughs* -> BackChannel
                [BLANK_AUDIO] -> BackChannel
                mm-hm -> BackChannel
                Mm-hmm. -> BackChannel
                Mhm -> BackChannel
                Uh-huh. -> BackChannel
                uh huh -> BackChannel
                hmm -> BackChannel
                Yeah. -> BackChannel
                yeah, yeah -> BackChannel
                okay -> BackChannel
                Okay, right. -> BackChannel
                Right. -> BackChannel
                Wow! -> BackChannel
                Oh, wow. -> BackChannel
                Ha ha ha! -> BackChannel
                hahaha -> BackChannel
                hehe -> BackChannel
                I see. -> BackChannel
                Got it. -> BackChannel
                Oh, really? -> BackChannel
                Yes. -> BackChannel
                Thank you. -> BackChannel
                all right -> BackChannel
                No way! -> BackChannel
                Oh my god. -> BackChannel
                um -> BackChannel
            "#]],
        );
    }

    #[test]
    fn whoever_wants_something_else_is_heard() {
        check(
            false,
            REQUESTS,
            expect![[r#"
                What time is it? -> Speech
                stop the timer -> Speech
                Cancel the timer. -> Speech
                stop the music in the kitchen -> Speech
                no -> Speech
                No, the other one. -> Speech
                yes please do -> Speech
                okay what about tomorrow -> Speech
                right, and on Sunday? -> Speech
                What? -> Speech
                Pardon? -> Speech
                wow, who wrote it? -> Speech
                yeah but why -> Speech
                louder -> Speech
                turn it down -> Speech
                hey -> Speech
                he -> Speech
                him -> Speech
                tell me more -> Speech
                wait for me in the car -> Speech
                good morning -> Speech
                thanks, and the weather? -> Speech
                never mind the gap -> Speech
                don't stop -> Speech
                stop at five minutes -> Speech
                say that again -> Speech
                I see a bird -> Speech
            "#]],
        );
    }

    #[test]
    fn after_a_question_an_answer_is_a_request() {
        check(
            true,
            BACK,
            expect![[r#"
                 -> BackChannel
                 ...  -> BackChannel
                [laughs] -> BackChannel
                (laughter) -> BackChannel
                *coughs* -> BackChannel
                [BLANK_AUDIO] -> BackChannel
                mm-hm -> Speech
                Mm-hmm. -> Speech
                Mhm -> Speech
                Uh-huh. -> Speech
                uh huh -> Speech
                hmm -> BackChannel
                Yeah. -> Speech
                yeah, yeah -> Speech
                okay -> Speech
                Okay, right. -> Speech
                Right. -> Speech
                Wow! -> Speech
                Oh, wow. -> Speech
                Ha ha ha! -> BackChannel
                hahaha -> BackChannel
                hehe -> BackChannel
                I see. -> Speech
                Got it. -> Speech
                Oh, really? -> Speech
                Yes. -> Speech
                Thank you. -> Speech
                all right -> Speech
                No way! -> Speech
                Oh my god. -> Speech
                um -> BackChannel
            "#]],
        );
        check(
            true,
            &["stop", "Shut up.", "never mind", "no thanks", "cancel", "No.", "hold on"],
            expect![[r#"
                stop -> Stop
                Shut up. -> Stop
                never mind -> Speech
                no thanks -> Speech
                cancel -> Speech
                No. -> Speech
                hold on -> Stop
            "#]],
        );
    }

    #[test]
    fn a_question_is_told_by_its_mark() {
        for asked in ["Shall I?", "“Shall I?”", "Shall I? 🙂", "Shall I?  \n", "かな？", "Really?!?"] {
            assert!(ends_in_question(asked), "{asked}");
        }
        for told in ["", "I shall.", "Shall I? I shall", "Shall I? I shall.", "?.", "5 ? 3"] {
            assert!(!ends_in_question(told), "{told}");
        }
    }
}
