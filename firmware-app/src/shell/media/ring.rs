//! Fixed rings between two threads (heapless), for the audio path: nothing in them allocates, locks or waits.

use heapless::spsc::{Consumer, Producer, Queue};

/// A ring for `N - 1` items with its two ends. It lives as long as the program, as the threads at its ends do.
pub(super) fn ring<T: Send, const N: usize>() -> (Producer<'static, T>, Consumer<'static, T>) {
    let queue: &'static mut Queue<T, N> = Box::leak(Box::new(Queue::new()));
    queue.split()
}
