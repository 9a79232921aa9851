//! A receiver that lies about what came, or asks for everything at once: what it gets stays bounded, and nobody else notices.

use vestibule_common::bandwidth::Arrivals;

use super::*;

/// How long a meeting takes.
const SPAN_MS: u32 = 6000;
/// The way from the relay to a kiosk; reports are there at once.
const WAY: Duration = Duration::from_millis(40);
/// The sender, whose layers all come all the time, and the one that is hostile.
const SENDER: usize = 0;
const HOSTILE: usize = 3;
/// Bytes of a second that a receiver gets at most at IP level, whatever it says: all that could be of use to it, a tenth more,
/// and the pieces that it may be sent again.
const MOST_BYTES: usize = ((1630 + 840) * 12 / 10 * 1000 / 8) + 150 * 1200;

/// What the hostile one sends at this millisecond, which has got packets up to the number `end`.
type Lie = fn(&World, end: u64, ms: u32) -> Vec<Vec<u8>>;

/// What came of a meeting.
#[derive(Default)]
struct Meeting {
    /// Sound and pictures of the others.
    others: [Vec<Vec<u8>>; 2],
    /// What the hostile one got in bytes at IP level, in each second.
    got: Vec<usize>,
    /// What the sender was told, and the least that it was to make of its largest layer.
    requests: usize,
    nacks: usize,
    demands: usize,
    least: Option<u64>,
    /// The most repairs that it was to make, of what the others get too.
    repairs: u8,
}

/// A kiosk that reports truly what came.
#[derive(Default)]
struct Honest {
    under_way: std::collections::VecDeque<(Time, u64)>,
    arrivals: Arrivals,
}

impl Honest {
    fn next_report(&mut self, now: Time) -> Option<Feedback> {
        while let Some((_, number)) = self.under_way.pop_front_if(|(at, _)| *at <= now) {
            self.arrivals.handle_arrival(number, Ecn::NotEct, now);
        }
        self.arrivals.next_report(now)
    }
}

fn written(emit: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut body = vec![0; MAX_BODY];
    let len = emit(&mut body);
    body.truncate(len);
    body
}

/// A report on packets in a row, all of which came so long before it, or none of which did.
fn says(first: u64, count: u64, reported: Time, age_ms: Option<u16>) -> Vec<u8> {
    let arrival = age_ms.map(|age| Arrival { ecn: Ecn::NotEct, age_quarter_ms: 4 * age });
    let arrivals = (0..count).map(|_| arrival).collect();
    written(|out| Feedback { first, reported, arrivals }.emit(out).unwrap())
}

fn never_sent(world: &World, end: u64, ms: u32) -> Vec<Vec<u8>> {
    let now = world.now;
    let all = [says(end, 500, now, Some(0)), says(u64::MAX - 5, 5, now, Some(0)), says(0, 512, now, Some(1))];
    all[(ms % 3) as usize..][..1].to_vec()
}

fn from_the_future(world: &World, end: u64, ms: u32) -> Vec<Vec<u8>> {
    vec![says(
        end.saturating_sub(20),
        20.min(end),
        world.now + Duration::from_secs(3600 * u64::from(ms)),
        Some(0),
    )]
}

fn going_backwards(world: &World, end: u64, ms: u32) -> Vec<Vec<u8>> {
    let back = world.now - Duration::from_millis(2 * u64::from(ms));
    vec![says(end.saturating_sub(20), 20.min(end), back, Some(0))]
}

/// All that was sent has come, and was there ever sooner.
fn all_at_once(world: &World, end: u64, ms: u32) -> Vec<Vec<u8>> {
    let age = (ms / 10).min(1500) as u16;
    vec![says(end.saturating_sub(100), 100.min(end), world.now, Some(age))]
}

fn nothing_came(world: &World, end: u64, _: u32) -> Vec<Vec<u8>> {
    vec![says(end.saturating_sub(100), 100.min(end), world.now, None)]
}

fn keyframes(world: &World, _: u64, ms: u32) -> Vec<Vec<u8>> {
    let stream = world.kiosks[SENDER].streams.video;
    let ask = |spatial: u32| {
        let request = KeyframeRequest { stream, spatial: ((ms + spatial) % 16) as u8 };
        written(|out| request.emit(out).unwrap())
    };
    (0..5).map(ask).collect()
}

fn nacks(world: &World, _: u64, ms: u32) -> Vec<Vec<u8>> {
    let stream = world.kiosks[SENDER].streams.video;
    let ask = |n: u32| {
        let pieces = if n == 0 { Default::default() } else { (0..256).collect() };
        let nack = Nack { stream, spatial: 3, frame: (ms / 33).wrapping_sub(n), pieces };
        written(|out| nack.emit(out).unwrap())
    };
    (0..5).map(ask).collect()
}

/// Everything, as large as it gets; nothing; what does not exist.
fn views(world: &World, _: u64, ms: u32) -> Vec<Vec<u8>> {
    let Streams { audio, video, presentation, .. } = world.kiosks[SENDER].streams;
    let everything =
        (0..32).flat_map(|n| [audio, video, presentation].map(|stream| StreamId(stream.0 + 10 * n)));
    let streams: Vec<StreamId> = match ms % 3 {
        0 => everything.collect(),
        1 => (0..96).map(StreamId).collect(),
        _ => vec![],
    };
    let streams = streams.into_iter().map(|stream| Viewed { stream, spatial: (ms % 16) as u8 }).collect();
    vec![written(|out| View { streams }.emit(out).unwrap())]
}

/// It shows the largest layer, and nothing, in turns.
fn shows_and_hides(world: &World, _: u64, ms: u32) -> Vec<Vec<u8>> {
    let video = world.kiosks[SENDER].streams.video;
    let shown = (ms / 100).is_multiple_of(2).then_some(Viewed { stream: video, spatial: 3 });
    let view = View { streams: shown.into_iter().collect() };
    if ms.is_multiple_of(100) { vec![written(|out| view.emit(out).unwrap())] } else { vec![] }
}

/// All layers of one picture.
fn send_picture(world: &mut World, frame: u32) {
    let stream = world.kiosks[SENDER].streams.video;
    for (spatial, pieces) in [(0, 1), (1, 2), (2, 3), (3, 5)] {
        for piece in 0..pieces {
            let mut body = media(Kind::Video, stream, frame, piece, pieces, 1000);
            let (mut header, _) = MediaHeader::parse(&body).unwrap();
            header.layer.spatial = spatial;
            header.flags.keyframe = frame.is_multiple_of(30);
            header.emit(&mut body).unwrap();
            world.send(SENDER, &body);
        }
    }
}

/// A sender and three receivers, the last of whom lies, if there is a lie. It tells the truth for a second first.
fn meet(lie: Option<Lie>) -> Meeting {
    meet_twisted(lie, |report| report)
}

/// The same; what the last one reports while it tells no lie is twisted.
fn meet_twisted(lie: Option<Lie>, twist: fn(Feedback) -> Feedback) -> Meeting {
    let mut world = World::new(4);
    let mut meeting = Meeting { got: vec![0; SPAN_MS as usize / 1000], ..Meeting::default() };
    let mut honest: [Honest; 4] = Default::default();
    let Streams { audio, video, .. } = world.kiosks[SENDER].streams;
    let mut end = 0;
    show(&mut world, SENDER, &[]);
    for ms in 0..SPAN_MS {
        let lies = lie.filter(|_| ms >= 1000);
        for (kiosk, honest) in honest.iter_mut().enumerate().skip(1) {
            let report = honest.next_report(world.now);
            if kiosk != HOSTILE || lies.is_none() {
                if ms % 500 == 0 {
                    show(&mut world, kiosk, &[(audio, 0), (video, 3)]);
                }
                let report = report.map(if kiosk == HOSTILE { twist } else { |report| report });
                if let Some(report) = report {
                    world.send(kiosk, &written(|out| report.emit(out).unwrap()));
                }
            }
        }
        for body in lies.map_or(vec![], |lie| lie(&world, end, ms)) {
            world.send(HOSTILE, &body);
        }
        if ms % 33 == 0 {
            send_picture(&mut world, ms / 33);
        }
        if ms % 10 == 0 {
            world.send_frame(SENDER, Kind::Audio, ms / 10, &[960]);
        }
        world.now += Duration::from_millis(1);
        world.forwarding.handle_timeout(world.now);
        for sent in world.drain() {
            let kiosk = world.kiosks.iter().position(|kiosk| kiosk.address == sent.to).unwrap();
            for segment in sent.segments {
                let mut bytes = segment.clone();
                let opened = world.kiosks[kiosk].opener.open(&mut bytes).unwrap();
                honest[kiosk].under_way.push_back((world.now + WAY, opened.packet));
                if kiosk == HOSTILE {
                    end = opened.packet + 1;
                    meeting.got[ms as usize / 1000] += segment.len() + 28;
                }
                meeting.take(kiosk, opened.body, video, ms);
            }
        }
    }
    assert_eq!(world.forwarding.counters().overflow, 0);
    meeting
}

impl Meeting {
    fn take(&mut self, kiosk: usize, body: &[u8], video: StreamId, ms: u32) {
        match (kiosk, Kind::of(body).unwrap()) {
            (SENDER, Kind::KeyframeRequest) => self.requests += 1,
            (SENDER, Kind::Nack) => self.nacks += 1,
            (SENDER, Kind::Demand) => {
                self.demands += 1;
                let demand = Demand::parse(body).unwrap();
                let largest = demand.layers.iter().find(|layer| layer.spatial == 3);
                let shared = demand.layers.iter().filter(|layer| layer.stream != video || layer.spatial == 3);
                self.repairs = shared.map(|layer| layer.repairs).max().unwrap_or(0).max(self.repairs);
                // By then it is known what the honest ones can take.
                if ms >= 3000 {
                    let cap = largest.map_or(0, |layer| layer.cap.as_bps());
                    self.least = Some(cap.min(self.least.unwrap_or(u64::MAX)));
                }
            }
            (1 | 2, Kind::Audio | Kind::Video | Kind::Presentation | Kind::Retransmission | Kind::Repair) => {
                self.others[kiosk - 1].push(body.to_vec());
            }
            _ => {}
        }
    }
}

#[test]
fn a_receiver_that_lies_or_floods_harms_itself_alone() {
    let peace = meet(None);
    assert!(peace.requests <= 2, "{}", peace.requests);
    assert!(peace.others.iter().all(|bodies| bodies.len() > 600 + 170 * 5), "sound and the largest layer");
    let lies: [(&str, Lie); 9] = [
        ("it acknowledges what was never sent", never_sent),
        ("arrivals come from the future", from_the_future),
        ("arrivals go backwards", going_backwards),
        ("all has come at once", all_at_once),
        ("nothing came", nothing_came),
        ("it asks for keyframes", keyframes),
        ("it asks for pieces", nacks),
        ("it shows everything", views),
        ("it shows and hides a picture", shows_and_hides),
    ];
    for (what, lie) in lies {
        let meeting = meet(Some(lie));
        assert!(meeting.others == peace.others, "{what}: the others get something else");
        let got = meeting.got.iter().max().unwrap();
        assert!(*got <= MOST_BYTES, "{what}: it gets {got} bytes in a second");
        // Four at once and one a second of the hostile one, and those with which the others begin.
        let most = 4 + SPAN_MS as usize / 1000 + peace.requests;
        assert!(meeting.requests <= most, "{what}: {} keyframes", meeting.requests);
        assert!(meeting.nacks <= 50 + 150 * SPAN_MS as usize / 1000, "{what}: {} nacks", meeting.nacks);
        assert!(meeting.demands <= 10 * SPAN_MS as usize / 1000 + 2, "{what}: {} demands", meeting.demands);
        assert!(meeting.repairs <= 1, "{what}: {} repairs", meeting.repairs);
        let least = meeting.least.unwrap();
        assert!(least >= 1_630_000 * 7 / 10, "{what}: the others' layer is made with {least} bit/s");
        println!(
            "{what}: {} {} {} {} {:?}",
            meeting.requests, meeting.nacks, meeting.demands, least, meeting.got
        );
    }
}

/// It reports that a third is lost, though there is no queue: that would be worth repairs, which all who get the layer would pay for.
#[test]
fn a_receiver_that_loses_much_costs_the_others_one_packet_a_picture() {
    let meeting = meet_twisted(None, |mut report| {
        let numbers = report.first..;
        report
            .arrivals
            .iter_mut()
            .zip(numbers)
            .filter(|(_, n)| n % 3 == 0)
            .for_each(|(came, _)| *came = None);
        report
    });
    assert_eq!(meeting.repairs, 1);
    assert!(meeting.least.unwrap() >= 1_700_000 * 7 / 10);
}
