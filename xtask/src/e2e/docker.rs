//! `cargo xtask e2e docker`: the Dockerfile's two images, built and run by a real Docker engine.

use super::catalog::{Catalog, SERVICE};
use super::command::Prefix;
use super::engine::{BRIDGE, Engine};
use super::server::SERVER_HCL;
use super::steps::{Steps, With, seconds, until};
use super::{Error, apt, builder, cache, command, init, rootfs};
use crate::dist;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const RUST_BASE: &str = "lictor-e2e/rust";
const CONSUL_BASE: &str = "lictor-e2e/consul-base";
const BUILD: &str = "lictor-e2e/build";
const BINARY: &str = "lictor-e2e/binary";
pub(super) const CONSUL: &str = "lictor-e2e/consul";
/// Images, in the order in which they can be removed.
const IMAGES: [&str; 5] = [CONSUL, BINARY, BUILD, CONSUL_BASE, RUST_BASE];

const NETWORK: &str = "lictor-e2e";
const SERVER: &str = "lictor-e2e-server";
const CLIENT: &str = "lictor-e2e-client";
const REFUSED: &str = "lictor-e2e-refused";
/// The official image's user, which needs a runtime directory it may write to; its data directory is its own already,
/// that of the stand-in is not.
const ORDINARY_USER: [&str; 6] = [
    "--user=consul",
    "--tmpfs=/run/lictor:uid=100,gid=1000,mode=0700",
    "--tmpfs=/consul/data:uid=100,gid=1000",
    "--cap-drop=ALL",
    "--read-only",
    "--security-opt=no-new-privileges",
];
const CONTAINERS: [&str; 3] = [CLIENT, REFUSED, SERVER];

/// Runs the scenario.
pub(super) fn run(consul: &Path) -> Result<(), Error> {
    let mut steps = Steps::new("e2e docker: the Dockerfile's images on a Docker engine");
    apt::need("curl", "curl")?;
    let engine = steps.step("a Docker engine", || {
        let engine = Engine::start(&dist::build(&["--quiet"])?)?;
        let described = engine.describe()?;
        Ok(With(engine, described))
    })?;
    let bench = Bench { engine: engine.0 };
    bench.clear();
    bench.scenario(&mut steps, consul)?;
    drop(bench);
    steps.end();
    Ok(())
}

/// The engine with our things on it, which go when it is dropped.
struct Bench {
    engine: Engine,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Bench {
    fn scenario(&self, steps: &mut Steps, consul: &Path) -> Result<(), Error> {
        steps.step("the base images, from this machine's files", || {
            self.bases(consul)
        })?;
        steps.step("docker build --target binary", || {
            self.build("build", BUILD)?;
            self.build("binary", BINARY)?;
            self.size(BINARY)
        })?;
        steps.step("docker build", || {
            self.build("consul", CONSUL)?;
            self.size(CONSUL)
        })?;
        steps.step("the binary's image runs alone", || {
            command::text(&mut self.docker(["run", "--rm", "--network=none", BINARY, "--version"]))
        })?;
        steps.step("a usage error ends with 2", || {
            self.refused(&["--no-such-option"], 2, "--no-such-option")
        })?;
        steps.step("no such interface ends with 110", || {
            let options = ["--interface", "nosuch*", "--address-timeout", "2s"];
            self.refused(&options, 110, "nosuch*")
        })?;
        if self.engine.takes_init() {
            steps.step("docker run --init: lictor is docker-init", || {
                init::as_docker_init(&self.engine)
            })?;
        }
        steps.step("docker run -it: a shell under lictor init", || {
            init::on_a_terminal(&self.engine)
        })?;
        let server = steps.step("a Consul server", || self.server())?.0;
        let catalog = Catalog::new(Prefix::default(), &server);
        let config = cache("docker/config")?;
        let address = steps
            .step("docker run: registered", || {
                self.client(&[], &config, &server, &catalog)
            })?
            .0;
        steps.step(
            "docker kill -s HUP: a new definition is in the catalog",
            || self.reload(&config, &catalog),
        )?;
        steps.step("docker stop: left", || self.stop(&catalog, &address))?;
        steps.step(
            "docker exec lictor leave: left, and both end with 0",
            || {
                command::run(&mut self.docker(["rm", CLIENT]))?;
                let With(address, _) = self.client(&[], &config, &server, &catalog)?;
                self.leave(&catalog, &address)
            },
        )?;
        steps.step("docker run --user: registered, and left", || {
            command::run(&mut self.docker(["rm", CLIENT]))?;
            let With(address, seen) = self.client(&ORDINARY_USER, &config, &server, &catalog)?;
            Ok(format!("{seen}; {}", self.stop(&catalog, &address)?))
        })?;
        Ok(())
    }

    fn docker<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut docker = self.engine.docker();
        docker.args(arguments);
        docker
    }

    fn bases(&self, consul: &Path) -> Result<String, Error> {
        let rust = builder::root_archive()?;
        command::run(
            self.docker(["import"])
                .args(["--change", "ENV PATH=/usr/local/bin:/usr/bin:/bin"])
                .args(["--change", "ENV CARGO_HOME=/usr/local/cargo"])
                .arg(rust)
                .arg(RUST_BASE),
        )?;
        let root = cache("docker/consul-root")?;
        rootfs::consul(&root, consul)?;
        let archive = cache("docker")?.join("consul.tar");
        command::run(
            Command::new("tar")
                .args([
                    "--create",
                    "--owner=0",
                    "--group=0",
                    "--numeric-owner",
                    "--file",
                ])
                .arg(&archive)
                .arg("--directory")
                .arg(&root)
                .arg("."),
        )?;
        command::run(
            self.docker(["import", "--change", "ENV PATH=/usr/local/bin:/bin"])
                .arg(&archive)
                .arg(CONSUL_BASE),
        )?;
        fs::remove_file(&archive).map_err(Error::file(&archive))?;
        Ok(String::new())
    }

    fn build(&self, target: &str, tag: &str) -> Result<(), Error> {
        // No network: what the build needs is in the bases.
        command::run(
            self.docker(["build", "--network=none", "--target", target, "--tag", tag])
                .arg(format!("--build-arg=RUST_IMAGE={RUST_BASE}"))
                .arg(format!("--build-arg=CONSUL_IMAGE={CONSUL_BASE}"))
                .arg(dist::root()),
        )
        .map(drop)
    }

    fn size(&self, image: &str) -> Result<String, Error> {
        let size =
            command::text(&mut self.docker(["image", "inspect", "--format", "{{.Size}}", image]))?;
        let bytes: u64 = size.parse().map_err(|_| Error::Unexpected {
            what: format!("the size of the image {image}"),
            found: size,
        })?;
        Ok(format!(
            "{}.{:02} MB",
            bytes / 1_000_000,
            bytes % 1_000_000 / 10_000
        ))
    }

    /// Runs the Consul image with options it must refuse, and looks at the exit code and at what it says.
    fn refused(&self, options: &[&str], code: i32, says: &str) -> Result<String, Error> {
        let mut docker = self.docker(["run", "--name", REFUSED, "--network=none", CONSUL]);
        let output = command::attempt(docker.args(options))?;
        let logs = command::written(&command::run(&mut self.docker(["logs", REFUSED]))?);
        command::run(&mut self.docker(["rm", "--force", REFUSED]))?;
        if output.status.code() == Some(code) && logs.contains(says) {
            return Ok(line_with(&logs, says));
        }
        Err(Error::Unexpected {
            what: format!("exit code {code} and a message with `{says}`"),
            found: format!("{}: {}", output.status, command::tail(&logs)),
        })
    }

    /// A server on a network without an outside; returns its address.
    fn server(&self) -> Result<With<String>, Error> {
        let bridge = format!("com.docker.network.bridge.name={BRIDGE}");
        command::run(&mut self.docker([
            "network",
            "create",
            "--internal",
            "--opt",
            &bridge,
            NETWORK,
        ]))?;
        command::run(
            self.docker(["run", "--detach", "--name", SERVER, "--hostname", "server"])
                .args([
                    "--network",
                    NETWORK,
                    CONSUL_BASE,
                    "consul",
                    "agent",
                    "-server",
                ])
                .args([
                    "-bootstrap-expect=1",
                    "-client=0.0.0.0",
                    "-data-dir=/consul/data",
                ])
                .arg("-bind={{ GetInterfaceIP \"eth0\" }}")
                .args(SERVER_HCL.map(|hcl| format!("-hcl={hcl}"))),
        )?;
        let address = self.address(SERVER)?;
        Catalog::new(Prefix::default(), &address)
            .await_leader()
            .map_err(|error| self.with_logs(SERVER, error))?;
        Ok(With(address.clone(), address))
    }

    fn address(&self, container: &str) -> Result<String, Error> {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = command::text(&mut self.docker(["inspect", "--format", format, container]))?;
        if address.is_empty() {
            // It has ended already, and an ended container has none.
            let what = format!("an address of the container {container}");
            let found = "none".into();
            return Err(self.with_logs(container, Error::Unexpected { what, found }));
        }
        Ok(address)
    }

    /// Runs the Consul image with further options for `docker run`; returns its address once that is registered.
    fn client(
        &self,
        options: &[&str],
        config: &Path,
        server: &str,
        catalog: &Catalog,
    ) -> Result<With<String>, Error> {
        fs::remove_dir_all(config).map_err(Error::file(config))?;
        fs::create_dir_all(config).map_err(Error::file(config))?;
        let file = config.join("consul.json");
        let text = "{\"data_dir\": \"/consul/data\", \"disable_update_check\": true}\n";
        fs::write(&file, text).map_err(Error::file(&file))?;
        let begun = Instant::now();
        command::run(
            self.docker(["run", "--detach", "--name", CLIENT, "--hostname", "client"])
                .args(["--network", NETWORK, "--volume"])
                .arg(format!("{}:/consul/config:ro", config.display()))
                .args(options)
                .args([CONSUL, "--interface", "eth0", "--"])
                .args(["agent", "-config-dir=/consul/config"])
                .arg(format!("-retry-join={server}")),
        )?;
        let address = self.address(CLIENT)?;
        let wanted = BTreeSet::from([address.clone()]);
        catalog
            .await_addresses(&wanted, Duration::from_secs(60))
            .map_err(|error| self.with_logs(CLIENT, error))?;
        let seen = format!("{SERVICE} at {address} after {}", seconds(begun));
        Ok(With(address, seen))
    }

    fn reload(&self, config: &Path, catalog: &Catalog) -> Result<String, Error> {
        let file = config.join("web.json");
        fs::write(&file, "{\"service\": {\"name\": \"web\", \"port\": 80}}\n")
            .map_err(Error::file(&file))?;
        command::run(&mut self.docker(["kill", "--signal", "HUP", CLIENT]))?;
        let begun = Instant::now();
        until(
            "the service `web` in the catalog",
            Duration::from_secs(30),
            || {
                let nodes = catalog.nodes_of("web")?;
                if nodes.contains("client") {
                    Ok(())
                } else {
                    Err(format!("it is at {nodes:?}"))
                }
            },
        )
        .map_err(|error| self.with_logs(CLIENT, error))?;
        let status =
            command::json(&mut self.docker(["exec", CLIENT, "lictor", "status", "--json"]))?;
        Ok(format!(
            "after {}; lictor says {}",
            seconds(begun),
            status["reload"]
        ))
    }

    /// With the engine's own 10 s before it kills, as somebody who knows nothing of lictor would.
    fn stop(&self, catalog: &Catalog, address: &str) -> Result<String, Error> {
        self.left(catalog, address, &mut self.docker(["stop", CLIENT]))
    }

    fn leave(&self, catalog: &Catalog, address: &str) -> Result<String, Error> {
        let mut exec = self.docker(["exec", CLIENT, "lictor", "leave"]);
        self.left(catalog, address, &mut exec)
    }

    /// Runs what makes the client leave, which must end well, as the container must.
    fn left(&self, catalog: &Catalog, address: &str, leave: &mut Command) -> Result<String, Error> {
        let name = catalog
            .node_at(address)
            .map_err(|found| Error::Unexpected {
                what: "the client's node".into(),
                found,
            })?;
        let names = BTreeSet::from([name]);
        let begun = Instant::now();
        command::run(leave).map_err(|error| self.with_logs(CLIENT, error))?;
        let code = command::text(&mut self.docker(["wait", CLIENT]))?;
        let stopped = seconds(begun);
        if code != "0" {
            return Err(self.with_logs(
                CLIENT,
                Error::Unexpected {
                    what: "exit code 0 of the stopped container".into(),
                    found: code,
                },
            ));
        }
        // What lictor has confirmed before it ended must be so at once; the limits are for our own looks.
        let limit = Duration::from_secs(2);
        catalog.await_left(&names, limit)?;
        catalog.await_gone(&names, limit)?;
        Ok(format!(
            "container ended with 0 after {stopped}; member `left`, node gone from the catalog"
        ))
    }

    /// The same error, with the end of the container's log above it.
    fn with_logs(&self, container: &str, error: Error) -> Error {
        let logs = command::attempt(&mut self.docker(["logs", "--tail", "40", container]));
        println!(
            "{}",
            logs.map_or_else(
                |error| error.to_string(),
                |output: Output| command::written(&output)
            )
        );
        error
    }

    /// Removes what this run, or an earlier one that was killed, has made on the engine.
    fn clear(&self) {
        let _ = command::attempt(self.docker(["rm", "--force", "--volumes"]).args(CONTAINERS));
        let _ = command::attempt(&mut self.docker(["network", "rm", NETWORK]));
        let _ = command::attempt(self.docker(["rmi", "--force"]).args(IMAGES));
    }
}

fn line_with(text: &str, part: &str) -> String {
    let line = text.lines().find(|line| line.contains(part));
    line.unwrap_or_default().trim().to_owned()
}
