//! TLS towards a relay: the relay *is* the Ed25519 key in its certificate. Names, issuers and validity dates mean
//! nothing here: a board without a clock boots in 1970.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme, version,
};
use vestibule_common::control::ALPN;
use vestibule_common::id::PeerId;

/// A client configuration that accepts any relay able to prove the key in its own certificate. Whether that key is the
/// right one is for the caller to decide, with [`relay_key`], before it says anything.
pub fn client_config() -> Arc<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(KeyInCertificate { provider: provider.clone() });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .expect("ring's provider speaks TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session shows no certificate and proves nothing anew.
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// The Ed25519 key that a certificate carries, if it carries one.
pub fn relay_key(certificate: &CertificateDer<'_>) -> Option<PeerId> {
    /// SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410, section 4).
    const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let info = certificate.subject_public_key_info();
    let key = info.as_ref().strip_prefix(&ED25519_SPKI)?;
    Some(PeerId(key.try_into().ok()?))
}

#[derive(Debug)]
struct KeyInCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for KeyInCertificate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match relay_key(certificate) {
            Some(_) => Ok(ServerCertVerified::assertion()),
            None => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
