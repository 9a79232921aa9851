//! One member floods the others, with each kind of body that is not a picture: they get no more of it than is allowed, and of everybody
//! else exactly what they would have got.

use vestibule_common::unit::Bitrate;
use vestibule_common::wire::Kind;

use super::receiver::Receiver;
use super::*;

/// Who floods, whose stream it is about, and who meets in peace.
const FLOODER: usize = 0;
const VICTIM: usize = 1;
const OTHERS: [usize; 2] = [1, 2];
/// How long a flood takes, and how much of it comes in a millisecond.
const SPAN_MS: u32 = 2000;
const A_MILLISECOND: u32 = 8;

/// A body of the flood.
type Flood = fn(&World, u32) -> Vec<u8>;

fn emitted(emit: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut body = vec![0; MAX_BODY];
    let len = emit(&mut body);
    body.truncate(len);
    body
}

fn sound(world: &World, n: u32) -> Vec<u8> {
    media(Kind::Audio, world.kiosks[FLOODER].streams.audio, n, 0, 1, 1100)
}

fn sound_again(world: &World, n: u32) -> Vec<u8> {
    media(Kind::Retransmission, world.kiosks[FLOODER].streams.audio, n, 0, 1, 1100)
}

fn nack(world: &World, n: u32) -> Vec<u8> {
    let stream = world.kiosks[VICTIM].streams.audio;
    let nack = Nack { stream, spatial: 0, frame: n, pieces: (0..256).collect() };
    emitted(|out| nack.emit(out).unwrap())
}

fn file_ack(world: &World, n: u32) -> Vec<u8> {
    let stream = world.kiosks[VICTIM].streams.file;
    let ranges = Default::default();
    let ack = FileAck { stream, transfer: 1, cumulative: n.into(), window: 3, echo: NOW, ranges };
    emitted(|out| ack.emit(out).unwrap())
}

fn question(_: &World, _: u32) -> Vec<u8> {
    time_request().to_vec()
}

fn challenge(_: &World, n: u32) -> Vec<u8> {
    let challenge = PathProbe { kind: Kind::PathChallenge, token: n.into() };
    emitted(|out| {
        challenge.emit(out).unwrap();
        PathProbe::LEN
    })
}

fn keyframe_request(world: &World, _: u32) -> Vec<u8> {
    let request = KeyframeRequest { stream: world.kiosks[VICTIM].streams.video, spatial: 0 };
    emitted(|out| {
        request.emit(out).unwrap();
        KeyframeRequest::LEN
    })
}

/// What the others get, sorted into what the flood caused and what their meeting is.
struct Got {
    caused: usize,
    meeting: Vec<(usize, Vec<u8>)>,
    excess: u64,
}

/// The others speak and show pictures; the first member sends a flood, if there is one.
fn run(flood: Option<Flood>) -> Got {
    let mut world = World::wide(3);
    let mut got = Got { caused: 0, meeting: Vec::new(), excess: 0 };
    for ms in 0..SPAN_MS {
        if let Some(flood) = flood {
            for n in 0..A_MILLISECOND {
                let body = flood(&world, ms * A_MILLISECOND + n);
                world.send(FLOODER, &body);
            }
        }
        for kiosk in OTHERS {
            if ms % 10 == 0 {
                world.send_frame(kiosk, Kind::Audio, ms / 10, &[960]);
            }
            if ms % 33 == 0 {
                world.send_frame(kiosk, Kind::Video, ms / 33, &[1100, 1100, 300]);
            }
        }
        for (kiosk, body) in tick(&mut world, 1) {
            let of_others = MediaHeader::parse(&body)
                .is_ok_and(|(header, _)| header.stream != world.kiosks[FLOODER].streams.audio);
            if of_others && OTHERS.contains(&kiosk) {
                got.meeting.push((kiosk, body));
            } else if !of_others {
                got.caused += 1;
            }
        }
    }
    // Bodies of one size leave together, so that streams may overtake each other, but none itself.
    got.meeting.sort_by_key(|(kiosk, body)| (*kiosk, payload_of(body).0.stream));
    let counters = world.forwarding.counters();
    assert_eq!(counters.overflow, 0, "the flood is not what fills the buffers");
    got.excess = counters.excess_sound + counters.excess_requests;
    got
}

#[test]
fn a_flood_gets_its_limit_and_the_others_what_they_would_have_got() {
    let peace = run(None);
    assert!(peace.caused == 0 && peace.excess == 0 && peace.meeting.len() == 2 * (200 + 61 * 3));
    let sent = SPAN_MS * A_MILLISECOND;
    // What two seconds allow: of sound 1.25 Mbit/s and 64 KiB, to two others; a member may ask for four keyframes and one a second more, which one in 200 ms makes fewer.
    let floods: [(&str, Flood, usize); 7] = [
        ("sound", sound, 2 * 317),
        ("sound that is sent again", sound_again, 2 * 317),
        ("nacks", nack, 50 + 300),
        ("acknowledgements of files", file_ack, 64 + 400),
        ("time requests", question, 20 + 20),
        ("path challenges", challenge, 20 + 20),
        ("keyframe requests", keyframe_request, 4),
    ];
    for (what, flood, most) in floods {
        let got = run(Some(flood));
        assert!(got.meeting == peace.meeting, "{what}: the others' meeting is another one");
        assert!((most * 8 / 10..=most).contains(&got.caused), "{what}: {} of {most}", got.caused);
        assert!(got.excess > u64::from(sent) * 8 / 10, "{what}: {} of {sent} dropped", got.excess);
    }
}

/// Two members' pictures to a third one, whose way down carries twice what is wanted of them; one then sends eight times as much.
#[test]
fn a_flood_of_pictures_costs_the_other_pictures_little() {
    let run = |floods: bool| {
        let mut world = World::new(3);
        let [video, flood] = [1, 0].map(|kiosk: usize| world.kiosks[kiosk].streams.video);
        show(&mut world, 2, &[(video, 2), (flood, 2)]);
        let mut receiver = Receiver::behind(2, Bitrate::kbps(4000));
        let (mut delays, mut sent) = (Vec::new(), std::collections::BTreeMap::new());
        for n in 0..6000_u32 {
            if n % 33 == 0 {
                world.send(VICTIM, &picture(video, 2, n / 33, n == 0, 1100));
                sent.insert(n / 33, world.now);
            }
            if n % 33 == 0 || floods && n > 1000 {
                world.send(FLOODER, &picture(flood, 2, n, n % 33 == 0, 1100));
            }
            for (came, body) in receiver.tick_timed(&mut world, true) {
                if let Ok((header, _)) = MediaHeader::parse(&body)
                    && header.stream == video
                {
                    delays.push(came.since(sent[&header.frame]));
                }
            }
        }
        (delays, world.forwarding.counters().late)
    };
    let ((peace, _), (flooded, late)) = (run(false), run(true));
    assert!(late > 1000, "{late}");
    assert_eq!((flooded.len(), peace.len()), (182, 182), "every picture of the other comes");
    // The flood leaves as fast as pictures may on a way that showed no queue, until the relay knows of the link's; then a picture waits for a
    // piece or two of it.
    let longest = |delays: &[Duration]| delays.iter().max().copied().unwrap().as_millis();
    assert!(longest(&flooded) <= 200, "{flooded:?}");
    assert!(longest(&flooded[46..]) <= longest(&peace[46..]) + 20, "{flooded:?}");
}
