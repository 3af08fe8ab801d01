//! What an agent says in its log, where nothing else tells. Pure.

/// What an agent says as its leave begins, whoever has asked it to: `client starting leave`, or `server`. At a log level above INFO
/// it does not.
pub const LEAVES: &str = "starting leave";

/// Whether an agent has said at its end that it was shut down without a leave, as one does that two people ask to leave at once:
/// it ends with 0 all the same. The words are the same in 1.8.7 and 1.22.5, as text and as JSON.
pub fn broke_its_leave(log: &str) -> bool {
    log.contains("serf: Shutdown without a Leave")
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
