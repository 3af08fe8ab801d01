//! What the help of each subcommand ends with.

pub(super) const RUN: &str = "\
Examples:
  As a container's command, over /consul/config:
    lictor run
  With the agent's own options; a COMMAND that begins with `agent` gets `consul` in front:
    lictor run -- agent -config-dir=/consul/config -retry-join=10.0.0.1
  Bind and advertise the address of the second network card:
    lictor run --interface eth1 --bind -- consul agent -data-dir=/consul/data
  A registration of your own:
    lictor run --registration /etc/lictor/agent.json

Signals: TERM and INT do what --on-stop says, once, whatever arrives meanwhile; HUP reloads; QUIT stops without a leave.
Exit codes: 0 stopped as asked (a leave was seen in the catalog), or the agent ended by itself with 0; otherwise the agent's
own, or 128+n if it was never ready or is not restarted; 2 usage; 126, 127 COMMAND; 110 address;
111 registration, stage or runtime directory; 112 start timeout; 114 restarted too often; 115 leave not confirmed.";

pub(super) const ADDRESS: &str = "\
Examples:
  lictor address                          10.0.0.5
  lictor address --explain                each candidate and why it lost
  lictor address --interface 'en*' --json";

pub(super) const RENDER: &str = "\
Examples:
  lictor render                                       the default registration
  lictor render --registration agent.json | jq .      your own, with its placeholders filled in
Placeholders: ${ADDRESS} ${NODE_NAME} ${HOSTNAME} ${env:NAME} ${env:NAME:-default}; \"${env:PORT|int}\" becomes a number.";

pub(super) const STATUS: &str = "\
Examples:
  lictor status
  lictor status --json | jq '.conditions[] | select(.status != \"True\")'
  kubectl exec consul-client-x7k2p -- /lictor/lictor status";

pub(super) const LEAVE: &str = "\
Examples:
  lictor leave
  kubectl exec consul-client-x7k2p -- /lictor/lictor leave

It is the one stop there is, so that a SIGTERM or a second `lictor leave` meanwhile changes nothing. What lictor says is printed as
it happens. The exit code is lictor's own: 0 when the leave was seen in the catalog, 115 when it is not confirmed; 1 when no lictor
answers, or when it was killed meanwhile. Ctrl-C ends only this command; the leave goes on.";

pub(super) const RELOAD: &str = "\
Examples:
  lictor reload
  Would it be taken?
    lictor reload --check
  What lictor rejects, and should not:
    lictor reload --force

It prints what changed by service, check and key, or each fault with its file, its key and the fix. The exit code is 0 when the agent
has its configuration (or would get it), and 1 when that was rejected, was rolled back or failed: the agent then has what it had.";

pub(super) const STOP: &str = "\
Examples:
  lictor stop           a leave, unless --on-stop or a server's default says otherwise
  lictor stop --stay    no leave: an agent that soon comes back finds every service in place

It prints and ends as `lictor leave` does: with lictor's own exit code, or with 1.";
