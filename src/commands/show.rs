//! `lictor address` and `lictor render`: what `run` would do, shown.

use crate::address::report;
use crate::cli::{AddressCommand, RenderArgs};
use crate::consul::command::{self, AgentConfig};
use crate::driver::addressing::look;
use crate::exit::{self, Exit};
use crate::os::process;
use crate::registration::{sources, template};
use crate::settings;

use super::print;

/// One look, without waiting: it shows how things are now.
pub(super) fn address(args: &AddressCommand) -> Exit {
    let choice = match look(&settings::wanted(&args.address)) {
        Ok(choice) => choice,
        Err(error) => {
            return Exit::new(
                exit::ADDRESS,
                format!("failed to read the interfaces: {error}"),
            );
        }
    };
    if args.json {
        print(&format!("{:#}\n", report::json(&choice)));
    } else if args.explain {
        print(&report::explain(&choice));
    } else if let Ok(chosen) = &choice.outcome {
        print(&format!("{}\n", chosen.ip));
    }
    match choice.outcome {
        Ok(chosen) => Exit::new(0, chosen.warning.unwrap_or_default()),
        Err(failure) => Exit::new(exit::ADDRESS, format!("failed to {failure}")),
    }
}

pub(super) fn render(args: RenderArgs) -> Exit {
    let command = command::complete(&args.command);
    let agent = AgentConfig::read(&command[1..]);
    let choice = match look(&settings::wanted(&args.address)) {
        Ok(choice) => choice,
        Err(error) => {
            return Exit::new(
                exit::ADDRESS,
                format!("failed to read the interfaces: {error}"),
            );
        }
    };
    let source = settings::source(args.registration);
    let address = match (choice.outcome, &source) {
        (Ok(chosen), _) => Some(chosen.ip.to_string()),
        (Err(_), sources::Source::None) => None,
        (Err(failure), _) => return Exit::new(exit::ADDRESS, format!("failed to {failure}")),
    };
    let values = template::Values {
        address: address.as_deref(),
        node_name: &settings::node_name(&agent),
        host_name: &process::host_name(),
        env: &|name| std::env::var(name).ok(),
    };
    match sources::render(&source, &values) {
        Ok(documents) => {
            for document in documents {
                print(&document.text());
            }
            Exit::ok()
        }
        Err(error) => Exit::new(exit::STAGE, format!("failed to {error}")),
    }
}
