//! lictor under the names of tini and dumb-init, held side by side against those programs themselves.
//!
//! Everything is done by the real program and by lictor, as PID 1 of a PID namespace and not as PID 1, and compared. Where the
//! two differ the test says so, and why: see the tables of [`Difference`]s, [`signals`], [`stops`] and [`inherited`].

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::unistd::Pid;
use testbed::lictor::binary_under_test;
use testbed::probe::probe;
use testbed::process::{Process, Program, Role};
use testbed::{Place, TestResult, peers, wait};

mod dumb_init;
mod end;
mod inherited;
mod signals;
mod stops;
mod tini;

/// Long enough for anything here on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// What would configure one of them, and is the table's alone to set.
const CLEAN: &str = "unset TINI_VERBOSITY TINI_SUBREAPER TINI_KILL_PROCESS_GROUP DUMB_INIT_DEBUG DUMB_INIT_SETSID POSIXLY_CORRECT";

/// The real program, and lictor by its name.
struct Pair {
    real: PathBuf,
    ours: PathBuf,
}

impl Pair {
    fn tini() -> TestResult<Self> {
        Self::new("tini", peers::tini()?)
    }

    fn dumb_init() -> TestResult<Self> {
        Self::new("dumb-init", peers::dumb_init()?)
    }

    fn new(name: &str, real: PathBuf) -> TestResult<Self> {
        let ours = directory()?.join(name);
        if !ours.is_symlink() {
            let binary = binary_under_test(env!("CARGO_BIN_EXE_lictor"));
            // Other tests may be at it too.
            let temporary = fresh(name)?.join(name);
            symlink(binary, &temporary)?;
            fs::rename(temporary, &ours)?;
        }
        Ok(Self { real, ours })
    }

    /// The real one first.
    fn both(&self) -> [&Path; 2] {
        [&self.real, &self.ours]
    }
}

/// Where the files of these tests are; new for each run.
fn directory() -> TestResult<&'static Path> {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let directory = MADE.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("names");
        let _ = fs::remove_dir_all(&directory);
        directory
    });
    fs::create_dir_all(directory)?;
    Ok(directory)
}

/// A new directory for one thing.
fn fresh(name: &str) -> TestResult<PathBuf> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let fresh = directory()?.join(format!("{name}-{number}"));
    fs::create_dir(&fresh)?;
    Ok(fresh)
}

/// A shell's script in which `$INIT` is the program, `$PROBE` the probe, and `$DIR` a directory for its files.
fn script(init: &Path, script: &str) -> TestResult<Program> {
    Ok(
        Program::from(["sh", "-c", &format!("{CLEAN}; ulimit -c 0\n{script}")])
            .env("INIT", init)
            .env("PROBE", probe()?)
            .env("DIR", fresh("script")?),
    )
}

/// A command line as a shell reads it, in which `@` is the program; what is before that is for env(1).
fn line(init: &Path, line: &str) -> TestResult<Program> {
    script(
        init,
        &format!("exec env {}", line.replace('@', "\"$INIT\"")),
    )
}

fn start(role: Role, program: &Program) -> TestResult<Process> {
    Ok(Place::Here.start(role, "init", program)?)
}

/// The letter by which the kernel tells a process's state: `T` for one that is stopped.
fn state(pid: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// The signals that wait for a process, as a mask.
fn pending(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    u64::from_str_radix(mask?.trim(), 16).ok()
}

/// Waits until a process has taken the signals that were sent to it, and waits again.
fn wait_taken(pid: Pid) -> TestResult {
    wait::until("the signals to be taken", SOON, || {
        (pending(pid)? == 0 && state(pid)? == 'S').then_some(())
    })?;
    Ok(())
}

/// As PID 1, and not as PID 1.
fn roles() -> [Role; 2] {
    [Role::Pid1, Place::Here.child_role()]
}

/// What came of a command line.
#[derive(Debug)]
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

/// A code, and whether anything was said on stdout and on stderr.
type Seen = (i32, bool, bool);

impl Outcome {
    fn seen(&self) -> Seen {
        (self.code, !self.stdout.is_empty(), !self.stderr.is_empty())
    }

    /// What the C library has complained about, without the path of the program that it complains for.
    fn complaints(&self, init: &Path) -> Vec<String> {
        let prefix = format!("{}: ", init.display());
        let lines = self.stderr.lines();
        lines
            .filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
            .collect()
    }
}

/// The prefixes of a log's lines, without the number of the process.
fn prefixes(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter(|line| line.starts_with('['))
        .filter_map(|line| line.split(['(', ']']).next())
        .collect()
}

/// Runs a command line by both programs at once, in one role.
fn outcomes(pair: &Pair, role: Role, words: &str) -> TestResult<[Outcome; 2]> {
    let words = format!("{words} 2>\"$DIR/stderr\"");
    let started = pair.both().map(|init| -> TestResult<(Process, PathBuf)> {
        // Instead of the one that only the script would know.
        let directory = fresh("outcome")?;
        let program = line(init, &words)?
            .env("DIR", &directory)
            .env("FILES", files()?);
        Ok((start(role, &program)?, directory.join("stderr")))
    });
    let [real, ours] = started.map(|started| -> TestResult<Outcome> {
        let (process, stderr) = started?;
        Ok(Outcome {
            code: process.exit_code(SOON)?,
            stdout: process.log(),
            stderr: fs::read_to_string(stderr)?,
        })
    });
    Ok([real?, ours?])
}

/// Runs each command line by both programs and in both roles, and insists on the same code, the same streams, the same
/// complaints of the C library, and on no line of the log with a prefix that the real program does not use on that stream.
fn same(pair: &Pair, lines: &[&str]) -> TestResult {
    let mut differences = Vec::new();
    for words in lines {
        for role in roles() {
            let [real, ours] = outcomes(pair, role, words)?;
            let complaints = [real.complaints(&pair.real), ours.complaints(&pair.ours)];
            let alike = real.seen() == ours.seen()
                && complaints[0] == complaints[1]
                && prefixes(&ours.stdout).is_subset(&prefixes(&real.stdout))
                && prefixes(&ours.stderr).is_subset(&prefixes(&real.stderr));
            if !alike {
                differences.push(format!("{words} as {role:?}:\n  {real:?}\n  {ours:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

/// Where the two differ, because the real program does what makes no sense.
struct Difference {
    line: &'static str,
    real: Seen,
    ours: Seen,
    /// Why lictor is not like it.
    why: &'static str,
}

/// Insists on the differences, so that what is written about them stays true.
fn different(pair: &Pair, differences: &[Difference]) -> TestResult {
    for difference in differences {
        for role in roles() {
            let [real, ours] = outcomes(pair, role, difference.line)?;
            let Difference { line, why, .. } = difference;
            let told = format!("{line} as {role:?} ({why}):\n  {real:?}\n  {ours:?}");
            assert_eq!(real.seen(), difference.real, "{told}");
            assert_eq!(ours.seen(), difference.ours, "{told}");
        }
    }
    Ok(())
}

/// What cannot be started, or only in a special way: `$FILES` of the command lines.
fn files() -> TestResult<&'static Path> {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(made);
    }
    let files = fresh("files")?;
    for (name, content, mode) in [
        ("plain", "text\n", 0o644),
        ("no-interpreter", "exit 5\n", 0o755),
        ("missing-interpreter", "#!/no/such/interpreter\n", 0o755),
        ("empty", "", 0o755),
    ] {
        fs::write(files.join(name), content)?;
        fs::set_permissions(files.join(name), fs::Permissions::from_mode(mode))?;
    }
    let odd = format!("#!{}\n", files.join("plain/x").display());
    fs::write(files.join("odd-interpreter"), odd)?;
    fs::set_permissions(
        files.join("odd-interpreter"),
        fs::Permissions::from_mode(0o755),
    )?;
    fs::create_dir(files.join("directory"))?;
    symlink("loop", files.join("loop"))?;
    symlink("nothing", files.join("dangling"))?;
    Ok(MADE.get_or_init(|| files))
}
