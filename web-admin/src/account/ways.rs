//! `/api/ways`: in which ways one may sign in here, beside a password.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::Sources;
use crate::problem::{Problem, blocking};

/// It is told to everybody, since it is asked for before anybody is known.
pub(super) async fn show(State(sources): State<Sources>) -> Result<Json<Value>, Problem> {
    let accounts = sources.accounts;
    let provider = accounts.0.provider.get().map(|provider| provider.host());
    let guests = blocking(move || accounts.root().visitor()).await??.is_some();
    Ok(Json(json!({"guests": guests, "provider": provider})))
}
