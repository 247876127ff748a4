//! Sentences that others wrote, where this machine has them. They are a yardstick, never tuned to one by one.

use super::catalogue;
use std::path::PathBuf;

/// The lines of a file among the shared test data, or `None` where there is none.
fn shared(path: &str) -> Option<Vec<String>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora").join(path);
    let text = std::fs::read_to_string(path).ok();
    if text.is_none() {
        eprintln!("skipped: the shared test data is not here");
    }
    text.map(|text| text.lines().map(str::to_owned).collect())
}

const SUBJECTS: &[&str] = &[
    "HassGetCurrentTime",
    "HassGetCurrentDate",
    "HassStartTimer",
    "HassCancelTimer",
    "HassCancelAllTimers",
    "HassTimerStatus",
    "HassIncreaseTimer",
    "HassDecreaseTimer",
    "HassPauseTimer",
    "HassUnpauseTimer",
    "HassSetVolume",
    "HassSetVolumeRelative",
    "HassNevermind",
];

#[test]
fn home_assistants_sentences_are_understood_as_home_assistant_does() {
    let Some(lines) = shared("ha_intents/tests_en.jsonl") else { return };
    let (mut understood, mut of_subject, mut wrong) = (0, 0, vec![]);
    for line in lines {
        let test: serde_json::Value = serde_json::from_str(&line).unwrap();
        let (sentence, expected) = (test["sentence"].as_str().unwrap(), test["intent"].as_str().unwrap());
        let heard = catalogue().recognise(sentence).map(|intent| intent.name());
        if SUBJECTS.contains(&expected) {
            of_subject += 1;
            understood += usize::from(heard == Some(expected));
            if heard.is_none() {
                eprintln!("not understood: {sentence} ({expected})");
            }
        }
        // Which of two wordings is a stop and which a cancelled timer is settled: the name must agree.
        if heard.is_some_and(|heard| heard != expected) {
            wrong.push(format!("{sentence}: {} for {expected}", heard.unwrap_or_default()));
        }
    }
    eprintln!("{understood} of {of_subject} understood");
    assert_eq!(wrong, Vec::<String>::new());
    assert!(understood * 100 >= of_subject * 70, "{understood} of {of_subject}");
}

/// SLURP's intents that are ours, at least for some of their sentences.
const OURS_IN_SLURP: &[&str] = &[
    "datetime_query",
    "alarm_set",
    "alarm_query",
    "alarm_remove",
    "datetime_convert",
    "qa_maths",
    "audio_volume_up",
    "audio_volume_down",
    "audio_volume_mute",
    "general_greet",
    "greet",
    "general_quirky",
    "query",
];

#[test]
fn sentences_about_other_things_are_not_taken() {
    let Some(lines) = shared("slurp_text/slurp_devel.tsv") else { return };
    let (mut others, mut taken) = (0, vec![]);
    for line in lines.iter().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let (sentence, intent) = (fields[1], fields[4]);
        let heard = catalogue().recognise(sentence).map(|heard| heard.name());
        if OURS_IN_SLURP.contains(&intent) {
            if let Some(heard) = heard {
                eprintln!("{heard}: {sentence}");
            } else if intent != "general_quirky" {
                eprintln!("none: {sentence} ({intent})");
            }
            continue;
        }
        others += 1;
        // To SLURP a reminder is an entry of a calendar, or of a list.
        let ours = |heard: &&str| matches!(*heard, "Remind" | "ListReminders");
        if let Some(heard) = heard.filter(|heard| !(sentence.contains("remind") && ours(heard))) {
            taken.push(format!("{sentence} ({intent}): {heard}"));
        }
    }
    // SLURP files some of our subjects under others: "how many cups are in a quart" is cooking to it.
    eprintln!("{} of {others} taken: {taken:#?}", taken.len());
    assert!(taken.len() * 400 <= others, "{taken:#?}");
}
