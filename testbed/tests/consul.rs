//! Both versions of Consul can be had, and a server of each runs without namespaces and rights.

use std::process::Command;
use std::time::Duration;

use testbed::agent::LocalServer;
use testbed::consul::{self, Version};
use testbed::{TestResult, wait};

#[test]
fn both_versions_say_their_version() -> TestResult {
    for version in Version::ALL {
        let output = Command::new(consul::obtain(version)?)
            .arg("version")
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with(&format!("Consul v{version}")), "{said}");
    }
    Ok(())
}

#[test]
fn local_servers_run_side_by_side() -> TestResult {
    for version in Version::ALL {
        let (one, two) = (LocalServer::start(version)?, LocalServer::start(version)?);
        assert_ne!(one.ports(), two.ports());
        for server in [&one, &two] {
            let said = server.consul(&["members"])?.success()?;
            assert!(said.contains("local-server"), "{said}");
            // Nothing but the ports it was given: fixed ones would clash with a Consul of this machine.
            wait::until(
                "the server in its own catalog",
                Duration::from_secs(20),
                || server.catalog().node("local-server").ok().flatten(),
            )?;
        }
    }
    Ok(())
}
