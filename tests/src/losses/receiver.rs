//! The room that listens: what the kiosk's threads `receive`, `decode` and `speaker` do (`firmware-app/src/shell/media`), in virtual time.

use vestibule_common::control::Streams;
use vestibule_common::media::{
    Accepted, BLOCK_DURATION, ClockOffset, LipSync, Reassembler, ReassemblerConfig,
};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::{KeyframeRequest, Kind, MediaHeader, TimeAnswer, TimeRequest, View, Viewed};
use vestibule_kiosk::video::allowance::Allowance;

use super::encoder::content;
use super::hop::HopEnd;
use super::run::Record;
use super::sound::Sound;

/// `receive`'s figures.
const REQUESTS: (u32, u32) = (4, 2);
const NACKS: (u32, u32) = (100, 30);
const ROUND_TRIP: Duration = Duration::from_millis(50);
/// `wishes`'s.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// `send`'s.
const TIME_EVERY: Duration = Duration::from_secs(1);
/// `decode`'s: from a picture in its slot to its light.
pub(super) const DISPLAY: Duration = Duration::from_millis(11);
/// `playout`'s: how often, in blocks, sound tells pictures where it is.
const HEARD_EVERY: u32 = 40;

/// The room.
pub(super) struct Receiver {
    /// Its end of the way down.
    pub(super) hop: HopEnd,
    streams: Streams,
    reassembler: Reassembler,
    requests: Allowance,
    nacks: Allowance,
    lips: LipSync,
    clock: ClockOffset,
    round_trip: Duration,
    block_due: Time,
    heard: u32,
    view_due: Time,
    time_due: Time,
}

impl Receiver {
    /// A room that shows and plays these streams of another; its speaker begins at `begin`.
    pub(super) fn new(number: u8, streams: Streams, begin: Time) -> Receiver {
        Receiver {
            hop: HopEnd::new(number),
            streams,
            reassembler: Reassembler::new(ReassemblerConfig::default()),
            requests: Allowance::new(REQUESTS.0, REQUESTS.1),
            nacks: Allowance::new(NACKS.0, NACKS.1),
            lips: LipSync::new(DISPLAY),
            clock: ClockOffset::new(),
            round_trip: ROUND_TRIP,
            block_due: begin,
            heard: 0,
            view_due: Time::ZERO,
            time_due: Time::ZERO,
        }
    }

    /// A datagram of the relay's came.
    pub(super) fn handle_datagram(
        &mut self,
        datagram: &mut [u8],
        sound: &mut dyn Sound,
        record: &mut Record,
        now: Time,
    ) {
        let Some(body) = self.hop.open(datagram, now) else { return };
        match Kind::of(&body) {
            Ok(Kind::Audio) => {
                let (header, payload) = MediaHeader::parse(&body).expect("a kiosk wrote it");
                sound.handle(&header, payload, now);
            }
            Ok(kind @ (Kind::Video | Kind::Retransmission | Kind::Repair)) => {
                let (header, payload) = MediaHeader::parse(&body).expect("a kiosk wrote it");
                record.bodies += 1;
                record.repairs += u64::from(kind == Kind::Repair);
                let accepted = self.reassembler.handle_piece(&header, payload, now);
                assert_ne!(accepted, Accepted::Invalid, "{header:?}");
                self.take_frames(record, now);
            }
            Ok(Kind::TimeAnswer) => {
                let answer = TimeAnswer::parse(&body).expect("the relay writes it");
                if self.clock.handle_answer(&answer, now)
                    && let Some(clock) = self.clock.estimate(now)
                {
                    self.round_trip = clock.rtt;
                }
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, sound: &mut dyn Sound, record: &mut Record, now: Time) {
        while let Some(report) = self.hop.next_report(now) {
            self.hop.send(|out| report.emit(out));
        }
        if self.time_due <= now {
            self.time_due = now + TIME_EVERY;
            self.hop.send(|out| TimeRequest { sent: now }.emit(out));
        }
        if self.view_due <= now {
            self.view_due = now + TELL_EVERY;
            let viewed = |stream, spatial| Viewed { stream, spatial };
            let streams = [viewed(self.streams.audio, sound.layer()), viewed(self.streams.video, 3)];
            self.hop.send(|out| View { streams: streams.into_iter().collect() }.emit(out));
        }
        if self.reassembler.poll_timeout().is_some_and(|due| due <= now) {
            self.take_frames(record, now);
        }
        while self.block_due <= now {
            let played = sound.play(self.block_due);
            if let Some(captured) = played.captured {
                self.heard += 1;
                if self.heard % HEARD_EVERY == 1 {
                    self.lips.handle_sound(captured, self.block_due);
                }
            }
            record.sounds.push((played, self.block_due));
            self.block_due += BLOCK_DURATION;
        }
    }

    fn take_frames(&mut self, record: &mut Record, now: Time) {
        while let Some(frame) = self.reassembler.next_frame(now) {
            assert!(frame.bytes == content(frame.number, frame.bytes.len()), "frame {}", frame.number);
            let hold = self.lips.handle_picture(frame.captured, now);
            record.handle_picture(frame.captured, now, now + hold + DISPLAY, frame.bytes.len());
        }
        if self.reassembler.keyframe_needed(now) && self.requests.take(now) {
            record.keyframes += 1;
            let spatial = self.reassembler.heard_layer();
            let request = KeyframeRequest { stream: self.streams.video, spatial };
            self.hop.send(|out| request.emit(out));
        }
        while let Some(nack) = self.reassembler.next_nack(self.round_trip, now) {
            if self.nacks.take(now) {
                record.nacks += 1;
                self.hop.send(|out| nack.emit(out));
            }
        }
    }
}
