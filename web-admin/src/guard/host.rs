//! Which names this machine is asked by. A page whose own name is made to point here (DNS rebinding) may read what is served
//! under that name, so nothing is served under names that are not this machine's.

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::http::uri::Authority;

use crate::problem::Problem;

/// Lets through addresses, `localhost`, names that end in `.local`, and `known` ones.
pub(super) fn judge(parts: &Parts, known: &[String]) -> Result<(), Problem> {
    let wrong = || {
        let message = "Pipit is not asked by this name; open it by its address or its name that ends in .local, or list the \
                       name in web.hosts.";
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", message)
    };
    let mut names = parts.headers.get_all("host").iter();
    let (Some(name), None) = (names.next(), names.next()) else { return Err(wrong()) };
    let host: Authority = name.to_str().ok().and_then(|name| name.parse().ok()).ok_or_else(wrong)?;
    let is_ours = |host: &Authority| !host.as_str().contains('@') && is_name(host.host(), known);
    // Of a request to a proxy, the target has a name too.
    if is_ours(&host) && parts.uri.authority().is_none_or(is_ours) { Ok(()) } else { Err(wrong()) }
}

fn is_name(host: &str, known: &[String]) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if bare.map_or_else(|| host.parse::<std::net::Ipv4Addr>().is_ok(), |v6| v6.parse::<std::net::Ipv6Addr>().is_ok()) {
        return true;
    }
    let host = host.to_ascii_lowercase();
    let ends_in = |name: &str| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let has_label = |name: &str| host.len() > name.len() && ends_in(name);
    ends_in("localhost") || has_label("local") || known.iter().any(|known| known.eq_ignore_ascii_case(&host))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn is_let_through(hosts: &[&str], target: &str) -> bool {
        let mut request = Request::builder().uri(target);
        for host in hosts {
            request = request.header("host", *host);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        judge(&parts, &["wren".to_owned(), "pipit.example.org".to_owned()]).is_ok()
    }

    #[test]
    fn only_names_of_this_machine_are_let_through() {
        let ours = [
            "192.168.1.7",
            "192.168.1.7:7847",
            "[fe80::1]:7847",
            "[::1]",
            "localhost",
            "localhost:7847",
            "pipit.localhost",
            "pipit.local",
            "PIPIT.local.",
            "kitchen.pipit.local:80",
            "wren",
            "Wren:7847",
            "pipit.example.org",
        ];
        for host in ours {
            assert!(is_let_through(&[host], "/"), "{host}");
        }
        let others = [
            "",
            "local",
            ".local.evil.com",
            "evil.com",
            "pipit.local.evil.com",
            "notlocal",
            "xlocalhost",
            "192.168.1.7.evil.com",
            "evil.com:7847",
            "evil.com#pipit.local",
            "pipit.local@evil.com",
            "evil@pipit.local",
            "wren.evil.com",
            "1.2.3",
            "0x7f000001",
        ];
        for host in others {
            assert!(!is_let_through(&[host], "/"), "{host}");
        }
        assert!(!is_let_through(&[], "/"));
        assert!(!is_let_through(&["pipit.local", "evil.com"], "/"));
        assert!(!is_let_through(&["pipit.local"], "http://evil.com/"));
        assert!(is_let_through(&["pipit.local"], "http://pipit.local/"));
    }
}
