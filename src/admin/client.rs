//! Asks a running lictor over its control socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method, Response};
use tokio::time::timeout;

use crate::admin::wire::Progress;
use crate::exit::Exit;
use crate::http;

/// lictor takes a request at once, whatever it is doing, and says so.
const TAKEN: Duration = Duration::from_secs(5);

/// Why nobody answered, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers at the socket.
    #[error(
        "reach a lictor at {socket}: {cause}; is `lictor run` running in this container, and with this --runtime-dir?"
    )]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What happened.
        cause: String,
    },
    /// It does something else than what was asked.
    #[error("have that done by the lictor at {socket}: {answer}; it may be another version")]
    Refused {
        /// The socket.
        socket: PathBuf,
        /// What it said.
        answer: String,
    },
    /// The connection ended before lictor told of its exit.
    #[error(
        "follow the stop to its end: the lictor at {socket} was gone before it told how it ends, so it was killed; its log may \
         say more"
    )]
    Broken {
        /// The socket.
        socket: PathBuf,
    },
}

/// Where a lictor is asked.
struct Asked {
    socket: PathBuf,
    client: Client,
}

impl Asked {
    fn at(runtime_dir: &Path) -> Result<Self, Error> {
        let socket = runtime_dir.join("control.sock");
        let client = http::builder().unix_socket(socket.as_path()).build();
        match client {
            _ if !socket.exists() => Err(unreachable(&socket, "there is no such socket")),
            Ok(client) => Ok(Self { socket, client }),
            Err(error) => Err(unreachable(&socket, error)),
        }
    }

    /// Sends a request. It comes back as soon as the answer begins.
    async fn send(&self, method: Method, path: &str) -> Result<Response, Error> {
        let url = format!("http://lictor{path}");
        let sent = self.client.request(method, url).send().await;
        sent.map_err(|error| unreachable(&self.socket, http::root_cause(&error)))
    }

    /// The rest of an answer.
    async fn text(&self, response: Response) -> Result<String, Error> {
        let text = response.text().await;
        text.map_err(|error| unreachable(&self.socket, http::root_cause(&error)))
    }
}

fn unreachable(socket: &Path, cause: impl ToString) -> Error {
    Error::Unreachable {
        socket: socket.to_owned(),
        cause: cause.to_string(),
    }
}

/// Sends one request; the answer's success and its body.
///
/// `patience` is how long to wait for the answer: a probe's is short, a reload's is the agent's.
pub async fn ask(
    runtime_dir: &Path,
    method: Method,
    path: &str,
    patience: Duration,
) -> Result<(bool, String), Error> {
    let asked = Asked::at(runtime_dir)?;
    let answer = async {
        let response = asked.send(method, path).await?;
        let ok = response.status().is_success();
        Ok((ok, asked.text(response).await?))
    };
    let late = |_| unreachable(&asked.socket, "no answer in time");
    timeout(patience, answer).await.map_err(late)?
}

/// Asks for a stop, hands on what is told while it goes on, and returns lictor's exit. It takes as long as the stop does.
pub async fn follow(
    runtime_dir: &Path,
    path: &str,
    mut told: impl FnMut(&str, &str),
) -> Result<Exit, Error> {
    let asked = Asked::at(runtime_dir)?;
    let late = |_| unreachable(&asked.socket, "it does not take the request");
    let taken = timeout(TAKEN, asked.send(Method::POST, path)).await;
    let mut response = taken.map_err(late)??;
    if !response.status().is_success() {
        let answer = asked.text(response).await?.trim().to_owned();
        return Err(Error::Refused {
            socket: asked.socket,
            answer,
        });
    }
    let mut text = Vec::new();
    // What breaks off is no different from what ends too early.
    while let Ok(Some(piece)) = response.chunk().await {
        text.extend_from_slice(&piece);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            match serde_json::from_slice(&line) {
                Ok(Progress::Told { level, text }) => told(&level, &text),
                Ok(Progress::Exit { code, reason }) => return Ok(Exit::new(code, reason)),
                // Another version has more to say.
                Err(_) => {}
            }
        }
    }
    Err(Error::Broken {
        socket: asked.socket,
    })
}
