//! Contacts that bounce, made into presses: the first edge counts at once, what follows within 30 ms does not.
//!
//! A pure core, shared by every real back end, so that no driver's idea of debouncing delays the mute button. A contact
//! that chatters on and on is ignored until it rests.

use heapless::Deque;
use vestibule_common::time::{Duration, Time};

use crate::device::{Button, ButtonEdge, Contact};

/// What follows an edge within this time is the same edge, bouncing.
pub const BOUNCE: Duration = Duration::from_millis(30);

/// More edges than this within a second are no fingers. The fastest make about 14.
const MOST_EDGES: usize = 20;

/// A chattering contact is believed again when it has rested for this long.
const REST: Duration = Duration::from_millis(300);

/// One contact.
#[derive(Clone, Debug)]
pub struct Debouncer {
    /// As last reported.
    reported: bool,
    /// As last seen.
    raw: bool,
    /// When `raw` last changed.
    raw_since: Time,
    /// When the last edges were reported, oldest first.
    edges: Deque<Time, MOST_EDGES>,
    chattering: bool,
}

impl Debouncer {
    /// A contact that is in this state now. One held down while it is opened is no press.
    pub fn new(pressed: bool, now: Time) -> Debouncer {
        Debouncer { reported: pressed, raw: pressed, raw_since: now, edges: Deque::new(), chattering: false }
    }

    /// The contact was seen in a state, by an interrupt or a look. Says what to report, and when it happened.
    pub fn handle_level(&mut self, pressed: bool, at: Time) -> Option<(bool, Time)> {
        // An old state may still have to be reported before this one is looked at.
        let due = self.handle_timeout(at);
        if pressed != self.raw {
            self.raw = pressed;
            self.raw_since = at;
        }
        due.or_else(|| self.handle_timeout(at))
    }

    /// The contact was looked at, which does not say since when it is so. As [`Debouncer::handle_level`], but what the
    /// look before saw while the contact bounced is forgotten: it did not come to rest so.
    pub fn handle_look(&mut self, pressed: bool, now: Time) -> Option<(bool, Time)> {
        if pressed != self.raw && now.since(self.raw_since) < BOUNCE {
            self.raw = pressed;
            self.raw_since = now;
        }
        self.handle_level(pressed, now)
    }

    /// When [`Debouncer::handle_timeout`] has something to do, if nothing is seen until then.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.raw == self.reported && !self.chattering {
            return None;
        }
        Some(self.quiet_until())
    }

    /// Reports the state in which the contact came to rest.
    pub fn handle_timeout(&mut self, now: Time) -> Option<(bool, Time)> {
        if now < self.quiet_until() {
            return None;
        }
        if self.chattering {
            self.chattering = false;
            self.edges.clear();
        }
        if self.raw == self.reported {
            return None;
        }
        if self.edges.is_full() {
            let oldest = self.edges.pop_front().unwrap_or(Time::ZERO);
            if now.since(oldest) < Duration::from_secs(1) {
                self.chattering = true;
                return None;
            }
        }
        self.reported = self.raw;
        // There is room: the oldest was taken out above.
        let _ = self.edges.push_back(now);
        Some((self.raw, self.raw_since))
    }

    /// How it is, as last reported.
    pub fn contact(&self) -> Contact {
        match (self.chattering, self.reported) {
            (true, _) => Contact::Loose,
            (false, true) => Contact::Closed,
            (false, false) => Contact::Open,
        }
    }

    fn quiet_until(&self) -> Time {
        if self.chattering {
            return self.raw_since + REST;
        }
        self.edges.back().map_or(Time::ZERO, |last| *last + BOUNCE)
    }
}

/// Both buttons.
#[derive(Clone, Debug)]
pub struct Contacts {
    mute: Debouncer,
    approve: Debouncer,
}

impl Contacts {
    /// The buttons as they are now.
    pub fn new(mute: bool, approve: bool, now: Time) -> Contacts {
        Contacts { mute: Debouncer::new(mute, now), approve: Debouncer::new(approve, now) }
    }

    /// As [`Debouncer::handle_level`].
    pub fn handle_level(&mut self, button: Button, pressed: bool, at: Time) -> Option<ButtonEdge> {
        self.of(button).handle_level(pressed, at).map(|(pressed, at)| ButtonEdge { button, pressed, at })
    }

    /// As [`Debouncer::handle_look`].
    pub fn handle_look(&mut self, button: Button, pressed: bool, now: Time) -> Option<ButtonEdge> {
        self.of(button).handle_look(pressed, now).map(|(pressed, at)| ButtonEdge { button, pressed, at })
    }

    /// As [`Debouncer::poll_timeout`], the earlier of the two.
    pub fn poll_timeout(&self) -> Option<Time> {
        [self.mute.poll_timeout(), self.approve.poll_timeout()].into_iter().flatten().min()
    }

    /// As [`Debouncer::handle_timeout`]. Call it until it has nothing more.
    pub fn handle_timeout(&mut self, now: Time) -> Option<ButtonEdge> {
        let edge = |button| move |(pressed, at)| ButtonEdge { button, pressed, at };
        let mute = self.mute.handle_timeout(now).map(edge(Button::Mute));
        mute.or_else(|| self.approve.handle_timeout(now).map(edge(Button::Approve)))
    }

    /// As [`Debouncer::contact`].
    pub fn contact(&self, button: Button) -> Contact {
        match button {
            Button::Mute => self.mute.contact(),
            Button::Approve => self.approve.contact(),
        }
    }

    fn of(&mut self, button: Button) -> &mut Debouncer {
        match button {
            Button::Mute => &mut self.mute,
            Button::Approve => &mut self.approve,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn the_first_edge_counts_at_once_and_bouncing_does_not() {
        let mut contact = Debouncer::new(false, at(0));
        assert_eq!(contact.handle_level(true, at(100)), Some((true, at(100))));
        for ms in 101..120 {
            assert_eq!(contact.handle_level(ms % 2 == 0, at(ms)), None, "{ms} ms");
        }
        assert_eq!(contact.handle_level(true, at(120)), None);
        assert_eq!(contact.handle_timeout(at(130)), None);
        assert_eq!(contact.poll_timeout(), None);
        assert_eq!(contact.handle_level(false, at(500)), Some((false, at(500))));
    }

    #[test]
    fn a_press_shorter_than_the_bouncing_is_a_press_and_a_release() {
        let mut contact = Debouncer::new(false, at(0));
        assert_eq!(contact.handle_level(true, at(100)), Some((true, at(100))));
        assert_eq!(contact.handle_level(false, at(105)), None);
        assert_eq!(contact.poll_timeout(), Some(at(130)));
        assert_eq!(contact.handle_timeout(at(129)), None);
        assert_eq!(contact.handle_timeout(at(130)), Some((false, at(105))));
    }

    #[test]
    fn a_missed_timeout_does_not_lose_the_state_before() {
        let mut contact = Debouncer::new(false, at(0));
        contact.handle_level(true, at(100));
        contact.handle_level(false, at(110));
        // Nobody called at 130; the next press comes with the release still owed.
        assert_eq!(contact.handle_level(true, at(200)), Some((false, at(110))));
        assert_eq!(contact.poll_timeout(), Some(at(230)));
        assert_eq!(contact.handle_timeout(at(230)), Some((true, at(200))));
    }

    #[test]
    fn what_a_look_saw_of_the_bouncing_is_no_release() {
        let mut contact = Debouncer::new(false, at(0));
        assert_eq!(contact.handle_look(true, at(100)), Some((true, at(100))));
        // Open at this look, closed again when the bouncing is over.
        assert_eq!(contact.handle_look(false, at(120)), None);
        assert_eq!(contact.poll_timeout(), Some(at(130)));
        assert_eq!(contact.handle_look(true, at(130)), None);
        assert_eq!(contact.handle_look(true, at(150)), None);
        assert_eq!(contact.handle_look(false, at(500)), Some((false, at(500))));
    }

    #[test]
    fn looks_that_come_late_do_not_lose_the_state_before() {
        let mut contact = Debouncer::new(false, at(0));
        contact.handle_look(true, at(100));
        assert_eq!(contact.handle_look(false, at(120)), None);
        assert_eq!(contact.handle_look(true, at(400)), Some((false, at(120))));
        assert_eq!(contact.handle_look(true, at(430)), Some((true, at(400))));
    }

    #[test]
    fn a_button_held_while_it_is_opened_is_no_press() {
        let mut contact = Debouncer::new(true, at(0));
        assert_eq!(contact.handle_level(true, at(50)), None);
        assert_eq!(contact.contact(), Contact::Closed);
        assert_eq!(contact.handle_level(false, at(60)), Some((false, at(60))));
    }

    #[test]
    fn chatter_cannot_flood_and_ends_when_the_contact_rests() {
        let mut contact = Debouncer::new(false, at(0));
        // A loose contact: a change every 7 ms for ten seconds.
        let edges =
            (0..1400).filter(|n| contact.handle_level(n % 2 == 0, at(1000 + n * 7)).is_some()).count();
        assert_eq!(contact.contact(), Contact::Loose);
        assert!(edges <= MOST_EDGES, "{edges} edges in ten seconds");
        contact.handle_level(true, at(11_000));
        let rested = contact.poll_timeout().unwrap();
        let settled = contact.handle_timeout(rested);
        assert_ne!(contact.contact(), Contact::Loose);
        assert!(settled.is_none_or(|(pressed, _)| pressed));
        assert!(contact.handle_level(false, rested + Duration::from_millis(500)).is_some());
    }

    #[test]
    fn fast_fingers_are_no_chatter() {
        let mut contact = Debouncer::new(false, at(0));
        for n in 0..140_u64 {
            let moment = at(1000 + n * 1000 / 14);
            assert_eq!(contact.handle_level(n % 2 == 0, moment), Some((n % 2 == 0, moment)), "edge {n}");
        }
    }

    #[test]
    fn the_two_buttons_do_not_disturb_each_other() {
        let mut contacts = Contacts::new(false, false, at(0));
        let mute = contacts.handle_level(Button::Mute, true, at(10)).unwrap();
        let approve = contacts.handle_level(Button::Approve, true, at(12)).unwrap();
        assert_eq!((mute.button, approve.button), (Button::Mute, Button::Approve));
        contacts.handle_level(Button::Mute, false, at(15));
        contacts.handle_level(Button::Approve, false, at(16));
        assert_eq!(contacts.poll_timeout(), Some(at(40)));
        let released = contacts.handle_timeout(at(45)).unwrap();
        assert_eq!((released.button, released.pressed, released.at), (Button::Mute, false, at(15)));
        assert_eq!(contacts.handle_timeout(at(45)).unwrap().button, Button::Approve);
        assert_eq!(contacts.handle_timeout(at(45)), None);
    }
}
