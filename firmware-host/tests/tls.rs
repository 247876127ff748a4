//! HTTPS from the device's own authority, with rustls as the browser.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use pipit::authority::Authority;
use pipit_store::Store;
use rcgen::{CertificateParams, DistinguishedName, DnType, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use support::Home;
use support::web::free_address;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// Far beyond what anything here takes, so that only what never happens fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn authority(folder: &tempfile::TempDir) -> Authority {
    Authority::of(&Store::open(&folder.path().join("pipit.db")).unwrap(), "Pipit test").unwrap()
}

async fn serve(config: Arc<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let whoami = get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() });
    let router = Router::new().route("/", whoami);
    tokio::spawn(pipit_web::serve(listener, Some(config), router, std::future::pending()));
    address
}

/// What a browser that trusts this is shown by whoever calls itself `name`, or why it shows nothing.
async fn visit(address: SocketAddr, name: &str, trusts: &str) -> Result<String, String> {
    ask(address, name, trusts, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await
}

async fn ask(address: SocketAddr, name: &str, trusts: &str, request: &str) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusts.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let visited = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream =
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| error.to_string())?;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = String::new();
        stream.read_to_string(&mut read).await.unwrap();
        Ok(read)
    };
    tokio::time::timeout(PATIENCE, visited).await.unwrap()
}

#[tokio::test]
async fn whoever_trusts_the_device_sees_the_panel_by_each_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority(&folder);
    let names = ["pipit.local", "localhost", "example.org"].map(str::to_owned);
    authority
        .vouch_for(&names, &["127.0.0.1", "192.168.1.5", "8.8.8.8"].map(|ip| ip.parse::<IpAddr>().unwrap()))
        .unwrap();
    let address = serve(authority.server_config().unwrap()).await;
    for name in ["pipit.local", "localhost", "127.0.0.1", "192.168.1.5"] {
        let page = visit(address, name, authority.certificate()).await.unwrap();
        assert!(page.starts_with("HTTP/1.1 200") && page.ends_with("127.0.0.1"), "{name}: {page}");
    }
    for stranger in ["example.org", "8.8.8.8", "other.local"] {
        assert!(visit(address, stranger, authority.certificate()).await.is_err(), "{stranger}");
    }
    assert!(authority.vouch_for(&["example.org".to_owned()], &[]).is_err());
    let other = self::authority(&tempfile::tempdir().unwrap());
    assert!(visit(address, "pipit.local", other.certificate()).await.is_err(), "it trusts another device");
    // It is the same after a restart.
    assert_eq!(self::authority(&folder).certificate(), authority.certificate());
}

#[tokio::test]
async fn what_a_thief_of_its_key_signs_for_the_world_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority(&folder);
    let store = Store::open(&folder.path().join("pipit.db")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&store.secret("panel-authority").unwrap().unwrap()).unwrap();
    let stolen = KeyPair::from_pem(kept["key"].as_str().unwrap()).unwrap();
    let mut issuer = CertificateParams::default();
    issuer.distinguished_name = DistinguishedName::new();
    issuer.distinguished_name.push(DnType::CommonName, kept["name"].as_str().unwrap());
    let forged = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new([name.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::from_params(&issuer, &stolen)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap())
    };
    let near = serve(forged("other.local")).await;
    assert!(visit(near, "other.local", authority.certificate()).await.is_ok(), "the forgery itself is sound");
    let far = serve(forged("bank.example")).await;
    let why = visit(far, "bank.example", authority.certificate()).await.unwrap_err();
    assert!(why.contains("NameConstraint"), "{why}");
}

#[tokio::test]
async fn one_who_never_shakes_hands_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority(&folder);
    authority.vouch_for(&["pipit.local".to_owned()], &[]).unwrap();
    let address = serve(authority.server_config().unwrap()).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(visit(address, "pipit.local", authority.certificate()).await.is_ok());
    let mut nothing = Vec::new();
    plain.read_to_end(&mut nothing).await.unwrap();
    assert!(!nothing.starts_with(b"HTTP"), "who speaks no TLS is shown nothing");
    silent.write_all(b"x").await.unwrap();
}

#[tokio::test]
async fn the_daemon_shows_the_panel_by_tls_with_a_cookie_that_nobody_else_can_set() {
    let home = Home::new();
    let (plain, https) = (free_address(), free_address());
    let listen = format!("listen = \"{plain}\"\nhttps_listen = \"{https}\"");
    home.configure(&home.usual_config().replace("listen = \"\"", &listen));
    let mut daemon = Killed(home.command().arg("run").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let read = tokio::task::spawn_blocking(move || support::web::page(plain, "/authority.crt"));
    let (head, certificate) = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    assert!(head.starts_with("http/1.1 200") && head.contains("application/x-x509-ca-cert"), "{head}");
    let out =
        "DELETE /api/session HTTP/1.1\r\nHost: pipit.local\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n";
    let signed_out = loop {
        // The certificate is signed a moment after the port is open.
        match ask(https, "pipit.local", &certificate, out).await {
            Ok(answer) => break answer,
            Err(error) => assert!(daemon.0.try_wait().unwrap().is_none(), "{error}"),
        }
    };
    let cookie =
        signed_out.lines().find_map(|line| line.to_lowercase().strip_prefix("set-cookie: ").map(str::to_owned));
    let cookie = cookie.unwrap_or_else(|| panic!("{signed_out}"));
    assert!(cookie.starts_with("__host-pipit_session=;") && cookie.contains("; secure"), "{cookie}");
    let unknown = ask(
        https,
        "pipit.local",
        &certificate,
        "GET /api/state HTTP/1.1\r\nHost: pipit.local\r\nConnection: close\r\n\r\n",
    );
    let unknown = unknown.await.unwrap();
    assert!(unknown.starts_with("HTTP/1.1 401"), "{unknown}");
}

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
