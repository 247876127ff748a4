//! Keeps one device stream open while it is wanted: opens it, and opens it again with growing pauses after a loss.
//!
//! Opening and closing happen on a thread of their own, because a sound server that hangs can hold either for half a
//! minute, and neither the ear nor the reply may wait for it. What the device is and what is done with it lie elsewhere.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The first pause before looking again; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause: how long a person waits at most after plugging the device in again.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// A stream that held for this long was sound, so its loss is met without delay.
const STEADY: Duration = Duration::from_secs(5);
/// How long a stream may take to close. Hardware cannot be opened again before it is closed, so it is worth a wait.
const CLOSING: Duration = Duration::from_secs(1);
/// So many errors with no sample between them mean that the stream will not recover.
const HOPELESS: u32 = 20;

/// The wish for a stream; dropping it ends the thread and closes the stream, without waiting for either.
pub(super) struct Keeper {
    wish: Arc<Wish>,
}

impl Keeper {
    /// Starts the thread, which calls `open` when the stream is wanted and tells the outcome of each attempt.
    ///
    /// `open` gives the stream to keep and what its user needs. `tell` returns false when nobody listens any more.
    pub(super) fn spawn<S: Send + 'static, O>(
        thread_name: &str,
        mut open: impl FnMut() -> Result<(S, O)> + Send + 'static,
        mut tell: impl FnMut(Result<O>) -> bool + Send + 'static,
    ) -> Result<Self> {
        let wish = Arc::new(Wish {
            state: Mutex::new(State { gone: false, resting: false, round: 0 }),
            changed: Condvar::new(),
        });
        let seen = Arc::clone(&wish);
        thread::Builder::new()
            .name(thread_name.to_owned())
            .spawn(move || keep(&seen, &mut open, &mut tell))
            .context("the system refused a thread for the sound device")?;
        Ok(Keeper { wish })
    }

    /// Has the stream closed until [`Keeper::wake`].
    pub(super) fn rest(&self) {
        self.wish.change(|state| state.resting = true);
    }

    /// Asks for a stream again.
    pub(super) fn wake(&self) {
        self.wish.change(|state| state.resting = false);
    }

    /// Asks for a new stream in place of one that no longer works.
    pub(super) fn reopen(&self) {
        self.wish.change(|state| state.round += 1);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.wish.change(|state| state.gone = true);
    }
}

#[derive(Clone, Copy, PartialEq)]
struct State {
    /// Nobody wants a stream any more.
    gone: bool,
    /// Nobody needs one for now.
    resting: bool,
    /// Counts the requests for another stream.
    round: u64,
}

/// The latest wish wins, so that a thread held up by a hanging sound server has nothing to work off afterwards.
struct Wish {
    state: Mutex<State>,
    changed: Condvar,
}

impl Wish {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, edit: impl FnOnce(&mut State)) {
        edit(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until the wish differs from `known`, or for `limit`.
    fn wait(&self, known: State, limit: Option<Duration>) {
        let state = self.lock();
        match limit {
            Some(limit) => drop(self.changed.wait_timeout_while(state, limit, |state| *state == known)),
            None => drop(self.changed.wait_while(state, |state| *state == known)),
        }
    }
}

fn keep<S: Send + 'static, O>(
    wish: &Wish,
    open: &mut dyn FnMut() -> Result<(S, O)>,
    tell: &mut dyn FnMut(Result<O>) -> bool,
) {
    let mut held: Option<(S, Instant)> = None;
    let mut round = 0;
    let mut pause = FIRST_PAUSE;
    loop {
        let state = *wish.lock();
        if state.gone {
            if let Some((stream, _)) = held {
                close(stream);
            }
            return;
        }
        if state.resting {
            if let Some((stream, _)) = held.take() {
                close(stream);
            }
            pause = FIRST_PAUSE;
            wish.wait(state, None);
            continue;
        }
        if held.is_some() && state.round == round {
            wish.wait(state, None);
            continue;
        }
        round = state.round;
        if let Some((stream, since)) = held.take() {
            close(stream);
            if since.elapsed() >= STEADY {
                pause = FIRST_PAUSE;
            } else {
                wish.wait(state, Some(pause));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        let outcome = open().map(|(stream, opened)| {
            held = Some((stream, Instant::now()));
            opened
        });
        if !tell(outcome) {
            return;
        }
        if held.is_none() {
            wish.wait(state, Some(pause));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Closes a stream. One that does not close is left behind: libpulse can lock itself up for good when its server dies,
/// and one stuck thread per such accident is a smaller evil than a device that never comes back.
fn close<S: Send + 'static>(stream: S) {
    let (done, closed) = sync_channel::<()>(0);
    let closing = thread::Builder::new().name("close sound".to_owned()).spawn(move || {
        drop(stream);
        drop(done);
    });
    if closing.is_ok() && closed.recv_timeout(CLOSING) == Err(RecvTimeoutError::Timeout) {
        tracing::warn!("a sound stream does not close and is left behind");
    }
}

/// How a stream fares, written by its callbacks and read by its user.
pub(super) struct Health {
    failure: OnceLock<cpal::Error>,
    xruns: AtomicU64,
    errors_in_a_row: AtomicU32,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Health {
    /// `wake` is called when the stream has failed. It must neither block nor panic.
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Health {
            failure: OnceLock::new(),
            xruns: AtomicU64::new(0),
            errors_in_a_row: AtomicU32::new(0),
            wake: Box::new(wake),
        })
    }

    /// Why the stream can no longer be used.
    pub(super) fn failure(&self) -> Option<&cpal::Error> {
        self.failure.get()
    }

    /// Overruns or underruns of the device's own buffer.
    pub(super) fn xruns(&self) -> u64 {
        self.xruns.load(Ordering::Relaxed)
    }

    /// For the data callback: sound flows.
    pub(super) fn flows(&self) {
        self.errors_in_a_row.store(0, Ordering::Relaxed);
    }

    /// For the error callback.
    ///
    /// Overruns and passing errors, such as a sound server's while it sets a stream up anew, come singly, with sound
    /// between them. A stream whose device has gone repeats its error until it is dropped; the short sleep keeps that
    /// loop from taking a whole core in the meantime.
    pub(super) fn error(&self, error: cpal::Error) {
        let kind = error.kind();
        if matches!(kind, cpal::ErrorKind::DeviceChanged | cpal::ErrorKind::RealtimeDenied) {
            return;
        }
        if kind == cpal::ErrorKind::Xrun {
            self.xruns.fetch_add(1, Ordering::Relaxed);
        }
        let in_a_row = self.errors_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if in_a_row >= HOPELESS
            || matches!(kind, cpal::ErrorKind::DeviceNotAvailable | cpal::ErrorKind::StreamInvalidated)
        {
            let _ = self.failure.set(error);
            (self.wake)();
        }
        if in_a_row > 1 {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_device_is_looked_for_until_it_opens_and_again_after_a_loss() {
        let (tell, told) = mpsc::sync_channel(0);
        let mut attempts = 0;
        let open = move || {
            attempts += 1;
            if attempts == 2 { Err(anyhow::anyhow!("attempt {attempts}")) } else { Ok(((), attempts)) }
        };
        let keeper = Keeper::spawn("test", open, move |outcome: Result<i32>| {
            tell.send(outcome.map_err(|e| e.to_string())).is_ok()
        })
        .unwrap();
        assert_eq!(told.recv().unwrap(), Ok(1));
        keeper.reopen();
        assert_eq!(told.recv().unwrap(), Err("attempt 2".to_owned()));
        assert_eq!(told.recv().unwrap(), Ok(3));
    }

    #[test]
    fn a_stream_that_nobody_needs_is_closed_until_somebody_does() {
        let (tell, told) = mpsc::sync_channel(0);
        let (stream, closed) = mpsc::sync_channel::<()>(0);
        let mut streams = vec![Some(stream), None].into_iter();
        let open = move || streams.next().map(|stream| (stream, ())).ok_or_else(|| anyhow::anyhow!("no more"));
        let keeper =
            Keeper::spawn("test", open, move |outcome: Result<()>| tell.send(outcome.is_ok()).is_ok()).unwrap();
        assert_eq!(told.recv(), Ok(true));
        keeper.rest();
        assert!(closed.recv().is_err(), "the stream is dropped, and with it its end of the channel");
        keeper.wake();
        assert_eq!(told.recv(), Ok(true));
    }

    #[test]
    fn dropping_the_wish_closes_the_stream_and_ends_the_thread() {
        let (tell, told) = mpsc::sync_channel(4);
        let (stream, closed) = mpsc::sync_channel::<()>(1);
        let keeper = Keeper::spawn("test", move || Ok((stream.clone(), ())), move |_| tell.send(()).is_ok()).unwrap();
        told.recv().unwrap();
        drop(keeper);
        // The last sender lives in the thread's own closure: this returns once the thread is gone.
        assert!(closed.recv().is_err());
    }

    #[test]
    fn a_stream_that_does_not_close_holds_up_nothing() {
        /// Closes when the test lets it.
        struct Stuck(mpsc::Receiver<()>);
        impl Drop for Stuck {
            fn drop(&mut self) {
                let _ = self.0.recv();
            }
        }
        let (tell, told) = mpsc::sync_channel(0);
        let (let_go, stuck) = mpsc::channel::<()>();
        let mut streams = vec![Some(Stuck(stuck)), None].into_iter();
        let open = move || streams.next().map(|stream| (stream, ())).ok_or_else(|| anyhow::anyhow!("no more"));
        let keeper =
            Keeper::spawn("test", open, move |outcome: Result<()>| tell.send(outcome.is_ok()).is_ok()).unwrap();
        assert_eq!(told.recv(), Ok(true));
        keeper.reopen();
        assert_eq!(told.recv(), Ok(true), "another stream is opened while the first hangs");
        drop(let_go);
    }

    #[test]
    fn only_errors_that_end_a_stream_count_as_its_failure() {
        let (woken, wakes) = mpsc::sync_channel(8);
        let health = Health::new(move || {
            let _ = woken.try_send(());
        });
        health.error(cpal::Error::new(cpal::ErrorKind::DeviceChanged));
        for kind in [cpal::ErrorKind::Xrun, cpal::ErrorKind::BackendError] {
            for _ in 1..HOPELESS {
                health.error(cpal::Error::new(kind));
            }
            health.flows();
        }
        assert!(health.failure().is_none() && wakes.try_recv().is_err());
        assert_eq!(health.xruns(), u64::from(HOPELESS) - 1);
        health.error(cpal::Error::new(cpal::ErrorKind::DeviceNotAvailable));
        health.error(cpal::Error::new(cpal::ErrorKind::Other));
        assert_eq!(health.failure().unwrap().kind(), cpal::ErrorKind::DeviceNotAvailable);
        assert!(wakes.try_recv().is_ok());
    }
}
