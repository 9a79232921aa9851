//! The room that speaks: what the kiosk's threads `microphone`, `encode` and `send` do (`firmware-app/src/shell/media`), in virtual time.

use std::collections::VecDeque;

use vestibule_common::bandwidth::sound::periods_for;
use vestibule_common::bandwidth::{EstimatorConfig, Shaper, SoundChoice, SoundNeeds};
use vestibule_common::control::Streams;
use vestibule_common::media::voice::{CODED_LAYER, PCM_LAYER};
use vestibule_common::media::{FrameInfo, Packetizer, Permit, Protection, Repairer, Resend, ResendConfig};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};
use vestibule_common::wire::{
    Demand, Feedback, KeyframeRequest, Kind, MAX_BODY, Nack, PathProbe, TimeRequest,
};
use vestibule_kiosk::video::allowance::Allowance;
use vestibule_kiosk::video::ladder::{LayerIndex, LayerWish};
use vestibule_kiosk::video::plan::VideoWishes;

use super::encoder::{Encoder, Frame, RATE};
use super::hop::{HopEnd, copy};
use super::sound::Sound;

/// `send`'s figures.
const INITIAL: Bitrate = Bitrate::kbps(2_000);
const BESIDE: Bitrate = Bitrate::kbps(1_000);
const HEADROOM: f64 = 1.1;
const BOUND: Bitrate = Bitrate::kbps(1_500);
const BUDGET_EVERY: Duration = Duration::from_millis(50);
const PAD_EVERY: Duration = Duration::from_millis(5);
const PADDING: usize = 1_100;
const TIME_EVERY: Duration = Duration::from_secs(1);
const ROUND_TRIP: Duration = Duration::from_millis(50);
/// `wishes`'s.
const PAYLOAD: f64 = 0.92;
/// `encode`'s: while so much waits, no picture is encoded.
const LATE: Duration = Duration::from_millis(150);
/// `sent`'s.
const KEPT: ResendConfig =
    ResendConfig { max_bytes: 192 << 10, max_bodies: 768, max_age: Duration::from_millis(500) };
const PIECES: (u32, u32) = (200, 50);
/// A period of sound.
const PERIOD: Duration = Duration::from_millis(10);

/// The room.
pub(super) struct Sender {
    /// Its end of the way up.
    pub(super) hop: HopEnd,
    streams: Streams,
    repairs: bool,
    shaper: Shaper,
    encoder: Encoder,
    wishes: VideoWishes,
    packetizer: Packetizer,
    repairer: Repairer,
    /// Which layers of sound others want, the coded one with so many repeats and in frames of so many periods.
    heard: (bool, Option<(u8, u8)>),
    /// What the way up carries of it.
    choice: SoundChoice,
    protection: Protection,
    resend: Resend,
    allowance: Allowance,
    /// When which rate of pictures was sent in the layer of the most, each once it changed.
    pub(super) rates: Vec<(Time, u32)>,
    /// Pieces that wait for their turn.
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: DataSize,
    period_due: Time,
    pictures: u64,
    picture_due: Time,
    begin: Time,
    budget_due: Time,
    pad_due: Time,
    time_due: Time,
}

impl Sender {
    /// A room whose devices begin at `begin`.
    pub(super) fn new(number: u8, streams: Streams, repairs: bool, begin: Time, seed: u64) -> Sender {
        Sender {
            hop: HopEnd::new(number),
            streams,
            repairs,
            shaper: Shaper::new(EstimatorConfig { initial: INITIAL, ..EstimatorConfig::default() }, begin),
            encoder: Encoder::new(seed),
            wishes: VideoWishes::default(),
            packetizer: Packetizer::video(streams.video),
            repairer: Repairer::new(),
            heard: (true, None),
            choice: SoundChoice::default(),
            protection: Protection::default(),
            resend: Resend::new(KEPT),
            allowance: Allowance::new(PIECES.0, PIECES.1),
            rates: Vec::new(),
            waiting: VecDeque::new(),
            waiting_bytes: DataSize::default(),
            period_due: begin,
            pictures: 0,
            picture_due: begin,
            begin,
            budget_due: begin,
            pad_due: begin,
            time_due: begin,
        }
    }

    /// A datagram of the relay's came.
    pub(super) fn handle_datagram(&mut self, datagram: &mut [u8], sound: &mut dyn Sound, now: Time) {
        let Some(body) = self.hop.open(datagram, now) else { return };
        match Kind::of(&body) {
            Ok(Kind::Feedback) => {
                let report = Feedback::parse(&body).expect("the relay writes it");
                self.shaper.handle_feedback(&report, now).expect("an honest relay is believed");
            }
            Ok(Kind::Demand) => {
                self.handle_demand(&Demand::parse(&body).expect("the relay writes it"), sound)
            }
            Ok(Kind::KeyframeRequest) => {
                let request = KeyframeRequest::parse(&body).expect("the relay writes it");
                self.encoder.want_keyframe(request.spatial);
            }
            Ok(Kind::Nack) => self.send_again(&Nack::parse(&body).expect("the relay writes it"), now),
            Ok(_) | Err(_) => {}
        }
    }

    fn handle_demand(&mut self, demand: &Demand, sound: &mut dyn Sound) {
        let share = self.protection.share();
        let pictures = demand.layers.iter().filter(|layer| layer.stream == self.streams.video);
        let wish = |layer: &vestibule_common::wire::Demanded| {
            let cap = Bitrate::bps((layer.cap.as_bps() as f64 * PAYLOAD * (1.0 - share)) as u64);
            let repairs = if self.repairs { layer.repairs } else { 0 };
            let layer = LayerIndex::of(layer.spatial)?;
            let least = vestibule_common::media::ladder::CAMERA[layer.index()].least;
            Some(LayerWish { layer, cap: cap.max(least), repairs })
        };
        self.wishes.layers = Some(pictures.filter_map(wish).collect());
        let heard = |layer: u8| {
            let mut heard = demand.layers.iter().filter(|demanded| demanded.stream == self.streams.audio);
            heard.find(|demanded| demanded.spatial == layer)
        };
        let coded = heard(CODED_LAYER).map(|layer| (layer.repairs, periods_for(layer.cap, layer.repairs)));
        self.heard = (heard(PCM_LAYER).is_some(), coded);
        self.choose_sound(sound);
    }

    /// What others want of the sound, and what the way up carries of it.
    fn choose_sound(&self, sound: &mut dyn Sound) {
        let (plain, coded) = self.heard;
        // As `send` does.
        let coded = coded.or(self.choice.is_coded().then_some((0, 1))).map(|(repeats, periods)| {
            let own = periods_for(self.choice.coded_cap(), self.choice.repeats());
            (repeats.max(self.choice.repeats()), periods.max(own))
        });
        sound.want(plain && !self.choice.is_coded(), coded);
    }

    fn send_again(&mut self, nack: &Nack, now: Time) {
        let round_trip = self.shaper.estimator().round_trip().unwrap_or(ROUND_TRIP);
        let mut answer = self.resend.answer(nack, round_trip, now);
        while let Some(body) = answer.next_body() {
            if !self.allowance.take(now) {
                break;
            }
            let (number, size) = self.hop.send(copy(body));
            self.shaper.charge(size, now);
            self.shaper.handle_sent(number, size, now);
        }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, sound: &mut dyn Sound, now: Time) {
        while self.period_due <= now {
            for body in sound.capture(self.period_due) {
                self.send_small(copy(&body), now);
            }
            self.period_due += PERIOD;
        }
        while let Some(report) = self.hop.next_report(now) {
            self.send_small(|out| report.emit(out), now);
        }
        if self.time_due <= now {
            self.time_due = now + TIME_EVERY;
            self.send_small(|out| TimeRequest { sent: now }.emit(out), now);
        }
        self.shaper.handle_timeout(now);
        if self.budget_due <= now {
            self.budget_due = now + BUDGET_EVERY;
            self.tell_budget(now);
            let estimator = self.shaper.estimator();
            let needs = SoundNeeds {
                estimate: estimator.estimate(),
                fates: estimator.fates(),
                sounds: 1,
                pictures: BOUND,
            };
            self.choice.handle(needs, now);
            self.choose_sound(sound);
        }
        while self.picture_due <= now {
            self.capture(self.picture_due, now);
            self.pictures += 1;
            self.picture_due = self.begin + Duration::from_secs(self.pictures) / RATE;
        }
        if self.pad_due <= now {
            self.pad_due = now + PAD_EVERY;
            self.pad(now);
        }
        self.release(now);
    }

    fn send_small(
        &mut self,
        emit: impl FnOnce(&mut [u8]) -> Result<usize, vestibule_common::wire::Error>,
        now: Time,
    ) {
        let (number, size) = self.hop.send(emit);
        self.shaper.charge(size, now);
        self.shaper.handle_sent(number, size, now);
    }

    fn tell_budget(&mut self, now: Time) {
        let estimator = self.shaper.estimator();
        if self.repairs {
            self.protection.set_way_up(estimator.loss(), estimator.round_trip());
        }
        let budget = self.shaper.picture_budget(self.waiting_bytes, now).as_bps() as f64 * PAYLOAD;
        let budget = budget * (1.0 - self.protection.share());
        self.wishes.budget = Some(Bitrate::bps(budget as u64));
        let wanted = (BOUND.as_bps() as f64 / PAYLOAD + BESIDE.as_bps() as f64) * HEADROOM;
        self.shaper.estimator_mut().set_wanted(Bitrate::bps(wanted as u64));
    }

    fn capture(&mut self, captured: Time, now: Time) {
        let budget = self.wishes.budget.unwrap_or(BOUND);
        if self.waiting_bytes > DataSize::default() && self.waiting_bytes.time_at(budget) > LATE {
            return;
        }
        let frames = self.encoder.capture(&self.wishes, captured);
        if let Some(rate) = frames.iter().map(|frame| frame.rate).max()
            && self.rates.last().is_none_or(|(_, last)| *last != rate)
        {
            self.rates.push((now, rate));
        }
        for frame in frames {
            self.queue(&frame, captured, now);
        }
    }

    fn queue(&mut self, frame: &Frame, captured: Time, _now: Time) {
        let info = FrameInfo {
            layer: frame.layer.wire(),
            reference_distance: frame.reference_distance,
            ..FrameInfo::video(captured, frame.keyframe, None)
        };
        let demanded = self.wishes.repairs(frame.layer);
        let protects = self.protection.loss(demanded) > 0.0;
        let packetizer =
            if protects { self.packetizer.clone().with_repair_room() } else { self.packetizer.clone() };
        let pieces = packetizer.frame_numbered(frame.number, &frame.bytes, info).expect("it has bytes");
        let count = self.protection.repairs(pieces.count(), demanded);
        let mut sizes = [DataSize::default(); 2];
        let mut body = [0; MAX_BODY];
        for piece in 0..pieces.count() {
            let len = pieces.write(piece, &mut body).expect("it fits a datagram");
            self.waiting.push_back(body[..len].to_vec());
            sizes[0] += HopEnd::size_of(&body[..len]);
        }
        let repairs =
            (count > 0).then(|| self.repairer.protect(&pieces, count).expect("its pieces leave room"));
        for repair in 0..count {
            let Some(repairs) = &repairs else { break };
            let len = repairs.write(repair, &mut body).expect("it fits a datagram");
            self.waiting.push_back(body[..len].to_vec());
            sizes[1] += HopEnd::size_of(&body[..len]);
        }
        self.protection.handle_frame(sizes[0], sizes[1]);
        self.waiting_bytes += sizes[0] + sizes[1];
    }

    fn release(&mut self, now: Time) {
        while let Some(body) = self.waiting.front() {
            let size = HopEnd::size_of(body);
            if self.shaper.poll(size, now) != Permit::Now {
                return;
            }
            let Some(body) = self.waiting.pop_front() else { return };
            self.waiting_bytes = DataSize::bytes(self.waiting_bytes.as_bytes() - size.as_bytes());
            self.resend.remember(&body, now);
            let (number, size) = self.hop.send(copy(&body));
            self.shaper.handle_sent(number, size, now);
        }
    }

    fn pad(&mut self, now: Time) {
        let size = HopEnd::size_of(&[0; PADDING]);
        if self.shaper.takes_padding(size, now) {
            let padding = |out: &mut [u8]| {
                PathProbe { kind: Kind::Probe, token: 0 }.emit(out)?;
                out[PathProbe::LEN..PADDING].fill(0);
                Ok(PADDING)
            };
            self.send_small(padding, now);
        }
    }
}
