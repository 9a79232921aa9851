//! After every input: what is wanted of gate, camera, lamps and relay is compared with what was asked for last, and
//! only the difference becomes an effect.

use vestibule_common::control::Member;
use vestibule_common::id::PeerId;
use vestibule_common::time::{Duration, Time};

use super::effect::{Chime, Effect, GateState, Grabber, LampState, Media};
use super::link::LinkState;
use super::{Activity, Kiosk, Place};
use crate::device::Button;
use crate::session::Ticket;
use crate::view::Backlight;

/// A change of the ticket waits this long after the one before, so that a lively chat does not wear out the storage.
const TICKET_EVERY: Duration = Duration::from_secs(2);
/// In a meeting the ticket is kept anew this often, so that its time says when the power was cut.
const TICKET_REFRESH: Duration = Duration::from_secs(60);

/// What was asked for last.
pub(super) struct Asked {
    /// The time of the last input.
    pub(super) now: Time,
    camera: bool,
    listen: bool,
    presentation: Grabber,
    presented: Option<PeerId>,
    mute_lamp: Option<LampState>,
    approve_lamp: Option<LampState>,
    ticket: Option<Ticket>,
    ticket_at: Time,
    /// The ticket may have changed.
    pub(super) ticket_dirty: bool,
}

impl Asked {
    pub(super) fn new(ticket: Option<&Ticket>, now: Time) -> Asked {
        Asked {
            now,
            camera: false,
            listen: false,
            presentation: Grabber::Closed,
            presented: None,
            mute_lamp: None,
            approve_lamp: None,
            ticket: ticket.cloned(),
            ticket_at: now,
            ticket_dirty: false,
        }
    }

    pub(super) fn ticket_due(&self) -> Option<Time> {
        if self.ticket_dirty {
            Some(self.ticket_at + TICKET_EVERY)
        } else {
            self.ticket.as_ref().filter(|ticket| ticket.inside).map(|_| self.ticket_at + TICKET_REFRESH)
        }
    }
}

impl Kiosk {
    pub(super) fn settle(&mut self, now: Time) {
        self.asked.now = self.asked.now.max(now);
        loop {
            while let Some(told) = self.session.next_told() {
                self.told(told, now);
            }
            self.settle_presentations();
            self.settle_devices(now);
            self.session.settle(self.member_state(), now);
            match self.session.next_told() {
                Some(told) => self.told(told, now),
                None => break,
            }
        }
        // The other rooms are told of it before they get it.
        self.settle_grabber();
        let lit = self.backlight(now) == Backlight::Lit;
        if self.door.settle(lit, now) {
            self.effects.push_back(Effect::Chime(Chime::Knock));
        }
        self.settle_button_faults(now);
        self.settle_lamps();
        self.settle_chooser(lit, now);
        self.settle_ticket(now);
    }

    fn settle_presentations(&mut self) {
        if let Some(meeting) = self.session.meeting() {
            let presents = |member: &&Member| member.present && member.state.presenting > 0;
            let others =
                meeting.roster.others().filter(presents).map(|member| (member.state.presenting, member.id()));
            self.stay.presenting.settle(meeting.roster.me, others);
        }
        let shown = self.stay.presenting.shown();
        let presented = shown.filter(|peer| self.session.meeting().is_some_and(|m| m.member(peer).is_some()));
        if presented != self.asked.presented {
            self.asked.presented = presented;
            self.effects.push_back(Effect::Media(Media::Present(presented)));
        }
    }

    fn settle_devices(&mut self, now: Time) {
        let activity = self.activity();
        let meeting = activity == Activity::Meeting;
        let gate = if meeting && !self.stay.muted { GateState::Open } else { GateState::Closed };
        if self.gate.want(gate, now) {
            self.tell_gate();
        }
        // Outside meetings the camera is open only while the room sees its own picture.
        let camera = match activity {
            Activity::Meeting => !self.stay.camera_off,
            Activity::Waiting => true,
            Activity::Asking => false,
            Activity::Nothing => self.testing() || self.own_picture && self.place == Place::Home,
        };
        if camera != self.asked.camera {
            self.asked.camera = camera;
            self.effects.push_back(Effect::Camera(camera));
        }
        // The meter is there to be seen moving; the gate stays closed.
        let listen = self.testing();
        if listen != self.asked.listen {
            self.asked.listen = listen;
            self.effects.push_back(Effect::Listen(listen));
        }
        self.settle_grabber();
    }

    /// Pictures of a presentation leave only while the relay is told of it, by this connection.
    fn settle_grabber(&mut self) {
        let presenting = &self.stay.presenting;
        let told = self.session.state_told().is_some_and(|state| state.presenting == presenting.announced());
        let grabber = match presenting.grabber() {
            _ if self.activity() != Activity::Meeting => Grabber::Closed,
            Grabber::Sending if !told => Grabber::Open,
            grabber => grabber,
        };
        if grabber != self.asked.presentation {
            self.asked.presentation = grabber;
            self.effects.push_back(Effect::Presentation(grabber));
        }
    }

    /// Tells the gate what it should do.
    pub(super) fn tell_gate(&mut self) {
        let gate = self.gate.wanted();
        if gate == GateState::Open {
            // The lamp goes dark first: it never says "muted" while a sample may leave.
            self.settle_mute_lamp();
        }
        self.effects.push_back(Effect::Gate(gate));
    }

    fn settle_mute_lamp(&mut self) {
        // A gate that is open or says nothing is told by its lamp on every page.
        let mute = match self.gate.lamp() {
            Some(LampState::On) if self.testing() => Some(self.test_lamp(Button::Mute)),
            lamp => lamp,
        };
        if mute != self.asked.mute_lamp
            && let Some(state) = mute
        {
            self.asked.mute_lamp = mute;
            self.effects.push_back(Effect::Lamp(Button::Mute, state));
        }
    }

    fn settle_lamps(&mut self) {
        self.settle_mute_lamp();
        let approve = match self.door.shown() {
            Some(_) => LampState::Blinking,
            None if self.testing() => self.test_lamp(Button::Approve),
            None => LampState::Off,
        };
        if self.asked.approve_lamp != Some(approve) {
            self.asked.approve_lamp = Some(approve);
            self.effects.push_back(Effect::Lamp(Button::Approve, approve));
        }
    }

    /// On the test page a button's lamp is lit while the button is down.
    fn test_lamp(&self, button: Button) -> LampState {
        if self.devices.pressed[button as usize] { LampState::On } else { LampState::Off }
    }

    /// Without a relay to trust, what is on the network is offered; one has to be chosen, also when there is only one.
    fn settle_chooser(&mut self, lit: bool, now: Time) {
        let unknown = matches!(self.link.state, LinkState::Unknown { .. });
        if unknown && lit && self.place == Place::Home && !self.link.found.is_empty() {
            self.place = Place::Relays { back: false };
        }
        let from_settings = matches!(self.place, Place::Relays { back: true });
        self.link.look(from_settings && lit, now);
    }

    fn settle_ticket(&mut self, now: Time) {
        let due = self.asked.ticket_due().is_some_and(|at| now >= at);
        let ticket = match self.own_ticket(now) {
            Some(ticket) => Some(ticket),
            None => self.former.as_ref().map(|(ticket, _)| ticket.clone()).or_else(|| self.restored.clone()),
        };
        let changed = match (&ticket, &self.asked.ticket) {
            (Some(new), Some(old)) => !same_place(new, old),
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        };
        if changed || due {
            self.asked.ticket_dirty = false;
            self.asked.ticket_at = now;
            if ticket != self.asked.ticket {
                self.asked.ticket = ticket.clone();
                self.effects.push_back(Effect::KeepTicket(ticket.map(Box::new)));
            }
        }
    }
}

/// Whether two tickets differ in nothing but how far the meeting went, which can wait a moment.
fn same_place(a: &Ticket, b: &Ticket) -> bool {
    let counters = |ticket: &Ticket| Ticket { last_event: 0, seen_ms: 0, ..ticket.clone() };
    counters(a) == counters(b)
}
