//! What the screen shows, as plain data with every sentence already in the room's language. The screen is a function
//! of this and of the pictures in their slots; it knows nothing else.

mod chat;
mod home;
mod meeting;
mod network;
mod people;
mod settings;
pub mod words;

use serde::{Deserialize, Serialize};
use vestibule_common::id::KnockId;
use vestibule_common::time::Time;

use crate::kiosk::intent::Destructive;
use crate::kiosk::{Activity, DeviceState, Kiosk, Place, WallClock};
pub(crate) use chat::lines as chat_lines;
pub use chat::{ChatView, Chip, Delivery, KeyboardView, MessageView, Shift};
pub use home::{HomeView, KeypadView, WaitingView};
pub use meeting::{Corner, MeetingView, Microphone, Panel, PanelView, PictureId, Tile};
pub use network::{
    GraphView, Graphs, NetworkChip, NetworkView, Points, Quantity, SeriesView, StagesView, Tone, Trace,
    VerdictView,
};
pub(crate) use people::PAGE as PEOPLE_PAGE;
pub use people::{PeopleView, PersonView};
pub use settings::{RelayChoice, RelaysView, SettingsView, TestView};
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
        (Activity::Nothing, Place::Test) => Screen::Test(settings::test(kiosk)),
        (Activity::Nothing, Place::Settings) => Screen::Settings(settings::settings(kiosk, now)),
        (Activity::Nothing, Place::Relays { back }) => Screen::Relays(settings::relays(kiosk, back)),
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
    let pressable = !matches!(kiosk.devices.buttons, Some(DeviceState::Failed(_)));
    let more = kiosk.door.behind();
    let said = [
        pressable.then_some(Sentence::PressGreen),
        (more > 0).then_some(Sentence::MoreWait { more }),
        shared.then_some(Sentence::SameName),
    ];
    let detail = said.into_iter().flatten().map(say).collect::<Vec<_>>().join(" · ");
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
    /// Trying the devices.
    Test(TestView),
    /// Which relay?
    Relays(RelaysView),
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
