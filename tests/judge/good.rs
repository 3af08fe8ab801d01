//! A thousand good configurations for each Consul: a real agent takes them all, and lictor rejects none.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use lictor::judge::{self, Candidate, File, Finding, Format, Machine, Running, Severity};
use serde_json::{Map, json};
use testbed::TestResult;
use testbed::agent::Server;
use testbed::consul::Version;
use testbed::net::{Host, Network};
use testbed::reloads::Certificates;

use crate::generator::{Generator, Text};

const CONFIGURATIONS: u64 = 1000;
/// So many are put into the agent at a time: each is the agent's own configuration beside the others.
const AT_A_TIME: u64 = 50;

/// They repeat with `LICTOR_TEST_SEED=<seed> cargo test --test judge good`.
fn no_good_configuration_is_rejected(version: Version) -> TestResult {
    let seed = std::env::var("LICTOR_TEST_SEED");
    let seed = seed.map_or_else(
        |_| fastrand::u64(..1 << 48),
        |seed| seed.parse().expect("a number"),
    );
    let tls = certificates(version)?;
    let mut generator = Generator {
        rng: Rng::with_seed(seed),
        version,
        tls: &tls,
    };
    let network = Network::new()?;
    let host = network.host("n1", 11)?;
    // A server, so that watches have somebody to ask. Its own file is the last one, after all of a batch.
    let settings = json!({
        "enable_local_script_checks": true,
        "limits": { "http_max_conns_per_client": 10_000, "rpc_rate": -1, "rpc_max_burst": 10_000 },
    });
    let agent = Server::start_with(&host, version, settings)?;
    let running = [file(&(
        "testbed.json".to_owned(),
        host.read("/consul/config/testbed.json")?,
    ))];
    for first in (0..CONFIGURATIONS).step_by(usize::try_from(AT_A_TIME).expect("a small number")) {
        let batch: Vec<Vec<Text>> = (first..first + AT_A_TIME)
            .map(|number| generator.configuration(number))
            .collect();
        taken(&host, &agent, &batch, seed)?;
        for texts in &batch {
            let files: Vec<File> = texts.iter().map(file).collect();
            let errors = errors(&files, &running, version);
            assert!(errors.is_empty(), "seed {seed}: {errors:#?} in {texts:#?}");
        }
    }
    Ok(())
}

/// Insists that the agent takes all of them: a reload begins with what `consul validate` does, and goes on to what that leaves out.
fn taken(host: &Host, agent: &Server, batch: &[Vec<Text>], seed: u64) -> TestResult {
    for (name, text) in batch.iter().flatten() {
        host.write(format!("/consul/config/{name}"), text)?;
    }
    let reload = agent.consul(&["reload"])?;
    assert!(reload.status.success(), "seed {seed}: {}", reload.stderr);
    let remove = "rm /consul/config/c*";
    host.run(["sh", "-c", remove])?.success()?;
    Ok(())
}

fn errors(files: &[File], running: &[File], version: Version) -> Vec<Finding> {
    let version = match version {
        Version::V1_8_7 => (1, 8),
        Version::V1_22_5 => (1, 22),
    };
    let candidate = Candidate {
        files,
        flags: &Map::new(),
        running: Some(Running {
            files: running,
            version: Some(version),
        }),
        registered: Some(&[]),
        host: Some(&Machine),
    };
    let mut findings = judge::judge(&candidate);
    // What cannot be read cannot be judged: that would be no success either.
    findings.retain(|finding| {
        finding.severity() == Severity::Error || finding.effect == judge::Effect::Unjudged
    });
    findings
}

fn file((name, text): &Text) -> File {
    let format = match name.ends_with(".hcl") {
        true => Format::Hcl,
        false => Format::Json,
    };
    File {
        path: name.into(),
        bytes: text.clone().into_bytes(),
        format,
    }
}

/// Where the certificates are, which both the test and the hosts see.
fn certificates(version: Version) -> TestResult<String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{version}"));
    fs::create_dir_all(directory.join("authorities"))?;
    let certificates = Certificates::new()?;
    for (name, text) in [
        ("ca.pem", &certificates.ca),
        ("authorities/ca.pem", &certificates.ca),
        ("cert.pem", &certificates.cert),
        ("key.pem", &certificates.key),
    ] {
        fs::write(directory.join(name), text)?;
    }
    Ok(directory.to_string_lossy().into_owned())
}

#[test]
fn no_good_configuration_is_rejected_1_8_7() -> TestResult {
    no_good_configuration_is_rejected(Version::V1_8_7)
}

#[test]
fn no_good_configuration_is_rejected_1_22_5() -> TestResult {
    no_good_configuration_is_rejected(Version::V1_22_5)
}
