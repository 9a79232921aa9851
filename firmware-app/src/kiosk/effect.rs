//! What the kiosk's core wants done. The shell does it and reports what came of it as `News`.

use vestibule_common::control::{Streams, ToRelay};
use vestibule_common::id::PeerId;

use super::config::Settings;
use crate::audio::EchoMode;
use crate::device::Button;
use crate::session::Ticket;

/// One thing to do, in this order.
#[allow(clippy::large_enum_variant, reason = "few at a time, gone at once: a box costs more")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Send this on the control connection; dropped when there is none.
    Send(ToRelay),
    /// Open or close the audio gate. Answered by `News::MicrophoneState` within 300 ms, also when nothing changes.
    Gate(GateState),
    /// Keep the microphone open behind the closed gate too, where muting closes it (true), or no longer.
    Listen(bool),
    /// Switch a button's lamp.
    Lamp(Button, LampState),
    /// Open the camera (true) or close it.
    Camera(bool),
    /// What is wanted of what shows a laptop's screen.
    Presentation(Grabber),
    /// What is sent and played.
    Media(Media),
    /// The speaker's volume, 0 to 100.
    Volume(u8),
    /// What is done about the speaker's sound in the microphone.
    Echo(EchoMode),
    /// Play a sound once.
    Chime(Chime),
    /// Keep this over power cuts, or forget what was kept.
    KeepTicket(Option<Box<Ticket>>),
    /// Keep this over restarts.
    KeepSettings(Settings),
    /// Write this table to a file of its own beside the recordings; answered by `News::NetworkLog`.
    WriteNetworkLog(String),
    /// Look for relays on the network; answered by `News::RelaysFound`.
    FindRelays,
    /// Connect now; answered by `News::Connected` or `News::Disconnected`. The core chooses the moment.
    Connect(Destination),
    /// Close the connection, if there is one, without reporting it. `Connect` follows when it is time.
    Disconnect,
    /// Trust this relay from now on and keep its key over restarts, with the address where it was found.
    Pin {
        /// Its key.
        peer: PeerId,
        /// `host:port` of its control channel.
        address: String,
    },
    /// Trust no relay any more.
    Forget,
    /// A line for the log.
    Log {
        /// How much it matters.
        level: log::Level,
        /// The line, in English.
        text: String,
    },
}

/// Whether sound leaves the room.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum GateState {
    /// Samples leave.
    Open,
    /// No sample leaves.
    Closed,
}

/// A lamp.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum LampState {
    /// Dark.
    Off,
    /// Lit. In the mute button: no sample leaves.
    On,
    /// On and off, half a second each: somebody knocks.
    Blinking,
    /// Two flashes and a pause, as nothing else does. In the mute button: the gate does not say what it does.
    Fault,
}

/// What is sent to and played from the other rooms. Nothing is played or shown of a room that is not named here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Media {
    /// In a meeting, anew: replaces everything before it.
    Join {
        /// This kiosk's streams.
        own: Streams,
        /// The other rooms' streams.
        others: Vec<(PeerId, Streams)>,
    },
    /// Play this room too.
    Add(PeerId, Streams),
    /// No longer play this room.
    Drop(PeerId),
    /// Of all presentations show this room's, or none. Holds until told otherwise.
    Present(Option<PeerId>),
    /// Send and play nothing.
    Stop,
}

/// What is wanted of a presentation's grabber.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Grabber {
    /// It is closed.
    #[default]
    Closed,
    /// It is open, and nothing of it leaves.
    Open,
    /// The other rooms are told that this one presents, and receive it.
    Sending,
}

/// Sounds the kiosk makes by itself.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Chime {
    /// Somebody is at the door.
    Knock,
    /// A room joined, or this one was let in.
    Joined,
    /// A room left.
    Left,
    /// "Anyone there?"
    AnyoneThere,
    /// Something is wrong.
    Alarm,
    /// The test page's tone.
    Test,
}

/// Where to connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// The pinned relay: at its configured address, where it was last, or where discovery finds it,
    /// whichever proves its key first.
    Pinned(PeerId),
    /// A relay at this address, or else where discovery finds it, which must show this key.
    At {
        /// Its key.
        peer: PeerId,
        /// `host:port` of its control channel.
        address: String,
    },
}
