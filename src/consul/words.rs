//! What an agent says in its log, where nothing else tells. Pure.

/// What an agent says as its leave begins, whoever has asked it to: `client starting leave`, or `server`. At a log level above INFO
/// it does not.
pub const LEAVES: &str = "starting leave";

/// Whether an agent has said at its end that it was shut down without a leave, as one does that two people ask to leave at once:
/// it ends with 0 all the same. The words are the same in 1.8.7 and 1.22.5, as text and as JSON.
pub fn broke_its_leave(log: &str) -> bool {
    log.contains("serf: Shutdown without a Leave")
}

#[cfg(test)]
mod tests {
    use super::*;

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
