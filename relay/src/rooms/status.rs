//! What an operator sees: meetings and kiosks, in pages that fit a control frame.

use vestibule_common::control::{KioskStatus, RoomStatus, Status};
use vestibule_common::id::RoomId;
use vestibule_common::time::Time;

use super::room::{Presence, Room};
use super::{Connection, Place, Rooms};

/// The most bytes of a page's JSON, well below a frame's.
const MAX_PAGE: usize = 48 * 1024;
/// What a page takes besides its entries.
const ENVELOPE: usize = 256;

impl Rooms {
    /// A page of the status: rooms by id, after `after`; kiosks without a room on the last page, as many as fit (the
    /// others are counted in `idle_left_out`). `now` counts from the relay's start.
    pub fn status(&self, after: Option<RoomId>, now: Time) -> Status {
        let mut left = MAX_PAGE - ENVELOPE;
        let mut status = Status {
            rooms: Vec::new(),
            idle: Vec::new(),
            idle_left_out: 0,
            more: false,
            uptime_s: now.since(Time::ZERO).as_secs(),
        };
        for (_, room) in self.rooms.iter().filter(|(id, _)| after.is_none_or(|after| **id > after)) {
            let entry = self.room_status(room);
            if !fits(&entry, &mut left) {
                status.more = true;
                return status;
            }
            status.rooms.push(entry);
        }
        for connection in self.connections.values() {
            match connection.place {
                Place::Idle | Place::Trying { .. } | Place::Knocking { .. } => {
                    let entry = kiosk_status(connection);
                    if status.idle_left_out == 0 && fits(&entry, &mut left) {
                        status.idle.push(entry);
                    } else {
                        status.idle_left_out += 1;
                    }
                }
                Place::InRoom(_) | Place::Leaving => {}
            }
        }
        status
    }

    /// How many meetings there are.
    pub fn room_count(&self) -> usize {
        self.rooms.len()
    }

    /// How many kiosks are connected.
    pub fn kiosk_count(&self) -> usize {
        self.connections.len()
    }

    fn room_status(&self, room: &Room) -> RoomStatus {
        let members = room.roster.members.values().map(|member| {
            let address = room.seats.get(&member.id()).and_then(|seat| match seat.presence {
                Presence::Present { connection, .. } => Some(self.connections.get(&connection)?.source),
                Presence::Away { .. } | Presence::Leaving { .. } => None,
            });
            KioskStatus { identity: member.id(), name: member.name.clone(), address }
        });
        RoomStatus {
            room: room.id(),
            code: room.code,
            locked: room.roster.locked,
            host: room.host(),
            members: members.collect(),
            knocking: u16::try_from(room.knocks.len()).unwrap_or(u16::MAX),
        }
    }
}

fn kiosk_status(kiosk: &Connection) -> KioskStatus {
    KioskStatus { identity: kiosk.peer, name: kiosk.name.clone(), address: Some(kiosk.source) }
}

/// Whether an entry still fits a page with `left` bytes; takes them if so.
fn fits(entry: &impl serde::Serialize, left: &mut usize) -> bool {
    let Ok(json) = serde_json::to_vec(entry) else { return false };
    match left.checked_sub(json.len() + 1) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}
