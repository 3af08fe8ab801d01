//! Certificates and keys in PEM, as Go reads them. Pure.

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// What is wrong with a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The file, of that kind, is wrong in itself: what it is instead.
    Certificate(&'static str),
    /// The same of the key.
    Key(&'static str),
    /// They do not belong together.
    Mismatch,
    /// lictor cannot read that kind of key, or of certificate.
    Unknown,
}

/// Whether Consul can take authorities from it: at least one certificate in it has to be one.
pub(super) fn authorities(pem: &[u8]) -> Result<(), Fault> {
    certificates(pem).map(drop)
}

/// Whether this certificate and this key can be used together.
pub(super) fn pair(certificate: &[u8], key: &[u8]) -> Result<(), Fault> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| match kind(key) {
        Kind::Nothing => Fault::Key("it holds no PEM"),
        Kind::Certificate => Fault::Key("it holds a certificate and no private key"),
        Kind::Key => {
            Fault::Key("its private key is broken, or encrypted, and Consul has no password")
        }
        Kind::Other => Fault::Key("it holds no private key"),
    })?;
    if !is_sequence(key.secret_der()) {
        return Err(Fault::Key("its private key is broken"));
    }
    match CertifiedKey::from_der(chain, key, &ring::default_provider()) {
        Ok(_) => Ok(()),
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(Fault::Mismatch)
        }
        // Go may well know it.
        Err(_) => Err(Fault::Unknown),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let found: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .collect();
    if found.is_empty() {
        return Err(Fault::Certificate(match kind(pem) {
            Kind::Nothing => "it holds no PEM",
            Kind::Key => "it holds a private key and no certificate",
            Kind::Certificate => "its certificate is broken",
            Kind::Other => "it holds no certificate",
        }));
    }
    let sound: Vec<CertificateDer<'static>> =
        found.into_iter().filter(|der| is_sequence(der)).collect();
    if sound.is_empty() {
        return Err(Fault::Certificate("its certificate is broken"));
    }
    Ok(sound)
}

enum Kind {
    Nothing,
    Certificate,
    Key,
    Other,
}

/// What a file's first frame says it holds.
fn kind(pem: &[u8]) -> Kind {
    let text = String::from_utf8_lossy(pem);
    match text.split("-----BEGIN ").nth(1) {
        None => Kind::Nothing,
        Some(rest) if rest.starts_with("CERTIFICATE-----") => Kind::Certificate,
        Some(rest)
            if rest
                .split("-----")
                .next()
                .is_some_and(|l| l.ends_with("PRIVATE KEY")) =>
        {
            Kind::Key
        }
        Some(_) => Kind::Other,
    }
}

/// Whether the bytes are one whole ASN.1 sequence, which every certificate is.
fn is_sequence(der: &[u8]) -> bool {
    let [0x30, first, rest @ ..] = der else {
        return false;
    };
    if *first < 0x80 {
        return rest.len() == usize::from(*first);
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 || rest.len() < count {
        return false;
    }
    let (length, content) = rest.split_at(count);
    let length = length
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    content.len() == length
}
