//! The receiving thread: opens what comes, puts pictures together, hands sound to the player and frames to the
//! decoder, and asks for missing pieces and for keyframes.

mod pictures;

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut};
use std::sync::Arc;

use heapless::spsc::Producer;
use quinn_udp::{RecvMeta, UdpSockRef};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use vestibule_common::bandwidth::Arrivals;
use vestibule_common::control::Streams;
use vestibule_common::id::{PeerId, StreamId};
use vestibule_common::media::voice::{CODED_LAYER, PCM_LAYER, VoicePayload};
use vestibule_common::media::{Accepted, AudioFrame, ClockOffset, SILENCE, VoicePacket, pcm};
use vestibule_common::seal::Opener;
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::{Demand, Ecn, Feedback, KeyframeRequest, Kind, MediaHeader, Nack, TimeAnswer};

use super::decode::{DecodeJob, Decoding, PictureStream};
use super::gauges::{Down, Gauges, RoomCount, SoundSpan};
use super::link::Socket;
use super::outbox::Outbox;
use super::speaking::SoundSwitch;
use super::stats::Stats;
use super::switch::CameraSwitch;
use super::wishes::{Shown, Wishes};
use super::{MediaNews, NewsSender};
use crate::device::clock::Clock;
use crate::device::realtime::{self, Priority};
use crate::video::allowance::Allowance;
use crate::video::kind::PictureKind;
use crate::video::ladder::LayerIndex;
use crate::video::slot::PictureSlots;
use crate::view::PictureId;
use pictures::Pictures;

/// The most datagrams of one read, and its buffers.
const READS: usize = 8;
const READ_BYTES: usize = 64 * 1024;
/// A room counts as speaking for this long after its last packet with speech.
const SPEECH_LINGERS: Duration = Duration::from_millis(500);
/// No deadline is nearer: what is due is looked at then.
const SHORT: Duration = Duration::from_millis(1);
/// While anything is under way it is looked at this often at least.
const TICK: Duration = Duration::from_millis(20);
/// Otherwise nothing has to be looked at.
const LONG: Duration = Duration::from_secs(3600);
/// So long after a room came, its pictures need not have a place on the screen yet.
const UNPLACED: Duration = Duration::from_secs(1);
/// Packets of sound a second that one room may give the player, and how many at once. All rooms share one ring.
const PACKETS: (u32, u32) = (150, 32);
/// To the relay and back, until it is known.
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// One packet of sound for the player.
pub(super) struct AudioIn {
    /// Whose.
    pub stream: StreamId,
    /// The sender's count.
    pub frame: u32,
    /// When it was captured, on the sender's clock.
    pub captured: Time,
    /// When it came.
    pub arrival: Time,
    /// In which layer.
    pub sound: SoundIn,
}

/// Sound in one of its layers.
pub(super) enum SoundIn {
    /// Samples.
    Plain(AudioFrame),
    /// A packet of coded sound.
    Coded(VoicePayload),
}

/// What is taken. The newest counts; none in between has to be seen.
#[derive(Clone, Default)]
pub(super) struct Wanted {
    /// The kiosk's own streams.
    pub own: Option<Streams>,
    /// These rooms' streams, and no others'.
    pub rooms: Vec<(PeerId, Streams)>,
    /// This room's presentation, and no other.
    pub presented: Option<PeerId>,
}

/// What the receiving thread is told.
pub(super) enum ReceiveCommand {
    /// Listen here from now on, or nowhere.
    Link(Option<(Arc<Socket>, Box<Opener>)>),
    /// A stream's picture could not be decoded.
    Undecodable(PictureStream),
}

/// What the receiving thread works with.
pub(super) struct ReceiveParts {
    /// Where its requests, reports and wishes go.
    pub outbox: Arc<Outbox>,
    /// Of each kind of the kiosk's own pictures: told what others want of them.
    pub switches: [Arc<CameraSwitch>; 2],
    /// Told what others want of the kiosk's own sound.
    pub sound: Arc<SoundSwitch>,
    /// For the player.
    pub audio: Producer<'static, AudioIn>,
    /// How large pictures are shown.
    pub slots: PictureSlots,
    /// For whole frames.
    pub decoding: Decoding,
    /// Counters.
    pub stats: Arc<Stats>,
    /// The network's numbers.
    pub gauges: Arc<Gauges>,
}

/// Starts the receiving thread.
pub(super) fn start(
    (mut commands, mut wanted): (mpsc::Receiver<ReceiveCommand>, watch::Receiver<Wanted>),
    parts: ReceiveParts,
    news: NewsSender,
    clock: Clock,
) -> io::Result<()> {
    let ReceiveParts { outbox, switches, sound: switch, audio, slots, decoding, stats, gauges } = parts;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ends = news.watch.clone();
    let run = move || {
        // Sound that waits for a processor is late sound.
        realtime::raise_this_thread_or_say(Priority::Network);
        runtime.block_on(async move {
            let mut receiver = Receiver {
                outbox,
                audio,
                decoding,
                news,
                stats,
                gauges,
                down: Down::default(),
                clock,
                link: None,
                own: None,
                pictures: BTreeMap::new(),
                presented: None,
                sound: BTreeMap::new(),
                slots,
                wishes: Wishes::new(switches, switch),
                offset: ClockOffset::new(),
                round_trip: ROUND_TRIP,
            };
            let mut buffers: Vec<Vec<u8>> = (0..READS).map(|_| vec![0; READ_BYTES]).collect();
            let mut metas = [RecvMeta::default(); READS];
            loop {
                let wait = receiver.wait();
                tokio::select! {
                    command = commands.recv() => match command {
                        Some(command) => receiver.obey(command),
                        None => return,
                    },
                    changed = wanted.changed() => match changed {
                        Ok(()) => receiver.take(&wanted.borrow_and_update()),
                        Err(_) => return,
                    },
                    read = read(&receiver.link, &mut buffers, &mut metas) => {
                        match read {
                            Ok(count) => receiver.handle_reads(&mut buffers[..count], &metas[..count]),
                            Err(error) => {
                                // An unreachable port reported back, an interface that went down: the control
                                // connection decides what becomes of the meeting.
                                log::debug!("reading media: {error}");
                                sleep(TICK).await;
                            }
                        }
                    }
                    () = sleep(wait) => {}
                }
                receiver.poll();
            }
        });
    };
    ends.spawn("receive", run)?;
    Ok(())
}

async fn read(
    link: &Option<Listening>,
    buffers: &mut [Vec<u8>],
    metas: &mut [RecvMeta],
) -> io::Result<usize> {
    let Some(link) = link else { return std::future::pending().await };
    loop {
        link.udp.readable().await?;
        let mut slices = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer));
        let mut slices: [IoSliceMut<'_>; READS] =
            std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        let result = link.udp.try_io(Interest::READABLE, || {
            link.socket.state().recv(UdpSockRef::from(&link.udp), &mut slices, metas)
        });
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}

struct Listening {
    udp: UdpSocket,
    socket: Arc<Socket>,
    opener: Box<Opener>,
    /// When the relay's datagrams came.
    arrivals: Arrivals,
}

struct Receiver {
    outbox: Arc<Outbox>,
    audio: Producer<'static, AudioIn>,
    decoding: Decoding,
    news: NewsSender,
    stats: Arc<Stats>,
    gauges: Arc<Gauges>,
    down: Down,
    clock: Clock,
    link: Option<Listening>,
    own: Option<Streams>,
    pictures: BTreeMap<StreamId, Pictures>,
    /// Whose presentation is shown; the others' are not put together.
    presented: Option<PeerId>,
    sound: BTreeMap<StreamId, Voice>,
    /// How large pictures are shown.
    slots: PictureSlots,
    wishes: Wishes,
    offset: ClockOffset,
    /// To the relay and back.
    round_trip: Duration,
}

struct Voice {
    peer: PeerId,
    allowance: Allowance,
    spoke: Option<Time>,
}

impl Receiver {
    fn obey(&mut self, command: ReceiveCommand) {
        match command {
            ReceiveCommand::Link(link) => {
                self.offset = ClockOffset::new();
                self.round_trip = ROUND_TRIP;
                self.wishes.forget();
                self.down = Down::default();
                self.gauges.set_down(None);
                self.link =
                    link.and_then(|(socket, opener)| match socket.udp().and_then(UdpSocket::from_std) {
                        Ok(udp) => Some(Listening { udp, socket, opener, arrivals: Arrivals::new() }),
                        Err(error) => {
                            log::warn!("media cannot be received: {error}");
                            None
                        }
                    });
            }
            ReceiveCommand::Undecodable(stream) => {
                for pictures in self.pictures.values_mut().filter(|pictures| pictures.stream == stream) {
                    pictures.reassembler.handle_decoder_failure();
                }
            }
        }
    }

    fn take(&mut self, wanted: &Wanted) {
        let now = self.clock.now();
        self.own = wanted.own;
        self.wishes.hurry();
        let rooms = &wanted.rooms;
        self.pictures.retain(|id, pictures| {
            let PictureStream { peer, kind } = pictures.stream;
            rooms.iter().any(|(room, streams)| *room == peer && id_of(streams, kind) == *id)
        });
        self.sound.retain(|id, voice| {
            rooms.iter().any(|(room, streams)| *room == voice.peer && streams.audio == *id)
        });
        for (peer, streams) in rooms {
            for kind in PictureKind::ALL {
                let stream = PictureStream { peer: *peer, kind };
                let pictures = || Pictures::new(stream, now);
                self.pictures.entry(id_of(streams, kind)).or_insert_with(pictures);
            }
            let allowance = Allowance::new(PACKETS.0, PACKETS.1);
            self.sound.entry(streams.audio).or_insert(Voice { peer: *peer, allowance, spoke: None });
        }
        if self.presented != wanted.presented {
            self.presented = wanted.presented;
            // What was left out cannot be built on: it begins anew, with a keyframe.
            for pictures in self.pictures.values_mut() {
                if pictures.stream.kind == PictureKind::Presentation {
                    *pictures = Pictures::new(pictures.stream, now);
                }
            }
        }
    }

    fn handle_reads(&mut self, buffers: &mut [Vec<u8>], metas: &[RecvMeta]) {
        for (buffer, meta) in buffers.iter_mut().zip(metas) {
            let Some(link) = &self.link else { return };
            if !link.socket.is_relay(meta.addr) {
                self.stats.datagrams_refused.one();
                continue;
            }
            let ecn = meta.ecn.map_or(Ecn::NotEct, |mark| Ecn::from_bits(mark as u8));
            for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                self.handle_datagram(datagram, ecn);
            }
        }
    }

    fn handle_datagram(&mut self, datagram: &mut [u8], ecn: Ecn) {
        let len = datagram.len();
        let Some(link) = &mut self.link else { return };
        let now = self.clock.now();
        let body = match link.opener.open(datagram) {
            Ok(opened) => {
                link.arrivals.handle_arrival(opened.packet, ecn, now);
                self.down.handle_datagram(opened.packet, opened.body, now);
                opened.body
            }
            Err(error) => {
                log::trace!("{error}");
                self.stats.datagrams_refused.one();
                return;
            }
        };
        self.stats.datagrams_received.one();
        self.stats.bytes_received.add(len as u64);
        match Kind::of(body) {
            Ok(Kind::Audio) => self.handle_audio(body, now),
            Ok(Kind::Video | Kind::Presentation | Kind::Retransmission | Kind::Repair) => {
                self.handle_picture(body, now);
            }
            Ok(Kind::TimeAnswer) => {
                if let Ok(answer) = TimeAnswer::parse(body)
                    && self.offset.handle_answer(&answer, now)
                    && let Some(clock) = self.offset.estimate(now)
                {
                    self.round_trip = clock.rtt;
                    self.news.tell(MediaNews::Clock(clock));
                }
            }
            Ok(Kind::KeyframeRequest) => {
                if let Ok(request) = KeyframeRequest::parse(body)
                    && let Some(kind) = self.own.and_then(|own| kind_of(&own, request.stream))
                {
                    match LayerIndex::of(request.spatial) {
                        Some(layer) => self.outbox.want_keyframe(kind, layer),
                        None => self.outbox.want_keyframes(kind),
                    }
                }
            }
            Ok(Kind::Nack) => match Nack::parse(body) {
                Ok(nack) => self.outbox.push_nacked(Box::new(nack)),
                Err(error) => log::trace!("{error}"),
            },
            Ok(Kind::Feedback) => match Feedback::parse(body) {
                Ok(report) => {
                    self.down.handle_report(report.reported, now);
                    self.outbox.push_told(Box::new(report));
                }
                Err(error) => log::trace!("{error}"),
            },
            Ok(Kind::Demand) => match Demand::parse(body) {
                Ok(demand) => {
                    self.down.handle_demand(&demand);
                    self.wishes.handle_demand(&demand, self.own, now);
                }
                Err(error) => log::trace!("{error}"),
            },
            // Padding: that it came is reported like everything else.
            Ok(Kind::Probe) => {}
            Ok(
                kind @ (Kind::File
                | Kind::FileAck
                | Kind::PathChallenge
                | Kind::PathResponse
                | Kind::TimeRequest
                | Kind::View),
            ) => log::trace!("{kind:?} is not used by this version"),
            Err(error) => log::trace!("{error}"),
        }
    }

    fn handle_audio(&mut self, body: &[u8], now: Time) {
        let Ok((header, payload)) = MediaHeader::parse(body) else { return };
        let Some(voice) = self.sound.get_mut(&header.stream) else { return };
        if !voice.allowance.take(now) {
            self.stats.audio_overflowed.one();
            return;
        }
        if header.level.voice {
            if voice.spoke.is_none() {
                self.news.tell(MediaNews::Voice { peer: voice.peer, speaking: true });
            }
            voice.spoke = Some(now);
        }
        let Some((sound, span)) = read_sound(header.layer.spatial, payload) else { return };
        self.stats.audio_received.one();
        self.stats.audio_coded_received.add(u64::from(span.coded));
        self.gauges.of(voice.peer, |room| {
            room.handle_datagram(body.len());
            room.handle_sound(header.frame, span);
        });
        let packet = AudioIn {
            stream: header.stream,
            frame: header.frame,
            captured: header.captured,
            arrival: now,
            sound,
        };
        if self.audio.enqueue(packet).is_err() {
            self.stats.audio_overflowed.one();
        }
    }

    fn handle_picture(&mut self, body: &[u8], now: Time) {
        let Ok((header, payload)) = MediaHeader::parse(body) else { return };
        let Some(pictures) = self.pictures.get_mut(&header.stream) else { return };
        let PictureStream { peer, kind } = pictures.stream;
        if kind == PictureKind::Presentation && self.presented != Some(peer) {
            return;
        }
        self.gauges.of(peer, |room| room.handle_datagram(body.len()));
        let accepted = pictures.reassembler.handle_piece(&header, payload, now);
        if accepted == Accepted::Completed && matches!(header.kind, Kind::Retransmission | Kind::Repair) {
            self.stats.of(kind).frames_repaired.one();
        }
        let again = matches!(accepted, Accepted::Stored | Accepted::Completed);
        if kind == PictureKind::Camera && header.kind == Kind::Retransmission && again {
            self.gauges.of(peer, RoomCount::handle_repaired);
        }
        self.take_frames(header.stream, now);
    }

    fn take_frames(&mut self, id: StreamId, now: Time) {
        let Some(pictures) = self.pictures.get_mut(&id) else { return };
        let (stream, decoding) = (pictures.stream, &self.decoding);
        let stats = self.stats.of(stream.kind);
        let gauges = &self.gauges;
        let delivered = pictures.deliver(now, |frame| {
            if stream.kind == PictureKind::Camera {
                gauges.of(stream.peer, |room| room.handle_picture(frame.layer.spatial, now));
            }
            decoding.push(DecodeJob { stream, frame })
        });
        stats.frames_received.add(delivered.frames);
        stats.frames_overflowed.add(delivered.dropped);
        if pictures.keyframe_needed(now) {
            stats.keyframes_wanted.one();
            self.outbox
                .push_request(KeyframeRequest { stream: id, spatial: pictures.reassembler.heard_layer() });
        }
        let asked = pictures.ask(self.round_trip, now, |nack| self.outbox.push_nack(Box::new(nack)));
        stats.pieces_wanted.add(asked);
    }

    fn poll(&mut self) {
        let now = self.clock.now();
        if let Some(report) = self.link.as_mut().and_then(|link| link.arrivals.next_report(now)) {
            self.outbox.push_report(Box::new(report));
        }
        if self.wishes.handle_timeout(now) {
            self.down.forget_demand();
        }
        if self.link.is_some() && self.down.began() {
            self.gauges.set_down(Some(self.down));
        }
        if self.own.is_some() && self.wishes.looks(now) {
            let shown = self.shown(now);
            if let Some(view) = self.wishes.handle_shown(shown, now) {
                self.outbox.set_view(view);
            }
        }
        let due = |(stream, pictures): (&StreamId, &Pictures)| {
            pictures.reassembler.poll_timeout().is_some_and(|when| when <= now).then_some(*stream)
        };
        let due: heapless::Vec<StreamId, 64> = self.pictures.iter().filter_map(due).take(64).collect();
        for stream in due {
            self.take_frames(stream, now);
        }
        for voice in self.sound.values_mut() {
            if voice.spoke.is_some_and(|spoke| now.since(spoke) > SPEECH_LINGERS) {
                voice.spoke = None;
                self.news.tell(MediaNews::Voice { peer: voice.peer, speaking: false });
            }
        }
    }

    fn wait(&self) -> Duration {
        let tick = if self.pictures.is_empty() && self.sound.is_empty() { LONG } else { TICK };
        let report = self.link.as_ref().and_then(|link| link.arrivals.poll_timeout());
        let now = self.clock.now();
        let pictures =
            self.pictures.values().filter_map(|pictures| pictures.reassembler.poll_timeout()).min();
        let pictures = pictures.map_or(tick, |due| due.since(now).max(SHORT));
        report.map_or(tick, |due| due.since(now).min(tick)).min(pictures)
    }

    /// What is shown and played: every room's sound first, then pictures with the shorter side of their place on the screen.
    fn shown(&self, now: Time) -> Shown {
        let watched = self.slots.is_watched();
        let size = |pictures: &Pictures| {
            let PictureStream { peer, kind } = pictures.stream;
            if kind == PictureKind::Presentation && self.presented != Some(peer) {
                return None;
            }
            let size = self.slots.size(PictureId::room(peer, kind)).map(|tile| tile.width.min(tile.height));
            // Without a place it may be about to get one, a large one at first; pictures have to come for that, so it is wanted
            // small whatever happens. Where there is no screen at all, everything is.
            let young = now.since(pictures.since) < UNPLACED;
            Some(size.unwrap_or(if young || !watched { usize::MAX } else { 0 }))
        };
        Shown {
            sounds: self.sound.keys().copied().collect(),
            pictures: self.pictures.iter().filter_map(|(id, it)| Some((*id, size(it)?))).collect(),
        }
    }
}

/// Sound as the player takes it, and what of the stream it spans; `None` for what is none.
fn read_sound(layer: u8, payload: &[u8]) -> Option<(SoundIn, SoundSpan)> {
    if layer == CODED_LAYER {
        let packet = VoicePacket::parse(payload)?;
        let span = SoundSpan { periods: packet.periods, quiet: packet.coded.is_empty(), coded: true };
        return Some((SoundIn::Coded(VoicePayload::from_slice(payload).ok()?), span));
    }
    let mut samples = SILENCE;
    let whole = layer == PCM_LAYER && pcm::from_bytes(payload, &mut samples);
    whole.then_some((SoundIn::Plain(samples), SoundSpan { periods: 1, quiet: false, coded: false }))
}

fn id_of(streams: &Streams, kind: PictureKind) -> StreamId {
    match kind {
        PictureKind::Camera => streams.video,
        PictureKind::Presentation => streams.presentation,
    }
}

/// Which of these streams of pictures this is.
pub(super) fn kind_of(streams: &Streams, id: StreamId) -> Option<PictureKind> {
    PictureKind::ALL.into_iter().find(|kind| id_of(streams, *kind) == id)
}
