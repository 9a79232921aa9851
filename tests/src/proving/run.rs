//! Runs a case: sources, flows, TCP and links in one virtual time.

use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::{Bitrate, DataSize};

use super::case::{Case, FlowPlan};
use super::cross::Cross;
use super::flow::{Flow, Packet};
use crate::world::{Ack, Dice, Link, SEGMENT, Segment, Source, SourceConfig};

/// A source's bounds, at IP level (ns3-rmcat).
pub const SOURCE: (Bitrate, Bitrate) = (Bitrate::kbps(150), Bitrate::kbps(1500));
/// Where every sender begins.
pub const INITIAL: Bitrate = Bitrate::kbps(300);
/// How often a queue is looked at.
pub const LOOK: Duration = Duration::from_millis(10);
/// An acknowledgement at IP level.
pub(super) const ACK: DataSize = DataSize::bytes(40);
/// A source that rested for so long begins anew, with a keyframe.
const RESTED: Duration = Duration::from_secs(1);

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Of each media flow, the bytes of media that arrived in each second, at IP level.
    pub media: Vec<Vec<u64>>,
    /// Of each media flow, packets sent and arrived.
    pub packets: Vec<(u64, u64)>,
    /// TCP senders at work in each second, on average.
    pub tcp_active: Vec<f64>,
    /// Of each bottleneck, its queue at each look, in milliseconds.
    pub queues: Vec<Vec<f64>>,
}

/// What goes over links.
#[derive(Clone, Debug)]
enum Load {
    Media(Packet),
    Report(Packet),
    Segment(u64, Segment),
    Ack(u64, Ack),
}

#[derive(Clone, Debug)]
struct Routed {
    /// Index among the media flows, or among the TCP senders.
    of: usize,
    /// How many links it has passed.
    passed: usize,
    load: Load,
}

/// A media flow with its source.
struct Media<'a> {
    plan: &'a FlowPlan,
    flow: Box<dyn Flow>,
    source: Option<Source>,
    /// What frames became on the wire: IP bytes and payload bytes, both forgetting.
    grown: (f64, f64),
}

/// Runs a case with the flows that `make` makes of their plans. `watch` is shown them at each look.
pub fn run(
    case: &Case,
    seed: u64,
    make: &dyn Fn(&FlowPlan) -> Box<dyn Flow>,
    mut watch: impl FnMut(Time, usize, &dyn Flow),
) -> Record {
    let mut world = World::new(case, seed, make);
    let end = Time::from_millis(case.seconds * 1000);
    let mut look = Time::ZERO;
    while world.now < end {
        world.deliver();
        world.make_frames();
        world.send();
        if world.now >= look {
            world.look();
            for (n, media) in world.media.iter().enumerate() {
                watch(world.now, n, media.flow.as_ref());
            }
            look += LOOK;
        }
        let next = world.poll_timeout().unwrap_or(end).min(look);
        // A timer that is due again at once must not hold time up.
        world.now = next.max(world.now + Duration::from_micros(1));
    }
    world.record
}

struct World<'a> {
    case: &'a Case,
    seed: u64,
    now: Time,
    links: Vec<Link<Routed>>,
    media: Vec<Media<'a>>,
    tcp: Vec<Cross>,
    dice: Dice,
    record: Record,
}

impl<'a> World<'a> {
    fn new(case: &'a Case, seed: u64, make: &dyn Fn(&FlowPlan) -> Box<dyn Flow>) -> World<'a> {
        let link = |(n, link): (usize, &crate::world::LinkConfig)| Link::new(link.clone(), seed, n as u64);
        let media = |plan: &'a FlowPlan| Media { plan, flow: make(plan), source: None, grown: (1.0, 1.0) };
        let seconds = case.seconds as usize;
        World {
            links: case.links.iter().enumerate().map(link).collect(),
            media: case.flows.iter().map(media).collect(),
            tcp: case.tcp.iter().zip(500..).map(|(plan, what)| Cross::new(plan.short, seed, what)).collect(),
            dice: Dice::new(seed, 999),
            now: Time::ZERO,
            record: Record {
                media: vec![vec![0; seconds]; case.flows.len()],
                packets: vec![(0, 0); case.flows.len()],
                tcp_active: vec![0.0; seconds],
                queues: vec![Vec::new(); case.bottlenecks.len()],
            },
            case,
            seed,
        }
    }

    fn second(&self) -> usize {
        (self.now.as_micros() / 1_000_000) as usize
    }

    /// Hands on what has reached the end of a link.
    fn deliver(&mut self) {
        for n in 0..self.links.len() {
            while let Some(arrival) = self.links[n].next_arrival(self.now) {
                let mut routed = arrival.packet;
                routed.passed += 1;
                match way(self.case, &routed).get(routed.passed) {
                    Some(next) => self.links[*next].send(routed, arrival.size, self.now),
                    None => self.arrive(routed, arrival.marked),
                }
            }
        }
    }

    fn arrive(&mut self, Routed { of, load, .. }: Routed, marked: bool) {
        let (now, second) = (self.now, self.second());
        match load {
            Load::Media(packet) => {
                if let Some(bytes) = self.record.media[of].get_mut(second) {
                    *bytes += packet.media.as_bytes();
                }
                self.record.packets[of].1 += 1;
                self.media[of].flow.handle_packet(packet, marked, now);
            }
            Load::Report(packet) => self.media[of].flow.handle_report(packet, now),
            Load::Segment(file, segment) => {
                if let Some(ack) = self.tcp[of].handle_segment(file, segment) {
                    self.dispatch(Routed { of, passed: 0, load: Load::Ack(file, ack) }, ACK);
                }
            }
            Load::Ack(file, ack) => self.tcp[of].handle_ack(file, ack, now),
        }
    }

    /// Sends into the first link.
    fn dispatch(&mut self, routed: Routed, size: DataSize) {
        let first = way(self.case, &routed)[0];
        self.links[first].send(routed, size, self.now);
    }

    fn make_frames(&mut self) {
        for (n, media) in self.media.iter_mut().enumerate() {
            if !media.plan.is_active(self.now) {
                continue;
            }
            let (now, seed) = (self.now, self.seed);
            let config = SourceConfig { smallest: Bitrate::kbps(100), ..SourceConfig::default() };
            if media.source.as_ref().is_none_or(|source| now.since(source.poll_timeout()) > RESTED) {
                let phase = Duration::from_secs_f64(self.dice.unit()) / config.rate;
                media.source = Some(Source::new(config, now + phase, seed, 100 + n as u64));
            }
            let Some(source) = &mut media.source else { continue };
            let target = media.flow.target().clamp(SOURCE.0, SOURCE.1).as_bps() as f64;
            let (ip, payload) = media.grown;
            source.set_target(Bitrate::bps((target * payload / ip) as u64));
            while let Some(frame) = source.next_frame(now) {
                media.grown = (ip * 0.98, payload * 0.98 + frame.size.as_bytes() as f64);
                media.flow.handle_frame(frame, now);
            }
        }
    }

    fn send(&mut self) {
        for of in 0..self.media.len() {
            self.media[of].flow.handle_timeout(self.now);
            while let Some(packet) = self.media[of].flow.next_packet(self.now) {
                let size = packet.size;
                self.media[of].grown.0 += packet.media.as_bytes() as f64;
                self.record.packets[of].0 += 1;
                self.dispatch(Routed { of, passed: 0, load: Load::Media(packet) }, size);
            }
            while let Some(report) = self.media[of].flow.next_report(self.now) {
                let size = report.size;
                self.dispatch(Routed { of, passed: 0, load: Load::Report(report) }, size);
            }
        }
        for of in 0..self.tcp.len() {
            while let Some((file, segment)) = self.tcp[of].next_segment(self.now) {
                self.dispatch(Routed { of, passed: 0, load: Load::Segment(file, segment) }, SEGMENT);
            }
        }
    }

    fn look(&mut self) {
        for (queue, link) in self.record.queues.iter_mut().zip(&self.case.bottlenecks) {
            queue.push(self.links[*link].waits(self.now).as_secs_f64() * 1000.0);
        }
        let active = self.tcp.iter().filter(|tcp| tcp.is_active()).count() as f64;
        let second = self.second();
        self.record.tcp_active[second] += active * LOOK.as_secs_f64();
    }

    fn poll_timeout(&self) -> Option<Time> {
        let links = self.links.iter().filter_map(Link::poll_timeout);
        let flows = self.media.iter().filter_map(|media| media.flow.poll_timeout());
        let sources = self.media.iter().filter(|media| media.plan.is_active(self.now));
        let sources = sources.filter_map(|media| media.source.as_ref()).map(Source::poll_timeout);
        let tcp = self.tcp.iter().filter_map(Cross::poll_timeout);
        links.chain(flows).chain(sources).chain(tcp).min()
    }
}

/// The links that something passes.
fn way<'a>(case: &'a Case, routed: &Routed) -> &'a [usize] {
    match routed.load {
        Load::Media(_) => &case.flows[routed.of].path,
        Load::Report(_) => &case.flows[routed.of].back,
        Load::Segment(..) => &case.tcp[routed.of].path,
        Load::Ack(..) => &case.tcp[routed.of].back,
    }
}
