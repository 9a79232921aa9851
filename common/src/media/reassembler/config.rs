//! The words between a reassembler and its caller: limits, frames, what became of a piece, figures.

use super::slot;
use crate::time::{Duration, Time};
use crate::wire::{Layer, StageTimes};

/// A whole frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssembledFrame {
    /// The sender's number. Rising; only a keyframe may have the number of a frame before it, when the layer changes.
    pub number: u32,
    /// Decodable without any frame before it.
    pub keyframe: bool,
    /// No later frame needs it: a decoder that is behind may skip it.
    pub discardable: bool,
    /// Its layer. The spatial one changes only at a keyframe.
    pub layer: Layer,
    /// When it was captured, on the sender's clock.
    pub captured: Time,
    /// The stage times of the piece that came last.
    pub stages: Option<StageTimes>,
    /// When its first piece came.
    pub first_arrival: Time,
    /// When it was whole.
    pub completed: Time,
    /// What the encoder made. Give it back with [`Reassembler::recycle`](super::Reassembler::recycle) to save an
    /// allocation.
    pub bytes: Vec<u8>,
}

/// What became of a piece or a repair.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// Kept; its frame is not whole yet.
    Stored,
    /// Its frame is whole: poll [`Reassembler::next_frame`](super::Reassembler::next_frame).
    Completed,
    /// It was here before.
    Duplicate,
    /// Its frame was delivered or given up already.
    Late,
    /// It contradicts other pieces of its frame, or is none that a packetizer makes.
    Invalid,
    /// A repair that is not needed, a piece of a layer that is not being decoded, or no picture.
    Ignored,
}

/// Limits of a [`Reassembler`](super::Reassembler).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ReassemblerConfig {
    /// A missing frame is given up when a later one has been whole for this long; longer while pieces are asked for.
    pub reorder_wait: Duration,
    /// A frame is given up this long after its first piece; longer while pieces are asked for.
    pub frame_deadline: Duration,
    /// While pieces are asked for, both are at most this and a round trip, unless they are longer by themselves.
    pub resend_wait: Duration,
    /// A keyframe takes many pieces, over a slow link longer than `frame_deadline`: it is given up when no new piece
    /// came for `frame_deadline` (longer while pieces are asked for), or this long after its first piece.
    pub keyframe_deadline: Duration,
    /// A keyframe is asked for again after this long, and ever less often while nothing comes at all.
    pub keyframe_repeat: Duration,
    /// A piece is missing when a later one came and this has passed since.
    pub reorder: Duration,
    /// For round trips of more than this, frames other than keyframes wait no longer so that pieces can be sent
    /// again.
    pub resend_round_trip: Duration,
    /// The most frames in flight.
    pub max_frames: usize,
    /// The most bytes of frames in flight, with their repairs; at least two frames of the largest size fit.
    pub max_bytes: usize,
}

impl Default for ReassemblerConfig {
    fn default() -> Self {
        ReassemblerConfig {
            reorder_wait: Duration::from_millis(60),
            frame_deadline: Duration::from_millis(150),
            resend_wait: Duration::from_millis(320),
            keyframe_deadline: Duration::from_secs(1),
            keyframe_repeat: Duration::from_millis(250),
            reorder: Duration::from_millis(10),
            resend_round_trip: Duration::from_millis(250),
            max_frames: 32,
            max_bytes: 2 << 20,
        }
    }
}

impl ReassemblerConfig {
    pub(super) fn with_room(self) -> ReassemblerConfig {
        let max_bytes = self.max_bytes.max(2 * slot::MAX_BYTES);
        ReassemblerConfig { max_frames: self.max_frames.max(2), max_bytes, ..self }
    }
}

/// What happened so far, in frames or pieces as said.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct ReassemblerStats {
    /// Frames handed out.
    pub delivered: u64,
    /// Frames given up: never whole in time, or not seen at all.
    pub lost: u64,
    /// Whole frames dropped because a frame they need was never delivered.
    pub undecodable: u64,
    /// Frame numbers passed over because nothing of them came and the next frame did not need them: pictures that the
    /// encoder left out, or lost ones that nobody misses.
    pub skipped: u64,
    /// Frames that repairs made whole.
    pub repaired: u64,
    /// Pieces that came twice.
    pub duplicates: u64,
    /// Pieces that came after their frame was delivered or given up.
    pub late: u64,
    /// Pieces and repairs that no sender makes.
    pub invalid: u64,
    /// Frames dropped because too many were in flight.
    pub overflowed: u64,
    /// Times that the stream's numbers jumped, as after a restart of its sender.
    pub restarts: u64,
    /// Keyframes asked for.
    pub keyframe_requests: u64,
    /// Requests for missing pieces.
    pub nacks: u64,
}
