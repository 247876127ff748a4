//! Which pages may have something changed: the panel's own. Browsers send a person's cookie along with whatever any page has
//! them send, and say in `Sec-Fetch-Site` and `Origin` whose page that was, which no page can change.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};

use crate::problem::Problem;

const SITE: &str = "sec-fetch-site";

/// Lets through what changes nothing, what the panel's own page sends, and what programs send. A socket may be opened by any page
/// (RFC 6455, 10.2), and what is said on it has no origin any more, so opening one is taken for a change.
pub(super) fn judge(parts: &Parts) -> Result<(), Problem> {
    let headers = &parts.headers;
    let only_reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method);
    if only_reads && !headers.contains_key(header::UPGRADE) || has_token(headers) {
        return Ok(());
    }
    let is_own = match (headers.get(SITE), headers.get(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => is_of_host(origin.as_bytes(), headers),
        // Without a cookie there is nothing that a page could use; and browsers send one of the two.
        (None, None) => !headers.contains_key(header::COOKIE),
    };
    if is_own {
        return Ok(());
    }
    Err(Problem::forbidden("This was sent by a page that is not Pipit's; open the panel and do it there."))
}

/// Whether a token is shown, which no page can have a browser send without asking first.
fn has_token(headers: &HeaderMap) -> bool {
    super::has_any(headers, &["authorization"])
}

/// Whether a page in a browser asks that is not the one that is served here, or may be.
pub(super) fn is_of_page(headers: &HeaderMap) -> bool {
    let is_elsewhere = |site: &axum::http::HeaderValue| site != "same-origin" && site != "none";
    headers.contains_key(header::ORIGIN) || headers.get(SITE).is_some_and(is_elsewhere)
}

fn is_of_host(origin: &[u8], headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return false };
    let authority = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_bytes()))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn is_let_through(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri("/api/control").header("host", "pipit.local:7847");
        request = match method {
            "upgrade" => request.method("GET").header("connection", "Upgrade").header("upgrade", "websocket"),
            method => request.method(method),
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        judge(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    #[test]
    fn only_the_panels_own_page_changes_something() {
        let cookie = ("cookie", "pipit_session=1");
        for method in ["POST", "PUT", "PATCH", "DELETE", "upgrade"] {
            for own in [
                &[cookie, (SITE, "same-origin")][..],
                &[cookie, ("origin", "http://pipit.local:7847")],
                &[cookie, ("origin", "https://Pipit.local:7847")],
                &[("authorization", "Bearer pipit_1")],
                &[],
            ] {
                assert!(is_let_through(method, own), "{method} {own:?}");
            }
            for other in [
                &[cookie][..],
                &[cookie, (SITE, "cross-site")],
                &[cookie, (SITE, "same-site")],
                &[cookie, (SITE, "none")],
                &[cookie, ("origin", "null")],
                &[cookie, ("origin", "")],
                &[cookie, ("origin", "http://pipit.local")],
                &[cookie, ("origin", "http://pipit.local:7848")],
                &[cookie, ("origin", "http://evil.com")],
                &[cookie, ("origin", "http://pipit.local:7847.evil.com")],
                &[cookie, ("origin", "http://pipit.local:7847"), (SITE, "cross-site")],
                &[("origin", "http://evil.com")],
                &[(SITE, "cross-site")],
            ] {
                assert!(!is_let_through(method, other), "{method} {other:?}");
            }
        }
        assert!(is_let_through("GET", &[cookie, ("origin", "http://evil.com"), (SITE, "cross-site")]));
    }
}
