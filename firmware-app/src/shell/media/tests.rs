//! All threads with simulated devices, and a relay that only counts what comes.

use std::net::UdpSocket;
use std::thread;

use vestibule_common::bandwidth::Arrivals;
use vestibule_common::control::{Limits, MediaEndpoint, Welcome};
use vestibule_common::id::{SessionId, StreamId};
use vestibule_common::seal::{HopSecrets, Opener, Sealer, Suite};
use vestibule_common::wire::{Ecn, HOP_HEADER, Kind, MAX_BODY, MAX_DATAGRAM};

use super::*;
use crate::device::config::SimSound;
use crate::device::reopen::Opened;
use crate::device::sim::SimHandles;
use crate::device::sim::camera::SimCamera;
use crate::device::sim::microphone::SimMicrophone;
use crate::device::sim::speaker::SimSpeaker;
use crate::shell::watch;

const OWN: Streams =
    Streams { audio: StreamId(1), video: StreamId(2), presentation: StreamId(3), file: StreamId(4) };
const OTHERS: Streams =
    Streams { audio: StreamId(5), video: StreamId(6), presentation: StreamId(7), file: StreamId(8) };
const OTHER: PeerId = PeerId([9; 32]);

/// A kiosk's link to this relay, and the relay's end of it.
pub(super) fn link_to(relay: &UdpSocket) -> (Link, Opener, Sealer) {
    let limits =
        Limits { members: 9, member_grace_ms: 1, host_grace_ms: 1, knock_timeout_ms: 1, idle_timeout_ms: 1 };
    let welcome = Welcome {
        version: 1,
        features: vec![],
        software: "test".into(),
        identity: PeerId([7; 32]),
        suite: Suite::Aes128Gcm,
        session: SessionId([1; 8]),
        media: vec![MediaEndpoint { address: None, port: relay.local_addr().unwrap().port() }],
        time_ms: 0,
        limits,
    };
    let secrets = HopSecrets { kiosk_to_relay: [1; 32], relay_to_kiosk: [2; 32] };
    let opener = Opener::new(welcome.session, welcome.suite, &secrets.kiosk_to_relay);
    let sealer = Sealer::new(welcome.session, welcome.suite, &secrets.relay_to_kiosk);
    (Link::open(&welcome, "127.0.0.1:1".parse().unwrap(), secrets).unwrap(), opener, sealer)
}

/// A room with its camera on and its gate open, and the relay's end of its hop.
struct World {
    media: Media,
    relay: UdpSocket,
    opener: Opener,
    sealer: Sealer,
    arrivals: Arrivals,
    clock: Clock,
    _news: mpsc::Receiver<MediaNews>,
    _ends: watch::Ends,
}

impl World {
    fn new() -> World {
        let relay = UdpSocket::bind("127.0.0.1:0").unwrap();
        relay.set_nonblocking(true).unwrap();
        let (link, opener, sealer) = link_to(&relay);
        let clock = Clock::start();
        let speaker = SimHandles::new(clock).speaker;
        let devices = MediaDevices {
            camera: Source::<dyn Camera>::new(move || {
                let camera = SimCamera::test_picture(320, 240, 30, "Boardroom", clock);
                Ok(Opened { device: Box::new(camera), description: "a camera".into() })
            }),
            presentation: Source::<dyn Camera>::new(move || {
                let grabber = SimCamera::test_pages(320, 240, 30, "Boardroom", clock);
                Ok(Opened { device: Box::new(grabber), description: "a grabber".into() })
            }),
            microphone: Source::<dyn Microphone>::new(move || {
                let microphone = SimMicrophone::sound(SimSound::Tone, "Boardroom", clock);
                Ok(Opened { device: Box::new(microphone), description: "a microphone".into() })
            }),
            speaker: Source::<dyn Speaker>::new(move || {
                let speaker = SimSpeaker::new(speaker.clone(), clock);
                Ok(Opened { device: Box::new(speaker), description: "a speaker".into() })
            }),
        };
        let cleaning = Cleaning { echo: EchoMode::Off, noise_suppression: false, gain_control: false };
        let sound = SoundOptions { muted: true, mute: MuteMode::Gate, cleaning };
        let (news, heard) = mpsc::channel(1_000);
        let (watch, ends) = watch::watch();
        let mut media = Media::start(
            devices,
            sound,
            [Bitrate::kbps(500); 2],
            PictureSlots::default(),
            Screen::new(|_| {}),
            NewsSender::new(news, watch),
            clock,
        )
        .unwrap();
        media.set_link(Some(&link));
        media.want_camera(true);
        media.open_gate(clock.now());
        World { media, relay, opener, sealer, arrivals: Arrivals::new(), clock, _news: heard, _ends: ends }
    }

    /// Packets of sound and pieces of pictures that have come since this was asked last. The relay reports on all.
    fn came(&mut self) -> (usize, usize) {
        let (mut sounds, mut pieces) = (0, 0);
        let mut datagram = [0; MAX_DATAGRAM];
        while let Ok((len, kiosk)) = self.relay.recv_from(&mut datagram) {
            let opened = self.opener.open(&mut datagram[..len]).unwrap();
            match Kind::of(opened.body) {
                Ok(Kind::Audio) => sounds += 1,
                Ok(Kind::Video) => pieces += 1,
                _ => {}
            }
            let now = self.clock.now();
            self.arrivals.handle_arrival(opened.packet, Ecn::NotEct, now);
            if let Some(report) = self.arrivals.next_report(now) {
                let len = report.emit(&mut datagram[HOP_HEADER..HOP_HEADER + MAX_BODY]).unwrap();
                let len = self.sealer.seal(&mut datagram, len);
                self.relay.send_to(&datagram[..len], kiosk).unwrap();
            }
        }
        (sounds, pieces)
    }

    /// What comes until `enough`.
    fn came_until(
        &mut self,
        what: &str,
        mut enough: impl FnMut(&World, (usize, usize)) -> bool,
    ) -> (usize, usize) {
        let mut all = (0, 0);
        for _ in 0..30_000 {
            let (sounds, pieces) = self.came();
            all = (all.0 + sounds, all.1 + pieces);
            if enough(self, all) {
                return all;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("{what}: not within 30 s, but {all:?}");
    }

    /// What comes while so many more periods and pictures are captured.
    fn comes_of(&mut self, periods: u64, pictures: u64) -> (usize, usize) {
        let captured = |world: &World| {
            let camera = world.media.stats.of(PictureKind::Camera);
            (world.media.gate_periods(), camera.pictures_captured.total())
        };
        let before = captured(self);
        self.came_until("the devices go on", |world, _| {
            let now = captured(world);
            now.0 >= before.0 + periods && now.1 >= before.1 + pictures
        })
    }

    /// Waits until sound and pictures have come.
    fn hears_and_sees(&mut self) {
        self.came_until("sound and pictures come", |_, all| all.0 > 10 && all.1 > 10);
    }

    /// Neither leaves, but for what was in the threads' hands.
    fn is_silent(&mut self) {
        self.comes_of(5, 2);
        let encoded = self.encoded();
        assert_eq!((self.comes_of(30, 10), self.encoded()), ((0, 0), encoded));
    }

    fn encoded(&self) -> u64 {
        self.media.stats.of(PictureKind::Camera).frames_encoded.total()
    }
}

#[test]
fn sound_and_pictures_leave_only_while_there_are_other_rooms() {
    let mut world = World::new();
    world.media.join(OWN, Vec::new());
    world.is_silent();
    assert_eq!(world.encoded(), 0);
    assert!(world.media.own_peak() > 0.0, "the meter shows this room's sound");
    world.media.add(OTHER, OTHERS);
    world.hears_and_sees();
    world.media.drop(OTHER);
    world.is_silent();
    // It comes back to a meeting, and then to one that all others have left.
    world.media.join(OWN, vec![(OTHER, OTHERS)]);
    world.hears_and_sees();
    world.media.join(OWN, Vec::new());
    world.is_silent();
}
