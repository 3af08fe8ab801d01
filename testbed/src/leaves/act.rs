//! What happens in a situation, done.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

use super::Result;
use super::case::{Case, Subject};
use super::situation::Act;
use crate::consul;
use crate::process::Program;
use crate::wait;

/// `terminationGracePeriodSeconds` of the seed's pod.
const GRACE: Duration = Duration::from_secs(30);
/// What kubelet leaves a container at least after its hook, and a hook that is cut short as well.
const LEAST: Duration = Duration::from_secs(2);
/// Much shorter than any back-off of lictor's.
const AT_ONCE: Duration = Duration::from_secs(5);

impl Case<'_> {
    /// Does it, and returns when it is done: for a caller who waits, when he has his answer.
    pub(super) fn act(&self, act: Act) -> Result<()> {
        match (act, &self.subject) {
            (Act::Stop(signal), Subject::Lictor(lictor)) => Ok(lictor.signal(signal)?),
            (Act::Stop(_), Subject::Bare(_)) | (Act::StopWithHook, _) => {
                self.stop_as_kubelet_does()
            }
            (Act::Signal(signal), subject) => Ok(subject.process().signal(signal)?),
            (Act::Agent(signal), subject) => {
                let agent = subject.agent().ok_or("find the agent's process")?;
                Ok(kill(agent, signal)?)
            }
            (Act::ConsulLeave, _) => {
                let output = self.host.run(self.consul_leave()?)?;
                let text = format!("{}{}", output.stdout, output.stderr);
                self.note(format!(
                    "consul leave: {}: {}",
                    output.status,
                    text.trim_end()
                ));
                Ok(())
            }
            (Act::PutLeave, _) => {
                let answer = self.api().request("PUT", "/v1/agent/leave", b"")?;
                self.note(format!("PUT /v1/agent/leave: {}", answer.status));
                Ok(())
            }
            (Act::Ask(words), Subject::Lictor(lictor)) => {
                let (command, arguments) = words.split_first().ok_or("find a subcommand")?;
                let output = lictor.control(command, arguments)?;
                let words = words.join(" ");
                let text = format!("{}{}", output.stdout, output.stderr);
                self.answered(output.status.code());
                self.note(format!(
                    "lictor {words}: {}: {}",
                    output.status,
                    text.trim_end()
                ));
                Ok(())
            }
            (Act::Ask(_), Subject::Bare(_)) => Err("there is no lictor to ask".into()),
            (Act::Cut, _) => Ok(self.host.cut()?),
            (Act::Mend, _) => Ok(self.host.mend()?),
            (Act::ChangeConfig, _) => {
                let more = json!({ "service": { "name": "more", "port": 81 } });
                Ok(self
                    .host
                    .write("/consul/config/more.json", more.to_string())?)
            }
            (Act::Flip, _) => {
                self.api()
                    .put("/v1/agent/check/pass/service:web", &Value::Null)?;
                Ok(())
            }
            (Act::LoseLeader, _) => self.field.lose_leader(),
            (Act::AwaitBackoff, subject) => {
                wait::until("an agent that is gone", AT_ONCE, || {
                    subject.agent().is_none().then_some(())
                })?;
                Ok(())
            }
        }
    }

    /// The preStop hook within the grace period; SIGTERM when it ends; SIGKILL at the end of the grace, of which there are
    /// always 2 s left after the hook.
    fn stop_as_kubelet_does(&self) -> Result<()> {
        let container = self.subject.process();
        let grace = self.situation.budget().unwrap_or(GRACE);
        let begin = Instant::now();
        let hook = self.host.spawn(self.consul_leave()?)?;
        let hook_over = wait::until("the end of the hook", grace, || {
            (hook.has_ended() || container.has_ended()).then_some(())
        });
        let took = begin.elapsed().as_secs_f64();
        let how = if hook_over.is_ok() {
            "ended"
        } else {
            "was cut short"
        };
        self.note(format!(
            "the hook {how} after {took:.1} s: {}",
            hook.log().trim_end()
        ));
        container.signal(Signal::SIGTERM)?;
        let rest = grace.saturating_sub(begin.elapsed()).max(LEAST);
        if container.wait(rest).is_err() {
            self.note("kubelet: SIGKILL at the end of the grace".to_owned());
            container.signal(Signal::SIGKILL)?;
        }
        Ok(())
    }

    fn consul_leave(&self) -> Result<Program> {
        let directory = consul::directory(self.field.version())?;
        Ok(Program::new("consul").arg("leave").path_first(directory))
    }
}
