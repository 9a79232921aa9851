//! Puts the pieces of a picture stream together again and hands out whole frames that can be decoded, in order.
//!
//! Not a decoder, and it sends nothing itself: the caller polls [`Reassembler::next_nack`] and
//! [`Reassembler::keyframe_needed`]. A frame that is too late is given up, and then nothing is shown that was built
//! on it: a frozen picture is better than a broken one.

mod asking;
mod config;
mod missing;
mod order;
mod request;
mod slot;
mod waits;

use super::repair::Rebuilder;
use crate::id::StreamId;
use crate::time::{Duration, Time};
use crate::wire::{Kind, MediaHeader};
pub use config::{Accepted, AssembledFrame, ReassemblerConfig, ReassemblerStats};
use missing::Unseen;
use request::Request;
use slot::{Piece, Slot};
use waits::Waits;

/// Numbers further away than this belong to a sender that started anew.
const FAR: u32 = 1024;
/// Buffers kept for the next frames, and how large one may be: all of them together are well below the frames' limit.
const SPARE_BUFFERS: usize = 4;
const SPARE_LARGEST: usize = 256 << 10;

/// The reassembler of one stream, which may change its spatial layer at a keyframe.
#[derive(Debug)]
pub struct Reassembler {
    config: ReassemblerConfig,
    waits: Waits,
    /// `None` while nobody asks for pieces.
    round_trip: Option<Duration>,
    /// In the order of frame numbers, then of spatial layers, all of them within [`FAR`] of each other.
    slots: Vec<Slot>,
    spare: Vec<Vec<u8>>,
    /// The number after the last frame that was delivered or given up; `None` before the first keyframe.
    next: Option<u32>,
    /// The spatial layer that is being decoded.
    spatial: u8,
    /// Nothing but a keyframe can be decoded.
    needs_keyframe: bool,
    /// Bit `d - 1`: frame `next - d` was delivered, and no keyframe after it.
    delivered: u64,
    /// Since when nothing but another layer's frames comes, whose keyframe never came.
    astray: Option<Time>,
    /// Of the piece that came last.
    heard: (StreamId, u8),
    unseen: Unseen,
    /// Until when all that was to be asked for has been.
    asked: Time,
    request: Request,
    rebuilder: Rebuilder,
    stats: ReassemblerStats,
}

impl Reassembler {
    /// Waits for a first keyframe.
    pub fn new(config: ReassemblerConfig) -> Reassembler {
        let config = config.with_room();
        Reassembler {
            config,
            waits: Waits::new(&config, None),
            round_trip: None,
            slots: Vec::new(),
            spare: Vec::new(),
            next: None,
            spatial: 0,
            needs_keyframe: true,
            delivered: 0,
            astray: None,
            heard: (StreamId(0), 0),
            unseen: Unseen::default(),
            asked: Time::ZERO,
            request: Request::new(config.keyframe_repeat),
            rebuilder: Rebuilder::default(),
            stats: ReassemblerStats::default(),
        }
    }

    /// Pieces are asked for from now on, and frames are waited for accordingly: long enough for one or two
    /// retransmissions where that is worth it.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        if self.round_trip != Some(round_trip) {
            self.round_trip = Some(round_trip);
            self.waits = Waits::new(&self.config, Some(round_trip));
        }
    }

    /// Takes a piece: a video or presentation piece, one sent again, or a repair. Then poll
    /// [`Reassembler::next_frame`] and [`Reassembler::next_nack`] until they give `None`.
    pub fn handle_piece(&mut self, header: &MediaHeader, payload: &[u8], now: Time) -> Accepted {
        let accepted = match header.kind {
            Kind::Video | Kind::Presentation | Kind::Retransmission | Kind::Repair => {
                self.accept(header, payload, now)
            }
            Kind::Audio
            | Kind::File
            | Kind::FileAck
            | Kind::Feedback
            | Kind::Nack
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
            Accepted::Stored | Accepted::Ignored => {}
            Accepted::Completed => self.stats.repaired += u64::from(header.kind == Kind::Repair),
            Accepted::Duplicate => self.stats.duplicates += 1,
            Accepted::Late => self.stats.late += 1,
            Accepted::Invalid => self.stats.invalid += 1,
        }
        accepted
    }

    /// Whether to send a keyframe request now, for [`Reassembler::heard_layer`]. Call it about as often as pieces
    /// come, and at [`Reassembler::poll_timeout`]; `true` counts as sent.
    pub fn keyframe_needed(&mut self, now: Time) -> bool {
        let keyframe_on_its_way = self.slots.iter().any(|slot| slot.keyframe);
        if !self.needs_keyframe || keyframe_on_its_way || !self.request.due(now) {
            return false;
        }
        self.stats.keyframe_requests += 1;
        true
    }

    /// The spatial layer of the piece that came last, 0 to 15.
    pub fn heard_layer(&self) -> u8 {
        self.heard.1
    }

    /// When to call [`Reassembler::next_frame`], [`Reassembler::next_nack`] and [`Reassembler::keyframe_needed`]
    /// next, if no piece comes before.
    pub fn poll_timeout(&self) -> Option<Time> {
        let keyframe_on_its_way = self.slots.iter().any(|slot| slot.keyframe);
        let request = self.request.at().filter(|_| self.needs_keyframe && !keyframe_on_its_way);
        self.gives_up_at().into_iter().chain(self.asks_at()).chain(request).min()
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

    /// Bytes held in frames in flight, repairs and spare buffers: at most `max_bytes` and 1 MiB.
    pub fn memory(&self) -> usize {
        self.in_flight() + self.spare.iter().map(Vec::capacity).sum::<usize>()
    }

    fn in_flight(&self) -> usize {
        self.slots.iter().map(Slot::memory).sum()
    }

    fn accept(&mut self, header: &MediaHeader, payload: &[u8], now: Time) -> Accepted {
        let Some(piece) = Piece::check(header, payload) else { return Accepted::Invalid };
        self.request.heard = true;
        self.heard = (header.stream, header.layer.spatial);
        let anchor = self.next.or(self.slots.first().map(|slot| slot.number)).unwrap_or(header.frame);
        let ahead = header.frame.wrapping_sub(anchor) as i32;
        let own = self.needs_keyframe || header.layer.spatial == self.spatial;
        if ahead.unsigned_abs() > FAR {
            self.restart();
        } else if self.next.is_some() && ahead < 0 {
            // A layer's keyframe may come behind the old layer's frame of the same number.
            let switches = ahead == -1 && header.flags.keyframe && !own;
            if !switches {
                return Accepted::Late;
            }
        }
        if self.needs_keyframe {
            self.request.wanted |= !header.flags.keyframe;
        } else if own {
            self.astray = None;
        } else if !header.flags.keyframe && !self.follows_keyframe(header) {
            self.astray.get_or_insert(now);
            return Accepted::Ignored;
        }
        let place = (header.frame, header.layer.spatial);
        let order = |slot: &Slot| {
            (slot.number.wrapping_sub(place.0) as i32).cmp(&0).then(slot.layer.spatial.cmp(&place.1))
        };
        let at = self.slots.binary_search_by(order).unwrap_or_else(|at| {
            self.slots.insert(at, Slot::new(header, self.spare.pop().unwrap_or_default(), now));
            self.note_losses(at, now);
            at
        });
        let overdue = now + self.config.reorder;
        let accepted = self.slots[at].add(&piece, overdue, &mut self.rebuilder, now);
        while self.slots.len() > self.config.max_frames || self.in_flight() > self.config.max_bytes {
            self.drop_for_room();
        }
        accepted
    }

    /// Whether a keyframe of the same layer, before this frame, is in flight.
    fn follows_keyframe(&self, header: &MediaHeader) -> bool {
        self.slots.iter().any(|slot| {
            slot.keyframe
                && slot.layer.spatial == header.layer.spatial
                && (header.frame.wrapping_sub(slot.number) as i32) >= 0
        })
    }

    fn need_keyframe(&mut self) {
        self.needs_keyframe = true;
        self.request.wanted = true;
        self.astray = None;
        self.unseen.clear();
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
            self.remove(0);
        }
    }

    fn remove(&mut self, at: usize) {
        if at < self.slots.len() {
            let slot = self.slots.remove(at);
            self.recycle(slot.bytes);
        }
    }
}

#[cfg(test)]
mod loss_tests;
#[cfg(test)]
mod tests;
