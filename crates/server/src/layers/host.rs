//! A server without tokens answers this machine alone, and a browser is on this machine too. A page from elsewhere must
//! not speak through it: not by a name of its own that it has point here (DNS rebinding: the `Host` is then that name),
//! and not by a request across sites (the `Origin` is then that site).

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::error::Error;
use crate::state::App;

pub(crate) async fn host(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.guard.open() {
        let authority = request.uri().authority().cloned();
        if let Err(error) = check(authority, request.headers()) {
            return error.into_response();
        }
    }
    next.run(request).await
}

fn check(authority: Option<Authority>, headers: &HeaderMap) -> Result<(), Error> {
    let host = authority.or_else(|| only(headers, HOST.as_str())?.parse().ok());
    let Some(host) = host.filter(|host| is_here(host.host())) else {
        return Err(Error::Stranger("header `Host`"));
    };
    if !headers.contains_key(ORIGIN) {
        // Programs send none, and neither do pages that only read what is their own.
        return match headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes) {
            None | Some(b"same-origin" | b"none") => Ok(()),
            Some(_) => Err(Error::Stranger("header `Sec-Fetch-Site`")),
        };
    }
    let origin = only(headers, ORIGIN.as_str()).and_then(|origin| {
        origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))?.parse::<Authority>().ok()
    });
    // Another port is another program, whose pages may be anybody's.
    match origin {
        Some(origin) if origin == host => Ok(()),
        _ => Err(Error::Stranger("header `Origin`")),
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() { None } else { first.to_str().ok() }
}

fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(headers: &[(&'static str, &str)]) -> bool {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(*name, value.parse().unwrap());
        }
        check(None, &all).is_ok()
    }

    #[test]
    fn requests_of_this_machine_pass() {
        for host in
            ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:9843", "127.8.8.8", "[::1]", "[::1]:80"]
        {
            assert!(passes(&[("host", host)]), "{host}");
            assert!(passes(&[("host", host), ("origin", &format!("http://{host}"))]), "{host}");
        }
        assert!(passes(&[("host", "localhost"), ("sec-fetch-site", "none")]));
        assert!(passes(&[("host", "localhost"), ("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn others_do_not() {
        for host in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]"]
        {
            assert!(!passes(&[("host", host)]), "{host}");
        }
        assert!(!passes(&[]));
        assert!(!passes(&[("host", "localhost"), ("host", "localhost")]));
        for origin in
            ["null", "http://evil.example", "http://localhost:3000", "localhost", "file://localhost", ""]
        {
            assert!(!passes(&[("host", "localhost"), ("origin", origin)]), "{origin}");
        }
        assert!(!passes(&[("host", "localhost"), ("sec-fetch-site", "cross-site")]));
        assert!(!passes(&[("host", "localhost"), ("sec-fetch-site", "same-site")]));
    }
}
