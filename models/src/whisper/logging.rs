//! whisper.cpp's own words, which would otherwise go to the standard error stream.

use std::ffi::{CStr, c_char, c_void};
use std::sync::Once;

static INSTALLED: Once = Once::new();

/// `GGML_LOG_LEVEL_DEBUG`, at which a build of whisper.cpp for debugging writes each word that it hears.
const DEBUG: u32 = 1;
/// `GGML_LOG_LEVEL_CONT`: more of the line before, of whatever level that was.
const CONTINUED: u32 = 5;

/// Sends what whisper.cpp and ggml say to `tracing`, once for the process.
///
/// All of it at `debug`: every failure reaches the caller as an error too, and a cancelled run looks to whisper.cpp
/// like a failed one. What may hold words is dropped: nobody knows yet whom they were said to.
pub(super) fn send_to_tracing() {
    INSTALLED.call_once(|| {
        #[allow(unsafe_code)]
        // SAFETY: `log` neither unwinds nor uses the user data, which is null.
        unsafe {
            whisper_rs::set_log_callback(Some(log), std::ptr::null_mut());
        }
    });
}

#[allow(unsafe_code)]
unsafe extern "C" fn log(level: u32, text: *const c_char, _user_data: *mut c_void) {
    if text.is_null() || matches!(level, DEBUG | CONTINUED) {
        return;
    }
    // SAFETY: whisper.cpp passes a string that ends with a zero byte and lives as long as the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let text = text.trim();
    if !text.is_empty() {
        tracing::debug!(target: "whisper", "{text}");
    }
}
