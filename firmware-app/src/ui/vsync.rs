//! Whether a painting waits for the screen's refresh. druid can be told by an environment variable alone, and setting one
//! is this file's only unsafe line.
//!
//! X11's Present extension shows a painting at the next refresh, and some servers at the one after it. At 60 refreshes a
//! second every picture then comes 8 to 25 ms later. Without it a painting, put together out of sight, is copied to
//! the screen at once; where the refresh overtakes that copy, a picture is torn for one refresh.

/// druid-shell's switch, read when the window is made.
const NO_PRESENT: &str = "DRUID_SHELL_DISABLE_X11_PRESENT";

/// Chooses for the windows that this process opens later. To be called before there is a second thread.
pub fn choose(wait: bool) {
    // SAFETY: no other thread reads or writes the environment meanwhile: the program calls this before it starts one.
    unsafe {
        if wait {
            std::env::remove_var(NO_PRESENT);
        } else {
            std::env::set_var(NO_PRESENT, "1");
        }
    }
}
