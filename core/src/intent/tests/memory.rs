use super::{quiet, transcript};
use crate::intent::{Fact, FactId, Surroundings, answer_from_facts};
use expect_test::expect;

fn facts() -> Vec<Fact> {
    let texts = [
        "I park on level two",
        "my sister's birthday is the third of May",
        "the spare key is under the pot",
        "I’m allergic to nuts",
    ];
    (1..).zip(texts).map(|(id, text)| Fact { id: FactId(id), text: text.to_owned() }).collect()
}

#[test]
fn what_is_to_be_remembered_is_kept_as_it_was_said() {
    expect![[r#"
        Remember that I park on level two. -> Remember: I'll remember that you park on level two. [remember `I park on level two`]
        Pipit, please remember my PIN-less card is in the blue jacket! -> Remember: I'll remember that your PIN-less card is in the blue jacket. [remember `my PIN-less card is in the blue jacket`]
        Can you remember that Anna's number ends in 42, please? -> Remember: I'll remember that Anna's number ends in 42. [remember `Anna's number ends in 42`]
        Don't forget that we leave at 7:30 -> Remember: I'll remember that we leave at 7:30. [remember `we leave at 7:30`]
        remember to call mum -> not understood
        remember the milk -> not understood
        remember that -> not understood
        note that the plumber comes on Tuesday -> Remember: I'll remember that the plumber comes on Tuesday. [remember `the plumber comes on Tuesday`]
    "#]].assert_eq(&transcript(
        &quiet(),
        &[
            "Remember that I park on level two.",
            "Pipit, please remember my PIN-less card is in the blue jacket!",
            "Can you remember that Anna's number ends in 42, please?",
            "Don't forget that we leave at 7:30",
            "remember to call mum",
            "remember the milk",
            "remember that",
            "note that the plumber comes on Tuesday",
        ],
    ));
}

#[test]
fn what_is_remembered_can_be_asked_for_and_forgotten() {
    let facts = facts();
    let around = Surroundings { facts: &facts, ..quiet() };
    expect![[r#"
        what do you remember -> RecallFacts: You told me that you park on level two, and that your sister's birthday is the third of May, and that the spare key is under the pot, and that you're allergic to nuts.
        What do you know about me? -> RecallFacts: You told me that you park on level two, and that your sister's birthday is the third of May, and that the spare key is under the pot, and that you're allergic to nuts.
        what did I tell you about the keys -> RecallFacts: You told me that the spare key is under the pot.
        what did i tell you about the moon -> RecallFacts: I remember nothing about that.
        forget that I park on level two -> ForgetFacts: I have forgotten that you park on level two. [forget facts [1]]
        Forget what I told you about the moon. -> ForgetFacts: I remember nothing about that.
        forget everything you know about me -> ForgetFacts: I have forgotten everything you told me. [forget facts [1, 2, 3, 4]]
        forget everything -> not understood
        forget about it -> HassNevermind:  [stop]
    "#]].assert_eq(&transcript(
        &around,
        &[
            "what do you remember",
            "What do you know about me?",
            "what did I tell you about the keys",
            "what did i tell you about the moon",
            "forget that I park on level two",
            "Forget what I told you about the moon.",
            "forget everything you know about me",
            "forget everything",
            "forget about it",
        ],
    ));
    let none = quiet();
    expect![[r#"
        what do you remember -> RecallFacts: You haven't told me to remember anything.
        forget that I park on level two -> ForgetFacts: You haven't told me to remember anything.
    "#]]
    .assert_eq(&transcript(&none, &["what do you remember", "forget that I park on level two"]));
}

#[test]
fn forget_that_takes_back_what_was_just_remembered_and_nothing_else() {
    let facts = facts();
    let just =
        Surroundings { facts: &facts, last_reply: Some("I'll remember that you're allergic to nuts."), ..quiet() };
    let later = Surroundings { facts: &facts, last_reply: Some("It's noon."), ..quiet() };
    expect![[r#"
        forget that -> HassNevermind: I have forgotten that you're allergic to nuts. [forget facts [4]]
        forget that -> HassNevermind:  [stop]
    "#]]
    .assert_eq(&(transcript(&just, &["forget that"]) + &transcript(&later, &["forget that"])));
}

#[test]
fn a_question_is_answered_from_what_is_remembered() {
    let facts = facts();
    let answers: Vec<String> = [
        "Where do I park?",
        "Where is the spare key?",
        "When is my sister's birthday?",
        "what is the capital of France",
        "What is it?",
        "park",
    ]
    .iter()
    .map(|question| format!("{question} {:?}", answer_from_facts(question, &facts)))
    .collect();
    expect![[r#"
        Where do I park? Some("You told me that you park on level two.")
        Where is the spare key? Some("You told me that the spare key is under the pot.")
        When is my sister's birthday? Some("You told me that your sister's birthday is the third of May.")
        what is the capital of France None
        What is it? None
        park None"#]]
    .assert_eq(&answers.join("\n"));
}
