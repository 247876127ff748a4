//! Why there is no connection, as people are told: what happened, with which broker, and what to do.

use std::io;

use pipit_core::config::MqttSettings;
use rumqttc::{ConnectReturnCode, ConnectionError, DisconnectReasonCode, Error as MqttError, StateError, TlsError};

use super::options::CONNECT_TIMEOUT;

/// Why a connection ended or never came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// A sentence, without any secret and without its full stop.
    pub(super) why: String,
    /// Whether somebody has to do something before it can work, so that there is no hurry to try again.
    pub(super) is_refusal: bool,
}

impl Failure {
    pub(super) fn passing(why: String) -> Failure {
        Failure { why, is_refusal: false }
    }

    pub(super) fn refusal(why: String) -> Failure {
        Failure { why, is_refusal: true }
    }

    /// What an error means, with a broker that had let Pipit in (`connected`) or had not.
    pub(super) fn of(error: &ConnectionError, settings: &MqttSettings, connected: bool) -> Failure {
        let broker = format!("the MQTT broker at {}:{}", settings.host, settings.port);
        match error {
            ConnectionError::ConnectionRefused(code) => refused(*code, &broker, settings),
            ConnectionError::MqttState(StateError::ConnFail { reason }) => refused(*reason, &broker, settings),
            ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
                disconnected(*reason_code, &broker, settings)
            }
            ConnectionError::Timeout(_) if !connected => {
                Failure::passing(format!("{broker} does not answer within {} s", CONNECT_TIMEOUT.as_secs()))
            }
            ConnectionError::Io(error)
            | ConnectionError::MqttState(StateError::Io(error) | StateError::Deserialization(MqttError::Io(error)))
            | ConnectionError::Tls(TlsError::Io(error)) => of_network(error, &broker, settings, connected),
            ConnectionError::Tls(error) => untrusted(&error.to_string(), &broker, settings),
            ConnectionError::NotConnAck(_) | ConnectionError::MqttState(StateError::Deserialization(_))
                if !connected =>
            {
                Failure::refusal(not_a_broker(&broker))
            }
            ConnectionError::MqttState(StateError::AwaitPingResp) => {
                Failure::passing(format!("{broker} has stopped answering"))
            }
            other => {
                Failure::passing(format!("the connection to {broker} was lost ({})", shortened(&other.to_string())))
            }
        }
    }
}

fn not_a_broker(broker: &str) -> String {
    format!(
        "what answers in place of {broker} does not speak MQTT 5: it is another server or expects TLS (mqtt.port, \
         mqtt.tls), or it is a broker from before 2019 and has to be updated"
    )
}

fn refused(code: ConnectReturnCode, broker: &str, settings: &MqttSettings) -> Failure {
    use ConnectReturnCode::*;
    match code {
        BadUserNamePassword | NotAuthorized => Failure::refusal(match (&settings.username, &settings.password) {
            (Some(name), Some(_)) => {
                format!("{broker} does not accept the user {name} with the password it was given; see to the two")
            }
            (Some(name), None) => format!(
                "{broker} does not accept the user {name} without a password; name it in mqtt.password_env, \
                 password_file or password_secret"
            ),
            (None, _) => format!(
                "{broker} wants to know who connects; write mqtt.username, and name the password in \
                 mqtt.password_env, password_file or password_secret"
            ),
        }),
        BadClientId | ClientIdentifierNotValid => Failure::refusal(format!(
            "{broker} does not accept the client id {}; see mqtt.client_id",
            settings.client_id
        )),
        RefusedProtocolVersion | UnsupportedProtocolVersion => Failure::refusal(not_a_broker(broker)),
        Banned => Failure::refusal(format!("{broker} has banned this client; its log says why")),
        ServerUnavailable | ServiceUnavailable | ServerBusy | ConnectionRateExceeded | QuotaExceeded => {
            Failure::passing(format!("{broker} takes no connection at the moment ({code:?})"))
        }
        UseAnotherServer | ServerMoved => {
            Failure::refusal(format!("{broker} says that it has moved; write its new address in mqtt.host"))
        }
        _ => Failure::refusal(format!("{broker} refuses the connection ({code:?}); its log says why")),
    }
}

fn disconnected(code: DisconnectReasonCode, broker: &str, settings: &MqttSettings) -> Failure {
    match code {
        DisconnectReasonCode::SessionTakenOver => Failure::refusal(format!(
            "another client has connected to {broker} under the id {}; give each Pipit a mqtt.client_id of its own",
            settings.client_id
        )),
        DisconnectReasonCode::NotAuthorized => refused(ConnectReturnCode::NotAuthorized, broker, settings),
        DisconnectReasonCode::ServerShuttingDown => Failure::passing(format!("{broker} is shutting down")),
        code => Failure::passing(format!("{broker} has ended the connection ({code:?})")),
    }
}

fn of_network(error: &io::Error, broker: &str, settings: &MqttSettings, connected: bool) -> Failure {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return untrusted(&error.to_string(), broker, settings);
    }
    if connected {
        return Failure::passing(format!("the connection to {broker} was lost"));
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            Failure::passing(format!("{broker} can't be reached: nothing listens there; see mqtt.host and mqtt.port"))
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            let tls = if settings.tls.is_some() { "no TLS" } else { "TLS" };
            Failure::passing(format!("{broker} hangs up before it has answered; perhaps it expects {tls} (mqtt.tls)"))
        }
        _ => Failure::passing(format!("{broker} can't be reached: {}", shortened(&error.to_string()))),
    }
}

fn untrusted(why: &str, broker: &str, settings: &MqttSettings) -> Failure {
    let advice = match &settings.tls {
        _ if why.contains("alert") => "see mqtt.client_cert_file, and the broker's log",
        Some(tls) if tls.ca.is_some() => {
            "mqtt.ca_file must hold the authority that signed its certificate for mqtt.host"
        }
        _ => "name the authority that signed its certificate in mqtt.ca_file",
    };
    Failure::refusal(format!("no encrypted connection to {broker} ({}); {advice}", shortened(why)))
}

/// What strangers say, on one line.
fn shortened(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
