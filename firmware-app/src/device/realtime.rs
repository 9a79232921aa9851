//! Real-time priority for the threads that feed the sound card. Its only unsafe line is the system call.
//!
//! A refusal is no error: sound runs without it, and stutters when the machine is busy.

use std::io;
use std::mem;
use std::sync::Once;

/// Above everything ordinary, below the kernel's own interrupt threads at 50.
const PRIORITY: i32 = 20;

/// Gives the calling thread real-time priority (`SCHED_FIFO`).
///
/// Errors: the kernel's, in a sentence that says what to grant.
pub fn raise_this_thread() -> Result<(), String> {
    // SAFETY: `sched_param` is plain data, for which all zeroes is a value; the pointer lives through the call, and 0
    // means the calling thread.
    let answer = unsafe {
        let mut wanted: libc::sched_param = mem::zeroed();
        wanted.sched_priority = PRIORITY;
        libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const wanted)
    };
    if answer == 0 {
        return Ok(());
    }
    Err(format!(
        "no real-time priority: {} (grant it with LimitRTPRIO={PRIORITY} in the service)",
        io::Error::last_os_error()
    ))
}

/// As [`raise_this_thread`]; the program's first refusal goes to the log, with what to grant, and no other.
pub fn raise_this_thread_or_say() {
    static SAID: Once = Once::new();
    if let Err(error) = raise_this_thread() {
        SAID.call_once(|| log::info!("sound may stutter when the machine is busy: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_gets_priority_or_a_sentence() {
        let answer = thread::spawn(raise_this_thread).join().unwrap();
        assert!(answer.is_ok() || answer.unwrap_err().contains("LimitRTPRIO"));
    }
}
