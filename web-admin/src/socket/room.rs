//! How many of something there may be at once: in all, and of one address or person.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Room for some.
#[derive(Debug)]
pub(super) struct Room<K: Eq + Hash + Clone> {
    all: usize,
    of_one: usize,
    taken: Mutex<HashMap<K, usize>>,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<K: Eq + Hash + Clone> {
    room: Arc<Room<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Room<K> {
    /// Room for so many in `all`, and for so many of one.
    pub(super) fn new(all: usize, of_one: usize) -> Arc<Room<K>> {
        Arc::new(Room { all, of_one, taken: Mutex::default() })
    }

    /// A place, if there is one.
    pub(super) fn take(self: &Arc<Self>, key: K) -> Option<Place<K>> {
        let mut taken = self.lock();
        let count: usize = taken.values().sum();
        let theirs = taken.get(&key).copied().unwrap_or_default();
        if count >= self.all || theirs >= self.of_one {
            return None;
        }
        taken.insert(key.clone(), theirs + 1);
        Some(Place { room: Arc::clone(self), key })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.room.lock();
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_some_of_each_and_for_so_many_in_all() {
        let room = Room::new(3, 2);
        let (one, two) = (room.take("a").unwrap(), room.take("a").unwrap());
        assert!(room.take("a").is_none(), "a has theirs");
        let three = room.take("b").unwrap();
        assert!(room.take("c").is_none(), "it is full");
        drop((one, two));
        assert!(room.take("c").is_some() && room.take("a").is_some());
        drop(three);
        assert!(room.lock().is_empty(), "nobody who has gone is remembered");
    }
}
