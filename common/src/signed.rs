//! What a host signs: who is admitted, who is removed, who hosts after it. Members check it; the relay cannot make it.
//!
//! Signatures are over a fixed binary layout (a text naming the kind, then the fields, big-endian), never over JSON, so
//! that a client in any language signs the same bytes. `serial` orders a host's words without a clock: an admission
//! holds unless a removal of the same member has a higher serial.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{PeerId, RoomId};
use crate::identity::{BadSignature, Identity, SIGNATURE, verify};

/// A signature as JSON: 128 lower-case hexadecimal digits.
#[derive(Copy, Clone, PartialEq, Eq)]
pub struct Signature(pub [u8; SIGNATURE]);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

impl std::str::FromStr for Signature {
    type Err = crate::id::ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (low, high) = text.split_at_checked(SIGNATURE).ok_or(crate::id::ParseIdError)?;
        let (low, high): (PeerId, PeerId) = (low.parse()?, high.parse()?);
        let mut bytes = [0; SIGNATURE];
        bytes[..32].copy_from_slice(&low.0);
        bytes[32..].copy_from_slice(&high.0);
        Ok(Signature(bytes))
    }
}

crate::id::text_serde!(Signature);

/// Why a host's word does not hold.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The signature does not fit the issuer's key.
    Forged,
    /// It was signed for another room.
    OtherRoom,
    /// It names another member than the one who shows it.
    OtherMember,
    /// Its issuer never hosted this room.
    NotHost,
    /// Its time has passed.
    Expired,
    /// The host removed the member afterwards.
    Removed,
    /// The room's id does not follow from its founder, or the chain of hosts is broken.
    NotFounded,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Forged => "the signature is not the host's",
            Refused::OtherRoom => "it is for another meeting",
            Refused::OtherMember => "it is for another room",
            Refused::NotHost => "whoever signed it does not host this meeting",
            Refused::Expired => "it has expired",
            Refused::Removed => "the host has removed this room",
            Refused::NotFounded => "the meeting's founder cannot be verified",
        })
    }
}

impl std::error::Error for Refused {}

impl From<BadSignature> for Refused {
    fn from(_: BadSignature) -> Refused {
        Refused::Forged
    }
}

/// What makes a room its founder's: the room's id is a hash of both fields, so nobody else can claim it.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Founding {
    /// The kiosk that started the meeting.
    pub founder: PeerId,
    /// 16 random bytes of the founder, so that each of its meetings has its own id. In JSON as a room id.
    pub nonce: RoomId,
}

impl Founding {
    /// The room's id: the first 16 bytes of SHA-256 over a context text, the founder's key and the nonce.
    pub fn room(&self) -> RoomId {
        let mut text = Text::new("room");
        text.put(&self.founder.0).put(&self.nonce.0);
        let digest = ring::digest::digest(&ring::digest::SHA256, &text.0);
        RoomId(digest.as_ref()[..16].try_into().expect("SHA-256 has 32 bytes"))
    }
}

/// A member's part in a room.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Approves knocks, removes, locks, ends.
    Host,
    /// Sees, hears and writes.
    Member,
}

/// The host's word that a member may be in the room. Shown again after every break, useless to anyone without the
/// member's private key.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Admission {
    /// The room.
    pub room: RoomId,
    /// Who is admitted.
    pub member: PeerId,
    /// As what.
    pub role: Role,
    /// The host at that time.
    pub issuer: PeerId,
    /// Rises with everything that is signed for a room.
    pub serial: u64,
    /// Unix time in milliseconds, by the relay's clock.
    pub issued_ms: u64,
    /// Unix time in milliseconds, by the relay's clock.
    pub expires_ms: u64,
    /// Ed25519 over all of the above.
    pub signature: Signature,
}

impl Admission {
    /// How long an admission holds when the host has no reason to choose otherwise.
    pub const VALID_MS: u64 = 24 * 3600 * 1000;

    /// Signs an admission as `host`.
    pub fn issue(
        host: &Identity,
        room: RoomId,
        member: PeerId,
        role: Role,
        serial: u64,
        now_ms: u64,
    ) -> Admission {
        let mut admission = Admission {
            room,
            member,
            role,
            issuer: host.peer(),
            serial,
            issued_ms: now_ms,
            expires_ms: now_ms.saturating_add(Self::VALID_MS),
            signature: Signature([0; SIGNATURE]),
        };
        admission.signature = Signature(host.sign(&admission.text()));
        admission
    }

    fn text(&self) -> Vec<u8> {
        let mut text = Text::new("admission");
        text.put(&self.room.0).put(&self.member.0);
        text.put(&[match self.role {
            Role::Host => 1,
            Role::Member => 2,
        }]);
        text.put(&self.issuer.0).number(self.serial).number(self.issued_ms).number(self.expires_ms);
        text.0
    }
}

/// The host's word that a member must leave. Outweighs every admission of that member with a lower serial.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Removal {
    /// The room.
    pub room: RoomId,
    /// Who is removed.
    pub member: PeerId,
    /// The host at that time.
    pub issuer: PeerId,
    /// Rises with everything that is signed for a room.
    pub serial: u64,
    /// Unix time in milliseconds, by the relay's clock.
    pub issued_ms: u64,
    /// Ed25519 over all of the above.
    pub signature: Signature,
}

impl Removal {
    /// Signs a removal as `host`.
    pub fn issue(host: &Identity, room: RoomId, member: PeerId, serial: u64, now_ms: u64) -> Removal {
        let issuer = host.peer();
        let mut removal =
            Removal { room, member, issuer, serial, issued_ms: now_ms, signature: Signature([0; SIGNATURE]) };
        removal.signature = Signature(host.sign(&removal.text()));
        removal
    }

    fn text(&self) -> Vec<u8> {
        let mut text = Text::new("removal");
        text.put(&self.room.0)
            .put(&self.member.0)
            .put(&self.issuer.0)
            .number(self.serial)
            .number(self.issued_ms);
        text.0
    }
}

/// A host's word about who hosts the room once it is lost or leaves. The one with the highest serial counts.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Succession {
    /// The room.
    pub room: RoomId,
    /// The host that names its successor.
    pub issuer: PeerId,
    /// The successor, a member.
    pub successor: PeerId,
    /// Rises with everything that is signed for a room.
    pub serial: u64,
    /// Ed25519 over all of the above.
    pub signature: Signature,
}

impl Succession {
    /// Signs a succession as `host`.
    pub fn issue(host: &Identity, room: RoomId, successor: PeerId, serial: u64) -> Succession {
        let issuer = host.peer();
        let mut succession =
            Succession { room, issuer, successor, serial, signature: Signature([0; SIGNATURE]) };
        succession.signature = Signature(host.sign(&succession.text()));
        succession
    }

    fn text(&self) -> Vec<u8> {
        let mut text = Text::new("succession");
        text.put(&self.room.0).put(&self.issuer.0).put(&self.successor.0).number(self.serial);
        text.0
    }
}

/// Who has hosted a room, from its founder on: by this everybody checks everything else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authority {
    room: RoomId,
    /// Each host with the serial of the succession that ended its time; the present host's has no end.
    hosts: Vec<(PeerId, Option<u64>)>,
}

impl Authority {
    /// The longest chain of hosts that is followed.
    pub const MAX_HOSTS: usize = 64;

    /// Follows the successions from the room's founder.
    ///
    /// Errors: [`Refused::NotFounded`] when a link does not continue the chain or the chain is too long,
    /// [`Refused::OtherRoom`], [`Refused::Forged`].
    pub fn new(founding: &Founding, successions: &[Succession]) -> Result<Authority, Refused> {
        let mut authority = Authority { room: founding.room(), hosts: vec![(founding.founder, None)] };
        for succession in successions {
            authority.pass(succession)?;
        }
        Ok(authority)
    }

    /// Extends the chain by one host.
    pub fn pass(&mut self, succession: &Succession) -> Result<(), Refused> {
        if succession.room != self.room {
            return Err(Refused::OtherRoom);
        }
        if succession.issuer != self.host() || self.hosts.len() >= Self::MAX_HOSTS {
            return Err(Refused::NotFounded);
        }
        verify(&succession.issuer, &succession.text(), &succession.signature.0)?;
        if let Some((_, until)) = self.hosts.last_mut() {
            *until = Some(succession.serial);
        }
        self.hosts.push((succession.successor, None));
        Ok(())
    }

    /// Checks that a succession is the present host's word, without following it.
    pub fn check_succession(&self, succession: &Succession) -> Result<(), Refused> {
        self.clone().pass(succession)
    }

    /// The room.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// The present host.
    pub fn host(&self) -> PeerId {
        self.hosts.last().expect("the founder is always there").0
    }

    /// Checks that `admission` lets `member` in at `now_ms` (Unix, by the relay's clock), given the room's removals.
    pub fn check_admission(
        &self,
        admission: &Admission,
        member: PeerId,
        removals: &[Removal],
        now_ms: u64,
    ) -> Result<(), Refused> {
        if admission.room != self.room {
            return Err(Refused::OtherRoom);
        }
        if admission.member != member {
            return Err(Refused::OtherMember);
        }
        self.check_issuer(&admission.issuer, admission.serial)?;
        verify(&admission.issuer, &admission.text(), &admission.signature.0)?;
        if now_ms >= admission.expires_ms {
            return Err(Refused::Expired);
        }
        let removed = |removal: &Removal| removal.member == member && removal.serial > admission.serial;
        if removals.iter().any(|removal| removed(removal) && self.check_removal(removal).is_ok()) {
            return Err(Refused::Removed);
        }
        Ok(())
    }

    /// Checks that `removal` is a host's word about this room.
    pub fn check_removal(&self, removal: &Removal) -> Result<(), Refused> {
        if removal.room != self.room {
            return Err(Refused::OtherRoom);
        }
        self.check_issuer(&removal.issuer, removal.serial)?;
        Ok(verify(&removal.issuer, &removal.text(), &removal.signature.0)?)
    }

    /// A former host's words count only up to the one by which it passed the room on. So that none of them is lost, a
    /// host names its successors anew, with a higher serial, before everything else that it signs is sent.
    ///
    /// The signer chooses the serial: a former host can still sign a word below its own end. That such a word comes
    /// late only the relay can tell, which takes words from the present host alone.
    fn check_issuer(&self, issuer: &PeerId, serial: u64) -> Result<(), Refused> {
        let in_its_time = |(host, until): &(PeerId, Option<u64>)| {
            host == issuer && until.is_none_or(|until| serial < until)
        };
        if self.hosts.iter().any(in_its_time) { Ok(()) } else { Err(Refused::NotHost) }
    }
}

/// The bytes that are signed or hashed: `vestibule KIND v1`, a zero, the fields.
pub(crate) struct Text(pub(crate) Vec<u8>);

impl Text {
    pub(crate) fn new(kind: &str) -> Text {
        Text(format!("vestibule {kind} v1\0").into_bytes())
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> &mut Text {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn number(&mut self, value: u64) -> &mut Text {
        self.put(&value.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    struct Scene {
        host: Identity,
        guest: Identity,
        other: Identity,
        founding: Founding,
        room: RoomId,
    }

    fn scene() -> Scene {
        let [host, guest, other] = [1, 2, 3].map(|n| Identity::from_seed(&[n; 32]));
        let founding = Founding { founder: host.peer(), nonce: RoomId([9; 16]) };
        let room = founding.room();
        Scene { host, guest, other, founding, room }
    }

    #[test]
    fn an_admission_holds_for_its_room_member_and_time() {
        let s = scene();
        let authority = Authority::new(&s.founding, &[]).unwrap();
        let good = Admission::issue(&s.host, s.room, s.guest.peer(), Role::Member, 1, NOW);
        let check = |a: &Admission, member, now| authority.check_admission(a, member, &[], now);
        assert_eq!(check(&good, s.guest.peer(), NOW), Ok(()));
        assert_eq!(check(&good, s.other.peer(), NOW), Err(Refused::OtherMember));
        assert_eq!(check(&good, s.guest.peer(), NOW + Admission::VALID_MS), Err(Refused::Expired));
        let elsewhere = Admission::issue(&s.host, RoomId([0; 16]), s.guest.peer(), Role::Member, 1, NOW);
        assert_eq!(check(&elsewhere, s.guest.peer(), NOW), Err(Refused::OtherRoom));
        let by_relay = Admission::issue(&s.other, s.room, s.guest.peer(), Role::Member, 1, NOW);
        assert_eq!(check(&by_relay, s.guest.peer(), NOW), Err(Refused::NotHost));
    }

    #[test]
    fn every_changed_field_is_a_forgery() {
        let s = scene();
        let authority = Authority::new(&s.founding, &[]).unwrap();
        let good = Admission::issue(&s.host, s.room, s.guest.peer(), Role::Member, 1, NOW);
        let forgeries = [
            Admission { role: Role::Host, ..good },
            Admission { serial: 2, ..good },
            Admission { issued_ms: NOW + 1, ..good },
            Admission { expires_ms: good.expires_ms + 1, ..good },
            Admission { signature: Signature([0; 64]), ..good },
        ];
        for forged in forgeries {
            assert_eq!(authority.check_admission(&forged, s.guest.peer(), &[], NOW), Err(Refused::Forged));
        }
        let renamed = Admission { member: s.other.peer(), ..good };
        assert_eq!(authority.check_admission(&renamed, s.other.peer(), &[], NOW), Err(Refused::Forged));
    }

    #[test]
    fn a_removal_outweighs_earlier_admissions_only() {
        let s = scene();
        let authority = Authority::new(&s.founding, &[]).unwrap();
        let first = Admission::issue(&s.host, s.room, s.guest.peer(), Role::Member, 1, NOW);
        let removal = Removal::issue(&s.host, s.room, s.guest.peer(), 2, NOW);
        let again = Admission::issue(&s.host, s.room, s.guest.peer(), Role::Member, 3, NOW);
        let check = |a: &Admission, r: &[Removal]| authority.check_admission(a, s.guest.peer(), r, NOW);
        assert_eq!(check(&first, &[removal]), Err(Refused::Removed));
        assert_eq!(check(&again, &[removal]), Ok(()));
        let forged = Removal { serial: 9, ..removal };
        assert_eq!(check(&again, &[forged]), Ok(()), "a forged removal removes nobody");
    }

    #[test]
    fn a_former_host_lets_nobody_in_not_even_itself() {
        let s = scene();
        let passed = Succession::issue(&s.host, s.room, s.guest.peer(), 5);
        let authority = Authority::new(&s.founding, &[passed]).unwrap();
        let removal = Removal::issue(&s.guest, s.room, s.host.peer(), 6, NOW);
        let returns = Admission::issue(&s.host, s.room, s.host.peer(), Role::Member, 7, NOW);
        assert_eq!(
            authority.check_admission(&returns, s.host.peer(), &[removal], NOW),
            Err(Refused::NotHost)
        );
        let early = Admission::issue(&s.host, s.room, s.host.peer(), Role::Host, 1, NOW);
        assert_eq!(authority.check_admission(&early, s.host.peer(), &[], NOW), Ok(()));
        assert_eq!(authority.check_admission(&early, s.host.peer(), &[removal], NOW), Err(Refused::Removed));
        let late_removal = Removal::issue(&s.host, s.room, s.other.peer(), 8, NOW);
        assert_eq!(authority.check_removal(&late_removal), Err(Refused::NotHost));
    }

    #[test]
    fn hosting_passes_along_a_signed_chain() {
        let s = scene();
        let to_guest = Succession::issue(&s.host, s.room, s.guest.peer(), 4);
        let to_other = Succession::issue(&s.guest, s.room, s.other.peer(), 5);
        let authority = Authority::new(&s.founding, &[to_guest, to_other]).unwrap();
        assert_eq!(authority.host(), s.other.peer());
        let old = Admission::issue(&s.host, s.room, s.guest.peer(), Role::Member, 1, NOW);
        assert_eq!(
            authority.check_admission(&old, s.guest.peer(), &[], NOW),
            Ok(()),
            "old admissions go on holding"
        );
        assert_eq!(Authority::new(&s.founding, &[to_other]), Err(Refused::NotFounded));
        let stolen = Succession { successor: s.other.peer(), ..to_guest };
        assert_eq!(Authority::new(&s.founding, &[stolen]), Err(Refused::Forged));
        let pretender = Founding { founder: s.other.peer(), ..s.founding };
        assert_ne!(pretender.room(), s.room, "a room cannot be claimed by another founder");
    }
}
