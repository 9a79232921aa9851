//! What the relay is compared with, each as a process of its own: a loop of `sendto`, and a forwarder that neither opens
//! nor seals and sends each datagram by itself.

use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use super::load::{AUDIO, PIECES, VIDEO};

/// Rounds sent at once, and the rest after them, so that receivers keep up.
const ROUNDS: usize = 4;
const REST: Duration = Duration::from_micros(1500);

/// Sends to all receivers in the proportions of a kiosk (30 frames of four pieces, 100 of sound) for `span`, one
/// `sendto` a datagram. Prints how many it sent.
pub fn send(receivers: &[SocketAddr], span: Duration) -> io::Result<()> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    let (video, audio) = ([0x5a; VIDEO], [0x5a; AUDIO]);
    let (mut sent, mut credit) = (0_u64, 0);
    let begin = Instant::now();
    while begin.elapsed() < span {
        for _ in 0..ROUNDS {
            // Thirty frames to a hundred periods.
            credit += 30;
            let is_frame = credit >= 130;
            if is_frame {
                credit -= 130;
            }
            let (datagram, count) = if is_frame { (&video[..], PIECES) } else { (&audio[..], 1) };
            for receiver in receivers {
                for _ in 0..count {
                    socket.send_to(datagram, receiver)?;
                    sent += 1;
                }
            }
        }
        thread::sleep(REST);
    }
    println!("{sent}");
    // The figures of a process that has ended are gone.
    io::stdout().flush()?;
    thread::sleep(Duration::from_secs(3600));
    Ok(())
}

/// Sends what comes from one of `members` to all others, for ever. Prints its address first.
pub fn forward(members: &[SocketAddr]) -> io::Result<()> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    println!("{}", socket.local_addr()?);
    io::stdout().flush()?;
    let mut datagram = [0; 2048];
    loop {
        let (len, from) = socket.recv_from(&mut datagram)?;
        for member in members.iter().filter(|member| **member != from) {
            socket.send_to(&datagram[..len], member)?;
        }
    }
}
