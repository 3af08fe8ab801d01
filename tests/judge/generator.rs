//! Good configurations, each from a seed: what Consul takes, written in every way it takes it.

use fastrand::Rng;
use serde_json::{Map, Value, json};
use testbed::consul::Version;

/// A file's name and text.
pub(super) type Text = (String, String);

/// Makes configurations. Their names and ids differ by number, so that many of them fit into one agent.
pub(super) struct Generator<'a> {
    pub(super) rng: Rng,
    pub(super) version: Version,
    /// Where `ca.pem`, `cert.pem` and `key.pem` are.
    pub(super) tls: &'a str,
}

impl Generator<'_> {
    /// The files of one configuration, named in Consul's order.
    pub(super) fn configuration(&mut self, number: u64) -> Vec<Text> {
        let mut files = Vec::new();
        for part in 0..self.rng.u64(1..=3) {
            let mut file = match part {
                0 => self.settings(),
                _ => Map::new(),
            };
            self.services(&mut file, &format!("{number}-{part}"));
            if self.rng.u8(..10) == 0 {
                let watches: Vec<Value> =
                    (0..self.rng.usize(1..=2)).map(|_| self.watch()).collect();
                file.insert("watches".to_owned(), json!(watches));
            }
            let name = format!("c{number}-{part}");
            files.push(match self.rng.bool() {
                true => (format!("{name}.json"), Value::Object(file).to_string()),
                false => (format!("{name}.hcl"), self.hcl(&file)),
            });
        }
        files
    }

    fn is_new(&self) -> bool {
        self.version > Version::V1_8_7
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.rng.usize(..of.len())].clone()
    }

    fn settings(&mut self) -> Map<String, Value> {
        let tls = self.tls;
        let files = json!({
            "ca_file": format!("{tls}/ca.pem"),
            "cert_file": format!("{tls}/cert.pem"),
            "key_file": format!("{tls}/key.pem"),
        });
        let mut choices = vec![
            json!({"enable_local_script_checks": true}),
            json!({"node_meta": {format!("k{}", self.rng.u8(..9)): "x", "a-b": "$HOME \"q\""}}),
            json!({"recursors": ["10.0.0.53", "[2001:db8::53]:5353", "2001:db8::54", "10.0.0.55:domain"]}),
            json!({"dns_config": {"service_ttl": {"*": "5s"}, "max_stale": "87600h", "allow_stale": true}}),
            json!({"limits": {"http_max_conns_per_client": 300, "rpc_rate": 50.5, "rpc_max_burst": 10}}),
            json!({"log_level": self.one(&["DEBUG", "info", "Warn", "err"])}),
            json!({"telemetry": {"prefix_filter": ["+consul.x", "-consul.y"]}}),
            json!({"discard_check_output": self.rng.bool()}),
            json!({"acl": {"tokens": {"default": "a-secret"}}}),
            json!({"performance": {"raft_multiplier": self.rng.u8(1..=10)}}),
            json!({"ca_path": format!("{tls}/authorities"), "verify_outgoing": true}),
            json!({"verify_outgoing": false, "verify_incoming": false}),
        ];
        let mut verified = files.clone();
        for key in [
            "verify_outgoing",
            "verify_incoming",
            "verify_incoming_rpc",
            "verify_server_hostname",
        ] {
            verified[key] = json!(self.rng.bool());
        }
        choices.extend([files.clone(), verified]);
        if self.is_new() {
            let mut defaults = files.clone();
            defaults["verify_outgoing"] = json!(self.rng.bool());
            choices.extend([
                json!({"tls": {"defaults": defaults, "internal_rpc": {"verify_server_hostname": true}}}),
                json!({"tls": {"grpc": files.clone(), "https": {"verify_incoming": false}}}),
                json!({"tls": {"defaults": files, "https": {"verify_incoming": true, "tls_min_version": "TLSv1_2"}}}),
                json!({"limits": {"request_limits": {"mode": "permissive", "read_rate": 500, "write_rate": 200}}}),
            ]);
        }
        let mut settings = Map::new();
        for _ in 0..self.rng.usize(..4) {
            if let Value::Object(choice) = self.one(&choices) {
                settings.extend(choice);
            }
        }
        settings
    }

    fn services(&mut self, file: &mut Map<String, Value>, stem: &str) {
        let services: Vec<Value> = (0..self.rng.usize(..4))
            .map(|number| self.service(&format!("s{stem}-{number}")))
            .collect();
        let names: Vec<String> = services
            .iter()
            .filter_map(|service| {
                let id = ["id", "ID", "name", "Name"]
                    .iter()
                    .find_map(|key| service.get(key));
                id?.as_str().map(str::to_owned)
            })
            .collect();
        match <[Value; 1]>::try_from(services) {
            Ok([service]) => drop(file.insert("service".to_owned(), service)),
            Err(services) => drop(file.insert(
                self.one(&["services", "Services"]).to_owned(),
                json!(services),
            )),
        }
        let mut checks = Vec::new();
        for number in 0..self.rng.usize(..3) {
            let mut check = self.check();
            check.insert("name".to_owned(), json!(format!("check {stem} {number}")));
            if let [name, ..] = &names[..] {
                check.insert(
                    self.one(&["service_id", "ServiceID"]).to_owned(),
                    json!(name),
                );
            }
            checks.push(Value::Object(check));
        }
        match <[Value; 1]>::try_from(checks) {
            Ok([check]) => drop(file.insert("check".to_owned(), check)),
            Err(checks) => drop(file.insert("checks".to_owned(), json!(checks))),
        }
    }

    fn service(&mut self, name: &str) -> Value {
        let mut service = Map::new();
        let key = self.one(&["name", "Name"]);
        service.insert(key.to_owned(), json!(name));
        let mut add = |chance: f64, key: &str, value: Value| {
            if self.rng.f64() < chance {
                service.insert(key.to_owned(), value);
            }
        };
        add(0.4, "id", json!(format!("{name}/id")));
        add(0.5, "port", json!(8080));
        add(0.4, "tags", json!(["a", "b=c", ""]));
        add(0.3, "meta", json!({"version": "1", "a_b": "x y"}));
        add(0.3, "address", json!("10.0.0.7"));
        add(0.2, "weights", json!({"passing": 10, "warning": 1}));
        add(0.2, "enable_tag_override", json!(true));
        add(
            0.1,
            "tagged_addresses",
            json!({"lan": {"address": "10.0.0.8", "port": 80}}),
        );
        if self.rng.u8(..20) == 0 && service.contains_key("port") {
            service.insert("connect".to_owned(), json!({"sidecar_service": {}}));
        }
        match self.rng.u8(..4) {
            0 | 1 => drop(service.insert(
                self.one(&["check", "Check"]).to_owned(),
                Value::Object(self.check()),
            )),
            2 => {
                let checks: Vec<Value> = (0..self.rng.usize(1..=3))
                    .map(|_| Value::Object(self.check()))
                    .collect();
                service.insert("checks".to_owned(), json!(checks));
            }
            _ => {}
        }
        Value::Object(service)
    }

    fn check(&mut self) -> Map<String, Value> {
        let mut kinds = vec![
            json!({"ttl": "1h"}),
            json!({"TTL": "90m", "notes": "by hand"}),
            json!({"http": "http://127.0.0.1:1/health?a=b", "interval": "1h", "method": "PUT", "header": {"X-A": ["b", "c"]}}),
            json!({"HTTP": "https://127.0.0.1:1", "Interval": "1h30m", "tls_skip_verify": true, "timeout": "5s"}),
            json!({"tcp": "127.0.0.1:1", "interval": "2h", "timeout": "500ms"}),
            json!({"grpc": "127.0.0.1:1/x", "grpc_use_tls": true, "interval": "1h"}),
            json!({"args": ["true", "--flag=\"x\""], "interval": "1h", "output_max_size": 1024}),
            json!({"ScriptArgs": ["true"], "interval": "1h"}),
            json!({"docker_container_id": "none", "shell": "/bin/sh", "args": ["true"], "interval": "1h"}),
            json!({"alias_service": "somebody"}),
        ];
        // Consul 1.22.5 takes such a one, too, and then each reload waits for two minutes.
        if !self.is_new() {
            kinds.push(json!({"alias_node": "n1", "alias_service": "somebody"}));
        }
        if self.is_new() {
            kinds.extend([
                json!({"udp": "127.0.0.1:1", "interval": "1h"}),
                json!({"h2ping": "127.0.0.1:1", "h2ping_use_tls": false, "interval": "1h"}),
                json!({"tcp": "127.0.0.1:1", "tcp_use_tls": true, "interval": "1h", "failures_before_critical": 3, "failures_before_warning": 2}),
            ]);
        }
        let Value::Object(mut check) = self.one(&kinds) else {
            return Map::new();
        };
        if self.rng.bool() {
            check.insert(
                "status".to_owned(),
                json!(self.one(&["passing", "warning", "critical"])),
            );
        }
        if self.rng.u8(..4) == 0 {
            check.insert("deregister_critical_service_after".to_owned(), json!("90m"));
        }
        check
    }

    fn watch(&mut self) -> Value {
        let mut watch = self.one(&[
            json!({"type": "key", "key": "a/b"}),
            json!({"type": "keyprefix", "prefix": "a/"}),
            json!({"type": "services"}),
            json!({"type": "nodes", "datacenter": "dc1"}),
            json!({"type": "service", "service": "x", "passingonly": true, "tag": "a"}),
            json!({"type": "checks", "state": "passing"}),
            json!({"type": "checks", "service": "x", "stale": true}),
            json!({"type": "checks"}),
            json!({"type": "event", "name": "deploy"}),
        ]);
        let handler = self.one(&[
            json!({"args": ["true", "x"]}),
            json!({"args": ["true"], "handler_type": "script"}),
            json!({"handler": "true"}),
            json!({"handler_type": "http", "http_handler_config": {"path": "http://127.0.0.1:1", "method": "POST", "timeout": "10s", "tls_skip_verify": false}}),
        ]);
        if let (Value::Object(watch), Value::Object(handler)) = (&mut watch, handler) {
            watch.extend(handler);
        }
        watch
    }

    /// The same in HCL: as blocks or assignments, on one line or on several, keys with quotes where they need them or like.
    fn hcl(&mut self, members: &Map<String, Value>) -> String {
        let mut text = String::from("# A comment: \"{\n");
        for (key, value) in members {
            text += &self.member(key, value, 0);
            text += self.one(&["\n", " // and\n", " /* } */\n"]);
        }
        text
    }

    fn member(&mut self, key: &str, value: &Value, depth: usize) -> String {
        let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
            && key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let name = match plain && self.rng.u8(..4) > 0 {
            true => key.to_owned(),
            false => json!(key).to_string(),
        };
        match value {
            Value::Object(inner) if self.rng.bool() => {
                format!("{name} {}", self.object(inner, depth))
            }
            // Blocks of one name are a list; one alone is not where Consul knows the key for a list.
            Value::Array(list)
                if depth == 0
                    && list.len() > 1
                    && list.iter().all(Value::is_object)
                    && self.rng.bool() =>
            {
                let block = |one: &Value| format!("{name} {}", self.value(one, depth));
                list.iter().map(block).collect::<Vec<_>>().join("\n")
            }
            value => format!("{name} = {}", self.value(value, depth)),
        }
    }

    fn object(&mut self, members: &Map<String, Value>, depth: usize) -> String {
        let parts: Vec<String> = members
            .iter()
            .map(|(key, value)| self.member(key, value, depth + 1))
            .collect();
        match self.rng.u8(..3) {
            0 => format!("{{ {} }}", parts.join(", ")),
            1 => format!("{{ {} }}", parts.join(" ")),
            _ => format!("{{\n{}\n}}", parts.join("\n")),
        }
    }

    fn value(&mut self, value: &Value, depth: usize) -> String {
        match value {
            Value::Object(members) => self.object(members, depth),
            Value::Array(list) => {
                let parts: Vec<String> =
                    list.iter().map(|one| self.value(one, depth + 1)).collect();
                let end = match (parts.is_empty(), self.rng.bool()) {
                    (false, true) => ",\n]",
                    _ => "]",
                };
                format!("[{}{end}", parts.join(", "))
            }
            plain => plain.to_string(),
        }
    }
}
