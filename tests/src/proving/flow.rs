//! What the proving ground drives: one flow of media over a path, its sender and its receiver in one object, with nothing
//! between them but the packets that the simulated network carries.

use vestibule_common::time::Time;
use vestibule_common::unit::{Bitrate, DataSize};

use crate::world::Frame;

/// A packet of a flow, in either direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// What the far end reads.
    pub bytes: Vec<u8>,
    /// Its size at IP level, headers included.
    pub size: DataSize,
    /// How much of that is media sent for the first time, headers included: nothing of padding, probes, repair,
    /// retransmissions and reports.
    pub media: DataSize,
}

/// A flow of media under test.
pub trait Flow {
    /// The source has made a frame. The sender cuts it into packets and sends them when it thinks best.
    fn handle_frame(&mut self, frame: Frame, now: Time);

    /// What the source should make from now on, at IP level.
    fn target(&self) -> Bitrate;

    /// The next packet that the sender wants to leave at this moment.
    fn next_packet(&mut self, now: Time) -> Option<Packet>;

    /// A packet of the sender's has reached the receiver; `marked` if a queue marked it (RFC 3168).
    fn handle_packet(&mut self, packet: Packet, marked: bool, now: Time);

    /// The next report that the receiver wants to leave at this moment.
    fn next_report(&mut self, now: Time) -> Option<Packet>;

    /// A report of the receiver's has reached the sender.
    fn handle_report(&mut self, packet: Packet, now: Time);

    /// When sender or receiver has something to do, if nothing arrives before.
    fn poll_timeout(&self) -> Option<Time>;

    /// A moment has come.
    fn handle_timeout(&mut self, now: Time);

    /// What it thinks at the moment, for a trace.
    fn trace(&self) -> String;
}
