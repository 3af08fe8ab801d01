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
