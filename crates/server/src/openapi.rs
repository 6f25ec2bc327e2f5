//! The API, described. A test holds `docs/reference/openapi.json` against it and it against the routes.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::error::Problem;
use crate::{alerts, events, fields, health, ingest, rules, sql, tokens};

/// The description of the API, JSON in the form of `OpenAPI`, with a line feed at its end.
pub fn openapi() -> String {
    let mut text = Description::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

pub(crate) async fn show() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, kind)], openapi()).into_response()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Auditward", description = "Kubernetes audit events: taken in, searched, watched.", license(name = "MIT OR Apache-2.0")),
    paths(
        ingest::take,
        events::search::search, events::one::one, events::count::count, events::histogram::histogram,
        events::facets::facets, fields::list, fields::values, events::live::live, sql::sql,
        alerts::list::list, alerts::one::one, alerts::acknowledge::acknowledge, alerts::close::close,
        alerts::reopen::reopen,
        rules::list, rules::one,
        tokens::http::whoami, tokens::http::list, tokens::http::add, tokens::http::revoke,
        health::live, health::ready, health::metrics,
    ),
    components(schemas(Problem)),
    modifiers(&Bearer),
)]
struct Description;

/// Everything but health wants a token.
struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("token", bearer);
        openapi.security =
            Some(vec![utoipa::openapi::SecurityRequirement::new("token", Vec::<String>::new())]);
    }
}
