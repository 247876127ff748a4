//! `GET /api/display.png`: what Pipit shows of itself, as a picture. It has no word of what is said, since whoever looks may be
//! somebody else than who speaks.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::Sources;
use crate::account::Who;
use crate::problem::{Problem, blocking};

/// Draws what is shown now, without words, as PNG; `None` where that can't be done.
pub type Display = Arc<dyn Fn() -> Option<Vec<u8>> + Send + Sync>;

async fn picture(State(sources): State<Sources>, who: Who) -> Result<impl IntoResponse, Problem> {
    who.require_resident()?;
    let picture = blocking(move || (sources.display)()).await?;
    let picture = picture.ok_or_else(|| Problem::not_found("There is no picture of what a display would show."))?;
    Ok(([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "no-store")], picture))
}

pub(crate) fn routes() -> Router<Sources> {
    Router::new().route("/api/display.png", get(picture))
}
