//! Which job a model does next. Pure: it knows neither threads nor models, and time comes in as an argument.
//!
//! First come the jobs that somebody waits for, then those of drafts, then those of other devices. Among equals the places take turns, so that whoever
//! asks for much waits behind whoever asks for little, and nobody waits for more than one job of each other place. Who goes
//! first in a round is whoever had to wait longest lately, then whoever asked first.
//!
//! It is start-time fair queueing (Goyal, Vin and Cheng, 1996) in which every job counts for one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use pipit_core::turn::DraftId;

/// A place that somebody can speak from: a microphone, a browser, a satellite. Unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(pub u32);

/// How much a job is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Somebody waits for it.
    Wanted,
    /// It may turn out to be useless.
    Draft,
    /// Somebody waits for it who speaks to another device: see [`crate::wyoming`]. Whoever speaks to this one never waits for
    /// more of these than the one that is being done.
    Guest,
}

/// Jobs that wait for one model.
#[derive(Debug)]
pub(super) struct Queue<Job> {
    /// So many jobs of one place may wait.
    share: usize,
    /// In the order in which they came.
    waiting: Vec<Waiting<Job>>,
    places: HashMap<EndpointId, Place>,
    /// The round that is under way: that of the job which was taken last.
    round: u64,
}

#[derive(Debug)]
struct Waiting<Job> {
    endpoint: EndpointId,
    draft: DraftId,
    urgency: Urgency,
    /// Since when it is wanted so much.
    since: Instant,
    job: Job,
}

#[derive(Debug, Default)]
struct Place {
    /// The round in which its next job has its turn.
    round: u64,
    /// How long it had to wait, each job counting half as much as the next.
    waited: Duration,
    /// When its last job was done.
    done: Option<Instant>,
}

/// The next job.
#[derive(Debug, PartialEq)]
pub(super) struct Taken<Job> {
    /// Whose it is.
    pub(super) endpoint: EndpointId,
    /// For what.
    pub(super) draft: DraftId,
    /// How much it was wanted.
    pub(super) urgency: Urgency,
    /// How long it has been wanted so much, without the time in which another job of the same place was done.
    pub(super) waited: Duration,
    /// The job.
    pub(super) job: Job,
}

impl<Job> Queue<Job> {
    /// An empty queue in which so many jobs of each place may wait.
    pub(super) fn new(share: usize) -> Self {
        Queue { share, waiting: Vec::new(), places: HashMap::new(), round: 0 }
    }

    /// Adds a job, or gives it back where the place has as many waiting as it may.
    ///
    /// # Errors
    /// The job.
    pub(super) fn push(
        &mut self,
        endpoint: EndpointId,
        draft: DraftId,
        urgency: Urgency,
        now: Instant,
        job: Job,
    ) -> Result<(), Job> {
        if self.waiting.iter().filter(|waiting| waiting.endpoint == endpoint).count() >= self.share {
            return Err(job);
        }
        self.catch_up(endpoint);
        self.waiting.push(Waiting { endpoint, draft, urgency, since: now, job });
        Ok(())
    }

    /// Takes out the next job.
    pub(super) fn take(&mut self, now: Instant) -> Option<Taken<Job>> {
        // Of several equal ones this is the first, which is the oldest.
        let best = (0..self.waiting.len()).min_by_key(|at| {
            let waiting = &self.waiting[*at];
            let place = self.places.get(&waiting.endpoint);
            (waiting.urgency, place.map(|place| (place.round, Reverse(place.waited))))
        })?;
        let Waiting { endpoint, draft, urgency, since, job } = self.waiting.remove(best);
        let place = self.places.entry(endpoint).or_default();
        self.round = self.round.max(place.round);
        place.round += 1;
        let since = place.done.map_or(since, |done| done.max(since));
        let waited = now.saturating_duration_since(since);
        place.waited = place.waited / 2 + waited;
        Some(Taken { endpoint, draft, urgency, waited, job })
    }

    /// Rounds in which a place asked for nothing that counts are not made up for later.
    fn catch_up(&mut self, endpoint: EndpointId) {
        let place = self.places.entry(endpoint).or_default();
        place.round = place.round.max(self.round);
    }

    /// A job of this place is done, which its next one had to wait for whatever the others do.
    pub(super) fn done(&mut self, endpoint: EndpointId, now: Instant) {
        if let Some(place) = self.places.get_mut(&endpoint) {
            place.done = Some(now);
        }
    }

    /// Somebody waits for what is left to do for this draft.
    pub(super) fn commit(&mut self, endpoint: EndpointId, draft: DraftId, now: Instant) {
        self.catch_up(endpoint);
        for waiting in self.waiting.iter_mut().filter(|w| w.endpoint == endpoint && w.draft == draft) {
            if waiting.urgency == Urgency::Draft {
                (waiting.urgency, waiting.since) = (Urgency::Wanted, now);
            }
        }
    }

    /// Nobody wants what is left to do for this draft.
    pub(super) fn cancel(&mut self, endpoint: EndpointId, draft: DraftId) {
        self.waiting.retain(|waiting| waiting.endpoint != endpoint || waiting.draft != draft);
    }

    /// The place is gone.
    pub(super) fn forget(&mut self, endpoint: EndpointId) {
        self.waiting.retain(|waiting| waiting.endpoint != endpoint);
        self.places.remove(&endpoint);
    }
}

#[cfg(test)]
mod tests {
    use pipit_core::turn::TurnId;

    use super::*;

    const A: EndpointId = EndpointId(1);
    const B: EndpointId = EndpointId(2);
    const C: EndpointId = EndpointId(3);

    fn draft(turn: u64, revision: u32) -> DraftId {
        DraftId { turn: TurnId(turn), revision }
    }

    /// A queue, a clock, and what has come out of it.
    struct Table {
        queue: Queue<&'static str>,
        now: Instant,
    }

    impl Table {
        fn new() -> Self {
            Table { queue: Queue::new(4), now: Instant::now() }
        }

        fn push(&mut self, endpoint: EndpointId, urgency: Urgency, job: &'static str) {
            self.queue.push(endpoint, draft(1, 1), urgency, self.now, job).unwrap();
        }

        fn pass(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        fn order(&mut self) -> String {
            let jobs = std::iter::from_fn(|| self.queue.take(self.now).map(|taken| taken.job));
            jobs.collect::<Vec<_>>().join(" ")
        }
    }

    #[test]
    fn what_somebody_waits_for_comes_before_any_draft() {
        let mut table = Table::new();
        table.push(A, Urgency::Draft, "a1");
        table.push(B, Urgency::Draft, "b1");
        table.push(A, Urgency::Wanted, "a2");
        table.push(C, Urgency::Wanted, "c1");
        table.push(A, Urgency::Wanted, "a3");
        assert_eq!(table.order(), "a2 c1 a3 b1 a1");
    }

    #[test]
    fn whoever_speaks_to_this_device_never_waits_for_those_of_others() {
        let mut table = Table::new();
        for guest in [B, C] {
            table.push(guest, Urgency::Guest, "guest");
            table.push(guest, Urgency::Guest, "guest");
        }
        table.push(A, Urgency::Draft, "draft");
        table.queue.commit(B, draft(1, 1), table.now);
        table.push(A, Urgency::Wanted, "wanted");
        assert_eq!(table.order(), "wanted draft guest guest guest guest");
    }

    #[test]
    fn places_take_turns_however_much_one_of_them_asks_for() {
        let mut table = Table::new();
        for job in ["a1", "a2", "a3", "a4"] {
            table.push(A, Urgency::Wanted, job);
        }
        table.push(B, Urgency::Wanted, "b1");
        table.push(C, Urgency::Wanted, "c1");
        table.push(B, Urgency::Wanted, "b2");
        assert_eq!(table.order(), "a1 b1 c1 a2 b2 a3 a4");
        // Whoever had more than the others comes after them, though it asks first. That is forgotten as soon as it is
        // made up for.
        table.push(A, Urgency::Wanted, "a5");
        table.push(B, Urgency::Wanted, "b3");
        table.push(C, Urgency::Wanted, "c2");
        assert_eq!(table.order(), "b3 c2 a5");
        table.push(A, Urgency::Wanted, "a6");
        table.push(B, Urgency::Wanted, "b4");
        assert_eq!(table.order(), "b4 a6");
    }

    #[test]
    fn of_those_who_always_ask_at_the_same_time_none_is_always_last() {
        let mut table = Table::new();
        let mut waits = HashMap::<_, Vec<_>>::new();
        for _ in 0..4 {
            for (endpoint, job) in [(A, "a"), (B, "b"), (C, "c")] {
                table.push(endpoint, Urgency::Wanted, job);
            }
            while let Some(taken) = table.queue.take(table.now) {
                waits.entry(taken.job).or_default().push(taken.waited.as_secs());
                table.pass(1);
                table.queue.done(taken.endpoint, table.now);
            }
        }
        let sums = ["a", "b", "c"].map(|job| waits[job].iter().sum::<u64>());
        assert_eq!(sums, [4, 4, 4], "{waits:?}");
    }

    #[test]
    fn a_draft_that_becomes_certain_moves_up_and_one_that_is_cancelled_goes() {
        let mut table = Table::new();
        table.push(A, Urgency::Wanted, "a1");
        table.push(B, Urgency::Draft, "b1");
        table.queue.push(B, draft(1, 2), Urgency::Draft, table.now, "b2").unwrap();
        table.push(C, Urgency::Draft, "c1");
        table.pass(5);
        table.queue.commit(B, draft(1, 2), table.now);
        table.queue.cancel(C, draft(1, 1));
        // The same draft of another place is another.
        table.queue.cancel(A, draft(1, 2));
        table.pass(1);
        assert_eq!(table.queue.take(table.now).map(|taken| taken.job), Some("a1"));
        let taken = table.queue.take(table.now).unwrap();
        assert_eq!((taken.job, taken.waited), ("b2", Duration::from_secs(1)), "nobody has waited for the draft");
        assert_eq!(table.order(), "b1");
    }

    #[test]
    fn waiting_for_another_job_of_the_same_place_is_nobodys_fault() {
        let mut table = Table::new();
        table.push(A, Urgency::Wanted, "a1");
        table.push(A, Urgency::Wanted, "a2");
        table.push(B, Urgency::Wanted, "b1");
        let mut waits = Vec::new();
        while let Some(taken) = table.queue.take(table.now) {
            waits.push((taken.job, taken.waited.as_secs()));
            table.pass(3);
            table.queue.done(taken.endpoint, table.now);
        }
        assert_eq!(waits, [("a1", 0), ("b1", 3), ("a2", 3)]);
    }

    #[test]
    fn each_place_has_its_share_of_the_queue_and_leaves_nothing_in_it_when_it_goes() {
        let mut table = Table::new();
        for job in ["a1", "a2", "a3", "a4"] {
            table.push(A, Urgency::Draft, job);
        }
        assert_eq!(table.queue.push(A, draft(1, 1), Urgency::Wanted, table.now, "a5"), Err("a5"));
        table.push(B, Urgency::Draft, "b1");
        table.queue.forget(A);
        assert_eq!(table.order(), "b1");
    }
}
