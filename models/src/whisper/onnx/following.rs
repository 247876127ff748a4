//! Listening ahead to utterances that still grow, so that at their end only a short stretch is left to do.
//!
//! What was heard before is a guess at what is heard next, which the decoder checks in one step. And where the sound up to a
//! quiet place and the sound after it, each heard by itself, say what both together say, nothing is lost by hearing only the rest from
//! then on. What was heard twice alike will hardly change any more.
//!
//! Source: local agreement, Liu, Spanakis and Niehues (2020), as used for Whisper by Macháček, Dabre and Bojar (2023); the check of
//! a guess is that of speculative decoding, Leviathan, Kalman and Matias (2023).

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher as _};

use pipit_core::audio::{LISTENING_RATE, quietest};

use super::super::guard::{self, Outcome, Transcript};
use super::Token;
use crate::cancel::CancelFlag;
use crate::error::ModelError;

/// So many utterances are known at a time: of a few people who speak at once to one device.
const MOST_KNOWN: usize = 4;

/// An utterance is known again by its beginning: 500 ms.
const BEGINNING: usize = LISTENING_RATE.0 as usize / 2;

/// What is heard by itself has at least this many samples: 1 s, for a word or two and what is around them.
const LEAST: usize = LISTENING_RATE.0 as usize;

/// The stretch that is left to do is split where it is longer than 2.5 s.
const LONG: usize = 5 * LEAST / 2;

/// A recogniser as it is needed here.
pub trait Listen {
    /// What was said in `samples`, mono audio at 16 kHz, and by which tokens. `guess` are the tokens that it may begin with: the right ones save
    /// time, others cost little.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] soon after `cancel` is raised; otherwise what went wrong.
    fn listen(
        &mut self,
        samples: &[f32],
        guess: &[Token],
        cancel: &CancelFlag,
    ) -> Result<(Transcript, Vec<Token>), ModelError>;

    /// The most samples that it takes at once.
    fn longest(&self) -> usize;

    /// Whether a stretch means the same without what was said before it.
    fn may_split(&self) -> bool;
}

/// What is known of the utterances that are under way.
#[derive(Debug, Default)]
pub struct Following {
    /// The one that was followed last is the first.
    known: VecDeque<Known>,
}

/// What is known of one utterance.
#[derive(Debug)]
struct Known {
    /// By which it is known again: how many samples of its beginning, and their hash.
    beginning: (usize, u64),
    /// So many samples are done with.
    settled: usize,
    /// The words in them.
    words: Vec<Transcript>,
    /// What was heard last in the rest, and by which tokens.
    heard: String,
    guess: Vec<Token>,
    /// What will hardly change any more, from the beginning.
    agreed: String,
}

impl Following {
    /// Listens ahead to an `utterance` that goes on. Gives the words that will hardly change any more.
    ///
    /// # Errors
    /// As [`Listen::listen`].
    pub fn follow(
        &mut self,
        listener: &mut impl Listen,
        utterance: &[f32],
        cancel: &CancelFlag,
    ) -> Result<String, ModelError> {
        let known = self.known(utterance);
        if utterance.len() - known.settled <= listener.longest() {
            let (mut agreed, earlier) = (known.settled_text(), known.heard.clone());
            let transcript = known.listen(listener, utterance, cancel)?;
            append(&mut agreed, agreement(&earlier, &transcript.text));
            known.agreed = agreed;
            if listener.may_split() {
                known.split(listener, utterance, &transcript, cancel)?;
            }
        }
        Ok(known.agreed.clone())
    }

    /// What was said in `utterance`, which may have been listened ahead to. If it was not, nothing of it is remembered: it may have been
    /// said to somebody else.
    ///
    /// # Errors
    /// As [`Listen::listen`].
    pub fn transcribe(
        &mut self,
        listener: &mut impl Listen,
        utterance: &[f32],
        cancel: &CancelFlag,
    ) -> Result<Transcript, ModelError> {
        let Some(known) = self.known.iter_mut().find(|known| known.is_of(utterance)) else {
            return listener.listen(utterance, &[], cancel).map(|(transcript, _)| transcript);
        };
        let rest = known.listen(listener, utterance, cancel)?;
        Ok(guard::join([known.words.as_slice(), &[rest]].concat()))
    }

    /// What is known of `utterance`, which is nothing at first.
    fn known(&mut self, utterance: &[f32]) -> &mut Known {
        let place = self.known.iter().position(|known| known.is_of(utterance));
        let known = place.and_then(|place| self.known.remove(place)).unwrap_or_else(|| Known::new(utterance));
        self.known.truncate(MOST_KNOWN - 1);
        self.known.push_front(known);
        &mut self.known[0]
    }
}

impl Known {
    fn new(utterance: &[f32]) -> Known {
        let beginning = utterance.len().min(BEGINNING);
        Known {
            beginning: (beginning, hash(&utterance[..beginning])),
            settled: 0,
            words: Vec::new(),
            heard: String::new(),
            guess: Vec::new(),
            agreed: String::new(),
        }
    }

    fn is_of(&self, utterance: &[f32]) -> bool {
        let (length, expected) = self.beginning;
        utterance.get(..length).is_some_and(|beginning| hash(beginning) == expected)
    }

    fn settled_text(&self) -> String {
        let mut text = String::new();
        self.words.iter().for_each(|words| append(&mut text, &words.text));
        text
    }

    /// Hears what is not settled.
    fn listen(
        &mut self,
        listener: &mut impl Listen,
        utterance: &[f32],
        cancel: &CancelFlag,
    ) -> Result<Transcript, ModelError> {
        let (transcript, tokens) = listener.listen(&utterance[self.settled..], &self.guess, cancel)?;
        (self.guess, self.heard) = (tokens, transcript.text.clone());
        Ok(transcript)
    }

    /// Settles the first words of `whole`, which was heard in what is not settled yet, where what they are does not depend on
    /// what follows, nor that on them.
    fn split(
        &mut self,
        listener: &mut impl Listen,
        utterance: &[f32],
        whole: &Transcript,
        cancel: &CancelFlag,
    ) -> Result<(), ModelError> {
        let rest = &utterance[self.settled..];
        if rest.len() < LONG || whole.outcome != Outcome::Words {
            return Ok(());
        }
        let cut = LEAST + quietest(&rest[LEAST..rest.len() - LEAST], LISTENING_RATE);
        let (front, front_tokens) = listener.listen(&rest[..cut], &self.guess, cancel)?;
        let words = words(&whole.text);
        let Some(end) = begins_with(&words, &self::words(&front.text)) else { return Ok(()) };
        if front.outcome != Outcome::Words {
            return Ok(());
        }
        let left = self.guess.get(front_tokens.len()..).unwrap_or_default();
        let (back, back_tokens) = listener.listen(&rest[cut..], left, cancel)?;
        if !is_said_by(&words[end..], &self::words(&back.text)) {
            return Ok(());
        }
        // As the whole has it, which knew what follows.
        let text = whole.text[..words[end].start].trim_end().to_owned();
        self.words.push(Transcript { text, ..front });
        self.settled += cut;
        self.beginning = (self.settled, hash(&utterance[..self.settled]));
        (self.guess, self.heard) = (back_tokens, back.text);
        Ok(())
    }
}

/// A word as it sounds, whatever it is written like, and where in the text it starts.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    plain: String,
    start: usize,
}

/// The words of a text. Of scripts that put no spaces between words, each character is one.
fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut goes_on = false;
    for (start, c) in text.char_indices() {
        // What's and whats are the same.
        if matches!(c, '\'' | '\u{2019}') {
            continue;
        }
        if !c.is_alphanumeric() {
            goes_on = false;
            continue;
        }
        if let Some(word) = words.last_mut().filter(|_| goes_on) {
            word.plain.extend(c.to_lowercase());
        } else {
            words.push(Word { plain: c.to_lowercase().collect(), start });
        }
        goes_on = !is_written_without_spaces(c);
    }
    words
}

/// Thai and its neighbours, Japanese and Chinese.
fn is_written_without_spaces(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

/// How many words the first ones are, if `front` are the first of `whole`, and not all.
fn begins_with(whole: &[Word], front: &[Word]) -> Option<usize> {
    let begins = whole.len() > front.len() && same(whole, front) == front.len();
    (begins && !front.is_empty()).then_some(front.len())
}

/// Whether `heard` are the words of `rest`, but for the last one, which may be cut.
fn is_said_by(rest: &[Word], heard: &[Word]) -> bool {
    let certain = rest.len().saturating_sub(1);
    certain > 0 && same(rest, heard) >= certain && heard.len() <= rest.len()
}

/// How many of the first words are the same.
fn same(one: &[Word], other: &[Word]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one.plain == other.plain).count()
}

/// The words with which both `earlier` and `text` begin, as `text` has them.
fn agreement<'a>(earlier: &str, text: &'a str) -> &'a str {
    let words = words(text);
    let end = words.get(same(&words, &self::words(earlier))).map_or(text.len(), |word| word.start);
    text[..end].trim_end()
}

fn append(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

fn hash(samples: &[f32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    samples.iter().for_each(|sample| hasher.write_u32(sample.to_bits()));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::super::guard::Nothing;
    use super::*;

    const WORD: usize = 6_400;
    const GAP: usize = 1_600;

    /// A sound for each word, which tells by its loudness which it is, and a gap after it.
    fn say(text: &str) -> Vec<f32> {
        let mut samples = vec![0.0; GAP];
        for word in text.split(' ') {
            let known = TEXT.split(' ').position(|known| known == word).expect("a word of the text");
            samples.extend([vec![0.1 + 0.01 * known as f32; WORD], vec![0.0; GAP]].concat());
        }
        samples
    }

    const TEXT: &str = "turn on the kitchen light and then close both of those old blinds in Anna's room please";

    /// Hears such words, and what was cut off a word as something else.
    #[derive(Default)]
    struct Ear {
        /// The samples of each stretch that was heard, and how many tokens of it were guessed.
        heard: Vec<(usize, usize)>,
        /// What it hears depends on where it begins.
        is_vague: bool,
        splits: bool,
    }

    impl Listen for Ear {
        fn listen(
            &mut self,
            samples: &[f32],
            guess: &[Token],
            cancel: &CancelFlag,
        ) -> Result<(Transcript, Vec<Token>), ModelError> {
            if cancel.is_cancelled() {
                return Err(ModelError::Cancelled);
            }
            let mut tokens = Vec::new();
            for word in samples.split(|sample| *sample == 0.0).filter(|word| !word.is_empty()) {
                let known = ((word[0] - 0.1) * 100.0).round() as Token;
                tokens.push(if word.len() == WORD { known } else { 99 });
            }
            let right = guess.iter().zip(&tokens).take_while(|(guess, token)| guess == token).count();
            self.heard.push((samples.len(), right));
            let mut words: Vec<&str> =
                tokens.iter().map(|token| TEXT.split(' ').nth(*token as usize).unwrap_or("what")).collect();
            if self.is_vague {
                words.insert(0, ["hm", "ah", "oh"][samples.len() % 3]);
            }
            let outcome = if words.is_empty() { Outcome::Nothing(Nothing::Silence) } else { Outcome::Words };
            Ok((Transcript { text: words.join(" "), outcome, ..Transcript::nothing(Nothing::Silence) }, tokens))
        }

        fn longest(&self) -> usize {
            8 * 16_000
        }

        fn may_split(&self) -> bool {
            self.splits
        }
    }

    /// Follows `utterance` each 700 ms. Gives what was told.
    fn follow(following: &mut Following, ear: &mut Ear, utterance: &[f32]) -> Vec<String> {
        let untils = (11_200..utterance.len()).step_by(11_200);
        untils.map(|until| following.follow(ear, &utterance[..until], &CancelFlag::new()).unwrap()).collect()
    }

    #[test]
    fn at_the_end_a_short_stretch_is_left_of_which_most_is_guessed() {
        let (mut following, mut ear) = (Following::default(), Ear { splits: true, ..Ear::default() });
        let utterance = say(TEXT);
        let told = follow(&mut following, &mut ear, &utterance);
        ear.heard.clear();
        assert_eq!(following.transcribe(&mut ear, &utterance, &CancelFlag::new()).unwrap().text, TEXT);
        let [(left, guessed)] = ear.heard[..] else { panic!("{:?}", ear.heard) };
        assert!(left < 3 * 16_000 && guessed >= 2, "{left} samples, {guessed} guessed");
        // What is told is never taken back, and lags a second or two behind.
        assert!(told.iter().all(|told| TEXT.starts_with(told)), "{told:?}");
        assert!(told.windows(2).all(|told| told[1].starts_with(&told[0])), "{told:?}");
        assert!(told.last().unwrap().len() > TEXT.len() / 2, "{told:?}");
        // The same again, with more after it.
        let longer = [utterance, say("please")].concat();
        let text = following.transcribe(&mut ear, &longer, &CancelFlag::new()).unwrap().text;
        assert_eq!(text, format!("{TEXT} please"));
    }

    #[test]
    fn what_depends_on_what_was_before_is_heard_as_a_whole() {
        for (is_vague, splits) in [(true, true), (false, false)] {
            let (mut following, mut ear) = (Following::default(), Ear { is_vague, splits, ..Ear::default() });
            let utterance = say("turn on the kitchen light and then close both of those old blinds");
            follow(&mut following, &mut ear, &utterance);
            let whole = ear.listen(&utterance, &[], &CancelFlag::new()).unwrap().0;
            let text = following.transcribe(&mut ear, &utterance, &CancelFlag::new()).unwrap().text;
            assert_eq!(text, whole.text);
            let (left, guessed) = ear.heard.pop().unwrap();
            assert_eq!(left, utterance.len());
            assert!(guessed >= 10, "{guessed}");
        }
    }

    #[test]
    fn nothing_is_heard_ahead_that_the_recogniser_would_not_take_at_once() {
        let (mut following, mut ear) = (Following::default(), Ear::default());
        let utterance = [say(TEXT), say(TEXT)].concat();
        let told = follow(&mut following, &mut ear, &utterance);
        assert!(ear.heard.iter().all(|(samples, _)| *samples <= ear.longest()));
        assert!(TEXT.starts_with(told.last().unwrap()) && told.last().unwrap().len() > 60, "{told:?}");
        let text = following.transcribe(&mut ear, &utterance, &CancelFlag::new()).unwrap().text;
        assert_eq!(text, format!("{TEXT} {TEXT}"));
    }

    #[test]
    fn several_speak_at_once_and_nobody_is_given_the_words_of_another() {
        let (mut following, mut ear) = (Following::default(), Ear { splits: true, ..Ear::default() });
        let words: Vec<&str> = TEXT.split(' ').collect();
        let texts: Vec<String> = (0..MOST_KNOWN + 2).map(|from| words[from..from + 11].join(" ")).collect();
        let utterances: Vec<Vec<f32>> = texts.iter().map(|text| say(text)).collect();
        for until in (16_000..88_000).step_by(16_000) {
            for utterance in &utterances {
                following.follow(&mut ear, &utterance[..until], &CancelFlag::new()).unwrap();
            }
        }
        for (utterance, text) in utterances.iter().zip(&texts) {
            assert_eq!(&following.transcribe(&mut ear, utterance, &CancelFlag::new()).unwrap().text, text);
        }
        assert_eq!(following.known.len(), MOST_KNOWN);
    }

    #[test]
    fn who_is_cancelled_goes_on_where_it_was() {
        let (mut following, mut ear) = (Following::default(), Ear { splits: true, ..Ear::default() });
        let (utterance, cancelled) = (say(TEXT), CancelFlag::new());
        cancelled.cancel();
        follow(&mut following, &mut ear, &utterance);
        assert!(matches!(following.follow(&mut ear, &utterance, &cancelled), Err(ModelError::Cancelled)));
        assert!(matches!(following.transcribe(&mut ear, &utterance, &cancelled), Err(ModelError::Cancelled)));
        assert_eq!(following.transcribe(&mut ear, &utterance, &CancelFlag::new()).unwrap().text, TEXT);
        assert!(ear.heard.pop().unwrap().0 < 3 * 16_000);
    }

    #[test]
    fn who_was_not_followed_is_not_remembered() {
        let (mut following, mut ear) = (Following::default(), Ear::default());
        for _ in 0..2 {
            assert_eq!(following.transcribe(&mut ear, &say(TEXT), &CancelFlag::new()).unwrap().text, TEXT);
            assert_eq!(ear.heard.pop().unwrap().1, 0, "nothing was guessed");
        }
        assert!(following.known.is_empty());
    }

    #[test]
    fn utterances_without_sound_are_nothing() {
        let (mut following, mut ear) = (Following::default(), Ear { splits: true, ..Ear::default() });
        for samples in [vec![], vec![0.3], vec![0.0; 100_000], vec![f32::NAN; 100_000], vec![f32::INFINITY; 9]] {
            following.follow(&mut ear, &samples, &CancelFlag::new()).unwrap();
            following.transcribe(&mut ear, &samples, &CancelFlag::new()).unwrap();
        }
    }

    #[test]
    fn words_are_the_same_however_they_are_written() {
        let plain = |text: &str| words(text).into_iter().map(|word| word.plain).collect::<Vec<_>>();
        assert_eq!(plain(" What's on, at 5:30?"), ["whats", "on", "at", "5", "30"]);
        assert_eq!(plain("What\u{2019}s ÜBER"), ["whats", "über"]);
        assert_eq!(plain("打开 light。"), ["打", "开", "light"]);
        assert_eq!(plain("..."), [""; 0]);
        for (earlier, text, agreed) in [
            ("", "Turn on", ""),
            ("turn on the late", "Turn on, the lamp.", "Turn on, the"),
            ("turn on the lamp", "Turn on, the lamp.", "Turn on, the lamp."),
            ("turn on the lamp and", "Turn on the lamp.", "Turn on the lamp."),
            ("打开厨房", "打开厨房的灯", "打开厨房"),
            ("off", "Turn on", ""),
        ] {
            assert_eq!(agreement(earlier, text), agreed, "{earlier} / {text}");
        }
    }
}
