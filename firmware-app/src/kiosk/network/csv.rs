//! The history as a table, for whoever looks for a fault later: RFC 4180, one line a second for the own link and for each
//! room. Units stand in the columns' names; an empty field is not known.
//!
//! `seconds` is how long the room had been in the meeting. `kind` is `link` or `room`, `room` the room's name. `_ms` are
//! milliseconds, `_percent` parts of packets or sound, `_kbps` thousand bits a second, `_per_s` times a second, `_bytes`
//! bytes; layers are 0 to 3 for 144, 240, 360 and 480 lines, joined by `+`.

use vestibule_common::time::Duration;
use vestibule_common::unit::Bitrate;

use super::history::NetworkHistory;
use super::sample::{Layer, Limit, LinkQuality, LinkSample, PerSecond, RoomSample, Share};

/// A column: its name and its field.
type Column<T> = (&'static str, fn(&T) -> Option<String>);

/// Of the own link.
const LINK: [Column<LinkSample>; 19] = [
    ("round_trip_ms", |link| ms(link.round_trip)),
    ("jitter_up_ms", |link| ms(link.up.jitter)),
    ("jitter_down_ms", |link| ms(link.down.jitter)),
    ("loss_up_percent", |link| percent(link.up.loss)),
    ("loss_down_percent", |link| percent(link.down.loss)),
    ("sent_kbps", |link| kbps(link.up.bitrate)),
    ("received_kbps", |link| kbps(link.down.bitrate)),
    ("estimate_up_kbps", |link| kbps(link.up.estimate)),
    ("estimate_down_kbps", |link| kbps(link.down.estimate)),
    ("allotment_up_kbps", |link| kbps(link.up.allotment)),
    ("allotment_down_kbps", |link| kbps(link.down.allotment)),
    ("retransmitted_up_per_s", |link| per_second(link.up.retransmissions)),
    ("retransmitted_down_per_s", |link| per_second(link.down.retransmissions)),
    ("congestion_window_bytes", |link| link.congestion_window.map(|size| size.as_bytes().to_string())),
    ("frames_captured_per_s", |link| per_second(link.frames_captured)),
    ("frames_sent_per_s", |link| per_second(link.frames_sent)),
    ("layers_sent", |link| link.layers.map(|layers| layers.iter().map(number).collect::<Vec<_>>().join("+"))),
    ("limited_by", |link| link.limit.map(|limit| limited_by(limit).to_owned())),
    ("relay_busy", |link| link.relay_busy.map(|busy| u8::from(busy).to_string())),
];

/// Of a room.
const ROOM: [Column<RoomSample>; 19] = [
    ("room_kbps", |room| kbps(room.bitrate)),
    ("frames_received_per_s", |room| per_second(room.frames_received)),
    ("frames_decoded_per_s", |room| per_second(room.frames_decoded)),
    ("frames_shown_per_s", |room| per_second(room.frames_shown)),
    ("layer_shown", |room| room.layer.map(number)),
    ("jitter_buffer_ms", |room| ms(room.jitter_buffer)),
    ("loss_percent", |room| percent(room.loss)),
    ("concealed_percent", |room| percent(room.concealed)),
    ("repaired_per_s", |room| per_second(room.repaired)),
    ("says_of_itself", |room| room.quality.map(|quality| says(quality).to_owned())),
    ("delay_capture_ms", |room| ms(room.stages.capture)),
    ("delay_encode_ms", |room| ms(room.stages.encode)),
    ("delay_pace_ms", |room| ms(room.stages.pace)),
    ("delay_network_ms", |room| ms(room.stages.network)),
    ("delay_relay_ms", |room| ms(room.stages.relay)),
    ("delay_jitter_buffer_ms", |room| ms(room.stages.jitter_buffer)),
    ("delay_decode_ms", |room| ms(room.stages.decode)),
    ("delay_paint_ms", |room| ms(room.stages.paint)),
    ("delay_error_ms", |room| ms(room.stages.error)),
];

/// The whole history, with its header.
pub fn csv(history: &NetworkHistory) -> String {
    let mut table = String::from("seconds,kind,room");
    let names = LINK.iter().map(|(name, _)| *name).chain(ROOM.iter().map(|(name, _)| *name));
    names.for_each(|name| field(&mut table, name));
    table.push_str("\r\n");
    for moment in history.moments() {
        line(&mut table, moment.into, "link", "", Some(&moment.link), None);
        for (peer, name) in history.rooms() {
            // A room of which nothing was heard in this second has a line too, an empty one.
            line(
                &mut table,
                moment.into,
                "room",
                name,
                None,
                Some(moment.rooms.get(peer).unwrap_or(&RoomSample::default())),
            );
        }
    }
    table
}

fn line(
    table: &mut String,
    into: Duration,
    kind: &str,
    name: &str,
    link: Option<&LinkSample>,
    room: Option<&RoomSample>,
) {
    table.push_str(&thousandths(into.as_millis()));
    field(table, kind);
    field(table, name);
    for (_, of) in &LINK {
        field(table, &link.and_then(of).unwrap_or_default());
    }
    for (_, of) in &ROOM {
        field(table, &room.and_then(of).unwrap_or_default());
    }
    table.push_str("\r\n");
}

/// The newest second in words: one line for the own link, one for each room, each with what is known.
pub fn lines(history: &NetworkHistory) -> Vec<String> {
    let Some(newest) = history.moments().next_back() else { return Vec::new() };
    let mut lines = vec![said("link".into(), &LINK, &newest.link)];
    for (peer, name) in history.rooms() {
        let room = newest.rooms.get(peer).cloned().unwrap_or_default();
        lines.push(said(format!("room {name:?}"), &ROOM, &room));
    }
    lines
}

fn said<T>(mut line: String, columns: &[Column<T>], sample: &T) -> String {
    for (name, of) in columns {
        if let Some(value) = of(sample) {
            line.extend([" ", name, "=", &value]);
        }
    }
    line
}

/// A comma and a field, quoted where it must be.
fn field(table: &mut String, text: &str) {
    table.push(',');
    if text.contains([',', '"', '\r', '\n']) {
        table.extend(["\"", &text.replace('"', "\"\""), "\""]);
    } else {
        table.push_str(text);
    }
}

/// A number of thousandths, with its decimals.
fn thousandths(number: u128) -> String {
    format!("{}.{:03}", number / 1000, number % 1000)
}

fn ms(time: Option<Duration>) -> Option<String> {
    time.map(|time| thousandths(time.as_micros()))
}

fn percent(share: Option<Share>) -> Option<String> {
    share.map(|share| thousandths(u128::from(share.as_ppm() / 10)))
}

fn kbps(rate: Option<Bitrate>) -> Option<String> {
    rate.map(|rate| thousandths(u128::from(rate.as_bps())))
}

fn per_second(rate: Option<PerSecond>) -> Option<String> {
    rate.map(|rate| thousandths(u128::from(rate.as_milli())))
}

fn number(layer: Layer) -> String {
    (layer as u8).to_string()
}

fn limited_by(limit: Limit) -> &'static str {
    match limit {
        Limit::Nothing => "nothing",
        Limit::Network => "network",
        Limit::Device => "device",
    }
}

fn says(quality: LinkQuality) -> &'static str {
    match quality {
        LinkQuality::Good => "good",
        LinkQuality::WeakNetwork => "weak network",
        LinkQuality::BusyDevice => "busy device",
    }
}
