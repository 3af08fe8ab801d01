//! Certificates for `/consul/tls`, good and bad.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::net::Host;

use super::Error;

/// A key of nobody's, under a password.
const ENCRYPTED_KEY: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgHOFqpUvhs/wICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAdMRVthbqs74z12VhK3SIwEgZC1
UM+BMWcsdqrmLopI2H5CKk7PFBl4DCLpGwSC3YXv6ZH5vpUiaV3k3ISYcx1hTON/
P9X78KWI3FZxk5ej6Hd7n6yhwAXnP6j7ufKQkSh9yjCVPENbaj/DlLoCUdb/hC+a
KlMQnJ7y1tbBqmsglqhCbZxpsWO0jCH1PnrSogxh+YmyBKnE3r3ZJE5hDOTZtPQ=
-----END ENCRYPTED PRIVATE KEY-----
";

/// Certificates and keys in PEM.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The certificate of an authority.
    pub ca: String,
    /// One that the authority has signed.
    pub cert: String,
    /// Its key.
    pub key: String,
    /// Another key.
    pub other_key: String,
}

impl Certificates {
    /// Makes them.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> Result<Self, rcgen::Error> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate()?;
        let ca = authority.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(authority, ca_key);
        let key = KeyPair::generate()?;
        let names = vec!["localhost".to_owned(), "client.dc1.consul".to_owned()];
        let cert = CertificateParams::new(names)?
            .signed_by(&key, &issuer)?
            .pem();
        let (key, other_key) = (key.serialize_pem(), KeyPair::generate()?.serialize_pem());
        Ok(Self {
            ca,
            cert,
            key,
            other_key,
        })
    }

    /// Writes them to `/consul/tls`, with others that are none.
    ///
    /// # Errors
    /// The host's files cannot be written.
    pub fn write(&self, host: &Host) -> Result<(), Error> {
        let directories = ["nothing", "mixed"].map(|name| format!("/consul/tls/{name}"));
        host.run(["mkdir", "-p", &directories[0], &directories[1]])?
            .success()?;
        // A certificate's frame around something else.
        let broken = self.cert.replacen("\nMII", "\nAAA", 1);
        let broken_key = self.key.replacen("\nMI", "\nAA", 1);
        for (name, text) in [
            ("ca.pem", self.ca.as_str()),
            ("cert.pem", &self.cert),
            ("key.pem", &self.key),
            ("other-key.pem", &self.other_key),
            ("garbage.pem", "garbage\n"),
            ("empty.pem", ""),
            ("broken.pem", &broken),
            ("broken-key.pem", &broken_key),
            ("encrypted-key.pem", ENCRYPTED_KEY),
            ("mixed/ca.pem", &self.ca),
            ("mixed/readme.txt", "certificates\n"),
        ] {
            host.write(format!("/consul/tls/{name}"), text)?;
        }
        Ok(())
    }
}
