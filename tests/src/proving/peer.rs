//! The peer that our own sender is compared with: str0m's congestion control (Google's: draft-ietf-rmcat-gcc-02 with loss
//! control, pacer and probes as in libwebrtc, on transport-wide feedback), whole and unchanged, as a [`Flow`].
//!
//! Two complete sessions, ICE, DTLS and SRTP included, so that every byte that libwebrtc would send weighs on the path here
//! too. They are connected in the constructor, before the path exists. What is random in them (keys, ICE's names) changes no
//! size and no time: a flow replays, as long as the links do.
//!
//! Two things to know when reading its figures. str0m counts what a packet holds behind RTP's header; a target of it takes
//! about a twentieth more at IP level, a tenth where packets are small. And its receiver's reports begin with a packet that
//! has arrived: what is lost just before is never reported (libwebrtc does), much of all losses where packets are few.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use str0m::bwe::BweKind;
use str0m::crypto::CryptoProvider;
use str0m::format::Codec;
use str0m::media::{MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, SeqNo, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig, RtcError};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};

use super::flow::{Flow, Packet};
use crate::world::{Dice, Frame};

/// The payload of a full packet: with RTP's header and extensions and SRTP's tag it keeps to libwebrtc's 1200 bytes.
const PAYLOAD: u64 = 1150;
/// IPv4 and UDP.
const HEADERS: u64 = 28;
/// What carries the media, and its retransmissions and padding (RFC 4588).
const MEDIA: u32 = 1;
const REPAIR: u32 = 2;
/// Addresses for documents (RFC 5737).
const SENDER: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 5000);
const RECEIVER: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 2), 5000);
/// How often the estimate is read: as often as libwebrtc tells its encoders.
const ESTIMATES_EVERY: Duration = Duration::from_millis(25);
const CONNECTS_WITHIN: Duration = Duration::from_secs(10);
/// Why a session of str0m's reports no error: it gets only what another has sent.
const SOUND: &str = "two sessions of str0m understand each other";
/// How often a session may want to be called again at once, and how long it waits that wants it more often.
const AT_ONCE: u32 = 100;
const PATIENCE: Duration = Duration::from_millis(1);

/// A flow of video between two sessions of str0m.
pub struct PeerFlow {
    sender: End,
    receiver: End,
    /// Where str0m's clock stands when the flow begins.
    connected: Instant,
    /// When the flow began: with its first frame.
    begin: Option<Time>,
    payload_type: Pt,
    next_sequence: u64,
    timestamps_from: u32,
    by_events: bool,
}

impl PeerFlow {
    /// A connected flow. Its estimate begins at `initial`; str0m is told that `largest` is the most it will be asked to send.
    /// RTP's sequence numbers and timestamps begin where `seed` says.
    ///
    /// # Panics
    /// If str0m cannot connect two sessions over a path that loses nothing.
    pub fn new(initial: Bitrate, largest: Bitrate, seed: u64) -> PeerFlow {
        // std makes an Instant in no other way. Only its distance from later ones counts.
        let start = Instant::now();
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let (here, there) = (SENDER.into(), RECEIVER.into());
        let estimates =
            session(&crypto).enable_bwe(Some(theirs(initial))).set_stats_interval(Some(ESTIMATES_EVERY));
        let mut sender = End::new(estimates, here, there, initial, start);
        let mut receiver = End::new(session(&crypto), there, here, initial, start);
        introduce(&mut sender, &mut receiver, true).expect(SOUND);
        introduce(&mut receiver, &mut sender, false).expect(SOUND);
        let connected = connect(&mut sender, &mut receiver, start);

        let video = sender.rtc.codec_config().find(|format| format.spec().codec == Codec::Vp8);
        let payload_type = video.expect("str0m offers VP8 unless told otherwise").pt();
        let mid = Mid::from("video");
        let (media, repair) = (Ssrc::from(MEDIA), Some(Ssrc::from(REPAIR)));
        let mut api = sender.rtc.direct_api();
        api.declare_media(mid, MediaKind::Video);
        api.declare_stream_tx(media, repair, mid, None);
        sender.rtc.bwe().set_bitrate(str0m::bwe::Bitrate::ZERO, theirs(largest));
        let mut api = receiver.rtc.direct_api();
        api.declare_media(mid, MediaKind::Video);
        api.expect_stream_rx(media, repair, mid, None);
        api.enable_twcc_feedback();

        let mut dice = Dice::new(seed, 0);
        PeerFlow {
            sender,
            receiver,
            connected,
            begin: None,
            payload_type,
            // In the lower half, so that no early loss hides a rollover from the receiver (RFC 3711, 3.3.1).
            next_sequence: (dice.unit() * 32_768.0) as u64,
            timestamps_from: (dice.unit() * f64::from(u32::MAX)) as u32,
            by_events: false,
        }
    }

    /// The same flow with a source that is told str0m's `EgressBitrateEstimate` events instead of the estimate itself. They
    /// are a mean over three seconds, told when it is off by a twentieth: meant for choosing simulcast layers. A source that
    /// follows them is late, and the bottleneck's queue fills.
    pub fn by_events(mut self) -> PeerFlow {
        self.by_events = true;
        self
    }

    /// str0m's clock at a moment; `None` before the flow began.
    fn instant(&self, now: Time) -> Option<Instant> {
        self.begin.map(|begin| self.connected + now.since(begin))
    }

    /// The first moment that is not before `instant`.
    fn time(&self, instant: Instant) -> Option<Time> {
        let nanos = instant.saturating_duration_since(self.connected).as_nanos();
        let micros = u64::try_from(nanos.div_ceil(1000)).unwrap_or(u64::MAX);
        self.begin.map(|begin| begin + Duration::from_micros(micros))
    }

    /// Whether a datagram is media for the first time: padding and retransmissions have a stream of their own, probes before
    /// there is media another, and RTCP and STUN look otherwise (RFC 7983).
    fn is_media(&self, bytes: &[u8]) -> bool {
        let Some(header) = bytes.first_chunk::<12>() else { return false };
        let padded = header[0] & 0x20 != 0;
        let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        header[0] >> 6 == 2 && !padded && header[1] & 0x7f == *self.payload_type && ssrc == MEDIA
    }
}

impl Flow for PeerFlow {
    fn handle_frame(&mut self, frame: Frame, now: Time) {
        self.begin.get_or_insert(now);
        let Some(at) = self.instant(now) else { return };
        // 90 kHz (RFC 7741, 4.1); it is meant to wrap.
        let timestamp = self.timestamps_from.wrapping_add((frame.captured.as_micros() * 9 / 100) as u32);
        let size = frame.size.as_bytes().max(1);
        let count = size.div_ceil(PAYLOAD);
        let mut api = self.sender.rtc.direct_api();
        let stream = api.stream_tx(&Ssrc::from(MEDIA)).expect("the constructor declares the stream");
        for n in 0..count {
            // Equal parts, as libwebrtc cuts them.
            let part = size * (n + 1) / count - size * n / count;
            let sequence = SeqNo::from(self.next_sequence);
            self.next_sequence += 1;
            let filler = vec![0; part as usize];
            let packet = RtpWrite::new(self.payload_type, sequence, timestamp, at, filler);
            stream.write_rtp(packet.marker(n + 1 == count).nackable(true));
        }
        self.sender.handle_timeout(at);
    }

    fn target(&self) -> Bitrate {
        if self.by_events { self.sender.announced } else { self.sender.estimate }
    }

    fn next_packet(&mut self, _now: Time) -> Option<Packet> {
        let bytes = self.sender.outbox.pop_front()?;
        let size = at_ip_level(&bytes);
        let media = if self.is_media(&bytes) { size } else { DataSize::bytes(0) };
        Some(Packet { bytes, size, media })
    }

    /// The mark is lost on it: transport-wide feedback does not carry any.
    fn handle_packet(&mut self, packet: Packet, _marked: bool, now: Time) {
        if let Some(at) = self.instant(now) {
            self.receiver.handle_datagram(&packet.bytes, at);
        }
    }

    fn next_report(&mut self, _now: Time) -> Option<Packet> {
        let bytes = self.receiver.outbox.pop_front()?;
        let size = at_ip_level(&bytes);
        Some(Packet { bytes, size, media: DataSize::bytes(0) })
    }

    fn handle_report(&mut self, packet: Packet, now: Time) {
        if let Some(at) = self.instant(now) {
            self.sender.handle_datagram(&packet.bytes, at);
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.time(self.sender.due.min(self.receiver.due))
    }

    fn handle_timeout(&mut self, now: Time) {
        let Some(at) = self.instant(now) else { return };
        for end in [&mut self.sender, &mut self.receiver] {
            if end.due <= at {
                end.handle_timeout(at);
            }
        }
    }

    fn trace(&self) -> String {
        format!("estimate {} announced {}", self.sender.estimate, self.sender.announced)
    }
}

/// One end: a session of str0m, and what it wants to send.
struct End {
    rtc: Rtc,
    address: SocketAddr,
    other: SocketAddr,
    outbox: VecDeque<Vec<u8>>,
    due: Instant,
    /// What it may send, as it thinks.
    estimate: Bitrate,
    /// What it last said of that in an event.
    announced: Bitrate,
}

impl End {
    fn new(config: RtcConfig, address: SocketAddr, other: SocketAddr, initial: Bitrate, at: Instant) -> End {
        let rtc = config.build(at);
        End { rtc, address, other, outbox: VecDeque::new(), due: at, estimate: initial, announced: initial }
    }

    fn handle_datagram(&mut self, bytes: &[u8], at: Instant) {
        // What it does not understand it would drop on a socket too.
        if let Ok(received) = Receive::new(Protocol::Udp, self.other, self.address, bytes) {
            self.handle_input(Input::Receive(at, received), at);
        }
    }

    fn handle_timeout(&mut self, at: Instant) {
        self.handle_input(Input::Timeout(at), at);
    }

    fn handle_input(&mut self, input: Input<'_>, at: Instant) {
        self.rtc.handle_input(input).expect(SOUND);
        self.drain();
        // str0m often wants to be called again at once. It is, here: time does not pass while it works.
        for _ in 0..AT_ONCE {
            if self.due > at {
                return;
            }
            self.rtc.handle_input(Input::Timeout(at)).expect(SOUND);
            self.drain();
        }
        self.due = self.due.max(at + PATIENCE);
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().expect(SOUND) {
                Output::Transmit(datagram) => self.outbox.push_back(datagram.contents.to_vec()),
                Output::Event(Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. })) => {
                    self.announced = ours(estimate);
                }
                Output::Event(Event::PeerStats(stats)) => {
                    self.estimate = stats.bwe_tx.map_or(self.estimate, ours);
                }
                Output::Event(_) => {}
                Output::Timeout(due) => {
                    self.due = due;
                    return;
                }
            }
        }
    }
}

/// Tells an end where the other is and how to know it, as signalling would.
fn introduce(end: &mut End, other: &mut End, active: bool) -> Result<(), RtcError> {
    let credentials = other.rtc.direct_api().local_ice_credentials();
    let fingerprint = other.rtc.direct_api().local_dtls_fingerprint().clone();
    let (here, there) =
        (Candidate::host(end.address, Protocol::Udp)?, Candidate::host(end.other, Protocol::Udp)?);
    end.rtc.add_local_candidate(here);
    end.rtc.add_remote_candidate(there);
    let mut api = end.rtc.direct_api();
    api.set_remote_ice_credentials(credentials);
    api.set_remote_fingerprint(fingerprint);
    api.set_ice_controlling(active);
    api.start_dtls(active)
}

/// Lets two ends find and trust each other over a path that takes no time. Returns when they have, by str0m's clock.
fn connect(sender: &mut End, receiver: &mut End, start: Instant) -> Instant {
    let mut at = start;
    while at <= start + CONNECTS_WITHIN {
        sender.handle_timeout(at);
        receiver.handle_timeout(at);
        while !sender.outbox.is_empty() || !receiver.outbox.is_empty() {
            sender.outbox.drain(..).for_each(|bytes| receiver.handle_datagram(&bytes, at));
            receiver.outbox.drain(..).for_each(|bytes| sender.handle_datagram(&bytes, at));
        }
        if sender.rtc.is_connected() && receiver.rtc.is_connected() {
            return at;
        }
        at = sender.due.min(receiver.due);
    }
    panic!("str0m does not connect over a path that loses nothing");
}

fn session(crypto: &Arc<CryptoProvider>) -> RtcConfig {
    RtcConfig::new().set_crypto_provider(Arc::clone(crypto)).set_rtp_mode(true)
}

fn theirs(rate: Bitrate) -> str0m::bwe::Bitrate {
    str0m::bwe::Bitrate::bps(rate.as_bps())
}

fn ours(rate: str0m::bwe::Bitrate) -> Bitrate {
    Bitrate::bps(rate.as_u64())
}

fn at_ip_level(datagram: &[u8]) -> DataSize {
    DataSize::bytes(datagram.len() as u64 + HEADERS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Link, LinkConfig, Loss, Schedule, Source, SourceConfig};

    /// What happened in ten seconds.
    #[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
    struct Span {
        /// The target when a frame was made, on average, in kbit/s.
        target: u64,
        /// What arrived, and the media of it, in kbit/s.
        arrived: u64,
        media: u64,
        /// The longest that a packet was under way, in milliseconds.
        longest: u128,
    }

    /// A source's flow over a link for so many spans, and how many bytes the source and the flow's media had.
    fn drive(mut flow: PeerFlow, config: LinkConfig, count: u64) -> (Vec<Span>, u64, u64) {
        let mut source = Source::new(SourceConfig::default(), Time::ZERO, 1, 10);
        let mut there = Link::<Packet>::new(config.clone(), 1, 0);
        let mut back = Link::<Packet>::new(config, 1, 1);
        let (mut spans, mut made, mut sent) = (Vec::new(), 0, 0);
        let mut now = Time::ZERO;
        for end in (1..=count).map(|n| Time::from_millis(n * 10_000)) {
            let (mut span, mut frames) = (Span::default(), 0);
            while now < end {
                flow.handle_timeout(now);
                source.set_target(flow.target());
                while let Some(frame) = source.next_frame(now) {
                    (span.target, frames) = (span.target + flow.target().as_bps(), frames + 1);
                    made += frame.size.as_bytes();
                    flow.handle_frame(frame, now);
                }
                while let Some(arrival) = there.next_arrival(now) {
                    span.arrived += arrival.size.as_bytes();
                    span.media += arrival.packet.media.as_bytes();
                    span.longest = span.longest.max(arrival.at.since(arrival.sent).as_millis());
                    flow.handle_packet(arrival.packet, arrival.marked, now);
                }
                while let Some(arrival) = back.next_arrival(now) {
                    flow.handle_report(arrival.packet, now);
                }
                while let Some(packet) = flow.next_packet(now) {
                    sent += packet.media.as_bytes();
                    let size = packet.size;
                    there.send(packet, size, now);
                }
                while let Some(packet) = flow.next_report(now) {
                    let size = packet.size;
                    back.send(packet, size, now);
                }
                let timers = [flow.poll_timeout(), there.poll_timeout(), back.poll_timeout()];
                let next = timers.into_iter().flatten().fold(source.poll_timeout(), Time::min);
                assert!(next > now, "nothing wants to be called again at once");
                now = next;
            }
            let kbps = |bytes: u64| DataSize::bytes(bytes).per(Duration::from_secs(10)).as_bps() / 1000;
            spans.push(Span {
                target: span.target / frames / 1000,
                arrived: kbps(span.arrived),
                media: kbps(span.media),
                longest: span.longest,
            });
        }
        (spans, made, sent)
    }

    fn flow(seed: u64) -> PeerFlow {
        PeerFlow::new(Bitrate::kbps(300), SourceConfig::default().largest, seed)
    }

    #[test]
    fn it_finds_the_rate_of_a_link() {
        let (spans, made, sent) = drive(flow(1), LinkConfig::default(), 3);
        let last = spans[2];
        assert!((500..1300).contains(&last.target), "{spans:?}");
        assert!(last.media > 850 && last.media <= last.arrived && last.arrived <= 1000, "{spans:?}");
        // All of the source's frames but the last leave once, with their headers; nothing else counts as media.
        assert!((1.04..1.08).contains(&(sent as f64 / made as f64)), "{sent} of {made}");
    }

    #[test]
    fn a_source_that_follows_the_events_fills_the_queue() {
        let (spans, ..) = drive(flow(1).by_events(), LinkConfig::default(), 3);
        assert!((500..1300).contains(&spans[2].target), "{spans:?}");
        assert!(spans[2].media > 850 && spans[2].longest > 300, "{spans:?}");
    }

    #[test]
    fn it_outlives_whatever_links_do() {
        let kbps = Bitrate::kbps;
        let config = LinkConfig {
            rate: Schedule::of_seconds(&[(0, kbps(1000)), (20, kbps(0)), (40, kbps(1000))]),
            loss: Loss::Bursts { share: 0.05, length: 4.0 },
            jitter: Duration::from_millis(20),
            reordering: (0.02, Duration::from_millis(30)),
            duplication: 0.02,
            ..LinkConfig::default()
        };
        let (spans, ..) = drive(flow(1), config.clone(), 7);
        let media: Vec<u64> = spans.iter().map(|span| span.media).collect();
        assert!(media[1] > 300 && media[3] == 0 && media[6] > 300, "{spans:?}");
        assert_eq!(spans, drive(flow(2), config, 7).0);
    }

    #[test]
    fn it_replays_whatever_its_keys_and_numbers_are() {
        let first = drive(flow(1), LinkConfig::default(), 3);
        assert_eq!(first, drive(flow(1), LinkConfig::default(), 3));
        assert_eq!(first, drive(flow(2), LinkConfig::default(), 3));
    }
}
