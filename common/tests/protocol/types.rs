//! The lists of `type`s name exactly the variants, and one of every message reads back from its JSON.

use std::collections::BTreeSet;

use serde_json::Value;
use vestibule_common::control::{Ask, ErrorCode, RoomEvent, Tell, parse_ask, parse_tell};

use crate::samples::{asks, events, tells};

/// Every code. A code that is added must be added to `position`, and then here.
pub(crate) const ERROR_CODES: [ErrorCode; 25] = [
    ErrorCode::Version,
    ErrorCode::BadProof,
    ErrorCode::NoSuite,
    ErrorCode::Malformed,
    ErrorCode::UnknownType,
    ErrorCode::Greeting,
    ErrorCode::NoSuchRoom,
    ErrorCode::TooManyAttempts,
    ErrorCode::Locked,
    ErrorCode::Full,
    ErrorCode::Silenced,
    ErrorCode::NotHost,
    ErrorCode::NotInRoom,
    ErrorCode::Busy,
    ErrorCode::KnockGone,
    ErrorCode::Refused,
    ErrorCode::WaitingForHost,
    ErrorCode::Ended,
    ErrorCode::Removed,
    ErrorCode::NoSuchMember,
    ErrorCode::TooLarge,
    ErrorCode::TooFast,
    ErrorCode::Stopping,
    ErrorCode::Replaced,
    ErrorCode::Other,
];

/// Fails to compile when a code is added and not listed.
fn position(code: ErrorCode) -> usize {
    match code {
        ErrorCode::Version => 0,
        ErrorCode::BadProof => 1,
        ErrorCode::NoSuite => 2,
        ErrorCode::Malformed => 3,
        ErrorCode::UnknownType => 4,
        ErrorCode::Greeting => 5,
        ErrorCode::NoSuchRoom => 6,
        ErrorCode::TooManyAttempts => 7,
        ErrorCode::Locked => 8,
        ErrorCode::Full => 9,
        ErrorCode::Silenced => 10,
        ErrorCode::NotHost => 11,
        ErrorCode::NotInRoom => 12,
        ErrorCode::Busy => 13,
        ErrorCode::KnockGone => 14,
        ErrorCode::Refused => 15,
        ErrorCode::WaitingForHost => 16,
        ErrorCode::Ended => 17,
        ErrorCode::Removed => 18,
        ErrorCode::NoSuchMember => 19,
        ErrorCode::TooLarge => 20,
        ErrorCode::TooFast => 21,
        ErrorCode::Stopping => 22,
        ErrorCode::Replaced => 23,
        ErrorCode::Other => 24,
    }
}

/// The `type` of a request; fails to compile when a variant is added and not listed.
fn ask_type(ask: &Ask) -> &'static str {
    match ask {
        Ask::Hello(_) => "hello",
        Ask::Create { .. } => "create",
        Ask::Knock { .. } => "knock",
        Ask::Cancel { .. } => "cancel",
        Ask::Approve { .. } => "approve",
        Ask::Deny { .. } => "deny",
        Ask::Resume { .. } => "resume",
        Ask::Reopen { .. } => "reopen",
        Ask::Leave => "leave",
        Ask::Remove { .. } => "remove",
        Ask::Lock { .. } => "lock",
        Ask::Mute { .. } => "mute",
        Ask::End => "end",
        Ask::NameSuccessor { .. } => "name_successor",
        Ask::State { .. } => "state",
        Ask::Opaque { .. } => "opaque",
        Ask::Time { .. } => "time",
        Ask::Status { .. } => "status",
    }
}

fn tell_type(tell: &Tell) -> &'static str {
    match tell {
        Tell::Welcome(_) => "welcome",
        Tell::Error(_) => "error",
        Tell::Done => "done",
        Tell::Knocking { .. } => "knocking",
        Tell::Entered(_) => "entered",
        Tell::Accepted { .. } => "accepted",
        Tell::Time { .. } => "time",
        Tell::Status(_) => "status",
        Tell::KnockArrived { .. } => "knock_arrived",
        Tell::KnockGone { .. } => "knock_gone",
        Tell::Denied { .. } => "denied",
        Tell::Event { .. } => "event",
        Tell::MuteRequested { .. } => "mute_requested",
        Tell::Alarm { .. } => "alarm",
        Tell::Closed { .. } => "closed",
        Tell::Stopping { .. } => "stopping",
        Tell::Redirect { .. } => "redirect",
    }
}

/// The `event` of an event.
pub(crate) fn event_type(event: &RoomEvent) -> &'static str {
    match event {
        RoomEvent::Joined { .. } => "joined",
        RoomEvent::Left { .. } => "left",
        RoomEvent::Away { .. } => "away",
        RoomEvent::Back { .. } => "back",
        RoomEvent::State { .. } => "state",
        RoomEvent::Locked { .. } => "locked",
        RoomEvent::HostChanged { .. } => "host_changed",
        RoomEvent::Opaque { .. } => "opaque",
        RoomEvent::Withheld => "withheld",
    }
}

#[test]
fn the_lists_of_types_are_the_enums() {
    let sampled: BTreeSet<_> = asks().iter().map(|ask| ask_type(&ask.body)).collect();
    assert_eq!(sampled, Ask::TYPES.iter().copied().collect());
    assert_eq!(sampled.len(), Ask::TYPES.len(), "a type is listed twice");
    let sampled: BTreeSet<_> = tells().iter().map(|tell| tell_type(&tell.body)).collect();
    assert_eq!(sampled, Tell::TYPES.iter().copied().collect());
    assert_eq!(sampled.len(), Tell::TYPES.len(), "a type is listed twice");
    for (index, code) in ERROR_CODES.into_iter().enumerate() {
        assert_eq!(position(code), index);
    }
}

#[test]
fn every_message_reads_back_from_its_json() {
    for ask in asks() {
        let json = serde_json::to_vec(&ask).unwrap();
        let value: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value["type"], ask_type(&ask.body));
        assert_eq!(parse_ask(&json).unwrap(), ask);
    }
    for tell in tells() {
        let json = serde_json::to_vec(&tell).unwrap();
        let value: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value["type"], tell_type(&tell.body));
        assert_eq!(parse_tell(&json).unwrap(), tell);
    }
    for event in events() {
        assert_eq!(serde_json::to_value(&event).unwrap()["event"], event_type(&event));
    }
}

#[test]
fn an_error_code_of_a_later_version_is_survived() {
    let told = parse_tell(br#"{"re":1,"type":"error","code":"from_the_future"}"#).unwrap();
    let Tell::Error(error) = told.body else { panic!("not an error: {told:?}") };
    assert_eq!(error.code, ErrorCode::Other);
}

#[test]
fn fields_that_are_there_twice_or_null_are_as_documented() {
    for bad in [
        r#"{"request":1,"request":2,"type":"leave"}"#,
        r#"{"request":1,"type":"leave","type":"end"}"#,
        r#"{"request":1,"type":"lock","locked":true,"locked":false}"#,
        r#"{"request":1,"type":"opaque","class":"chat","to":null,"bytes":""}"#,
        r#"{"request":1,"type":"leave"} {}"#,
    ] {
        assert!(parse_ask(bad.as_bytes()).is_err(), "{bad}");
    }
    for good in [r#"{"request":1,"type":"status","after":null}"#, r#"{"type":"status","request":1}"#] {
        assert_eq!(parse_ask(good.as_bytes()).unwrap().body, Ask::Status { after: None }, "{good}");
    }
    let error = parse_tell(br#"{"re":null,"type":"error","code":"full","retry_after_ms":null}"#).unwrap();
    assert_eq!(error.re, None);
}
