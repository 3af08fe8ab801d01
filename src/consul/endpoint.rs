//! Where the agent's API is, and with what it is asked: Consul's own environment variables first, else what the agent's
//! configuration says.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::consul::command::AgentConfig;

const HTTP_PORT: u16 = 8500;

/// Where the API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `http://host:port` or `https://host:port`, without a slash at the end.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Place {
    /// The place as a person would write it.
    pub fn shown(&self) -> String {
        match self {
            Self::Tcp(url) => url.clone(),
            Self::Unix(path) => format!("unix://{}", path.display()),
        }
    }
}

/// The API and how to ask it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is; `None` where the agent's configuration turns it off.
    pub place: Option<Place>,
    /// The ACL token.
    pub token: Option<String>,
    /// The namespace, for an Enterprise agent.
    pub namespace: Option<String>,
    /// The admin partition, for an Enterprise agent.
    pub partition: Option<String>,
    /// PEM of the CA that the agent's certificate is checked against.
    pub ca: Option<Vec<u8>>,
    /// PEM of a client certificate and its key.
    pub identity: Option<Vec<u8>>,
    /// The name that the agent's certificate must have, where it is not the host's.
    pub server_name: Option<String>,
    /// Whether the agent's certificate is checked.
    pub verify: bool,
}

/// What is wrong with one of Consul's variables.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that a variable names cannot be read.
    #[error("read {path}, which {variable} names: {source}")]
    Unreadable {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a boolean.
    #[error("use {variable}={value}: not a boolean; write true or false")]
    NotBoolean {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// Only one of the two.
    #[error("use CONSUL_CLIENT_CERT without CONSUL_CLIENT_KEY, or the other way round; set both")]
    HalfIdentity,
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Endpoint {
    /// Finds the endpoint. `address` stands in where the agent listens on what only a template of its own can tell.
    pub fn find(
        agent: &AgentConfig,
        address: Option<IpAddr>,
        env: Lookup<'_>,
    ) -> Result<Self, Error> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let tls = boolean("CONSUL_HTTP_SSL", env)?.unwrap_or(false);
        let place = match set("CONSUL_HTTP_ADDR") {
            Some(address) => Some(given(&address, tls)),
            None => derived(agent, address),
        };
        let token = match set("CONSUL_HTTP_TOKEN_FILE") {
            Some(path) => Some(read_text("CONSUL_HTTP_TOKEN_FILE", &path)?),
            None => set("CONSUL_HTTP_TOKEN"),
        };
        let identity = match (set("CONSUL_CLIENT_CERT"), set("CONSUL_CLIENT_KEY")) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                let mut pem = read("CONSUL_CLIENT_CERT", &certificate)?;
                pem.push(b'\n');
                pem.extend(read("CONSUL_CLIENT_KEY", &key)?);
                Some(pem)
            }
            _ => return Err(Error::HalfIdentity),
        };
        Ok(Self {
            place,
            token: token.filter(|token| !token.is_empty()),
            namespace: set("CONSUL_NAMESPACE"),
            partition: set("CONSUL_PARTITION"),
            ca: set("CONSUL_CACERT")
                .map(|path| read("CONSUL_CACERT", &path))
                .transpose()?,
            identity,
            server_name: set("CONSUL_TLS_SERVER_NAME"),
            verify: boolean("CONSUL_HTTP_SSL_VERIFY", env)?.unwrap_or(true),
        })
    }
}

fn read(variable: &'static str, path: &str) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Unreadable {
        variable,
        path: path.to_owned(),
        source,
    })
}

fn read_text(variable: &'static str, path: &str) -> Result<String, Error> {
    let bytes = read(variable, path)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// As Go's strconv.ParseBool, which `consul` uses for these.
fn boolean(variable: &'static str, env: Lookup<'_>) -> Result<Option<bool>, Error> {
    match env(variable).as_deref() {
        None | Some("") => Ok(None),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(Some(true)),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(Some(false)),
        Some(value) => Err(Error::NotBoolean {
            variable,
            value: value.to_owned(),
        }),
    }
}

/// `CONSUL_HTTP_ADDR`: `host:port`, with or without a scheme, or `unix://path`.
fn given(address: &str, tls: bool) -> Place {
    if let Some(path) = address.strip_prefix("unix://") {
        return Place::Unix(path.into());
    }
    let address = address.trim_end_matches('/');
    match address.split_once("://") {
        Some(("tcp", rest)) => given(rest, tls),
        Some(("http", rest)) if tls => Place::Tcp(format!("https://{rest}")),
        Some(_) => Place::Tcp(address.to_owned()),
        None if tls => Place::Tcp(format!("https://{address}")),
        None => Place::Tcp(format!("http://{address}")),
    }
}

/// From the agent's configuration: `addresses.http` or `client_addr`, and `ports.http`; else the same with https.
fn derived(agent: &AgentConfig, address: Option<IpAddr>) -> Option<Place> {
    let http = agent
        .number(&["ports", "http"])
        .unwrap_or(i64::from(HTTP_PORT));
    let (scheme, port) = match (http, agent.number(&["ports", "https"])) {
        (1.., _) => ("http", http),
        (_, Some(https @ 1..)) => ("https", https),
        _ => return None,
    };
    let listens = agent
        .text(&["addresses", scheme])
        .or_else(|| agent.text(&["client_addr"]))
        .unwrap_or("127.0.0.1");
    let mut first_socket = None;
    let mut first_host = None;
    for one in listens.split_whitespace() {
        if let Some(path) = one.strip_prefix("unix://") {
            first_socket.get_or_insert(path);
        } else if let Ok(ip) = one.parse::<IpAddr>() {
            let ip = if ip.is_unspecified() {
                loopback(ip)
            } else {
                ip
            };
            // Loopback, where the agent listens there too, works without any interface.
            if ip.is_loopback() {
                return Some(Place::Tcp(url(scheme, ip, port)));
            }
            first_host.get_or_insert(ip);
        }
    }
    match (first_host, first_socket) {
        (Some(ip), _) => Some(Place::Tcp(url(scheme, ip, port))),
        (None, Some(path)) => Some(Place::Unix(path.into())),
        // A template such as {{ GetInterfaceIP "eth0" }}, or a host name.
        (None, None) => {
            let ip = address.unwrap_or(IpAddr::from([127, 0, 0, 1]));
            Some(Place::Tcp(url(scheme, ip, port)))
        }
    }
}

fn loopback(unspecified: IpAddr) -> IpAddr {
    match unspecified {
        IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

fn url(scheme: &str, ip: IpAddr, port: i64) -> String {
    match ip {
        IpAddr::V4(ip) => format!("{scheme}://{ip}:{port}"),
        IpAddr::V6(ip) => format!("{scheme}://[{ip}]:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn place(args: &[&str], env: &[(&str, &str)]) -> Option<String> {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let lookup = |name: &str| {
            env.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let address = Some("10.0.0.5".parse().expect("an address"));
        Endpoint::find(&AgentConfig::read(&args), address, &lookup)
            .expect("an endpoint")
            .place
            .map(|place| place.shown())
    }

    #[test]
    fn the_agents_configuration_says_where_its_api_is() {
        for (args, expected) in [
            (vec![], Some("http://127.0.0.1:8500")),
            (vec!["-client=0.0.0.0"], Some("http://127.0.0.1:8500")),
            (vec!["-client=::"], Some("http://[::1]:8500")),
            (
                vec!["-client=10.0.0.1", "-http-port=1"],
                Some("http://10.0.0.1:1"),
            ),
            (
                vec!["-client=10.0.0.1 127.0.0.1"],
                Some("http://127.0.0.1:8500"),
            ),
            (
                vec!["-client=unix:///run/consul.sock"],
                Some("unix:///run/consul.sock"),
            ),
            (
                vec!["-client={{ GetPrivateIP }}"],
                Some("http://10.0.0.5:8500"),
            ),
            (vec!["-http-port=-1"], None),
            (
                vec!["-http-port=-1", "-https-port=8501"],
                Some("https://127.0.0.1:8501"),
            ),
        ] {
            assert_eq!(place(&args, &[]).as_deref(), expected, "{args:?}");
        }
    }

    #[test]
    fn consuls_own_variables_come_first() {
        for (address, tls, expected) in [
            ("10.0.0.1:8500", "", "http://10.0.0.1:8500"),
            ("10.0.0.1:8501", "true", "https://10.0.0.1:8501"),
            ("https://consul:8501/", "", "https://consul:8501"),
            ("http://consul:8501", "1", "https://consul:8501"),
            ("unix:///run/consul.sock", "", "unix:///run/consul.sock"),
        ] {
            let env = [("CONSUL_HTTP_ADDR", address), ("CONSUL_HTTP_SSL", tls)];
            assert_eq!(
                place(&["-client=10.9.9.9"], &env).as_deref(),
                Some(expected)
            );
        }
        let wrong = |_: &str| Some("maybe".to_owned());
        let error = Endpoint::find(&AgentConfig::default(), None, &wrong).expect_err("no boolean");
        assert!(
            error.to_string().contains("CONSUL_HTTP_SSL=maybe"),
            "{error}"
        );
    }
}
