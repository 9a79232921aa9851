//! The words on the screen's own parts, in each language. Sentences about the room come ready in the view.

use super::network_labels::{self, NetworkLabels};
use crate::view::Language;

/// The words of one language.
pub struct Labels {
    /// Home.
    pub start_meeting: &'static str,
    /// Home.
    pub join_meeting: &'static str,
    /// Home: hold to see the own picture.
    pub see_yourself: &'static str,
    /// Home, settings.
    pub settings: &'static str,
    /// Anywhere.
    pub back: &'static str,
    /// Keypad: the code is being asked about.
    pub one_moment: &'static str,
    /// Waiting.
    pub cancel: &'static str,
    /// Meeting: under the open microphone.
    pub live: &'static str,
    /// Meeting: under the closed microphone.
    pub muted: &'static str,
    /// Meeting: there is no microphone.
    pub no_microphone: &'static str,
    /// Meeting: the gate does not report.
    pub microphone_fault: &'static str,
    /// Meeting: someone speaks while the gate is closed.
    pub speaking_while_muted: &'static str,
    /// The same, where there is little room.
    pub you_are_muted: &'static str,
    /// Meeting: the camera is on.
    pub camera: &'static str,
    /// Meeting: the camera is off.
    pub camera_off: &'static str,
    /// Meeting: show a laptop's screen.
    pub present: &'static str,
    /// Settings, and the page itself.
    pub test_devices: &'static str,
    /// Test page.
    pub play_tone: &'static str,
    /// Test page: what to do with the microphone.
    pub speak: &'static str,
    /// Test page: it hears speech.
    pub hears_you: &'static str,
    /// Test page: what to do with the buttons.
    pub press_buttons: &'static str,
    /// Test page: the button.
    pub mute: &'static str,
    /// Meeting: no longer show it.
    pub stop_presenting: &'static str,
    /// Meeting, settings.
    pub volume: &'static str,
    /// Meeting.
    pub chat: &'static str,
    /// Meeting.
    pub people: &'static str,
    /// Meeting.
    pub leave: &'static str,
    /// Meeting: under the own picture.
    pub you: &'static str,
    /// Meeting: before the code.
    pub code: &'static str,
    /// Meeting: newcomers are kept out.
    pub locked: &'static str,
    /// Meeting: nobody spoke for long.
    pub anyone_there: &'static str,
    /// Meeting: what follows, with the seconds in place of `{}`.
    pub leaving_in: &'static str,
    /// Meeting: the answer.
    pub still_here: &'static str,
    /// People.
    pub lock: &'static str,
    /// People.
    pub unlock: &'static str,
    /// People.
    pub end_for_all: &'static str,
    /// People: above the list.
    pub who_is_here: &'static str,
    /// Chat: nothing was written yet.
    pub no_messages: &'static str,
    /// Chat: the mark of a message that was not sent.
    pub not_sent: &'static str,
    /// Keyboard.
    pub send: &'static str,
    /// Keyboard in the settings.
    pub save: &'static str,
    /// Keyboard: back to letters.
    pub letters: &'static str,
    /// Keyboard: to symbols.
    pub symbols: &'static str,
    /// Keyboard: the space bar.
    pub space: &'static str,
    /// Knock.
    pub approve: &'static str,
    /// Knock.
    pub deny: &'static str,
    /// Settings.
    pub room_name: &'static str,
    /// Settings.
    pub language: &'static str,
    /// Settings.
    pub relay: &'static str,
    /// Settings.
    pub find: &'static str,
    /// Settings.
    pub forget: &'static str,
    /// Settings.
    pub edit: &'static str,
    /// Settings: what is done about echo, and it is cancelled, one direction at a time, nothing.
    pub echo: [&'static str; 3],
    /// Settings.
    pub devices: &'static str,
    /// Relays: the button of each.
    pub choose: &'static str,
    /// Relays: none was found yet.
    pub looking: &'static str,
    /// Notice: the caretaker's detail.
    pub details: &'static str,
    /// Meeting: the button to the network page.
    pub network_page: &'static str,
    /// Test page: write the network's numbers down.
    pub save_network_log: &'static str,
    /// The network page's own words.
    pub network: &'static NetworkLabels,
}

/// How a language calls itself.
pub fn own_name(language: Language) -> &'static str {
    match language {
        Language::English => "English",
        Language::German => "Deutsch",
    }
}

/// The words of a language.
pub fn labels(language: Language) -> &'static Labels {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

static ENGLISH: Labels = Labels {
    start_meeting: "Start meeting",
    join_meeting: "Join meeting",
    see_yourself: "Hold: self-view",
    settings: "Settings",
    back: "Back",
    one_moment: "One moment…",
    cancel: "Cancel",
    live: "Live",
    muted: "Muted",
    no_microphone: "No mic",
    microphone_fault: "Fault",
    speaking_while_muted: "You are muted. The others can't hear you.",
    you_are_muted: "You are muted.",
    camera: "Camera",
    camera_off: "Off",
    present: "Present",
    test_devices: "Test devices",
    play_tone: "Play a tone",
    speak: "Speak: the bar moves.",
    hears_you: "The microphone hears you.",
    press_buttons: "Press each button: its lamp lights.",
    mute: "Mute",
    stop_presenting: "Stop",
    volume: "Volume",
    chat: "Chat",
    people: "People",
    leave: "Leave",
    you: "You",
    code: "Code",
    locked: "Locked",
    anyone_there: "Anyone there?",
    leaving_in: "This room leaves the meeting in {} s.",
    still_here: "Yes, still here",
    lock: "Lock",
    unlock: "Unlock",
    end_for_all: "End for all",
    who_is_here: "Who is here",
    no_messages: "No messages yet",
    not_sent: "Not sent",
    send: "Send",
    save: "Save",
    letters: "abc",
    symbols: "?!&",
    space: "Space",
    approve: "Approve",
    deny: "Deny",
    room_name: "Room name",
    language: "Language",
    relay: "Relay",
    find: "Find",
    forget: "Forget",
    edit: "Change",
    echo: ["Echo: cancelled", "Echo: one speaks at a time", "Echo: left as it is"],
    devices: "Devices",
    choose: "Choose",
    looking: "Looking for relays…",
    details: "Details",
    network_page: "Network",
    save_network_log: "Save network log",
    network: &network_labels::ENGLISH,
};

static GERMAN: Labels = Labels {
    start_meeting: "Besprechung starten",
    join_meeting: "Teilnehmen",
    see_yourself: "Halten: Eigenbild",
    settings: "Einstellungen",
    back: "Zurück",
    one_moment: "Einen Moment…",
    cancel: "Abbrechen",
    live: "Mikro an",
    muted: "Stumm",
    no_microphone: "Kein Mikro",
    microphone_fault: "Störung",
    speaking_while_muted: "Sie sind stumm. Die anderen hören Sie nicht.",
    you_are_muted: "Sie sind stumm.",
    camera: "Kamera",
    camera_off: "Bild aus",
    present: "Zeigen",
    test_devices: "Geräte prüfen",
    play_tone: "Ton abspielen",
    speak: "Sprechen Sie: Der Balken bewegt sich.",
    hears_you: "Das Mikrofon hört Sie.",
    press_buttons: "Taster drücken: Die Lampe leuchtet.",
    mute: "Stumm",
    stop_presenting: "Stopp",
    volume: "Lautstärke",
    chat: "Chat",
    people: "Räume",
    leave: "Gehen",
    you: "Sie",
    code: "Code",
    locked: "Gesperrt",
    anyone_there: "Ist noch jemand da?",
    leaving_in: "Dieser Raum verlässt die Besprechung in {} s.",
    still_here: "Ja, noch da",
    lock: "Sperren",
    unlock: "Öffnen",
    end_for_all: "Alle beenden",
    who_is_here: "Wer da ist",
    no_messages: "Noch keine Nachrichten",
    not_sent: "Nicht gesendet",
    send: "Senden",
    save: "Sichern",
    letters: "abc",
    symbols: "?!&",
    space: "Leertaste",
    approve: "Einlassen",
    deny: "Ablehnen",
    room_name: "Raumname",
    language: "Sprache",
    relay: "Relay",
    find: "Suchen",
    forget: "Vergessen",
    edit: "Ändern",
    echo: ["Echo: unterdrückt", "Echo: einer spricht", "Echo: unverändert"],
    devices: "Geräte",
    choose: "Wählen",
    looking: "Suche nach Relays…",
    details: "Details",
    network_page: "Netz",
    save_network_log: "Netzwerte sichern",
    network: &network_labels::GERMAN,
};
