//! One meeting's cast and one of every message, from fixed secrets: what the vectors and the tests are made of.

use vestibule_common::chat::{CLASS_CHAT, ChatMessage};
use vestibule_common::control::{
    Ask, ClosedWhy, DeniedWhy, Entered, ErrorCode, Hello, KioskStatus, KnockGoneWhy, LeftWhy, Limits,
    LinkQuality, MediaEndpoint, Member, MemberState, RelayError, RoomEvent, RoomStatus, Status, StoppingWhy,
    Streams, Tell, ToKiosk, ToRelay, Welcome, feature,
};
use vestibule_common::id::{KnockId, RoomCode, RoomId, SessionId, StreamId};
use vestibule_common::identity::Identity;
use vestibule_common::name::RoomName;
use vestibule_common::seal::Suite;
use vestibule_common::signed::{Admission, Founding, Removal, Role, Signature, Succession};

/// Saturday, 1 August 2026, 12:00 UTC.
pub(crate) const NOW_MS: u64 = 1_785_585_600_000;
pub(crate) const SESSION: SessionId = SessionId([0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7]);
pub(crate) const KNOCK: KnockId = KnockId([0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7]);
/// What the TLS exporter gave for the proof, in the vectors.
pub(crate) const PROOF_EXPORTED: [u8; 32] = [0x5a; 32];

/// Who takes part: the seed of each is one byte, 32 times.
pub(crate) struct Cast {
    pub(crate) boardroom: Identity,
    pub(crate) workshop: Identity,
    pub(crate) studio: Identity,
    pub(crate) relay: Identity,
    pub(crate) founding: Founding,
    pub(crate) room: RoomId,
}

pub(crate) const SEEDS: [(&str, u8); 4] = [("boardroom", 1), ("workshop", 2), ("studio", 3), ("relay", 9)];

pub(crate) fn cast() -> Cast {
    let [boardroom, workshop, studio, relay] = SEEDS.map(|(_, byte)| Identity::from_seed(&[byte; 32]));
    let founding = Founding { founder: boardroom.peer(), nonce: RoomId([0xc0; 16]) };
    Cast { boardroom, workshop, studio, relay, founding, room: founding.room() }
}

impl Cast {
    pub(crate) fn host_admission(&self) -> Admission {
        Admission::issue(&self.boardroom, self.room, self.boardroom.peer(), Role::Host, 1, NOW_MS)
    }

    pub(crate) fn admission(&self) -> Admission {
        Admission::issue(&self.boardroom, self.room, self.workshop.peer(), Role::Member, 2, NOW_MS + 60_000)
    }

    pub(crate) fn removal(&self) -> Removal {
        Removal::issue(&self.boardroom, self.room, self.studio.peer(), 5, NOW_MS + 600_000)
    }

    pub(crate) fn succession(&self) -> Succession {
        Succession::issue(&self.boardroom, self.room, self.workshop.peer(), 3)
    }

    pub(crate) fn public_chat(&self) -> ChatMessage {
        ChatMessage::write(&self.workshop, self.room, vec![], 1, NOW_MS + 90_000, "Grüße aus der Werkstatt")
            .unwrap()
    }

    pub(crate) fn private_chat(&self) -> ChatMessage {
        let to = vec![self.boardroom.peer()];
        ChatMessage::write(&self.workshop, self.room, to, 2, NOW_MS + 95_000, "two\nlines").unwrap()
    }

    fn member(&self, name: &str, admission: Admission, first_stream: u32) -> Member {
        let [audio, video, presentation, file] = [0, 1, 2, 3].map(|n| StreamId(first_stream + n));
        Member {
            name: name.parse().unwrap(),
            admission,
            streams: Streams { audio, video, presentation, file },
            state: MemberState::default(),
            present: true,
        }
    }
}

fn code() -> RoomCode {
    "482913".parse().unwrap()
}

fn name(text: &str) -> RoomName {
    text.parse().unwrap()
}

/// One of every request, numbered from 1.
pub(crate) fn asks() -> Vec<ToRelay> {
    let cast = cast();
    let asks = vec![
        Ask::Hello(Hello {
            lowest: 1,
            highest: 1,
            features: vec![feature::OPAQUE.into(), feature::REDIRECT.into()],
            software: "vestibule-kiosk 0.1.0".into(),
            identity: cast.workshop.peer(),
            proof: Signature(cast.workshop.prove(&PROOF_EXPORTED)),
            name: name("Workshop"),
            suites: vec![Suite::ChaCha20Poly1305, Suite::Aes128Gcm],
        }),
        Ask::Create { founding: cast.founding, admission: cast.host_admission() },
        Ask::Knock { code: code() },
        Ask::Cancel { knock: KNOCK },
        Ask::Approve { knock: KNOCK, admission: cast.admission() },
        Ask::Deny { knock: KNOCK },
        Ask::Resume { room: cast.room, admission: cast.admission(), last_event: 7 },
        Ask::Reopen {
            founding: cast.founding,
            successions: vec![],
            code: code(),
            admission: cast.host_admission(),
            members: vec![(name("Workshop"), cast.admission())],
            removals: vec![cast.removal()],
            locked: false,
            next_event: 9,
        },
        Ask::Leave,
        Ask::Remove { removal: cast.removal() },
        Ask::Lock { locked: true },
        Ask::Mute { member: cast.workshop.peer() },
        Ask::End,
        Ask::NameSuccessor { succession: cast.succession() },
        Ask::State {
            state: MemberState {
                muted: true,
                camera_off: false,
                presenting: 3,
                link: Some(LinkQuality::WeakNetwork),
            },
        },
        Ask::Opaque {
            class: CLASS_CHAT.into(),
            to: vec![cast.boardroom.peer()],
            bytes: serde_json::to_vec(&cast.private_chat()).unwrap(),
        },
        Ask::Time { sent_us: 5_000_000 },
        Ask::Status { after: None },
    ];
    (1..).zip(asks).map(|(request, body)| ToRelay { request, body }).collect()
}

/// One of every event.
pub(crate) fn events() -> Vec<RoomEvent> {
    let cast = cast();
    let workshop = cast.workshop.peer();
    vec![
        RoomEvent::Joined { member: cast.member("Workshop", cast.admission(), 5) },
        RoomEvent::Left { member: workshop, why: LeftWhy::Left },
        RoomEvent::Left { member: workshop, why: LeftWhy::Lost },
        RoomEvent::Left { member: cast.studio.peer(), why: LeftWhy::Removed { removal: cast.removal() } },
        RoomEvent::Away { member: workshop, grace_ms: 120_000 },
        RoomEvent::Back { member: workshop },
        RoomEvent::State { member: workshop, state: MemberState { muted: true, ..MemberState::default() } },
        RoomEvent::Locked { locked: true },
        RoomEvent::HostChanged { succession: cast.succession() },
        RoomEvent::Opaque {
            from: workshop,
            class: CLASS_CHAT.into(),
            to: vec![],
            bytes: serde_json::to_vec(&cast.public_chat()).unwrap(),
        },
        RoomEvent::Withheld,
    ]
}

/// One of every answer and news; the answers name the request in [`asks`] that they belong to.
pub(crate) fn tells() -> Vec<ToKiosk> {
    let cast = cast();
    let boardroom = cast.boardroom.peer();
    let status = |identity, label: &str, address: Option<&str>| KioskStatus {
        identity,
        name: name(label),
        address: address.map(|address| address.parse().unwrap()),
    };
    let answers = [
        (1, Tell::Welcome(welcome(&cast))),
        (2, Tell::Entered(Box::new(entered(&cast)))),
        (3, Tell::Knocking { knock: KNOCK, host: boardroom, host_name: name("Boardroom") }),
        (
            3,
            Tell::Error(RelayError {
                code: ErrorCode::NoSuchRoom,
                detail: String::new(),
                retry_after_ms: Some(1_000),
            }),
        ),
        (9, Tell::Done),
        (16, Tell::Accepted { number: 4 }),
        (
            17,
            Tell::Time {
                sent_us: 5_000_000,
                received_us: 90_000_200,
                answered_us: 90_000_260,
                time_ms: NOW_MS,
            },
        ),
        (
            18,
            Tell::Status(Status {
                rooms: vec![RoomStatus {
                    room: cast.room,
                    code: code(),
                    locked: false,
                    host: boardroom,
                    members: vec![status(boardroom, "Boardroom", Some("192.0.2.7:40412"))],
                    knocking: 1,
                }],
                idle_left_out: 0,
                idle: vec![status(cast.workshop.peer(), "Workshop", Some("[2001:db8::7]:40414"))],
                more: false,
                uptime_s: 3_600,
            }),
        ),
    ];
    let news = [
        Tell::KnockArrived { knock: KNOCK, identity: cast.workshop.peer(), name: name("Workshop") },
        Tell::KnockGone { knock: KNOCK, why: KnockGoneWhy::Cancelled },
        Tell::Denied { knock: KNOCK, why: DeniedWhy::Denied },
        Tell::MuteRequested { by: boardroom },
        Tell::Alarm { wrong_codes: 12, within_ms: 60_000 },
        Tell::Closed { room: cast.room, why: ClosedWhy::Ended },
        Tell::Stopping { why: StoppingWhy::Shutdown },
        Tell::Redirect { endpoint: "[2001:db8::2]:5000".into(), identity: cast.relay.peer() },
    ];
    let answers = answers.into_iter().map(|(re, body)| ToKiosk { re: Some(re), body });
    let news = news.into_iter().map(|body| ToKiosk { re: None, body });
    let events =
        (1..).zip(events()).map(|(number, event)| ToKiosk { re: None, body: Tell::Event { number, event } });
    answers.chain(news).chain(events).collect()
}

fn welcome(cast: &Cast) -> Welcome {
    Welcome {
        version: 1,
        features: vec![feature::OPAQUE.into()],
        software: "vestibule-relay 0.1.0".into(),
        identity: cast.relay.peer(),
        suite: Suite::ChaCha20Poly1305,
        session: SESSION,
        media: vec![
            MediaEndpoint { address: None, port: 5001 },
            MediaEndpoint { address: Some("192.0.2.1".parse().unwrap()), port: 5001 },
        ],
        time_ms: NOW_MS,
        limits: Limits {
            members: 30,
            member_grace_ms: 120_000,
            host_grace_ms: 60_000,
            knock_timeout_ms: 300_000,
            idle_timeout_ms: 30_000,
        },
    }
}

fn entered(cast: &Cast) -> Entered {
    Entered {
        knock: None,
        room: cast.room,
        code: code(),
        founding: cast.founding,
        successions: vec![],
        admission: cast.host_admission(),
        members: vec![cast.member("Boardroom", cast.host_admission(), 1)],
        removals: vec![],
        locked: false,
        next_event: 2,
    }
}
