//! Deciding what a run of the model is worth: words, or nothing and why.
//!
//! "Nobody spoke" and "somebody spoke and was not understood" are told apart, because the first deserves silence and
//! the second an answer.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// What a recogniser made of an utterance.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// The words, without white space around them; empty unless `outcome` is [`Outcome::Words`].
    pub text: String,
    /// What it may have been that was not understood; empty where it was understood or is anybody's guess. Too uncertain to
    /// be answered or done, but for what costs nothing where it is wrong, such as falling silent.
    pub guess: String,
    /// The mean natural logarithm of the tokens' probabilities: 0.0 is certainty, and -1.0 is poor.
    pub mean_log_probability: f32,
    /// Whether there are words, and why if there are none.
    pub outcome: Outcome,
}

/// Whether an utterance had words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It had, and `text` holds them.
    Words,
    /// It gave no words that can be relied upon.
    Nothing(Nothing),
}

/// Why there are no words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// There was no sound, or too little of it to hold a word.
    Silence,
    /// There was sound, and the model says that it was not speech.
    NoSpeech,
    /// The model fell into a loop, which says nothing about what was said.
    Repetition,
    /// The model is too unsure of the words it found.
    NotUnderstood,
}

impl Transcript {
    pub(crate) fn nothing(nothing: Nothing) -> Transcript {
        Transcript {
            text: String::new(),
            guess: String::new(),
            mean_log_probability: 0.0,
            outcome: Outcome::Nothing(nothing),
        }
    }

    /// Whether somebody spoke, understood or not. If somebody did and there are no words, say so to them.
    #[must_use]
    pub fn somebody_spoke(&self) -> bool {
        !matches!(self.outcome, Outcome::Nothing(Nothing::Silence | Nothing::NoSpeech))
    }
}

/// The thresholds of a model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Below this mean log-probability the words are not relied upon.
    pub(super) min_log_probability: f32,
    /// Whether the model's probability of there being no speech means anything.
    knows_no_speech: bool,
}

/// OpenAI's models: the thresholds of their `transcribe.py`.
pub(super) const PUBLISHED: Limits = Limits { min_log_probability: -1.0, knows_no_speech: true };

/// pipit-nano-en: the threshold of its card.
pub(super) const NANO: Limits = Limits { min_log_probability: -0.25, knows_no_speech: false };

/// Above this probability of there being no speech, doubtful words are taken for invented ones.
pub(super) const NO_SPEECH: f32 = 0.6;

/// A text that zlib shortens more than this repeats itself (OpenAI's threshold).
pub(super) const MOST_COMPRESSION: f32 = 2.4;

/// Less than 100 ms: whisper.cpp does not look at it, and no word fits in.
const SHORTEST: usize = 1600;

/// The level, relative to full scale, under which no microphone hears anything: -90 dB.
const FAINTEST: f32 = 3e-5;

/// What the published models like to write when they hear noise: ends of videos from their training data.
const INVENTIONS: &[&str] = &[
    "",
    "you",
    "bye",
    "bye bye",
    "thank you",
    "thank you very much",
    "thank you so much",
    "thank you for watching",
    "thanks for watching",
    "thank you for listening",
    "please subscribe",
    "subtitles by the amara org community",
];

/// One run of the model, before it is judged.
#[derive(Clone, Debug, Default)]
pub(super) struct Hearing {
    pub(super) text: String,
    pub(super) tokens: u32,
    /// Summed over the tokens, the one that ends the text included.
    pub(super) log_probability: f32,
    /// The model's probability that there was no speech.
    pub(super) no_speech: f32,
    /// Whether the model came to an end by itself.
    pub(super) ended: bool,
}

impl Hearing {
    /// The mean natural logarithm of the tokens' probabilities.
    pub(super) fn mean_log_probability(&self) -> f32 {
        self.log_probability / self.tokens.max(1) as f32
    }
}

/// Whether there is too little sound to ask the model at all.
pub(crate) fn silence(samples: &[f32]) -> Option<Nothing> {
    if samples.len() < SHORTEST {
        return Some(Nothing::Silence);
    }
    // A constant offset is no sound, so what counts is the deviation from the mean.
    let finite = || samples.iter().copied().filter(|sample| sample.is_finite()).map(f64::from);
    let count = finite().count().max(1) as f64;
    let mean = finite().sum::<f64>() / count;
    let power = finite().map(|sample| (sample - mean).powi(2)).sum::<f64>() / count;
    (power.sqrt() < f64::from(FAINTEST)).then_some(Nothing::Silence)
}

/// Judges one run.
pub(super) fn judge(hearing: Hearing, limits: &Limits) -> Transcript {
    let mean_log_probability = hearing.mean_log_probability();
    let text = without_tags(&hearing.text);
    let invented = limits.knows_no_speech && is_invented(&text, hearing.no_speech, mean_log_probability);
    let reason = if invented || !text.contains(char::is_alphanumeric) {
        Some(Nothing::NoSpeech)
    } else if !hearing.ended || compression(&text) > MOST_COMPRESSION {
        Some(Nothing::Repetition)
    } else if mean_log_probability <= limits.min_log_probability {
        Some(Nothing::NotUnderstood)
    } else {
        None
    };
    match reason {
        Some(Nothing::NotUnderstood) => {
            Transcript { guess: text, mean_log_probability, ..Transcript::nothing(Nothing::NotUnderstood) }
        }
        Some(reason) => Transcript { mean_log_probability, ..Transcript::nothing(reason) },
        None => Transcript { text, guess: String::new(), mean_log_probability, outcome: Outcome::Words },
    }
}

/// A segment of what a service heard.
pub(crate) struct SegmentHeard {
    pub(crate) text: String,
    /// 0.0 where it is not known.
    pub(crate) mean_log_probability: f32,
    /// The probability that there was no speech; 0.0 where it is not known.
    pub(crate) no_speech: f32,
}

/// Judges what a service heard in one utterance, by the thresholds of OpenAI's models: each segment for itself, and then
/// whether the whole is a loop.
pub(crate) fn judge_segments(segments: impl Iterator<Item = SegmentHeard>) -> Transcript {
    let judged = segments.map(|SegmentHeard { text, mean_log_probability, no_speech }| {
        let hearing = Hearing { text, tokens: 1, log_probability: mean_log_probability, no_speech, ended: true };
        judge(hearing, &PUBLISHED)
    });
    let whole = join(judged.collect());
    if whole.outcome == Outcome::Words && compression(&whole.text) > MOST_COMPRESSION {
        return Transcript::nothing(Nothing::Repetition);
    }
    whole
}

/// Puts together what was heard in the pieces of one utterance.
///
/// A piece that was not understood spoils the whole: half a request may mean the opposite of it.
pub(super) fn join(pieces: Vec<Transcript>) -> Transcript {
    let severity = |transcript: &Transcript| match transcript.outcome {
        Outcome::Nothing(Nothing::Silence) => 0,
        Outcome::Nothing(Nothing::NoSpeech) => 1,
        Outcome::Words => 2,
        Outcome::Nothing(Nothing::Repetition) => 3,
        Outcome::Nothing(Nothing::NotUnderstood) => 4,
    };
    let Some(worst) = pieces.iter().max_by_key(|piece| severity(piece)) else {
        return Transcript::nothing(Nothing::Silence);
    };
    if worst.outcome != Outcome::Words {
        // A guess at one piece is none at the whole.
        let guess = if pieces.len() == 1 { worst.guess.clone() } else { String::new() };
        return Transcript { guess, ..worst.clone() };
    }
    let spoken: Vec<&Transcript> = pieces.iter().filter(|piece| piece.outcome == Outcome::Words).collect();
    let words: Vec<&str> = spoken.iter().map(|piece| piece.text.as_str()).collect();
    // Longer pieces hold more tokens, about in proportion to their text.
    let weight: f32 = words.iter().map(|text| text.len() as f32).sum();
    let weighed = spoken.iter().map(|piece| piece.mean_log_probability * piece.text.len() as f32);
    Transcript {
        text: words.join(" "),
        guess: String::new(),
        mean_log_probability: weighed.sum::<f32>() / weight.max(1.0),
        outcome: Outcome::Words,
    }
}

/// Whether these words were made up where nobody spoke.
fn is_invented(text: &str, no_speech: f32, mean_log_probability: f32) -> bool {
    if no_speech <= NO_SPEECH {
        return false;
    }
    let plain: String = text.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    mean_log_probability < PUBLISHED.min_log_probability || INVENTIONS.contains(&words.join(" ").as_str())
}

/// Takes out what models write for sounds: `[BLANK_AUDIO]`, `(wind blowing)`, `*sighs*`, notes of music.
fn without_tags(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut closing = None;
    for c in text.chars() {
        match (closing, c) {
            (Some(close), c) if c == close => closing = None,
            (Some(_), _) => {}
            (None, '[') => closing = Some(']'),
            (None, '(') => closing = Some(')'),
            (None, '*') => closing = Some('*'),
            (None, '♪' | '♫' | '♩' | '\u{fffd}') => {}
            (None, c) => kept.push(c),
        }
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many times smaller zlib makes the text.
pub(super) fn compression(text: &str) -> f32 {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    let compressed = zlib.write_all(text.as_bytes()).and_then(|()| zlib.finish());
    compressed.map_or(1.0, |compressed| text.len() as f32 / compressed.len().max(1) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str, limits: &Limits, log_probability: f32, no_speech: f32) -> String {
        let hearing = Hearing { text: text.to_owned(), tokens: 1, log_probability, no_speech, ended: true };
        let transcript = judge(hearing, limits);
        match transcript.outcome {
            Outcome::Words => transcript.text,
            Outcome::Nothing(nothing) => format!("{nothing:?}"),
        }
    }

    #[test]
    fn judgements() {
        let looped = "turn it off. ".repeat(8);
        let table = [
            (" Turn on the light.", &PUBLISHED, -0.3, 0.1, "Turn on the light."),
            (" Turn on the light.", &PUBLISHED, -0.3, 0.9, "Turn on the light."),
            (" Turn on the light.", &PUBLISHED, -1.2, 0.9, "NoSpeech"),
            (" Turn on the light.", &PUBLISHED, -1.2, 0.1, "NotUnderstood"),
            (" Thank you.", &PUBLISHED, -0.2, 0.1, "Thank you."),
            (" Thank you.", &PUBLISHED, -0.2, 0.8, "NoSpeech"),
            (" you", &PUBLISHED, -0.6, 0.8, "NoSpeech"),
            (" [BLANK_AUDIO]", &PUBLISHED, -0.1, 0.0, "NoSpeech"),
            (" (wind blowing)", &PUBLISHED, -0.1, 0.0, "NoSpeech"),
            (" *sighs* ♪ ♪", &PUBLISHED, -0.1, 0.0, "NoSpeech"),
            (" [door slams] Stop!", &PUBLISHED, -0.1, 0.0, "Stop!"),
            (" ... ", &PUBLISHED, -0.1, 0.0, "NoSpeech"),
            ("", &PUBLISHED, 0.0, 0.0, "NoSpeech"),
            ("[BLANK_AUDIO]", &NANO, -0.01, 0.0, "NoSpeech"),
            ("what time is it", &NANO, -0.05, 0.99, "what time is it"),
            ("what time is it", &NANO, -0.25, 0.0, "NotUnderstood"),
            (&looped, &PUBLISHED, -0.1, 0.0, "Repetition"),
            ("no no no no no", &PUBLISHED, -0.1, 0.0, "no no no no no"),
        ];
        for (text, limits, log_probability, no_speech, expected) in table {
            assert_eq!(outcome(text, limits, log_probability, no_speech), expected, "{text}");
        }
    }

    #[test]
    fn a_text_without_an_end_is_a_loop() {
        let hearing = Hearing { text: "and then".to_owned(), tokens: 60, ended: false, ..Hearing::default() };
        assert_eq!(judge(hearing, &PUBLISHED).outcome, Outcome::Nothing(Nothing::Repetition));
    }

    #[test]
    fn silence_is_known_without_the_model() {
        assert_eq!(silence(&[]), Some(Nothing::Silence));
        assert_eq!(silence(&[0.5; 1599]), Some(Nothing::Silence));
        assert_eq!(silence(&[0.0; 16_000]), Some(Nothing::Silence));
        assert_eq!(silence(&[0.7; 16_000]), Some(Nothing::Silence), "a constant is no sound");
        assert_eq!(silence(&[f32::NAN; 16_000]), Some(Nothing::Silence));
        let faint: Vec<f32> = (0..16_000).map(|i| if i % 2 == 0 { 1e-3 } else { -1e-3 }).collect();
        assert_eq!(silence(&faint), None);
    }

    #[test]
    fn pieces_are_joined_and_a_lost_piece_spoils_the_whole() {
        let words = |text: &str| Transcript {
            text: text.to_owned(),
            guess: String::new(),
            mean_log_probability: -0.1,
            outcome: Outcome::Words,
        };
        let joined = join(vec![words("do not"), Transcript::nothing(Nothing::NoSpeech), words("lock the door")]);
        assert_eq!((joined.text.as_str(), joined.outcome), ("do not lock the door", Outcome::Words));
        let lost = join(vec![Transcript::nothing(Nothing::NotUnderstood), words("lock the door")]);
        assert_eq!((lost.text.as_str(), lost.somebody_spoke()), ("", true));
        assert!(!join(vec![Transcript::nothing(Nothing::Silence)]).somebody_spoke());
        assert!(!join(Vec::new()).somebody_spoke());
    }
}
