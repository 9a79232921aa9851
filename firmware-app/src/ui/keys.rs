//! F1 and F2 as the two buttons of simulated devices. A held key repeats as pairs of "up" and "down" at once; those
//! are not presses.

use druid::keyboard_types::Key;

use crate::device::Button;

/// A key that stands for a button went down or came up.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct KeyEdge {
    /// Which button.
    pub button: Button,
    /// Down, or up again.
    pub pressed: bool,
}

/// The button a key stands for: F1 mutes, F2 approves.
pub(super) fn button(key: &Key) -> Option<Button> {
    match key {
        Key::F1 => Some(Button::Mute),
        Key::F2 => Some(Button::Approve),
        _ => None,
    }
}

/// Tells presses from repetitions.
#[derive(Default)]
pub(super) struct Keys {
    mute: Held,
    approve: Held,
}

#[derive(Copy, Clone, PartialEq, Eq, Default)]
enum Held {
    #[default]
    Up,
    Down,
    /// Came up; a repetition would bring it down again at once.
    Rising,
}

impl Keys {
    fn held(&mut self, button: Button) -> &mut Held {
        match button {
            Button::Mute => &mut self.mute,
            Button::Approve => &mut self.approve,
        }
    }

    /// A key went down. Returns whether it was pressed.
    pub(super) fn down(&mut self, button: Button) -> Option<KeyEdge> {
        let before = std::mem::replace(self.held(button), Held::Down);
        (before == Held::Up).then_some(KeyEdge { button, pressed: true })
    }

    /// A key came up. [`Keys::settle`] must follow after a moment.
    pub(super) fn up(&mut self, button: Button) {
        let held = self.held(button);
        if *held == Held::Down {
            *held = Held::Rising;
        }
    }

    /// A moment has passed without the key coming down again. Returns the releases.
    pub(super) fn settle(&mut self) -> Vec<KeyEdge> {
        let mut released = Vec::new();
        for button in [Button::Mute, Button::Approve] {
            let held = self.held(button);
            if *held == Held::Rising {
                *held = Held::Up;
                released.push(KeyEdge { button, pressed: false });
            }
        }
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_key_is_one_press() {
        let mut keys = Keys::default();
        assert!(keys.down(Button::Mute).is_some_and(|edge| edge.pressed));
        for _ in 0..5 {
            keys.up(Button::Mute);
            assert_eq!(keys.down(Button::Mute), None);
        }
        assert!(keys.settle().is_empty());
        keys.up(Button::Mute);
        assert_eq!(keys.settle(), [KeyEdge { button: Button::Mute, pressed: false }]);
        assert!(keys.down(Button::Mute).is_some());
        assert!(keys.down(Button::Approve).is_some());
    }
}
