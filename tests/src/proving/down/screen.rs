//! A receiver that shows all cameras large and tells the relay so, reports what came, and asks for what is missing, as the
//! kiosk does.

use std::collections::BTreeMap;

use vestibule_common::bandwidth::Arrivals;
use vestibule_common::id::StreamId;
use vestibule_common::media::{Reassembler, ReassemblerConfig};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::{
    Ecn, Error, KeyframeRequest, Kind, MAX_BODY, MediaHeader, TimeAnswer, TimeRequest, View, Viewed,
};
use vestibule_kiosk::video::allowance::Allowance;

/// What is shown is told again after this,
const TELL_EVERY: Duration = Duration::from_millis(500);
/// and the relay's clock is asked for after this.
const CLOCK_EVERY: Duration = Duration::from_secs(1);
/// To the relay and back, until it is known.
const ROUND_TRIP: Duration = Duration::from_millis(50);

pub(super) struct Screen {
    arrivals: Arrivals,
    pictures: BTreeMap<StreamId, Pictures>,
    view: View,
    tell: Time,
    ask_clock: Time,
    round_trip: Duration,
}

struct Pictures {
    reassembler: Reassembler,
    requests: Allowance,
    nacks: Allowance,
}

/// What one datagram was.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Got {
    /// A piece of a picture, sent for the first time.
    Media(StreamId),
    /// Something else.
    Other,
}

impl Screen {
    /// Shows these streams of pictures from `begin` on, the most important first.
    pub(super) fn new(streams: &[StreamId], begin: Time) -> Screen {
        let pictures = || Pictures {
            reassembler: Reassembler::new(ReassemblerConfig::default()),
            requests: Allowance::new(4, 2),
            nacks: Allowance::new(100, 30),
        };
        Screen {
            arrivals: Arrivals::new(),
            pictures: streams.iter().map(|stream| (*stream, pictures())).collect(),
            view: View {
                streams: streams.iter().map(|stream| Viewed { stream: *stream, spatial: 3 }).collect(),
            },
            tell: begin,
            ask_clock: begin,
            round_trip: ROUND_TRIP,
        }
    }

    pub(super) fn handle_body(&mut self, number: u64, body: &[u8], now: Time) -> Got {
        self.arrivals.handle_arrival(number, Ecn::NotEct, now);
        match Kind::of(body) {
            Ok(kind @ (Kind::Video | Kind::Retransmission)) => {
                let (header, payload) = MediaHeader::parse(body).expect("what the camera wrote");
                if let Some(pictures) = self.pictures.get_mut(&header.stream) {
                    pictures.reassembler.set_round_trip(self.round_trip);
                    pictures.reassembler.handle_piece(&header, payload, now);
                }
                if kind == Kind::Video { Got::Media(header.stream) } else { Got::Other }
            }
            Ok(Kind::TimeAnswer) => {
                let answer = TimeAnswer::parse(body).expect("what the relay wrote");
                self.round_trip = now.since(answer.sent);
                Got::Other
            }
            Ok(_) | Err(_) => Got::Other,
        }
    }

    /// What leaves for the relay at this moment. `shown` is given each picture that can be shown.
    pub(super) fn poll(&mut self, now: Time, mut shown: impl FnMut(StreamId)) -> Vec<Vec<u8>> {
        let mut bodies = Vec::new();
        let mut write = |emit: &dyn Fn(&mut [u8]) -> Result<usize, Error>| {
            let mut body = vec![0; MAX_BODY];
            let len = emit(&mut body).expect("it fits a datagram");
            body.truncate(len);
            bodies.push(body);
        };
        if now >= self.tell {
            self.tell = now + TELL_EVERY;
            write(&|body| self.view.emit(body));
        }
        if now >= self.ask_clock {
            self.ask_clock = now + CLOCK_EVERY;
            write(&|body| TimeRequest { sent: now }.emit(body));
        }
        for (stream, pictures) in &mut self.pictures {
            while let Some(frame) = pictures.reassembler.next_frame(now) {
                shown(*stream);
                pictures.reassembler.recycle(frame.bytes);
            }
            while let Some(nack) = pictures.reassembler.next_nack(self.round_trip, now) {
                if pictures.nacks.take(now) {
                    write(&|body| nack.emit(body));
                }
            }
            if pictures.reassembler.keyframe_needed(now) && pictures.requests.take(now) {
                let spatial = pictures.reassembler.heard_layer();
                write(&|body| KeyframeRequest { stream: *stream, spatial }.emit(body));
            }
        }
        if let Some(report) = self.arrivals.next_report(now) {
            write(&|body| report.emit(body));
        }
        bodies
    }

    pub(super) fn poll_timeout(&self) -> Time {
        let pictures = self.pictures.values().filter_map(|pictures| pictures.reassembler.poll_timeout());
        pictures.chain(self.arrivals.poll_timeout()).fold(self.tell.min(self.ask_clock), Time::min)
    }
}
