//! The panel's files, which `make ui` builds and this binary holds.
//!
//! They are the same for everybody and tell nothing of anybody, so whoever reaches this address gets them. What they show
//! they ask of the API, which knows who asks.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::Problem;

/// In a debug build they are read from the folder at each request, so that the panel is worked on without compiling anew.
#[derive(RustEmbed)]
#[folder = "ui/dist"]
struct Built;

/// The first parts of the addresses of pages. The script draws the page that an address names.
const PAGES: [&str; 22] = [
    "talk",
    "live",
    "timeline",
    "timers",
    "house",
    "voices",
    "models",
    "audio",
    "memory",
    "people",
    "access",
    "settings",
    "backup",
    "audit",
    "system",
    "docs",
    "claim",
    "welcome",
    "privacy",
    "logs",
    "providers",
    "personas",
];

/// The file that `uri` names, or the page's frame where it names a page.
pub(crate) async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if method != Method::GET && method != Method::HEAD || of_an_api(path) {
        return nothing_here();
    }
    let name = if is_page(path) { "index.html" } else { path };
    // What was compressed in advance is part of another answer, and no answer by itself.
    let compressed_itself = name.ends_with(".br") || name.ends_with(".gz");
    let Some(whole) = Built::get(name).filter(|_| !compressed_itself) else {
        return if name == "index.html" { not_built() } else { nothing_here() };
    };
    let (sent, encoding) = as_accepted(name, whole, &headers);
    let tag = etag(&sent);
    let mut response = if known(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(sent.data).into_response()
    };
    let answered = response.headers_mut();
    answered.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    answered.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching(name)));
    answered.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answered.insert(header::ETAG, tag);
    }
    if let Some(encoding) = encoding {
        answered.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn of_an_api(path: &str) -> bool {
    ["api", "v1"].contains(&path.split('/').next().unwrap_or_default())
}

fn is_page(path: &str) -> bool {
    let mut parts = path.split('/');
    let first = parts.next().unwrap_or_default();
    // `/talk/7` is a conversation. No page is deeper, and no page has a dot in its name as files do.
    let second = parts.next().unwrap_or_default();
    parts.next().is_none() && !second.contains('.') && (path.is_empty() || PAGES.contains(&first))
}

/// The file as it was compressed at build time in the best way that the browser takes, and what that is called.
fn as_accepted(name: &str, whole: EmbeddedFile, headers: &HeaderMap) -> (EmbeddedFile, Option<&'static str>) {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let packed = [("br", "br"), ("gz", "gzip")].into_iter().find_map(|(ending, encoding)| {
        let taken = accepts(accepted, encoding);
        taken.then(|| Built::get(&format!("{name}.{ending}"))).flatten().map(|file| (file, Some(encoding)))
    });
    packed.unwrap_or((whole, None))
}

/// Whether an Accept-Encoding header names `encoding` and does not refuse it (RFC 9110, 12.5.3).
fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        named && quality.is_none_or(|quality| quality.parse().is_ok_and(|quality: f32| quality > 0.0))
    })
}

/// Strong, since it names the very bytes that are sent.
fn etag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    format!("\"{}\"", hash[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Whether the browser has it already (RFC 9110, 13.1.2).
fn known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// What has its own hash in its name never changes.
fn caching(name: &str) -> &'static str {
    if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn not_built() -> Response {
    let words = "The panel is not in this build of Pipit: run `make ui` in the sources, and build Pipit again.\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(header::CACHE_CONTROL, "no-store")], words).into_response()
}

fn nothing_here() -> Response {
    Problem::not_found("There is nothing at this address; the panel is at /.").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_pages_and_files_are_files() {
        for page in ["", "talk", "talk/12", "timeline", "access"] {
            assert!(is_page(page), "{page}");
        }
        for other in ["talk/a/b", "talk.js", "talk/app.js", "nowhere", "assets/app.js", "../talk", "index.html"] {
            assert!(!is_page(other), "{other}");
        }
        for of_an_api_path in ["api", "api/session", "v1", "v1/chat"] {
            assert!(of_an_api(of_an_api_path), "{of_an_api_path}");
        }
    }

    #[test]
    fn an_encoding_is_taken_where_it_is_named_and_not_refused() {
        for (header, taken) in [
            ("gzip, deflate, br", true),
            ("br;q=0.5", true),
            ("BR", true),
            ("br;q=0", false),
            ("br; q=0.0", false),
            ("br;q=what", false),
            ("brotli, gzip", false),
            ("", false),
        ] {
            assert_eq!(accepts(header, "br"), taken, "{header}");
        }
    }
}
