//! The hand that starts the agent.

use std::ffi::OsString;
use std::os::fd::AsFd;

use crate::core::event::Spawned;
use crate::core::former::Former;
use crate::exit::{self, Exit};
use crate::os::output::Output;
use crate::os::spawn::{self, Descriptors, Place, Program, Setup};

use super::{Effects, gossip};

impl Effects {
    /// The arguments that the agent is started with.
    fn start_args(&mut self) -> Vec<OsString> {
        let (args, auto_reload) = self.staging.start_args(&self.users_args());
        if let Some(place) = &auto_reload
            && auto_reload != self.auto_reload
        {
            tracing::info!(
                "auto_reload_config is on ({place}); lictor turns it off for this agent, since the agent would load by itself what lictor \
                 stages or takes back, and tell nobody how that went"
            );
        }
        self.auto_reload = auto_reload;
        args
    }

    /// Before anything is made of the node's name.
    pub(super) fn stay(&mut self) {
        let args = self.staging.args(&self.users_args());
        self.identity.stay(&args);
    }

    pub(super) fn spawn(&mut self, former: Option<&Former>) -> Result<Spawned, Exit> {
        self.stay();
        // An agent that is restarted reads its configuration anew, which may have changed; certificates and tokens too.
        let config = self.staging.config(&self.users_args());
        self.gossip = gossip::Place::of(&config);
        if let Err(reason) = self.find_api(&config) {
            tracing::warn!("failed to {reason}; going on as before");
        }
        self.identity.mend();
        let mut args = self.start_args();
        let last = self.identity.last_args(former, &args);
        args.extend(last);
        let program = Program {
            path: self.program.clone(),
            name: self.settings.command[0].clone(),
            args,
            env: vec![("NOTIFY_SOCKET".into(), self.notify_socket.clone().into())],
        };
        let piped = Output::pass_on(gossip::words())
            .inspect_err(|error| {
                let told = "so nothing that it says will be heard";
                tracing::warn!("the agent writes to lictor's own streams, {told}: {error}");
            })
            .ok();
        let (output, pipes) = piped.unzip();
        let setup = Setup {
            inherited: self.inherited,
            // So that a Ctrl-C at lictor's terminal is lictor's alone.
            place: Place::Group { foreground: false },
            streams: pipes
                .as_ref()
                .map(|pipes| (pipes.stdout.as_fd(), pipes.stderr.as_fd())),
            descriptors: Descriptors::OnPurpose,
        };
        self.staging.start();
        let pid = spawn::spawn(&program, &setup)
            .map_err(|error| exit::not_started(&program.path, &error))?;
        self.copying = output.as_ref().map(Output::copying);
        self.agent = Some((pid, output));
        self.has_children = true;
        Ok(Spawned {
            pid,
            api: self.client.is_some(),
        })
    }
}
