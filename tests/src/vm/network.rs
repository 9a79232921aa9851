//! The rooms' network: network namespaces in one machine, joined by a bridge, each with its own cable to spoil.
//!
//! A program runs in the room's place with `ip netns exec ROOM program`. The machine itself is on the bridge too, at
//! 10.77.0.1 and fd77::1; the rooms count on from 2.

use super::{Error, Machine};

/// What a cable does to what a room sends; [`Shape::default`] is a good cable. Both directions of a call are shaped by
/// shaping both rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// Added delay, milliseconds.
    pub delay_ms: u32,
    /// How far the delay varies either way, milliseconds. Packets overtake each other when it is large.
    pub jitter_ms: u32,
    /// Packets lost, percent.
    pub loss_percent: f32,
    /// Packets delivered twice, percent.
    pub duplicate_percent: f32,
    /// Bandwidth, kbit/s.
    pub rate_kbit: Option<u32>,
}

/// A network of rooms.
pub struct Network<'a> {
    machine: &'a Machine,
    rooms: Vec<String>,
}

impl<'a> Network<'a> {
    /// Lays cables from a bridge to one namespace for each name. Names are at most 11 letters.
    ///
    /// # Errors
    /// When the guest does not take it.
    pub fn lay(machine: &'a Machine, rooms: &[&str]) -> Result<Network<'a>, Error> {
        let mut script = String::from(
            "set -e; modprobe -a bridge veth; ip link add hub type bridge; ip link set hub up\n\
             ip address add 10.77.0.1/24 dev hub; ip -6 address add fd77::1/64 dev hub nodad\n",
        );
        for (index, room) in rooms.iter().enumerate() {
            let number = index + 2;
            script.push_str(&format!(
                "ip netns add {room}; ip link add to-{room} type veth peer name eth0 netns {room}\n\
                 ip link set to-{room} master hub up; ip -n {room} link set lo up; ip -n {room} link set eth0 up\n\
                 ip -n {room} address add 10.77.0.{number}/24 dev eth0\n\
                 ip -n {room} -6 address add fd77::{number:x}/64 dev eth0 nodad\n"
            ));
        }
        machine.sh(&script)?;
        Ok(Network { machine, rooms: rooms.iter().map(|room| (*room).to_owned()).collect() })
    }

    /// A room's IPv4 address, or the machine's own for a name that is no room.
    pub fn address(&self, room: &str) -> String {
        let number = self.rooms.iter().position(|known| known == room).map_or(1, |index| index + 2);
        format!("10.77.0.{number}")
    }

    /// Spoils, or with the default repairs, what a room sends from now on.
    ///
    /// # Errors
    /// When the room does not exist.
    pub fn shape(&self, room: &str, shape: Shape) -> Result<(), Error> {
        let mut netem = format!(
            "delay {}ms {}ms loss {}% duplicate {}% limit 10000",
            shape.delay_ms, shape.jitter_ms, shape.loss_percent, shape.duplicate_percent
        );
        if let Some(rate) = shape.rate_kbit {
            netem.push_str(&format!(" rate {rate}kbit"));
        }
        self.machine
            .sh(&format!("modprobe sch_netem; tc -n {room} qdisc replace dev eth0 root netem {netem}"))
            .map(drop)
    }

    /// Pulls a room's cable, or plugs it in again.
    ///
    /// # Errors
    /// When the room does not exist.
    pub fn connect(&self, room: &str, plugged: bool) -> Result<(), Error> {
        let state = if plugged { "up" } else { "down" };
        self.machine.sh(&format!("ip link set to-{room} {state}")).map(drop)
    }
}
