//! Ten thousand connections from many sources, while a meeting goes on undisturbed.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself may")]

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use vestibule_common::control::{Ask, Tell};
use vestibule_common::identity::Identity;
use vestibule_common::wire::{Kind, MediaHeader};
use vestibule_tests::client::{Client, media_body, patiently, single_piece, streams_of};
use vestibule_tests::relay::RunningRelay;

/// Connections in all, and how many the attacker keeps open at a time.
const CONNECTIONS: u32 = 10_000;
const OPEN: usize = 1500;
/// The relay's limit on connections that have not greeted.
const UNGREETED: usize = 100;

/// A source of its own for each connection, within 127.0.0.0/8.
fn source(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x7f01_0000 + number))
}

async fn connect(relay: SocketAddr, from: IpAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(relay).await
}

/// Opens connections and holds them: silent, with noise, or with the beginning of a handshake.
async fn attack(relay: SocketAddr, opened: Arc<AtomicU32>) -> VecDeque<TcpStream> {
    let mut held = VecDeque::new();
    for number in 0..CONNECTIONS {
        let mut stream =
            patiently("a connection of the attacker", connect(relay, source(number))).await.unwrap();
        let words: &[u8] = match number % 3 {
            0 => &[],
            1 => &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3],
            _ => b"\xff\xfe noise",
        };
        let _ = stream.write_all(words).await;
        held.push_back(stream);
        if held.len() > OPEN {
            held.pop_front();
        }
        opened.fetch_add(1, Ordering::Relaxed);
    }
    held
}

/// Whoever means well connects and greets; under attack that may take more than one attempt.
async fn newcomer(relay: &RunningRelay) -> bool {
    let identity = Identity::from_seed(&[100; 32]);
    let Ok(mut client) = Client::connect_as(relay.control, relay.identity, identity, None).await else {
        return false;
    };
    let hello = client.hello("Lobby");
    if client.try_send(Ask::Hello(hello)).await.is_err() {
        return false;
    }
    let Some(message) = client.receive().await else { return false };
    assert!(matches!(message.body, Tell::Welcome(_)), "{message:?}");
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_do_not_disturb_a_meeting() {
    let limit = UNGREETED.to_string();
    let relay = RunningRelay::start(
        Path::new(env!("CARGO_BIN_EXE_vestibule-relay")),
        &["--max-ungreeted", &limit, "--greeting-timeout-s", "60", "--log-level", "info"],
    );
    let mut host = Client::greeted(&relay, 1, "Boardroom").await;
    let meeting = host.create().await;
    let mut guest = Client::greeted(&relay, 2, "Workshop").await;
    let meeting = guest.join(&mut host, &meeting).await;
    let stream = streams_of(&meeting, host.identity.peer()).audio;
    let (mut speaker, mut listener) = (host.media(&relay).await, guest.media(&relay).await);
    for media in [&mut speaker, &mut listener] {
        media.show_address().await;
        media.receive_kind(Kind::TimeAnswer).await;
    }
    let (memory, descriptors) = (relay.memory_kib("VmRSS"), relay.descriptors());

    let over = Arc::new(AtomicBool::new(false));
    let frames = Arc::new(AtomicU32::new(0));
    let speaking = tokio::spawn({
        let (over, frames) = (over.clone(), frames.clone());
        async move {
            let mut frame = 0;
            while !over.load(Ordering::Relaxed) {
                speaker.send(&media_body(single_piece(Kind::Audio, stream, frame), 960, 1)).await;
                frame += 1;
                frames.store(frame, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            frame
        }
    });
    let listening = tokio::spawn(async move {
        let mut heard = 0;
        let mut last = None;
        while let Some(body) = listener.receive_within(Duration::from_secs(5)).await {
            // What is wanted of it is told to it too.
            let Ok((header, _)) = MediaHeader::parse(&body) else { continue };
            assert!(last.is_none_or(|last| last < header.frame), "in order");
            last = Some(header.frame);
            heard += 1;
        }
        heard
    });

    let opened = Arc::new(AtomicU32::new(0));
    let attacking = tokio::spawn(attack(relay.control, opened.clone()));
    let mut most = 0;
    let mut newcomers = 0;
    let mut exchanges = 0;
    while !attacking.is_finished() {
        most = most.max(relay.descriptors());
        let bytes = vec![1; 100];
        let answer = host.ask(Ask::Opaque { class: "chat".into(), to: vec![], bytes }).await;
        assert!(matches!(answer, Tell::Accepted { .. } | Tell::Error(_)), "{answer:?}");
        assert!(matches!(guest.ask(Ask::Time { sent_us: 1 }).await, Tell::Time { .. }));
        exchanges += 1;
        newcomers += u32::from(newcomer(&relay).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let held = attacking.await.unwrap();
    while newcomers == 0 {
        newcomers += u32::from(newcomer(&relay).await);
    }
    // A fast machine has done the attack in no time.
    while frames.load(Ordering::Relaxed) <= 50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(held);
    over.store(true, Ordering::Relaxed);
    let said: u32 = speaking.await.unwrap();
    let heard: u32 = listening.await.unwrap();
    assert_eq!(opened.load(Ordering::Relaxed), CONNECTIONS);
    // A test machine that stops for a second loses some in its own socket.
    assert!(said > 50 && heard + said / 100 >= said, "{heard} of {said} frames arrived");
    assert!(exchanges > 3, "{exchanges} exchanges");
    assert!(most < descriptors + UNGREETED + 50, "{most} descriptors, {descriptors} before");
    let grown = relay.memory_kib("VmHWM").saturating_sub(memory);
    assert!(grown < 32 * 1024, "the relay grew by {grown} KiB");
}
