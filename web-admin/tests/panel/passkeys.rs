//! Passkeys, with an authenticator in software that says what it is told to say.
use crate::support::{ANNS, Answer, Ask, Daemon, OTTOS, Shown};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use pipit_store::{NewPrivacy, Role};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

const HOST: &str = "pipit.local:7848";
const ORIGIN: &str = "https://pipit.local:7848";

struct Authenticator {
    pair: EcdsaKeyPair,
    credential: Vec<u8>,
    user: Vec<u8>,
    count: u32,
    /// What it and its browser say otherwise than they should.
    flags: u8,
    host: &'static str,
    origin: &'static str,
    kind: Option<&'static str>,
}

impl Authenticator {
    fn new(credential: &str) -> Authenticator {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).unwrap();
        let credential = credential.as_bytes().to_vec();
        let (flags, host) = (0x05, "pipit.local");
        Authenticator { pair, credential, user: Vec::new(), count: 0, flags, host, origin: ORIGIN, kind: None }
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> String {
        let kind = self.kind.unwrap_or(kind);
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false}).to_string()
    }

    fn data(&self, flags: u8, rest: &[u8]) -> Vec<u8> {
        [digest(&SHA256, self.host.as_bytes()).as_ref(), &[self.flags | flags], &self.count.to_be_bytes(), rest]
            .concat()
    }

    /// A new passkey, as the panel's page sends it.
    fn made(&mut self, options: &Value, name: &str) -> Value {
        self.user = BASE64.decode(options["user"].as_str().unwrap()).unwrap();
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let length = u16::try_from(self.credential.len()).unwrap().to_be_bytes();
        let before_x = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        let rest = [&[0; 16][..], &length, &self.credential, &before_x, x, &[0x22, 0x58, 0x20], y].concat();
        let client_data = self.client_data("webauthn.create", &options["challenge"]);
        json!({
            "name": name,
            "client_data": BASE64.encode(client_data),
            "authenticator_data": BASE64.encode(self.data(0x40, &rest)),
        })
    }

    /// What signs somebody in.
    fn signed(&self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", &options["challenge"]);
        let data = self.data(0, &[]);
        let signed = [&*data, digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": BASE64.encode(&self.credential),
            "client_data": BASE64.encode(client_data),
            "authenticator_data": BASE64.encode(data),
            "signature": BASE64.encode(signature.as_ref()),
            "user": BASE64.encode(&self.user),
        })
    }
}

fn at_home<'a>(method: &'a str, path: &'a str) -> Ask<'a> {
    Ask::new(method, path).with("host", HOST).with("origin", ORIGIN)
}

async fn options(daemon: &Daemon, by: &Shown, password: &str) -> Answer {
    daemon.ask(at_home("POST", "/api/passkeys/options").by(by).body(json!({"password": password}))).await
}

async fn to_sign(daemon: &Daemon) -> Value {
    daemon.ask(at_home("POST", "/api/session/passkey/options")).await.body
}

async fn sign_in(daemon: &Daemon, signed: Value) -> Answer {
    daemon.ask(at_home("POST", "/api/session/passkey").body(signed)).await
}

#[tokio::test]
async fn a_passkey_signs_in_whoever_made_it_until_it_is_removed() {
    let daemon = Daemon::claimed();
    let (ann, otto) = (daemon.session_of("Ann", ANNS).await, daemon.session_of("Otto", OTTOS).await);
    assert_eq!(options(&daemon, &ann, "wrong horses").await.code(), "wrong_credentials");
    let by_address = Ask::new("POST", "/api/passkeys/options").by(&ann).with("host", "192.168.1.7");
    let by_address = by_address.with("origin", "http://192.168.1.7").body(json!({"password": ANNS}));
    assert_eq!(daemon.ask(by_address).await.status, 409);
    let asked = options(&daemon, &ann, ANNS).await.body;
    assert_eq!((&asked["host"], &asked["name"], &asked["known"]), (&json!("pipit.local"), &json!("Ann"), &json!([])));
    let mut phone = Authenticator::new("phone");
    let made = phone.made(&asked, "Phone");
    let add = |by: &Shown, made: &Value| at_home("POST", "/api/passkeys").by(by).body(made.clone());
    assert_eq!(daemon.ask(add(&otto, &made)).await.code(), "unfit_passkey", "he was not asked");
    assert_eq!(daemon.ask(add(&ann, &made)).await.code(), "unfit_passkey", "and now she was not either");
    let asked = options(&daemon, &ann, ANNS).await.body;
    let made = phone.made(&asked, "Phone");
    assert_eq!(daemon.ask(add(&ann, &made)).await.status, 201);
    assert_eq!(options(&daemon, &ann, ANNS).await.body["known"], json!([BASE64.encode("phone")]));

    let asked = to_sign(&daemon).await;
    let signed = phone.signed(&asked);
    let signed_in = sign_in(&daemon, signed.clone()).await;
    assert_eq!((signed_in.status, &signed_in.body["person"]["name"]), (200, &json!("Ann")));
    assert_eq!(sign_in(&daemon, signed).await.code(), "wrong_passkey", "what was sent before");
    let list = daemon.ask(Ask::new("GET", "/api/passkeys").by(&ann)).await.body;
    assert_eq!((&list[0]["name"], &list[0]["host"]), (&json!("Phone"), &json!("pipit.local")));
    let one = format!("/api/passkeys/{}", list[0]["id"]);
    for by in [&otto, &ann] {
        let status = if std::ptr::eq(by, &ann) { 204 } else { 404 };
        let rename = Ask::new("PATCH", &one).by(by).body(json!({"name": "My phone"}));
        assert_eq!(daemon.ask(rename).await.status, status);
        assert_eq!(daemon.ask(Ask::new("DELETE", &one).by(by)).await.status, status);
    }
    let asked = to_sign(&daemon).await;
    assert_eq!(sign_in(&daemon, phone.signed(&asked)).await.code(), "wrong_passkey");
    let audit = daemon.ask(Ask::new("GET", "/api/audit").by(&otto)).await.body.to_string();
    for what in ["passkey 1 made", "signed in by passkey 1", "passkey 1 removed", "sign-in by a passkey failed"] {
        assert!(audit.contains(what), "{what}: {audit}");
    }
}

#[tokio::test]
async fn what_is_not_said_here_now_and_by_its_owner_signs_nobody_in() {
    let daemon = Daemon::claimed();
    let ann = daemon.session_of("Ann", ANNS).await;
    type Slip = fn(&mut Authenticator);
    let wrong: [(&str, Slip); 7] = [
        ("nobody was there", |key| key.flags = 0x04),
        ("nobody showed that it is theirs", |key| key.flags = 0x01),
        ("another host", |key| key.host = "evil.com"),
        ("another page", |key| key.origin = "https://evil.com"),
        ("another port", |key| key.origin = "https://pipit.local"),
        ("without TLS", |key| key.origin = "http://pipit.local:7848"),
        ("for something else", |key| key.kind = Some("webauthn.other")),
    ];
    for (n, (what, wrong)) in wrong.iter().enumerate() {
        let asked = options(&daemon, &ann, ANNS).await.body;
        let mut key = Authenticator::new(&format!("wrong {n}"));
        wrong(&mut key);
        let made = at_home("POST", "/api/passkeys").by(&ann).body(key.made(&asked, "A"));
        assert_eq!(daemon.ask(made).await.code(), "unfit_passkey", "{what}");
    }
    let asked = options(&daemon, &ann, ANNS).await.body;
    daemon.pass(300);
    let late = at_home("POST", "/api/passkeys").by(&ann).body(Authenticator::new("late").made(&asked, "A"));
    assert_eq!(daemon.ask(late).await.code(), "unfit_passkey");

    let mut key = Authenticator::new("key");
    key.count = 7;
    let asked = options(&daemon, &ann, ANNS).await.body;
    let made = at_home("POST", "/api/passkeys").by(&ann).body(key.made(&asked, "Key"));
    assert_eq!(daemon.ask(made).await.status, 201);
    key.count = 8;
    for (what, wrong) in wrong {
        wrong(&mut key);
        let asked = to_sign(&daemon).await;
        assert_eq!(sign_in(&daemon, key.signed(&asked)).await.code(), "wrong_passkey", "{what}");
        (key.flags, key.host, key.origin, key.kind) = (0x05, "pipit.local", ORIGIN, None);
    }
    let mut other = Authenticator::new("key");
    (other.user, other.count) = (key.user.clone(), 8);
    let asked = to_sign(&daemon).await;
    assert_eq!(sign_in(&daemon, other.signed(&asked)).await.code(), "wrong_passkey", "another key signed it");
    let asked = to_sign(&daemon).await;
    let mut somebody = key.signed(&asked);
    somebody["user"] = json!(BASE64.encode([7; 16]));
    assert_eq!(sign_in(&daemon, somebody).await.code(), "wrong_passkey", "for somebody else");
    assert_eq!(
        sign_in(&daemon, key.signed(&json!({"challenge": BASE64.encode([1; 32])}))).await.code(),
        "wrong_passkey"
    );
    let asked = options(&daemon, &ann, ANNS).await.body;
    assert_eq!(sign_in(&daemon, key.signed(&asked)).await.code(), "wrong_passkey", "a challenge for something else");
    let asked = to_sign(&daemon).await;
    daemon.pass(300);
    assert_eq!(sign_in(&daemon, key.signed(&asked)).await.code(), "wrong_passkey", "too late");
    let asked = to_sign(&daemon).await;
    assert_eq!(sign_in(&daemon, key.signed(&asked)).await.status, 200);
    for count in [8, 7, 0] {
        key.count = count;
        let asked = to_sign(&daemon).await;
        assert_eq!(sign_in(&daemon, key.signed(&asked)).await.code(), "wrong_passkey", "it was copied");
    }
}

#[tokio::test]
async fn what_only_a_passphrase_opens_no_passkey_does() {
    let daemon = Daemon::claimed();
    daemon.add("Pia", Role::Member, NewPrivacy::Private("only I know it"), None);
    let pia = daemon.session_of("Pia", "only I know it").await;
    assert_eq!(options(&daemon, &pia, "only I know it").await.status, 409);
}
