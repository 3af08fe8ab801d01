//! Which Consul a task is to run, as an option.

use clap::ValueEnum;
use testbed::consul::Version;

/// A Consul that can be obtained.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Consul {
    /// Debian's
    #[value(name = "1.8.7")]
    Old,
    /// A recent one, built with Go once (some 6 minutes)
    #[value(name = "1.22.5")]
    New,
}

impl Consul {
    pub(crate) fn version(self) -> Version {
        match self {
            Self::Old => Version::V1_8_7,
            Self::New => Version::V1_22_5,
        }
    }
}
