//! What an agent says in its log, where nothing else tells. Pure.

/// What an agent says as its leave begins, whoever has asked it to: `client starting leave`, or `server`. At a log level above INFO
/// it does not.
pub const LEAVES: &str = "starting leave";

/// What an agent says where a reload by SIGHUP fails, at every log level: an error, and there is none above that. It is the same in 1.8.7
/// and 1.22.5, as text and as JSON; the reason follows.
pub const RELOAD_FAILED: &str = "Reload config failed";

/// What an agent says as it loses its name to another member, by whose word it is the one too many; 1.8.7 goes on with `quitting`, and
/// 1.22.5 with `quiting`. Its process lives on.
pub const NAME_LOST: &str = "minority in name conflict resolution";

/// What else is said of a name, an id or a registration that is in doubt, at every log level that has warnings: by an agent that meets
/// another one of its name, by its servers as they refuse to register it, by members as they refuse its join, by an agent
/// that meets another one of its id, and where ACLs do.
pub const TROUBLE: [&str; 6] = [
    "Names must be unique",
    "is reserved by node",
    "has conflicting node ID",
    "with this agent's ID",
    "Node info update blocked by ACLs",
    "Service registration blocked by ACLs",
];

/// The reason behind [`RELOAD_FAILED`], on one line.
pub fn reload_failure(follows: &str) -> String {
    let reason = match follows.split_once(r#""error":""#) {
        Some((before, text)) if !before.contains('\n') => of_json(text),
        _ => of_text(follows),
    };
    let reason = without_pem(&reason);
    let words: Vec<&str> = reason.split_whitespace().collect();
    words.join(" ")
}

/// A string of JSON, without its first quote.
fn of_json(text: &str) -> String {
    let quoted = format!("\"{text}");
    let mut strings = serde_json::Deserializer::from_str(&quoted).into_iter::<String>();
    strings.next().and_then(Result::ok).unwrap_or_default()
}

/// `: error="…"`, or several lines that begin with a bar. 1.8.7 puts several lines between the quotes.
fn of_text(follows: &str) -> String {
    if let Some((_, quoted)) = follows.split_once("error=\"") {
        let (reason, _) = quoted.split_once("\"\n").unwrap_or((quoted, ""));
        return reason.replace("\\\"", "\"");
    }
    let lines = follows.lines().skip_while(|line| !is_barred(line));
    let lines = lines.take_while(|line| is_barred(line));
    let lines = lines.map(|line| line.trim_start().trim_start_matches('|'));
    lines.collect::<Vec<_>>().join(" ").replace("\\t", " ")
}

fn is_barred(line: &str) -> bool {
    line.trim_start().starts_with('|')
}

/// Whether an agent has said at its end that it was shut down without a leave, as one does that two people ask to leave at once:
/// it ends with 0 all the same. The words are the same in 1.8.7 and 1.22.5, as text and as JSON.
pub fn broke_its_leave(log: &str) -> bool {
    log.contains("serf: Shutdown without a Leave")
}

/// Whether the answer to a transaction means that the token does not allow it.
pub fn is_denied(answer: &str) -> bool {
    answer.contains("Permission denied")
}

/// How an agent says that a file is no PEM; all of the file follows, which may be a secret of another kind.
const NO_PEM: &str = "parse PEM ";

/// A text without the PEM that it holds: an agent that takes a key for a certificate answers with all of it. Nor does it hold what
/// should have been PEM.
pub fn without_pem(text: &str) -> String {
    let text = match text.split_once(NO_PEM) {
        Some((before, file)) if !file.contains("-----BEGIN ") => {
            &format!("{before}{NO_PEM}(its content left out)")
        }
        _ => text,
    };
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, block)) = rest.split_once("-----BEGIN ") {
        kept.push_str(before);
        kept.push_str("(PEM left out)");
        // One that is cut off goes to its end.
        rest = block
            .split_once("-----END ")
            .and_then(|(_, after)| after.split_once("-----"))
            .map_or("", |(_, after)| after);
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_passed_on() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----";
        let told = without_pem(&format!("Couldn't parse PEM {key} in a, {key}"));
        assert_eq!(
            told,
            "Couldn't parse PEM (PEM left out) in a, (PEM left out)"
        );
        let token = without_pem("Couldn't parse PEM s3cret\n");
        assert_eq!(token, "Couldn't parse PEM (its content left out)");
        let cut = without_pem("no PEM -----BEGIN PRIVATE KEY-----\nMIGH");
        assert_eq!(cut, "no PEM (PEM left out)");
        assert_eq!(without_pem("nothing"), "nothing");
    }

    #[test]
    fn the_reason_of_a_failed_reload_is_read() {
        let script = r#"Failed to register service "s": Scripts are disabled"#;
        let unknown = "failed to parse /c/m.json: 1 error occurred: * invalid config key nonsense";
        for (follows, reason) in [
            // 1.8.7.
            (
                concat!(
                    ": error=\"Failed to register service \"s\": Scripts are disabled\"\n",
                    "    2026-11-25T16:41:03.524Z [INFO]  agent: x=\"y\"\n"
                ),
                script,
            ),
            (
                ": error=\"failed to parse /c/m.json: 1 error occurred:\n\t* invalid config key nonsense\n\n\"\n",
                unknown,
            ),
            // 1.22.5.
            (
                concat!(
                    r#": error="Failed to register service \"s\": Scripts are disabled""#,
                    "\n"
                ),
                script,
            ),
            (
                concat!(
                    ":\n  error=\n  | failed to parse /c/m.json: 1 error occurred:\n",
                    r"  | \t* invalid config key nonsense",
                    "\n  | \n  \n2026-11-25T16:42:12.057Z [INFO]  agent: a | b\n"
                ),
                unknown,
            ),
            // Both, as JSON.
            (
                concat!(
                    r#"","@module":"agent","@timestamp":"2026-11-25T16:41:35.609634Z","error":"failed to parse /c/m.json: 1 error occurred:\n\t* invalid config key nonsense\n\n"}"#,
                    "\n{\n"
                ),
                unknown,
            ),
            (
                concat!(
                    r#"","error":"Failed to register service \"s\": Scripts are disabled"}"#,
                    "\n"
                ),
                script,
            ),
            ("\n", ""),
        ] {
            assert_eq!(reload_failure(follows), reason, "{follows}");
        }
    }

    #[test]
    fn a_broken_leave_is_told_from_another_end() {
        for (line, broke) in [
            (
                "2026-11-25T13:50:42.352Z [WARN]  agent.client.serf.lan: serf: Shutdown without a Leave",
                true,
            ),
            (
                r#"{"@level":"warn","@message":"serf: Shutdown without a Leave","@module":"agent.client.serf.lan"}"#,
                true,
            ),
            (
                "2026-11-25T13:50:43.353Z [INFO]  agent: Exit code: code=0",
                false,
            ),
        ] {
            assert_eq!(broke_its_leave(line), broke);
        }
    }
}
