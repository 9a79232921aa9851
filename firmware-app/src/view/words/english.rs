//! English.

use super::Sentence;
use crate::device::Button;

pub(super) fn say(sentence: &Sentence) -> String {
    use Sentence::*;
    match sentence {
        Ready => "Ready".into(),
        NoCamera => "Ready, but there is no camera".into(),
        CameraBusy => "Ready, but another program uses the camera".into(),
        NoMicrophone => "Ready, but there is no microphone".into(),
        NoSpeaker => "Ready, but there is no speaker".into(),
        NoButtons => "Ready, but the buttons are not connected".into(),
        ButtonFaulty(button) => format!("Ready, but the {} does not work", name(button)),
        LookingForRelay => "Looking for the relay…".into(),
        Starting => "Starting the meeting…".into(),
        Rejoin(code) => format!("Rejoin {}", code.spaced()),

        RelayGone { seconds } => format!("The relay isn't answering. Trying again in {seconds} s."),
        RelayNotFound { seconds } => {
            format!("No relay can be found on this network. Trying again in {seconds} s.")
        }
        RelayOtherVersion => "The relay has another version. One of the two needs an update.".into(),
        RelayChanged => {
            "This is not the relay this room trusts. A caretaker can confirm a new one in the settings."
                .into()
        }
        RelayRefused => "The relay refuses this room. A caretaker should look at it.".into(),
        RelayStopped { seconds } => format!("The relay was stopped. Trying again in {seconds} s."),
        RelayReplaced => "Another kiosk uses this room's identity. A caretaker should look at it.".into(),
        RelayStopping => "The relay is about to stop. The meeting comes back when it is there again.".into(),
        RedirectRefused => "The relay wants to send this room to a relay that nobody has confirmed.".into(),
        WrongCodes { count, minutes: 1 } => {
            format!("Someone is trying codes: {count} wrong ones within a minute.")
        }
        WrongCodes { count, minutes } => {
            format!("Someone is trying codes: {count} wrong ones within {minutes} minutes.")
        }

        TypeCode => "Type the meeting's code".into(),
        NoSuchRoom { code, relay } if relay.is_empty() => {
            format!("There is no meeting with the code {}.", code.spaced())
        }
        NoSuchRoom { code, relay } => {
            format!("There is no meeting with the code {} at the relay {relay}.", code.spaced())
        }
        TooManyAttempts => "Too many wrong codes. Wait a moment, then try again.".into(),
        RoomLocked => "The meeting is locked. The host can unlock it.".into(),
        RoomFull => "The meeting is full.".into(),
        Silenced => "The host has refused this room twice in this meeting.".into(),
        NotNow => "That didn't work. Try again in a moment.".into(),
        RelayFull => "The relay has no place for another meeting.".into(),
        HostMissing => "The meeting is waiting for its host to come back. Try again in a moment.".into(),
        NotStarted => "The meeting could not be started. Try again in a moment.".into(),
        LostOnTheWay => "The connection to the relay was lost. Try again when it is back.".into(),
        KnockingAt(code) => format!("Knocking at {}…", code.spaced()),
        WaitingFor { host } => format!("Waiting for {host}"),
        WaitingDetail => "They see and hear your knock. Someone there has to let you in.".into(),
        ReturningTo(code) => format!("Going back to {}…", code.spaced()),
        ReturningDetail => "This room was in the meeting and goes back by itself.".into(),
        Denied { host } => format!("{host} did not let this room in."),
        KnockTimedOut { host } => format!("Nobody answered at {host}."),
        EndedWhileWaiting => "The meeting has ended.".into(),

        MeetingEnded => "The meeting has ended.".into(),
        RemovedHere => "The host removed this room from the meeting.".into(),
        NoWayBack => "This room cannot go back into the meeting. Knock again with the code.".into(),
        TooLate => "The meeting could not be reached again.".into(),
        LeftForSilence => "Nobody seemed to be here, so this room left the meeting.".into(),
        Unapproved { room } => {
            format!(
                "The relay let a room in without the host's approval: {room}. This room has left the meeting."
            )
        }
        FalseMeeting => "The meeting could not be verified. This room did not enter it.".into(),

        Alone(code) => format!("Others join with the code {}", code.spaced()),
        Joined { room } => format!("{room} has joined."),
        Left { room } => format!("{room} has left."),
        RemovedByUs { room } => format!("You removed {room}."),
        Removed { room } => format!("{room} was removed by the host."),
        HostIs { room } => format!("{room} hosts the meeting now."),
        HostHere => "This room hosts the meeting now.".into(),
        Twins { name } => format!("Two rooms are called {name}. They are shown with numbers."),
        MutedByHost { room } => format!("{room} muted this room. Only you can unmute it."),
        CameraOff => "Camera off".into(),
        CameraMissing => "No camera".into(),
        CameraInUse => "Another program uses the camera".into(),
        CameraFailed => "The camera cannot be used".into(),
        Reconnecting => "Reconnecting…".into(),
        YouPresent => "You are presenting".into(),
        Presents { room } => format!("{room} presents"),
        NothingPluggedIn => "Nothing is plugged in".into(),
        NothingToPresent => "There is nothing to present. Plug a laptop into the room's HDMI adapter.".into(),
        PresentationLost => {
            "The presentation is gone. It goes on when the adapter is plugged in again.".into()
        }
        PictureComing => "The picture is coming…".into(),
        GateFault => "The microphone does not answer. Treat it as live and call the caretaker.".into(),
        MicrophoneLost => "There is no microphone. The others cannot hear this room.".into(),
        ThisRoom => "This room".into(),
        NetworkLogWritten { path } => format!("The network's numbers are in {path}."),
        NetworkLogFailed => "The network's numbers could not be written.".into(),
        Recording => "The caretaker is recording this room's sound to find a fault.".into(),
        MicrophoneBack => "The microphone is back.".into(),
        SpeakerLost => "There is no speaker. This room cannot hear the others.".into(),
        ButtonsLost => "There are no buttons. Use the screen.".into(),
        ButtonStuck(button) => {
            format!("The {} is stuck: it stays down. Use the screen and have it looked at.", name(button))
        }
        ButtonLoose(button) => format!(
            "The {}'s contact is loose and is ignored until it rests. Use the screen and have it looked at.",
            name(button)
        ),
        NeedsRelay => "The relay isn't answering, so that cannot be done now.".into(),
        KnockWasGone => "That room is not waiting any more.".into(),
        HostFailed => "The relay did not do that.".into(),
        TooManyKnocks => "More rooms are knocking than can be shown.".into(),

        WantsToJoin { room } => format!("{room} wants to join"),
        PressGreen => "or press the green button".into(),
        MoreWait { more: 1 } => "1 more waits".into(),
        MoreWait { more } => format!("{more} more wait"),
        SameName => "Another room of this name is already here".into(),

        Everyone => "Everyone".into(),
        MessageToEveryone => "Message to everyone".into(),
        MessageTo { room } => format!("Message to {room} only"),
        You => "You".into(),
        YouHost => "You, host".into(),
        Host => "Host".into(),
        OnlyForYou => "only for you".into(),
        OnlyFor { room } => format!("only for {room}"),
        FormerRoom => "A room that has left".into(),
        SomeMissing => "Some messages are missing".into(),
        ChatEmpty => "There is nothing to send.".into(),
        ChatTooLong => "The message is full: 2,000 characters at most.".into(),
        ChatWaiting => "Too many messages are waiting for the relay. Try again in a moment.".into(),
        ChatFailed => "A message could not be sent.".into(),

        AskLeave => "Leave the meeting?".into(),
        AskEnd => "End the meeting for all?".into(),
        AskRemove { room } => format!("Remove {room} from the meeting?"),
        AskForget => "Forget this relay?".into(),
        YesLeave => "Leave".into(),
        YesEnd => "End for all".into(),
        YesRemove => "Remove".into(),
        YesForget => "Forget".into(),
        No => "Cancel".into(),

        TypePin => "Type the PIN".into(),
        WrongPin => "That is not the PIN.".into(),
        PinRests { seconds } => format!("Too many wrong PINs. Wait {seconds} s."),
        NameEmpty => "The room needs a name.".into(),
        NameTooLong => "The room's name is too long: 40 characters at most.".into(),
        NameUnseen => "The room's name has characters that cannot be shown.".into(),
        NameTaken => "The room has a new name.".into(),
        DeviceCamera => "Camera".into(),
        DeviceMicrophone => "Microphone".into(),
        DeviceSpeaker => "Speaker".into(),
        DeviceButtons => "Buttons and lamps".into(),
        Working => "working".into(),
        AtRest => "ready".into(),
        NotInUse => "not in use".into(),
        Unknown => "not known yet".into(),
        NotThere => "not connected".into(),
        InUse => "in use by another program".into(),
        Unusable => "cannot be used".into(),
        StaysDown(button) => format!("the {} is stuck: it stays down", name(button)),
        IsLoose(button) => format!("the {}'s contact is loose", name(button)),
        NoRelay => "no relay chosen".into(),

        ChooseRelay => "Choose your relay".into(),
        CompareWords => "Compare the four words with those that the relay shows at its start.".into(),
        SearchingRelays => "Looking for relays…".into(),
        NoRelaysFound => "None found yet. Is a relay running on this network?".into(),
    }
}

fn name(button: &Button) -> &'static str {
    match button {
        Button::Mute => "mute button",
        Button::Approve => "green button",
    }
}
