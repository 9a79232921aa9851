//! The sending thread: the only one that seals, and so the one that knows what the way to the relay carries. Sound goes out at
//! once; pictures are paced by the shaper's token bucket, each run of pieces in one call to the kernel, and their encoders told
//! what they may take. A presentation's large pictures make way for the camera's between two runs.

use std::sync::Arc;
use std::thread;

use heapless::spsc::{Consumer, Producer};
use vestibule_common::bandwidth::{EstimatorConfig, IP_UDP, Shaper, SoundChoice, SoundNeeds};
use vestibule_common::control::Streams;
use vestibule_common::media::voice::{CODED_LAYER, PCM_LAYER};
use vestibule_common::media::{FrameInfo, GateHandle, Packetizer, Permit, Pieces, Protection, Repairer, pcm};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{
    HOP_HEADER, Kind, Layer, MAX_BODY, MAX_DATAGRAM, PathProbe, StageTimes, TAG, TimeRequest,
};

use super::gauges::{Gauges, Up};
use super::orders::{Orders, SendingLink, Teller, Waiting};
use super::outbox::{AudioOut, Outbox, SoundOut, VideoOut};
use super::receive::kind_of;
use super::ring::ring;
use super::sent::Sent;
use super::speaking::SoundSwitch;
use super::stats::Stats;
use super::switch::CameraSwitch;
use crate::device::clock::Clock;
use crate::device::realtime::{self, Priority};
use crate::shell::watch::Watch;
use crate::video::kind::PictureKind;
use crate::video::plan::PAYLOAD;

/// Periods of sound that may wait for the sending thread: 310 ms; it wakes within one.
const AUDIO_RING: usize = 32;
/// What is thought of a way to the relay about which nothing is known: sound, and a picture that can be seen.
const INITIAL: Bitrate = Bitrate::kbps(2_000);
/// Beside pictures, sound and small bodies want so much, at IP level.
const BESIDE: Bitrate = Bitrate::kbps(1_000);
/// An estimate may go above what is wanted by this, so that there is room when more is.
const HEADROOM: f64 = 1.1;
/// How much of the budget a presentation gets beside a camera.
const PRESENTED: f64 = 0.6;
/// A kind of pictures of which nothing was sent for so long takes nothing.
const ACTIVE: Duration = Duration::from_secs(1);
/// A run of pieces waits for its turn no longer than this.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often encoders are told what they may take.
const BUDGET_EVERY: Duration = Duration::from_millis(50);
/// How often padding is looked for, while more would be wanted than is known to fit, and how much a body of it has.
const PAD_EVERY: Duration = Duration::from_millis(5);
const PADDING: usize = 1_100;
/// How often the relay's clock is asked; it also keeps the path open.
const TIME_EVERY: Duration = Duration::from_secs(1);
/// To the relay and back, until it is known.
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// The sending thread's ends.
pub(super) struct Sending {
    /// For rare orders.
    pub orders: Teller,
    /// For the microphone's thread.
    pub audio: Producer<'static, AudioOut>,
}

/// Starts the sending thread.
pub(super) fn start(
    outbox: Arc<Outbox>,
    (gate, sound): (GateHandle, Arc<SoundSwitch>),
    switches: [Arc<CameraSwitch>; 2],
    bitrates: [Bitrate; 2],
    (stats, gauges): (Arc<Stats>, Arc<Gauges>),
    watch: &Watch,
    clock: Clock,
) -> std::io::Result<Sending> {
    let (audio, incoming) = ring::<AudioOut, AUDIO_RING>();
    let orders = Arc::new(Waiting::default());
    let teller = Teller::new(orders.clone(), outbox.clone());
    let sender = Sender {
        outbox: outbox.clone(),
        gate,
        sound,
        choice: SoundChoice::default(),
        switches,
        bitrates,
        stats,
        gauges,
        clock,
        orders,
        incoming,
        link: None,
        streams: None,
        sent: PictureKind::ALL.map(|_| Sent::new()),
        repairer: Repairer::new(),
        protections: Default::default(),
        shaper: new_shaper(clock.now()),
        sent_at: [None; 2],
        numbers: [None; 2],
        budget_due: Time::ZERO,
        time_due: Time::ZERO,
        woken: false,
        small: [0; MAX_DATAGRAM],
        batch: Box::new([0; BATCH_BYTES]),
    };
    outbox.set_sender(watch.spawn("send", move || sender.run())?);
    Ok(Sending { orders: teller, audio })
}

/// The most pieces of one call: the kernel's limit is 64 KiB.
const BATCH: usize = 32;
const BATCH_BYTES: usize = BATCH * MAX_DATAGRAM;

struct Sender {
    outbox: Arc<Outbox>,
    gate: GateHandle,
    /// Which layers of sound are wanted, and made.
    sound: Arc<SoundSwitch>,
    /// What the way to the relay carries of them.
    choice: SoundChoice,
    /// Of each kind of pictures.
    switches: [Arc<CameraSwitch>; 2],
    /// What each kind takes at most.
    bitrates: [Bitrate; 2],
    stats: Arc<Stats>,
    gauges: Arc<Gauges>,
    clock: Clock,
    orders: Arc<Waiting>,
    incoming: Consumer<'static, AudioOut>,
    link: Option<SendingLink>,
    streams: Option<Packetizers>,
    /// Of each kind of pictures.
    sent: [Sent; 2],
    repairer: Repairer,
    /// Of each kind: how much of it is repaired.
    protections: [Protection; 2],
    shaper: Shaper,
    /// When the last picture of each kind left.
    sent_at: [Option<Time>; 2],
    /// The number of the last picture of each kind that left.
    numbers: [Option<u32>; 2],
    budget_due: Time,
    time_due: Time,
    /// It was parked, and woken perhaps, since the queues were looked at.
    woken: bool,
    /// One datagram of sound or control, which may leave while a batch waits for its turn.
    small: [u8; MAX_DATAGRAM],
    batch: Box<[u8; BATCH_BYTES]>,
}

/// Why what is left of a frame was not sent.
enum Unsent {
    NoLink,
    /// It may not leave any more, or waited for too long.
    Withdrawn,
}

struct Packetizers {
    streams: Streams,
    audio: Packetizer,
    /// Of each kind. Frames are numbered by who makes them, so that numbers go on after a break.
    pictures: [Packetizer; 2],
}

impl Packetizers {
    fn new(streams: Streams) -> Packetizers {
        let camera = Packetizer::video(streams.video);
        let presentation = Packetizer::presentation(streams.presentation);
        Packetizers { streams, audio: Packetizer::audio(streams.audio), pictures: [camera, presentation] }
    }
}

impl Sender {
    fn run(mut self) {
        realtime::raise_this_thread_or_say(Priority::Network);
        loop {
            let orders = self.orders.take();
            if orders.over {
                return;
            }
            self.obey(orders);
            self.send_audio();
            self.send_small();
            self.tell_budgets();
            let pads = self.send_padding();
            PictureKind::ALL.into_iter().for_each(|kind| self.send_frames(kind));
            // What was waited for in between may have taken the call that something else waits.
            if std::mem::take(&mut self.woken) {
                continue;
            }
            let rest = self.time_due.since(self.clock.now()).min(if pads { PAD_EVERY } else { BUDGET_EVERY });
            thread::park_timeout(rest.max(Duration::from_millis(1)));
        }
    }

    fn obey(&mut self, orders: Orders) {
        if orders.forget {
            self.sound.forget();
            self.sent.iter_mut().for_each(Sent::clear);
        }
        if let Some(streams) = orders.streams {
            self.streams = streams.map(Packetizers::new);
            self.begin_anew();
        }
        if let Some(link) = orders.link {
            self.link = link;
            self.time_due = Time::ZERO;
            self.begin_anew();
            self.sound.make(self.sound.wanted());
            self.sent_at = [None; 2];
            self.protections = Default::default();
        }
    }

    /// Nothing is known of the way up: it is another one, or carried nothing but a packet a second, whose delays say little and
    /// whose rate is no path's.
    fn begin_anew(&mut self) {
        self.shaper = new_shaper(self.clock.now());
        self.choice = SoundChoice::default();
        self.budget_due = Time::ZERO;
        self.gauges.set_up(None);
        self.switches.iter().for_each(|switch| switch.set_budget(None));
    }

    fn send_audio(&mut self) {
        while let Some(period) = self.incoming.dequeue() {
            let (Some((socket, sealer)), Some(streams)) = (&mut self.link, &mut self.streams) else {
                continue;
            };
            let mut samples = [0; pcm::FRAME_BYTES];
            let (payload, spatial) = match &period.sound {
                SoundOut::Plain(plain) => {
                    pcm::to_bytes(plain, &mut samples);
                    (&samples[..], PCM_LAYER)
                }
                SoundOut::Coded(payload) => (&payload[..], CODED_LAYER),
            };
            let layer = Layer { spatial, temporal: 0 };
            let info = FrameInfo { layer, ..FrameInfo::audio(period.captured, period.level) };
            let Ok(pieces) = streams.audio.frame_numbered(period.number, payload, info) else { continue };
            let Ok(len) = pieces.write(0, &mut self.small[HOP_HEADER..HOP_HEADER + MAX_BODY]) else {
                continue;
            };
            let number = sealer.next_packet();
            let len = sealer.seal(&mut self.small, len);
            // The last word at the socket: nothing queued before a mute leaves after it.
            let (gate, sealed) = (&self.gate, &self.small[..len]);
            let valid = || gate.still_valid(period.ticket);
            if !self.outbox.pass_sound(valid, || socket.send(sealed, len)) {
                self.stats.audio_withdrawn.one();
                continue;
            }
            let (size, now) = (at_ip(len), self.clock.now());
            self.shaper.charge(size, now);
            self.shaper.handle_sent(number, size, now);
            self.stats.audio_sent.one();
            self.stats.audio_coded_sent.add(u64::from(matches!(period.sound, SoundOut::Coded(_))));
            self.count(1, len);
        }
    }

    fn send_small(&mut self) {
        while let Some(report) = self.outbox.pop_told() {
            if let Err(error) = self.shaper.handle_feedback(&report, self.clock.now()) {
                log::debug!("the relay's report is not believed: {error:?}");
            }
        }
        while let Some(report) = self.outbox.pop_report() {
            self.send_body(|body| report.emit(body));
        }
        if let Some(view) = self.outbox.take_view() {
            self.send_body(|body| view.emit(body));
        }
        while let Some(request) = self.outbox.pop_request() {
            self.send_body(|body| request.emit(body));
        }
        while let Some(nack) = self.outbox.pop_nack() {
            self.send_body(|body| nack.emit(body));
        }
        self.send_again();
        let now = self.clock.now();
        if now >= self.time_due {
            self.time_due = now + TIME_EVERY;
            self.send_body(|body| TimeRequest { sent: now }.emit(body));
        }
    }

    /// Sends what others miss again, before all pictures that wait.
    fn send_again(&mut self) {
        while let Some(nack) = self.outbox.pop_nacked() {
            let Sender { link, streams, sent, switches, shaper, small, stats, .. } = self;
            let (Some((socket, sealer)), Some(streams)) = (link, streams) else { continue };
            let Some(kind) = kind_of(&streams.streams, nack.stream) else { continue };
            let now = self.clock.now();
            let round_trip = shaper.estimator().round_trip().unwrap_or(ROUND_TRIP);
            let count =
                sent[kind as usize].answer(&nack, &switches[kind as usize], round_trip, now, |body| {
                    small[HOP_HEADER..HOP_HEADER + body.len()].copy_from_slice(body);
                    let number = sealer.next_packet();
                    let len = sealer.seal(small, body.len());
                    socket.send(&small[..len], len);
                    shaper.charge(at_ip(len), now);
                    shaper.handle_sent(number, at_ip(len), now);
                    stats.datagrams_sent.one();
                    stats.bytes_sent.add(len as u64);
                });
            stats.of(kind).pieces_sent_again.add(count);
        }
    }

    fn send_body(&mut self, emit: impl FnOnce(&mut [u8]) -> Result<usize, vestibule_common::wire::Error>) {
        let Some((socket, sealer)) = &mut self.link else { return };
        let Ok(len) = emit(&mut self.small[HOP_HEADER..HOP_HEADER + MAX_BODY]) else { return };
        let number = sealer.next_packet();
        let len = sealer.seal(&mut self.small, len);
        socket.send(&self.small[..len], len);
        let (size, now) = (at_ip(len), self.clock.now());
        self.shaper.charge(size, now);
        self.shaper.handle_sent(number, size, now);
        self.count(1, len);
    }

    /// Tells the encoders what they may take.
    fn tell_budgets(&mut self) {
        let now = self.clock.now();
        self.shaper.handle_timeout(now);
        if now < self.budget_due || self.link.is_none() {
            return;
        }
        self.budget_due = now + BUDGET_EVERY;
        let [camera, presentation] = PictureKind::ALL.map(|kind| {
            let sent = self.sent_at[kind as usize];
            sent.is_some_and(|at| now.since(at) < ACTIVE)
        });
        let waiting = PictureKind::ALL.map(|kind| self.outbox.waiting(kind));
        let budget = self.shaper.picture_budget(waiting[0] + waiting[1], now).as_bps() as f64 * PAYLOAD;
        let presented = if camera { budget * PRESENTED } else { budget };
        let rest = if presentation { budget - budget * PRESENTED } else { budget };
        let (loss, round_trip) = (self.shaper.estimator().loss(), self.shaper.estimator().round_trip());
        let kinds = self.switches.iter().zip(&mut self.protections);
        for ((switch, protection), budget) in kinds.zip([rest, presented]) {
            protection.set_way_up(loss, round_trip);
            let repaired = protection.share();
            switch.set_repaired(repaired);
            switch.set_budget(Some(Bitrate::bps((budget * (1.0 - repaired)) as u64)));
        }
        let camera = &self.switches[PictureKind::Camera as usize];
        let [bound, bound_presented] = self.bitrates.map(Bitrate::as_bps);
        // What others want of the camera, or all that its largest layer may take.
        let wished: Option<u64> =
            camera.wishes().layers.map(|layers| layers.iter().map(|wish| wish.cap.as_bps().min(bound)).sum());
        let most = bound.max(wished.unwrap_or(0)) as f64 / PAYLOAD;
        let most = if presentation { most + bound_presented as f64 / PAYLOAD } else { most };
        let wanted = (most + BESIDE.as_bps() as f64) * HEADROOM;
        self.shaper.estimator_mut().set_wanted(Bitrate::bps(wanted as u64));
        let estimator = self.shaper.estimator();
        let left = 1.0 - self.protections[PictureKind::Camera as usize].share();
        let bound = (bound as f64 * left) as u64;
        let sends = self.streams.is_some() && camera.may_send();
        let pictures = if sends { wished.unwrap_or(bound) } else { 0 };
        let presented = if presentation { bound_presented } else { 0 };
        let needs = SoundNeeds {
            estimate: estimator.estimate(),
            fates: estimator.fates(),
            sounds: 1,
            pictures: Bitrate::bps(((pictures + presented) as f64 / PAYLOAD) as u64),
        };
        // While no sound leaves, the way proves nothing, and fails at nothing.
        if self.streams.is_some() {
            self.choice.handle(needs, now);
        }
        self.sound.make(self.sound.wanted().made(&self.choice));
        let allotment = self.shaper.picture_budget(DataSize::default(), now);
        let short = sends && rest * left < wished.unwrap_or(bound) as f64;
        self.gauges.set_up(Some(Up::of(estimator, allotment, short, now)));
    }

    /// Fills up what is sent to what is thought to fit, to learn whether more would. Whether there may be more to do.
    fn send_padding(&mut self) -> bool {
        let (size, now) = (at_ip(HOP_HEADER + PADDING + TAG), self.clock.now());
        // Without pictures nothing would use it.
        let active = self.sent_at.iter().flatten().any(|at| now.since(*at) < ACTIVE);
        if self.link.is_none() || !active {
            return false;
        }
        if self.shaper.takes_padding(size, now) {
            self.send_body(|body| {
                PathProbe { kind: Kind::Probe, token: 0 }.emit(body)?;
                body[PathProbe::LEN..PADDING].fill(0);
                Ok(PADDING)
            });
        }
        self.shaper.estimator().wants_padding(now)
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
        // What was on its way here as the last other room left goes to nobody.
        if self.streams.is_none() || !self.switches[kind as usize].still_valid(frame.ticket) {
            return self.withdraw(frame);
        }
        let now = self.clock.now();
        // Already while it waits it takes its part of the budget.
        self.sent_at[kind as usize] = Some(now);
        self.tell_budgets();
        let stages = StageTimes {
            captured_to_encoded_us: micros(frame.encoded.since(frame.captured)),
            encoded_to_sent_us: micros(now.since(frame.encoded)),
            relayed_us: 0,
            captured_to_taken_us: Some(micros(frame.taken.since(frame.captured))),
            way_to_relay_us: self.shaper.estimator().round_trip().map(|time| micros(time / 2)),
        };
        let Some(streams) = &mut self.streams else { return };
        let info = FrameInfo {
            layer: frame.layer.wire(),
            reference_distance: frame.reference_distance,
            ..FrameInfo::video(frame.captured, frame.keyframe, Some(stages))
        };
        let demanded = self.switches[kind as usize].wishes().repairs(frame.layer);
        let mut packetizer = streams.pictures[kind as usize].clone();
        if self.protections[kind as usize].loss(demanded) > 0.0 {
            packetizer = packetizer.with_repair_room();
        }
        let pieces = match packetizer.frame_numbered(frame.number, &frame.bytes, info) {
            Ok(pieces) => pieces,
            Err(error) => {
                log::debug!("a picture was not sent: {error}");
                self.outbox.want_keyframe(kind, frame.layer);
                return;
            }
        };
        let size = match self.send_run(frame, pieces.count(), |piece, room| pieces.write(piece, room)) {
            Ok(size) => size,
            Err(Unsent::NoLink) => return,
            Err(Unsent::Withdrawn) => return self.withdraw(frame),
        };
        self.stats.of(kind).frames_sent.one();
        if kind == PictureKind::Camera {
            self.stats.sent(frame.layer).one();
        }
        // The layers of a picture have one number and come one after the other.
        if self.numbers[kind as usize].replace(frame.number) != Some(frame.number) {
            self.stats.of(kind).pictures_sent.one();
        }
        let (repairs, len) = self.repairs(&pieces, kind, demanded);
        let count = repairs.len().checked_div(len).unwrap_or(0);
        // What is not sent of them is not missed unless pieces are.
        let repaired = self.send_run(frame, count as u16, |repair, room| {
            let repair = &repairs[usize::from(repair) * len..][..len];
            room[..len].copy_from_slice(repair);
            Ok(len)
        });
        if repaired.is_ok() {
            self.stats.of(kind).repairs_sent.add(count as u64);
        }
        self.protections[kind as usize].handle_frame(size, repaired.unwrap_or_default());
    }

    /// The bodies of a frame's repairs, one behind the other, and the length of each.
    fn repairs(&mut self, pieces: &Pieces<'_>, kind: PictureKind, demanded: u8) -> (Vec<u8>, usize) {
        let count = self.protections[kind as usize].repairs(pieces.count(), demanded);
        let (mut bodies, mut each) = (Vec::new(), 0);
        if count == 0 {
            return (bodies, each);
        }
        let repairs = match self.repairer.protect(pieces, count) {
            Ok(repairs) => repairs,
            Err(error) => {
                log::debug!("a picture goes without repairs: {error}");
                return (bodies, each);
            }
        };
        let mut body = [0; MAX_BODY];
        for repair in 0..repairs.count() {
            let Ok(len) = repairs.write(repair, &mut body) else { break };
            each = len;
            bodies.extend_from_slice(&body[..len]);
        }
        (bodies, each)
    }

    /// Sends `count` bodies of a frame, all of one length but the last, as `write` writes them. How much that was, at IP level.
    fn send_run(
        &mut self,
        frame: &VideoOut,
        count: u16,
        write: impl Fn(u16, &mut [u8]) -> Result<usize, vestibule_common::wire::Error>,
    ) -> Result<DataSize, Unsent> {
        let kind = frame.kind;
        let mut size = DataSize::default();
        let mut index = 0;
        while index < count {
            if kind == PictureKind::Presentation {
                self.send_frames(PictureKind::Camera);
            }
            let Some((socket, _)) = &self.link else { return Err(Unsent::NoLink) };
            let socket = socket.clone();
            // No more at once than may leave at once, but for the first.
            let burst = self.shaper.burst().as_bytes() / MAX_DATAGRAM as u64;
            let batch = socket.max_segments().min(BATCH).min(burst.max(1) as usize) as u16;
            let batch = batch.min(count - index);
            let (mut end, mut segment) = (0, 0);
            for piece in index..index + batch {
                let room = &mut self.batch[end..end + MAX_DATAGRAM];
                let Ok(len) = write(piece, &mut room[HOP_HEADER..HOP_HEADER + MAX_BODY]) else {
                    return Err(Unsent::Withdrawn);
                };
                let len = HOP_HEADER + len + TAG;
                segment = segment.max(len);
                end += len;
            }
            let at_ip_level = DataSize::bytes(end as u64 + u64::from(batch) * IP_UDP.as_bytes());
            if !self.wait_for(at_ip_level) {
                return Err(Unsent::Withdrawn);
            }
            size += at_ip_level;
            // Sealed only now: what left meanwhile has the lower numbers.
            let Some((_, sealer)) = &mut self.link else { return Err(Unsent::NoLink) };
            let (first, now) = (sealer.next_packet(), self.clock.now());
            for at in (0..end).step_by(segment) {
                let datagram = &mut self.batch[at..end.min(at + segment)];
                let body = datagram.len() - HOP_HEADER - TAG;
                let plain = &datagram[HOP_HEADER..HOP_HEADER + body];
                self.sent[kind as usize].remember(plain, frame.ticket, now);
                sealer.seal(datagram, body);
            }
            // The last word at the socket: nothing captured before "camera off" leaves after it.
            let batch_bytes = &self.batch[..end];
            if !self.switches[kind as usize].pass(frame.ticket, || socket.send(batch_bytes, segment)) {
                self.sent[kind as usize].clear();
                return Err(Unsent::Withdrawn);
            }
            let now = self.clock.now();
            for (number, at) in (first..).zip((0..end).step_by(segment)) {
                self.shaper.handle_sent(number, at_ip(segment.min(end - at)), now);
            }
            self.count(u64::from(batch), end);
            index += batch;
        }
        Ok(size)
    }

    /// What took a picture is off by now; the next one must not refer to it.
    fn withdraw(&self, frame: &VideoOut) {
        self.stats.of(frame.kind).frames_unsent.one();
        self.outbox.want_keyframe(frame.kind, frame.layer);
    }

    /// Waits until the budget allows `size` bytes. Sound and small bodies do not wait with it, nor do orders. `false` when it
    /// is not worth waiting for any longer: sound may need all that there is.
    fn wait_for(&mut self, size: DataSize) -> bool {
        let began = self.clock.now();
        loop {
            self.send_audio();
            self.send_small();
            self.tell_budgets();
            let now = self.clock.now();
            if self.orders.any() || now.since(began) > PATIENCE {
                return false;
            }
            match self.shaper.poll(size, now) {
                Permit::Now => return true,
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

fn new_shaper(now: Time) -> Shaper {
    Shaper::new(EstimatorConfig { initial: INITIAL, ..EstimatorConfig::default() }, now)
}

/// A datagram's size at IP level.
fn at_ip(len: usize) -> DataSize {
    DataSize::bytes(len as u64) + IP_UDP
}

fn micros(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}

const _: () = assert!(MAX_DATAGRAM == HOP_HEADER + MAX_BODY + TAG);

#[cfg(test)]
mod tests;
