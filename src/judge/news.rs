//! What a candidate has that what is read now has not, or the other way round: by service, by check, by key.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::{self, Document};
use super::finding::Findings;
use super::merged::Merged;
use super::{Candidate, File};

/// Something that is new, another, or gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// What it is.
    pub kind: Kind,
    /// Its id, or its path.
    pub name: String,
    /// What is with it.
    pub how: How,
}

/// What can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A service, by its id.
    Service,
    /// A check that is in no service, by its id.
    Check,
    /// Any other key, by its path. A list is one.
    Key,
}

/// How it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It was not there.
    Added,
    /// It is another.
    Changed,
    /// It is gone.
    Removed,
}

/// All differences, in the order of their kinds and names. None are told where a file cannot be read: what is missing may be in it.
/// No value is told, since it may be secret.
pub fn differences(candidate: &Candidate<'_>, now: &[File]) -> Vec<Difference> {
    let mut unread = Findings::default();
    let old = document::read(now, &mut unread);
    let new = document::read(candidate.files, &mut unread);
    if !unread.found.is_empty() {
        return Vec::new();
    }
    let (old, new) = (all(&old, candidate.flags), all(&new, candidate.flags));
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    let gone = gone.map(|key| (key, How::Removed));
    let here = new.iter().filter_map(|(key, value)| match old.get(key) {
        None => Some((key, How::Added)),
        Some(before) => (before != value).then_some((key, How::Changed)),
    });
    let mut found: Vec<Difference> = gone
        .chain(here)
        .map(|((kind, name), how)| Difference {
            kind: *kind,
            name: name.clone(),
            how,
        })
        .collect();
    found.sort();
    found
}

/// The ids of all services that these files define, and of their sidecars; `None` where a file cannot be read.
pub fn service_ids(files: &[File]) -> Option<BTreeSet<String>> {
    let mut unread = Findings::default();
    let documents = document::read(files, &mut unread);
    let mut ids = BTreeSet::new();
    for service in documents
        .iter()
        .flat_map(|one| one.items("service", "services"))
    {
        let Some(id) = service.text("id").or(service.text("name")) else {
            continue;
        };
        let connect = service.object("connect");
        if let Some(sidecar) = connect.and_then(|connect| connect.object("sidecar_service")) {
            let own = sidecar.text("id");
            ids.insert(own.unwrap_or_else(|| format!("{id}-sidecar-proxy")));
        }
        ids.insert(id);
    }
    unread.found.is_empty().then_some(ids)
}

/// Everything by its kind and name. Of two that have the same id the last one counts, as in Consul.
fn all(documents: &[Document<'_>], flags: &Map<String, Value>) -> BTreeMap<(Kind, String), Value> {
    let mut found = BTreeMap::new();
    for (kind, one, many) in [
        (Kind::Service, "service", "services"),
        (Kind::Check, "check", "checks"),
    ] {
        for document in documents {
            for item in document.items(one, many) {
                if let Some(id) = item.text("id").or(item.text("name")) {
                    found.insert((kind, id), Value::Object(item.members.clone()));
                }
            }
        }
    }
    let is_item = |path: &str| {
        let root = path.split('.').next().unwrap_or_default();
        let roots = ["service", "services", "check", "checks"];
        roots.iter().any(|known| root.eq_ignore_ascii_case(known))
    };
    let merged = Merged { documents, flags };
    for (path, value, _) in merged.leaves() {
        if !is_item(&path) {
            found.insert((Kind::Key, path), value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    fn file(path: &str, text: &str) -> File {
        let format = match path.ends_with(".hcl") {
            true => Format::Hcl,
            false => Format::Json,
        };
        File {
            path: path.into(),
            bytes: text.into(),
            format,
        }
    }

    fn found(old: &[File], new: &[File]) -> Vec<(Kind, String, How)> {
        let candidate = Candidate {
            files: new,
            flags: &Map::new(),
            running: None,
            registered: None,
            host: None,
        };
        let found = differences(&candidate, old).into_iter();
        found.map(|one| (one.kind, one.name, one.how)).collect()
    }

    #[test]
    fn what_differs_is_told_by_service_check_and_key() {
        let old = [
            file(
                "a.json",
                r#"{"services": [{"name": "a"}, {"name": "b", "id": "b1"}], "log_level": "info"}"#,
            ),
            file(
                "b.hcl",
                "check { name = \"c\" ttl = \"1s\" }\nnode_meta { a = \"b\" }",
            ),
        ];
        let new = [
            file(
                "a.json",
                r#"{"Service": {"Name": "b", "ID": "b1", "port": 1}, "log_level": "info"}"#,
            ),
            file(
                "b.hcl",
                "check { name = \"c\" ttl = \"2s\" }\nservice { name = \"d\" }\nretry_join = [\"x\"]",
            ),
        ];
        let told = |kind, name: &str, how| (kind, name.to_owned(), how);
        assert_eq!(
            found(&old, &new),
            [
                told(Kind::Service, "a", How::Removed),
                told(Kind::Service, "b1", How::Changed),
                told(Kind::Service, "d", How::Added),
                told(Kind::Check, "c", How::Changed),
                told(Kind::Key, "node_meta.a", How::Removed),
                told(Kind::Key, "retry_join", How::Added),
            ]
        );
        assert_eq!(found(&old, &old), []);
    }

    #[test]
    fn services_are_known_with_their_sidecars() {
        let hcl = "service { name = \"a\" id = \"a-1\" connect { sidecar_service {} } }";
        let json = r#"{"services": [{"name": "b", "connect": {"sidecar_service": {"id": "side"}}}, {"id": "none"}]}"#;
        let ids = service_ids(&[file("a.hcl", hcl), file("b.json", json)]);
        let wanted = ["a-1", "a-1-sidecar-proxy", "b", "none", "side"];
        assert_eq!(ids, Some(wanted.map(str::to_owned).into()));
        assert_eq!(service_ids(&[file("a.hcl", "a = b.c")]), None);
    }

    #[test]
    fn a_file_that_moves_is_no_difference_and_one_that_cannot_be_read_tells_nothing() {
        let text = r#"{"service": {"name": "a"}}"#;
        assert_eq!(found(&[file("a.json", text)], &[file("z.json", text)]), []);
        assert_eq!(
            found(&[file("a.json", text)], &[file("a.hcl", "a = b.c")]),
            []
        );
    }
}
