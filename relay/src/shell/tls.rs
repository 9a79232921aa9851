//! TLS 1.3 with identity keys: the relay's certificate carries its Ed25519 key, and whoever connects checks that key
//! alone. Names and dates mean nothing: a board without a clock boots in 1970.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, PeerIncompatible, ServerConfig,
    SignatureScheme,
};
use vestibule_common::control::ALPN;
use vestibule_common::id::PeerId;

/// The start of an Ed25519 private key in PKCS #8 (RFC 8410, section 7); the 32 bytes of the seed follow.
const PKCS8: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
/// The start of an Ed25519 public key as a certificate carries it (RFC 8410, section 4); the key's 32 bytes follow.
const SPKI: [u8; 12] = *b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// No certificate could be made of the key.
#[derive(Debug)]
pub struct CertificateFailed(String);

impl fmt::Display for CertificateFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no TLS certificate can be made of the relay's key: {}", self.0)
    }
}

impl std::error::Error for CertificateFailed {}

/// What the relay shows everyone who connects.
pub fn server_config(seed: &[u8; 32]) -> Result<Arc<ServerConfig>, CertificateFailed> {
    let failed = |error: &dyn fmt::Display| CertificateFailed(error.to_string());
    let key = PrivatePkcs8KeyDer::from([&PKCS8[..], seed].concat());
    let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ED25519)
        .map_err(|error| failed(&error))?;
    let certificate = rcgen::CertificateParams::new(vec!["vestibule".to_owned()])
        .and_then(|parameters| parameters.self_signed(&pair))
        .map_err(|error| failed(&error))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| failed(&error))?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .map_err(|error| failed(&error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Every connection proves its key anew, so there is nothing to resume.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// What connects to the relay `pinned`, and to no other.
pub fn client_config(pinned: PeerId) -> Arc<ClientConfig> {
    let provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pin { pinned, algorithms }))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// The name that stands in for a host name; nobody checks it.
pub fn server_name() -> ServerName<'static> {
    ServerName::try_from("vestibule").expect("a valid DNS name")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Accepts exactly one public key.
#[derive(Debug)]
struct Pin {
    pinned: PeerId,
    algorithms: WebPkiSupportedAlgorithms,
}

/// The other end shows another key than the pinned one.
#[derive(Debug)]
struct OtherKey;

impl fmt::Display for OtherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the relay shows another identity than the expected one")
    }
}

impl std::error::Error for OtherKey {}

/// Whether a handshake failed because the other end is not the pinned one.
pub fn is_other_key(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(why))) => why.is::<OtherKey>(),
        _ => false,
    }
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = webpki::EndEntityCert::try_from(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if certificate.subject_public_key_info().as_ref() == [&SPKI[..], &self.pinned.0].concat() {
            Ok(ServerCertVerified::assertion())
        } else {
            let other = OtherError(Arc::new(OtherKey));
            Err(Error::InvalidCertificate(CertificateError::Other(other)))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_common::identity::Identity;

    /// Shakes hands in memory.
    fn handshake(pinned: PeerId) -> Result<(), Error> {
        let mut server = rustls::ServerConnection::new(server_config(&[1; 32]).unwrap()).unwrap();
        let mut client = rustls::ClientConnection::new(client_config(pinned), server_name()).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        assert_eq!(client.alpn_protocol(), Some(ALPN));
        Ok(())
    }

    #[test]
    fn the_certificate_carries_the_identity() {
        assert_eq!(handshake(Identity::from_seed(&[1; 32]).peer()), Ok(()));
    }

    #[test]
    fn another_identity_is_refused() {
        let error = handshake(Identity::from_seed(&[2; 32]).peer()).unwrap_err();
        assert!(is_other_key(&error), "{error}");
    }
}
