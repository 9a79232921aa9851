//! The first words of a control connection over real sockets, by whoever means well and by whoever does not.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test itself may")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;
use vestibule_common::control::{Ask, ErrorCode, Hello, RelayError, Tell, encode_frame};
use vestibule_common::identity::Identity;
use vestibule_common::seal::Suite;
use vestibule_common::signed::Signature;
use vestibule_tests::client::Client;
use vestibule_tests::relay::{PATIENCE, RunningRelay};

fn relay(flags: &[&str]) -> RunningRelay {
    RunningRelay::start(Path::new(env!("CARGO_BIN_EXE_vestibule-relay")), flags)
}

/// Waits until the relay has said why and closed the connection.
async fn last_error(client: &mut Client) -> RelayError {
    let mut last = None;
    while let Some(message) = client.receive().await {
        if let Tell::Error(error) = message.body {
            last = Some(error);
        }
    }
    last.expect("the relay says why it closes the connection")
}

#[tokio::test]
async fn a_kiosk_is_welcomed() {
    let relay = relay(&["--rooms-members-per-room", "5"]);
    let mut client = Client::connect(&relay, 1).await;
    let suites = vec![Suite::ChaCha20Poly1305, Suite::Aes128Gcm];
    let hello = Hello { highest: 7, suites, ..client.hello("Boardroom") };
    let welcome = client.greet(hello).await;
    assert_eq!(welcome.version, 1);
    assert_eq!(welcome.features, ["opaque"]);
    assert_eq!(welcome.identity, relay.identity);
    assert_eq!(welcome.suite, Suite::ChaCha20Poly1305, "the kiosk's order of preference counts");
    assert_eq!(welcome.media.len(), 1);
    assert_eq!((welcome.media[0].address, welcome.media[0].port), (None, relay.media.port()));
    assert_eq!(welcome.limits.members, 5);
    assert!(welcome.time_ms > 1_600_000_000_000);
    let mut other = Client::greeted(&relay, 2, "Workshop").await;
    assert_ne!(other.welcome.as_ref().unwrap().session, welcome.session);

    match other.ask(Ask::Time { sent_us: 77 }).await {
        Tell::Time { sent_us, received_us, answered_us, time_ms } => {
            assert_eq!(sent_us, 77);
            assert!(received_us <= answered_us && time_ms >= welcome.time_ms);
        }
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_hello_that_does_not_hold_is_refused() {
    let relay = relay(&[]);
    let stranger = Identity::from_seed(&[99; 32]);
    type Spoil<'a> = Box<dyn Fn(Hello) -> Hello + 'a>;
    let cases: [(ErrorCode, Spoil<'_>); 5] = [
        (ErrorCode::Version, Box::new(|hello| Hello { lowest: 2, highest: 3, ..hello })),
        (ErrorCode::BadProof, Box::new(|hello| Hello { proof: Signature([1; 64]), ..hello })),
        (ErrorCode::BadProof, Box::new(|hello| Hello { identity: stranger.peer(), ..hello })),
        (
            ErrorCode::BadProof,
            Box::new(|hello| Hello {
                proof: Signature(Identity::from_seed(&[1; 32]).prove(&[0; 32])),
                ..hello
            }),
        ),
        (ErrorCode::NoSuite, Box::new(|hello| Hello { suites: vec![], ..hello })),
    ];
    for (code, spoil) in cases {
        let mut client = Client::connect(&relay, 1).await;
        let hello = spoil(client.hello("Boardroom"));
        client.send(Ask::Hello(hello)).await;
        let error = last_error(&mut client).await;
        assert_eq!(error.code, code, "{error}");
        if code == ErrorCode::Version {
            assert_eq!(error.detail, "this relay speaks versions 1 to 1");
        }
    }
}

#[tokio::test]
async fn a_proof_of_another_connection_is_worthless() {
    let relay = relay(&[]);
    let [first, mut second] = [Client::connect(&relay, 1).await, Client::connect(&relay, 1).await];
    let overheard = first.hello("Boardroom");
    second.send(Ask::Hello(overheard)).await;
    assert_eq!(last_error(&mut second).await.code, ErrorCode::BadProof);
}

#[tokio::test]
async fn the_greeting_comes_first_and_once() {
    let relay = relay(&[]);
    let mut client = Client::connect(&relay, 1).await;
    client.send(Ask::Leave).await;
    assert_eq!(last_error(&mut client).await.code, ErrorCode::Greeting);

    let mut client = Client::greeted(&relay, 1, "Boardroom").await;
    let again = client.hello("Boardroom");
    match client.ask(Ask::Hello(again)).await {
        Tell::Error(error) => assert_eq!(error.code, ErrorCode::Greeting),
        answer => panic!("{answer:?}"),
    }
    assert!(matches!(client.ask(Ask::Time { sent_us: 0 }).await, Tell::Time { .. }), "and it goes on");
}

#[tokio::test]
async fn unreadable_messages_are_answered_and_survived() {
    let relay = relay(&[]);
    let mut client = Client::greeted(&relay, 1, "Boardroom").await;
    let cases: [(&[u8], Option<u32>, ErrorCode); 5] = [
        (br#"{"type":"teleport","request":70}"#, Some(70), ErrorCode::UnknownType),
        (br#"{"type":"knock","request":71,"code":"12"}"#, Some(71), ErrorCode::Malformed),
        (br#"{"type":"leave"}"#, None, ErrorCode::Malformed),
        (b"[1,2", None, ErrorCode::Malformed),
        (&[0xff; 300], None, ErrorCode::Malformed),
    ];
    for (json, re, code) in cases {
        client.send_json(json).await.unwrap();
        let message = client.receive().await.unwrap();
        assert_eq!(message.re, re);
        assert!(matches!(message.body, Tell::Error(error) if error.code == code));
    }
    assert!(matches!(client.ask(Ask::Time { sent_us: 0 }).await, Tell::Time { .. }));
}

#[tokio::test]
async fn a_stream_that_cannot_be_cut_into_frames_is_closed() {
    let relay = relay(&[]);
    for greeted in [false, true] {
        for (length, code) in
            [(0, ErrorCode::Malformed), (65_537, ErrorCode::TooLarge), (u32::MAX, ErrorCode::TooLarge)]
        {
            let mut client = Client::connect(&relay, 1).await;
            if greeted {
                let hello = client.hello("Boardroom");
                client.greet(hello).await;
            }
            client.send_raw(&length.to_be_bytes()).await.unwrap();
            let _ = client.send_raw(&[b' '; 60_000]).await;
            let error = last_error(&mut client).await;
            assert_eq!(error.code, code, "{error}");
        }
    }
}

#[test]
fn whoever_speaks_no_tls_is_closed() {
    let relay = relay(&[]);
    for words in
        [&b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n"[..], &[0; 4000], &[0x16, 3, 1, 0xff, 0xff, 1, 2, 3]]
    {
        let mut stream = TcpStream::connect(relay.control).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(words).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 100, "at most an alert: {answer:?}");
    }
    relay.wait_for_log("refused");
}

#[test]
fn whoever_does_not_greet_in_time_is_closed() {
    let relay = relay(&["--greeting-timeout-s", "1"]);
    // Nothing at all; a byte now and then of what could become a hello; a client hello and then silence.
    let silent = TcpStream::connect(relay.control).unwrap();
    let dripping = TcpStream::connect(relay.control).unwrap();
    let mut dripped = dripping.try_clone().unwrap();
    std::thread::spawn(move || {
        let record = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
        for byte in record.iter().chain(std::iter::repeat(&7)).take(500) {
            if dripped.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    });
    for mut stream in [silent, dripping] {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let end = stream.read(&mut [0; 100]);
        assert!(
            matches!(&end, Ok(0))
                || end.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset),
            "{end:?}"
        );
    }
    relay.wait_for_log("did not greet in time");
}

#[tokio::test]
async fn whoever_drips_after_the_handshake_is_closed_too() {
    let relay = relay(&["--greeting-timeout-s", "1"]);
    let mut client = Client::connect(&relay, 1).await;
    client.send_raw(&[0, 0, 1, 0, b'{']).await.unwrap();
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn whoever_says_nothing_for_too_long_is_closed() {
    let relay = relay(&["--rooms-idle-timeout-s", "3"]);
    let mut client = Client::greeted(&relay, 1, "Boardroom").await;
    // A frame that never ends is nothing said.
    client.send_raw(&[0, 0, 1, 0]).await.unwrap();
    assert_eq!(client.receive().await, None);
    relay.wait_for_log("nothing was heard from it");
}

#[tokio::test]
async fn a_newer_connection_of_the_same_kiosk_replaces_the_older() {
    let relay = relay(&[]);
    let mut old = Client::greeted(&relay, 1, "Boardroom").await;
    let mut new = Client::greeted(&relay, 1, "Boardroom").await;
    assert_eq!(last_error(&mut old).await.code, ErrorCode::Replaced);
    assert!(matches!(new.ask(Ask::Time { sent_us: 0 }).await, Tell::Time { .. }));
}

#[tokio::test]
async fn whoever_does_not_read_is_disconnected() {
    let relay = relay(&["--rooms-messages-per-s", "10000", "--rooms-messages-burst", "10000"]);
    let mut host = Client::greeted(&relay, 1, "Boardroom").await;
    let meeting = host.create().await;
    let mut deaf = Client::greeted(&relay, 2, "Workshop").await;
    deaf.join(&mut host, &meeting).await;
    for _ in 0..5000 {
        let opaque = Ask::Opaque { class: "noise".into(), to: vec![], bytes: vec![7; 16 * 1024] };
        assert!(matches!(host.ask(opaque).await, Tell::Accepted { .. }));
        if relay.log().iter().any(|line| line.contains("does not read what it is told")) {
            break;
        }
    }
    relay.wait_for_log("does not read what it is told");
    assert!(matches!(host.ask(Ask::Time { sent_us: 0 }).await, Tell::Time { .. }), "the others go on");
}

/// Asking and never reading: nothing is idle, and yet nobody is there.
#[tokio::test]
async fn who_asks_and_never_reads_is_shown_out() {
    let relay = relay(&["--rooms-idle-timeout-s", "3"]);
    let mut client = Client::greeted(&relay, 1, "Boardroom").await;
    let mut frame = Vec::new();
    encode_frame(br#"{"request":9,"type":"time","sent_us":0}"#, &mut frame).unwrap();
    let many = frame.repeat(1000);
    // Until the relay takes no more, because its own words are not taken; or until it has closed the connection.
    while let Ok(Ok(())) = timeout(Duration::from_secs(1), client.send_raw(&many)).await {}
    relay.wait_for_log("connection of ");
    let mut other = Client::greeted(&relay, 2, "Workshop").await;
    assert!(matches!(other.ask(Ask::Time { sent_us: 0 }).await, Tell::Time { .. }), "the others go on");
}

#[tokio::test]
async fn the_status_is_for_the_relays_own_key_only() {
    let relay = relay(&[]);
    let mut kiosk = Client::greeted(&relay, 1, "Boardroom").await;
    assert!(
        matches!(kiosk.ask(Ask::Status { after: None }).await, Tell::Error(error) if error.code == ErrorCode::Refused)
    );
    let own = Client::connect_as(relay.control, relay.identity, relay.key(), None).await;
    let mut operator = own.unwrap();
    let hello = operator.hello("status");
    operator.greet(hello).await;
    match operator.ask(Ask::Status { after: None }).await {
        Tell::Status(status) => {
            assert_eq!(status.idle.len(), 1, "the kiosk, and not whoever asks: {status:?}");
            assert_eq!(status.idle[0].name.as_str(), "Boardroom");
        }
        answer => panic!("{answer:?}"),
    }
    assert!(matches!(operator.ask(Ask::Leave).await, Tell::Error(error) if error.code == ErrorCode::Refused));
}
