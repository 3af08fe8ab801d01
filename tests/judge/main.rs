//! `lictor check` beside real agents: what does harm to a bare one, it names; what does none, it lets pass.

use testbed::TestResult;
use testbed::consul::Version;
use testbed::lictor::binary_under_test;
use testbed::reloads::{self, Row, Start};

mod command;
mod generator;
mod good;

/// The binary under test.
const LICTOR: &str = env!("CARGO_BIN_EXE_lictor");

/// What a start depends on and files do not tell, so that `lictor check` warns of it and is no more certain.
const NOT_CERTAIN: [(&str, &str); 4] = [
    (
        "a check of a service of the API's",
        "whether that service is registered by then",
    ),
    ("start_join of nobody", "whether another host answers"),
    (
        "auto_encrypt.tls",
        "whether a server gives out certificates",
    ),
    (
        "a bad unix_sockets user",
        "whether another source than /etc/passwd knows the user",
    ),
];

fn each_harm_is_named(version: Version) -> TestResult {
    let lictor = binary_under_test(LICTOR);
    let all = reloads::choose(&[], None);
    let rows = reloads::run(version, Some(&lictor), &all, 4, &|_| ())?;
    let harms: Vec<&Row> = rows
        .iter()
        .filter(|row| row.valid() && row.harms())
        .collect();
    assert!(harms.len() > 60, "only {} of {}", harms.len(), rows.len());
    let losses = harms.iter().filter(|row| !row.lost.is_empty()).count();
    assert!(losses > 20, "only {losses} lost services");
    let wrong: Vec<String> = rows.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "Consul {version}:\n{}", wrong.join("\n"));
    Ok(())
}

/// What `lictor check` did wrong with a candidate.
fn wrong(row: &Row) -> Option<String> {
    let candidate = row.candidate;
    let (code, findings) = row.check.as_ref()?;
    let file = format!("/consul/config/{}", candidate.file);
    let named = |severity: Option<&str>| {
        findings.iter().any(|finding| {
            finding["file"] == file.as_str()
                && finding["key"] == candidate.key
                && severity.is_none_or(|severity| finding["severity"] == severity)
        })
    };
    let harmful = row.valid() && row.harms();
    let certain = NOT_CERTAIN.iter().all(|(name, _)| *name != candidate.name);
    let complaint = if harmful && certain && !named(Some("error")) {
        "does harm and is not named"
    } else if !candidate.key.is_empty() && !named(None) {
        "is not named"
    } else if !row.harms() && *code != 0 {
        "does no harm and is refused"
    } else if !matches!(code, 0 | 1) {
        "could not be judged"
    } else {
        return None;
    };
    let start = match &row.start {
        Start::Runs => "runs".to_owned(),
        other => format!("{other:?}"),
    };
    Some(format!(
        "{} {complaint}: reload {:?}, lost {:?}, changed {:?}, start {start}, lictor check {code} {findings:?}",
        candidate.name, row.reload, row.lost, row.changed,
    ))
}

#[test]
fn each_harm_is_named_1_8_7() -> TestResult {
    each_harm_is_named(Version::V1_8_7)
}

#[test]
fn each_harm_is_named_1_22_5() -> TestResult {
    each_harm_is_named(Version::V1_22_5)
}
