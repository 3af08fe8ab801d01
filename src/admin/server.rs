//! Answers on the control socket. Each connection is a task that asks the loop and waits; it decides nothing.

use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use crate::admin::wire::{ReloadReport, Report};

/// What somebody at the socket asks of the loop.
#[derive(Debug)]
pub enum Control {
    /// How things stand.
    Status(oneshot::Sender<Report>),
    /// A reload, and how it went.
    Reload(oneshot::Sender<ReloadReport>),
}

/// The control socket. Connections are taken by [`Server::accept`], which the loop calls.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    control: mpsc::Sender<Control>,
}

impl Server {
    /// Binds the socket (0600). What it is asked comes out of the receiver.
    pub fn bind(path: &Path) -> io::Result<(Self, mpsc::Receiver<Control>)> {
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let (control, asked) = mpsc::channel(16);
        Ok((Self { listener, control }, asked))
    }

    /// Takes one connection and serves it in a task of its own. Safe to drop and call again.
    pub async fn accept(&self) {
        match self.listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, self.control.clone()));
            }
            Err(error) => {
                // Out of descriptors: the connection waits in the backlog; trying at once would be a busy loop.
                tracing::warn!("the control socket cannot take a connection: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: UnixStream, control: mpsc::Sender<Control>) {
    let service = service_fn(|request: Request<Incoming>| {
        let control = control.clone();
        async move { Ok::<_, Infallible>(answer(&request, &control).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!("control socket: {error}");
    }
}

async fn answer(
    request: &Request<Incoming>,
    control: &mpsc::Sender<Control>,
) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/status") => match ask(control, Control::Status).await {
            Some(report) => json(StatusCode::OK, &report),
            None => ending(),
        },
        (&Method::GET, "/livez") => match ask(control, Control::Status).await {
            Some(report) => text(StatusCode::OK, &format!("alive: {}\n", report.phase)),
            None => ending(),
        },
        (&Method::GET, "/readyz") => match ask(control, Control::Status).await {
            Some(report) => readiness(&report),
            None => ending(),
        },
        (&Method::POST, "/reload") => match ask(control, Control::Reload).await {
            Some(report) if report.ok => json(StatusCode::OK, &report),
            Some(report) => json(StatusCode::INTERNAL_SERVER_ERROR, &report),
            None => ending(),
        },
        (_, "/status" | "/livez" | "/readyz" | "/reload") => text(
            StatusCode::METHOD_NOT_ALLOWED,
            "GET /status /livez /readyz, POST /reload\n",
        ),
        _ => text(
            StatusCode::NOT_FOUND,
            "GET /status /livez /readyz, POST /reload\n",
        ),
    }
}

fn readiness(report: &Report) -> Response<Full<Bytes>> {
    match report.condition("Ready") {
        Some(ready) if ready.status == "True" => text(StatusCode::OK, "ready\n"),
        Some(ready) => text(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!("not ready: {}: {}\n", ready.reason, ready.message),
        ),
        None => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}

async fn ask<T>(
    control: &mpsc::Sender<Control>,
    what: impl FnOnce(oneshot::Sender<T>) -> Control,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    control.send(what(reply)).await.ok()?;
    answer.await.ok()
}

fn ending() -> Response<Full<Bytes>> {
    text(StatusCode::SERVICE_UNAVAILABLE, "lictor is ending\n")
}

fn json(status: StatusCode, body: &impl serde::Serialize) -> Response<Full<Bytes>> {
    let text = serde_json::to_string_pretty(body).unwrap_or_else(|error| error.to_string());
    respond(status, "application/json", format!("{text}\n"))
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", body.to_owned())
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
