//! What the room is doing: touches, buttons and news go in, effects and a view come out. Pure: no clock, no socket, no
//! device; the same inputs and seed give the same effects.
//!
//! Each idea has its file: what fills the screen (`place`), the gate (`mute`), the buttons (`buttons`, `contacts`), the door (`door`,
//! `approve_button`), digits (`keypad`), text (`chat_draft`, `chat_page`), presentations (`presenting`), sleep and silence
//! (`idle`), what goes with a meeting (`stay`), the relay (`link`), the network (`network`), sentences (`notices`). This file holds them together;
//! `intents` and `happenings` feed them, `settle` compares what is wanted with what was asked for.

mod approve_button;
mod buttons;
mod chat_draft;
pub(crate) mod chat_page;
pub mod config;
pub(crate) mod contacts;
pub(crate) mod door;
pub mod effect;
mod floor;
mod happenings;
mod idle;
pub mod intent;
mod intents;
pub(crate) mod keypad;
pub(crate) mod link;
mod mute;
pub mod network;
pub mod news;
mod notices;
mod place;
pub(crate) mod presenting;
mod settle;
mod stay;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use vestibule_common::control::MemberState;
use vestibule_common::id::PeerId;
use vestibule_common::identity::Identity;
use vestibule_common::name::RoomName;
use vestibule_common::time::{Duration, Time};

use crate::audio::EchoMode;
use crate::session::{Session, Ticket};
use crate::view::words::Sentence;
use crate::view::{Backlight, Microphone, Severity, View};
use approve_button::ApproveButton;
use chat_draft::Draft;
pub use config::{KioskConfig, Pin, Settings};
use contacts::{ButtonFault, ContactHistory};
use door::Door;
pub use effect::{Chime, Destination, Effect, GateState, Grabber, LampState, Media};
use idle::{AnyoneThere, Idle};
pub use intent::Intent;
use keypad::{CodePad, PinPad};
use link::{Link, LinkState};
use mute::Gate;
use network::{Network, OwnLink};
pub use news::{CameraState, DeviceState, FoundRelay, GateReport, LEVELS, LinkLoss, News};
use notices::Notices;
pub(crate) use place::{Activity, Place};
use settle::Asked;
pub(crate) use stay::Stay;

/// The time of day, read by the shell for each view.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct WallClock {
    /// Unix time in milliseconds, by the kiosk's clock.
    pub unix_ms: u64,
    /// The hour in the room's time zone, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
}

/// A room's kiosk.
pub struct Kiosk {
    pub(crate) config: KioskConfig,
    pub(crate) settings: Settings,
    pub(crate) session: Session,
    pub(crate) link: Link,
    pub(crate) place: Place,
    pub(crate) code: CodePad,
    pub(crate) pin: PinPad,
    pub(crate) door: Door,
    approve_button: ApproveButton,
    pub(crate) gate: Gate,
    pub(crate) devices: Devices,
    pub(crate) notices: Notices,
    pub(crate) idle: Idle,
    pub(crate) anyone_there: AnyoneThere,
    /// In a meeting: what belongs to it and goes with it.
    pub(crate) stay: Stay,
    /// Of this meeting, or of the last one.
    pub(crate) network: Network,
    /// The meeting that was left a while ago, and until when "Rejoin" is offered.
    pub(crate) former: Option<(Ticket, Time)>,
    /// What was kept over a power cut, until the relay's clock says whether it still counts.
    restored: Option<Ticket>,
    /// The room's name as it is being edited.
    pub(crate) name_edit: Option<(Draft, Option<Sentence>)>,
    pub(crate) question: Option<(intent::Destructive, Time)>,
    /// A finger is on the own-picture button at home.
    pub(crate) own_picture: bool,
    effects: VecDeque<Effect>,
    asked: Asked,
}

/// What the devices last said of themselves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Devices {
    pub(crate) camera: Option<CameraState>,
    pub(crate) speaker: Option<DeviceState>,
    pub(crate) buttons: Option<DeviceState>,
    /// Of the microphone, in steps up to [`LEVELS`].
    pub(crate) level: u8,
    /// The buttons that are down: mute, approve.
    pub(crate) pressed: [bool; 2],
    /// What is known of their contacts.
    contacts: [ContactHistory; 2],
    /// What is wrong with them, as it was last said.
    pub(crate) faults: [Option<ButtonFault>; 2],
}

impl Kiosk {
    /// A kiosk that has just started. `seed` is fresh randomness, `restored` what `Effect::KeepTicket` kept last.
    ///
    /// A kiosk that was in a meeting when its power was cut goes back by itself if the meeting was seen within
    /// `rejoin_for` by the relay's clock (its own may have stopped) and its admission still holds; later it stays out,
    /// since nobody in the room would expect to be seen.
    pub fn new(
        config: KioskConfig,
        identity: Identity,
        seed: [u8; 32],
        restored: Option<Ticket>,
        now: Time,
    ) -> Kiosk {
        let (link, connect) = Link::new(config.relay, now);
        let volume = config.volume.min(100);
        let mut kiosk = Kiosk {
            settings: Settings { name: config.name.clone(), language: config.language, volume, echo: None },
            session: Session::new(identity, seed, config.send_history, config.rejoin_for),
            link,
            place: Place::Home,
            code: CodePad::default(),
            pin: PinPad::default(),
            door: Door::new(config.knock_arm),
            approve_button: ApproveButton::new(config.approve_max_hold, config.deny_hold),
            gate: Gate::new(now),
            devices: Devices::default(),
            notices: Notices::default(),
            idle: Idle::new(&config, now),
            anyone_there: AnyoneThere::new(&config, now),
            stay: Stay::new(),
            network: Network::default(),
            former: None,
            asked: Asked::new(restored.as_ref(), now),
            restored,
            name_edit: None,
            question: None,
            own_picture: false,
            effects: VecDeque::from([
                Effect::Gate(GateState::Closed),
                Effect::Camera(false),
                Effect::Volume(volume),
                connect,
            ]),
            config,
        };
        kiosk.settle(now);
        kiosk
    }

    /// The moment named by [`Kiosk::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Time) {
        let (tell, overdue) = self.gate.handle_timeout(now);
        if tell {
            self.tell_gate();
        }
        if overdue {
            self.log(log::Level::Warn, "the audio gate does not confirm what it was told");
        }
        let verdict = self.approve_button.handle_timeout(now);
        self.answer(verdict, now);
        self.notices.handle_timeout(now);
        self.question = self.question.filter(|(_, until)| now < *until);
        self.former = self.former.take().filter(|(_, until)| now < *until);
        self.session.handle_timeout(now);
        let effects = self.link.handle_timeout(now);
        self.effects.extend(effects);
        self.stay.floor.handle_timeout(now);
        if self.activity() == Activity::Meeting {
            if self.stay.own_voice || !self.stay.speaking.is_empty() {
                self.anyone_there.sign_of_life(now);
            }
            match self.anyone_there.handle_timeout(now) {
                idle::Silence::None => {}
                idle::Silence::Ask => {
                    self.effects.push_back(Effect::Chime(Chime::AnyoneThere));
                    self.log(
                        log::Level::Info,
                        "nobody has spoken or touched the screen; asking whether anyone is there",
                    );
                }
                idle::Silence::Leave => {
                    self.leave(now);
                    self.say(Sentence::LeftForSilence, None, Severity::Warning, now);
                }
            }
        }
        if self.backlight(now) != Backlight::Lit && self.activity() == Activity::Nothing {
            // Whoever opened this has gone, and the next person starts at home.
            self.go_home();
        }
        self.settle(now);
    }

    /// When to call [`Kiosk::handle_timeout`], if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Time> {
        let now = self.asked.now;
        let meeting = self.activity() == Activity::Meeting;
        let moments = [
            self.gate.poll_timeout(),
            self.approve_button.poll_timeout(),
            self.door.poll_timeout(now),
            self.notices.poll_timeout(),
            self.stay.floor.poll_timeout(),
            self.question.map(|(_, until)| until),
            self.former.as_ref().map(|(_, until)| *until),
            self.session.poll_timeout(),
            self.link.poll_timeout(now),
            meeting.then(|| self.anyone_there.poll_timeout()),
            self.idle.poll_timeout(now).filter(|_| !self.must_be_lit()),
            self.asked.ticket_due(),
        ];
        let contacts = self.devices.contacts.iter().map(|contact| contact.poll_timeout(now));
        moments.into_iter().chain(contacts).flatten().min()
    }

    /// What to do next; drain until `None` after `new` and after each call of a `handle_` function.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// What the screen shows.
    pub fn view(&self, now: Time, wall: WallClock) -> View {
        crate::view::of(self, now, wall)
    }

    pub(crate) fn hosting(&self) -> bool {
        self.session.meeting().is_some_and(|meeting| meeting.roster.hosting())
    }

    /// What this room tells the others of itself.
    pub(crate) fn member_state(&self) -> MemberState {
        let muted = match self.gate.microphone() {
            Microphone::Muted | Microphone::Missing => true,
            Microphone::Live | Microphone::Fault => false,
        };
        let failed = matches!(self.devices.camera, Some(CameraState::Failed(_)));
        MemberState {
            muted,
            camera_off: self.stay.camera_off || failed,
            presenting: self.stay.presenting.announced(),
            link: self.network.own.told(),
        }
    }

    /// Leaves the meeting by the room's own will; "Rejoin" is offered for a while.
    fn leave(&mut self, now: Time) {
        if let Some(ticket) = self.own_ticket(now) {
            self.former = Some((Ticket { inside: false, ..ticket }, now + self.config.rejoin_for));
        }
        self.session.leave(now);
        self.forget_stay(now);
    }

    /// How long this room has been in its meeting, by the relay's clock, so that a power cut does not start it anew.
    pub(crate) fn time_in_meeting(&self, now: Time) -> Duration {
        let issued = self.session.meeting().map_or(u64::MAX, |meeting| meeting.roster.admission.issued_ms);
        let now_ms = self.session.relay_ms(now).unwrap_or(0);
        Duration::from_millis(now_ms.saturating_sub(issued))
    }

    /// The meeting is over for this room: nothing of it stays.
    fn forget_stay(&mut self, now: Time) {
        self.stay = Stay::new();
        self.network.shown = None;
        self.network.own = OwnLink::default();
        self.draw_network();
        self.nobody_at_the_door();
        self.name_edit = None;
        self.question = None;
        self.place = Place::Home;
        self.idle.wake(now);
    }

    fn touched(&mut self, now: Time) {
        self.idle.wake(now);
        self.anyone_there.sign_of_life(now);
    }

    /// A sentence on the screen and one in the log.
    fn say(&mut self, sentence: Sentence, detail: Option<String>, severity: Severity, now: Time) {
        let level = match severity {
            Severity::Info => log::Level::Info,
            Severity::Warning | Severity::Alarm => log::Level::Warn,
        };
        let words = sentence.say(crate::view::Language::English);
        match &detail {
            Some(detail) => self.log(level, format!("{words} ({detail})")),
            None => self.log(level, words),
        }
        if severity == Severity::Alarm {
            self.effects.push_back(Effect::Chime(Chime::Alarm));
        }
        self.notices.add(sentence, detail, severity, now);
    }

    fn log(&mut self, level: log::Level, text: impl Into<String>) {
        self.effects.push_back(Effect::Log { level, text: text.into() });
    }

    /// What is done about the speaker's sound in the microphone: as chosen on the screen, else as configured.
    pub(crate) fn echo(&self) -> EchoMode {
        self.settings.echo.unwrap_or(self.config.echo)
    }

    fn keep_settings(&mut self) {
        self.effects.push_back(Effect::KeepSettings(self.settings.clone()));
    }

    /// Drops the connection and makes a new one at once.
    fn reconnect(&mut self, why: &str, now: Time) {
        self.effects.push_back(Effect::Disconnect);
        self.connection_lost(LinkLoss::RelayGone, why.to_owned(), now);
    }

    /// What the connection brought is void. Who still waits at the door is brought again by the next one.
    fn off_the_line(&mut self) {
        self.session.handle_disconnected();
        self.nobody_at_the_door();
        self.stay.speaking.clear();
        self.stay.floor.all_silent();
        self.stay.arriving.clear();
    }

    fn nobody_at_the_door(&mut self) {
        if let Some(id) = self.door.shown().map(|knock| knock.id) {
            self.approve_button.gone(&id);
        }
        self.door.clear();
    }

    fn connection_lost(&mut self, why: LinkLoss, detail: String, now: Time) {
        if !self.link.lost(why, detail.clone(), self.session.chance(), now) {
            return;
        }
        self.off_the_line();
        if let Some((sentence, _)) = self.link.trouble(now) {
            let words = sentence.say(crate::view::Language::English);
            self.log(log::Level::Warn, format!("{words} ({detail})"));
        }
    }

    /// This room's place in its meeting, with what only the kiosk knows.
    fn own_ticket(&self, now: Time) -> Option<Ticket> {
        let ticket = self.session.ticket(now)?;
        if self.session.meeting().is_none() {
            return Some(ticket);
        }
        Some(Ticket { muted: self.stay.muted, camera_off: self.stay.camera_off, ..ticket })
    }

    /// The connected relay's name for people: where it is.
    pub(crate) fn relay_label(&self) -> String {
        self.link.address().unwrap_or_default().to_owned()
    }

    pub(crate) fn link_is_up(&self) -> bool {
        matches!(self.link.state, LinkState::Up { .. }) && self.session.connected()
    }

    /// What a room is called that is or was in the meeting.
    pub(crate) fn label(&self, peer: &PeerId) -> Option<&str> {
        self.session.meeting().and_then(|meeting| meeting.label(peer))
    }

    /// What the room at the door is called, and whether one of its name is here already.
    pub(crate) fn label_at_door(&self, peer: &PeerId, name: &RoomName) -> (String, bool) {
        let labels = self.session.meeting().map(|meeting| &meeting.labels);
        let shared = labels.is_some_and(|labels| labels.shared(peer, name));
        (labels.map_or_else(|| name.to_string(), |labels| labels.at_door(peer, name)), shared)
    }
}

/// How long a question waits for its answer.
const QUESTION: Duration = Duration::from_secs(15);
