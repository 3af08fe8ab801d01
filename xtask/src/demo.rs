//! `cargo xtask demo`: one Consul server on 127.0.0.1, and lictor with a client agent on 127.0.0.2. No root, no other network.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use signal_hook::iterator::Signals;
use testbed::agent::LocalServer;
use testbed::consul::{self, Version};
use testbed::wait;

use crate::consul::Consul;

const ADDRESS: &str = "127.0.0.2";
const SERVICE: &str = "consul-members";
const NODE: &str = "demo";

/// What the demo is to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Do it all without waiting; exit with 0 only if each step was really seen
    #[arg(long)]
    once: bool,
    /// The Consul to run
    #[arg(long, default_value = "1.8.7")]
    consul: Consul,
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// lictor under the demo; ended when dropped, so that nothing is left behind by a failure.
struct Lictor {
    binary: PathBuf,
    directory: PathBuf,
    child: Child,
}

impl Drop for Lictor {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Without a leave: something has failed already, and the server goes next.
            let _ = self.signal(Signal::SIGQUIT);
            let _ = self.child.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Runs the demo.
pub(crate) fn run(args: &Args) -> Result<()> {
    let begin = Instant::now();
    let step = |text: &str| println!("\n[{:5.1} s] {text}", begin.elapsed().as_secs_f64());
    // Watched from the start: a Ctrl-C at any time is a stop, and lictor has a process group of its own.
    let mut signals = Signals::new([Signal::SIGINT as i32, Signal::SIGTERM as i32])?;
    let version = args.consul.version();

    step("building lictor");
    let binary = build()?;
    step("the address that lictor finds on this machine, candidate by candidate");
    // A machine without a network has none, and the demo does not need one.
    let explained = Command::new(&binary)
        .args(["address", "--explain"])
        .output()?;
    print!("{}", String::from_utf8_lossy(&explained.stdout));
    step("the demo stays on loopback, so its address is given");
    show(&binary, &["address", "--address", ADDRESS, "--explain"])?;
    step("the registration");
    show(&binary, &["render", "--address", ADDRESS])?;

    step(&format!(
        "a Consul {} server on 127.0.0.1",
        version.number()
    ));
    let server = LocalServer::start(version)?;
    step(&format!("lictor with a client agent on {ADDRESS}"));
    let mut lictor = Lictor::start(binary, &server, version)?;
    let ready = wait::until_ok("lictor to be ready", Duration::from_secs(60), || {
        if signals.pending().next().is_some() {
            return Ok(false);
        }
        lictor.ask(&["ready"]).map(|_| true)
    })?;
    if !ready {
        return Err("wait for readiness: stopped by Ctrl-C".into());
    }
    let services = server.catalog().service(SERVICE)?;
    let shown = serde_json::to_string(&services)?;
    if !shown.contains(ADDRESS) {
        return Err(
            format!("find {SERVICE} with {ADDRESS} in the server's catalog: {shown}").into(),
        );
    }
    step(&format!("in the server's catalog: {SERVICE} at {ADDRESS}"));

    step("a reload");
    print!("{}", lictor.ask(&["reload"])?);
    let status: Value = serde_json::from_str(&lictor.ask(&["status", "--json"])?)?;
    if status["reload"]["count"] != 1 {
        return Err(format!("see the reload in the status: {status:#}").into());
    }
    step("lictor status");
    print!("{}", lictor.ask(&["status"])?);

    if !args.once {
        step("waiting; Ctrl-C shows the leave. Meanwhile, from another terminal:");
        println!(
            "  curl http://{}/v1/catalog/service/{SERVICE}",
            server.api().address()
        );
        println!(
            "  {} status --runtime-dir {}",
            lictor.binary.display(),
            lictor.runtime_dir().display()
        );
        signals.forever().next();
    }
    step("SIGTERM: the leave");
    lictor.signal(Signal::SIGTERM)?;
    let ended = lictor.child.wait()?;
    if !ended.success() {
        return Err(format!("see lictor end with 0: {ended}").into());
    }
    if let Some(left) = server.catalog().node(NODE)? {
        return Err(format!("see an empty catalog: {left}").into());
    }
    let services = server.catalog().service(SERVICE)?;
    if !serde_json::to_string(&services)?.contains("[]") {
        return Err(format!("see an empty catalog: {services:?}").into());
    }
    step(
        "gone: the server's catalog has no such node and no such service, and lictor ended with 0",
    );
    Ok(())
}

impl Lictor {
    fn start(binary: PathBuf, server: &LocalServer, version: Version) -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("lictor-demo-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let (config, _) = server.client_config(json!({
            "node_name": NODE,
            "data_dir": directory.join("data"),
        }))?;
        let file = directory.join("consul.json");
        fs::write(&file, config.to_string())?;
        let mut path = std::ffi::OsString::from(consul::directory(version)?);
        if let Some(rest) = std::env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        let mut command = Command::new(&binary);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("LICTOR_") || name.starts_with("CONSUL_") {
                command.env_remove(name);
            }
        }
        // A process group of its own: a Ctrl-C at the terminal is the demo's, which then asks for the one leave.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .args([
                "run",
                "--address",
                ADDRESS,
                "--bind",
                "--client",
                "--runtime-dir",
            ])
            .arg(directory.join("run"))
            .args(["--", "agent"])
            .arg(format!("-config-file={}", file.display()))
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self {
            binary,
            directory,
            child,
        })
    }

    fn runtime_dir(&self) -> PathBuf {
        self.directory.join("run")
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).map_err(io::Error::other)?;
        Ok(kill(Pid::from_raw(pid), signal)?)
    }

    /// Runs a command against this lictor and returns what it printed.
    fn ask(&mut self, args: &[&str]) -> Result<String> {
        if let Some(ended) = self.child.try_wait()? {
            return Err(format!("ask lictor, which has ended: {ended}").into());
        }
        let output = Command::new(&self.binary)
            .args(args)
            .arg("--runtime-dir")
            .arg(self.runtime_dir())
            .output()?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(told)
        } else {
            let error = String::from_utf8_lossy(&output.stderr);
            Err(format!("run lictor {}: {told}{error}", args.join(" ")).into())
        }
    }
}

fn show(binary: &Path, args: &[&str]) -> Result<()> {
    let status = Command::new(binary).args(args).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("run lictor {}: {status}", args.join(" ")).into())
    }
}

/// Builds the binary and asks cargo where it is. Not `--package`, which would choose other features of the dependencies
/// than `cargo test` does and compile them all once more.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--bin",
            "lictor",
            "--message-format=json-render-diagnostics",
        ])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("build lictor".into());
    }
    let text = String::from_utf8(output.stdout)?;
    let executable = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
    executable.ok_or_else(|| "find the built lictor in cargo's answer".into())
}
