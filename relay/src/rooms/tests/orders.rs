//! Everything that can happen at the door, in every order, against a model that is too simple to be wrong.

use super::*;

/// What happens once each, in every order. The first kiosk hosts, the second wants in.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Step {
    Knock,
    Approve,
    Cancel,
    Leave,
    HostLost,
    HostBack,
    Restart,
    Deny,
    Lock,
    Remove,
    End,
    GuestLost,
}

/// Where the guest is, as far as the steps tell.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Guest {
    Outside,
    Knocking,
    Inside,
    /// It was inside when its connection was lost, and has its admission.
    CanReturn,
}

struct Model {
    room_open: bool,
    host_there: bool,
    locked: bool,
    removed: bool,
    ended: bool,
    guest: Guest,
}

impl Model {
    fn step(&mut self, step: Step) {
        match step {
            Step::Knock if self.room_open && !self.locked && self.free() => self.guest = Guest::Knocking,
            Step::Approve if self.host_there && self.guest == Guest::Knocking => {
                self.guest = Guest::Inside;
                self.removed = false;
            }
            Step::Cancel | Step::Deny | Step::Lock if self.guest == Guest::Knocking => {
                if step == Step::Cancel || self.host_there {
                    self.guest = Guest::Outside;
                }
                self.locked |= step == Step::Lock && self.host_there;
            }
            Step::Lock if self.host_there => self.locked = true,
            Step::Leave if self.guest == Guest::Inside => self.guest = Guest::Outside,
            Step::HostLost => self.host_there = false,
            Step::HostBack if !self.ended => (self.room_open, self.host_there) = (true, true),
            Step::Restart => {
                (self.room_open, self.host_there) = (false, false);
                self.lose_guest();
            }
            Step::Remove if self.host_there && self.guest != Guest::Knocking => {
                // Before it was ever inside, there is nobody to remove; nor is anyone afterwards let in by it.
                self.removed = true;
                self.guest = Guest::Outside;
            }
            Step::Remove if self.host_there => self.removed = true,
            Step::End if self.host_there => {
                (self.room_open, self.host_there, self.ended) = (false, false, true);
                self.guest = Guest::Outside;
            }
            Step::GuestLost => self.lose_guest(),
            Step::Knock
            | Step::Approve
            | Step::Cancel
            | Step::Deny
            | Step::Lock
            | Step::Leave
            | Step::HostBack
            | Step::Remove
            | Step::End => {}
        }
    }

    fn free(&self) -> bool {
        matches!(self.guest, Guest::Outside | Guest::CanReturn)
    }

    fn lose_guest(&mut self) {
        self.guest = match self.guest {
            Guest::Inside | Guest::CanReturn => Guest::CanReturn,
            Guest::Outside | Guest::Knocking => Guest::Outside,
        };
    }
}

const HOST: usize = 0;
const GUEST: usize = 1;

impl World {
    fn step(&mut self, step: Step, code: RoomCode) {
        let last_knock = self.kiosks[GUEST].last_knock.unwrap_or_default();
        match step {
            Step::Knock => {
                self.ask(GUEST, Ask::Knock { code });
                self.advance(PATIENCE);
            }
            Step::Approve => {
                let room = self.kiosks[HOST].meeting.as_ref().map_or(RoomId::default(), |m| m.entered.room);
                let before = self.admitted.clone();
                let admission = self.admission(HOST, room, GUEST, Role::Member);
                if !matches!(self.ask(HOST, Ask::Approve { knock: last_knock, admission }), Some(Tell::Done))
                {
                    self.admitted = before;
                }
            }
            Step::Cancel => drop(self.ask(GUEST, Ask::Cancel { knock: last_knock })),
            Step::Leave => drop(self.ask(GUEST, Ask::Leave)),
            Step::HostLost => self.disconnect(HOST),
            Step::HostBack => {
                if self.kiosks[HOST].connection.is_none() {
                    self.connect(HOST);
                    let ask = self.reopen_ask(HOST);
                    self.ask(HOST, ask);
                }
            }
            Step::Restart => {
                self.restart();
                self.connect(GUEST);
            }
            Step::Deny => drop(self.ask(HOST, Ask::Deny { knock: last_knock })),
            Step::Lock => drop(self.ask(HOST, Ask::Lock { locked: true })),
            Step::Remove => {
                if self.is_in(HOST) {
                    let removal = self.removal(HOST, GUEST);
                    self.ask(HOST, Ask::Remove { removal });
                }
            }
            Step::End => drop(self.ask(HOST, Ask::End)),
            Step::GuestLost => self.connect(GUEST),
        }
    }
}

/// Runs the steps in one order. `confirms`: forwarding confirms at once, else only between steps.
fn run(steps: &[Step], confirms: bool) {
    let mut world = World::new(2);
    world.start(HOST);
    let code = world.code_of(HOST);
    let mut model = Model {
        room_open: true,
        host_there: true,
        locked: false,
        removed: false,
        ended: false,
        guest: Guest::Outside,
    };
    for step in steps {
        world.confirms = confirms;
        world.step(*step, code);
        world.confirms = true;
        world.settle();
        model.step(*step);
        let state = match (&world.kiosks[GUEST].meeting, world.kiosks[GUEST].knock) {
            (Some(_), None) => Guest::Inside,
            (None, Some(_)) => Guest::Knocking,
            (None, None) if model.guest == Guest::CanReturn => Guest::CanReturn,
            (None, None) => Guest::Outside,
            (Some(_), Some(_)) => panic!("inside and knocking"),
        };
        assert_eq!(state, model.guest, "after {step:?} of {steps:?}");
        assert_eq!(world.is_in(HOST), model.host_there, "after {step:?} of {steps:?}");
    }
    if model.guest == Guest::CanReturn {
        let returned = matches!(world.resume(GUEST), Some(Tell::Entered(_)));
        assert_eq!(returned, model.room_open && !model.removed, "{steps:?}");
    }
    world.end();
}

fn every_order(steps: &mut [Step], from: usize, count: &mut usize) {
    if from + 1 >= steps.len() {
        run(steps, true);
        run(steps, false);
        *count += 1;
        return;
    }
    for other in from..steps.len() {
        steps.swap(from, other);
        every_order(steps, from + 1, count);
        steps.swap(from, other);
    }
}

#[test]
fn every_order_of_knock_approve_cancel_leave_host_loss_and_restart() {
    use Step::{Approve, Cancel, HostBack, HostLost, Knock, Leave, Restart};
    let mut count = 0;
    every_order(&mut [Knock, Approve, Cancel, Leave, HostLost, HostBack, Restart], 0, &mut count);
    assert_eq!(count, 5040);
}

#[test]
fn every_order_of_knock_approve_deny_lock_remove_end_and_loss() {
    use Step::{Approve, Deny, End, GuestLost, Knock, Lock, Remove};
    let mut count = 0;
    every_order(&mut [Knock, Approve, Deny, Lock, Remove, End, GuestLost], 0, &mut count);
    assert_eq!(count, 5040);
}

#[test]
fn every_order_of_two_knocks_and_a_removal() {
    use Step::{Approve, GuestLost, Knock, Remove};
    let mut count = 0;
    every_order(&mut [Knock, Approve, Remove, GuestLost, Knock, Approve], 0, &mut count);
    assert_eq!(count, 720);
}
