//! The hand for an address that takes the place of another.

use std::net::IpAddr;

use crate::consul::command::AgentConfig;
use crate::core::candidate::Candidate;
use crate::core::event::{Address, Sight, Staged};
use crate::driver::addressing;
use crate::registration::{Document, sources, template, write};
use crate::{os, settings};

use super::{Effects, environment};

/// Keys that hold addresses, separated by spaces.
const KEYS: [&str; 3] = ["bind_addr", "advertise_addr", "client_addr"];

impl Effects {
    /// One look at the host's addresses.
    pub(super) fn look(&self, in_use: Option<IpAddr>) -> Result<Sight, String> {
        let sight = addressing::sight(&self.settings.wanted, in_use)
            .map_err(|error| format!("read the interfaces: {error}"))?;
        Ok(Sight {
            pinned: in_use.and_then(|ip| self.pinned(ip)),
            ..sight
        })
    }

    /// Whether the agent's own configuration has this address in so many words.
    fn pinned(&self, ip: IpAddr) -> Option<String> {
        let config = self.staging.config(&self.settings.command[1..]);
        let handed = self.settings.handed;
        let handed = [handed.bind, handed.advertise, handed.client];
        let is = |text: &str| text.split_whitespace().any(|word| word.parse() == Ok(ip));
        let (key, _) = KEYS
            .into_iter()
            .zip(handed)
            .find(|(key, handed)| !handed && config.text(&[key]).is_some_and(is))?;
        let option = key.trim_end_matches("_addr");
        Some(format!(
            "the agent's own configuration has {key} {ip}, with which it cannot be moved; leave that out and give lictor --{option}, \
             or write a template such as {{{{ GetInterfaceIP \"eth0\" }}}}"
        ))
    }

    /// Uses another address from now on.
    pub(super) fn readdress(&mut self, to: Address, adopt: bool) -> Result<Staged, String> {
        self.address = Some(to);
        self.stay();
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let documents = self.rendered()?;
        write::write(&self.settings.registration_dir, &documents).map_err(|error| told(&error))?;
        if adopt {
            self.staging.reregister(&self.texts(&documents))?;
            self.staging.adopt()?;
            self.staging.settle();
        }
        Ok(Staged {
            services: documents.iter().flat_map(Document::service_ids).collect(),
            directory: (!documents.is_empty())
                .then(|| self.settings.registration_dir.display().to_string()),
            ..Staged::default()
        })
    }

    /// Takes what the agent reads with the registration as it is now.
    pub(super) fn reregister(&mut self) -> Result<Candidate, String> {
        self.stay();
        let texts = self.texts(&self.rendered()?);
        self.staging.reregister(&texts)
    }

    fn rendered(&self) -> Result<Vec<Document>, String> {
        let config = self.staging.config(&self.users_args());
        self.documents(&config).map_err(|error| error.to_string())
    }

    /// The registration for the address in use.
    pub(super) fn documents(
        &self,
        config: &AgentConfig,
    ) -> Result<Vec<Document>, crate::registration::Error> {
        let address = self.address.as_ref().map(|address| address.ip.to_string());
        let values = template::Values {
            address: address.as_deref(),
            node_name: &settings::node_name(config),
            host_name: &os::process::host_name(),
            env: &environment,
        };
        sources::render(&self.settings.registration, &values)
    }

    fn texts(&self, documents: &[Document]) -> Texts {
        let directory = &self.settings.registration_dir;
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
        let texts = documents
            .iter()
            .map(|document| (directory.join(&document.name), document.text().into_bytes()));
        texts.collect()
    }
}

/// Files by the paths at which the agent is said to read them.
type Texts = std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>;
