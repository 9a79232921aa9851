//! Random scripts over several kiosks and rooms. The world checks every message and route; the script only stirs.

use proptest::prelude::*;

use super::*;

const KIOSKS: u8 = 5;

#[derive(Clone, Debug)]
enum Stir {
    Start,
    Knock(usize),
    WrongCode,
    Cancel,
    /// The oldest knock that waits at the kiosk's room, if it hosts one.
    Approve,
    /// With a word that the kiosk is not entitled to.
    ForgedApprove(usize),
    Deny,
    Leave,
    End,
    Lock(bool),
    Remove(usize),
    Heir(usize),
    Mute(usize),
    State(bool, bool, u32),
    Say(Option<usize>),
    Lose,
    Connect,
    Resume,
    StealAdmission(usize),
    Reopen,
    Restart,
    Wait(u32),
    Confirm,
    HoldConfirmations(bool),
}

fn stir() -> impl Strategy<Value = Stir> {
    let kiosk = 0..usize::from(KIOSKS);
    prop_oneof![
        1 => Just(Stir::Start),
        12 => kiosk.clone().prop_map(Stir::Knock),
        1 => Just(Stir::WrongCode),
        1 => Just(Stir::Cancel),
        16 => Just(Stir::Approve),
        1 => kiosk.clone().prop_map(Stir::ForgedApprove),
        1 => Just(Stir::Deny),
        2 => Just(Stir::Leave),
        1 => Just(Stir::End),
        1 => prop::bool::weighted(0.3).prop_map(Stir::Lock),
        1 => kiosk.clone().prop_map(Stir::Remove),
        6 => kiosk.clone().prop_map(Stir::Heir),
        1 => kiosk.clone().prop_map(Stir::Mute),
        2 => any::<(bool, bool, u32)>().prop_map(|(muted, off, turn)| Stir::State(muted, off, turn)),
        4 => prop::option::of(kiosk.clone()).prop_map(Stir::Say),
        3 => Just(Stir::Lose),
        2 => Just(Stir::Connect),
        6 => Just(Stir::Resume),
        1 => kiosk.prop_map(Stir::StealAdmission),
        3 => Just(Stir::Reopen),
        1 => Just(Stir::Restart),
        3 => (1u32..130).prop_map(Stir::Wait),
        2 => Just(Stir::Confirm),
        2 => any::<bool>().prop_map(Stir::HoldConfirmations),
    ]
}

impl World {
    /// Whoever would do this if it were not for chance: a script of pure chance hardly ever gets two into one room.
    fn likely(&self, kiosk: usize, stir: &Stir) -> usize {
        let hosts = |kiosk: &usize| {
            let meeting = self.kiosks[*kiosk].meeting.as_ref();
            meeting.filter(|meeting| meeting.host() == self.peer(*kiosk)).map(|meeting| meeting.entered.room)
        };
        let waits = |kiosk: &usize| {
            hosts(kiosk)
                .and_then(|room| self.rooms.rooms.get(&room))
                .is_some_and(|room| !room.knocks.is_empty())
        };
        let mut others = (kiosk..self.kiosks.len()).chain(0..kiosk);
        let likely = match stir {
            Stir::Approve => others.find(waits),
            Stir::Heir(_) => others.find(|kiosk| hosts(kiosk).is_some()),
            Stir::Knock(_) => others.find(|kiosk| !self.is_in(*kiosk) && self.kiosks[*kiosk].knock.is_none()),
            Stir::Resume | Stir::Reopen => {
                others.find(|kiosk| !self.is_in(*kiosk) && self.kiosks[*kiosk].kept.is_some())
            }
            _ => None,
        };
        likely.unwrap_or(kiosk)
    }

    fn stir(&mut self, kiosk: usize, stir: &Stir) {
        let kiosk = self.likely(kiosk, stir);
        if self.kiosks[kiosk].connection.is_none() {
            self.connect(kiosk);
        }
        let room = self.kiosks[kiosk].meeting.as_ref().map(|meeting| meeting.entered.room);
        let waiting = room.and_then(|room| self.rooms.rooms.get(&room)?.knocks.first().cloned());
        match stir {
            Stir::Start => {
                let founding = self.founding(kiosk);
                let admission = self.admission(kiosk, founding.room(), kiosk, Role::Host);
                self.ask(kiosk, Ask::Create { founding, admission });
            }
            Stir::Knock(at) => {
                let mut hosts = (*at..self.kiosks.len()).chain(0..*at);
                let code = hosts.find_map(|host| Some(self.kiosks[host].meeting.as_ref()?.entered.code));
                match code {
                    Some(code) => drop(self.ask(kiosk, Ask::Knock { code })),
                    None => self.stir(kiosk, &Stir::Start),
                }
            }
            Stir::WrongCode => drop(self.ask(kiosk, Ask::Knock { code: RoomCode::new(1).unwrap() })),
            Stir::Cancel => {
                let knock = self.kiosks[kiosk].last_knock.unwrap_or_default();
                self.ask(kiosk, Ask::Cancel { knock });
            }
            Stir::Approve => {
                if let (Some(room), Some(waiting)) = (room, waiting) {
                    let guest = self.kiosks.iter().position(|k| k.identity.peer() == waiting.peer).unwrap();
                    let before = self.admitted.clone();
                    let admission = self.admission(kiosk, room, guest, Role::Member);
                    let answer = self.ask(kiosk, Ask::Approve { knock: waiting.id, admission });
                    if answer != Some(Tell::Done) {
                        self.admitted = before;
                    }
                }
            }
            Stir::ForgedApprove(other) => {
                if let (Some(room), Some(waiting)) = (room, waiting) {
                    let signer = &self.kiosks[*other].identity;
                    let admission = Admission::issue(
                        signer,
                        room,
                        waiting.peer,
                        Role::Member,
                        1 << 40,
                        self.wall_ms() + 1,
                    );
                    let forged = Admission { expires_ms: u64::MAX, ..admission };
                    let answer = self.ask(kiosk, Ask::Approve { knock: waiting.id, admission: forged });
                    assert!(!matches!(answer, Some(Tell::Done)));
                }
            }
            Stir::Deny => {
                if let Some(waiting) = waiting {
                    self.ask(kiosk, Ask::Deny { knock: waiting.id });
                }
            }
            Stir::Leave => drop(self.ask(kiosk, Ask::Leave)),
            Stir::End => drop(self.ask(kiosk, Ask::End)),
            Stir::Lock(locked) => drop(self.ask(kiosk, Ask::Lock { locked: *locked })),
            Stir::Remove(other) => {
                if room.is_some() {
                    let removal = self.removal(kiosk, *other);
                    self.ask(kiosk, Ask::Remove { removal });
                }
            }
            Stir::Heir(other) => {
                if room.is_some() {
                    let succession = self.succession(kiosk, *other);
                    self.ask(kiosk, Ask::NameSuccessor { succession });
                }
            }
            Stir::Mute(other) => {
                let member = self.peer(*other);
                self.ask(kiosk, Ask::Mute { member });
            }
            Stir::State(muted, camera_off, presenting) => {
                let state = vestibule_common::control::MemberState {
                    muted: *muted,
                    camera_off: *camera_off,
                    presenting: *presenting,
                    link: None,
                };
                self.ask(kiosk, Ask::State { state });
            }
            Stir::Say(to) => {
                let to = to.map(|to| self.peer(to)).into_iter().collect();
                self.ask(kiosk, Ask::Opaque { class: "chat".into(), to, bytes: vec![1, 2, 3] });
            }
            Stir::Lose => self.disconnect(kiosk),
            Stir::Connect => self.connect(kiosk),
            Stir::Resume => {
                if self.kiosks[kiosk].kept.is_some() {
                    self.resume(kiosk);
                }
            }
            Stir::StealAdmission(other) => {
                if *other != kiosk && self.kiosks[*other].kept.is_some() {
                    let ask = self.resume_ask(*other);
                    let answer = self.ask(kiosk, ask);
                    assert!(!matches!(answer, Some(Tell::Entered(_))));
                }
            }
            Stir::Reopen => {
                if self.kiosks[kiosk].kept.is_some() {
                    let ask = self.reopen_ask(kiosk);
                    self.ask(kiosk, ask);
                }
            }
            Stir::Restart => {
                self.restart();
                (0..self.kiosks.len()).for_each(|kiosk| self.connect(kiosk));
            }
            Stir::Wait(seconds) => self.advance(Duration::from_secs((*seconds).into())),
            Stir::Confirm => {
                self.confirm_one();
                self.settle();
            }
            Stir::HoldConfirmations(hold) => {
                self.confirms = !hold;
                self.settle();
            }
        }
        if self.unconfirmed.is_empty() {
            self.check_agreement();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nobody_is_in_the_room_unseen(script in prop::collection::vec((0..usize::from(KIOSKS), stir()), 1..150)) {
        let mut world = World::new(KIOSKS);
        for (kiosk, stir) in &script {
            world.stir(*kiosk, stir);
            world.advance(Duration::from_millis(100));
        }
        world.end();
    }
}
