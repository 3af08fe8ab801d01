//! Asks a running lictor over its control socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;

use crate::http;

/// Why nobody answered.
#[derive(Debug, thiserror::Error)]
#[error(
    "reach a lictor at {socket}: {cause}; is `lictor run` running in this container, and with this --runtime-dir?"
)]
pub struct Error {
    socket: PathBuf,
    cause: String,
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
    let socket = runtime_dir.join("control.sock");
    let failed = |cause: String| Error {
        socket: socket.clone(),
        cause,
    };
    if !socket.exists() {
        return Err(failed("there is no such socket".to_owned()));
    }
    let client = http::builder()
        .unix_socket(socket.as_path())
        .timeout(patience)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let response = client
        .request(method, format!("http://lictor{path}"))
        .send()
        .await
        .map_err(|error| failed(http::root_cause(&error)))?;
    let ok = response.status().is_success();
    let body = response
        .text()
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok((ok, body))
}
