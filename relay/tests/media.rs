//! Media through the real program and real sockets: who gets it, who never does, and what an attacker can do to it.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself may")]

use std::path::Path;
use std::time::Duration;

use vestibule_common::control::{Ask, Entered, Tell};
use vestibule_common::signed::Removal;
use vestibule_common::wire::{Kind, MediaHeader, TimeAnswer};
use vestibule_tests::client::{Client, MediaClient, media_body, patiently, single_piece, streams_of};
use vestibule_tests::relay::RunningRelay;

/// Long enough for anything on loopback to arrive that is on its way.
const SILENCE: Duration = Duration::from_millis(300);

fn relay() -> RunningRelay {
    RunningRelay::start(Path::new(env!("CARGO_BIN_EXE_vestibule-relay")), &[])
}

/// Two rooms in a meeting, with their media up.
struct Meeting {
    host: Client,
    guest: Client,
    entered: Entered,
    host_media: MediaClient,
    guest_media: MediaClient,
}

async fn meet(relay: &RunningRelay) -> Meeting {
    let mut host = Client::greeted(relay, 1, "Boardroom").await;
    let entered = host.create().await;
    let mut guest = Client::greeted(relay, 2, "Workshop").await;
    let entered = guest.join(&mut host, &entered).await;
    let (mut host_media, mut guest_media) = (host.media(relay).await, guest.media(relay).await);
    for media in [&mut host_media, &mut guest_media] {
        media.show_address().await;
        let answer = media.receive_kind(Kind::TimeAnswer).await;
        assert!(TimeAnswer::parse(&answer).unwrap().received > vestibule_common::time::Time::ZERO);
    }
    Meeting { host, guest, entered, host_media, guest_media }
}

impl Meeting {
    /// A frame of the host's sound.
    fn sound(&self, frame: u32) -> Vec<u8> {
        let stream = streams_of(&self.entered, self.host.identity.peer()).audio;
        media_body(single_piece(Kind::Audio, stream, frame), 960, frame as u8)
    }

    /// Sends a frame of the host's sound and waits until the guest has it.
    async fn say(&mut self, frame: u32) -> MediaHeader {
        let body = self.sound(frame);
        self.host_media.send(&body).await;
        loop {
            let heard = self.guest_media.receive_kind(Kind::Audio).await;
            let (header, payload) = MediaHeader::parse(&heard).unwrap();
            if header.frame == frame {
                assert!(payload.len() == 960 && payload.iter().all(|byte| *byte == frame as u8));
                return header;
            }
        }
    }
}

#[tokio::test]
async fn sound_reaches_the_other_room_with_the_relays_time() {
    let relay = relay();
    let mut meeting = meet(&relay).await;
    for frame in 0..20 {
        let header = meeting.say(frame).await;
        let stages = header.stages.unwrap();
        assert!(stages.relayed_us > 0, "the kernel's stamp makes even a quick passage visible: {stages:?}");
    }
}

#[tokio::test]
async fn a_whole_frame_arrives_piece_by_piece() {
    let relay = relay();
    let mut meeting = meet(&relay).await;
    let stream = streams_of(&meeting.entered, meeting.guest.identity.peer()).video;
    for piece in 0..30 {
        let header = MediaHeader { piece, pieces: 30, ..single_piece(Kind::Video, stream, 1) };
        meeting.guest_media.send(&media_body(header, 1100, piece as u8)).await;
    }
    let mut pieces = Vec::new();
    while pieces.len() < 30 {
        let body = meeting.host_media.receive_kind(Kind::Video).await;
        let (header, payload) = MediaHeader::parse(&body).unwrap();
        assert_eq!(payload, [header.piece as u8; 1100]);
        pieces.push(header.piece);
    }
    assert_eq!(pieces, (0..30).collect::<Vec<_>>());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn packets_that_come_together_leave_together() {
    let mut relay = relay();
    let mut meeting = meet(&relay).await;
    // Sound waits for nobody; pictures leave as fast as the way down is known to carry.
    let stream = streams_of(&meeting.entered, meeting.guest.identity.peer()).audio;
    let state = quinn_udp::UdpSocketState::new((&meeting.guest_media.socket).into()).unwrap();
    assert!(state.max_gso_segments() >= 30, "the kernel has GSO");
    for round in 0..10 {
        let mut datagrams = Vec::new();
        for n in 0..30 {
            let header = single_piece(Kind::Audio, stream, round * 30 + n);
            datagrams.extend(meeting.guest_media.seal(&media_body(header, 300, 9)));
        }
        let transmit = quinn_udp::Transmit {
            destination: relay.media,
            ecn: None,
            contents: &datagrams,
            segment_size: Some(datagrams.len() / 30),
            src_ip: None,
        };
        state.try_send((&meeting.guest_media.socket).into(), &transmit).unwrap();
        for _ in 0..30 {
            meeting.host_media.receive_kind(Kind::Audio).await;
        }
        // As many a second as the relay passes on of one member.
        tokio::time::sleep(Duration::from_millis(130)).await;
    }
    relay.terminate();
    assert!(relay.wait().success());
    let figures = relay.wait_for_log("media since the start");
    let figure = |name: &str| -> u64 {
        let (_, rest) = figures.split_once(&format!("(\"{name}\", ")).unwrap();
        rest.split_once(')').unwrap().0.parse().unwrap()
    };
    assert!(figure("sent") >= 300, "{figures}");
    assert!(figure("transmits") < figure("sent") / 5, "{figures}");
}

#[tokio::test]
async fn forged_and_replayed_datagrams_disturb_nobody() {
    let relay = relay();
    let mut meeting = meet(&relay).await;
    let attacker = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    attacker.connect(relay.media).await.unwrap();
    let good = {
        let body = meeting.sound(0);
        meeting.host_media.seal(&body)
    };
    meeting.host_media.send_raw(&good).await;
    meeting.guest_media.receive_kind(Kind::Audio).await;
    for frame in 1..200_u32 {
        // The same again; with every byte broken in turn; under other packet numbers; of every length; plain noise.
        attacker.send(&good).await.unwrap();
        let mut bad = good.clone();
        let at = frame as usize * 7 % bad.len();
        bad[at] ^= 1 << (frame % 8);
        attacker.send(&bad).await.unwrap();
        let mut ahead = good.clone();
        ahead[9..13].copy_from_slice(&(frame * 1000).to_be_bytes());
        attacker.send(&ahead).await.unwrap();
        attacker.send(&good[..frame as usize % good.len()]).await.unwrap();
        attacker.send(&[frame as u8; 1400]).await.unwrap();
        // Slowly enough for what the relay passes on of one member's sound.
        tokio::time::sleep(Duration::from_millis(5)).await;
        meeting.say(frame).await;
    }
    let mut buffer = [0; 2000];
    let heard = tokio::time::timeout(SILENCE, attacker.recv(&mut buffer)).await;
    assert!(heard.is_err(), "an attacker hears nothing: {heard:?}");
}

#[tokio::test]
async fn nobody_who_waits_at_the_door_gets_a_byte() {
    let relay = relay();
    let mut meeting = meet(&relay).await;
    let mut stranger = Client::greeted(&relay, 3, "Lobby").await;
    let mut stranger_media = stranger.media(&relay).await;
    stranger_media.show_address().await;
    let answer = stranger.ask(Ask::Knock { code: meeting.entered.code }).await;
    assert!(matches!(answer, Tell::Knocking { .. }));
    for frame in 0..50 {
        let own = media_body(
            single_piece(Kind::Audio, streams_of(&meeting.entered, meeting.host.identity.peer()).audio, 900),
            960,
            1,
        );
        stranger_media.send(&own).await;
        assert_eq!(meeting.say(frame).await.frame, frame);
    }
    assert_eq!(stranger_media.receive_within(SILENCE).await, None);
    assert_eq!(meeting.guest_media.receive_within(SILENCE).await, None, "nor does anyone hear it");
}

#[tokio::test]
async fn whoever_is_removed_gets_nothing_more_once_the_host_is_told() {
    let relay = relay();
    let mut meeting = meet(&relay).await;
    meeting.say(0).await;
    let now_ms = meeting.host.welcome.as_ref().unwrap().time_ms;
    let removal = Removal::issue(
        &meeting.host.identity,
        meeting.entered.room,
        meeting.guest.identity.peer(),
        3,
        now_ms,
    );
    // Sound goes on while the host removes the guest.
    let request = meeting.host.send(Ask::Remove { removal }).await;
    for frame in 1..50 {
        let body = meeting.sound(frame);
        meeting.host_media.send(&body).await;
    }
    assert_eq!(meeting.host.answer(request).await, Tell::Done);
    while meeting.guest_media.receive_within(SILENCE).await.is_some() {}
    for frame in 50..100 {
        let body = meeting.sound(frame);
        meeting.host_media.send(&body).await;
    }
    assert_eq!(meeting.guest_media.receive_within(SILENCE).await, None);
    let stream = streams_of(&meeting.entered, meeting.guest.identity.peer()).audio;
    meeting.guest_media.send(&media_body(single_piece(Kind::Audio, stream, 1), 960, 1)).await;
    assert_eq!(meeting.host_media.receive_within(SILENCE).await, None);
}

#[tokio::test]
async fn a_room_that_changes_its_address_goes_on() {
    let relay = relay();
    let mut meeting = meet(&relay).await;
    meeting.say(0).await;
    let moved = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    moved.connect(relay.media).await.unwrap();
    let old = std::mem::replace(&mut meeting.guest_media.socket, moved);
    meeting.guest_media.show_address().await;
    meeting.guest_media.receive_kind(Kind::TimeAnswer).await;
    meeting.say(1).await;
    drop(old);
    patiently("more sound", async {
        for frame in 2..10 {
            meeting.say(frame).await;
        }
    })
    .await;
}
