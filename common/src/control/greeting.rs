//! The first two messages of a control connection: who each end is and what both can do.

use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};

use crate::id::{PeerId, SessionId};
use crate::name::RoomName;
use crate::seal::Suite;
use crate::signed::Signature;

/// Names of optional abilities. Both ends use what both name.
pub mod feature {
    /// Chat and other messages that the relay carries unread.
    pub const OPAQUE: &str = "opaque";
    /// The kiosk obeys `redirect`.
    pub const REDIRECT: &str = "redirect";
}

/// The kiosk's first message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The lowest protocol version it speaks.
    pub lowest: u16,
    /// The highest protocol version it speaks.
    pub highest: u16,
    /// See [`feature`].
    #[serde(default)]
    pub features: Vec<String>,
    /// Program and version, for logs.
    #[serde(default)]
    pub software: String,
    /// Who it is.
    pub identity: PeerId,
    /// Proof of that identity within this TLS session (`identity::Identity::prove`).
    pub proof: Signature,
    /// The room's label.
    pub name: RoomName,
    /// Ciphers for media, the preferred one first; those this program does not know are skipped. One in common is
    /// needed.
    #[serde(deserialize_with = "known_suites")]
    pub suites: Vec<Suite>,
}

fn known_suites<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<Suite>, D::Error> {
    let names = Vec::<String>::deserialize(input)?;
    let known = |name: String| {
        Suite::deserialize(IntoDeserializer::<serde::de::value::Error>::into_deserializer(name))
    };
    Ok(names.into_iter().filter_map(|name| known(name).ok()).collect())
}

/// The relay's answer to [`Hello`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that is spoken from now on.
    pub version: u16,
    /// What both ends can do.
    #[serde(default)]
    pub features: Vec<String>,
    /// Program and version, for logs.
    #[serde(default)]
    pub software: String,
    /// The relay; the same key as in its TLS certificate.
    pub identity: PeerId,
    /// The cipher for media.
    pub suite: Suite,
    /// The media session that belongs to this connection.
    pub session: SessionId,
    /// Where to send media, the preferred one first.
    pub media: Vec<MediaEndpoint>,
    /// The relay's clock: Unix time in milliseconds.
    pub time_ms: u64,
    /// What the relay allows.
    pub limits: Limits,
}

/// A UDP address of the relay.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MediaEndpoint {
    /// An IP address; absent: the one the control connection uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<std::net::IpAddr>,
    /// The UDP port.
    pub port: u16,
}

/// The relay's limits, as far as a kiosk must know them.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Rooms in one meeting, the host's included.
    pub members: u16,
    /// How long a member's place is kept after its connection was lost, in milliseconds.
    pub member_grace_ms: u64,
    /// How long a lost host is waited for, in milliseconds.
    pub host_grace_ms: u64,
    /// How long a knock waits for an answer, in milliseconds.
    pub knock_timeout_ms: u64,
    /// A connection on which the kiosk says nothing for this long is closed, in milliseconds. Say `time` in between.
    pub idle_timeout_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PeerId;

    #[test]
    fn a_cipher_of_a_later_version_is_skipped() {
        let (identity, proof) = (PeerId([1; 32]), "00".repeat(64));
        let hello = format!(
            r#"{{"lowest":1,"highest":2,"identity":"{identity}","proof":"{proof}","name":"Room",
                "suites":["kyber9000","chacha20poly1305"]}}"#
        );
        let hello: Hello = serde_json::from_str(&hello).unwrap();
        assert_eq!(hello.suites, [Suite::ChaCha20Poly1305]);
    }
}
