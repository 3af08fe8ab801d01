//! Where events come from. The only `select!` of lictor is here.

use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::UnixDatagram;
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};

use crate::admin::server::{Control, Server};
use crate::consul::words;
use crate::core::event::{End, Event, How, Signal, Trouble};
use crate::core::machine::Machine;
use crate::core::signal::{Name, Rewrite};
use crate::driver::effects::gossip::TROUBLES;
use crate::driver::effects::{Effects, Reaped};
use crate::os::address_events::AddressEvents;
use crate::os::output::{Heard, Output, last_lines};
use crate::os::signals::Signals;
use crate::os::watch::Changes;

/// Something under way that ends in an event.
pub(super) type Work = Pin<Box<dyn Future<Output = Event>>>;

/// How long an ended agent's output may take to its end: a process it left behind may hold the pipe for ever.
pub(super) const DRAIN: Duration = Duration::from_millis(200);

/// A connection's task needs two turns to take an answer and to write it.
const LAST_TURNS: usize = 8;

/// All sources of events.
pub struct Sources {
    signals: Signals,
    rewrite: Rewrite,
    server: Server,
    control: mpsc::Receiver<Control>,
    notify: UnixDatagram,
    watch: Option<Changes>,
    addresses: Option<AddressEvents>,
    /// Questions to the agent's API.
    pub(super) asks: FuturesUnordered<Work>,
    /// Everything else that is under way.
    pub(super) works: FuturesUnordered<Work>,
}

impl Sources {
    /// Puts them together.
    pub fn new(
        signals: Signals,
        rewrite: Rewrite,
        server: Server,
        control: mpsc::Receiver<Control>,
        notify: UnixDatagram,
        watch: Option<Changes>,
    ) -> Self {
        Self {
            signals,
            rewrite,
            server,
            control,
            notify,
            watch,
            addresses: None,
            asks: FuturesUnordered::new(),
            works: FuturesUnordered::new(),
        }
    }

    /// The kernel's word of addresses, too.
    #[must_use]
    pub fn following(self, addresses: Option<AddressEvents>) -> Self {
        Self { addresses, ..self }
    }

    /// Drops what an agent that has ended has still said of its readiness: the next one's is another.
    pub(super) fn forget_notifications(&self) {
        let mut datagram = [0_u8; 256];
        while self.notify.try_recv(&mut datagram).is_ok() {}
    }

    /// The next event. What concerns only the edge (a child that is not the agent, a status that is asked for) is dealt
    /// with here and is no event.
    pub(super) async fn next(
        &mut self,
        machine: &Machine,
        effects: &mut Effects,
        begin: Instant,
    ) -> Event {
        let deadline = machine.deadline().map(|moment| begin + moment);
        let heard = effects.heard();
        let hears = machine.hears_addresses();
        let mut words = heard.into_iter().flatten();
        let (leave, failure) = (words.next(), words.next());
        let troubles: Vec<Arc<Heard>> = words.collect();
        loop {
            // Signals that never end would keep the runtime from its timers and connections: a descriptor that is ready takes nothing
            // of a task's budget by itself.
            tokio::task::coop::consume_budget().await;
            // By the clock itself: the runtime looks at its timers only when nothing else is to be done, which a flood of signals
            // would put off for as long as it lasts.
            if deadline.is_some_and(is_over) {
                return Event::Tick;
            }
            let mut datagram = [0_u8; 256];
            tokio::select! {
                biased;
                // What is under way comes to its end, however many signals there are.
                Some(event) = self.works.next(), if !self.works.is_empty() => return event,
                Some(event) = self.asks.next(), if !self.asks.is_empty() => return event,
                signal = self.signals.next() => match signal {
                    Ok(nix::libc::SIGCHLD) => {
                        match effects.reap() {
                            Some(Reaped::Ended(how, output)) => {
                                self.works.push(Box::pin(last_words(how, output)));
                            }
                            Some(Reaped::Stopped) => return Event::Stopped,
                            None if effects.is_alone() && machine.is_ending() => return Event::Alone,
                            None => {}
                        }
                    }
                    Ok(number) => match self.rewrite.apply(number) {
                        Some(number) => return Event::Signal(translate(number)),
                        None => tracing::debug!("dropped {}, as --rewrite says", Name(number)),
                    },
                    Err(error) => {
                        tracing::error!("reading signals failed: {error}");
                        sleep(Duration::from_secs(1)).await;
                    }
                },
                Ok(read) = self.notify.recv(&mut datagram) => {
                    if datagram[..read].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
                        return Event::Notified;
                    }
                },
                _ = said(leave.as_deref()) => return Event::LeaveHeard,
                follows = said(failure.as_deref()) => {
                    return Event::FailureHeard(words::reload_failure(&follows));
                },
                trouble = any_said(&troubles) => return Event::TroubleHeard(trouble),
                Some(control) = self.control.recv() => {
                    if let Some(event) = effects.control(control, machine) {
                        return event;
                    }
                },
                () = self.server.accept() => {},
                () = until(deadline) => return Event::Tick,
                // Whatever changes before the core has looked is one change.
                heard = addresses_changed(&mut self.addresses), if hears => match heard {
                    Ok(()) => return Event::AddressesChanged,
                    Err(error) => {
                        tracing::error!("another address will not be noticed any more: {error}");
                        self.addresses = None;
                    }
                },
                noticed = changed(&mut self.watch) => match noticed {
                    Ok(()) => return Event::FilesChanged,
                    Err(error) => {
                        tracing::error!("changed files will not be noticed any more: {error}");
                        self.watch = None;
                    }
                },
            }
        }
    }

    /// Whoever was told something at the control socket just now gets to hear it, and who still asks is told the same.
    pub(super) async fn last_answers(&mut self, machine: &Machine, effects: &mut Effects) {
        for _ in 0..LAST_TURNS {
            while let Ok(control) = self.control.try_recv() {
                effects.control(control, machine);
            }
            tokio::task::yield_now().await;
        }
    }
}

fn is_over(deadline: Instant) -> bool {
    #[expect(clippy::disallowed_methods, reason = "the driver owns the clock")]
    let now = Instant::now();
    deadline <= now
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

async fn said(word: Option<&Heard>) -> String {
    match word {
        Some(word) => word.next().await,
        None => pending().await,
    }
}

/// Which of the words of trouble is said.
async fn any_said(words: &[Arc<Heard>]) -> Trouble {
    let all = TROUBLES.iter().zip(words);
    let mut all: FuturesUnordered<_> = all
        .map(|(trouble, word)| async move {
            word.next().await;
            *trouble
        })
        .collect();
    match all.next().await {
        Some(trouble) => trouble,
        None => pending().await,
    }
}

async fn changed(watch: &mut Option<Changes>) -> io::Result<()> {
    match watch {
        Some(changes) => changes.next().await,
        None => pending().await,
    }
}

async fn addresses_changed(addresses: &mut Option<AddressEvents>) -> io::Result<()> {
    match addresses {
        Some(events) => events.changed().await,
        None => pending().await,
    }
}

fn translate(number: i32) -> Signal {
    match number {
        nix::libc::SIGTERM => Signal::Terminate,
        nix::libc::SIGINT => Signal::Interrupt,
        nix::libc::SIGQUIT => Signal::Quit,
        nix::libc::SIGHUP => Signal::Hangup,
        number => Signal::Other(number),
    }
}

/// The agent's end becomes an event once the last of its output was read.
async fn last_words(how: How, output: Option<Output>) -> Event {
    let tail = match output {
        Some(output) => {
            output.copying().ended(DRAIN).await;
            output.tail()
        }
        None => String::new(),
    };
    Event::Ended(End {
        how,
        last_words: last_lines(&tail),
        broke_its_leave: words::broke_its_leave(&tail),
    })
}
