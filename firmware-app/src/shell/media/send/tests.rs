//! A picture and its repairs on their way to a socket, and how "camera off" stops both.

use std::net::UdpSocket;

use vestibule_common::id::StreamId;
use vestibule_common::media::Gate;
use vestibule_common::seal::Opener;
use vestibule_common::wire::Nack;

use super::*;
use crate::shell::media::tests::link_to;
use crate::video::ladder::{LayerIndex, LayerWish};
use crate::video::plan::LayersWanted;

const OWN: Streams =
    Streams { audio: StreamId(1), video: StreamId(2), presentation: StreamId(3), file: StreamId(4) };

/// The thread without its loop, with its camera on, and the relay's end of its hop.
struct World {
    sender: Sender,
    teller: Teller,
    relay: UdpSocket,
    opener: Opener,
}

impl World {
    fn new() -> World {
        let relay = UdpSocket::bind("127.0.0.1:0").unwrap();
        relay.set_nonblocking(true).unwrap();
        let (link, opener, _) = link_to(&relay);
        let (_, incoming) = ring::<AudioOut, AUDIO_RING>();
        let clock = Clock::start();
        let mut sender = Sender {
            outbox: Arc::default(),
            gate: Gate::new(true).handle(),
            sound: Arc::default(),
            choice: SoundChoice::default(),
            switches: [Arc::default(), Arc::default()],
            bitrates: [Bitrate::kbps(1_500); 2],
            stats: Arc::default(),
            gauges: Arc::default(),
            clock,
            orders: Arc::default(),
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
        let (socket, sealer) = link.sending();
        let teller = Teller::new(sender.orders.clone(), Arc::default());
        teller.link(Some((socket, Box::new(sealer))));
        teller.streams(Some(OWN));
        sender.obey(sender.orders.take());
        let camera = &sender.switches[PictureKind::Camera as usize];
        camera.send(true, Time::ZERO);
        camera.want(true, true, Time::ZERO);
        World { sender, teller, relay, opener }
    }

    fn camera(&self) -> &CameraSwitch {
        &self.sender.switches[PictureKind::Camera as usize]
    }

    /// A picture of six pieces, captured now.
    fn picture(&self, number: u32) -> VideoOut {
        VideoOut {
            kind: PictureKind::Camera,
            layer: LayerIndex::of(3).unwrap(),
            number,
            reference_distance: 0,
            ticket: self.camera().ticket().unwrap(),
            bytes: vec![7; 6_500],
            keyframe: true,
            captured: Time::ZERO,
            taken: Time::ZERO,
            encoded: Time::ZERO,
        }
    }

    /// Another room asks for some pieces of this picture again. How many left.
    fn sent_again(&mut self, frame: u32, pieces: [u16; 2]) -> u64 {
        let again = |world: &World| world.sender.stats.of(PictureKind::Camera).pieces_sent_again.total();
        let before = again(self);
        let pieces = pieces.into_iter().collect();
        let nack = Nack { stream: OWN.video, spatial: 3, frame, pieces };
        self.sender.outbox.push_nacked(Box::new(nack));
        self.sender.send_again();
        again(self) - before
    }

    /// How many pieces and repairs have come.
    fn came(&mut self) -> (usize, usize) {
        let (mut pieces, mut repairs) = (0, 0);
        let mut datagram = [0; 2048];
        while let Ok(len) = self.relay.recv(&mut datagram) {
            let body = self.opener.open(&mut datagram[..len]).unwrap().body;
            match Kind::of(body) {
                Ok(Kind::Video) => pieces += 1,
                Ok(Kind::Repair) => repairs += 1,
                _ => {}
            }
        }
        (pieces, repairs)
    }
}

#[test]
fn repairs_leave_where_they_are_wanted_and_their_share_is_taken_from_the_encoders() {
    let mut world = World::new();
    world.sender.send_frame(&world.picture(1));
    assert_eq!(world.came(), (6, 0));
    let wish = LayerWish { layer: LayerIndex::of(3).unwrap(), cap: Bitrate::kbps(1_500), repairs: 5 };
    world.camera().want_layers(Some(LayersWanted::from_iter([wish])));
    world.sender.send_frame(&world.picture(2));
    assert_eq!(world.came(), (6, 3));
    for number in 3..16 {
        world.sender.send_frame(&world.picture(number));
        world.came();
    }
    world.sender.budget_due = Time::ZERO;
    world.sender.tell_budgets();
    let cap = world.camera().wishes().layers.unwrap()[0].cap.as_bps() / 1000;
    assert!((950..1_050).contains(&cap), "{cap}: two thirds");
}

#[test]
fn no_repair_leaves_of_what_was_captured_before_camera_off() {
    let mut world = World::new();
    let wish = LayerWish { layer: LayerIndex::of(3).unwrap(), cap: Bitrate::kbps(1_500), repairs: 5 };
    world.camera().want_layers(Some(LayersWanted::from_iter([wish])));
    let picture = world.picture(1);
    world.camera().want(false, false, Time::ZERO);
    world.camera().want(true, true, Time::ZERO);
    // As if it were switched off between the pieces and the repairs.
    let body = |_, out: &mut [u8]| {
        out[..100].fill(9);
        Ok(100)
    };
    assert!(world.sender.send_run(&picture, 3, body).is_err());
    world.sender.send_frame(&picture);
    assert_eq!(world.came(), (0, 0));
}

#[test]
fn nothing_from_before_this_room_came_or_came_back_is_sent_again() {
    let mut world = World::new();
    world.sender.send_frame(&world.picture(1));
    assert_eq!(world.sent_again(1, [0, 1]), 2);
    let forgotten = world.sender.sound.forgotten();
    world.teller.streams(Some(OWN));
    world.sender.obey(world.sender.orders.take());
    assert_eq!(world.sent_again(1, [2, 3]), 0);
    assert_eq!(world.sender.sound.forgotten(), forgotten + 1, "nor is sound repeated");
    world.sender.send_frame(&world.picture(2));
    assert_eq!(world.sent_again(2, [2, 3]), 2);
}
