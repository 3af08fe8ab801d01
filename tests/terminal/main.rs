//! Job control: lictor and its program on a real terminal.
//!
//! As PID 1, as `docker run -it` starts it, and under an interactive shell, where Ctrl-Z, `fg` and `bg` have to do what they
//! do without lictor. Whatever the tests wait for on the screen is nothing that was typed, for that is shown as well.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use testbed::lictor::binary_under_test;
use testbed::process::{Program, Role, children};
use testbed::terminal::Terminal;
use testbed::{Place, TestResult, wait};

mod background;
mod container;
mod end;
mod run;
mod shell;

/// Long enough for anything here on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// What the shell says when it wants to hear something.
const PROMPT: &str = "next> ";

/// A shell as people use it, with nothing of theirs.
const SHELL: &str = "bash --norc --noprofile -i";

/// What a shell starts to have something that only a signal ends; [`UP`] is then shown.
const LASTING: &str = "sh -c 'echo up:$((1)); exec sleep 1000'";
const UP: &str = "up:1\n";

/// What answers each line, so that an answer is not taken for the terminal's echo.
const ANSWERS: &str = "sed -u s/^/got:/";

/// What makes a file longer as long as it may run. It starts nothing: a shell that is just starting something is not stopped
/// where that is stopped first (vfork).
const COUNTER: &str = "bash $DIR/counter";
const COUNT: &str = r#"
exec 3<>"$DIR/silent"
while echo x >>"$DIR/count"; do read -t 0.01 -u 3; done
"#;

/// A directory of a test's own. Programs on the terminal have it as `$DIR`, and find lictor there by all its names.
struct Scene {
    place: Place,
    directory: PathBuf,
}

impl Scene {
    fn new(test: &str) -> TestResult<Self> {
        Self::at(Place::Here, test)
    }

    fn at(place: Place, test: &str) -> TestResult<Self> {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("terminal-{test}"));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory)?;
        let binary = binary_under_test(env!("CARGO_BIN_EXE_lictor"));
        for name in ["lictor", "tini", "dumb-init"] {
            symlink(&binary, directory.join(name))?;
        }
        fs::write(directory.join("counter"), COUNT)?;
        mkfifo(&directory.join("silent"), Mode::S_IRWXU)?;
        Ok(Self { place, directory })
    }

    fn start(&self, role: Role, program: Program) -> TestResult<Terminal> {
        let program = program
            .path_first(&self.directory)
            .env("DIR", &self.directory)
            .env("PS1", PROMPT);
        Ok(Terminal::start(&self.place, role, "terminal", &program)?)
    }

    /// Starts a command line as a container's PID 1.
    fn container(&self, line: &str) -> TestResult<Terminal> {
        self.start(Role::Pid1, Program::from(words(line)))
    }

    /// Starts a command line as PID 1, of which a shell is to come.
    fn shell_in_container(&self, line: &str) -> TestResult<Shell> {
        Shell::on(self.container(&format!("{line} {SHELL}"))?)
    }

    /// Starts a shell as somebody's terminal window does.
    fn shell(&self) -> TestResult<Shell> {
        Shell::on(self.start(self.place.child_role(), Program::from(words(SHELL)))?)
    }

    /// Starts a script as such a shell's only program.
    fn script(&self, script: &str) -> TestResult<Terminal> {
        let program = Program::from(["bash", "-c", script]);
        self.start(self.place.child_role(), program)
    }

    /// How far [`COUNTER`] has come.
    fn count(&self) -> u64 {
        fs::metadata(self.directory.join("count")).map_or(0, |file| file.len())
    }

    /// Waits until [`COUNTER`] has gone on for a while.
    fn wait_counting(&self) -> TestResult {
        let before = self.count();
        wait::until_ok("the counting to go on", SOON, || {
            let now = self.count();
            (now > before + 10).then_some(()).ok_or(now)
        })?;
        Ok(())
    }
}

/// An interactive shell on a terminal, at its prompt.
struct Shell {
    terminal: Terminal,
    group: Pid,
}

impl Shell {
    fn on(terminal: Terminal) -> TestResult<Self> {
        // A shell that cannot control jobs says so first.
        assert_eq!(terminal.wait_for(PROMPT, SOON)?, PROMPT);
        let group = terminal.foreground()?;
        Ok(Self { terminal, group })
    }

    fn enter(&self, line: &str) -> TestResult {
        Ok(self.terminal.type_text(&format!("{line}\n"))?)
    }

    /// Waits for it to be shown, and returns what came before it too.
    fn wait_for(&self, text: &str) -> TestResult<String> {
        Ok(self.terminal.wait_for(text, SOON)?)
    }

    /// Enters a command line and returns what is shown until the next prompt, the echo of the line included.
    fn run(&self, line: &str) -> TestResult<String> {
        self.enter(line)?;
        self.wait_for(PROMPT)
    }

    /// Presses Ctrl-Z, and waits until the shell says that the job is stopped and asks what to do.
    fn stop(&self) -> TestResult {
        self.terminal.press('Z')?;
        self.wait_for("Stopped")?;
        self.wait_for(PROMPT)?;
        self.wait_all_stopped()
    }

    /// Waits until every process of the job is stopped: the shell knows only of lictor.
    fn wait_all_stopped(&self) -> TestResult {
        wait::until_ok("a job that is stopped as a whole", SOON, || {
            let mut states = Vec::new();
            // An interactive shell leads its process group.
            let mut all = children(self.group);
            while let Some(pid) = all.pop() {
                all.extend(children(pid));
                states.push(state(pid));
            }
            let stopped = !states.is_empty() && states.iter().all(|state| *state == Some('T'));
            stopped.then_some(()).ok_or(format!("{states:?}"))
        })?;
        Ok(())
    }

    /// Enters `fg` and waits until the job has the terminal.
    fn resume(&self) -> TestResult {
        self.enter("fg")?;
        self.wait_for("fg\n")?;
        wait::until_ok("a job in the foreground", SOON, || {
            match self.terminal.foreground() {
                Ok(group) if group != self.group => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })?;
        Ok(())
    }

    /// Insists that the last command ended with this code, and that the shell has the terminal.
    fn expect_code(&self, code: i32) -> TestResult {
        self.enter("echo code:$?")?;
        self.wait_for("\ncode:")?;
        let rest = self.wait_for(PROMPT)?;
        assert_eq!(rest, format!("{code}\n{PROMPT}"));
        assert_eq!(self.terminal.foreground()?, self.group);
        Ok(())
    }
}

/// Types a line and waits for its answer by [`ANSWERS`].
fn expect_answer(terminal: &Terminal, line: &str) -> TestResult {
    terminal.type_text(&format!("{line}\n"))?;
    terminal.wait_for(&format!("got:{line}\n"), SOON)?;
    Ok(())
}

/// The state of a process by its letter, if there is such a process.
fn state(pid: Pid) -> Option<char> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Before it is the name, in parentheses, which may contain anything.
    text.rsplit_once(") ")?.1.chars().next()
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}
