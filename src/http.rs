//! What every HTTP client of lictor's has in common: it asks this host and nobody else.

use std::time::Duration;

/// Connecting to somebody on this host is a matter of microseconds; a second means that he hangs.
const CONNECT: Duration = Duration::from_secs(1);

/// The beginning of a client: no proxy, no redirects, one idle connection, and no root certificates, which would only
/// cost memory where no TLS is in use.
pub fn builder() -> reqwest::ClientBuilder {
    // Names the one implementation of TLS's mathematics there is in this binary. An error means that it was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(1)
        .redirect(reqwest::redirect::Policy::none())
        .tls_certs_only([])
}

/// The innermost cause says what happened; the outer ones only that a request was sent.
pub fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
