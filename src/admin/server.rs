//! Answers on the control socket. Each connection is a task that asks the loop and waits; it decides nothing.

use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use crate::admin::follower::{Follower, Lines};
use crate::admin::wire::{ReloadReport, Report};
use crate::core::machine::OnStop;
use crate::os::peer::Peer;

/// What there is to ask for.
const PATHS: &str = "GET /status /livez /readyz, POST /reload /reload?check /reload?force /leave /stop /stop?stay\n";

type Answer = Response<Either<Full<Bytes>, Lines>>;

/// What somebody at the socket asks of the loop.
#[derive(Debug)]
pub enum Control {
    /// How things stand.
    Status(oneshot::Sender<Report>),
    /// A reload, and how it went.
    Reload(oneshot::Sender<ReloadReport>),
    /// A reload of what speaks something against, and how it went.
    Force(oneshot::Sender<ReloadReport>),
    /// What would come of a reload.
    Judge(oneshot::Sender<ReloadReport>),
    /// A stop, and how it goes.
    Stop {
        /// The command that asks so.
        by: &'static str,
        /// What the agent is to do; `None` for what SIGTERM would do.
        mode: Option<OnStop>,
        /// Who asks.
        follower: Follower,
    },
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
    let credentials = stream.peer_cred().ok();
    let pid = credentials.and_then(|peer| peer.pid()).unwrap_or(0);
    let service = service_fn(|request: Request<Incoming>| {
        let control = control.clone();
        async move { Ok::<_, Infallible>(answer(&request, &control, pid).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!("control socket: {error}");
    }
}

async fn answer(request: &Request<Incoming>, control: &mpsc::Sender<Control>, pid: i32) -> Answer {
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
        (&Method::POST, "/reload") => match request.uri().query() {
            None => reload(ask(control, Control::Reload).await),
            Some("check") => reload(ask(control, Control::Judge).await),
            Some("force") => reload(ask(control, Control::Force).await),
            // Misunderstood, it would be a reload where somebody wanted none.
            Some(_) => text(StatusCode::BAD_REQUEST, PATHS),
        },
        (&Method::POST, "/leave" | "/stop") => match wanted(request.uri()) {
            Some((by, mode)) => stop(by, mode, control, pid).await,
            // Misunderstood, it would be a leave where somebody wanted none.
            None => text(StatusCode::BAD_REQUEST, PATHS),
        },
        (_, "/status" | "/livez" | "/readyz" | "/reload" | "/leave" | "/stop") => {
            text(StatusCode::METHOD_NOT_ALLOWED, PATHS)
        }
        _ => text(StatusCode::NOT_FOUND, PATHS),
    }
}

fn reload(report: Option<ReloadReport>) -> Answer {
    match report {
        Some(report) if report.ok => json(StatusCode::OK, &report),
        // The user's fault, not lictor's.
        Some(report) if !report.faults.is_empty() => {
            json(StatusCode::UNPROCESSABLE_ENTITY, &report)
        }
        Some(report) => json(StatusCode::INTERNAL_SERVER_ERROR, &report),
        None => ending(),
    }
}

/// The command that asks for the same stop, and what the agent is to do.
fn wanted(uri: &Uri) -> Option<(&'static str, Option<OnStop>)> {
    match (uri.path(), uri.query()) {
        ("/leave", None) => Some(("lictor leave", Some(OnStop::Leave))),
        ("/stop", None) => Some(("lictor stop", None)),
        ("/stop", Some("stay")) => Some(("lictor stop --stay", Some(OnStop::Stay))),
        _ => None,
    }
}

/// Asks for a stop. The answer is a line of JSON for whatever happens from then on.
async fn stop(
    by: &'static str,
    mode: Option<OnStop>,
    control: &mpsc::Sender<Control>,
    pid: i32,
) -> Answer {
    let (follower, lines) = Follower::new(Peer::open(pid));
    let asked = Control::Stop { by, mode, follower };
    if control.send(asked).await.is_err() {
        return ending();
    }
    answered(StatusCode::OK, "application/x-ndjson", Either::Right(lines))
}

fn readiness(report: &Report) -> Answer {
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

fn ending() -> Answer {
    text(StatusCode::SERVICE_UNAVAILABLE, "lictor is ending\n")
}

fn json(status: StatusCode, body: &impl serde::Serialize) -> Answer {
    let text = serde_json::to_string_pretty(body).unwrap_or_else(|error| error.to_string());
    respond(status, "application/json", format!("{text}\n"))
}

fn text(status: StatusCode, body: &str) -> Answer {
    respond(status, "text/plain; charset=utf-8", body.to_owned())
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Answer {
    answered(status, kind, Either::Left(Full::new(Bytes::from(body))))
}

fn answered(status: StatusCode, kind: &'static str, body: Either<Full<Bytes>, Lines>) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
