//! The flag that asks a model to stop. It knows nothing of the model, and neither waits nor wakes anyone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks the work that holds a clone of it to stop. Once raised it stays raised: each piece of work gets its own.
#[derive(Clone, Debug, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

/// A flag that others raise too.
impl From<Arc<AtomicBool>> for CancelFlag {
    fn from(flag: Arc<AtomicBool>) -> CancelFlag {
        CancelFlag(flag)
    }
}

impl CancelFlag {
    /// A flag that is not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same as a flag that somebody else raises.
    #[must_use]
    pub fn of(raised: &Arc<AtomicBool>) -> Self {
        CancelFlag(Arc::clone(raised))
    }

    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work should stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
