//! Requests and answers as bytes.
//!
//! HTTP/1.1 with `Connection: close`: one request a connection, the answer is everything until the end. That is all
//! that a handful of requests to one server need.

use serde_json::Value;

use super::{Address, Request};

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, put together where it came in chunks.
    pub body: Vec<u8>,
}

impl Answer {
    /// Why the server said no, in its words: the message of a `Status` object, or the beginning of the text.
    pub fn message(&self) -> String {
        const SHOWN_MAX: usize = 300;
        let status: Option<Value> = serde_json::from_slice(&self.body).ok();
        let message = status.as_ref().and_then(|status| status["message"].as_str());
        let text = message.map_or_else(|| String::from_utf8_lossy(&self.body).into_owned(), str::to_owned);
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_MAX).collect()
    }
}

pub(super) fn request(request: Request<'_>, to: &Address, token: Option<&str>) -> Vec<u8> {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: auditward/{}\r\nAccept: application/json, */*\r\nConnection: close\r\n",
        request.method,
        request.path,
        env!("CARGO_PKG_VERSION"),
    );
    if let Some(token) = token {
        text += &format!("Authorization: Bearer {token}\r\n");
    }
    if let Some(id) = request.audit_id {
        text += &format!("Audit-ID: {id}\r\n");
    }
    let body = request.body.map(Value::to_string);
    if let Some(body) = &body {
        text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    text += body.as_deref().unwrap_or_default();
    text.into_bytes()
}

pub(super) fn answer(bytes: &[u8]) -> Result<Answer, String> {
    const HEAD_MAX: usize = 64 << 10;
    let end = bytes.windows(4).take(HEAD_MAX).position(|four| four == b"\r\n\r\n");
    let end =
        end.ok_or_else(|| if bytes.is_empty() { "nothing".to_owned() } else { "no whole head".to_owned() })?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "a head that is not text".to_owned())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let status = status
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1)?.parse().ok())
        .ok_or_else(|| format!("no HTTP status in `{}`", status.chars().take(60).collect::<String>()))?;
    let field = |name: &str| {
        head.split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
    };
    let rest = &bytes[end + 4..];
    let chunked = field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let body = if chunked {
        chunks(rest).ok_or("chunks that do not fit together")?
    } else if let Some(length) = field("content-length") {
        let length: usize = length.parse().map_err(|_| "a length that is no number")?;
        rest.get(..length).ok_or("less than it announced")?.to_vec()
    } else {
        rest.to_vec()
    };
    Ok(Answer { status, body })
}

fn chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &str, expected: Result<(u16, &str), &str>) {
        let seen =
            answer(bytes.as_bytes()).map(|a| (a.status, String::from_utf8_lossy(&a.body).into_owned()));
        let expected = expected.map(|(status, body)| (status, body.to_owned())).map_err(str::to_owned);
        assert_eq!(seen, expected);
    }

    #[test]
    fn answers() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Ok((200, "ok")));
        check("HTTP/1.1 200 OK\r\n\r\nto the end", Ok((200, "to the end")));
        let chunked = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n";
        check(&format!("{chunked}3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), Ok((403, "abcde")));
        check(&format!("{chunked}3\r\nab"), Err("chunks that do not fit together"));
        check(&format!("{chunked}ffffffffffffffff\r\nab"), Err("chunks that do not fit together"));
        check("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", Err("less than it announced"));
        check("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok", Err("a length that is no number"));
        check("HTTP/1.1 200 OK\r\nContent", Err("no whole head"));
        check("SSH-2.0-x\r\n\r\n", Err("no HTTP status in `SSH-2.0-x`"));
        check("", Err("nothing"));
    }

    #[test]
    fn a_refusal_in_the_servers_words() {
        let answer = |body: &str| Answer { status: 403, body: body.into() };
        assert_eq!(answer(r#"{"kind":"Status","message":"no\nway"}"#).message(), "no way");
        assert_eq!(answer("plain\n").message(), "plain");
    }
}
