//! `/v1/auth`: how a program signs in with somebody's name and password without keeping them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::description::Failures;
use crate::Sources;
use crate::account::{ACCESS_GOOD_FOR, NewGrant, Visitor};
use crate::guard::JsonBody;
use crate::problem::Problem;

/// What is shown for tokens.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "grant", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Grant {
    /// Somebody signs in with a program.
    Password {
        name: String,
        #[schema(value_type = String, format = Password)]
        password: Zeroizing<String>,
        /// Of "read", "talk", "control" and "admin" those that it is to be good for; without, all of them.
        scopes: Option<Vec<String>>,
    },
    /// The program wants another access token. Each refresh token is good once.
    Refresh {
        #[schema(value_type = String)]
        refresh_token: Zeroizing<String>,
        /// Those that the access token is to be good for; without, what was asked for at first.
        scopes: Option<Vec<String>>,
    },
}

#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    /// For the header `Authorization: Bearer`.
    #[schema(value_type = String)]
    access_token: Zeroizing<String>,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token is not good any more.
    #[schema(example = 900)]
    expires_in: u64,
    /// For the next access token. One that comes a second time ends everything that came of the same sign-in.
    #[schema(value_type = String)]
    refresh_token: Zeroizing<String>,
    /// What the access token is good for, with spaces between.
    #[schema(example = "read talk")]
    scope: String,
}

/// What is to be good for nothing any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoked {
    #[schema(value_type = String)]
    refresh_token: Zeroizing<String>,
}

/// Signs in, or goes on.
#[utoipa::path(post, path = "/v1/auth/token", tag = "auth", request_body = Grant,
    responses((status = 200, body = Tokens), Failures))]
pub(super) async fn token(
    State(sources): State<Sources>,
    visitor: Visitor,
    JsonBody(grant): JsonBody<Grant>,
) -> Result<Json<Tokens>, Problem> {
    let (grant, scopes) = match grant {
        Grant::Password { name, password, scopes } => (NewGrant::Password { name, password }, scopes),
        Grant::Refresh { refresh_token, scopes } => (NewGrant::Refresh { token: refresh_token }, scopes),
    };
    let granted = sources.accounts.grant(grant, scopes, visitor).await?;
    Ok(Json(Tokens {
        access_token: granted.access_token,
        token_type: "Bearer",
        expires_in: ACCESS_GOOD_FOR.as_secs(),
        refresh_token: granted.refresh_token,
        scope: granted.scopes,
    }))
}

/// Signs out what this refresh token came of, with its access tokens. It is answered alike where there was nothing.
#[utoipa::path(post, path = "/v1/auth/revoke", tag = "auth", request_body = Revoked,
    responses((status = 204), Failures))]
pub(super) async fn revoke(
    State(sources): State<Sources>,
    visitor: Visitor,
    JsonBody(Revoked { refresh_token }): JsonBody<Revoked>,
) -> Result<StatusCode, Problem> {
    sources.accounts.revoke(refresh_token, visitor).await?;
    Ok(StatusCode::NO_CONTENT)
}
