//! The choice of the host's address, on hosts with real links, addresses and routes.

use std::time::Duration;

use serde_json::Value;
use testbed::lictor::Lictor;
use testbed::net::{Host, Network};
use testbed::process::{Output, Program};
use testbed::{TestResult, wait};

mod family6;
mod links;
mod refused;
mod routes;
mod seed;

/// The binary under test.
const LICTOR: &str = env!("CARGO_BIN_EXE_lictor");
/// Long enough for the kernel on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// A host with these addresses on its `eth0`, whose link is up.
fn host(addresses: &[&str]) -> TestResult<Host> {
    let host = Network::new()?.host_with("n1", addresses)?;
    state(&host, "eth0", "UP")?;
    Ok(host)
}

/// Plugs in a further cable, and waits until its link is up.
fn plug(host: &Host, name: &str, addresses: &[&str]) -> TestResult {
    host.add_link(name, addresses)?;
    state(host, name, "UP")
}

/// Waits until the kernel has seen a link's new state, which takes it up to a second.
fn state(host: &Host, name: &str, state: &str) -> TestResult {
    let wanted = format!(" state {state} ");
    let what = format!("{name} to be {state}");
    Ok(wait::until_ok(&what, SOON, || {
        let shown = host.ip(["-o", "link", "show", name]).expect("ip");
        if shown.contains(&wanted) {
            Ok(())
        } else {
            Err(shown)
        }
    })?)
}

/// Runs `ip` on the host, with its words in one string.
fn ip(host: &Host, words: &str) -> TestResult {
    host.ip(words.split(' '))?;
    Ok(())
}

/// Runs a line of shell on the host.
fn shell(host: &Host, line: &str) -> TestResult<String> {
    Ok(host.run(Program::new("sh").args(["-c", line]))?.success()?)
}

/// What `lictor address` says.
struct Seen {
    code: Option<i32>,
    json: Value,
}

impl Seen {
    fn parse(code: Option<i32>, stdout: &str) -> Self {
        let json = serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
        Self { code, json }
    }

    /// The address, or `none`.
    fn address(&self) -> &str {
        self.json["address"].as_str().unwrap_or("none")
    }

    /// What became of each address of the wanted family, sorted; without those on `lo`, and the link-local ones of IPv6, which the
    /// kernel makes at a time of its own.
    fn verdicts(&self) -> Vec<String> {
        let candidates = self.json["candidates"].as_array().expect("candidates");
        let automatic = |one: &Value| {
            one["address"]
                .as_str()
                .is_some_and(|ip| ip.starts_with("fe80:"))
        };
        let wanted =
            |one: &&Value| one["rule"] != "family" && one["interface"] != "lo" && !automatic(one);
        let verdict = |one: &Value| {
            let text = |key: &str| one[key].as_str().unwrap_or("chosen").to_owned();
            let (name, address, rule) = (text("interface"), text("address"), text("rule"));
            format!("{name} {address}/{} {rule}", one["prefix"])
        };
        let mut verdicts: Vec<String> = candidates.iter().filter(wanted).map(verdict).collect();
        verdicts.sort();
        verdicts
    }

    /// The error, where it is the one of exit code 110.
    fn error(&self) -> &str {
        assert_eq!(self.code, Some(110), "{:#}", self.json);
        assert_eq!(self.address(), "none");
        let error = self.json["error"].as_str().expect("an error");
        error.strip_prefix("failed to ").expect("what was tried")
    }
}

fn ask<const N: usize>(host: &Host, options: [&str; N], format: &str) -> TestResult<Output> {
    let lictor = Lictor::on(host, LICTOR).no_consul().args(options);
    Ok(lictor.arg(format).run("address")?)
}

/// Asks `lictor address` for programs only, where things may change from one look to the next.
fn glance<const N: usize>(host: &Host, options: [&str; N]) -> TestResult<Seen> {
    let asked = ask(host, options, "--json")?;
    Ok(Seen::parse(asked.status.code(), &asked.stdout))
}

/// Asks `lictor address`, twice: for people, which must say the same, and for programs.
fn look<const N: usize>(host: &Host, options: [&str; N]) -> TestResult<Seen> {
    let seen = glance(host, options)?;
    let explained = ask(host, options, "--explain")?;
    assert_eq!(explained.status.code(), seen.code, "{}", explained.stderr);
    for candidate in seen.json["candidates"].as_array().expect("candidates") {
        let net = format!(
            "{}/{} ",
            candidate["address"].as_str().expect("an address"),
            candidate["prefix"]
        );
        let why = candidate["why"].as_str().expect("why");
        let told = |line: &str| line.contains(&net) && line.contains(why);
        assert!(
            explained.stdout.lines().any(told),
            "{candidate} is not told in\n{}",
            explained.stdout
        );
    }
    assert!(
        explained.stdout.contains(&format!("=> {}", seen.address())),
        "{}",
        explained.stdout
    );
    Ok(seen)
}

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text}\nlacks {part:?}");
    }
}
