//! `lictor check`: judges a configuration, without an agent and without a running lictor.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, io};

use serde_json::{Value, json};

use crate::cli::CheckArgs;
use crate::consul::flags::{self, Flags};
use crate::consul::{command, validate};
use crate::core::event::How;
use crate::exit::Exit;
use crate::judge::{self, Candidate, Effect, File, Finding, Machine, Running, Severity, files};
use crate::os::files::Passing;
use crate::os::{run, spawn};

use super::print;

/// What `consul validate` says.
enum Validated {
    /// It was not asked, and why.
    No(String),
    Good,
    Bad(String),
}

pub(super) fn check(args: &CheckArgs) -> Exit {
    let command = command::complete(&args.command);
    let flags = flags::read(&command[1..]);
    let paths = if args.paths.is_empty() {
        &flags.paths
    } else {
        &args.paths
    };
    let consul = consul(args);
    let (mut files, unreadable) = files::read(paths, flags.format.as_deref());
    files.extend(files::of_options(&flags.hcl));
    let found = match findings(args, &flags, &files, &consul) {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    // It would wait for the other end of a pipe, for ever.
    let hangs = unreadable.iter().any(|finding| has_no_end(&finding.file));
    let findings = [unreadable, found].concat();
    let validated = match consul {
        _ if hangs => Validated::No("since it would hang at a file that is none".to_owned()),
        Ok(consul) => validated(&consul, paths, &flags)
            .unwrap_or_else(|error| Validated::No(format!("it could not be run: {error}"))),
        Err(why) => Validated::No(why),
    };
    let errors = findings
        .iter()
        .any(|finding| finding.severity() == Severity::Error);
    let good = !errors && !matches!(validated, Validated::Bad(_));
    let report = if args.json {
        as_json(good, files.len(), &findings, &validated)
    } else {
        as_text(files.len(), &findings, &validated)
    };
    print(&report);
    Exit::new(u8::from(!good), "")
}

/// The program to validate with: COMMAND's, where that is a Consul, or else the one in PATH.
fn consul(args: &CheckArgs) -> Result<PathBuf, String> {
    if args.no_validate {
        return Err("by --no-validate".to_owned());
    }
    let named = args
        .command
        .first()
        .and_then(|word| validate::program(word));
    let name = named.unwrap_or(OsStr::new("consul"));
    spawn::find(name, env::var_os("PATH")).map_err(|exit| exit.reason)
}

fn findings(
    args: &CheckArgs,
    flags: &Flags,
    files: &[File],
    consul: &Result<PathBuf, String>,
) -> Result<Vec<Finding>, Exit> {
    let host = (!args.elsewhere).then_some(&Machine as &dyn judge::Host);
    let (old, unreadable) = files::read(&args.running, flags.format.as_deref());
    if let Some(first) = unreadable.first() {
        let why = format!(
            "failed to read what --running names: {}: {}",
            first.file.display(),
            first.what
        );
        return Err(Exit::new(1, why));
    }
    let running = (!args.running.is_empty()).then(|| Running {
        files: &old,
        version: consul.as_ref().ok().and_then(|consul| version(consul)),
    });
    let candidate = Candidate {
        files,
        flags: &flags.settings,
        running,
        registered: None,
        host,
    };
    let registered = host.and_then(|host| files::registered(host, &judge::data_dir(&candidate)?));
    Ok(judge::judge(&Candidate {
        registered: registered.as_deref(),
        ..candidate
    }))
}

/// Whether a path is neither a file nor a directory, so that reading it may never end.
fn has_no_end(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir())
}

fn version(consul: &Path) -> Option<(u32, u32)> {
    let said = run::run(consul, &["version".into()]).ok()?;
    validate::version(&said.text)
}

fn validated(consul: &Path, paths: &[PathBuf], flags: &Flags) -> io::Result<Validated> {
    let directory = env::temp_dir();
    let name = format!("lictor-check-{}", std::process::id());
    let above = Passing::write_all(&directory.join(name), flags.as_files(&directory))?;
    let above = above.iter().map(Passing::path);
    let paths = paths.iter().map(PathBuf::as_path).chain(above);
    let output = run::run(consul, &validate::arguments(flags.format.as_deref(), paths))?;
    Ok(match output.how {
        Some(How::Exited(0)) => Validated::Good,
        Some(How::Exited(1)) => Validated::Bad(validate::reason(&output.text)),
        _ => Validated::No(format!("it was ended: {}", output.text.trim())),
    })
}

fn as_text(files: usize, findings: &[Finding], validated: &Validated) -> String {
    let mut text = String::new();
    for finding in findings {
        // Writing to a string does not fail.
        let _ = match finding.severity() {
            Severity::Error => writeln!(text, "{finding}"),
            Severity::Warning => writeln!(text, "warning: {finding}"),
        };
    }
    let validate = match validated {
        Validated::Good => "valid".to_owned(),
        Validated::Bad(why) => why.clone(),
        Validated::No(why) => format!("left out, {why}"),
    };
    let errors = findings
        .iter()
        .filter(|one| one.severity() == Severity::Error)
        .count();
    let warnings = findings.len() - errors;
    let errors = errors + usize::from(matches!(validated, Validated::Bad(_)));
    let _ = writeln!(
        text,
        "consul validate: {validate}\n{}: {}, {}",
        count(files, "file"),
        count(errors, "error"),
        count(warnings, "warning"),
    );
    text
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn as_json(good: bool, files: usize, findings: &[Finding], validated: &Validated) -> String {
    let findings: Vec<Value> = findings.iter().map(finding).collect();
    let (valid, said) = match validated {
        Validated::Good => (Some(true), ""),
        Validated::Bad(why) => (Some(false), why.as_str()),
        Validated::No(why) => (None, why.as_str()),
    };
    let report = json!({
        "good": good,
        "files": files,
        "findings": findings,
        "validate": { "valid": valid, "message": said },
    });
    format!("{report:#}\n")
}

fn finding(finding: &Finding) -> Value {
    let Finding {
        effect,
        file,
        key,
        what,
        fix,
    } = finding;
    let effect: &Effect = effect;
    json!({
        "severity": effect.severity(),
        "effect": effect,
        "file": file,
        "key": key,
        "what": what,
        "fix": fix,
    })
}
