//! The table of fragments, `candidates.txt`: each is put beside a good configuration, and the agent is asked to reload.

use std::sync::LazyLock;

const TABLE: &str = include_str!("candidates.txt");

/// A file that is put beside a good configuration.
#[derive(Debug)]
pub struct Candidate {
    /// What it is.
    pub name: &'static str,
    /// Its name in `/consul/config`. Consul reads most of them after the first half of the services.
    pub file: &'static str,
    /// The key that is at fault, as `lictor check` names it; empty where nothing is.
    pub key: &'static str,
    /// Its text.
    pub text: String,
}

/// All of them.
pub static ALL: LazyLock<Vec<Candidate>> = LazyLock::new(|| {
    TABLE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let cells: Vec<&'static str> = line.splitn(4, '|').map(str::trim).collect();
            let [name, file, key, text] = cells[..] else {
                panic!("candidates.txt: four cells are needed in {line}");
            };
            let text = text.replace("\\n", "\n");
            Candidate {
                name,
                file,
                key,
                text,
            }
        })
        .collect()
});

/// Those that have one of `patterns` in their name, or all where there is no pattern; no more than `limit` of them, spread over the
/// table.
#[must_use]
pub fn choose(patterns: &[String], limit: Option<usize>) -> Vec<&'static Candidate> {
    let wanted = |name: &str| {
        let named = |pattern: &String| name.contains(pattern.as_str());
        patterns.is_empty() || patterns.iter().any(named)
    };
    let all: Vec<_> = ALL.iter().filter(|one| wanted(one.name)).collect();
    let count = limit.unwrap_or(all.len()).min(all.len());
    (0..count).map(|n| all[n * all.len() / count]).collect()
}
