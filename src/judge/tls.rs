//! TLS: files that are missing or wrong, and verification without what it needs. At a reload each of these costs every service.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::finding::{Effect, Findings};
use super::merged::{Merged, is_on};
use super::pem::{self, Fault};
use super::{Host, Judged};

/// Who listens, or speaks, with TLS.
const PROTOCOLS: [&str; 3] = ["internal_rpc", "https", "grpc"];
/// What `tls_min_version` may be, in the old spelling and the new one.
const VERSIONS: [&str; 10] = [
    "tls10", "tls11", "tls12", "tls13", "", "TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3",
];

/// A value, with where it stands.
#[derive(Debug, Clone)]
struct Set<'a> {
    file: &'a Path,
    key: String,
    value: String,
}

pub(super) fn judge(judged: &Judged<'_>, findings: &mut Findings) {
    let new = judged.new;
    let mut files = Files {
        host: judged.candidate.host,
        pems: HashMap::new(),
    };
    let automatic =
        new.on(&["auto_encrypt", "tls"]).is_some() || new.on(&["auto_config", "enabled"]).is_some();
    for protocol in PROTOCOLS {
        let text = |key: &str| setting(new, protocol, key);
        let authorities = files.authorities(text("ca_file"), text("ca_path"), findings);
        let pair = files.pair(text("cert_file"), text("key_file"), findings);
        for (key, incoming) in [
            ("verify_incoming", true),
            ("verify_outgoing", false),
            ("verify_server_hostname", false),
        ] {
            let Some((file, at)) = switch(new, protocol, key) else {
                continue;
            };
            if !authorities {
                let what = "it verifies certificates, and no authority is given";
                let fix = "set ca_file, or take it out";
                findings.add_missing(Effect::Loses, (file, &at), what, fix);
            } else if incoming && !pair && !automatic {
                let what = "it needs a certificate of the agent's own, and none is given";
                let fix = "set cert_file and key_file, or take it out";
                findings.add_missing(Effect::Loses, (file, &at), what, fix);
            }
        }
        if let Some(version) = text("tls_min_version")
            && !VERSIONS.contains(&version.value.as_str())
        {
            let what = format!("there is no TLS version {:?}", version.value);
            let fix = "write TLSv1_2 (Consul 1.12 or newer) or tls12";
            findings.add(Effect::Loses, (version.file, &version.key), what, fix);
        }
    }
}

/// A setting of a protocol: its own, or that of `tls.defaults`, of which the key at the top level is the older spelling.
fn setting<'a>(new: Merged<'a>, protocol: &str, key: &str) -> Option<Set<'a>> {
    let own = new.either(&[&["tls", protocol, key]]);
    let (setting, path) = own.or_else(|| new.either(&[&["tls", "defaults", key], &[key]]))?;
    let value = setting.value.as_str().filter(|text| !text.is_empty())?;
    Some(Set {
        file: setting.file,
        key: path,
        value: value.to_owned(),
    })
}

/// Who switched on a verification of a protocol, and where.
fn switch<'a>(new: Merged<'a>, protocol: &str, key: &str) -> Option<(&'a Path, String)> {
    let own: &[&str] = &["tls", protocol, key];
    let defaults: &[&str] = &["tls", "defaults", key];
    let (near, far) = match (protocol, key) {
        ("internal_rpc", "verify_incoming") => (
            vec![own, &["verify_incoming_rpc"]],
            vec![defaults, &["verify_incoming"]],
        ),
        ("https", "verify_incoming") => (
            vec![own, &["verify_incoming_https"]],
            vec![defaults, &["verify_incoming"]],
        ),
        ("grpc", "verify_incoming") => (vec![own], vec![defaults]),
        ("internal_rpc", "verify_server_hostname") => {
            (vec![own, &["verify_server_hostname"]], vec![defaults])
        }
        ("internal_rpc" | "https", "verify_outgoing") => {
            (vec![own], vec![defaults, &["verify_outgoing"]])
        }
        // The others verify nothing of the kind.
        _ => return None,
    };
    let (setting, path) = new.either(&near).or_else(|| new.either(&far))?;
    is_on(setting.value).then_some((setting.file, path))
}

/// The files that a configuration names, each read once.
struct Files<'a> {
    host: Option<&'a dyn Host>,
    pems: HashMap<PathBuf, Result<Vec<u8>, String>>,
}

impl Files<'_> {
    fn read(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let Some(host) = self.host else {
            return Err(String::new());
        };
        let read = |path: &PathBuf| host.read(path).map_err(|error| error.to_string());
        let path = PathBuf::from(path);
        self.pems
            .entry(path.clone())
            .or_insert_with(|| read(&path))
            .clone()
    }

    /// Judges the authorities, and says whether any are given. `ca_file` goes before `ca_path`.
    fn authorities(
        &mut self,
        ca_file: Option<Set<'_>>,
        ca_path: Option<Set<'_>>,
        findings: &mut Findings,
    ) -> bool {
        match (ca_file, ca_path) {
            (Some(set), _) => {
                self.authority(&set, &set.value, findings);
                true
            }
            (None, Some(set)) => {
                self.directory(&set, findings);
                true
            }
            (None, None) => false,
        }
    }

    fn authority(&mut self, set: &Set<'_>, path: &str, findings: &mut Findings) {
        if self.host.is_none() {
            return;
        }
        let faulty = match self.read(path) {
            Ok(bytes) => pem::authorities(&bytes).err(),
            Err(why) => return unreadable(set, path, &why, findings),
        };
        if let Some(Fault::Certificate(what)) = faulty {
            wrong(set, path, what, "name a file of PEM certificates", findings);
        }
    }

    /// Every file of the directory has to be good.
    fn directory(&mut self, set: &Set<'_>, findings: &mut Findings) {
        let Some(host) = self.host else {
            return;
        };
        match host.files_below(Path::new(&set.value)) {
            Ok(files) if files.is_empty() => {
                let fix = "put the authorities' certificates there";
                wrong(set, &set.value, "it is empty", fix, findings);
            }
            Ok(files) => {
                for file in files {
                    self.authority(set, &file.to_string_lossy(), findings);
                }
            }
            Err(error) => unreadable(set, &set.value, &error.to_string(), findings),
        }
    }

    /// Judges certificate and key, and says whether both are given; one alone is ignored.
    fn pair(
        &mut self,
        cert: Option<Set<'_>>,
        key: Option<Set<'_>>,
        findings: &mut Findings,
    ) -> bool {
        let (cert, key) = match (cert, key) {
            (Some(cert), Some(key)) => (cert, key),
            (Some(one), None) | (None, Some(one)) => {
                let what = "it is ignored, since a certificate and its key go together";
                let fix = "set cert_file and key_file";
                findings.add(Effect::Odd, (one.file, &one.key), what, fix);
                return false;
            }
            (None, None) => return false,
        };
        if self.host.is_none() {
            return true;
        }
        let certificate = self.read(&cert.value);
        if let Err(why) = &certificate {
            unreadable(&cert, &cert.value, why, findings);
        }
        let private = self.read(&key.value);
        if let Err(why) = &private {
            unreadable(&key, &key.value, why, findings);
        }
        let (Ok(certificate), Ok(private)) = (certificate, private) else {
            return true;
        };
        match pem::pair(&certificate, &private) {
            Ok(()) => {}
            Err(Fault::Certificate(what)) => {
                wrong(
                    &cert,
                    &cert.value,
                    what,
                    "name a file of PEM certificates",
                    findings,
                );
            }
            Err(Fault::Key(what)) => {
                let fix = "name the certificate's private key";
                wrong(&key, &key.value, what, fix, findings);
            }
            Err(Fault::Mismatch) => {
                let what = format!("the key does not belong to the certificate {}", cert.value);
                wrong(
                    &key,
                    &key.value,
                    &what,
                    "put the key and its certificate there",
                    findings,
                );
            }
            Err(Fault::Unknown) => {
                let what = format!(
                    "{}: lictor cannot read this kind of key or certificate",
                    key.value
                );
                let fix = "see with openssl that it belongs to the certificate";
                findings.add(Effect::Unjudged, (key.file, &key.key), what, fix);
            }
        }
        true
    }
}

fn unreadable(set: &Set<'_>, path: &str, why: &str, findings: &mut Findings) {
    wrong(
        set,
        path,
        why,
        "put the file there, or name another",
        findings,
    );
}

fn wrong(set: &Set<'_>, path: &str, what: &str, fix: &str, findings: &mut Findings) {
    findings.add(
        Effect::Loses,
        (set.file, &set.key),
        format!("{path}: {what}"),
        fix,
    );
}
