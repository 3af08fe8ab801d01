//! A report as a table that a person reads at a glance. Pure.

use std::fmt::Write;

use crate::admin::wire::Report;

/// The table. Writing to a String cannot fail, so the results are dropped.
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<13} {value}");
    };
    row(
        "phase",
        &format!("{} since {}", report.phase, report.phase_since),
    );
    if let Some(address) = &report.address {
        row("address", &format!("{}: {}", address.ip, address.reason));
    }
    let agent = &report.agent;
    let unknown = "?".to_owned();
    row(
        "agent",
        &format!(
            "{}, Consul {}, {} restarts, {}",
            agent
                .pid
                .map_or_else(|| "not running".to_owned(), |pid| format!("pid {pid}")),
            agent.version.as_ref().unwrap_or(&unknown),
            agent.restarts,
            agent.http.as_deref().unwrap_or("no HTTP API"),
        ),
    );
    row(
        "node",
        &format!(
            "{} ({}) in {}",
            agent.node_name,
            agent.node_id.as_ref().unwrap_or(&unknown),
            agent.datacenter.as_ref().unwrap_or(&unknown),
        ),
    );
    let stage = match &report.stage {
        Some(stage) => {
            let rejected = stage.rejected.iter();
            let rejected: String = rejected.map(|path| format!("; rejected: {path}")).collect();
            format!("{}, snapshot {}{rejected}", stage.path, stage.generation)
        }
        None => "none: the agent reads its configuration from where it is".to_owned(),
    };
    row("stage", &stage);
    let services = match report.registration.services.as_slice() {
        [] => "none".to_owned(),
        services => services.join(", "),
    };
    row("registration", &services);
    let reload = &report.reload;
    row(
        "reloads",
        &format!(
            "{}{}{}",
            reload.count,
            reload
                .last
                .as_ref()
                .map(|last| format!(", the last one {last}"))
                .unwrap_or_default(),
            if reload.pending {
                "; one is waiting"
            } else {
                ""
            },
        ),
    );
    let leave = &report.leave;
    let on_stop = match report.on_stop.as_str() {
        "leave" => format!("leave by {}, {}", leave.method, leave.reason),
        other => format!("{other}: no leave"),
    };
    row("on stop", &on_stop);
    text.push('\n');
    for condition in &report.conditions {
        let _ = writeln!(
            text,
            "{:<13} {:<8} {:<15} {}",
            condition.kind, condition.status, condition.reason, condition.message
        );
    }
    text
}
