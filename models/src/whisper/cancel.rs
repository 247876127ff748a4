//! Making whisper.cpp look at a [`CancelFlag`].

use std::ffi::c_void;

use whisper_rs::FullParams;

use crate::cancel::CancelFlag;

/// Calls `run` with `parameters` that make whisper.cpp stop when the flag is raised.
///
/// whisper-rs has a safe way to set the callback, which calls a closure through a pointer of another type and crashes;
/// hence a function of our own and a plain pointer.
pub(super) fn while_watching<'a, 'b, T>(
    cancel: &CancelFlag,
    mut parameters: FullParams<'a, 'b>,
    run: impl FnOnce(FullParams<'a, 'b>) -> T,
) -> T {
    #[allow(unsafe_code)]
    // SAFETY: `is_cancelled` takes its argument for a `CancelFlag`, which it is. whisper.cpp calls it during `run`
    // only, and the borrow keeps the flag where it is for that long. `run` might keep the parameters, but its callers
    // pass them by value to a call that drops them.
    unsafe {
        parameters.set_abort_callback(Some(is_cancelled));
        parameters.set_abort_callback_user_data(std::ptr::from_ref(cancel).cast_mut().cast());
    }
    run(parameters)
}

/// What whisper.cpp asks after the encoder's pass and after each token.
#[allow(unsafe_code)]
unsafe extern "C" fn is_cancelled(cancel: *mut c_void) -> bool {
    // SAFETY: `while_watching` passes a pointer to a `CancelFlag` that outlives the call, and nobody holds it mutably.
    let cancel = unsafe { &*cancel.cast_const().cast::<CancelFlag>() };
    cancel.is_cancelled()
}
