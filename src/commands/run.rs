//! `lictor run`.

use std::fs;
use std::path::Path;

use tokio::net::UnixDatagram;

use crate::admin::server::Server;
use crate::cli::RunArgs;
use crate::consul::endpoint::Endpoint;
use crate::core::machine::Machine;
use crate::core::signal::Name;
use crate::driver::addressing;
use crate::driver::effects::Effects;
use crate::driver::sources::Sources;
use crate::driver::staging::Staging;
use crate::driver::watching;
use crate::exit::{self, Exit};
use crate::os::runtime_dir::RuntimeDir;
use crate::os::signals::{Inherited, Signals};
use crate::os::{memory, process, spawn};
use crate::settings::Settings;
use crate::{driver, log, registration};

/// Supervises an agent to its end, and leaves the reason where the orchestrator looks for it.
pub(super) fn run(args: RunArgs, inherited: Inherited) -> Exit {
    log::init(&args.log);
    memory::reserve();
    let settings = Settings::new(args);
    let termination_log = settings.termination_log.clone();
    let exit = supervise(settings, inherited).unwrap_or_else(|exit| exit);
    if exit.code == 0 {
        tracing::info!("exit 0");
    } else {
        tracing::error!("exit {}: {}", exit.code, exit.reason);
        if let Some(path) = termination_log {
            write_reason(&path, &exit.reason);
        }
    }
    exit
}

/// Everything that can fail fails here, before the agent is started and before anything is written outside of the runtime directory.
fn supervise(settings: Settings, inherited: Inherited) -> Result<Exit, Exit> {
    let usage = |reason: String| Exit::new(exit::USAGE, reason);
    let stage = |reason: String| Exit::new(exit::STAGE, format!("failed to {reason}"));

    if let Some(signal) = settings.parent_death {
        process::signal_on_parents_death(signal).map_err(|error| {
            usage(format!(
                "failed to ask for {} at the parent's end: {error}",
                Name(signal)
            ))
        })?;
    }
    let program = spawn::find(&settings.command[0], std::env::var_os("PATH"))?;
    registration::sources::read(&settings.registration)
        .map_err(|error| stage(error.to_string()))?;
    let runtime_dir =
        RuntimeDir::hold(&settings.runtime_dir).map_err(|error| stage(error.to_string()))?;
    let watch = watching::open(&settings);
    let staging = Staging::open(&settings, &runtime_dir, watch.clone())?;
    // What lictor adds to it comes later: that may need an address.
    let agent = staging.look(&settings.command[1..])?;
    staging.say_fixed(&settings.command[1..]);
    let endpoint = Endpoint::find(&agent, None, &|name| std::env::var(name).ok())
        .map_err(|error| usage(format!("failed to {error}")))?;
    let control = runtime_dir
        .control_socket()
        .map_err(|error| stage(error.to_string()))?;
    let notify = runtime_dir
        .notify_socket()
        .map_err(|error| stage(error.to_string()))?;
    if let Err(error) = process::become_subreaper() {
        tracing::warn!("orphans below the agent will not be reaped here: {error}");
    }

    let unusable = |path: &Path, error: std::io::Error| {
        stage(format!(
            "open the socket {}: {error}; name another directory with --runtime-dir",
            path.display()
        ))
    };
    let machine = Machine::new(settings.core(&agent, endpoint.place.is_some()));
    super::runtime()?.block_on(async {
        // The streams exist before the first child does, so that no end of a child is missed.
        let signals = Signals::open()
            .map_err(|error| Exit::new(1, format!("failed to read signals: {error}")))?;
        let (server, asked) = Server::bind(&control).map_err(|error| unusable(&control, error))?;
        let socket = UnixDatagram::bind(&notify).map_err(|error| unusable(&notify, error))?;
        let changes = watching::changes(watch);
        let addresses = addressing::follow(&settings.wanted);
        let sources = Sources::new(signals, settings.rewrite, server, asked, socket, changes)
            .following(addresses);
        let effects = Effects::new(settings, program, inherited, notify, staging)?;
        Ok(driver::run(machine, sources, effects).await)
    })
}

/// A failure to write the reason is told and changes nothing: the log has the reason, too.
fn write_reason(path: &Path, reason: &str) {
    // Kubernetes shows 4096 bytes at most.
    let mut end = reason.len().min(4096);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    if let Err(error) = fs::write(path, &reason[..end]) {
        tracing::warn!(
            "the reason could not be written to {}: {error}",
            path.display()
        );
    }
}
