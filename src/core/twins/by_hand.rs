//! The commands with which an operator does what lictor may not do, or is not to: for a POSIX shell, and to the API that lictor asks.
//! What ACLs want of the operator's token stands behind them as a comment.

use serde_json::{Map, Value};

use crate::core::event::AgentFacts;

/// Where an agent's API is unless somebody says otherwise.
const USUAL: &str = "http://127.0.0.1:8500";

/// Takes a node out of the catalog.
pub(super) fn deregister(name: &str, facts: &AgentFacts) -> String {
    let mut body = Map::new();
    for (key, value) in [
        ("Datacenter", facts.datacenter.as_str()),
        ("Partition", &facts.partition),
        ("Node", name),
    ] {
        if !value.is_empty() {
            body.insert(key.to_owned(), value.into());
        }
    }
    let (socket, base) = match facts.api.strip_prefix("unix://") {
        Some(path) => (
            format!("--unix-socket {} ", quoted(path)),
            "http://localhost",
        ),
        None => (String::new(), place(facts)),
    };
    format!(
        r#"curl -X PUT {socket}-H "X-Consul-Token: $CONSUL_HTTP_TOKEN" -d {} {} # node:write"#,
        quoted(&Value::Object(body).to_string()),
        quoted(&format!("{base}/v1/catalog/deregister")),
    )
}

/// Has the members take a name for left.
pub(super) fn force_leave(name: &str, facts: &AgentFacts) -> String {
    let usual = place(facts) == USUAL;
    let address = format!("-http-addr={}", quoted(place(facts)));
    let partition = format!("-partition={}", quoted(&facts.partition));
    let options = [(!usual, address), (!facts.partition.is_empty(), partition)];
    let options: String = options
        .into_iter()
        .filter(|(needed, _)| *needed)
        .map(|(_, option)| option + " ")
        .collect();
    let name = quoted(name);
    format!("consul force-leave {options}{name} # operator:write")
}

fn place(facts: &AgentFacts) -> &str {
    match facts.api.as_str() {
        "" => USUAL,
        api => api,
    }
}

/// One word for a shell.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.,:/@%+=".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(api: &str) -> AgentFacts {
        AgentFacts {
            datacenter: "dc1".to_owned(),
            api: api.to_owned(),
            ..AgentFacts::default()
        }
    }

    #[test]
    fn a_node_is_taken_out_at_the_api_that_lictor_asks() {
        let by = r#"-H "X-Consul-Token: $CONSUL_HTTP_TOKEN" -d '{"Datacenter":"dc1","Node":"n1"}'"#;
        for (api, socket, url) in [
            ("", "", "http://127.0.0.1:8500"),
            ("https://10.0.0.5:8501", "", "https://10.0.0.5:8501"),
            (
                "unix:///run/a b.sock",
                "--unix-socket '/run/a b.sock' ",
                "http://localhost",
            ),
        ] {
            assert_eq!(
                deregister("n1", &at(api)),
                format!("curl -X PUT {socket}{by} {url}/v1/catalog/deregister # node:write")
            );
        }
        let six = deregister("n1", &at("http://[::1]:8500"));
        assert!(six.contains(" 'http://[::1]:8500/v1/catalog/deregister' "));
    }

    #[test]
    fn a_partition_is_named() {
        let facts = AgentFacts {
            partition: "blue".to_owned(),
            ..at("")
        };
        let body = r#"'{"Datacenter":"dc1","Partition":"blue","Node":"n1"}'"#;
        assert!(deregister("n1", &facts).contains(body));
        assert_eq!(
            force_leave("n1", &facts),
            "consul force-leave -partition=blue n1 # operator:write"
        );
    }

    #[test]
    fn a_name_is_one_word_and_one_string_whatever_is_in_it() {
        let name = r#"it's "n1" $(id)"#;
        let command = deregister(name, &at(""));
        let body = r#"-d '{"Datacenter":"dc1","Node":"it'\''s \"n1\" $(id)"}' "#;
        assert!(command.contains(body), "{command}");
        assert_eq!(
            force_leave(name, &at("unix:///run/consul.sock")),
            r#"consul force-leave -http-addr=unix:///run/consul.sock 'it'\''s "n1" $(id)' # operator:write"#
        );
    }
}
