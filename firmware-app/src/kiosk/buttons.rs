//! The two buttons: mute, and the answer to a knock.

use vestibule_common::time::Time;

use super::approve_button::Verdict;
use super::{Activity, Kiosk};
use crate::device::{Button, ButtonEdge};
use crate::view::Backlight;

impl Kiosk {
    /// A button's edge. Both act whatever the screen shows; a press on a sleeping screen with nothing to answer only
    /// wakes it.
    pub fn handle_button(&mut self, edge: ButtonEdge, now: Time) {
        let at = edge.at.min(now);
        let lit = self.backlight(now) == Backlight::Lit;
        self.devices.pressed[edge.button as usize] = edge.pressed;
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

    pub(super) fn toggle_mute(&mut self) {
        if self.activity() == Activity::Meeting {
            self.stay.muted = !self.stay.muted;
        }
    }

    /// Answers the knock that the verdict names; a knock that is gone admits nobody.
    pub(super) fn answer(&mut self, verdict: Option<Verdict>, now: Time) {
        let Some(verdict) = verdict else { return };
        let (Verdict::Approve(id) | Verdict::Deny(id)) = verdict;
        let Some(knock) = self.door.take(&id) else { return };
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
