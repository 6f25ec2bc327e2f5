//! What goes wrong, and the one place that knows status codes.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::response::{Response as ResponseText, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

use crate::Role;
use crate::ports::{Failure, Finding, Refusal};

/// Why a request has no good answer.
#[derive(Debug)]
pub(crate) enum Error {
    /// It says nothing about who asks.
    NoToken,
    /// It says so by a certificate that is for no cluster.
    OtherCertificate(String),
    /// Its token is none, or no longer.
    WrongToken,
    /// Whoever asks may not do this.
    NotAllowed(Role),
    /// Whoever asks may not send events of this cluster.
    OtherCluster(String),
    /// It came by a name that is not this machine's, perhaps from a page that somebody was lured to.
    Stranger(&'static str),
    /// Nothing is there.
    NoRoute,
    /// Something is there, but this can't be done with it.
    NoMethod,
    /// There is no such thing.
    Absent(&'static str, String),
    /// A part of the URL or the body is wrong.
    Bad { place: &'static str, what: String, hint: Option<&'static str> },
    /// The question is wrong, at places in its text.
    Question(&'static str, Vec<Finding>),
    /// The question would take too much.
    TooMuch(String),
    /// Too much is going on.
    Busy(Duration),
    /// Events wait to be read.
    Behind(Duration),
    /// No room for events.
    DiskFull(Duration),
    /// The body is too large.
    TooLarge(String),
    /// The body is of an unknown kind.
    MediaType(String),
    /// The body is packed in an unknown way.
    Encoding(String),
    /// The body did not come whole, which it may do the next time.
    Unfinished(String),
    /// Something broke; the text is for the log.
    Broken(String),
}

/// What is told when something went wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What went wrong.
    what: String,
    /// In which part of the request.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Everything that is wrong with the text of a question.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    findings: Vec<Finding>,
}

/// In the extensions of an answer: what the log is told and the client is not.
#[derive(Clone, Debug)]
pub(crate) struct Told(pub(crate) String);

impl Error {
    /// A wrong parameter of the URL.
    pub(crate) fn parameter(what: impl Into<String>, hint: &'static str) -> Self {
        Self::Bad { place: "query parameters", what: what.into(), hint: Some(hint) }
    }

    /// What a port said of the text in a part of the request.
    pub(crate) fn of(place: &'static str, failure: Failure, retry_after: Duration) -> Self {
        match failure {
            Failure::Bad(findings) => Self::Question(place, findings),
            Failure::TooMuch(what) => Self::TooMuch(what),
            Failure::Busy | Failure::Cancelled => Self::Busy(retry_after),
            Failure::Broken(what) => Self::Broken(what),
        }
    }

    /// What the intake said.
    pub(crate) fn of_intake(refusal: Refusal, retry_after: Duration) -> Self {
        match refusal {
            Refusal::Behind { retry_after } => Self::Behind(retry_after),
            Refusal::DiskFull => Self::DiskFull(retry_after),
            Refusal::TooLarge { message } => Self::TooLarge(message),
            Refusal::Header { message } => Self::Bad { place: "headers", what: message, hint: None },
            // Agents give an event up at this word, and at no other 400.
            Refusal::Bad { message } => Self::Bad { place: "events", what: message, hint: None },
            Refusal::Broken(message) => Self::Broken(message),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Bad { .. } | Self::Question(..) => StatusCode::BAD_REQUEST,
            Self::NoToken | Self::OtherCertificate(_) | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::NotAllowed(_) | Self::OtherCluster(_) => StatusCode::FORBIDDEN,
            // Such a request was meant for another server, or made by another's page.
            Self::Stranger(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::NoRoute | Self::Absent(..) => StatusCode::NOT_FOUND,
            Self::NoMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unfinished(_) => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType(_) | Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            // Not 503: asking the same again will not help.
            Self::TooMuch(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy(_) | Self::Behind(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::DiskFull(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::NoToken | Self::OtherCertificate(_) => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            Self::WrongToken => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#)))
            }
            Self::Busy(after) | Self::Behind(after) | Self::DiskFull(after) => {
                // Whole seconds are what API servers understand; 0 would have them come back at once.
                let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
                Some((RETRY_AFTER, HeaderValue::from(seconds.max(1))))
            }
            _ => None,
        }
    }

    fn problem(self) -> Problem {
        let problem = |what: String, place: Option<&str>, hint: Option<&str>| Problem {
            what,
            place: place.map(str::to_owned),
            hint: hint.map(str::to_owned),
            findings: Vec::new(),
        };
        match self {
            Self::NoToken => problem(
                "the request says nothing about who asks".to_owned(),
                Some("header `Authorization`"),
                Some("send `Authorization: Bearer TOKEN`; `auditward serve token add` makes tokens"),
            ),
            Self::OtherCertificate(name) => problem(
                format!("the client certificate of `{name}` is for no cluster"),
                Some("client certificate"),
                Some("name its cluster in `client_clusters` of the server's configuration, or send a token"),
            ),
            Self::WrongToken => problem(
                "this is no token, or it was revoked".to_owned(),
                Some("header `Authorization`"),
                Some("`auditward serve token list` tells which there are"),
            ),
            Self::NotAllowed(role) => problem(
                format!("this needs the role `{role}`"),
                Some("header `Authorization`"),
                Some("`auditward serve token add --role …` makes a token of another role"),
            ),
            Self::OtherCluster(cluster) => problem(
                format!("you may not send events of the cluster `{cluster}`"),
                Some("path"),
                Some("a token or certificate is for one cluster; ask for one for this"),
            ),
            Self::Stranger(header) => problem(
                "without tokens, only requests to and from this machine are answered".to_owned(),
                Some(header),
                Some("ask for `localhost` or a loopback address, or make a token"),
            ),
            Self::NoRoute => problem(
                "there is nothing here".to_owned(),
                Some("path"),
                Some("`/openapi.json` says what there is"),
            ),
            Self::NoMethod => problem(
                "this can't be done here".to_owned(),
                Some("method"),
                Some("`/openapi.json` says what can"),
            ),
            Self::Absent(what, name) => problem(format!("there is no {what} `{name}`"), Some("path"), None),
            Self::Bad { place, what, hint } => problem(what, Some(place), hint),
            Self::Question(place, findings) => Problem {
                findings,
                ..problem("the question is not understood".to_owned(), Some(place), None)
            },
            Self::TooMuch(what) => {
                problem(what, None, Some("ask for less: a shorter time, one cluster, one user"))
            }
            Self::Busy(_) => problem("too much is going on".to_owned(), None, Some("try again")),
            Self::Behind(_) => problem(
                "too many events wait to be read".to_owned(),
                None,
                Some("send all of this body again"),
            ),
            Self::DiskFull(_) => problem(
                "the disk is full".to_owned(),
                None,
                Some("make room or keep less, and send all of this body again"),
            ),
            Self::TooLarge(what) => problem(what, Some("body"), Some("send less at a time")),
            Self::MediaType(what) => problem(
                format!("a body of type `{what}` is not understood"),
                Some("header `Content-Type`"),
                Some("send `application/json`, or `application/x-ndjson` for lines of events"),
            ),
            Self::Encoding(what) => problem(
                format!("a body packed as `{what}` is not understood"),
                Some("header `Content-Encoding`"),
                Some("send it plain or as `gzip`"),
            ),
            Self::Unfinished(what) => problem(what, Some("body"), Some("send it again")),
            // What broke may name files and tell of the machine; whoever runs it reads the log.
            Self::Broken(_) => problem(
                "something broke".to_owned(),
                None,
                Some("the server's log says what, under the id in the header `X-Request-Id`"),
            ),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, header) = (self.status(), self.header());
        let told = match &self {
            Self::Broken(what) => Some(Told(what.clone())),
            _ => None,
        };
        let method = matches!(self, Self::NoMethod);
        let mut response = (status, Json(self.problem())).into_response();
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
        if let Some(told) = told {
            response.extensions_mut().insert(told);
        }
        if method {
            // axum fills it in where it knows better.
            response.headers_mut().remove(ALLOW);
        }
        response
    }
}

/// The answer of a server that is not well.
pub(crate) fn unwell(condition: impl IntoResponse) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, condition).into_response()
}

/// An error with all that it came from.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |all, source| format!("{all}: {source}"))
}

/// For the description of the API: what any question may be answered with besides its answer.
pub(crate) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<ResponseText>> {
        let told = [
            ("400", "Something in the request is wrong."),
            ("401", "It does not say who asks, or not truly."),
            ("403", "Whoever asks may not."),
            ("404", "There is no such thing."),
            ("422", "It would take more time or memory than one question may."),
            ("429", "Too much is going on; `Retry-After` says when to try again."),
            ("500", "Something broke; the log says what."),
        ];
        told.into_iter().map(|(status, about)| (status.to_owned(), RefOr::T(described(about)))).collect()
    }
}

/// The same for sending events.
pub(crate) struct IntakeProblems;

impl IntoResponses for IntakeProblems {
    fn responses() -> BTreeMap<String, RefOr<ResponseText>> {
        let told = [
            ("400", "An event or the body is not what it should be. What is whole may have been taken."),
            ("401", "It does not say who sends, or not truly."),
            ("403", "Whoever sends may not, or not for this cluster."),
            ("408", "The body did not come in time."),
            ("413", "The body is too large, packed or unpacked."),
            ("415", "The body is of a kind, or packed in a way, that is not understood."),
            ("429", "Too many events wait; `Retry-After` says when to try again."),
            ("500", "Something broke; the log says what."),
            ("503", "The disk is full; `Retry-After` says when to try again."),
        ];
        told.into_iter().map(|(status, about)| (status.to_owned(), RefOr::T(described(about)))).collect()
    }
}

fn described(about: &str) -> ResponseText {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(about).content("application/json", content).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_told_in_whole_seconds() {
        let told = |after| Error::Behind(after).header().unwrap().1;
        assert_eq!(told(Duration::ZERO), "1");
        assert_eq!(told(Duration::from_millis(900)), "1");
        assert_eq!(told(Duration::from_secs(3)), "3");
        assert_eq!(told(Duration::from_millis(3_001)), "4");
    }

    #[test]
    fn what_broke_is_for_the_log_alone() {
        let response = Error::Broken("/var/lib/secret".to_owned()).into_response();
        assert_eq!(response.extensions().get::<Told>().unwrap().0, "/var/lib/secret");
        let problem = Error::Broken("/var/lib/secret".to_owned()).problem();
        assert!(!serde_json::to_string(&problem).unwrap().contains("secret"));
    }
}
