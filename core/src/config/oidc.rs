//! `web.oidc_*`: the server that vouches for people who sign in to the panel.

use url::Url;

use super::checked::OidcSettings;
use super::layers::Settings;
use super::{server, wire};
use crate::chat::Tier;

/// Reads everything about it; nothing where none is named.
pub(super) fn oidc(settings: &mut Settings<'_>, web: &wire::Web) -> Option<OidcSettings> {
    let issuer = web.oidc_issuer.trim();
    if issuer.is_empty() {
        return None;
    }
    if let Err(sentence) = check_issuer(issuer) {
        settings.object(&[("web", "oidc_issuer")], sentence);
    }
    let client_id = web.oidc_client_id.trim();
    if client_id.is_empty() {
        let sentence = "web.oidc_issuer names a server; write in web.oidc_client_id by which name that knows Pipit";
        settings.object(&[("web", "oidc_client_id"), ("web", "oidc_issuer")], sentence);
    }
    let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    Some(OidcSettings {
        issuer: issuer.to_owned(),
        client_id: client_id.to_owned(),
        secret: text(&web.oidc_secret),
        claim: text(&web.oidc_claim).unwrap_or_else(|| "sub".to_owned()),
        tier: Tier::of_url(issuer),
    })
}

/// What to write instead. The sentence does not repeat the address, which may hold a password.
fn check_issuer(written: &str) -> Result<(), String> {
    const EXAMPLE: &str = "write for example \"https://id.example.org\"";
    let url = Url::parse(written).map_err(|error| format!("web.oidc_issuer is no address ({error}); {EXAMPLE}"))?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !is_plain || url.fragment().is_some() {
        return Err(format!(
            "web.oidc_issuer must begin with https:// and have neither a user name nor a ? or #; {EXAMPLE}"
        ));
    }
    if url.scheme() == "http" && !url.host().is_some_and(|host| server::is_private(&host)) {
        return Err(format!("web.oidc_issuer would send secrets over the Internet unencrypted; {EXAMPLE}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_issuer;

    #[test]
    fn whoever_vouches_for_people_is_asked_where_nobody_listens() {
        for fit in [
            "https://id.example.org",
            "https://id.example.org/realms/home",
            "http://127.0.0.1:3000",
            "http://nas.local/",
        ] {
            assert_eq!(check_issuer(fit), Ok(()), "{fit}");
        }
        for unfit in [
            "id.example.org",
            "ftp://id.example.org",
            "http://id.example.org",
            "https://a:secret@b.org",
            "https://b.org/?a",
            "https://b.org/#a",
        ] {
            let sentence = check_issuer(unfit).unwrap_err();
            assert!(sentence.contains("web.oidc_issuer") && !sentence.contains("secret@"), "{unfit}: {sentence}");
        }
    }
}
