//! Keeps the last lines of the log for the panel, beside what goes to standard error.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use pipit_web::Logs;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Hands on what is logged. What people say, which is logged at `trace`, is left out, and of the libraries whatever is no
/// warning: they may say to which address something goes.
pub struct LogLines(pub Logs);

impl<S: Subscriber> Layer<S> for LogLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        let mut line = Line { part: event.metadata().target().to_owned(), ..Line::default() };
        event.record(&mut line);
        let is_own = line.part.starts_with("pipit");
        if level == Level::TRACE || (level > Level::WARN && !is_own) {
            return;
        }
        let Line { part, message, fields } = line;
        self.0.push(Timestamp::now(), level, &part, (message + &fields).trim_start());
    }
}

#[derive(Default)]
struct Line {
    part: String,
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            // What comes from the crate `log` says there where it comes from.
            "log.target" => value.clone_into(&mut self.part),
            _ => self.record_debug(field, &format_args!("{value}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name if name.starts_with("log.") => Ok(()),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn what_is_logged_is_kept_but_for_what_people_say() {
        let logs = Logs::default();
        let subscriber = tracing_subscriber::registry().with(LogLines(logs.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(turn = 3, ended_by = "silence", "decided");
            tracing::trace!(transcript = "what people said");
            tracing::info!(target: "hyper::client", "https://api.example.org/?key=secret");
            tracing::warn!(target: "rumqttc", "a warning");
        });
        let text = logs.text();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("INFO pipit::log_lines::tests: decided turn=3 ended_by=silence"), "{text}");
        assert!(text.contains("WARN rumqttc: a warning"), "{text}");
    }
}
