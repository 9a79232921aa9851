//! Real-time priority for the threads that sound passes through. Its only unsafe line is the system call.
//!
//! A refusal is no error: sound runs without it, and stutters when the machine is busy.

use std::io;
use std::mem;
use std::sync::Once;

/// Which threads a thread may keep waiting: all ordinary ones, and of these those further up. The kernel's own interrupt threads are
/// at 50.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Priority {
    /// It hands sound to the network and takes it from there.
    Network = 10,
    /// It feeds the sound card.
    Sound = 20,
}

/// Gives the calling thread real-time priority (`SCHED_FIFO`).
///
/// Errors: the kernel's, in a sentence that says what to grant.
pub fn raise_this_thread(priority: Priority) -> Result<(), String> {
    // SAFETY: `sched_param` is plain data, for which all zeroes is a value; the pointer lives through the call, and 0
    // means the calling thread.
    let answer = unsafe {
        let mut wanted: libc::sched_param = mem::zeroed();
        wanted.sched_priority = priority as i32;
        libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const wanted)
    };
    if answer == 0 {
        return Ok(());
    }
    Err(format!(
        "no real-time priority: {} (grant it with LimitRTPRIO={} in the service)",
        io::Error::last_os_error(),
        Priority::Sound as i32
    ))
}

/// As [`raise_this_thread`]; the program's first refusal goes to the log, with what to grant, and no other.
pub fn raise_this_thread_or_say(priority: Priority) {
    static SAID: Once = Once::new();
    if let Err(error) = raise_this_thread(priority) {
        SAID.call_once(|| log::info!("sound may stutter when the machine is busy: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_gets_priority_or_a_sentence() {
        let answer = thread::spawn(|| raise_this_thread(Priority::Network)).join().unwrap();
        assert!(answer.is_ok() || answer.unwrap_err().contains("LimitRTPRIO"));
    }
}
