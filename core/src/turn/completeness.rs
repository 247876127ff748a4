//! Whether an English transcript reads finished. Only words are looked at, and of them mostly the last: what the person
//! means is no affair of this file, and neither is how long to wait.
//!
//! A sentence that breaks off nearly always does so at a word that needs another after it. So there are few rules and no
//! grammar: what can't end a sentence, what can end one only behind certain words, and everything else, which can.

use crate::ear::transcript::words;

/// Sounds of somebody who looks for a word.
const FILLERS: &[&str] = &["uh", "um", "uhm", "erm", "er", "err", "hm", "hmm", "hmmm", "mm", "mmm"];

/// Adverbs that may close a sentence or come before the word that does. What stands before them decides.
const ADVERBS: &[&str] = &[
    "actually",
    "also",
    "basically",
    "definitely",
    "honestly",
    "kinda",
    "literally",
    "maybe",
    "obviously",
    "perhaps",
    "possibly",
    "potentially",
    "probably",
    "really",
    "seriously",
    "simply",
    "sorta",
    "still",
    "totally",
];

/// Words after which something follows, whatever stands before them.
const NEVER_LAST: &[&str] = &[
    // Articles and determiners.
    "a",
    "an",
    "the",
    "my",
    "your",
    "our",
    "their",
    "every",
    "another",
    "whose", //
    // Conjunctions.
    "and",
    "or",
    "but",
    "because",
    "cause",
    "cuz",
    "if",
    "unless",
    "until",
    "till",
    "while",
    "whilst",
    "although",
    "whereas",
    "whether",
    "than",
    "as",
    "nor",
    "plus", //
    // Prepositions that leave nothing behind even in a question.
    "of",
    "during",
    "among",
    "towards",
    "toward",
    "upon",
    "per",
    "via",
    "versus",
    "between",
    "including", //
    // Adverbs that lean on the next word.
    "just",
    "very",
    "even",
    "quite",
    "gonna",
    "wanna",
    "gotta",
    "finna", //
    // Contractions of a subject and its verb. "Ill" and "id" are seldom meant as they are spelled here.
    "im",
    "ive",
    "id",
    "ill",
    "youre",
    "youve",
    "youd",
    "youll",
    "hes",
    "shes",
    "weve",
    "theyre",
    "theyve",
    "theyd",
    "theyll",
    "its",
    "thats",
    "theres",
    "whats",
    "wheres",
    "whos",
    "lets",
];

/// Prepositions that end a question ("what is it for") or a phrase ("something to talk about").
const PREPOSITIONS: &[&str] = &[
    "about", "after", "against", "around", "at", "before", "by", "for", "from", "into", "onto", "since", "through",
    "to", "under", "with", "without", "like",
];

/// Prepositions that are also parts of verbs: "turn it on".
const PARTICLES: &[&str] = &["on", "off", "up", "down", "in", "out", "over"];

/// Verbs that take one of [`PARTICLES`].
const PARTICLE_VERBS: &[&str] = &[
    "back", "break", "bring", "call", "carry", "check", "come", "cut", "dial", "fill", "get", "give", "go", "going",
    "hang", "hold", "hurry", "keep", "leave", "left", "let", "lie", "lock", "log", "look", "move", "open", "pick",
    "pull", "push", "put", "read", "run", "set", "shut", "sign", "sit", "sleep", "slow", "speed", "stand", "stay",
    "switch", "take", "try", "turn", "turned", "wake", "warm", "was", "work", "is", "are",
];

/// Verbs whose particle wants an object when it follows them at once: "turn on ...".
const OBJECT_AFTER_PARTICLE: &[&str] =
    &["turn", "switch", "put", "bring", "pick", "look", "set", "fill", "dial", "check"];

/// Auxiliary verbs that end a question inside another sentence: "tell me where the station is", "what have I got to do".
const CLOSING_AUXILIARIES: &[&str] = &["is", "are", "was", "were", "have", "has", "had", "do", "does", "did"];

/// Other auxiliary verbs. They end an answer ("yes I can") and little else. "May" is a month too.
const AUXILIARIES: &[&str] = &[
    "be", "been", "being", "having", "can", "could", "will", "would", "shall", "should", "might", "must", "dont",
    "doesnt", "didnt", "isnt", "arent", "wasnt", "werent", "cant", "couldnt", "wont", "wouldnt", "shouldnt", "havent",
    "hasnt", "hadnt",
];

/// Pronouns that may be subjects.
const PRONOUNS: &[&str] = &["i", "you", "he", "she", "it", "we", "they", "this", "that", "there", "these", "those"];

/// Subjects that are nothing else. They wait for their verb, but in "who am I".
const SUBJECTS: &[&str] = &["i", "he", "she", "we", "they", "whatever", "whoever", "whichever"];

/// Words that ask.
const ASKING: &[&str] = &[
    "what", "whats", "which", "who", "whos", "whom", "where", "wheres", "how", "hows", "why", "whys", "when", "whens",
];

/// Verbs that say nothing without an object.
const OPEN_VERBS: &[&str] = &[
    "add",
    "put",
    "send",
    "remind",
    "tell",
    "give",
    "bring",
    "buy",
    "need",
    "needs",
    "want",
    "wants",
    "make",
    "makes",
    "making",
    "find",
    "get",
    "getting",
    "says",
    "saying",
    "think",
    "seem",
    "seems",
    "become",
    "becomes",
    "called",
    "named",
    "considering",
    "consider",
    "thinking",
    "wondering",
    "trying",
    "using",
    "wish",
    "hope",
    "mean",
    "means",
    "said",
    "suggest",
    "suggests",
    "turn",
    "switch",
    "let",
    "require",
    "requires",
    "include",
    "includes",
    "indicate",
    "indicates",
];

/// Verbs whose object is a person and a thing: "tell me ...".
const TWO_OBJECTS: &[&str] =
    &["tell", "give", "show", "remind", "find", "get", "bring", "send", "let", "buy", "make", "teach"];

/// What is asked for with "like" at the end: "what does it look like".
const LIKENED: &[&str] = &["look", "looks", "looking", "weather", "sound", "sounds", "taste", "feel", "is", "was"];

/// Numbers in words that can begin a longer one or stand before a unit.
const NUMBERS: &[&str] = &[
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "fifteen",
    "twenty", "thirty", "forty", "fifty", "sixty", "ninety", "hundred",
];

/// Whether `transcript` reads as if nothing were missing at its end; nothing if it has no words.
///
/// Marks at the end count only where they say that more was to come, because recognisers close what was never closed.
#[must_use]
pub fn reads_finished(transcript: &str) -> Option<bool> {
    let said: Vec<String> = words(transcript).map(|word| word.letters).collect();
    let mut said: Vec<&str> = said.iter().map(String::as_str).collect();
    if said.is_empty() {
        return None;
    }
    let written = transcript.trim_end();
    if written.ends_with(['…', ',', ':', ';', '-', '–', '—']) || written.ends_with("..") {
        return Some(false);
    }
    while said.len() > 1 && said.last().is_some_and(|last| ADVERBS.contains(last)) {
        said.pop();
    }
    Some(!is_open(&said))
}

/// Whether the last of `said` needs a word after it.
fn is_open(said: &[&str]) -> bool {
    let Some((&last, before)) = said.split_last() else { return false };
    let previous = before.last().copied().unwrap_or_default();
    let asks = before.iter().any(|word| ASKING.contains(word));
    match last {
        _ if NEVER_LAST.contains(&last) || FILLERS.contains(&last) => true,
        "so" => before.len() > 1 && !["think", "hope", "guess", "suppose"].contains(&previous),
        "next" | "last" | "some" | "any" | "no" => previous == "the" || PREPOSITIONS.contains(&previous),
        "me" | "us" | "him" | "them" => TWO_OBJECTS.contains(&previous) && !asks,
        "like" if asks && before.iter().any(|word| LIKENED.contains(word)) => false,
        "you" => !ends_in_you(before, previous),
        _ if ASKING.contains(&last) => before.len() > 1,
        _ if PREPOSITIONS.contains(&last) => !ends_question(before, previous),
        _ if PARTICLES.contains(&last) => !belongs_to_verb(last, before, previous),
        "am" => previous == "i" && before.len() > 3,
        _ if CLOSING_AUXILIARIES.contains(&last) => !(is_answer(before) || asks && !ASKING.contains(&previous)),
        _ if AUXILIARIES.contains(&last) => !(is_answer(before) || last == "be" && asks),
        _ if SUBJECTS.contains(&last) => !is_inverted(before, previous),
        _ if OPEN_VERBS.contains(&last) => !asks,
        // "A timer for five": a length of time has a unit, and a time of day need not have one.
        _ => is_number(last) && previous == "for" && before.contains(&"timer"),
    }
}

/// Whether "you" can end a sentence: "thank you", "how are you", but not "what you", "if you" or "could you".
fn ends_in_you(before: &[&str], previous: &str) -> bool {
    let question = before.len() == 1 && (CLOSING_AUXILIARIES.contains(&previous) || AUXILIARIES.contains(&previous));
    let leads_on = ASKING.contains(&previous) || NEVER_LAST.contains(&previous);
    !question && !leads_on && !["that", "think", "whatever"].contains(&previous)
}

/// Whether a preposition after `before` ends a question, "who is it from", or what is said of one, "what I asked for".
fn ends_question(before: &[&str], previous: &str) -> bool {
    let question = before.first().is_some_and(|first| ASKING.contains(first)) && before.len() <= 6;
    let bare = PRONOUNS.contains(&previous) || previous.ends_with("ing") || previous == "weather";
    let relative = matches!(before, [.., asking, subject, _] if ASKING.contains(asking) && PRONOUNS.contains(subject));
    question && bare || relative
}

/// Whether a particle after `before` is the end of a verb, "turn the light on", or of a command, "volume up".
fn belongs_to_verb(last: &str, before: &[&str], previous: &str) -> bool {
    if OBJECT_AFTER_PARTICLE.contains(&previous) {
        return false;
    }
    let preposition = matches!(last, "on" | "in" | "over");
    let asks = before.first().is_some_and(|first| ASKING.contains(first));
    let lights_on = last == "on" && before.len() <= 3 && !asks;
    !preposition || lights_on || before.iter().any(|word| PARTICLE_VERBS.contains(word))
}

/// Whether `before` is so short, and ends in such a subject, that an auxiliary verb makes an answer of it: "yes I do".
fn is_answer(before: &[&str]) -> bool {
    let (Some(first), Some(subject)) = (before.first(), before.last()) else { return false };
    PRONOUNS.contains(subject) && before.len() <= 3 && !ASKING.contains(first) && !NEVER_LAST.contains(first)
}

/// Whether a subject after `before` stands behind its verb: "who am I", "so do I".
fn is_inverted(before: &[&str], previous: &str) -> bool {
    before.len() <= 3
        && (previous == "am" || CLOSING_AUXILIARIES.contains(&previous) || AUXILIARIES.contains(&previous))
}

fn is_number(word: &str) -> bool {
    NUMBERS.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_off_reads_unfinished() {
        let unfinished = [
            "set a timer for",
            "set a timer for twenty",
            "turn on the",
            "turn on",
            "remind me to",
            "what's the weather in",
            "add milk and",
            "I was thinking um",
            "could you possibly",
            "not what I",
            "tell me",
            "What I wanted to say is that you're",
            "Set an alarm...",
            "milk, eggs,",
        ];
        for text in unfinished {
            assert_eq!(reads_finished(text), Some(false), "{text}");
        }
    }

    #[test]
    fn what_lacks_nothing_reads_finished() {
        let finished = [
            "Stop.",
            "yes",
            "what time is it",
            "Turn it off.",
            "turn the kitchen light on",
            "lights off",
            "volume up",
            "how are you",
            "thank you",
            "yes I do",
            "who is it from",
            "what's the weather like?",
            "tell me where the station is",
            "tell me a joke",
            "set a timer for ten minutes",
            "wake me at seven",
            "that is not what I asked for",
        ];
        for text in finished {
            assert_eq!(reads_finished(text), Some(true), "{text}");
        }
    }

    #[test]
    fn any_words_can_be_judged() {
        let lists =
            [FILLERS, ADVERBS, NEVER_LAST, PREPOSITIONS, PARTICLES, PARTICLE_VERBS, CLOSING_AUXILIARIES, AUXILIARIES];
        let more =
            [PRONOUNS, SUBJECTS, ASKING, OPEN_VERBS, TWO_OBJECTS, NUMBERS, &["so", "next", "me", "you", "am", "like"]];
        let words: Vec<&str> = [&lists[..], &more[..]].concat().concat();
        for first in &words {
            assert!(reads_finished(first).is_some(), "{first}");
            for second in &words {
                assert!(reads_finished(&format!("{first} {second}")).is_some(), "{first} {second}");
            }
        }
    }

    #[test]
    fn no_words_say_nothing() {
        assert_eq!((reads_finished(""), reads_finished("..."), reads_finished("[coughs]")), (None, None, None));
    }
}
