//! What the shell tells the kiosk's core: the connection, the relay's messages, and what each device reports.

use vestibule_common::control::{ToKiosk, Welcome};
use vestibule_common::id::PeerId;

use super::network::NetworkSample;
use crate::device::{Button, Contact, DeviceError};
use crate::view::PictureId;

/// One thing that has happened.
#[allow(clippy::large_enum_variant, reason = "few at a time, gone at once: a box costs more")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// The room's sound is being recorded for diagnosis (true), or no longer.
    Recording(bool),
    /// The relay is being looked for on the network; sent when that takes longer than a moment.
    Searching,
    /// Answer to `Effect::FindRelays`: everything that was found, an empty list included. A relay that is configured
    /// by address only belongs to it too, with the key it showed.
    RelaysFound(Vec<FoundRelay>),
    /// The relay is connected, its key is the expected one, and the greetings are exchanged.
    Connected {
        /// The relay's greeting.
        welcome: Box<Welcome>,
        /// Where it is, for the settings screen: `192.168.1.10:5000`.
        address: String,
    },
    /// The connection has ended, or could not be made.
    Disconnected {
        /// Why.
        why: LinkLoss,
        /// The cause in technical words, for the log and the caretaker.
        detail: String,
    },
    /// A message of the relay other than its greeting.
    Message(ToKiosk),
    /// What the audio gate does now. Lamp, icon and the other rooms follow this and nothing else.
    MicrophoneState(GateReport),
    /// What the camera does now.
    Camera(CameraState),
    /// What the presentation's grabber does now.
    Presentation(CameraState),
    /// The speaker.
    Speaker(DeviceState),
    /// The buttons and their lamps.
    Buttons(DeviceState),
    /// A button's contact, whenever it changes; both are open when the buttons were found.
    Contact {
        /// Whose.
        button: Button,
        /// How it is now.
        contact: Contact,
    },
    /// What the network did in the last second; told once a second in a meeting.
    Network(Box<NetworkSample>),
    /// Answer to `Effect::WriteNetworkLog`: the file's path, or why there is none.
    NetworkLog(Result<String, String>),
    /// Another room has begun or ceased to speak.
    VoiceActive {
        /// Who.
        peer: PeerId,
        /// It speaks.
        speaking: bool,
    },
    /// Somebody in this room has begun or ceased to speak; also told while the gate is closed.
    OwnVoice {
        /// Somebody speaks.
        speaking: bool,
    },
    /// How loud the microphone is, open or closed, in steps from 0 (silence) to [`LEVELS`] (full scale).
    OwnLevel(u8),
    /// Another room's pictures have begun to arrive, or no longer do.
    PictureState {
        /// Which.
        picture: PictureId,
        /// A picture was shown within the last moment.
        arriving: bool,
    },
}

/// Steps of the microphone's level: few enough that the screen changes only when the eye sees it.
pub const LEVELS: u8 = 10;

/// A relay on the network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundRelay {
    /// Its key: announced, or shown in its certificate.
    pub peer: PeerId,
    /// `host:port` of its control channel.
    pub address: String,
}

/// Why there is no connection to the relay.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum LinkLoss {
    /// It does not answer, or the connection broke.
    RelayGone,
    /// Discovery does not find it, and no address is known.
    NotFound,
    /// It speaks no version of the protocol that this kiosk speaks.
    OtherVersion,
    /// Something answers with another key than the pinned one.
    ChangedIdentity,
    /// It refused the greeting: proof, cipher or form.
    Refused,
    /// It said that it stops.
    Stopping,
    /// A newer connection of the same kiosk took this one's place: two kiosks share one key.
    Replaced,
}

/// What the audio gate says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GateReport {
    /// Samples leave.
    Open,
    /// No sample leaves.
    Closed,
    /// There is no microphone, so no sample leaves.
    Missing(DeviceError),
    /// The gate cannot say what it does.
    Fault(String),
}

/// What the camera does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CameraState {
    /// Open: pictures are taken. The text says what it is and in which format.
    On(String),
    /// Closed.
    Off,
    /// It cannot be used; the shell goes on trying while it is wanted.
    Failed(DeviceError),
}

/// What another device does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeviceState {
    /// In use; the text names it.
    Ready(String),
    /// It cannot be used; the shell goes on trying.
    Failed(DeviceError),
}
