//! One HTTP/1.1 request over one connection: all that a test asks of an agent's API.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// Why a request has no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection failed or broke.
    #[error("{method} {path}: {source}")]
    Connection {
        /// The request's method.
        method: String,
        /// The request's path.
        path: String,
        /// What happened.
        source: io::Error,
    },
    /// The answer is not HTTP.
    #[error("{method} {path}: not an HTTP answer: {line:?}")]
    NotHttp {
        /// The request's method.
        method: String,
        /// The request's path.
        path: String,
        /// The line that is not.
        line: String,
    },
    /// The answer has another status than 200.
    #[error("{path}: HTTP {status}: {body}")]
    Status {
        /// The request's path.
        path: String,
        /// The answer's status code.
        status: u16,
        /// The answer's body.
        body: String,
    },
    /// The body is not JSON.
    #[error("{path}: {source} in {body:?}")]
    NotJson {
        /// The request's path.
        path: String,
        /// The answer's body.
        body: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The path that was asked for.
    pub path: String,
    /// The status code.
    pub status: u16,
    /// The header fields, names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// The body, without its transfer coding.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header field of that name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body of a 200 as JSON.
    ///
    /// # Errors
    /// Another status, or a body that is not JSON.
    pub fn json(&self) -> Result<Value, Error> {
        if self.status != 200 {
            return Err(Error::Status {
                path: self.path.clone(),
                status: self.status,
                body: self.text(),
            });
        }
        serde_json::from_slice(&self.body).map_err(|source| Error::NotJson {
            path: self.path.clone(),
            body: self.text(),
            source,
        })
    }
}

/// Sends one request over `stream` and reads the answer to its end. The stream's own timeouts apply.
///
/// # Errors
/// The connection failed, or the answer is not HTTP.
pub fn exchange(
    stream: TcpStream,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response, Error> {
    let broken = |source| Error::Connection {
        method: method.to_owned(),
        path: path.to_owned(),
        source,
    };
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut stream = stream;
    stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.write_all(body))
        .map_err(broken)?;

    let mut reader = BufReader::new(stream);
    let status_line = line(&mut reader).map_err(broken)?;
    let status = status_line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| Error::NotHttp {
            method: method.to_owned(),
            path: path.to_owned(),
            line: status_line,
        })?;
    let mut headers = Vec::new();
    loop {
        let field = line(&mut reader).map_err(broken)?;
        match field.split_once(':') {
            Some((name, value)) => {
                headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            }
            None if field.is_empty() => break,
            None => {
                return Err(Error::NotHttp {
                    method: method.to_owned(),
                    path: path.to_owned(),
                    line: field,
                });
            }
        }
    }
    let mut response = Response {
        path: path.to_owned(),
        status,
        headers,
        body: Vec::new(),
    };
    response.body = read_body(&mut reader, &response).map_err(broken)?;
    Ok(response)
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_body(reader: &mut impl BufRead, response: &Response) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let chunked = response
        .header("transfer-encoding")
        .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    if !chunked {
        let length = response
            .header("content-length")
            .and_then(|length| length.parse::<u64>().ok());
        reader
            .take(length.unwrap_or(u64::MAX))
            .read_to_end(&mut body)?;
        // A connection that broke in the middle must not look like a short answer.
        if length.is_some_and(|length| length != body.len() as u64) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        return Ok(body);
    }
    loop {
        let size = line(reader)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            return Ok(body);
        }
        let before = body.len() as u64;
        reader.by_ref().take(size).read_to_end(&mut body)?;
        if body.len() as u64 - before != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line(reader)?;
    }
}
