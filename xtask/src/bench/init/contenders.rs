//! Who is compared, and how each is told what to start.

use std::cell::Cell;
use std::env;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use testbed::pid1::{End, Pid1, Start};

use super::Result;
use crate::e2e::apt;

/// A contender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::bench) enum Name {
    /// The program as PID 1, without an init
    None,
    /// Debian's
    Tini,
    /// Debian's, without shared libraries
    TiniStatic,
    /// Debian's
    DumbInit,
    /// Debian's
    Catatonit,
    /// Debian's s6-svscan, and the s6-supervise it starts
    S6,
    /// `lictor init`
    Lictor,
    /// lictor under the name `tini`
    LictorAsTini,
}

impl Name {
    /// Whether lictor is among those, or among all if none is named.
    pub(in crate::bench) fn needs_lictor(only: &[Self]) -> bool {
        only.is_empty() || only.iter().any(|name| name.is_lictor())
    }

    fn is_lictor(self) -> bool {
        matches!(self, Self::Lictor | Self::LictorAsTini)
    }

    /// Whether the others are compared with it: an init, in C, that only is one.
    pub(super) fn is_c_init(self) -> bool {
        matches!(
            self,
            Self::Tini | Self::TiniStatic | Self::DumbInit | Self::Catatonit
        )
    }

    /// The programs that it consists of, and the Debian package that has them.
    fn debian(self) -> Option<(&'static [&'static str], &'static str)> {
        match self {
            Self::None | Self::Lictor | Self::LictorAsTini => None,
            Self::Tini => Some((&["tini"], "tini")),
            Self::TiniStatic => Some((&["tini-static"], "tini")),
            Self::DumbInit => Some((&["dumb-init"], "dumb-init")),
            Self::Catatonit => Some((&["catatonit"], "catatonit")),
            Self::S6 => Some((&["s6-svscan", "s6-supervise"], "s6")),
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        formatter.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// One of those that are compared.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) name: Name,
    /// The programs that stay resident beside the one that is started.
    pub(super) programs: Vec<PathBuf>,
    probe: PathBuf,
    work: PathBuf,
    /// How often it was started, for a fresh directory each time.
    starts: Cell<usize>,
}

impl Contender {
    /// Starts the probe in one of its modes below this init.
    pub(super) fn start(&self, mode: &[&str]) -> Result<Pid1> {
        self.start_with(mode, |_| {})
    }

    /// The same; `at_exec` is done when the exec of the init has happened.
    pub(super) fn start_with(
        &self,
        mode: &[&str],
        at_exec: impl FnOnce(&Start) + Send + 'static,
    ) -> Result<Pid1> {
        self.starts.set(self.starts.get() + 1);
        let mut words: Vec<OsString> = self.programs.iter().take(1).map(Into::into).collect();
        match self.name {
            Name::None => {}
            Name::S6 => {
                words.push(self.scan_directory(mode)?.into());
                return Ok(Pid1::start(&words, at_exec)?);
            }
            Name::Lictor => words.extend(["init", "--"].map(Into::into)),
            _ => words.push("--".into()),
        }
        words.push(self.probe.clone().into());
        words.extend(mode.iter().map(Into::into));
        Ok(Pid1::start(&words, at_exec)?)
    }

    /// What it starts.
    pub(super) fn probe(&self) -> &Path {
        &self.probe
    }

    /// Where the service of the last start takes commands, for the one contender that passes no signals on.
    pub(super) fn control(&self) -> PathBuf {
        self.service().join("supervise/control")
    }

    fn service(&self) -> PathBuf {
        let number = self.starts.get();
        self.work.join(format!("s6/{number}/probe"))
    }

    /// A new one with the probe as its one service, of which only the mode can be said: it is the interpreter of `run`.
    fn scan_directory(&self, mode: &[&str]) -> Result<PathBuf> {
        let [mode] = mode else {
            return Err(format!("give a service more than one argument: {mode:?}").into());
        };
        let service = self.service();
        fs::create_dir_all(&service)?;
        let run = service.join("run");
        fs::write(&run, format!("#!{} {mode}\n", self.probe.display()))?;
        fs::set_permissions(&run, Permissions::from_mode(0o755))?;
        Ok(service.with_file_name(""))
    }

    /// The failure of an init that ended before the program did what was waited for.
    pub(super) fn ended(&self, wanted: &str, end: &End) -> Box<dyn std::error::Error> {
        let (name, code, errors) = (self.name, end.code, end.errors.trim_end());
        let said = if errors.is_empty() { "nothing" } else { errors };
        format!(
            "see {wanted} under {name}: it ended with {code}, and wrote to standard error:\n{said}"
        )
        .into()
    }
}

/// All that are compared.
pub(super) struct Contenders {
    list: Vec<Contender>,
    /// Removed at the end.
    work: PathBuf,
}

impl Contenders {
    /// The ones named, or all. What is Debian's is installed if need be.
    pub(super) fn find(only: &[Name], lictor: Option<&Path>) -> Result<Self> {
        let work = env::temp_dir().join(format!("lictor-bench-{}", std::process::id()));
        fs::create_dir_all(&work)?;
        let mut found = Self {
            list: Vec::new(),
            work,
        };
        for &name in Name::value_variants() {
            if !only.is_empty() && !only.contains(&name) {
                continue;
            }
            let programs = found.programs(name, lictor)?;
            found.list.push(Contender {
                name,
                programs,
                probe: testbed::probe::probe()?,
                work: found.work.clone(),
                starts: Cell::default(),
            });
        }
        Ok(found)
    }

    fn programs(&self, name: Name, lictor: Option<&Path>) -> Result<Vec<PathBuf>> {
        if let Some((programs, package)) = name.debian() {
            let found = programs.iter().map(|program| apt::need(program, package));
            return Ok(found.collect::<std::result::Result<_, _>>()?);
        }
        if !name.is_lictor() {
            return Ok(Vec::new());
        }
        let lictor = lictor.ok_or("find lictor's binary")?.canonicalize()?;
        if name == Name::Lictor {
            return Ok(vec![lictor]);
        }
        let link = self.work.join("tini");
        symlink(lictor, &link)?;
        Ok(vec![link])
    }

    /// Makes sure, before anything is measured, that each one starts a program and hands on its exit code.
    pub(super) fn check(&self) -> Result<()> {
        for contender in self.but(&[Name::S6]) {
            let end = contender.start(&["exit", "7"])?.end()?;
            if end.code != 7 {
                return Err(contender.ended("the exit code 7", &end));
            }
        }
        Ok(())
    }

    /// All but those for which something makes no sense.
    pub(super) fn but(&self, without: &[Name]) -> Vec<&Contender> {
        self.list
            .iter()
            .filter(|contender| !without.contains(&contender.name))
            .collect()
    }

    /// All, in the order of the tables.
    pub(super) fn names(&self) -> impl Iterator<Item = Name> {
        self.list.iter().map(|contender| contender.name)
    }
}

impl Drop for Contenders {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.work);
    }
}
