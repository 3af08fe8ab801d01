//! A node under `lictor run` on which candidates are tried, one after the other.

use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::field::{BY_API, Field, START, SYNC, register};
use super::trial::{Census, Trial, Way};
use super::{Candidate, Error, SERVICES, Said, said};
use crate::agent::{Api, Look, Watch, during};
use crate::consul;
use crate::lictor::{Lictor, Running};
use crate::net::Host;
use crate::process::Program;
use crate::wait;

/// How long after the reload the services are counted.
const LATER: Duration = Duration::from_secs(5);
/// `lictor run` does not need longer for its stop.
const STOP: Duration = Duration::from_secs(40);

/// The node.
#[derive(Debug)]
pub struct Node<'a> {
    field: &'a Field,
    way: Way,
    host: Host,
    lictor: Running,
    _busy: TcpListener,
}

impl<'a> Node<'a> {
    /// Starts it with all its services; `number` tells it from others of that way.
    ///
    /// # Errors
    /// The host cannot be made, or lictor does not start.
    pub fn on(field: &'a Field, lictor: &Path, way: Way, number: usize) -> Result<Self, Error> {
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        let (host, busy) = match way {
            Way::Lictor => field.place(&format!("l{number}"), 11 + number),
            Way::Consul => field.place(&format!("c{number}"), 91 + number),
            Way::Both => field.place(&format!("b{number}"), 171 + number),
        }?;
        let lictor = start(field, &host, lictor)?;
        let node = Self {
            field,
            way,
            host,
            lictor,
            _busy: busy,
        };
        node.complete()?;
        Ok(node)
    }

    /// Tries one candidate, removes it, and has all services again.
    ///
    /// # Errors
    /// It cannot be tried. That something was lost is no error.
    pub fn tries(&mut self, candidate: &'static Candidate) -> Result<Trial, Error> {
        let path = format!("/consul/config/{}", candidate.file);
        let from = self.lictor.log().len();
        let restarts = self.restarts();
        let server = self.field.server.api();
        let services = Watch::services(server, self.host.name())?;
        let checks = Watch::begin(server, self.host.name())?;
        let begin = Instant::now();
        self.host.write(&path, &candidate.text)?;
        let said = self.reload();
        wait::let_pass(Instant::now() + LATER);
        let seen = self.census();
        let condition = self.condition();
        let end = Instant::now();
        let short = short(&services.end()?, (begin, end));
        let critical = critical(&checks.end()?, (begin, end));
        self.host.run(["rm", "-f", &path])?.success()?;
        let again = self.ask_lictor();
        let after = self.wait_whole().err();
        let after = after.map(|error| format!("{error}; lictor reload: {}", again.text));
        Ok(Trial {
            candidate,
            version: self.field.version,
            way: self.way,
            said,
            seen,
            condition,
            short,
            critical,
            restarts: self.restarts().saturating_sub(restarts),
            after,
            log: self.lictor.log().get(from..).unwrap_or_default().to_owned(),
        })
    }

    /// Ends lictor, and starts another with all services.
    ///
    /// # Errors
    /// It does not start.
    pub fn renew(&mut self, candidate: &Candidate, lictor: &Path) -> Result<(), Error> {
        let left = self.lictor.term().is_ok() && self.lictor.exit(STOP).is_ok();
        if !left {
            self.lictor.kill();
        }
        let path = format!("/consul/config/{}", candidate.file);
        // What was registered through the API is registered anew.
        let remove = "rm -rf \"$0\" /consul/data/services /consul/data/checks*";
        self.host.run(["sh", "-c", remove, &path])?.success()?;
        self.lictor = start(self.field, &self.host, lictor)?;
        self.complete()
    }

    fn complete(&self) -> Result<(), Error> {
        for name in BY_API {
            register(&self.api(), name)?;
        }
        self.wait_whole()?;
        Ok(())
    }

    fn api(&self) -> Api {
        Api::on(&self.host)
    }

    fn census(&self) -> Census {
        Census::take(self.field, &self.api(), self.host.name())
    }

    fn wait_whole(&self) -> Result<(), wait::Timeout> {
        wait::until_ok("all 7 services to pass", SYNC, || {
            let census = self.census();
            if census.is_whole() {
                Ok(())
            } else {
                Err(census)
            }
        })
    }

    fn reload(&self) -> Said {
        match self.way {
            Way::Lictor => self.ask_lictor(),
            Way::Consul => self.ask_agent(),
            Way::Both => self.ask_both(),
        }
    }

    fn ask_lictor(&self) -> Said {
        match self.lictor.control("reload", &[]) {
            Ok(output) => said(output),
            Err(error) => unsaid(&error),
        }
    }

    /// What lictor said. The agent is asked once more than that takes.
    fn ask_both(&self) -> Said {
        let (api, over) = (self.api(), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut last = false;
                while !last {
                    last = over.load(Ordering::Relaxed);
                    // That it fails with a broken candidate is what is tried.
                    let _ = api.request("PUT", "/v1/agent/reload", b"");
                }
            });
            let said = self.ask_lictor();
            over.store(true, Ordering::Relaxed);
            said
        })
    }

    fn ask_agent(&self) -> Said {
        let consul = match consul::directory(self.field.version) {
            Ok(directory) => Program::new("consul").arg("reload").path_first(directory),
            Err(error) => return unsaid(&error),
        };
        match self.host.run(consul) {
            Ok(output) => said(output),
            Err(error) => unsaid(&error),
        }
    }

    fn status(&self) -> Value {
        self.lictor.status().unwrap_or_default()
    }

    fn restarts(&self) -> u64 {
        self.status()["agent"]["restarts"].as_u64().unwrap_or(0)
    }

    fn condition(&self) -> Option<String> {
        let status = self.status();
        let conditions = status["conditions"].as_array();
        let good = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == "ConfigGood");
        match good {
            None => Some("no answer".to_owned()),
            Some(good) if good["status"] == "True" => None,
            Some(good) => Some(good["reason"].as_str().unwrap_or_default().to_owned()),
        }
    }
}

fn start(field: &Field, host: &Host, binary: &Path) -> Result<Running, Error> {
    let lictor = Lictor::on(host, binary)
        .consul(field.version)
        .arg("--log-level=debug")
        .start()?;
    lictor.wait_condition("Ready", START)?;
    Ok(lictor)
}

/// A program that could not be run, or ran on.
fn unsaid(error: &dyn std::fmt::Display) -> Said {
    Said {
        code: -1,
        text: error.to_string(),
    }
}

/// For how long one of the seven services was not in the catalog.
fn short(looks: &[Look], within: (Instant, Instant)) -> Duration {
    during(looks, within, |services| {
        SERVICES.iter().any(|id| !services.contains_key(*id))
    })
}

/// For how long a check that passed at the first look was there and did not pass.
fn critical(looks: &[Look], within: (Instant, Instant)) -> Duration {
    let Some(first) = looks.first() else {
        return Duration::ZERO;
    };
    let passed = |id: &String| first.states.get(id).is_some_and(|state| state == "passing");
    during(looks, within, |checks| {
        checks
            .iter()
            .any(|(id, state)| state != "passing" && passed(id))
    })
}
