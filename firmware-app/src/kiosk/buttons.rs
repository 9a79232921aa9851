//! The two buttons: mute, and the answer to a knock.

use vestibule_common::time::Time;

use super::approve_button::Verdict;
use super::contacts::{ButtonFault, ContactHistory};
use super::{Activity, Kiosk};
use crate::device::{Button, ButtonEdge, Contact};
use crate::view::words::Sentence;
use crate::view::{Backlight, Language, Severity};

impl Kiosk {
    /// A button's edge. Both act whatever the screen shows; a press on a sleeping screen with nothing to answer only
    /// wakes it.
    pub fn handle_button(&mut self, edge: ButtonEdge, now: Time) {
        let at = edge.at.min(now);
        let lit = self.backlight(now) == Backlight::Lit;
        self.devices.pressed[edge.button as usize] = edge.pressed;
        if self.devices.contacts[edge.button as usize].fault(now) == Some(ButtonFault::Loose) {
            // It is said that it does not count.
            return self.settle(now);
        }
        match (edge.button, edge.pressed) {
            (Button::Mute, true) => self.toggle_mute(),
            (Button::Mute, false) => {}
            // With nobody at the door it answers nothing, on the test page neither.
            (Button::Approve, true) => {
                let armed = self.door.armed(at).filter(|_| lit).map(|knock| knock.id);
                self.approve_button.press(armed, at);
            }
            (Button::Approve, false) => {
                let verdict = self.approve_button.release(at);
                self.answer(verdict, now);
            }
        }
        if edge.pressed {
            self.touched(now);
        }
        self.settle(now);
    }

    /// How a button's contact is, apart from what pressing it means.
    pub(super) fn contact_is(&mut self, button: Button, contact: Contact, now: Time) {
        self.devices.contacts[button as usize].handle_contact(contact, now);
        match contact {
            // Down since before it was watched: no press, but down.
            Contact::Open | Contact::Closed => {
                self.devices.pressed[button as usize] = contact == Contact::Closed;
            }
            Contact::Loose if button == Button::Approve => self.approve_button.forget(),
            Contact::Loose => {}
        }
    }

    /// There are no buttons now, so nothing is wrong with any of them, and none is held.
    pub(super) fn buttons_gone(&mut self) {
        self.devices.pressed = [false; 2];
        self.devices.contacts = [ContactHistory::default(); 2];
        self.approve_button.forget();
    }

    /// Says what is wrong with a button for as long as it is, and logs when that begins and ends.
    pub(super) fn settle_button_faults(&mut self, now: Time) {
        for button in [Button::Mute, Button::Approve] {
            let fault = self.devices.contacts[button as usize].fault(now);
            let before = std::mem::replace(&mut self.devices.faults[button as usize], fault);
            if fault == before {
                continue;
            }
            if let Some(before) = before {
                self.notices.remove(&fault_sentence(button, before));
            }
            match fault {
                Some(fault) => {
                    let sentence = fault_sentence(button, fault);
                    self.log(log::Level::Warn, sentence.say(Language::English));
                    self.notices.hold(sentence, Severity::Warning);
                }
                None => self.log(log::Level::Info, format!("the {button} button is well again")),
            }
        }
    }

    /// The buttons with which something is wrong, and what.
    pub(crate) fn faulty_buttons(&self) -> impl Iterator<Item = (Button, ButtonFault)> {
        let [mute, approve] = self.devices.faults;
        let mute = mute.map(|fault| (Button::Mute, fault));
        mute.into_iter().chain(approve.map(|fault| (Button::Approve, fault)))
    }

    pub(super) fn toggle_mute(&mut self) {
        if self.activity() == Activity::Meeting {
            self.stay.muted = !self.stay.muted;
        }
    }

    /// Answers the knock that the verdict names; a knock that is gone admits nobody.
    pub(super) fn answer(&mut self, verdict: Option<Verdict>, now: Time) {
        let Some(verdict) = verdict else { return };
        let (Verdict::Approve(id) | Verdict::Deny(id)) = verdict;
        let Some(knock) = self.door.answer(&id) else { return };
        self.approve_button.gone(&id);
        let who = knock.identity.short();
        match verdict {
            Verdict::Approve(_) => {
                self.log(log::Level::Info, format!("{} ({who}) is let in", knock.name));
                self.session.approve(id, knock.identity, now);
            }
            Verdict::Deny(_) => {
                self.log(log::Level::Info, format!("{} ({who}) is refused", knock.name));
                self.session.deny(id, now);
            }
        }
    }
}

fn fault_sentence(button: Button, fault: ButtonFault) -> Sentence {
    match fault {
        ButtonFault::Stuck => Sentence::ButtonStuck(button),
        ButtonFault::Loose => Sentence::ButtonLoose(button),
    }
}
