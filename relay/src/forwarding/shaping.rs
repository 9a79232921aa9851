//! Each way down kept to what it carries: pictures wait for their turn, sound does not, files come last; what pictures may take is
//! shared among the streams that are shown; senders are told what is wanted of them.

use vestibule_common::bandwidth::SoundNeeds;
use vestibule_common::id::{RoomId, StreamId};
use vestibule_common::media::Permit;
use vestibule_common::media::voice::PCM_RATE;
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{Demand, Demanded, Kind, MAX_BODY, PathProbe};

use super::held::MOST_PIECES;
use super::inbox::{Place, Stamp};
use super::layers::UNTOLD;
use super::outbox::size_at_ip;
use super::session::Session;
use super::sound::SoundWish;
use super::thinking::{AT_A_TIME, Thinking};
use super::{Forwarding, Slot, demand};

/// How often padding is looked for.
const PAD_EVERY: Duration = Duration::from_millis(5);
/// A body of padding.
const PADDING: usize = 1100;
/// The most bodies of padding for one kiosk at a time.
const PADDING_AT_ONCE: usize = 4;
/// An estimate may go above what is wanted by this, so that there is room when more is.
const HEADROOM: f64 = 1.2;

/// So much of files waits for a receiver, in [`MOST_PIECES`] at most: to their sender it is the bottleneck's buffer. What comes then is
/// dropped.
const FILES_MOST: DataSize = DataSize::bytes(96 * 1024);
/// How often it is looked whether pictures leave something to files.
const FILES_EVERY: Duration = Duration::from_millis(5);

/// What waits is let go at multiples of this, in microseconds.
const RELEASE_GRID: u64 = 1000;

/// Whether a body waits for its turn.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Paced {
    /// Sound, and what is small.
    Never,
    /// A picture.
    Picture,
    /// One on which the next ones build.
    Keyframe,
    /// A part of a file, behind all else.
    File,
}

/// When there is something to do for the ways down.
#[derive(Default)]
pub(super) struct Shaping {
    thinking: Thinking,
    pad: Option<Time>,
    release: Option<Time>,
}

impl Shaping {
    pub(super) fn due(&self) -> Option<Time> {
        [self.thinking.due(), self.pad, self.release].into_iter().flatten().min()
    }

    /// Somebody told something about its way down or what it shows.
    pub(super) fn wake(&mut self, room: RoomId, now: Time) {
        self.thinking.wake(room, now);
    }

    /// Nobody is in the room any more.
    pub(super) fn forget(&mut self, room: RoomId) {
        self.thinking.forget(room);
    }

    /// A way down is known from now on: what waited for that may leave.
    pub(super) fn begin(&mut self, now: Time) {
        self.release_at(now);
    }

    /// On a grid: then all sessions are looked through at most once in that time. Buckets hold more than that.
    fn release_at(&mut self, at: Time) {
        let at = Time::from_micros(at.as_micros().next_multiple_of(RELEASE_GRID));
        self.release = Some(self.release.map_or(at, |before| before.min(at)));
    }
}

impl Forwarding {
    /// Hands a body to a receiver; pictures wait while its way down is full.
    pub(super) fn hand(&mut self, to: Slot, place: Place, paced: Paced, now: Time) -> bool {
        let Some(session) = self.sessions[usize::from(to)].as_mut().filter(|session| session.path.is_some())
        else {
            return false;
        };
        if paced == Paced::File {
            return self.hand_file(to, place, now);
        }
        if let Some((entry, body)) = self.inbox.get(place) {
            let size = size_at_ip(body);
            if !session.is_reported() {
                // Its room may sleep.
                session.down.handle_timeout(now);
            }
            if paced == Paced::Never {
                session.down.charge(size, now);
            } else {
                let free = session.held.is_empty();
                let permit = if free { session.down.poll(size, now) } else { Permit::At(Time::MAX) };
                if let Permit::At(at) = permit {
                    session.held.push(entry, body, paced == Paced::Keyframe);
                    if at < Time::MAX {
                        self.shaping.release_at(at);
                    }
                    self.give_up(to, now);
                    return true;
                }
            }
        }
        self.outbox.enqueue(&mut self.sessions, to, place)
    }

    /// Hands a part of a file to a receiver; it waits until sound and pictures leave room for it, and until anything is known of the
    /// way down.
    fn hand_file(&mut self, to: Slot, place: Place, now: Time) -> bool {
        let Some(session) = &mut self.sessions[usize::from(to)] else { return false };
        let Some((entry, body)) = self.inbox.get(place) else { return false };
        let size = size_at_ip(body);
        let free = session.held.is_empty() && session.files.is_empty() && session.is_reported();
        if free && session.down.takes_last(size, now) {
            return self.outbox.enqueue(&mut self.sessions, to, place);
        }
        if session.files.size() + size > FILES_MOST || session.files.len() >= MOST_PIECES {
            self.counters.files_dropped += 1;
        } else {
            session.files.push(entry, body, false);
            self.shaping.release_at(now + FILES_EVERY);
        }
        true
    }

    /// Drops what waits of a stream for a receiver if it would be late. The stream goes on with a keyframe, the others as they are.
    fn give_up(&mut self, to: Slot, now: Time) {
        let Some(session) = &mut self.sessions[usize::from(to)] else { return };
        while let Some(flow) = session.held.late_flow(now) {
            self.layers.interrupt(to, StreamId(flow));
            self.counters.late += session.held.drop_flow(flow);
        }
    }

    pub(super) fn handle_shaping(&mut self, now: Time) {
        if self.shaping.release.take_if(|due| *due <= now).is_some() {
            self.release(now);
        }
        if self.shaping.pad.take_if(|due| *due <= now).is_some() {
            self.pad(now);
        }
        for _ in 0..AT_A_TIME {
            let Some(room) = self.shaping.thinking.take_due(now) else { break };
            self.think(room, now);
        }
    }

    /// Lets go of what may leave by now.
    fn release(&mut self, now: Time) {
        for slot in 0..self.sessions.len() {
            self.give_up(slot as Slot, now);
            while !self.inbox.is_full()
                && let Some(session) = &mut self.sessions[slot]
                && let Some(piece) = session.held.first()
            {
                if let Permit::At(at) = session.down.poll(size_at_ip(&piece.body), now) {
                    self.shaping.release_at(at);
                    break;
                }
                let Some(piece) = session.held.pop() else { break };
                let place =
                    self.inbox.push(&piece.body, piece.source, piece.flow, piece.stamp, piece.arrived);
                session.held.recycle(piece);
                self.enqueue(slot as Slot, place);
            }
            let waits = self.sessions[slot].as_ref().is_some_and(|session| !session.held.is_empty());
            if waits && self.inbox.is_full() {
                self.shaping.release_at(now);
            }
            self.release_files(slot as Slot, now);
        }
    }

    /// Lets go of what pictures leave room for.
    fn release_files(&mut self, slot: Slot, now: Time) {
        while let Some(session) = &mut self.sessions[usize::from(slot)]
            && session.is_reported()
            && let Some(piece) = session.files.first()
        {
            let free = session.held.is_empty() && !self.inbox.is_full();
            if !free || !session.down.takes_last(size_at_ip(&piece.body), now) {
                return self.shaping.release_at(now + FILES_EVERY);
            }
            let Some(piece) = session.files.pop() else { return };
            let place = self.inbox.push(&piece.body, piece.source, piece.flow, piece.stamp, piece.arrived);
            session.files.recycle(piece);
            self.enqueue(slot, place);
        }
    }

    /// Fills ways down with padding that might carry more.
    fn pad(&mut self, now: Time) {
        let mut body = [0; PADDING];
        let written = PathProbe { kind: Kind::Probe, token: 0 }.emit(&mut body);
        debug_assert!(written.is_ok(), "a probe is shorter than its padding");
        for slot in 0..self.sessions.len() {
            // Whoever shows nothing, or is in no room, is sent nothing.
            if self.layers.view(slot as Slot).is_none() {
                continue;
            }
            for _ in 0..PADDING_AT_ONCE {
                let Some(session) = &mut self.sessions[slot] else { break };
                // Nor is anybody who has not said that anything comes.
                let waits = !session.held.is_empty() || !session.files.is_empty();
                if waits || session.path.is_none() || !session.is_reported() {
                    break;
                }
                let down = &mut session.down;
                if down.estimator().wants_padding(now) {
                    let next = now + PAD_EVERY;
                    self.shaping.pad = Some(self.shaping.pad.map_or(next, |before| before.min(next)));
                }
                if !down.takes_padding(size_at_ip(&body), now) {
                    break;
                }
                let Some(place) = self.inbox.push(&body, None, super::receive::OWN_FLOW, Stamp::Nothing, now)
                else {
                    break;
                };
                self.outbox.enqueue(&mut self.sessions, slot as Slot, place);
            }
        }
    }

    /// The room of this member is to be thought over.
    pub(super) fn wake(&mut self, slot: Slot, now: Time) {
        if let Some(room) = self.routes.room_of(slot) {
            self.shaping.wake(room, now);
        }
    }

    /// Shares every way down of a room among what its receiver shows, asks for the keyframes that this takes, and tells the senders.
    fn think(&mut self, room: RoomId, now: Time) {
        for &slot in self.routes.members_of(room) {
            let Some(session) = &mut self.sessions[usize::from(slot)] else { continue };
            if self.layers.view(slot).is_none() {
                session.untold.get_or_insert(now);
                session.down.handle_timeout(now);
                continue;
            }
            let sounds = self.layers.sounds(slot).min(super::loudest::PLACES);
            let waiting = session.held.take_standing();
            let [budget, left] =
                [DataSize::default(), waiting].map(|waiting| session.down.picture_budget(waiting, now));
            let part = left.as_bps() as f64 / budget.as_bps().max(1) as f64;
            let (most, allotted) = self.layers.allot(slot, budget, part, now);
            session.allotted = allotted;
            let down = &mut session.down;
            down.handle_timeout(now);
            let wanted = (most.as_bps() + PCM_RATE.as_bps() * sounds as u64) as f64 * HEADROOM;
            down.estimator_mut().set_wanted(Bitrate::bps(wanted as u64));
            if down.estimator().wants_padding(now) {
                self.shaping.pad.get_or_insert(now + PAD_EVERY);
            }
            let estimator = down.estimator();
            let (estimate, fates) = (estimator.estimate(), estimator.fates());
            session.sound.handle(SoundNeeds { estimate, fates, sounds, pictures: most }, now);
            let (coded, repeats) = (session.sound.is_coded(), session.sound.repeats());
            let cap = session.sound.coded_cap();
            self.layers.set_sound_wish(slot, SoundWish { coded, repeats, cap, since: now });
        }
        // Only then does each receiver have the layer that it is to get.
        self.tell_demands(room, now);
        for &slot in self.routes.members_of(room) {
            while let Some(request) = self.layers.next_request(slot, now) {
                // A keyframe costs the others as much, whoever asks for it in a receiver's place.
                let too_slow = self.layers.is_too_slow(request.stream, slot);
                if self.keyframes.allows(request.stream, slot, too_slow, now) {
                    self.counters.layer_changes += 1;
                    self.keyframes.want(request);
                }
            }
        }
        self.send_keyframe_requests(now);
        let is_sent = |slot: &Slot| {
            self.sessions[usize::from(*slot)].as_ref().is_some_and(|session| session.path.is_some())
        };
        if self.routes.members_of(room).iter().any(is_sent) {
            self.shaping.thinking.again(room, now);
        }
    }

    /// Tells each member what is wanted of its streams, once its receivers have told what they show.
    fn tell_demands(&mut self, room: RoomId, now: Time) {
        let mut body = [0; MAX_BODY];
        for index in 0..self.routes.members_of(room).len() {
            let slot = self.routes.members_of(room)[index];
            if self.inbox.is_full() {
                return;
            }
            let Some(streams) = self.routes.streams_of(slot) else { continue };
            // Whoever has no address yet gets nothing.
            let reachable = |other: &Slot| {
                self.sessions[usize::from(*other)].as_ref().is_some_and(|other| other.path.is_some())
            };
            let others = self.routes.others(slot).filter(reachable);
            let receivers: heapless::Vec<Slot, 256> = others.take(256).collect();
            let untold = receivers.iter().filter(|other| self.layers.view(**other).is_none());
            let untold = untold.filter_map(|other| self.sessions[usize::from(*other)].as_ref()?.untold).max();
            let unaware = receivers.iter().any(|other| self.layers.is_unaware(*other, streams.audio, now));
            // Whoever has just come, or before whom the sender has, may tell soon: until then the sender is to decide.
            if receivers.is_empty() || unaware || untold.is_some_and(|since| now.since(since) < UNTOLD) {
                continue;
            }
            let mut demand = Demand::default();
            for stream in [streams.video, streams.presentation] {
                let sessions = &self.sessions;
                let repairs = |other: Slot| sessions[usize::from(other)].as_ref().map_or(0, Session::repairs);
                demand.layers.extend(demand::demanded(&mut self.layers, stream, &receivers, repairs));
                let has_smallest = |layer: &Demanded| (layer.stream, layer.spatial) == (stream, 0);
                if untold.is_some() && !demand.layers.iter().any(has_smallest) {
                    let cap = self.layers.rungs(stream).first().map_or(Bitrate::default(), |rung| rung.most);
                    // As below.
                    let _ = demand.layers.push(Demanded { stream, spatial: 0, repairs: 0, cap });
                }
            }
            // Two ladders and both layers of sound are fewer than fit.
            demand.layers.extend(demand::demanded_sound(
                &mut self.layers,
                streams.audio,
                &receivers,
                untold.is_some(),
            ));
            let Some(session) = &mut self.sessions[usize::from(slot)] else { continue };
            demand.estimate = session.is_reported().then(|| session.down.estimator().estimate());
            demand.allotted = session.allotted;
            demand.strained = self.strain.step() > 0;
            if session.told.is_news(&demand, now)
                && let Ok(len) = demand.emit(&mut body)
            {
                self.counters.demands_sent += 1;
                self.answer(slot, &body[..len], Stamp::Nothing, now);
            }
        }
    }

    /// What is held for anybody from this sender goes nowhere any more.
    pub(super) fn revoke_held(&mut self, source: Slot) {
        for session in self.sessions.iter_mut().flatten() {
            self.counters.revoked += session.held.revoke_from(source) + session.files.revoke_from(source);
        }
    }
}
