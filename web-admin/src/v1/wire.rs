//! What is sent to the APIs, read with errors that say what to do about them.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The answer to a body that is longer than it may be.
pub(super) fn too_large(most: &str) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("That is too much at once; send at most {most}."))
}

/// A number in the path.
pub(super) struct Number(pub(super) i64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let number: Result<Path<i64>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path(number) = number.map_err(|_| Problem::unfit("What stands in the path must be a number."))?;
        Ok(Number(number))
    }
}

/// What stands behind the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let asked: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        let Query(asked) = asked.map_err(|error| Problem::unfit(format!("{}.", error.body_text())))?;
        Ok(Asked(asked))
    }
}

/// A time as RFC 3339 writes it, in UTC.
pub(super) fn written(at: Timestamp) -> String {
    at.to_string()
}
