//! What an agent's configuration says of who the node is: its options, its files of either kind, and `-hcl`.

use std::ffi::OsString;
use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::consul::flags;
use crate::judge as configuration;

/// The agent's configuration, as far as it says who the node is.
pub(super) struct Said {
    files: Vec<configuration::File>,
    flags: flags::Flags,
}

impl Said {
    pub(super) fn read(args: &[OsString]) -> Self {
        let flags = flags::read(args);
        let (files, _) = configuration::files::read(&flags.paths, flags.format.as_deref());
        Self { files, flags }
    }

    /// What `-hcl` says stands above the options, and those above the files.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let above = configuration::files::of_options(&self.flags.hcl);
        configuration::text(&above, &Map::new(), key)
            .or_else(|| configuration::text(&self.files, &self.flags.settings, key))
    }

    /// The address that the agent is going to advertise, where it is written there as one.
    pub(super) fn advertise(&self) -> Option<IpAddr> {
        let address = |key| self.text(key)?.trim().parse::<IpAddr>().ok();
        match self.text("advertise_addr") {
            Some(_) => address("advertise_addr"),
            None => address("bind_addr").filter(|it| !it.is_unspecified()),
        }
    }

    pub(super) fn server(&self) -> bool {
        let on = self.flags.settings.get("server").and_then(Value::as_bool);
        let above = configuration::files::of_options(&self.flags.hcl);
        let told = configuration::switch(&above, &Map::new(), "server")
            .or_else(|| configuration::switch(&self.files, &Map::new(), "server"));
        on.or(told.map(|(on, _)| on)).unwrap_or(self.flags.dev)
    }

    /// Whether it says whom to join.
    pub(super) fn joins(&self) -> bool {
        let above = configuration::files::of_options(&self.flags.hcl);
        ["retry_join", "start_join"].into_iter().any(|key| {
            configuration::any(&above, &Map::new(), key)
                || configuration::any(&self.files, &self.flags.settings, key)
        })
    }
}
