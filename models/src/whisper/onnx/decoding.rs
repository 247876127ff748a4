//! What the decoder begins with, which token comes next, and whether to try again.
//!
//! Source: `decoding.py` and `transcribe.py` of <https://github.com/openai/whisper> (MIT).

use super::super::guard::{self, Hearing};
use super::vocabulary::{Token, Vocabulary};

/// How much chance has a say, from one try to the next; in the first it has none.
const HIGHER_TEMPERATURES: [f32; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];

/// What the decoder is given before the first word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) tokens: Vec<Token>,
    /// The place of the token that begins the transcript: the probability that nobody spoke is known after it.
    pub(super) start: usize,
}

impl Prompt {
    /// `earlier` is what was said before or may be expected, of which the last fills at most half the decoder's room of
    /// `text_context` tokens. `language` is one of the vocabulary's, and English where there is none.
    pub(super) fn new(
        vocabulary: &Vocabulary,
        earlier: &[Token],
        language: Option<Token>,
        text_context: usize,
    ) -> Prompt {
        let mut tokens = Vec::new();
        if !earlier.is_empty() {
            let room = (text_context / 2).saturating_sub(1);
            tokens.push(vocabulary.before);
            tokens.extend(&earlier[earlier.len().saturating_sub(room)..]);
        }
        let start = tokens.len();
        tokens.push(vocabulary.start);
        if !vocabulary.languages.is_empty() {
            let known = language.filter(|token| vocabulary.languages.contains(token));
            tokens.extend([known.unwrap_or(vocabulary.languages.start), vocabulary.transcribe]);
        }
        tokens.push(vocabulary.no_timestamps);
        Prompt { tokens, start }
    }

    /// How many tokens a decoder with room for `text_context` can be given after it.
    pub(super) fn room(&self, text_context: usize) -> usize {
        text_context.saturating_sub(self.tokens.len())
    }
}

/// Has a say in what comes next.
pub trait LogitsHook: Send {
    /// Raises or lowers the `logits` of the token after `said`, one for each token of the vocabulary. The rules of decoding
    /// come after it, so nothing that they rule out can be said.
    fn adjust(&mut self, said: &[Token], logits: &mut [f32]);
}

/// What may be said where.
#[derive(Debug)]
pub(super) struct Rules {
    /// Never said.
    suppressed: Vec<Token>,
    /// Not said first.
    not_first: Vec<Token>,
    /// Of those above it none is text.
    end: Token,
}

impl Rules {
    /// `only_speech` leaves out what annotates speech.
    pub(super) fn new(vocabulary: &Vocabulary, only_speech: bool) -> Rules {
        let mut not_first = vocabulary.that_say(&[" "]);
        not_first.push(vocabulary.end);
        let suppressed = if only_speech { vocabulary.not_said() } else { Vec::new() };
        Rules { suppressed, not_first, end: vocabulary.end }
    }

    /// Takes what may not follow `said` out of the running.
    pub(super) fn apply(&self, said: &[Token], logits: &mut [f32]) {
        let not_first = if said.is_empty() { self.not_first.as_slice() } else { &[] };
        for token in self.suppressed.iter().chain(not_first) {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        if let Some(special) = logits.get_mut(self.end as usize + 1..) {
            special.fill(f32::NEG_INFINITY);
        }
    }
}

/// How one try chooses its tokens.
pub(super) struct Choice<'a> {
    rules: &'a Rules,
    hook: Option<&'a mut dyn LogitsHook>,
    temperature: f32,
    random: fastrand::Rng,
}

impl<'a> Choice<'a> {
    /// With a `temperature` of 0.0 the likeliest token is taken, and `seed` means nothing.
    pub(super) fn new(
        rules: &'a Rules,
        hook: Option<&'a mut dyn LogitsHook>,
        temperature: f32,
        seed: u64,
    ) -> Choice<'a> {
        Choice { rules, hook, temperature, random: fastrand::Rng::with_seed(seed) }
    }

    /// The token after `said`, and the natural logarithm of its probability at a temperature of 1.0 among those that are in
    /// the running. None where no token is, or the logits are no numbers.
    pub(super) fn next(&mut self, said: &[Token], logits: &mut [f32]) -> Option<(Token, f32)> {
        if let Some(hook) = &mut self.hook {
            hook.adjust(said, logits);
        }
        self.rules.apply(said, logits);
        sample(logits, self.temperature, &mut self.random)
    }
}

/// The likeliest token, and the natural logarithm of its probability among those that are in the running.
pub(super) fn likeliest(logits: &[f32]) -> Option<(Token, f32)> {
    let (token, highest) = (0..).zip(logits).max_by(|one, other| one.1.total_cmp(other.1))?;
    let log_probability = -sum_of_exponentials(logits, *highest).ln();
    (highest.is_finite() && log_probability.is_finite()).then_some((token, log_probability))
}

/// A token by chance, likelier ones more often, and all the same the higher the `temperature` is.
fn sample(logits: &[f32], temperature: f32, random: &mut fastrand::Rng) -> Option<(Token, f32)> {
    let (first, log_probability) = likeliest(logits)?;
    if temperature <= 0.0 {
        return Some((first, log_probability));
    }
    let highest = logits.get(first as usize)?;
    let share = |logit: &f32| f64::from((logit - highest) / temperature).exp();
    let mut left = random.f64() * logits.iter().map(share).sum::<f64>();
    let fallen = (0..).zip(logits).find(|(_, logit)| {
        left -= share(logit);
        left < 0.0
    });
    // What rounding leaves over falls to the likeliest.
    let (token, logit) = fallen.unwrap_or((first, highest));
    Some((token, logit - highest + log_probability))
}

/// What one try came to at a temperature of 0.0 or, where that is doubtful and `may_try_again`, the first at a higher one that
/// is not, and else the last. `hear` makes a try.
pub(super) fn best_try<E>(may_try_again: bool, mut hear: impl FnMut(f32) -> Result<Hearing, E>) -> Result<Hearing, E> {
    let mut hearing = hear(0.0)?;
    for temperature in HIGHER_TEMPERATURES {
        if !may_try_again || !needs_another_try(&hearing) {
            break;
        }
        hearing = hear(temperature)?;
    }
    Ok(hearing)
}

/// Whether a try is doubtful: it repeats itself, or the model is unsure of it, and not because nobody spoke.
fn needs_another_try(hearing: &Hearing) -> bool {
    let is_unsure = hearing.mean_log_probability() < guard::PUBLISHED.min_log_probability;
    let is_silence = hearing.no_speech > guard::NO_SPEECH && is_unsure;
    !is_silence && (is_unsure || guard::compression(hearing.text.trim()) > guard::MOST_COMPRESSION)
}

/// The likeliest language, and its probability among the languages, by the logits after the token that begins a transcript.
/// None for a model for English alone.
pub(super) fn detect_language(vocabulary: &Vocabulary, logits: &[f32]) -> Option<(Token, f32)> {
    let languages = &vocabulary.languages;
    let (at, log_probability) = likeliest(logits.get(languages.start as usize..languages.end as usize)?)?;
    Some((languages.start + at, log_probability.exp()))
}

/// The probability of `token` among all.
pub(super) fn probability(logits: &[f32], token: Token) -> f32 {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let logit = logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
    (logit - highest).exp() / sum_of_exponentials(logits, highest)
}

fn sum_of_exponentials(logits: &[f32], highest: f32) -> f32 {
    logits.iter().map(|logit| (logit - highest).exp()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: f32 = f32::NEG_INFINITY;

    fn multilingual() -> Vocabulary {
        Vocabulary::new(Vec::new(), 51_865)
    }

    #[test]
    fn a_prompt_fills_at_most_half_of_the_room() {
        let (english, multilingual) = (Vocabulary::new(Vec::new(), 51_864), multilingual());
        let prompt = |vocabulary: &Vocabulary, earlier: &[Token], language: Option<Token>| {
            let Prompt { tokens, start } = Prompt::new(vocabulary, earlier, language, 16);
            assert_eq!(tokens[start], vocabulary.start);
            tokens
        };
        assert_eq!(prompt(&english, &[], None), [50_257, 50_362]);
        assert_eq!(prompt(&english, &[7, 8], Some(50_259)), [50_360, 7, 8, 50_257, 50_362]);
        let many: Vec<Token> = (1..=9).collect();
        assert_eq!(prompt(&english, &many, None), [50_360, 3, 4, 5, 6, 7, 8, 9, 50_257, 50_362]);
        assert_eq!(prompt(&multilingual, &[], None), [50_258, 50_259, 50_359, 50_363]);
        assert_eq!(prompt(&multilingual, &[7], Some(50_261)), [50_361, 7, 50_258, 50_261, 50_359, 50_363]);
        // What is no language is none.
        assert_eq!(prompt(&multilingual, &[], Some(50_363)), [50_258, 50_259, 50_359, 50_363]);
        assert_eq!(Prompt::new(&english, &many, None, 0).tokens, [50_360, 50_257, 50_362]);
        let longest = Prompt::new(&multilingual, &[7; 999], None, 448);
        assert_eq!((longest.tokens.len(), longest.start, longest.room(448)), (228, 224, 220));
        assert_eq!(longest.room(16), 0);
    }

    #[test]
    fn the_language_is_sought_among_languages_alone() {
        let vocabulary = multilingual();
        let mut logits = vec![9.0; 51_865];
        logits[50_259..50_358].fill(NEVER);
        (logits[50_259], logits[50_261]) = (1.0, 1.0 + 3f32.ln());
        let (token, probability) = detect_language(&vocabulary, &logits).unwrap();
        assert_eq!((token, vocabulary.language_code(token)), (50_261, Some("de")));
        assert!((probability - 0.75).abs() < 1e-6, "{probability}");
        assert_eq!(detect_language(&Vocabulary::new(Vec::new(), 51_864), &logits), None);
        assert_eq!(detect_language(&vocabulary, &logits[..50_300]), None);
        assert_eq!(detect_language(&vocabulary, &vec![f32::NAN; 51_865]), None);
    }

    #[test]
    fn samples_are_as_frequent_as_they_are_likely() {
        let mut random = fastrand::Rng::with_seed(8);
        // Probabilities of 0.6, 0.3 and 0.1.
        let logits = [0.6f32.ln() + 5.0, NEVER, 0.3f32.ln() + 5.0, 0.1f32.ln() + 5.0];
        let mut frequencies = |temperature: f32| {
            let mut counts = [0.0; 4];
            for _ in 0..20_000 {
                let (token, log_probability) = sample(&logits, temperature, &mut random).unwrap();
                counts[token as usize] += 1.0 / 20_000.0;
                // Of the token that was taken, and at no temperature but 1.0.
                let expected = logits[token as usize] - 5.0;
                assert!((log_probability - expected).abs() < 1e-6, "{log_probability} for {token}");
            }
            counts
        };
        // At half the temperature the probabilities are squared, and then made to sum up to 1.
        for (temperature, expected) in
            [(0.0, [1.0, 0.0, 0.0, 0.0]), (1.0, [0.6, 0.0, 0.3, 0.1]), (0.5, [0.783, 0.0, 0.196, 0.022])]
        {
            let counts = frequencies(temperature);
            let close =
                counts.iter().zip(expected).all(|(count, expected): (&f64, f64)| (count - expected).abs() < 0.015);
            assert!(close, "at {temperature}: {counts:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let rules = Rules::new(&Vocabulary::new(Vec::new(), 51_864), true);
        let said = |seed: u64| {
            let mut choice = Choice::new(&rules, None, 1.0, seed);
            (0..20).map(|_| choice.next(&[1], &mut [0.0; 100]).unwrap().0).collect::<Vec<_>>()
        };
        assert_eq!(said(1), said(1));
        assert_ne!(said(1), said(2));
    }

    #[test]
    fn logits_that_are_no_numbers_give_no_token() {
        let mut random = fastrand::Rng::with_seed(1);
        let cases: [&[f32]; 6] =
            [&[], &[NEVER, NEVER], &[f32::INFINITY, 0.0], &[f32::NAN, 0.0], &[-f32::NAN, 0.0], &[-f32::NAN; 2]];
        for logits in cases {
            assert_eq!(likeliest(logits), None, "{logits:?}");
            assert_eq!(sample(logits, 0.7, &mut random), None, "{logits:?}");
        }
    }

    /// Wants one token at any cost.
    struct Wish(Token);

    impl LogitsHook for Wish {
        fn adjust(&mut self, said: &[Token], logits: &mut [f32]) {
            logits[self.0 as usize + said.len()] = 100.0;
        }
    }

    #[test]
    fn a_hook_is_heard_and_the_rules_have_the_last_word() {
        let texts = ["a", "b", " [", "c"].map(|text| text.as_bytes().to_vec()).to_vec();
        let rules = Rules::new(&Vocabulary::new(texts, 51_864), true);
        let mut wish = Wish(0);
        let mut choice = Choice::new(&rules, Some(&mut wish), 0.0, 0);
        let mut next = |said: &[Token]| choice.next(said, &mut [1.0, 0.0, 5.0, 0.0]).unwrap().0;
        assert_eq!(next(&[]), 0);
        assert_eq!(next(&[7]), 1);
        // What annotates speech is not said, however much it is wished for.
        assert_eq!(next(&[7, 8]), 0);
        assert_eq!(next(&[7, 8, 9]), 3);
    }

    #[test]
    fn another_try_is_for_what_is_doubtful_and_not_for_silence() {
        let looped = "turn it off. ".repeat(8);
        let table = [
            ("turn on the light", -0.3, 0.1, false),
            ("turn on the light", -1.0, 0.1, false),
            ("turn on the light", -1.01, 0.1, true),
            ("turn on the light", -1.01, 0.6, true),
            ("turn on the light", -1.01, 0.61, false),
            (&looped, -0.1, 0.1, true),
            // Sure of it, so that it is no silence.
            (&looped, -0.1, 0.9, true),
            (&looped, -1.5, 0.9, false),
            ("", -0.1, 0.0, false),
        ];
        for (text, mean, no_speech, expected) in table {
            let hearing =
                Hearing { text: text.to_owned(), tokens: 2, log_probability: 2.0 * mean, no_speech, ended: true };
            assert_eq!(needs_another_try(&hearing), expected, "{text} {mean} {no_speech}");
        }
    }

    #[test]
    fn tries_end_with_the_first_good_one() {
        let tried = |may_try_again: bool, good_from: f32| {
            let mut temperatures = Vec::new();
            let hearing = best_try(may_try_again, |temperature| {
                temperatures.push(temperature);
                let log_probability = if temperature < good_from { -5.0 } else { -0.1 };
                Ok::<_, ()>(Hearing {
                    text: format!("{temperature}"),
                    tokens: 1,
                    log_probability,
                    ..Hearing::default()
                })
            });
            assert_eq!(hearing.unwrap().text, temperatures.last().unwrap().to_string());
            temperatures
        };
        assert_eq!(tried(true, 0.0), [0.0]);
        assert_eq!(tried(true, 0.3), [0.0, 0.2, 0.4]);
        assert_eq!(tried(true, 9.0), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(tried(false, 9.0), [0.0]);
        assert!(best_try(true, |_| Err(())).is_err());
    }
}
