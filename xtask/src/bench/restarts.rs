//! What the servers see of an agent's restart: a bare agent that is killed and started again at once, a crash under lictor,
//! and a stop without a leave that the next lictor follows.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use testbed::agent::{Agent, Api, Watch, during};
use testbed::lictor::Running;
use testbed::net::Host;
use testbed::process::Role;
use testbed::wait;

use super::figures::Durations;
use super::{Bed, Result};

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(40);
/// Longer than a check with this interval may take to its first run.
const RUN: Duration = Duration::from_secs(30);
const INTERVAL: &str = "10s";
/// Where the application listens that dies with the agent.
const PORT: u16 = 9000;
/// The check of that application.
const DYING: &str = "dying";

/// What is measured, in the order in which it is told.
const CHECKS: [(&str, &str); 10] = [
    ("serfHealth", "the node, and a service without a check"),
    ("api-http", "HTTP, through the API"),
    ("api-tcp", "TCP, through the API"),
    ("api-script", "script, through the API"),
    ("api-ttl", "TTL, through the API"),
    ("file-http", "HTTP, in a file"),
    ("file-tcp", "TCP, in a file"),
    ("file-script", "script, in a file"),
    ("file-ttl", "TTL, in a file"),
    ("file-status", "HTTP, in a file, \"status\": \"passing\""),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bare,
    Crash,
    Stay,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Bare, Self::Crash, Self::Stay];

    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare agent, killed and started again at once",
            Self::Crash => "lictor, its agent killed",
            Self::Stay => "lictor, SIGQUIT and another lictor",
        }
    }
}

/// Not passing, by check; and for the application that dies how long it still passed.
type Seen = BTreeMap<String, Durations>;

/// Measures `runs` restarts of each kind, each kind on a host of its own.
pub(super) fn run(bed: &Bed, runs: usize) -> Result<()> {
    println!("\nrestarts, {runs} of each kind; checks run every {INTERVAL}");
    let mut hosts = Vec::new();
    for (number, kind) in (11..).zip(Kind::ALL) {
        let host = bed.host(&format!("n{number}"), number)?;
        host.write("/consul/config/services.json", in_files().to_string())?;
        hosts.push((kind, host));
    }
    let seen = thread::scope(|scope| {
        let threads: Vec<_> = hosts
            .iter()
            .map(|(kind, host)| {
                scope.spawn(move || {
                    Side::new(bed, host, *kind)
                        .and_then(|side| side.measure(runs))
                        .map_err(|error| format!("{}: {error}", kind.name()))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "run a thread to its end")?)
            .collect::<std::result::Result<Vec<_>, String>>()
    })?;
    for (kind, seen) in Kind::ALL.into_iter().zip(&seen) {
        println!("\nnot passing as the server sees it: {}", kind.name());
        for (id, what) in CHECKS {
            println!("  {what:42} {}", told(seen, id));
            let absent = seen
                .get(&absent(id))
                .map_or(Duration::ZERO, |d| d.percentile(100));
            if !absent.is_zero() {
                println!(
                    "    and without the check, so passing        {}",
                    told(seen, &self::absent(id))
                );
            }
        }
        let what = "passing after its application's death";
        println!("  {what:42} {}", told(seen, DYING));
    }
    Ok(())
}

/// For how long it was not in the catalog.
fn absent(id: &str) -> String {
    format!("{id}, absent")
}

fn told(seen: &Seen, id: &str) -> String {
    seen.get(id).map(ToString::to_string).unwrap_or_default()
}

/// One kind of restart on its host.
struct Side<'a> {
    bed: &'a Bed,
    host: &'a Host,
    kind: Kind,
    life: Option<Life>,
}

enum Life {
    Bare(Agent),
    Supervised(Running),
}

impl<'a> Side<'a> {
    /// Starts the agent and registers through its API what is not in files.
    fn new(bed: &'a Bed, host: &'a Host, kind: Kind) -> Result<Self> {
        let mut side = Self {
            bed,
            host,
            kind,
            life: None,
        };
        side.start()?;
        let api = side.api();
        wait::until_ok("the agent's API", START, || api.get("/v1/agent/self"))?;
        for (id, check) in checks("api") {
            register(&api, &id, check)?;
        }
        let tcp = json!({ "TCP": format!("127.0.0.1:{PORT}") });
        register(&api, DYING, tcp)?;
        Ok(side)
    }

    fn measure(mut self, runs: usize) -> Result<Seen> {
        let mut seen = Seen::new();
        for run in 1..=runs {
            let application = self.listen()?;
            self.wait_passing()?;
            self.wait_seen(run)?;
            let watch = Watch::begin(self.bed.server.api(), self.host.name())?;
            let begin = Instant::now();
            self.end(application)?;
            self.wait_runs()?;
            let (end, looks) = (Instant::now(), watch.end()?);
            for (id, _) in CHECKS {
                let not = |checks: &Checks| checks.get(id).is_some_and(|state| state != "passing");
                let not = during(&looks, (begin, end), not);
                seen.entry(id.to_owned()).or_default().push(not);
                let gone = during(&looks, (begin, end), |checks| !checks.contains_key(id));
                seen.entry(absent(id)).or_default().push(gone);
            }
            let alive = |checks: &Checks| checks.get(DYING).is_some_and(|s| s == "passing");
            let still = during(&looks, (begin, end), alive);
            seen.entry(DYING.to_owned()).or_default().push(still);
            println!("  {run:2} {}", self.kind.name());
            if self.kind == Kind::Crash {
                // A crash soon after another is followed by a longer pause.
                self.stay()?;
            }
        }
        Ok(seen)
    }

    /// The restart. The application is gone before the agent is back.
    fn end(&mut self, application: TcpListener) -> Result<()> {
        match (self.kind, &self.life) {
            (Kind::Bare, Some(Life::Bare(agent))) => {
                agent.signal(Signal::SIGKILL)?;
                agent.exit_code(STOP)?;
                drop(application);
                self.start()
            }
            (Kind::Crash, Some(Life::Supervised(lictor))) => {
                for agent in lictor.children()? {
                    kill(agent, Signal::SIGKILL)?;
                }
                drop(application);
                lictor.wait_log("restarting it", START)?;
                Ok(())
            }
            _ => {
                drop(application);
                self.stay()
            }
        }
    }

    /// Ends lictor without a leave, and starts another.
    fn stay(&mut self) -> Result<()> {
        if let Some(Life::Supervised(lictor)) = &self.life {
            lictor.signal(Signal::SIGQUIT)?;
            lictor.exit(STOP)?;
        }
        self.start()
    }

    fn start(&mut self) -> Result<()> {
        self.life = None;
        self.life = Some(match self.kind {
            Kind::Bare => Life::Bare(Agent::start(
                &self.host.into(),
                Role::Pid1,
                self.bed.version,
                &["agent", "-config-dir=/consul/config"],
                SocketAddr::from((Ipv4Addr::LOCALHOST, 8500)),
            )?),
            Kind::Crash | Kind::Stay => Life::Supervised(
                self.bed
                    .lictor(self.host)
                    .arg("--log-level=debug")
                    .start()?,
            ),
        });
        Ok(())
    }

    fn api(&self) -> Api {
        Api::on(self.host)
    }

    fn listen(&self) -> Result<TcpListener> {
        Ok(self
            .host
            .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)))?)
    }

    /// Waits until the server sees every check pass.
    fn wait_passing(&self) -> Result<()> {
        let (api, catalog) = (self.api(), self.bed.server.catalog());
        wait::until_ok("passing checks", START, || -> Result<()> {
            for ttl in ["api-ttl", "file-ttl"] {
                api.put(&format!("/v1/agent/check/pass/{ttl}"), &Value::Null)?;
            }
            let checks = catalog.checks(self.host.name())?;
            let passing = |id: &str| checks.get(id).is_some_and(|state| state == "passing");
            match CHECKS.iter().all(|(id, _)| passing(id)) && passing(DYING) {
                true => Ok(()),
                false => Err(format!("{checks:?}").into()),
            }
        })?;
        Ok(())
    }

    /// Waits until lictor has had another look at the states, which it has every 10 s; the first may take a minute.
    fn wait_seen(&self, run: usize) -> Result<()> {
        let (Kind::Crash, Some(Life::Supervised(lictor))) = (self.kind, &self.life) else {
            return Ok(());
        };
        let looks = || lictor.log().matches("event Checks(Seen(Some").count();
        let before = looks();
        if run == 1 {
            lictor.control("reload", &[])?.success()?;
        }
        wait::until("a look at the states", START, || {
            (looks() > before).then_some(())
        })?;
        Ok(())
    }

    /// Waits until the new agent has run every check that it runs, which then has output, and the server knows.
    fn wait_runs(&self) -> Result<()> {
        let (api, catalog) = (self.api(), self.bed.server.catalog());
        wait::until_ok("a run of each check", RUN, || -> Result<()> {
            let checks = api.get("/v1/agent/checks")?;
            let runs = |id: &&str| !id.ends_with("ttl") && *id != "serfHealth";
            let ran = |id: &str| checks[id]["Output"].as_str().is_some_and(|o| !o.is_empty());
            let all = CHECKS.iter().map(|(id, _)| *id).filter(runs).all(ran) && ran(DYING);
            let seen = catalog.checks(self.host.name())?;
            let dead = seen.get(DYING).is_some_and(|state| state == "critical");
            match all && dead {
                true => Ok(()),
                false => Err(checks.to_string().into()),
            }
        })?;
        Ok(())
    }
}

fn register(api: &Api, id: &str, mut check: Value) -> Result<()> {
    check["ID"] = json!(id);
    check["Name"] = json!(id);
    check["ServiceID"] = json!(id);
    if check.get("TTL").is_none() {
        check["Interval"] = json!(INTERVAL);
    }
    api.put(
        "/v1/agent/service/register",
        &json!({ "ID": id, "Name": id }),
    )?;
    api.put("/v1/agent/check/register", &check)?;
    Ok(())
}

/// One check of each kind, by its id.
fn checks(place: &str) -> Vec<(String, Value)> {
    [
        (
            "http",
            json!({ "HTTP": "http://127.0.0.1:8500/v1/status/leader" }),
        ),
        ("tcp", json!({ "TCP": "127.0.0.1:8500" })),
        ("script", json!({ "Args": ["/bin/sh", "-c", "echo well"] })),
        ("ttl", json!({ "TTL": "10m" })),
    ]
    .into_iter()
    .map(|(kind, check)| (format!("{place}-{kind}"), check))
    .collect()
}

/// The same in a file.
fn in_files() -> Value {
    let mut all = checks("file");
    let mut passing = all[0].1.clone();
    passing["Status"] = json!("passing");
    all.push(("file-status".to_owned(), passing));
    let services: Vec<Value> = all
        .into_iter()
        .map(|(id, mut check)| {
            check["ID"] = json!(id);
            check["Name"] = json!(id);
            if check.get("TTL").is_none() {
                check["Interval"] = json!(INTERVAL);
            }
            json!({ "id": id, "name": id, "check": check })
        })
        .collect();
    json!({ "enable_script_checks": true, "services": services })
}

type Checks = BTreeMap<String, String>;
