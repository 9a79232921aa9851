//! What becomes of one datagram: opened, its sender's right to send it checked, handed to those who should have it.

use vestibule_common::id::StreamId;
use vestibule_common::seal::OpenError;
use vestibule_common::time::Time;
use vestibule_common::wire::{
    Ecn, Error, Feedback, FileAck, FileSegment, HopHeader, KeyframeRequest, Kind, MAX_BODY, MediaHeader,
    Nack, PathProbe, TimeAnswer, TimeRequest, View,
};

use super::inbox::{Place, Stamp};
use super::loudest::SMALL_ROOM;
use super::outbox::size_at_ip;
use super::reports::Reports;
use super::shaping::Paced;
use super::{Forwarding, Path, Slot};

/// Flow of the relay's own bodies; the relay gives out stream numbers from 1.
pub(super) const OWN_FLOW: u32 = 0;

impl Forwarding {
    pub(super) fn handle_datagram(&mut self, datagram: &mut [u8], from: Path, ecn: Ecn, arrived: Time) {
        self.counters.received += 1;
        self.counters.received_bytes += datagram.len() as u64;
        let Ok(header) = HopHeader::parse(datagram) else {
            self.counters.malformed += 1;
            return;
        };
        let Some(&slot) = self.by_id.get(&header.session) else {
            self.counters.unknown_session += 1;
            return;
        };
        let Some(session) = self.sessions[usize::from(slot)].as_mut() else { return };
        let opened = match session.opener.open(datagram) {
            Ok(opened) => opened,
            Err(error) => {
                match error {
                    OpenError::Forged => self.counters.forged += 1,
                    OpenError::Replayed | OpenError::TooOld => self.counters.replayed += 1,
                    OpenError::Header(_) | OpenError::OtherSession => self.counters.malformed += 1,
                }
                return;
            }
        };
        // Nobody can be sent anything at port 0; a system that is asked to would fail for everybody.
        if opened.newest && session.path != Some(from) && from.remote.port() != 0 {
            if session.path.is_some() {
                self.counters.address_changes += 1;
                session.begin_anew();
                if let Some(room) = self.routes.room_of(slot) {
                    self.shaping.wake(room, arrived);
                }
            }
            session.path = Some(from);
        }
        session.arrivals.handle_arrival(opened.packet, ecn, arrived);
        self.reports.note(session.arrivals.poll_timeout());
        let on_path = session.path == Some(from);
        let body = opened.body;
        let handled = match Kind::of(body) {
            Ok(kind) => self.handle_body(kind, body, slot, on_path, arrived),
            Err(error) => Err(error),
        };
        match handled {
            Ok(()) => {}
            Err(Error::UnknownKind(_)) => self.counters.unknown_kind += 1,
            Err(Error::Truncated | Error::Version(_) | Error::Invalid(_) | Error::TooLong) => {
                self.counters.malformed += 1;
            }
        }
    }

    fn handle_body(
        &mut self,
        kind: Kind,
        body: &[u8],
        slot: Slot,
        on_path: bool,
        arrived: Time,
    ) -> Result<(), Error> {
        let Some(own) = self.routes.streams_of(slot) else {
            self.counters.not_joined += 1;
            return Ok(());
        };
        let session = self.sessions[usize::from(slot)].as_mut();
        if session.is_some_and(|session| !session.allowances.takes(kind, arrived)) {
            self.counters.excess_requests += 1;
            return Ok(());
        }
        match kind {
            Kind::Audio => self.forward_media(body, slot, &[own.audio], arrived)?,
            Kind::Video => self.forward_media(body, slot, &[own.video], arrived)?,
            Kind::Presentation => self.forward_media(body, slot, &[own.presentation], arrived)?,
            Kind::Retransmission | Kind::Repair => {
                let any = [own.audio, own.video, own.presentation];
                self.forward_media(body, slot, &any, arrived)?;
            }
            Kind::File => {
                let (segment, _) = FileSegment::parse(body)?;
                let is_own = segment.stream == own.file;
                self.fan_out(is_own, segment.stream, body, slot, None, arrived);
            }
            Kind::FileAck => {
                let stream = FileAck::parse(body)?.stream;
                match self.routes.owner_beside(slot, stream) {
                    Some((owner, streams)) if streams.file == stream => {
                        self.pass_on(owner, body, slot, stream, arrived);
                    }
                    _ => self.counters.no_such_stream += 1,
                }
            }
            Kind::Nack => {
                let nack = Nack::parse(body)?;
                match self.routes.owner_beside(slot, nack.stream) {
                    Some((owner, streams)) if streams.file != nack.stream => {
                        self.handle_nack(&nack, slot, owner, arrived);
                    }
                    _ => self.counters.no_such_stream += 1,
                }
            }
            Kind::KeyframeRequest => {
                let request = self.layers.resolve(slot, KeyframeRequest::parse(body)?, arrived);
                self.counters.keyframe_requests += 1;
                let beside = self.routes.owner_beside(slot, request.stream).is_some();
                let too_slow = self.layers.is_too_slow(request.stream, slot);
                if beside && !self.keyframes.allows(request.stream, slot, too_slow, arrived) {
                    self.counters.keyframe_requests_refused += 1;
                } else if !beside || !self.keyframes.want(request) {
                    self.counters.no_such_stream += 1;
                } else {
                    self.send_keyframe_requests(arrived);
                }
            }
            Kind::Feedback => {
                let report = Feedback::parse(body)?;
                self.counters.feedback += 1;
                if let Some(session) = self.sessions[usize::from(slot)].as_mut() {
                    let reported = session.is_reported();
                    let refused = session.handle_feedback(&report, arrived).is_err();
                    self.counters.feedback_refused += u64::from(refused);
                    if !reported && session.is_reported() {
                        self.shaping.begin(arrived);
                    }
                }
                self.wake(slot, arrived);
            }
            Kind::View => {
                let view = View::parse(body)?;
                self.counters.views += 1;
                let others = self.routes.others(slot).filter_map(|other| self.routes.streams_of(other));
                let streams = others.flat_map(|own| [own.audio, own.video, own.presentation]);
                if self.layers.handle_view(slot, view, streams, arrived) {
                    self.loudest.clear(slot);
                    self.wake(slot, arrived);
                }
            }
            Kind::PathChallenge => {
                let challenge = PathProbe::parse(body)?;
                // An answer proves the address it is sent to; to another one it would prove nothing.
                if on_path {
                    let mut answer = [0; PathProbe::LEN];
                    PathProbe { kind: Kind::PathResponse, ..challenge }.emit(&mut answer)?;
                    self.answer(slot, &answer, Stamp::Nothing, arrived);
                } else {
                    self.counters.ignored += 1;
                }
            }
            Kind::TimeRequest => {
                let TimeRequest { sent } = TimeRequest::parse(body)?;
                let mut answer = [0; TimeAnswer::LEN];
                TimeAnswer { sent, received: arrived, answered: arrived }.emit(&mut answer)?;
                self.answer(slot, &answer, Stamp::Answered, arrived);
            }
            Kind::Probe | Kind::PathResponse | Kind::TimeAnswer | Kind::Demand => self.counters.ignored += 1,
        }
        Ok(())
    }

    fn forward_media(
        &mut self,
        body: &[u8],
        slot: Slot,
        own: &[StreamId],
        arrived: Time,
    ) -> Result<(), Error> {
        let (header, _) = MediaHeader::parse(body)?;
        let is_own = own.contains(&header.stream);
        if is_own {
            let is_sound = self.layers.rungs(header.stream).is_empty();
            let session = self.sessions[usize::from(slot)].as_mut();
            if is_sound
                && session.is_some_and(|session| !session.allowances.takes_sound(size_at_ip(body), arrived))
            {
                self.counters.excess_sound += 1;
                return Ok(());
            }
            self.layers.see(&header, arrived);
            if is_sound {
                self.loudest.hear(slot, &header, arrived);
            } else {
                self.resending.remember(slot, header.stream, body, arrived);
            }
        }
        self.fan_out(is_own, header.stream, body, slot, Some(header), arrived);
        Ok(())
    }

    /// Hands a body to everyone else in the sender's room, if it is on a stream of the sender's own.
    fn fan_out(
        &mut self,
        is_own: bool,
        stream: StreamId,
        body: &[u8],
        slot: Slot,
        media: Option<MediaHeader>,
        arrived: Time,
    ) {
        if !is_own {
            self.counters.not_own_stream += 1;
            return;
        }
        let reachable =
            |other: Slot| self.sessions[usize::from(other)].as_ref().is_some_and(|s| s.path.is_some());
        if !self.routes.others(slot).any(reachable) {
            self.counters.no_receiver += 1;
            return;
        }
        let stamp = if media.is_some() { Stamp::RelayTime } else { Stamp::Nothing };
        let Some(place) = self.inbox.push(body, Some(slot), stream.0, stamp, arrived) else {
            self.counters.overflow += 1;
            return;
        };
        // Sound waits for nobody.
        let paced = match &media {
            Some(header) if self.layers.rungs(header.stream).is_empty() => Paced::Never,
            Some(header) if header.flags.keyframe => Paced::Keyframe,
            Some(_) => Paced::Picture,
            None => Paced::File,
        };
        let members = self.routes.members_beside(slot).len();
        let chosen = members > SMALL_ROOM && media.is_some() && paced == Paced::Never;
        for index in 0..members {
            let other = self.routes.members_beside(slot)[index];
            if other == slot {
                continue;
            }
            if media.as_ref().is_some_and(|header| !self.layers.takes(other, header, arrived)) {
                self.counters.not_chosen += 1;
                continue;
            }
            if chosen && !self.loudest.passes(other, slot, arrived) {
                self.counters.not_loudest += 1;
                continue;
            }
            self.hand(other, place, paced, arrived);
        }
    }

    /// Hands a body to one member only.
    pub(super) fn pass_on(&mut self, to: Slot, body: &[u8], slot: Slot, stream: StreamId, arrived: Time) {
        let place = self.inbox.push(body, Some(slot), stream.0, Stamp::Nothing, arrived);
        self.enqueue(to, place);
    }

    /// Sends the relay's own word to one session.
    pub(super) fn answer(&mut self, to: Slot, body: &[u8], stamp: Stamp, arrived: Time) {
        let place = self.inbox.push(body, None, OWN_FLOW, stamp, arrived);
        self.enqueue(to, place);
    }

    /// Reports to every member whose datagrams came since the last report.
    pub(super) fn send_reports(&mut self, now: Time) {
        let mut body = [0; MAX_BODY];
        let mut count = 0;
        for slot in 0..self.sessions.len() {
            if self.inbox.is_full() || count == Reports::AT_A_TIME {
                return self.reports.note(Some(now));
            }
            let Some(session) = &mut self.sessions[slot] else { continue };
            let report = session.arrivals.next_report(now);
            count += usize::from(report.is_some());
            self.reports.note(session.arrivals.poll_timeout());
            // Whoever is in no room is told nothing.
            let report = report.filter(|_| self.routes.room_of(slot as Slot).is_some());
            if let Some(len) = report.and_then(|report| report.emit(&mut body).ok()) {
                self.counters.reports_sent += 1;
                self.answer(slot as Slot, &body[..len], Stamp::Nothing, now);
            }
        }
    }

    pub(super) fn send_keyframe_request(&mut self, request: KeyframeRequest, now: Time) {
        let Some(owner) = self.routes.owner(request.stream) else { return };
        let mut body = [0; KeyframeRequest::LEN];
        if request.emit(&mut body).is_ok() {
            self.counters.keyframe_requests_sent += 1;
            self.answer(owner, &body, Stamp::Nothing, now);
        }
    }

    pub(super) fn enqueue(&mut self, to: Slot, place: Option<Place>) {
        match place {
            Some(place) if self.outbox.enqueue(&mut self.sessions, to, place) => {}
            Some(_) => self.counters.no_receiver += 1,
            None => self.counters.overflow += 1,
        }
    }
}
