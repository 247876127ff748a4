//! How often something may be tried: at first several times, and then once in a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use jiff::Timestamp;

/// Keys that are kept. Of more, those go that have tried least.
const MOST: usize = 1024;

/// How often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// So often at once.
    pub(crate) burst: u32,
    /// After that once in so long.
    pub(crate) every: Duration,
}

impl Rate {
    fn every(self) -> i64 {
        self.every.as_millis() as i64
    }

    /// Of how much that was tried may be left what is to be waited for.
    fn room(self) -> i64 {
        self.every() * i64::from(self.burst)
    }
}

/// For each key, until when what it has tried counts, in Unix milliseconds: the generic cell rate algorithm of ITU-T I.371.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    until: HashMap<K, i64>,
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Buckets<K> {
        Buckets { rate, until: HashMap::new() }
    }

    /// Tries once more; or says how long that has to wait, and then it does not count. A clock that was set back makes nobody
    /// wait for longer than they would have had to.
    pub(crate) fn take(&mut self, key: K, now: Timestamp) -> Result<(), Duration> {
        let (now, Rate { .. }) = (now.as_millisecond(), self.rate);
        let until = self.until.get(&key).map_or(now, |until| (*until).clamp(now, now + self.rate.room()));
        let next = until + self.rate.every();
        let wait = next - now - self.rate.room();
        if wait > 0 {
            self.until.insert(key, until);
            return Err(Duration::from_millis(wait.unsigned_abs()));
        }
        self.make_room(now, &key);
        self.until.insert(key, next);
        Ok(())
    }

    /// What was tried last was right, and does not count.
    pub(crate) fn give_back(&mut self, key: &K) {
        if let Some(until) = self.until.get_mut(key) {
            *until -= self.rate.every();
        }
    }

    fn make_room(&mut self, now: i64, key: &K) {
        if self.until.len() < MOST || self.until.contains_key(key) {
            return;
        }
        self.until.retain(|_, until| *until > now);
        if self.until.len() >= MOST {
            let least = self.until.iter().min_by_key(|(_, until)| **until).map(|(key, _)| key.clone());
            least.and_then(|least| self.until.remove(&least));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, every: Duration::from_secs(10) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn after_several_it_is_one_in_a_while() {
        let mut buckets = Buckets::new(RATE);
        for _ in 0..3 {
            buckets.take("a", at(0)).unwrap();
        }
        assert_eq!(buckets.take("a", at(0)), Err(Duration::from_secs(10)));
        assert_eq!(buckets.take("a", at(4)), Err(Duration::from_secs(6)), "what had to wait does not count");
        buckets.take("b", at(4)).unwrap();
        buckets.take("a", at(10)).unwrap();
        assert_eq!(buckets.take("a", at(10)), Err(Duration::from_secs(10)));
        buckets.give_back(&"a");
        buckets.take("a", at(10)).unwrap();
        for _ in 0..3 {
            buckets.take("a", at(100)).unwrap();
        }
        buckets.take("a", at(100)).unwrap_err();
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_for_long() {
        let mut buckets = Buckets::new(RATE);
        for _ in 0..3 {
            buckets.take("a", at(1_000_000)).unwrap();
        }
        assert_eq!(buckets.take("a", at(0)), Err(Duration::from_secs(10)));
        buckets.take("a", at(10)).unwrap();
    }

    #[test]
    fn memory_is_bounded_and_whoever_tries_most_is_not_forgotten() {
        let mut buckets = Buckets::new(RATE);
        for _ in 0..3 {
            buckets.take(0, at(0)).unwrap();
        }
        for stranger in 1..10_000 {
            buckets.take(stranger, at(0)).unwrap();
        }
        assert_eq!(buckets.until.len(), MOST);
        buckets.take(0, at(0)).unwrap_err();
    }
}
