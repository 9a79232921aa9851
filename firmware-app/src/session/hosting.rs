//! What a host asks for: who may come in and who has to go, who hosts after it, and its word for everyone, renewed.

use vestibule_common::control::Ask;
use vestibule_common::id::{KnockId, PeerId};
use vestibule_common::time::{Duration, Time};

use super::asked::Asked;
use super::told::{Told, Wish};
use super::{CLASS_ADMISSION, Meeting, Phase, Session};

/// Between two admissions that are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(30);

impl Session {
    /// Ends the meeting for all. Returns false when it cannot be done now.
    pub(crate) fn end(&mut self, now: Time) -> bool {
        let can = self.meeting().is_some_and(|m| m.online() && m.roster.hosting());
        if can {
            self.ask(Ask::End, Asked::Wish(Wish::End), now);
        }
        can
    }

    /// Lets a knocking room in.
    pub(crate) fn approve(&mut self, knock: KnockId, identity: PeerId, now: Time) {
        let Some(now_ms) = self.relay_ms(now) else { return };
        let Phase::In(meeting) = &mut self.phase else { return };
        let admission = meeting.roster.admit(&self.identity, identity, now_ms);
        self.name_heir_anew(None, now);
        self.ask(Ask::Approve { knock, admission }, Asked::Approve { knock, admission }, now);
        self.told.push_back(Told::TicketChanged);
    }

    /// Refuses a knocking room.
    pub(crate) fn deny(&mut self, knock: KnockId, now: Time) {
        self.ask(Ask::Deny { knock }, Asked::Wish(Wish::Deny(knock)), now);
    }

    /// Removes a room from the meeting. Returns false when it cannot be done now; so do the next two.
    pub(crate) fn remove(&mut self, member: PeerId, now: Time) -> bool {
        let now_ms = self.relay_ms(now).unwrap_or(0);
        let Some(meeting) = self.hosting_now() else { return false };
        if member == meeting.roster.me || meeting.roster.member(&member).is_none() {
            return false;
        }
        let Phase::In(meeting) = &mut self.phase else { return false };
        let removal = meeting.roster.remove(&self.identity, member, now_ms);
        self.name_heir_anew(Some(member), now);
        self.ask(Ask::Remove { removal }, Asked::Wish(Wish::Remove), now);
        true
    }

    /// Keeps newcomers out, or lets them knock.
    pub(crate) fn lock(&mut self, locked: bool, now: Time) -> bool {
        let can = self.hosting_now().is_some();
        if can {
            self.ask(Ask::Lock { locked }, Asked::Wish(Wish::Lock), now);
        }
        can
    }

    /// Asks a room to mute itself.
    pub(crate) fn mute_member(&mut self, member: PeerId, now: Time) -> bool {
        let known = |m: &mut Meeting| m.roster.others().any(|other| other.id() == member);
        let can = self.hosting_now().is_some_and(known);
        if can {
            self.ask(Ask::Mute { member }, Asked::Wish(Wish::MuteMember), now);
        }
        can
    }

    /// The host signs an admission anew when half of its time is over, its own too, and tells everyone; so a meeting
    /// that lasts longer than a day goes on taking back whoever loses its connection.
    pub(super) fn renew_one(&mut self, now: Time) {
        let Some(now_ms) = self.relay_ms(now) else { return };
        let Some(meeting) = self.hosting_now() else { return };
        if meeting.renew_at.is_some_and(|at| now < at) || !meeting.roster.renewal_due(now_ms) {
            return;
        }
        meeting.renew_at = Some(now + RENEW_EVERY);
        let Phase::In(meeting) = &mut self.phase else { return };
        let Some(admission) = meeting.roster.renew_oldest(&self.identity, now_ms) else { return };
        self.name_heir_anew(None, now);
        let bytes = serde_json::to_vec(&admission).expect("an admission has only text and numbers");
        let ask = Ask::Opaque { class: CLASS_ADMISSION.into(), to: Vec::new(), bytes };
        self.ask(ask, Asked::Renewal, now);
        self.told.push_back(Told::TicketChanged);
    }

    /// Names the same successors once more, in the same order. A host's words count only below the serial by which it
    /// passed the room on, whichever of its words that is, so this goes out before whatever was signed last.
    fn name_heir_anew(&mut self, leaving: Option<PeerId>, now: Time) {
        let Phase::In(meeting) = &mut self.phase else { return };
        let Meeting { roster, heirs, .. } = meeting.as_mut();
        heirs.retain(|heir| Some(*heir) != leaving && roster.member(heir).is_some());
        let words: Vec<_> = heirs.iter().map(|heir| roster.name_heir(&self.identity, *heir)).collect();
        for succession in words {
            self.ask(Ask::NameSuccessor { succession }, Asked::NameSuccessor, now);
        }
    }

    fn hosting_now(&mut self) -> Option<&mut Meeting> {
        match &mut self.phase {
            Phase::In(meeting) if meeting.online() && meeting.roster.hosting() => Some(meeting),
            Phase::Out | Phase::Starting | Phase::Knocking(_) | Phase::Returning(_) | Phase::In(_) => None,
        }
    }
}
