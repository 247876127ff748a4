//! The address of a language-model server: well formed, and safe to send a key to.

use url::{Host, Url};

use crate::chat::Tier;

/// Reads the `base_url` of `section` and gives it back without a slash at its end.
///
/// # Errors
/// What to write instead. The sentence does not repeat the address, which may hold a password.
pub(super) fn base_url(section: &str, written: &str, with_key: bool) -> Result<String, String> {
    const EXAMPLE: &str = "write for example \"http://127.0.0.1:11434\" or \"https://api.openai.com/v1\"";
    let url =
        Url::parse(written.trim()).map_err(|error| format!("{section}.base_url is no address ({error}); {EXAMPLE}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{section}.base_url must begin with http:// or https://; {EXAMPLE}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "{section}.base_url must not contain a user name or a password; leave out what stands before the @, and \
             name the key in {section}.api_key_env, api_key_file or api_key_secret"
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{section}.base_url must end before any ? or #; {EXAMPLE}"));
    }
    if with_key && url.scheme() == "http" && !url.host().is_some_and(|host| is_private(&host)) {
        return Err(format!(
            "{section}.base_url would send the API key over the Internet unencrypted; write https:// instead of \
             http://, or set none of {section}.api_key_env, api_key_file and api_key_secret"
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Reads the `base_url` of `section` as that of a Wyoming server: `tcp://host:port` and nothing else.
///
/// # Errors
/// What to write instead.
pub(super) fn wyoming_address(section: &str, written: &str) -> Result<String, String> {
    let url = Url::parse(written).ok().filter(|url| {
        let alone = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        url.scheme() == "tcp"
            && url.port().is_some()
            && alone
            && matches!(url.path(), "" | "/")
            && url.fragment().is_none()
    });
    let host = url.as_ref().and_then(Url::host_str).filter(|host| !host.is_empty());
    match host.zip(url.as_ref().and_then(Url::port)) {
        Some((host, port)) => Ok(format!("tcp://{host}:{port}")),
        None => Err(format!(
            "{section}.base_url must be the host and the port of a Wyoming server; write for example \
             \"tcp://nas.local:10300\""
        )),
    }
}

/// Whether what is sent to a host stays at home, or is encrypted on its way anyhow.
pub(super) fn is_private(host: &Host<&str>) -> bool {
    // 100.64.0.0/10 is what Tailscale and other overlay networks number their (encrypted) links with.
    let is_overlay = matches!(host, Host::Ipv4(address) if matches!(address.octets(), [100, 64..=127, ..]));
    is_overlay || Tier::of_host(host) < Tier::Outside
}

#[cfg(test)]
mod tests {
    use super::{base_url, wyoming_address};

    #[test]
    fn a_key_travels_unencrypted_only_at_home() {
        let at_home = ["localhost:1", "127.9.9.9", "[::1]:1", "192.168.1.5:11434", "10.0.0.1", "172.31.0.1", "box"];
        let also =
            ["box.local", "box.lan.", "[fd00::1]", "[fe80::1]", "[::ffff:10.0.0.1]", "100.100.1.1", "2130706433"];
        for host in at_home.iter().chain(&also) {
            assert!(base_url("chat", &format!("http://{host}/v1"), true).is_ok(), "{host}");
        }
        let abroad = ["api.openai.com", "8.8.8.8", "172.32.0.1", "100.128.0.1", "[2001:db8::1]", "[::ffff:8.8.8.8]"];
        for host in abroad.iter().chain(&["local.example.com", "box.local.example.com", "134744072"]) {
            assert!(base_url("chat", &format!("http://{host}/v1"), true).is_err(), "{host}");
            assert!(base_url("chat", &format!("https://{host}/v1"), true).is_ok(), "{host}");
            assert!(base_url("chat", &format!("http://{host}/v1"), false).is_ok(), "{host}");
        }
    }

    #[test]
    fn a_wyoming_server_is_a_host_and_a_port() {
        for (written, read) in [("tcp://nas:10300/", "tcp://nas:10300"), ("tcp://[::1]:1", "tcp://[::1]:1")] {
            assert_eq!(wyoming_address("stt", written).as_deref(), Ok(read));
        }
        for wrong in [
            "nas:10300",
            "tcp://nas",
            "tcp://:1",
            "http://nas:1",
            "tcp://me:pw@nas:1",
            "tcp://nas:1/v1",
            "tcp://nas:99999",
        ] {
            assert!(wyoming_address("stt", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn slashes_at_the_end_go() {
        assert_eq!(base_url("chat", " https://api.openai.com/v1/ ", true).as_deref(), Ok("https://api.openai.com/v1"));
        assert_eq!(base_url("chat", "http://127.0.0.1:11434", false).as_deref(), Ok("http://127.0.0.1:11434"));
    }
}
