//! Each way down kept to what it carries: pictures wait for their turn, sound does not; what they may take is shared among the
//! streams that are shown; senders are told what is wanted of them.

use vestibule_common::id::StreamId;
use vestibule_common::media::Permit;
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{Demand, Demanded, Kind, MAX_BODY, PathProbe};

use super::inbox::{Place, Stamp};
use super::layers::Choice;
use super::outbox::size_at_ip;
use super::{Forwarding, Slot, demand};

/// How often what is wanted is thought over.
const THINK_EVERY: Duration = Duration::from_millis(100);
/// How often padding is looked for.
const PAD_EVERY: Duration = Duration::from_millis(5);
/// A body of padding.
const PADDING: usize = 1100;
/// The most bodies of padding for one kiosk at a time.
const PADDING_AT_ONCE: usize = 4;
/// Beside pictures a receiver wants so much for each sound, at IP level.
const SOUND: Bitrate = Bitrate::kbps(840);
/// An estimate may go above what is wanted by this, so that there is room when more is.
const HEADROOM: f64 = 1.1;

/// Whether a body waits for its turn.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Paced {
    /// Sound, and what is small.
    Never,
    /// A picture.
    Picture,
    /// One on which the next ones build.
    Keyframe,
}

/// When there is something to do for the ways down.
#[derive(Default)]
pub(super) struct Shaping {
    think: Option<Time>,
    pad: Option<Time>,
    release: Option<Time>,
}

impl Shaping {
    pub(super) fn due(&self) -> Option<Time> {
        [self.think, self.pad, self.release].into_iter().flatten().min()
    }

    /// Somebody told something about its way down or what it shows.
    pub(super) fn wake(&mut self, now: Time) {
        self.think.get_or_insert(now);
    }

    fn release_at(&mut self, at: Time) {
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
        if let Some(down) = &mut session.down
            && let Some((entry, body)) = self.inbox.get(place)
        {
            let size = size_at_ip(body);
            if paced == Paced::Never {
                down.charge(size, now);
            } else {
                let permit =
                    if session.held.is_empty() { down.poll(size, now) } else { Permit::At(Time::MAX) };
                if let Permit::At(at) = permit {
                    session.held.push(entry, body, paced == Paced::Keyframe);
                    if at < Time::MAX {
                        self.shaping.release_at(at);
                    }
                    if session.held.is_late(now) {
                        self.give_up(to);
                    }
                    return true;
                }
            }
        }
        self.outbox.enqueue(&mut self.sessions, to, place)
    }

    /// Drops what waits for a receiver: it would be late. Each of the streams goes on with a keyframe.
    fn give_up(&mut self, to: Slot) {
        let Some(session) = &mut self.sessions[usize::from(to)] else { return };
        for flow in session.held.flows() {
            self.layers.interrupt(to, StreamId(flow));
        }
        self.counters.late += session.held.clear();
    }

    pub(super) fn handle_shaping(&mut self, now: Time) {
        if self.shaping.release.take_if(|due| *due <= now).is_some() {
            self.release(now);
        }
        if self.shaping.pad.take_if(|due| *due <= now).is_some() {
            self.pad(now);
        }
        if self.shaping.think.take_if(|due| *due <= now).is_some() {
            self.think(now);
        }
    }

    /// Lets go of what may leave by now.
    fn release(&mut self, now: Time) {
        for slot in 0..self.sessions.len() {
            if self.sessions[slot].as_ref().is_some_and(|session| session.held.is_late(now)) {
                self.give_up(slot as Slot);
            }
            while !self.inbox.is_full()
                && let Some(session) = &mut self.sessions[slot]
                && let Some(down) = &mut session.down
                && let Some(piece) = session.held.first()
            {
                if let Permit::At(at) = down.poll(size_at_ip(&piece.body), now) {
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
                let waits = !session.held.is_empty();
                let Some(down) = session.down.as_mut().filter(|_| !waits && session.path.is_some()) else {
                    break;
                };
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

    /// Shares every way down among what its receiver shows, asks for the keyframes that this takes, and tells the senders.
    fn think(&mut self, now: Time) {
        for slot in 0..self.sessions.len() {
            let Some(session) = &mut self.sessions[slot] else { continue };
            let slot = slot as Slot;
            let Some(view) = self.layers.view(slot) else { continue };
            let sounds =
                view.streams.iter().filter(|viewed| self.layers.rungs(viewed.stream).is_empty()).count();
            let waiting = session.held.take_standing();
            let [budget, left] = [DataSize::default(), waiting].map(|waiting| {
                let down = session.down.as_ref();
                down.map_or(Bitrate::bps(u64::MAX / 128), |down| down.picture_budget(waiting, now))
            });
            let part = left.as_bps() as f64 / budget.as_bps().max(1) as f64;
            let (most, allotted) = self.layers.allot(slot, budget, part, now);
            session.allotted = allotted;
            if let Some(down) = &mut session.down {
                down.handle_timeout(now);
                let wanted = (most.as_bps() + SOUND.as_bps() * sounds as u64) as f64 * HEADROOM;
                down.estimator_mut().set_wanted(Bitrate::bps(wanted as u64));
                if down.estimator().wants_padding(now) {
                    self.shaping.pad.get_or_insert(now + PAD_EVERY);
                }
            }
        }
        // Only then does each receiver have the layer that it is to get.
        self.tell_demands(now);
        for slot in 0..self.sessions.len() as Slot {
            while let Some(request) = self.layers.next_request(slot, now) {
                self.counters.layer_changes += 1;
                self.keyframes.want(request);
            }
        }
        self.send_keyframe_requests(now);
        if self.sessions.iter().flatten().any(|session| session.down.is_some()) {
            self.shaping.think = Some(now + THINK_EVERY);
        }
    }

    /// Tells each member what is wanted of its streams, once its receivers have told what they show.
    fn tell_demands(&mut self, now: Time) {
        let mut body = [0; MAX_BODY];
        for slot in 0..self.sessions.len() as Slot {
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
            // Whoever tells nothing wants everything: then the sender is to decide.
            if receivers.is_empty() || receivers.iter().any(|other| self.layers.view(*other).is_none()) {
                continue;
            }
            let mut demand = Demand::default();
            for stream in [streams.video, streams.presentation] {
                demand.layers.extend(demand::demanded(&mut self.layers, stream, &receivers));
            }
            let heard =
                |(other, choice): (Slot, &mut Choice)| receivers.contains(&other) && choice.highest.is_some();
            if self.layers.choices(streams.audio).any(heard) {
                let sound = Demanded { stream: streams.audio, spatial: 0, cap: SOUND };
                // Two ladders and a sound are fewer than fit.
                let _ = demand.layers.push(sound);
            }
            let Some(session) = &mut self.sessions[usize::from(slot)] else { continue };
            demand.estimate = session.down.as_ref().map(|down| down.estimator().estimate());
            demand.allotted = session.allotted;
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
            self.counters.revoked += session.held.revoke_from(source);
        }
    }
}
