//! Every sentence the kiosk says, in every language the screen speaks. The core chooses a [`Sentence`]; its words come
//! from one table a language. The log is written in English.

mod english;
mod german;
mod network;

use vestibule_common::id::RoomCode;

use super::Language;
use crate::device::Button;
pub use network::NetworkWords;

/// Something to say, with what belongs in it. Names are labels as the roster gives them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sentence {
    // Home: one line of state.
    /// Nothing is going on, everything works.
    Ready,
    /// Ready, but without a camera.
    NoCamera,
    /// Ready, but another program has the camera.
    CameraBusy,
    /// Ready, but without a microphone.
    NoMicrophone,
    /// Ready, but without a speaker.
    NoSpeaker,
    /// Ready, but without its buttons.
    NoButtons,
    /// Ready, but something is wrong with a button.
    ButtonFaulty(Button),
    /// The relay is being looked for or connected.
    LookingForRelay,
    /// A meeting is being started.
    Starting,
    /// "Rejoin 482 913".
    Rejoin(RoomCode),

    // The relay.
    /// It does not answer.
    RelayGone {
        /// Until the next try.
        seconds: u64,
    },
    /// It is nowhere on the network.
    RelayNotFound {
        /// Until the next try.
        seconds: u64,
    },
    /// It speaks another version of the protocol.
    RelayOtherVersion,
    /// Something else answers in its place.
    RelayChanged,
    /// It refuses this kiosk.
    RelayRefused,
    /// It was stopped.
    RelayStopped {
        /// Until the next try.
        seconds: u64,
    },
    /// Another kiosk uses this one's key.
    RelayReplaced,
    /// It will stop in a moment.
    RelayStopping,
    /// It wants this kiosk to go to a relay that nobody has confirmed.
    RedirectRefused,
    /// Wrong codes pile up.
    WrongCodes {
        /// How many.
        count: u32,
        /// Within how many minutes.
        minutes: u64,
    },

    // Typing a code, knocking.
    /// Above the boxes.
    TypeCode,
    /// No room has this code.
    NoSuchRoom {
        /// As typed.
        code: RoomCode,
        /// The relay that was asked.
        relay: String,
    },
    /// Too many wrong codes.
    TooManyAttempts,
    /// The host keeps newcomers out.
    RoomLocked,
    /// No place left.
    RoomFull,
    /// Refused twice in this meeting.
    Silenced,
    /// The relay cannot do this now.
    NotNow,
    /// The relay has no place for another meeting.
    RelayFull,
    /// The meeting waits for its host after the relay was restarted.
    HostMissing,
    /// A meeting cannot be started now.
    NotStarted,
    /// The connection was lost on the way in.
    LostOnTheWay,
    /// "Knocking at 482 913...".
    KnockingAt(RoomCode),
    /// "Waiting for Boardroom".
    WaitingFor {
        /// The host's name.
        host: String,
    },
    /// What happens next while waiting.
    WaitingDetail,
    /// On the way back into a meeting.
    ReturningTo(RoomCode),
    /// What happens next on the way back.
    ReturningDetail,
    /// The host said no.
    Denied {
        /// The host's name.
        host: String,
    },
    /// Nobody answered the knock.
    KnockTimedOut {
        /// The host's name.
        host: String,
    },
    /// The meeting ended while this room waited.
    EndedWhileWaiting,

    // Out of a meeting.
    /// The host ended it.
    MeetingEnded,
    /// The host removed this room.
    RemovedHere,
    /// The relay does not let this room come back.
    NoWayBack,
    /// Coming back took too long.
    TooLate,
    /// Nobody was there.
    LeftForSilence,
    /// The relay let somebody in.
    Unapproved {
        /// The room that was let in.
        room: String,
    },
    /// The meeting is not what it claims to be.
    FalseMeeting,

    // In a meeting.
    /// Nobody else is there yet.
    Alone(RoomCode),
    /// A room joined.
    Joined {
        /// Which.
        room: String,
    },
    /// A room left.
    Left {
        /// Which.
        room: String,
    },
    /// A room was removed by this one, the host.
    RemovedByUs {
        /// Which.
        room: String,
    },
    /// The host removed a room.
    Removed {
        /// Which.
        room: String,
    },
    /// Another room hosts now.
    HostIs {
        /// Which.
        room: String,
    },
    /// This room hosts now.
    HostHere,
    /// Two rooms share a name.
    Twins {
        /// The name.
        name: String,
    },
    /// The host asked this room to mute itself, and it did.
    MutedByHost {
        /// The host.
        room: String,
    },
    /// In place of a picture: off by choice.
    CameraOff,
    /// In place of the own picture: there is none.
    CameraMissing,
    /// In place of the own picture: another program has it.
    CameraInUse,
    /// In place of the own picture: it failed.
    CameraFailed,
    /// In place of a picture: the room's connection is lost.
    Reconnecting,
    /// In place of a picture: it has not come yet.
    PictureComing,
    /// On what this room presents.
    YouPresent,
    /// On what another room presents.
    Presents {
        /// Which.
        room: String,
    },
    /// In place of what this room presents: the adapter is gone.
    NothingPluggedIn,
    /// This room cannot present.
    NothingToPresent,
    /// What this room presented is gone.
    PresentationLost,
    /// The gate does not report.
    GateFault,
    /// The microphone went away.
    MicrophoneLost,
    /// The microphone is back.
    MicrophoneBack,
    /// This room, among the others.
    ThisRoom,
    /// The network's numbers are in a file.
    NetworkLogWritten {
        /// Its path.
        path: String,
    },
    /// The network's numbers could not be written.
    NetworkLogFailed,
    /// For diagnosis, at the caretaker's wish.
    Recording,
    /// The speaker went away.
    SpeakerLost,
    /// The buttons went away.
    ButtonsLost,
    /// A button stays down.
    ButtonStuck(Button),
    /// A button's contact is loose.
    ButtonLoose(Button),
    /// What was asked for needs the relay.
    NeedsRelay,
    /// The knock was answered or taken back already.
    KnockWasGone,
    /// The relay refused what the host asked for.
    HostFailed,
    /// More knocks than can be shown.
    TooManyKnocks,

    // Knocks.
    /// "Workshop wants to join".
    WantsToJoin {
        /// Its name.
        room: String,
    },
    /// "or press the green button".
    PressGreen,
    /// So many more are at the door.
    MoreWait {
        /// How many.
        more: usize,
    },
    /// A room of this name is here already.
    SameName,

    // Chat and people.
    /// Everyone, as a recipient.
    Everyone,
    /// In place of an empty draft.
    MessageToEveryone,
    /// In place of an empty draft.
    MessageTo {
        /// The recipient.
        room: String,
    },
    /// The author of an own message; this room in the list.
    You,
    /// This room in the list, when it hosts.
    YouHost,
    /// The host in the list.
    Host,
    /// A private message to this room.
    OnlyForYou,
    /// A private message of this room.
    OnlyFor {
        /// The recipient.
        room: String,
    },
    /// The author of a message that left before this room came.
    FormerRoom,
    /// Messages are missing before the first one shown.
    SomeMissing,
    /// Nothing to send.
    ChatEmpty,
    /// More characters than a message may have.
    ChatTooLong,
    /// Too many messages wait for the relay.
    ChatWaiting,
    /// The relay did not take the last message.
    ChatFailed,

    // Questions.
    /// Leave the meeting?
    AskLeave,
    /// End it for all?
    AskEnd,
    /// Remove a room?
    AskRemove {
        /// Which.
        room: String,
    },
    /// Forget the relay?
    AskForget,
    /// Yes, leave.
    YesLeave,
    /// Yes, end.
    YesEnd,
    /// Yes, remove.
    YesRemove,
    /// Yes, forget.
    YesForget,
    /// No.
    No,

    // Settings.
    /// Above the PIN's boxes.
    TypePin,
    /// That is not the PIN.
    WrongPin,
    /// Too many wrong PINs.
    PinRests {
        /// Until the next try.
        seconds: u64,
    },
    /// The name is empty.
    NameEmpty,
    /// The name is too long.
    NameTooLong,
    /// The name cannot be shown.
    NameUnseen,
    /// The name was taken over.
    NameTaken,
    /// A device's name: camera.
    DeviceCamera,
    /// A device's name: microphone.
    DeviceMicrophone,
    /// A device's name: speaker.
    DeviceSpeaker,
    /// A device's name: buttons.
    DeviceButtons,
    /// A device that works.
    Working,
    /// A device that is closed and can be opened.
    AtRest,
    /// A device that is closed, so that nobody knows how it is.
    NotInUse,
    /// A device of which nothing is known yet.
    Unknown,
    /// A device that is not there.
    NotThere,
    /// A device that another program has.
    InUse,
    /// A device that cannot be used.
    Unusable,
    /// Of the buttons: one stays down.
    StaysDown(Button),
    /// Of the buttons: one has a loose contact.
    IsLoose(Button),
    /// No relay is trusted.
    NoRelay,

    // Choosing a relay.
    /// The title, when relays were found.
    ChooseRelay,
    /// What to compare.
    CompareWords,
    /// The title, while none is found.
    SearchingRelays,
    /// What to do when none is found.
    NoRelaysFound,
}

impl Sentence {
    /// Its words.
    pub fn say(&self, language: Language) -> String {
        match language {
            Language::English => english::say(self),
            Language::German => german::say(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_say_what_belongs_in_them() {
        let code: RoomCode = "004711".parse().unwrap();
        let room = || "Werkstatt".to_owned();
        let cases = [
            (Sentence::RelayGone { seconds: 5 }, "5 s"),
            (Sentence::RelayNotFound { seconds: 7 }, "7 s"),
            (Sentence::WrongCodes { count: 40, minutes: 3 }, "40"),
            (Sentence::NoSuchRoom { code, relay: "relay.lan".into() }, "relay.lan"),
            (Sentence::NoSuchRoom { code, relay: String::new() }, "004 711"),
            (Sentence::KnockingAt(code), "004 711"),
            (Sentence::Alone(code), "004 711"),
            (Sentence::Rejoin(code), "004 711"),
            (Sentence::WantsToJoin { room: room() }, "Werkstatt"),
            (Sentence::Unapproved { room: room() }, "Werkstatt"),
            (Sentence::MutedByHost { room: room() }, "Werkstatt"),
            (Sentence::AskRemove { room: room() }, "Werkstatt"),
            (Sentence::MoreWait { more: 2 }, "2"),
            (Sentence::PinRests { seconds: 30 }, "30 s"),
        ];
        for (sentence, part) in cases {
            let (english, german) = (sentence.say(Language::English), sentence.say(Language::German));
            assert!(english.contains(part) && german.contains(part), "{english} / {german}");
            assert_ne!(english, german);
        }
    }

    #[test]
    fn one_is_not_many() {
        let english = |sentence: Sentence| sentence.say(Language::English);
        assert!(english(Sentence::MoreWait { more: 1 }).ends_with("1 more waits"));
        assert!(english(Sentence::MoreWait { more: 2 }).ends_with("2 more wait"));
        assert!(english(Sentence::WrongCodes { count: 9, minutes: 1 }).ends_with("within a minute."));
    }
}
