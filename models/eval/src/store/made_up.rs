//! Conversations of words that nobody knows, as frequent as words are: the n-th word is said 1/n as often as the first.

use jiff::Timestamp;
use pipit_store::{NewReply, NewTurn, Said, WholeConversation};

/// How many different words people use.
const WORDS: usize = 20_000;
const SYLLABLES: [&str; 16] =
    ["ba", "re", "to", "mi", "shu", "len", "kar", "po", "ni", "ga", "ste", "fo", "wi", "dra", "hel", "un"];

/// The same from the same seed.
pub(crate) struct MadeUp {
    state: u64,
}

impl MadeUp {
    pub(crate) fn new(seed: u64) -> MadeUp {
        MadeUp { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    /// A number below `end`: xorshift64*.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(random).unwrap_or(0) % end.max(1)
    }

    pub(crate) fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub(crate) fn conversation(&mut self, key: &str, turns: usize) -> WholeConversation {
        let at = |n: usize| Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(n as i64);
        WholeConversation {
            key: key.to_owned(),
            title: self.sentence(4),
            temporary: false,
            system_prompt: None,
            created: at(0),
            changed: at(turns),
            turns: (0..turns).map(|n| self.turn(at(n))).collect(),
        }
    }

    pub(crate) fn turn(&mut self, at: Timestamp) -> NewTurn {
        let (asked, answered) = (5 + self.below(8), 15 + self.below(30));
        let request = Said { at, text: self.sentence(asked) };
        NewTurn { door: None, request, reply: NewReply { at, text: self.sentence(answered), heard: None } }
    }

    /// What people look for: one to three words, the last of them often only begun.
    pub(crate) fn search(&mut self) -> String {
        let words = 1 + self.below(3);
        let mut wanted = self.sentence(words);
        wanted.pop();
        if self.below(2) == 0 {
            let keep = wanted.len().saturating_sub(self.below(4));
            wanted.truncate(keep);
        }
        wanted
    }

    fn sentence(&mut self, words: usize) -> String {
        let mut sentence = (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ");
        sentence.push('.');
        sentence
    }

    fn word(&mut self) -> String {
        // Zipf's law: the logarithm of the rank is as good as evenly spread.
        let even = self.below(1 << 20) as f64 / f64::from(1 << 20);
        let mut rank = (WORDS as f64).powf(even) as usize;
        let mut word = String::new();
        while rank > 0 {
            word.push_str(SYLLABLES[rank % SYLLABLES.len()]);
            rank /= SYLLABLES.len();
        }
        word
    }
}
