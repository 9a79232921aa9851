//! The sending thread: the only one that seals. Sound goes out at once; pictures are paced by a token bucket, each
//! run of pieces in one call to the kernel. A presentation's large pictures make way for the camera's between two runs.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use heapless::spsc::{Consumer, Producer};
use vestibule_common::control::Streams;
use vestibule_common::media::{FrameInfo, GateHandle, Pacer, Packetizer, Permit, pcm};
use vestibule_common::seal::Sealer;
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{HOP_HEADER, MAX_BODY, MAX_DATAGRAM, StageTimes, TAG, TimeRequest};

use super::encode::first_number;
use super::link::Socket;
use super::outbox::{AudioOut, Outbox, VideoOut};
use super::ring::ring;
use super::stats::Stats;
use super::switch::CameraSwitch;
use crate::device::clock::Clock;
use crate::shell::watch::Watch;
use crate::video::kind::PictureKind;

/// Periods of sound that may wait for the sending thread: 310 ms; it wakes within one.
const AUDIO_RING: usize = 32;
/// The link's budget until there is an estimate of it: generous for a LAN, and it still keeps a keyframe from
/// flooding a slow hop.
const RATE: Bitrate = Bitrate::kbps(20_000);
/// What may leave at once: two ordinary keyframes.
const BURST: DataSize = DataSize::bytes(96 * 1024);
/// How often the relay's clock is asked; it also keeps the path open.
const TIME_EVERY: Duration = Duration::from_secs(1);

/// What the sending thread is told.
pub(super) enum SendCommand {
    /// Send here from now on, or nowhere.
    Link(Option<(Arc<Socket>, Box<Sealer>)>),
    /// Send these streams from now on, or none.
    Streams(Option<Streams>),
}

/// The sending thread's ends.
pub(super) struct Sending {
    /// For rare commands. Wake the outbox afterwards.
    pub commands: SyncSender<SendCommand>,
    /// For the microphone's thread.
    pub audio: Producer<'static, AudioOut>,
}

/// Starts the sending thread.
pub(super) fn start(
    outbox: Arc<Outbox>,
    gate: GateHandle,
    switches: [Arc<CameraSwitch>; 2],
    stats: Arc<Stats>,
    watch: &Watch,
    clock: Clock,
) -> std::io::Result<Sending> {
    let (audio, incoming) = ring::<AudioOut, AUDIO_RING>();
    let (commands, inbox) = sync_channel(16);
    let sender = Sender {
        outbox: outbox.clone(),
        gate,
        switches,
        stats,
        clock,
        inbox,
        incoming,
        link: None,
        streams: None,
        pacer: Pacer::new(RATE, BURST, clock.now()),
        time_due: Time::ZERO,
        woken: false,
        small: [0; MAX_DATAGRAM],
        batch: Box::new([0; BATCH_BYTES]),
    };
    outbox.set_sender(watch.spawn("send", move || sender.run())?);
    Ok(Sending { commands, audio })
}

/// The most pieces of one call: the kernel's limit is 64 KiB.
const BATCH: usize = 32;
const BATCH_BYTES: usize = BATCH * MAX_DATAGRAM;

struct Sender {
    outbox: Arc<Outbox>,
    gate: GateHandle,
    /// Of each kind of pictures.
    switches: [Arc<CameraSwitch>; 2],
    stats: Arc<Stats>,
    clock: Clock,
    inbox: Receiver<SendCommand>,
    incoming: Consumer<'static, AudioOut>,
    link: Option<(Arc<Socket>, Box<Sealer>)>,
    streams: Option<Packetizers>,
    pacer: Pacer,
    time_due: Time,
    /// It was parked, and woken perhaps, since the queues were looked at.
    woken: bool,
    /// One datagram of sound or control, which may leave while a batch waits for its turn.
    small: [u8; MAX_DATAGRAM],
    batch: Box<[u8; BATCH_BYTES]>,
}

struct Packetizers {
    streams: Streams,
    audio: Packetizer,
    /// Of each kind. Who encodes the pictures numbers them.
    pictures: [Packetizer; 2],
}

impl Packetizers {
    fn new(streams: Streams) -> Packetizers {
        let camera = Packetizer::video(streams.video);
        let presentation = Packetizer::presentation(streams.presentation);
        Packetizers {
            streams,
            audio: Packetizer::audio(streams.audio).starting_at(first_number()),
            pictures: [camera, presentation],
        }
    }
}

impl Sender {
    fn run(mut self) {
        loop {
            loop {
                match self.inbox.try_recv() {
                    Ok(command) => self.obey(command),
                    Err(std::sync::mpsc::TryRecvError::Empty) => break,
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
                }
            }
            self.send_audio();
            self.send_small();
            PictureKind::ALL.into_iter().for_each(|kind| self.send_frames(kind));
            // What was waited for in between may have taken the call that something else waits.
            if std::mem::take(&mut self.woken) {
                continue;
            }
            thread::park_timeout(self.time_due.since(self.clock.now()).max(Duration::from_millis(1)));
        }
    }

    fn obey(&mut self, command: SendCommand) {
        match command {
            SendCommand::Link(link) => {
                self.link = link;
                self.time_due = Time::ZERO;
                self.pacer = Pacer::new(RATE, BURST, self.clock.now());
            }
            SendCommand::Streams(None) => self.streams = None,
            SendCommand::Streams(Some(streams)) => {
                // The same streams again after a break: the frame numbers go on, or receivers would see a restart.
                if self.streams.as_ref().is_none_or(|before| before.streams != streams) {
                    self.streams = Some(Packetizers::new(streams));
                }
            }
        }
    }

    fn send_audio(&mut self) {
        while let Some(period) = self.incoming.dequeue() {
            let (Some((socket, sealer)), Some(streams)) = (&mut self.link, &mut self.streams) else {
                continue;
            };
            let mut payload = [0; pcm::FRAME_BYTES];
            pcm::to_bytes(&period.samples, &mut payload);
            let info = FrameInfo::audio(period.captured, period.level);
            let Ok(pieces) = streams.audio.frame(&payload, info) else { continue };
            let Ok(len) = pieces.write(0, &mut self.small[HOP_HEADER..HOP_HEADER + MAX_BODY]) else {
                continue;
            };
            let len = sealer.seal(&mut self.small, len);
            // The last word at the socket: nothing queued before a mute leaves after it.
            let (gate, sealed) = (&self.gate, &self.small[..len]);
            let valid = || gate.still_valid(period.ticket);
            if !self.outbox.pass_sound(valid, || socket.send(sealed, len)) {
                self.stats.audio_withdrawn.one();
                continue;
            }
            self.pacer.charge(DataSize::bytes(len as u64), self.clock.now());
            self.stats.audio_sent.one();
            self.count(1, len);
        }
    }

    fn send_small(&mut self) {
        while let Some(request) = self.outbox.pop_request() {
            self.send_body(|body| request.emit(body));
        }
        let now = self.clock.now();
        if now >= self.time_due {
            self.time_due = now + TIME_EVERY;
            self.send_body(|body| TimeRequest { sent: now }.emit(body));
        }
    }

    fn send_body(&mut self, emit: impl FnOnce(&mut [u8]) -> Result<usize, vestibule_common::wire::Error>) {
        let Some((socket, sealer)) = &mut self.link else { return };
        let Ok(len) = emit(&mut self.small[HOP_HEADER..HOP_HEADER + MAX_BODY]) else { return };
        let len = sealer.seal(&mut self.small, len);
        socket.send(&self.small[..len], len);
        self.count(1, len);
    }

    /// Sends what waits of this kind.
    fn send_frames(&mut self, kind: PictureKind) {
        while let Some(frame) = self.outbox.pop_video(kind) {
            self.send_frame(&frame);
            self.outbox.recycle(frame.bytes);
            self.send_audio();
        }
    }

    fn send_frame(&mut self, frame: &VideoOut) {
        let kind = frame.kind;
        if !self.switches[kind as usize].still_valid(frame.ticket) {
            return self.withdraw(frame);
        }
        let now = self.clock.now();
        let stages = StageTimes {
            captured_to_encoded_us: micros(frame.encoded.since(frame.captured)),
            encoded_to_sent_us: micros(now.since(frame.encoded)),
            relayed_us: 0,
        };
        let Some(streams) = &mut self.streams else { return };
        let info = FrameInfo {
            layer: frame.layer.wire(),
            reference_distance: frame.reference_distance,
            ..FrameInfo::video(frame.captured, frame.keyframe, Some(stages))
        };
        let packetizer = &streams.pictures[kind as usize];
        let pieces = match packetizer.frame_numbered(frame.number, &frame.bytes, info) {
            Ok(pieces) => pieces,
            Err(error) => {
                log::debug!("a picture was not sent: {error}");
                self.outbox.want_keyframe(kind, frame.layer);
                return;
            }
        };
        let mut index = 0;
        while index < pieces.count() {
            if kind == PictureKind::Presentation {
                self.send_frames(PictureKind::Camera);
            }
            let Some((socket, sealer)) = &mut self.link else { return };
            let batch = (pieces.count() - index).min(socket.max_segments().min(BATCH) as u16);
            let (mut end, mut segment) = (0, 0);
            for piece in index..index + batch {
                let room = &mut self.batch[end..end + MAX_DATAGRAM];
                let Ok(len) = pieces.write(piece, &mut room[HOP_HEADER..HOP_HEADER + MAX_BODY]) else {
                    return;
                };
                let len = sealer.seal(room, len);
                segment = segment.max(len);
                end += len;
            }
            let socket = socket.clone();
            self.wait_for(DataSize::bytes(end as u64));
            // The last word at the socket: nothing captured before "camera off" leaves after it.
            let batch_bytes = &self.batch[..end];
            if !self.switches[kind as usize].pass(frame.ticket, || socket.send(batch_bytes, segment)) {
                self.withdraw(frame);
                return;
            }
            self.count(u64::from(batch), end);
            index += batch;
        }
        self.stats.of(kind).frames_sent.one();
    }

    /// What took a picture is off by now; the next one must not refer to it.
    fn withdraw(&self, frame: &VideoOut) {
        self.stats.of(frame.kind).frames_unsent.one();
        self.outbox.want_keyframe(frame.kind, frame.layer);
    }

    /// Waits until the budget allows `size` bytes. Sound and small bodies do not wait with it.
    fn wait_for(&mut self, size: DataSize) {
        loop {
            self.send_audio();
            self.send_small();
            let now = self.clock.now();
            match self.pacer.poll(size, now) {
                Permit::Now => return,
                Permit::At(when) => {
                    thread::park_timeout(when.since(now).min(Duration::from_millis(5)));
                    self.woken = true;
                }
            }
        }
    }

    fn count(&self, datagrams: u64, bytes: usize) {
        self.stats.datagrams_sent.add(datagrams);
        self.stats.bytes_sent.add(bytes as u64);
    }
}

fn micros(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}

const _: () = assert!(MAX_DATAGRAM == HOP_HEADER + MAX_BODY + TAG);
