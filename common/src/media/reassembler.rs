//! Puts the pieces of a picture stream together again and hands out whole frames that can be decoded, in order.
//!
//! Not a decoder, and it asks for nothing itself: the caller polls [`Reassembler::keyframe_needed`]. A frame that is
//! too late is given up, and then nothing is shown that was built on it: a frozen picture is better than a broken one.

mod slot;

use crate::time::{Duration, Time};
use crate::wire::{Kind, Layer, MediaHeader, StageTimes};
use slot::{Piece, Slot};

/// A whole frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssembledFrame {
    /// The sender's number.
    pub number: u32,
    /// Decodable without any frame before it.
    pub keyframe: bool,
    /// No later frame needs it: a decoder that is behind may skip it.
    pub discardable: bool,
    /// Its layer.
    pub layer: Layer,
    /// When it was captured, on the sender's clock.
    pub captured: Time,
    /// The stage times of the piece that came last.
    pub stages: Option<StageTimes>,
    /// When its first piece came.
    pub first_arrival: Time,
    /// When it was whole.
    pub completed: Time,
    /// What the encoder made. Give it back with [`Reassembler::recycle`] to save an allocation.
    pub bytes: Vec<u8>,
}

/// What became of a piece.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// Kept; its frame is not whole yet.
    Stored,
    /// Its frame is whole: poll [`Reassembler::next_frame`].
    Completed,
    /// It was here before.
    Duplicate,
    /// Its frame was delivered or given up already.
    Late,
    /// It contradicts other pieces of its frame, or is none that a packetizer makes.
    Invalid,
    /// A repair, or no picture.
    Ignored,
}

/// Limits of a [`Reassembler`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ReassemblerConfig {
    /// A missing frame is given up when a later one has been whole for this long.
    pub reorder_wait: Duration,
    /// A frame is given up this long after its first piece.
    pub frame_deadline: Duration,
    /// A keyframe takes many pieces, over a slow link longer than `frame_deadline`: it is given up when no new piece
    /// came for `frame_deadline`, or this long after its first piece.
    pub keyframe_deadline: Duration,
    /// A keyframe is asked for again after this long, and ever less often while nothing comes at all.
    pub keyframe_repeat: Duration,
    /// The most frames in flight.
    pub max_frames: usize,
    /// The most bytes of frames in flight; at least one frame of the largest size fits.
    pub max_bytes: usize,
}

impl Default for ReassemblerConfig {
    fn default() -> Self {
        ReassemblerConfig {
            reorder_wait: Duration::from_millis(60),
            frame_deadline: Duration::from_millis(150),
            keyframe_deadline: Duration::from_secs(1),
            keyframe_repeat: Duration::from_millis(250),
            max_frames: 32,
            max_bytes: 2 << 20,
        }
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
    /// Pieces that came twice.
    pub duplicates: u64,
    /// Pieces that came after their frame was delivered or given up.
    pub late: u64,
    /// Pieces that no packetizer makes.
    pub invalid: u64,
    /// Frames dropped because too many were in flight.
    pub overflowed: u64,
    /// Times that the stream's numbers jumped, as after a restart of its sender.
    pub restarts: u64,
    /// Keyframes asked for.
    pub keyframe_requests: u64,
}

/// Numbers further away than this belong to a sender that started anew.
const FAR: u32 = 1024;
/// The longest wait between two requests while nothing comes.
const REPEAT_LONGEST: Duration = Duration::from_secs(4);
/// Buffers kept for the next frames, and how large one may be: all of them together are well below the frames' limit.
const SPARE_BUFFERS: usize = 4;
const SPARE_LARGEST: usize = 256 << 10;

/// The reassembler of one stream.
#[derive(Debug)]
pub struct Reassembler {
    config: ReassemblerConfig,
    /// In the order of frame numbers, all of them within [`FAR`] of each other.
    slots: Vec<Slot>,
    spare: Vec<Vec<u8>>,
    /// The number after the last frame that was delivered or given up; `None` before the first keyframe.
    next: Option<u32>,
    /// Nothing but a keyframe can be decoded.
    needs_keyframe: bool,
    /// Bit `d - 1`: frame `next - d` was delivered, and no keyframe after it.
    delivered: u64,
    request: Request,
    stats: ReassemblerStats,
}

/// When to ask for a keyframe.
#[derive(Copy, Clone, Debug, Default)]
struct Request {
    /// There is reason to believe that frames flow.
    wanted: bool,
    asked: Option<Time>,
    interval: Duration,
    /// Something came since we asked.
    heard: bool,
}

impl Reassembler {
    /// Waits for a first keyframe.
    pub fn new(config: ReassemblerConfig) -> Reassembler {
        Reassembler {
            config: ReassemblerConfig {
                max_frames: config.max_frames.max(2),
                max_bytes: config.max_bytes.max(slot::MAX_BYTES),
                ..config
            },
            slots: Vec::new(),
            spare: Vec::new(),
            next: None,
            needs_keyframe: true,
            delivered: 0,
            request: Request { interval: config.keyframe_repeat, ..Request::default() },
            stats: ReassemblerStats::default(),
        }
    }

    /// Takes a piece: a video or presentation piece, or one sent again. Then poll [`Reassembler::next_frame`] until
    /// it gives `None`.
    pub fn handle_piece(&mut self, header: &MediaHeader, payload: &[u8], now: Time) -> Accepted {
        let accepted = match header.kind {
            Kind::Video | Kind::Presentation | Kind::Retransmission => self.accept(header, payload, now),
            Kind::Audio
            | Kind::File
            | Kind::FileAck
            | Kind::Feedback
            | Kind::Nack
            | Kind::Repair
            | Kind::Probe
            | Kind::PathChallenge
            | Kind::PathResponse
            | Kind::TimeRequest
            | Kind::TimeAnswer
            | Kind::KeyframeRequest
            | Kind::View
            | Kind::Demand => Accepted::Ignored,
        };
        match accepted {
            Accepted::Stored | Accepted::Completed | Accepted::Ignored => {}
            Accepted::Duplicate => self.stats.duplicates += 1,
            Accepted::Late => self.stats.late += 1,
            Accepted::Invalid => self.stats.invalid += 1,
        }
        accepted
    }

    /// The next frame for the decoder, if one is ready. Gives up on frames whose time has passed.
    pub fn next_frame(&mut self, now: Time) -> Option<AssembledFrame> {
        loop {
            if self.needs_keyframe {
                self.expire_while_waiting(now);
                let at = self.slots.iter().position(|slot| slot.keyframe && slot.is_whole())?;
                self.drop_slots(at);
                return Some(self.deliver_first());
            }
            let next = self.next?;
            let first = self.slots.first()?;
            if first.number != next && self.follows_the_last(first) {
                self.skip_to(first.number);
                continue;
            }
            if first.number != next || !first.is_whole() {
                if !self.is_late(now) {
                    return None;
                }
                self.give_up_next();
                continue;
            }
            if self.is_decodable(first) {
                return Some(self.deliver_first());
            }
            let discardable = first.discardable;
            self.stats.undecodable += 1;
            self.remove_first();
            self.advance(false);
            if !discardable {
                self.need_keyframe();
            }
        }
    }

    /// Whether to send a keyframe request now. Call it about as often as pieces come, and at
    /// [`Reassembler::poll_timeout`]; `true` counts as sent.
    pub fn keyframe_needed(&mut self, now: Time) -> bool {
        let keyframe_on_its_way = self.slots.iter().any(|slot| slot.keyframe);
        if !self.needs_keyframe || !self.request.wanted || keyframe_on_its_way {
            return false;
        }
        let repeat = self.config.keyframe_repeat;
        let request = &mut self.request;
        if let Some(asked) = request.asked {
            if request.heard {
                request.interval = repeat;
            }
            if now.since(asked) < request.interval {
                return false;
            }
            let doubled = (request.interval * 2).min(REPEAT_LONGEST.max(repeat));
            request.interval = if request.heard { repeat } else { doubled };
        }
        request.asked = Some(now);
        request.heard = false;
        self.stats.keyframe_requests += 1;
        true
    }

    /// When to call [`Reassembler::next_frame`] and [`Reassembler::keyframe_needed`] next, if no piece comes before.
    pub fn poll_timeout(&self) -> Option<Time> {
        let frame = self.slots.iter().map(|slot| match slot.completed {
            _ if self.needs_keyframe && slot.keyframe => self.deadline(slot),
            _ if self.needs_keyframe => slot.first_arrival + self.patience(),
            Some(completed) => (completed + self.config.reorder_wait).min(self.deadline(slot)),
            None => self.deadline(slot),
        });
        let keyframe_at = self.slots.iter().position(|slot| slot.keyframe);
        // Behind a keyframe nothing expires before the keyframe has.
        let frame = frame.take(keyframe_at.filter(|_| self.needs_keyframe).map_or(usize::MAX, |at| at + 1));
        let asked = self.request.asked.map_or(Time::ZERO, |asked| {
            asked + if self.request.heard { self.config.keyframe_repeat } else { self.request.interval }
        });
        let ask = self.needs_keyframe && self.request.wanted && keyframe_at.is_none();
        let request = ask.then_some(asked);
        frame.chain(request).min()
    }

    /// The decoder lost its way: only a keyframe helps.
    pub fn handle_decoder_failure(&mut self) {
        self.need_keyframe();
    }

    /// Takes back the buffer of a frame.
    pub fn recycle(&mut self, mut bytes: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS && bytes.capacity() <= SPARE_LARGEST {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    /// What happened so far.
    pub fn stats(&self) -> ReassemblerStats {
        self.stats
    }

    /// Bytes held in frames in flight and spare buffers: at most `max_bytes` and 1 MiB.
    pub fn memory(&self) -> usize {
        self.in_flight() + self.spare.iter().map(Vec::capacity).sum::<usize>()
    }

    fn in_flight(&self) -> usize {
        self.slots.iter().map(|slot| slot.bytes.capacity()).sum()
    }

    fn accept(&mut self, header: &MediaHeader, payload: &[u8], now: Time) -> Accepted {
        let Some(piece) = Piece::check(header, payload) else { return Accepted::Invalid };
        self.request.heard = true;
        let anchor = self.next.or(self.slots.first().map(|slot| slot.number)).unwrap_or(header.frame);
        let ahead = header.frame.wrapping_sub(anchor) as i32;
        if ahead.unsigned_abs() > FAR {
            self.restart();
        } else if ahead < 0 && self.next.is_some() {
            return Accepted::Late;
        }
        if self.needs_keyframe && !header.flags.keyframe {
            self.request.wanted = true;
        }
        let order = |slot: &Slot| (slot.number.wrapping_sub(header.frame) as i32).cmp(&0);
        match self.slots.binary_search_by(order) {
            Ok(at) => self.add(at, &piece, now),
            Err(at) => {
                self.slots.insert(at, Slot::new(header, self.spare.pop().unwrap_or_default(), now));
                self.add(at, &piece, now)
            }
        }
    }

    fn add(&mut self, at: usize, piece: &Piece<'_>, now: Time) -> Accepted {
        let accepted = self.slots[at].add(piece, now);
        while self.slots.len() > self.config.max_frames || self.in_flight() > self.config.max_bytes {
            self.drop_for_room();
        }
        accepted
    }

    /// Drops the oldest frame that is not a keyframe still worth waiting for.
    fn drop_for_room(&mut self) {
        self.stats.overflowed += 1;
        if !self.needs_keyframe {
            while self.slots.first().is_some_and(|first| Some(first.number) != self.next) {
                self.give_up_next();
            }
            self.remove_first();
            self.advance(false);
            self.need_keyframe();
            return;
        }
        let victim = self.slots.iter().position(|slot| !slot.keyframe).unwrap_or(0);
        self.remove(victim);
    }

    /// Whether this whole frame refers to the last one that was delivered, so that what lies between them, of which nothing
    /// has come, is of no use to it: other layers have those numbers.
    fn follows_the_last(&self, slot: &Slot) -> bool {
        let ahead = self.next.map(|next| slot.number.wrapping_sub(next));
        let refers_to_last =
            ahead.is_some_and(|ahead| u32::from(slot.reference_distance) == ahead.wrapping_add(1));
        slot.is_whole() && !slot.keyframe && refers_to_last && self.delivered & 1 == 1
    }

    fn skip_to(&mut self, number: u32) {
        while self.next.is_some_and(|next| next != number) {
            self.advance(false);
        }
    }

    /// Whether the frame `next` is not worth waiting for any longer.
    fn is_late(&self, now: Time) -> bool {
        self.slots.iter().any(|slot| {
            let waited = slot.completed.is_some_and(|at| now.since(at) >= self.config.reorder_wait);
            let after_next = Some(slot.number) != self.next;
            after_next && waited || self.deadline(slot) <= now
        })
    }

    fn deadline(&self, slot: &Slot) -> Time {
        let first = slot.first_arrival;
        if slot.keyframe {
            (slot.last_arrival + self.config.frame_deadline).min(first + self.config.keyframe_deadline)
        } else {
            first + self.config.frame_deadline
        }
    }

    /// How long a frame is kept in the hope of the keyframe before it.
    fn patience(&self) -> Duration {
        self.config.frame_deadline + self.config.reorder_wait
    }

    fn give_up_next(&mut self) {
        self.stats.lost += 1;
        let mut needed = true;
        if let Some(first) = self.slots.first().filter(|first| Some(first.number) == self.next) {
            needed = !first.discardable;
            self.remove_first();
        }
        self.advance(false);
        if needed && self.slots.is_empty() {
            self.need_keyframe();
        }
    }

    /// While only a keyframe helps: frames behind an unfinished keyframe are kept, for as long as it may be in time.
    fn expire_while_waiting(&mut self, now: Time) {
        let patience = self.patience();
        let mut at = 0;
        while at < self.slots.len() {
            let slot = &self.slots[at];
            let hopeful = self.slots[..at].iter().any(|slot| slot.keyframe);
            let expired = if slot.keyframe {
                !slot.is_whole() && self.deadline(slot) <= now
            } else {
                !hopeful && slot.first_arrival + patience <= now
            };
            if !expired {
                at += 1;
                continue;
            }
            self.request.wanted = true;
            self.remove(at);
            self.stats.lost += 1;
        }
    }

    /// Whether every frame that this one was built on was delivered.
    fn is_decodable(&self, slot: &Slot) -> bool {
        // A frame that is no keyframe and names no reference depends on its predecessor.
        let distance = u32::from(slot.reference_distance.max(1));
        slot.keyframe || distance <= u64::BITS && self.delivered >> (distance - 1) & 1 == 1
    }

    fn deliver_first(&mut self) -> AssembledFrame {
        let slot = self.slots.remove(0);
        if slot.keyframe {
            self.next = Some(slot.number);
            self.delivered = 0;
            self.needs_keyframe = false;
            self.request = Request { interval: self.config.keyframe_repeat, ..Request::default() };
        }
        self.advance(true);
        self.stats.delivered += 1;
        AssembledFrame {
            number: slot.number,
            keyframe: slot.keyframe,
            discardable: slot.discardable,
            layer: slot.layer,
            captured: slot.captured,
            stages: slot.stages,
            first_arrival: slot.first_arrival,
            completed: slot.completed.unwrap_or(slot.last_arrival),
            bytes: slot.bytes,
        }
    }

    fn advance(&mut self, delivered: bool) {
        self.next = self.next.map(|next| next.wrapping_add(1));
        self.delivered = self.delivered << 1 | u64::from(delivered);
    }

    fn need_keyframe(&mut self) {
        self.needs_keyframe = true;
        self.request.wanted = true;
    }

    fn restart(&mut self) {
        self.stats.restarts += 1;
        self.drop_slots(self.slots.len());
        self.next = None;
        self.need_keyframe();
        self.request.wanted = false;
    }

    fn drop_slots(&mut self, count: usize) {
        for _ in 0..count {
            let whole = self.slots.first().is_some_and(Slot::is_whole);
            self.stats.undecodable += u64::from(whole);
            self.stats.lost += u64::from(!whole);
            self.remove_first();
        }
    }

    fn remove_first(&mut self) {
        self.remove(0);
    }

    fn remove(&mut self, at: usize) {
        if at < self.slots.len() {
            let slot = self.slots.remove(at);
            self.recycle(slot.bytes);
        }
    }
}

#[cfg(test)]
mod tests;
