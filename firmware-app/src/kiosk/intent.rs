//! What a person wants, as the screen reports it. The screen itself remembers nothing: typed digits, drafts and pages
//! live in the kiosk and come back in the view.

use serde::{Deserialize, Serialize};
use vestibule_common::id::{KnockId, PeerId};

use crate::audio::EchoMode;
use crate::view::{Language, Panel};

/// One touch, already understood.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub enum Intent {
    /// Home: start a meeting.
    StartMeeting,
    /// Home: show the keypad for a code.
    OpenJoin,
    /// Home: go back into the last meeting.
    Rejoin,
    /// Home: a finger is on the own-picture button (true) or has left it.
    ShowOwnPicture(bool),
    /// Home: settings, which ask for the PIN first.
    OpenSettings,
    /// Settings: try the devices.
    OpenTest,
    /// Test page: play a tone.
    PlayTone,
    /// Test page: write the last meeting's network down.
    SaveNetworkLog,
    /// A digit, 0 to 9, on the keypad of the join or PIN screen.
    Digit(u8),
    /// The keypad's erase key.
    EraseDigit,
    /// Back to where one came from.
    Back,
    /// Waiting: take the knock back.
    CancelKnock,
    /// A knock's banner: let that room in.
    Approve(KnockId),
    /// A knock's banner: keep that room out.
    Deny(KnockId),
    /// Meeting: close or open the audio gate.
    ToggleMute,
    /// Meeting: camera off or on.
    ToggleCamera,
    /// Meeting: show a laptop's screen to the others, or no longer.
    TogglePresentation,
    /// Meeting: one step louder or quieter.
    Volume(Step),
    /// Meeting: move the own picture to the next corner.
    MoveOwnPicture,
    /// Meeting: open a panel, or close it if it is open.
    TogglePanel(Panel),
    /// Network: show this room's link, or what comes of another room.
    NetworkOf(Option<PeerId>),
    /// Chat: who the next message is for.
    ChatTo(Option<PeerId>),
    /// Chat: open the keyboard (a touch on the draft) or close it.
    ShowKeyboard(bool),
    /// Keyboard: this character.
    Type(char),
    /// Keyboard: erase one character.
    Erase,
    /// Keyboard: the next letter in upper case; twice in a row: all of them; a third time: none.
    Shift,
    /// Keyboard: letters or symbols.
    Symbols,
    /// Keyboard: send the draft (chat), or take it over (settings).
    Submit,
    /// Lists: the page after or before.
    Page(Step),
    /// People (host): keep newcomers out or let them knock.
    Lock(bool),
    /// People (host): ask a room to mute itself.
    MuteMember(PeerId),
    /// People (host), Meeting: something that cannot be undone; asks once, in place.
    Ask(Destructive),
    /// The question was answered with yes.
    Confirm,
    /// The question was answered with no.
    Decline,
    /// "Anyone there?" - yes.
    StillHere,
    /// A notice was read.
    DismissNotice,
    /// Relay chooser: take this relay (its words were compared).
    ChooseRelay(PeerId),
    /// Settings: change one of them.
    Set(Setting),
    /// Any touch at all on a dimmed screen; it wakes and does nothing else.
    Wake,
}

/// One step up or down.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Deserialize)]
pub enum Step {
    /// Up, louder, later.
    Next,
    /// Down, quieter, earlier.
    Previous,
}

/// What is asked about before it is done.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Destructive {
    /// Leave the meeting.
    Leave,
    /// End it for all (host).
    EndForAll,
    /// Remove a room (host).
    Remove(PeerId),
    /// Forget the pinned relay (settings).
    ForgetRelay,
}

/// What the settings screen changes.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub enum Setting {
    /// Start editing the room's name on the keyboard.
    EditName,
    /// The language of the screen.
    Language(Language),
    /// Look for relays and show the chooser.
    FindRelay,
    /// Volume, one step.
    Volume(Step),
    /// What is done about the speaker's sound in the microphone.
    Echo(EchoMode),
}
