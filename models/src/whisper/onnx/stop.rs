//! Making ONNX Runtime look at a [`CancelFlag`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ort::session::RunOptions;

use crate::cancel::CancelFlag;

/// How often the flag is looked at. Others raise it without telling anybody, and a person does not notice so little.
const LOOK: Duration = Duration::from_millis(5);

/// Runs `run`, whose passes take `options`, and has them end after the operator at hand once the flag is raised.
pub(super) fn while_watching<T>(cancel: &CancelFlag, options: &RunOptions, run: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = || {
            while !done.load(Ordering::Acquire) {
                if cancel.is_cancelled() {
                    if let Err(error) = options.terminate() {
                        tracing::warn!("a pass of the recogniser can't be stopped: {error}");
                    }
                    break;
                }
                thread::park_timeout(LOOK);
            }
        };
        let watcher = thread::Builder::new().name("stt-cancel".to_owned()).spawn_scoped(scope, watch);
        let result = run();
        done.store(true, Ordering::Release);
        match watcher {
            Ok(watcher) => watcher.thread().unpark(),
            Err(error) => tracing::warn!("nobody watches whether the recogniser is to stop: {error}"),
        }
        result
    })
}
