//! What the screen shows, as plain data with every sentence already in the room's language. The screen is a function
//! of this and of the pictures in their slots; it knows nothing else.

mod chat;
mod home;
mod meeting;
mod people;
pub mod words;

use serde::{Deserialize, Serialize};
use vestibule_common::id::{KnockId, PeerId};
use vestibule_common::time::Time;

use crate::audio::EchoMode;
use crate::kiosk::intent::Destructive;
use crate::kiosk::{Activity, Kiosk, Place, WallClock};
use crate::video::kind::PictureKind;
pub(crate) use chat::lines as chat_lines;
pub(crate) use people::PAGE as PEOPLE_PAGE;
use words::Sentence;

/// A language the screen speaks.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

/// Everything the screen shows at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct View {
    /// The language, for the words that belong to the screen's own parts (button labels).
    pub language: Language,
    /// The room's own name.
    pub room_name: String,
    /// Time of day, such as "14:05".
    pub clock: String,
    /// How awake the screen is.
    pub backlight: Backlight,
    /// The screen.
    pub screen: Screen,
    /// A knock to be answered, above every screen.
    pub knock: Option<KnockBanner>,
    /// One sentence that matters now, above every screen.
    pub notice: Option<Notice>,
    /// A question in place of the button that was touched.
    pub question: Option<Question>,
}

/// What the screen of this kiosk shows now.
pub(crate) fn of(kiosk: &Kiosk, now: Time, wall: WallClock) -> View {
    let language = kiosk.settings.language;
    let screen = match (kiosk.activity(), kiosk.place) {
        (Activity::Meeting, _) => Screen::Meeting(Box::new(meeting::of(kiosk, now, wall))),
        (Activity::Waiting, _) => Screen::Waiting(home::waiting(kiosk)),
        (Activity::Asking, Place::Join) => Screen::Join(home::join(kiosk)),
        (Activity::Asking, _) if kiosk.session.knocking().is_some() => Screen::Waiting(home::waiting(kiosk)),
        (Activity::Asking, _) => Screen::Home(home::home(kiosk, now)),
        (Activity::Nothing, Place::Home) => Screen::Home(home::home(kiosk, now)),
        (Activity::Nothing, Place::Join) => Screen::Join(home::join(kiosk)),
        (Activity::Nothing, Place::Pin) => Screen::Pin(home::pin(kiosk, now)),
        (Activity::Nothing, Place::Settings) => Screen::Settings(home::settings(kiosk, now)),
        (Activity::Nothing, Place::Relays { back }) => Screen::Relays(home::relays(kiosk, back)),
    };
    View {
        language,
        room_name: kiosk.settings.name.to_string(),
        clock: format!("{:02}:{:02}", wall.hour, wall.minute),
        backlight: kiosk.backlight(now),
        screen,
        knock: knock_banner(kiosk, now),
        notice: notice(kiosk, now),
        question: question(kiosk),
    }
}

fn knock_banner(kiosk: &Kiosk, now: Time) -> Option<KnockBanner> {
    let say = |sentence: Sentence| sentence.say(kiosk.settings.language);
    let knock = kiosk.door.shown()?;
    let (room, shared) = kiosk.label_at_door(&knock.identity, &knock.name);
    let press = match kiosk.door.behind() {
        0 => say(Sentence::PressGreen),
        more => say(Sentence::PressGreenMore { more }),
    };
    let detail = if shared { format!("{press} · {}", say(Sentence::SameName)) } else { press };
    let armed = kiosk.door.armed(now).is_some();
    Some(KnockBanner { knock: knock.id, title: say(Sentence::WantsToJoin { room }), detail, armed })
}

/// What holds now outweighs what happened; an alarm outweighs both.
fn notice(kiosk: &Kiosk, now: Time) -> Option<Notice> {
    let say = |sentence: &Sentence| sentence.say(kiosk.settings.language);
    let kept = kiosk.notices.shown().map(|item| Notice {
        text: say(&item.sentence),
        detail: item.detail.clone(),
        severity: item.severity,
    });
    if kept.as_ref().is_some_and(|notice| notice.severity == Severity::Alarm) {
        return kept;
    }
    let state = |sentence: Sentence, detail: Option<&str>, severity| {
        Some(Notice { text: say(&sentence), detail: detail.map(str::to_owned), severity })
    };
    let meeting = kiosk.session.meeting();
    if meeting.is_some() && kiosk.gate.microphone() == Microphone::Fault {
        return state(Sentence::GateFault, None, Severity::Alarm);
    }
    if meeting.is_none() && kiosk.session.returning().is_none() {
        return kept;
    }
    if let Some((trouble, detail)) = kiosk.link.trouble(now) {
        return state(trouble, detail, Severity::Warning);
    }
    if !kiosk.link_is_up() {
        return state(Sentence::LookingForRelay, None, Severity::Warning);
    }
    match meeting {
        Some(meeting) if !meeting.online() => {
            state(Sentence::ReturningTo(meeting.roster.code), None, Severity::Warning)
        }
        Some(_) | None => kept,
    }
}

fn question(kiosk: &Kiosk) -> Option<Question> {
    let (about, _) = kiosk.question?;
    let say = |sentence: Sentence| sentence.say(kiosk.settings.language);
    let (text, yes) = match about {
        Destructive::Leave => (Sentence::AskLeave, Sentence::YesLeave),
        Destructive::EndForAll => (Sentence::AskEnd, Sentence::YesEnd),
        Destructive::Remove(peer) => {
            let room = kiosk.label(&peer).unwrap_or_default().to_owned();
            (Sentence::AskRemove { room }, Sentence::YesRemove)
        }
        Destructive::ForgetRelay => (Sentence::AskForget, Sentence::YesForget),
    };
    Some(Question { about, text: say(text), yes: say(yes), no: say(Sentence::No) })
}

/// How awake the screen is.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Backlight {
    /// In use.
    Lit,
    /// Nobody has touched it for a while.
    Dim,
    /// Black with a moving clock; the number of the minute chooses the place.
    Clock,
    /// Black.
    Dark,
}

/// The screens.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Screen {
    /// Nothing is going on.
    Home(HomeView),
    /// Typing a code.
    Join(KeypadView),
    /// Typing the PIN.
    Pin(KeypadView),
    /// Knocking.
    Waiting(WaitingView),
    /// In a meeting.
    Meeting(Box<MeetingView>),
    /// Caretaker's settings.
    Settings(SettingsView),
    /// Which relay?
    Relays(RelaysView),
}

/// Home.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HomeView {
    /// "Ready", "Looking for the relay...", "No camera".
    pub state: String,
    /// Whether that state is nothing to worry about.
    pub ready: bool,
    /// Whether a meeting can be started or joined now.
    pub can_meet: bool,
    /// "Rejoin 482 913", while it is offered.
    pub rejoin: Option<String>,
    /// The own picture is shown (while touched).
    pub own_picture: bool,
    /// Why there is no own picture, if there is none.
    pub camera_missing: Option<String>,
}

/// Six boxes (or four to eight for the PIN) and a keypad.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeypadView {
    /// "Type the meeting's code".
    pub title: String,
    /// What was typed; for the PIN, dots.
    pub boxes: Vec<Option<char>>,
    /// Under the boxes.
    pub error: Option<String>,
    /// The code was sent; keys are at rest.
    pub busy: bool,
}

/// Knocking.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WaitingView {
    /// "Knocking at 482 913...", then "Waiting for Boardroom".
    pub title: String,
    /// What happens next, in one sentence.
    pub detail: String,
    /// Why there is no own picture, if there is none.
    pub camera_missing: Option<String>,
}

/// A meeting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MeetingView {
    /// "482 913".
    pub code: String,
    /// "0:12:45".
    pub duration: String,
    /// Newcomers are kept out.
    pub locked: bool,
    /// The other rooms, at most nine; the same order for everyone.
    pub tiles: Vec<Tile>,
    /// What a room presents, large beside the tiles.
    pub presentation: Option<Tile>,
    /// This room presents, or is about to.
    pub presenting: bool,
    /// Shown where there is no other room yet: "Others join with the code 482 913".
    pub alone: Option<String>,
    /// The own picture, small.
    pub own: Tile,
    /// Where it is.
    pub own_corner: Corner,
    /// The audio gate, as the gate itself reports it.
    pub microphone: Microphone,
    /// How loud the microphone is, from 0 to [`crate::kiosk::LEVELS`], whether the others hear it or not; absent where it is
    /// not known.
    pub own_level: Option<u8>,
    /// Somebody speaks while the gate is closed.
    pub speaking_while_muted: bool,
    /// The own camera is off (by choice).
    pub camera_off: bool,
    /// 0 to 100.
    pub volume: u8,
    /// Chat messages not read yet.
    pub unread: u16,
    /// The open panel.
    pub panel: Option<PanelView>,
    /// "Anyone there?" is being asked; seconds until this room leaves.
    pub anyone_there_s: Option<u16>,
}

/// Corners for the own picture.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub enum Corner {
    /// Below right.
    #[default]
    BottomRight,
    /// Below left.
    BottomLeft,
    /// Above left.
    TopLeft,
    /// Above right.
    TopRight,
}

/// The microphone as the room must know it.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Microphone {
    /// The gate is open: the others hear this room.
    Live,
    /// The gate is closed: nothing leaves.
    Muted,
    /// There is none.
    Missing,
    /// The gate does not report: treat as live and call for help.
    Fault,
}

/// One room in the grid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Tile {
    /// Whose newest picture is drawn.
    pub picture: PictureId,
    /// Its name plate; rooms that share a name are told apart.
    pub name: String,
    /// Where there is no picture.
    pub initials: String,
    /// Why there is no picture: "Camera off", "No camera", "Reconnecting..."; absent when there should be one.
    pub placeholder: Option<String>,
    /// Its gate is closed.
    pub muted: bool,
    /// It is speaking now.
    pub speaking: bool,
    /// It hosts.
    pub host: bool,
}

/// Whose picture.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub enum PictureId {
    /// This room's own camera.
    Own,
    /// Another room's.
    Room(PeerId),
    /// What this room presents.
    OwnPresentation,
    /// What another room presents.
    Presentation(PeerId),
}

impl PictureId {
    /// This room's picture of a kind.
    pub fn own(kind: PictureKind) -> PictureId {
        match kind {
            PictureKind::Camera => PictureId::Own,
            PictureKind::Presentation => PictureId::OwnPresentation,
        }
    }

    /// Another room's picture of a kind.
    pub fn room(peer: PeerId, kind: PictureKind) -> PictureId {
        match kind {
            PictureKind::Camera => PictureId::Room(peer),
            PictureKind::Presentation => PictureId::Presentation(peer),
        }
    }

    /// What it shows.
    pub fn kind(self) -> PictureKind {
        match self {
            PictureId::Own | PictureId::Room(_) => PictureKind::Camera,
            PictureId::OwnPresentation | PictureId::Presentation(_) => PictureKind::Presentation,
        }
    }
}

/// The panels beside (or over) the tiles.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Panel {
    /// Messages.
    Chat,
    /// Who is here, and what the host may do.
    People,
}

/// An open panel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub enum PanelView {
    /// Messages.
    Chat(ChatView),
    /// Who is here.
    People(PeopleView),
}

/// The chat panel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ChatView {
    /// Everyone first, then each other room.
    pub recipients: Vec<Chip>,
    /// The page's messages, oldest first, grouped by room.
    pub messages: Vec<MessageView>,
    /// There are older messages.
    pub older: bool,
    /// There are newer messages.
    pub newer: bool,
    /// What is being written.
    pub draft: String,
    /// Shown in place of an empty draft: "Message to everyone".
    pub hint: String,
    /// The keyboard, when open.
    pub keyboard: Option<KeyboardView>,
    /// Under the draft: why a message was not sent.
    pub error: Option<String>,
}

/// A recipient to choose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Chip {
    /// Nobody: everyone.
    pub to: Option<PeerId>,
    /// "Everyone" or the room's name.
    pub label: String,
    /// The one chosen.
    pub chosen: bool,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MessageView {
    /// The room, or "You"; empty when the message above is the same room's.
    pub from: String,
    /// "14:05".
    pub time: String,
    /// What it says.
    pub text: String,
    /// Marked with a lock: "only for you", "only for Workshop".
    pub private: Option<String>,
    /// Written here.
    pub own: bool,
    /// Not acknowledged yet, or not sent: its mark.
    pub delivery: Delivery,
}

/// What became of an own message.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Delivery {
    /// On its way.
    Sending,
    /// In the room's order.
    Sent,
    /// Could not be sent.
    Failed,
}

/// The on-screen keyboard.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeyboardView {
    /// Whose layout.
    pub language: Language,
    /// Upper case.
    pub shift: Shift,
    /// Symbols in place of letters.
    pub symbols: bool,
}

/// The shift key.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub enum Shift {
    /// Lower case.
    #[default]
    Off,
    /// The next letter only.
    Once,
    /// Every letter.
    Locked,
}

/// The people panel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PeopleView {
    /// The page's rooms, this one first.
    pub people: Vec<PersonView>,
    /// More pages before.
    pub previous: bool,
    /// More pages after.
    pub next: bool,
    /// This room hosts, so that it finds lock, mute, remove and end.
    pub hosting: bool,
    /// Newcomers are kept out.
    pub locked: bool,
}

/// A room in the list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PersonView {
    /// Who.
    pub peer: PeerId,
    /// Its name; rooms that share one are told apart.
    pub name: String,
    /// "Host", "You", "Reconnecting...".
    pub note: String,
    /// Its gate is closed.
    pub muted: bool,
    /// Its camera is off.
    pub camera_off: bool,
    /// This room may mute and remove it.
    pub manageable: bool,
}

/// A room at the door.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KnockBanner {
    /// The knock shown; the buttons answer this one.
    pub knock: KnockId,
    /// "Workshop wants to join".
    pub title: String,
    /// "or press the green button", and how many more wait.
    pub detail: String,
    /// Shown long enough for the button to count.
    pub armed: bool,
}

/// One sentence that matters now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Notice {
    /// The sentence.
    pub text: String,
    /// The detail for the caretaker, one tap away.
    pub detail: Option<String>,
    /// How bad it is.
    pub severity: Severity,
}

/// How bad a notice is.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something does not work as it should.
    Warning,
    /// Something is wrong that somebody must act on.
    Alarm,
}

/// "Leave the meeting?" with its two answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Question {
    /// What it is about.
    pub about: Destructive,
    /// The question.
    pub text: String,
    /// The answer that does it.
    pub yes: String,
    /// The answer that does not.
    pub no: String,
}

/// Caretaker's settings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SettingsView {
    /// The room's name, as being edited.
    pub name: String,
    /// The keyboard, while the name is edited.
    pub keyboard: Option<KeyboardView>,
    /// Why the name cannot be taken.
    pub name_error: Option<String>,
    /// The relay: its address, its words.
    pub relay: String,
    /// 0 to 100.
    pub volume: u8,
    /// What is done about the speaker's sound in the microphone.
    pub echo: EchoMode,
    /// Each device and its state, one line each.
    pub devices: Vec<(String, String)>,
    /// Program and version.
    pub version: String,
}

/// Which relay?
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RelaysView {
    /// "Choose your relay", or why one is asked for.
    pub title: String,
    /// What to compare.
    pub detail: String,
    /// The relays found.
    pub relays: Vec<RelayChoice>,
    /// Whether one may go back without choosing.
    pub can_go_back: bool,
}

/// A relay that was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RelayChoice {
    /// Its key.
    pub peer: PeerId,
    /// Its address.
    pub address: String,
    /// The four fingerprint words, as the relay prints them at its start.
    pub words: String,
}
