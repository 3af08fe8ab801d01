//! `lictor status`, `ready`, `live`, `reload`, `leave` and `stop`: ask the running lictor.

use std::time::Duration;

use reqwest::Method;

use crate::admin::client;
use crate::admin::table::table;
use crate::admin::wire::{ReloadReport, Report};
use crate::cli::{ControlArgs, ReloadArgs, StatusArgs, StopArgs};
use crate::exit::Exit;

use super::{print, runtime};

/// Less than a kubelet's usual patience with a probe, so that the reason is told instead of a time-out.
const PROBE: Duration = Duration::from_millis(900);
const STATUS: Duration = Duration::from_secs(5);
/// A reload may have to wait until the agent can take it, and that is what it is asked for.
const RELOAD: Duration = Duration::from_secs(3600);

pub(super) fn status(args: &StatusArgs) -> Exit {
    let body = match ask(&args.control, Method::GET, "/status", STATUS) {
        Ok((true, body)) => body,
        Ok((false, body)) => return Exit::new(1, body.trim()),
        Err(exit) => return exit,
    };
    if args.json {
        print(&body);
        return Exit::ok();
    }
    match serde_json::from_str::<Report>(&body) {
        Ok(report) => {
            print(&table(&report));
            Exit::ok()
        }
        Err(error) => Exit::new(
            1,
            format!(
                "failed to read the answer of the running lictor, which may be another version: {error}; try --json"
            ),
        ),
    }
}

pub(super) fn probe(args: &ControlArgs, path: &str) -> Exit {
    match ask(args, Method::GET, path, PROBE) {
        Ok((ok, body)) => {
            print(&body);
            Exit::new(u8::from(!ok), "")
        }
        Err(exit) => exit,
    }
}

pub(super) fn reload(args: &ReloadArgs) -> Exit {
    let path = match (args.check, args.force) {
        (true, _) => "/reload?check",
        (false, true) => "/reload?force",
        (false, false) => "/reload",
    };
    let body = match ask(&args.control, Method::POST, path, RELOAD) {
        Ok((_, body)) => body,
        Err(exit) => return exit,
    };
    let Ok(report) = serde_json::from_str::<ReloadReport>(&body) else {
        return Exit::new(1, body.trim());
    };
    if args.json {
        print(&body);
        return Exit::new(u8::from(!report.ok), "");
    }
    for warning in &report.warnings {
        print(&format!("warning: {warning}\n"));
    }
    if report.faults.is_empty() {
        let text = format!("{}\n", report.message);
        return match report.ok {
            true => {
                print(&text);
                Exit::ok()
            }
            false => Exit::new(1, format!("reload {}", report.message)),
        };
    }
    print(&(report.faults.join("\n") + "\n"));
    Exit::new(
        1,
        format!("reload {}: the agent keeps what it has", report.outcome),
    )
}

/// A leave, whatever `--on-stop` says.
pub(super) fn leave(args: &ControlArgs) -> Exit {
    follow(args, "/leave")
}

/// What SIGTERM does, or no leave.
pub(super) fn stop(args: &StopArgs) -> Exit {
    let path = if args.stay { "/stop?stay" } else { "/stop" };
    follow(&args.control, path)
}

/// Prints what lictor says during its stop, and ends as lictor does.
fn follow(args: &ControlArgs, path: &str) -> Exit {
    let told = |level: &str, text: &str| match level {
        "info" => print(&format!("{text}\n")),
        _ => print(&format!("{level}: {text}\n")),
    };
    let followed = client::follow(&args.runtime_dir, path, told);
    match runtime() {
        Ok(runtime) => runtime
            .block_on(followed)
            .unwrap_or_else(|error| Exit::new(1, format!("failed to {error}"))),
        Err(exit) => exit,
    }
}

fn ask(
    args: &ControlArgs,
    method: Method,
    path: &str,
    patience: Duration,
) -> Result<(bool, String), Exit> {
    runtime()?
        .block_on(client::ask(&args.runtime_dir, method, path, patience))
        .map_err(|error| Exit::new(1, format!("failed to {error}")))
}
