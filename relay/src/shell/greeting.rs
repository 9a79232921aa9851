//! Judging a hello: is there a common version and cipher, and does the proof hold? Pure.

use vestibule_common::control::{ErrorCode, HIGHEST_VERSION, Hello, LOWEST_VERSION, RelayError, feature};
use vestibule_common::identity::verify_proof;
use vestibule_common::seal::Suite;

/// The optional abilities that this relay has.
const FEATURES: &[&str] = &[feature::OPAQUE];
/// Features that a hello may name; the rest is not looked at.
const MAX_FEATURES: usize = 64;

/// What both ends will speak.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Agreed {
    /// The protocol version.
    pub(super) version: u16,
    /// What both can do.
    pub(super) features: Vec<String>,
    /// The cipher for media.
    pub(super) suite: Suite,
}

/// Finds what both ends can speak, and checks that the kiosk has the key it names.
///
/// `exported` is what the TLS session's exporter gives for the proof. Errors: what the kiosk is told before the
/// connection is closed.
pub(super) fn judge(hello: &Hello, exported: &[u8; 32]) -> Result<Agreed, RelayError> {
    let refuse = |code, detail: String| Err(RelayError { code, detail, retry_after_ms: None });
    let version = hello.highest.min(HIGHEST_VERSION);
    if version < hello.lowest.max(LOWEST_VERSION) {
        let detail = format!("this relay speaks versions {LOWEST_VERSION} to {HIGHEST_VERSION}");
        return refuse(ErrorCode::Version, detail);
    }
    if verify_proof(&hello.identity, exported, &hello.proof.0).is_err() {
        let detail = "the proof does not fit the identity and this TLS session".to_owned();
        return refuse(ErrorCode::BadProof, detail);
    }
    // The kiosk is the smaller machine: its order of preference counts. This relay can do every suite there is.
    let Some(&suite) = hello.suites.first() else {
        return refuse(ErrorCode::NoSuite, "the hello names no cipher for media".to_owned());
    };
    let named = hello.features.iter().take(MAX_FEATURES);
    let features = named.filter(|name| FEATURES.contains(&name.as_str())).cloned().collect();
    Ok(Agreed { version, features, suite })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_common::identity::Identity;
    use vestibule_common::signed::Signature;

    fn hello() -> Hello {
        let identity = Identity::from_seed(&[1; 32]);
        Hello {
            lowest: 1,
            highest: 1,
            features: vec!["opaque".into(), "teleport".into()],
            software: String::new(),
            identity: identity.peer(),
            proof: Signature(identity.prove(&[7; 32])),
            name: "Boardroom".parse().unwrap(),
            suites: vec![Suite::ChaCha20Poly1305, Suite::Aes128Gcm],
        }
    }

    #[test]
    fn both_ends_agree_on_the_highest_common_version_and_the_kiosks_favourite() {
        let agreed = judge(&Hello { highest: 9, ..hello() }, &[7; 32]).unwrap();
        let features = vec!["opaque".to_owned()];
        assert_eq!(agreed, Agreed { version: 1, features, suite: Suite::ChaCha20Poly1305 });
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fault = |hello: Hello, exported| judge(&hello, exported).unwrap_err();
        let error = fault(Hello { lowest: 2, highest: 5, ..hello() }, &[7; 32]);
        assert_eq!(error.code, ErrorCode::Version);
        assert_eq!(error.detail, "this relay speaks versions 1 to 1");
        assert_eq!(fault(Hello { lowest: 0, highest: 0, ..hello() }, &[7; 32]).code, ErrorCode::Version);
        assert_eq!(fault(Hello { lowest: 3, highest: 1, ..hello() }, &[7; 32]).code, ErrorCode::Version);
        assert_eq!(fault(hello(), &[8; 32]).code, ErrorCode::BadProof);
        let stolen = Hello { identity: Identity::from_seed(&[2; 32]).peer(), ..hello() };
        assert_eq!(fault(stolen, &[7; 32]).code, ErrorCode::BadProof);
        assert_eq!(fault(Hello { suites: vec![], ..hello() }, &[7; 32]).code, ErrorCode::NoSuite);
    }
}
