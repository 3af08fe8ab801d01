//! The registration: what the catalog shall say of this agent.
//!
//! [`default`] is the seed's, key for key; [`template`] fills in the placeholders of a user's own files (both pure);
//! [`sources`] reads those files; [`write`] puts the result where the agent reads it.

use serde_json::Value;

pub mod default;
pub mod sources;
pub mod template;
pub mod write;

/// One file of the registration, with every placeholder filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The name of the file that is written, which ends in `.json`.
    pub name: String,
    /// Its content.
    pub body: Value,
}

impl Document {
    /// The content as it is written: indented, with a line break at the end.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.body)
    }

    /// The ids under which the agent will register its services: `id`, else the name, as Consul has it.
    pub fn service_ids(&self) -> Vec<String> {
        let one = self.body.get("service").into_iter();
        let many = self.body.get("services").and_then(Value::as_array);
        one.chain(many.into_iter().flatten())
            .filter_map(|service| {
                // Consul takes these two in either spelling.
                ["id", "ID", "name", "Name"]
                    .into_iter()
                    .find_map(|key| service.get(key)?.as_str())
            })
            .map(str::to_owned)
            .collect()
    }
}

/// Why there is no registration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error(
        "read the registration {path}: {source}; give the path of a JSON file with --registration"
    )]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not JSON.
    #[error("read the registration {path}: it is not JSON: {source}")]
    NotJson {
        /// The file.
        path: String,
        /// What is wrong, and in which line and column.
        source: serde_json::Error,
    },
    /// A file registers nothing.
    #[error(
        "use the registration {path}: it has no \"service\" and no \"services\"; it must be a Consul service definition, an object \
         with one of these keys"
    )]
    NoService {
        /// The file.
        path: String,
    },
    /// A placeholder cannot be filled in.
    #[error("fill in the registration {path}: at {at}: {source}")]
    Template {
        /// The file.
        path: String,
        /// Where in it, as a JSON pointer.
        at: String,
        /// What is wrong.
        source: template::Error,
    },
    /// Two files would get the same name.
    #[error("write the registration: {path} and another file are both called {name}; rename one")]
    SameName {
        /// The second file.
        path: String,
        /// The name.
        name: String,
    },
    /// The result cannot be written.
    #[error(
        "write the registration to {path}: {source}; mount a writable volume there, or name another directory with --registration-dir"
    )]
    Unwritable {
        /// The file or directory.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}
