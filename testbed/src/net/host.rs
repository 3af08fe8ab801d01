//! A machine on the switch.

use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, Backlog, SockaddrStorage, bind, connect, listen, setsockopt, sockopt,
};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;

use super::keeper::Keeper;
use super::{Error, Switch, files};
use crate::Place;
use crate::enter::{self, Namespaces};
use crate::process::{self, Output, Process, Program, Role};

/// A machine of its own: network, hostname, mounts and root. Cheap to clone; it lasts as long as the last clone, or
/// the last program on it.
#[derive(Debug, Clone)]
pub struct Host(Arc<Machine>);

#[derive(Debug)]
struct Machine {
    name: String,
    keeper: Keeper,
    /// The switch's ends of our cables.
    ports: Mutex<Vec<String>>,
    /// After the keeper, so that the switch goes last.
    switch: Arc<Switch>,
}

impl Host {
    pub(super) fn on(switch: &Arc<Switch>, name: &str, addresses: &[&str]) -> Result<Self, Error> {
        let keeper = Keeper::of_host(&switch.keeper, name)?;
        let host = Self(Arc::new(Machine {
            name: name.to_owned(),
            keeper,
            ports: Mutex::default(),
            switch: Arc::clone(switch),
        }));
        host.ip(["link", "set", "lo", "up"])?;
        host.add_link("eth0", addresses)?;
        Ok(host)
    }

    /// The hostname that it was made with, which is also its Consul node name as long as nobody has renamed it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Gives it another hostname, which what runs on it sees as well.
    ///
    /// # Errors
    /// The kernel refuses the name.
    pub fn rename(&self, name: &str) -> Result<(), Error> {
        enter::set_hostname(&self.namespaces(), name)
            .map_err(|source| self.file(Path::new("its hostname"), source))
    }

    /// Plugs in a further cable: an interface `name` with these addresses (each with its prefix length).
    ///
    /// # Errors
    /// The name is taken, or an address is none.
    pub fn add_link(&self, name: &str, addresses: &[&str]) -> Result<(), Error> {
        let switch = &self.0.switch.keeper;
        let port = self.0.switch.next_port();
        let keeper = self.0.keeper.pid().to_string();
        switch.ip([
            "link", "add", &port, "type", "veth", "peer", "name", name, "netns", &keeper,
        ])?;
        switch.ip(["link", "set", &port, "master", "br0", "up"])?;
        for address in addresses {
            let mut words = vec!["addr", "add", address, "dev", name];
            if address.contains(':') {
                // Usable at once: duplicate address detection takes seconds, and there are no duplicates here.
                words.push("nodad");
            }
            self.ip(words)?;
        }
        self.ip(["link", "set", name, "up"])?;
        self.0
            .ports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(port);
        Ok(())
    }

    /// Runs `ip` on the host and returns what it printed.
    ///
    /// # Errors
    /// `ip` refuses.
    pub fn ip<A: Into<OsString>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String, Error> {
        self.0.keeper.ip(arguments)
    }

    /// Cuts all its cables: it keeps its interfaces and addresses, and no packet goes in or out.
    ///
    /// # Errors
    /// `ip` refuses.
    pub fn cut(&self) -> Result<(), Error> {
        self.ports("down")
    }

    /// Mends what [`Host::cut`] has cut.
    ///
    /// # Errors
    /// `ip` refuses.
    pub fn mend(&self) -> Result<(), Error> {
        self.ports("up")
    }

    fn ports(&self, state: &str) -> Result<(), Error> {
        for port in self
            .0
            .ports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            self.0.switch.keeper.ip(["link", "set", port, state])?;
        }
        Ok(())
    }

    /// Writes a file of the host, in place.
    ///
    /// # Errors
    /// Its directory does not exist.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        let path = path.as_ref();
        files::write(self.0.keeper.pid(), path, bytes.as_ref())
            .map_err(|source| self.file(path, source))
    }

    /// Reads a file of the host.
    ///
    /// # Errors
    /// There is no such file.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<String, Error> {
        let path = path.as_ref();
        let bytes =
            files::read(self.0.keeper.pid(), path).map_err(|source| self.file(path, source))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The names in a directory of the host, hidden ones included, sorted.
    ///
    /// # Errors
    /// There is no such directory.
    pub fn list(&self, directory: &str) -> Result<Vec<String>, Error> {
        let text = self.run(["ls", "-A", directory])?.success()?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Makes a directory of the host read-only, for what is started afterwards.
    ///
    /// # Errors
    /// There is no such directory.
    pub fn read_only(&self, directory: &str) -> Result<(), Error> {
        self.mount(["--bind", directory, directory])?;
        self.mount(["-o", "remount,bind,ro", directory])
    }

    /// Mounts something on the host, with `mount`'s own arguments; only what is started afterwards sees it.
    ///
    /// # Errors
    /// `mount` refuses.
    pub fn mount<A: Into<OsString>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<(), Error> {
        self.run(Program::new("mount").args(arguments))?.success()?;
        Ok(())
    }

    /// Runs a short-lived program on the host, without a PID namespace.
    ///
    /// # Errors
    /// It could not be started, or runs for more than a minute.
    pub fn run(&self, program: impl Into<Program>) -> Result<Output, process::Error> {
        Place::from(self).run(program)
    }

    /// Starts a program as PID 1 of a new PID namespace, with `/proc` mounted.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn_pid1(&self, program: impl Into<Program>) -> Result<Process, process::Error> {
        self.start(Role::Pid1, &program.into())
    }

    /// Starts a program, not as PID 1, in a PID namespace that dies with the test.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self, program: impl Into<Program>) -> Result<Process, process::Error> {
        self.start(Role::Child, &program.into())
    }

    fn start(&self, role: Role, program: &Program) -> Result<Process, process::Error> {
        let name = format!("{}@{}", program.line(), self.name());
        Place::from(self).start(role, &name, program)
    }

    /// Connects to a TCP port from this host; `timeout` is also the stream's read and write timeout.
    ///
    /// # Errors
    /// The connection was refused or timed out.
    pub fn connect(&self, to: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        let socket = enter::tcp_socket(&self.namespaces(), family(to))?;
        let limit = TimeVal::new(
            timeout.as_secs().cast_signed(),
            timeout.subsec_micros().into(),
        );
        // The send timeout is also the limit for the connection itself.
        setsockopt(&socket, sockopt::SendTimeout, &limit)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &limit)?;
        connect(socket.as_raw_fd(), &SockaddrStorage::from(to))?;
        Ok(TcpStream::from(socket))
    }

    /// Listens on a TCP port of this host: whatever answers there then runs in the test itself.
    ///
    /// # Errors
    /// The host does not have that address, or the port is taken.
    pub fn listen(&self, on: SocketAddr) -> io::Result<TcpListener> {
        let socket = enter::tcp_socket(&self.namespaces(), family(on))?;
        setsockopt(&socket, sockopt::ReuseAddr, &true)?;
        bind(socket.as_raw_fd(), &SockaddrStorage::from(on))?;
        listen(&socket, Backlog::MAXCONN)?;
        Ok(TcpListener::from(socket))
    }

    pub(crate) fn namespaces(&self) -> Arc<Namespaces> {
        self.0.keeper.namespaces()
    }

    /// The process that holds its namespaces, as the test process sees it.
    #[must_use]
    pub fn keeper(&self) -> Pid {
        self.0.keeper.pid()
    }

    fn file(&self, path: &Path, source: io::Error) -> Error {
        Error::File {
            name: self.0.name.clone(),
            path: path.display().to_string(),
            source,
        }
    }
}

fn family(address: SocketAddr) -> AddressFamily {
    if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    }
}
