//! A bare agent that reloads a candidate, and one that starts with it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use serde_json::Value;

use super::field::{BY_API, Field, START, SYNC, Service, local, register, without};
use super::{Candidate, Error, Row, SERVICES, Said, Start, said};
use crate::agent::{Agent, Client};
use crate::consul;
use crate::net::Host;
use crate::process::{Program, Role};
use crate::wait;

/// An agent that neither runs nor ends by then does not start.
const HANGS: Duration = Duration::from_secs(30);
/// The same marker in both versions, up to the line's beginning.
const RUNS: &str = "onsul agent running!";

/// A host whose agent reloads, and one whose agent starts.
#[derive(Debug)]
pub struct Pair<'a> {
    field: &'a Field,
    reloads: Host,
    starts: Host,
    agent: Client,
    _busy: [TcpListener; 2],
}

impl<'a> Pair<'a> {
    /// A pair of hosts; `number` tells it from others.
    ///
    /// # Errors
    /// The hosts cannot be made, or the agent does not start.
    pub fn on(field: &'a Field, number: usize) -> Result<Self, Error> {
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        let (reloads, busy) = field.place(&format!("r{number}"), 11 + number)?;
        let (starts, also_busy) = field.place(&format!("t{number}"), 111 + number)?;
        let agent = agent(field, &reloads)?;
        Ok(Self {
            field,
            reloads,
            starts,
            agent,
            _busy: [busy, also_busy],
        })
    }

    /// Tries one candidate, and makes everything good again.
    ///
    /// # Errors
    /// It cannot be tried, or the agent does not recover.
    pub fn tries(&mut self, candidate: &'static Candidate) -> Result<Row, Error> {
        self.wait_all()?;
        let path = format!("/consul/config/{}", candidate.file);
        for host in [&self.reloads, &self.starts] {
            host.write(&path, &candidate.text)?;
        }
        let validate = self.consul(&["validate", "/consul/config"])?;
        let check = self.check()?;
        let answer = self.agent.api().request("PUT", "/v1/agent/reload", b"")?;
        let lost = without(&self.local()?, |_| true);
        // The catalog follows the agent; it was behind only for as long as that takes.
        let (lost_in_catalog, changed) = self.wait_catalog()?;
        let start = match validate.code {
            0 => self.start()?,
            _ => Start::Refused,
        };
        for host in [&self.reloads, &self.starts] {
            host.run(["rm", "-f", &path])?.success()?;
        }
        self.recover()?;
        Ok(Row {
            candidate,
            version: self.field.version,
            validate,
            check,
            reload: (answer.status, answer.text()),
            lost,
            lost_in_catalog,
            changed,
            start,
        })
    }

    fn consul(&self, arguments: &[&str]) -> Result<Said, Error> {
        let program = Program::new("consul")
            .args(arguments)
            .path_first(consul::directory(self.field.version).map_err(crate::agent::Error::from)?);
        Ok(said(self.reloads.run(program)?))
    }

    /// What `lictor check` finds by itself, without `consul validate`.
    fn check(&self) -> Result<Option<(i32, Vec<Value>)>, Error> {
        let Some(lictor) = &self.field.lictor else {
            return Ok(None);
        };
        let program = Program::new(lictor).args([
            "check",
            "--json",
            "--no-validate",
            "--running=/consul/running",
            "/consul/config",
        ]);
        let output = self.reloads.run(program)?;
        let findings = serde_json::from_str::<Value>(&output.stdout)
            .ok()
            .and_then(|report| report["findings"].as_array().cloned())
            .unwrap_or_default();
        let code = output.status.code().unwrap_or(-1);
        Ok(Some((code, findings)))
    }

    fn local(&self) -> Result<Vec<Service>, Error> {
        local(self.agent.api())
    }

    fn catalog(&self) -> Result<Vec<Service>, Error> {
        self.field.catalog(self.reloads.name())
    }

    /// Waits until the catalog has what the agent has, and says what it lacks and what is not as it was.
    fn wait_catalog(&self) -> Result<(Vec<&'static str>, Vec<&'static str>), Error> {
        let ids = |services: &[Service]| {
            let mut ids: Vec<String> = services.iter().map(|one| one.id.clone()).collect();
            ids.sort();
            ids
        };
        let wanted = ids(&self.local()?);
        let found = wait::until_ok("the catalog to have what the agent has", SYNC, || {
            let catalog = self.catalog().map_err(|error| error.to_string())?;
            let found = ids(&catalog);
            if found == wanted {
                Ok(catalog)
            } else {
                Err(format!("{found:?} instead of {wanted:?}"))
            }
        })?;
        let lost = without(&found, |_| true);
        let mut changed = without(&found, Service::is_well);
        changed.retain(|id| !lost.contains(id));
        Ok((lost, changed))
    }

    /// Starts an agent with the candidate on the other host.
    fn start(&self) -> Result<Start, Error> {
        let api = SocketAddr::from((Ipv4Addr::LOCALHOST, 8500));
        let agent = Agent::start(
            &(&self.starts).into(),
            Role::Pid1,
            self.field.version,
            &["agent", "-config-dir=/consul/config"],
            api,
        )?;
        let runs = wait::until("an agent to run, or not", HANGS, || {
            // In this order, so that the last words of an ended process are seen.
            let ended = agent.has_ended();
            let runs = agent.log().contains(RUNS);
            (ended || runs).then_some(runs && !ended)
        });
        let log = agent.log();
        let last = last_words(&log);
        match runs {
            Ok(true) => Ok(Start::Runs),
            Ok(false) => Ok(Start::Ended(agent.exit_code(START)?, last)),
            Err(_) => Ok(Start::Hangs(last)),
        }
    }

    /// The agent with the good configuration and all 7 services again.
    fn recover(&mut self) -> Result<(), Error> {
        if self.agent.has_ended() {
            self.agent = agent(self.field, &self.reloads)?;
            return Ok(());
        }
        self.agent.api().put("/v1/agent/reload", &Value::Null)?;
        // What a file had replaced does not come back.
        let lost = without(&self.local()?, |service| service.name == service.id);
        for name in BY_API.into_iter().filter(|name| lost.contains(name)) {
            register(self.agent.api(), name)?;
        }
        Ok(())
    }

    fn wait_all(&self) -> Result<(), Error> {
        wait::until_ok("all 7 services to pass", SYNC, || {
            let catalog = self.catalog().map_err(|error| error.to_string())?;
            let good =
                catalog.len() == SERVICES.len() && without(&catalog, Service::is_well).is_empty();
            if good {
                Ok(())
            } else {
                Err(format!("{catalog:?}"))
            }
        })?;
        Ok(())
    }
}

/// The last error in a log, or else its last line.
fn last_words(log: &str) -> String {
    let lines = || log.lines().rev().map(str::trim);
    let error = lines().find(|line| line.contains("[ERROR]"));
    let last = error.or_else(|| lines().find(|line| !line.is_empty()));
    last.unwrap_or_default().to_owned()
}

/// The agent with all its services.
fn agent(field: &Field, host: &Host) -> Result<Client, Error> {
    let agent = Client::configured(host, field.version)?;
    agent.wait_leader()?;
    for name in BY_API {
        register(agent.api(), name)?;
    }
    Ok(agent)
}
