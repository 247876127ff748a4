//! Which topics may be listened to and written to on the word of a discovery message.

/// The longest topic that is used, in bytes; real ones have a tenth of it.
const LONGEST: usize = 512;

/// Which topics are the household's, and which are Pipit's own or the discovery's.
#[derive(Clone, Debug)]
pub(super) struct Territory {
    /// What discovery topics begin with.
    pub(super) prefix: String,
    /// Topics below which nobody but this Pipit publishes or is told what to do.
    pub(super) own: Vec<String>,
}

/// Where a discovery message came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The component's name, or "device".
    pub(super) component: &'a str,
    /// The topic between the prefix and "config", which tells an entity or a device from all others.
    pub(super) id: &'a str,
    /// The parts of it behind the component.
    pub(super) ids: [Option<&'a str>; 2],
}

/// Whether `topic` is `of`, or below it.
pub(super) fn is_below(topic: &str, of: &str) -> bool {
    topic.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Territory {
    /// The topic of a discovery message taken apart; nothing where it is another topic.
    pub(super) fn place<'a>(&self, topic: &'a str) -> Option<Place<'a>> {
        let id = topic.strip_prefix(&*self.prefix)?.strip_prefix('/')?.strip_suffix("/config")?;
        let mut parts = id.split('/');
        let component = parts.next()?;
        let ids = [parts.next(), parts.next()];
        let said =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let known =
            parts.next().is_none() && said(component) && ids[0].is_some() && ids.into_iter().flatten().all(said);
        (known && id.len() <= LONGEST).then_some(Place { component, id, ids })
    }

    /// Whether `topic` may be listened to.
    ///
    /// # Errors
    /// Why not, about "the topic ...".
    pub(super) fn readable(&self, topic: &str) -> Result<(), String> {
        if topic.is_empty() || topic.len() > LONGEST {
            return Err(format!("has {} bytes; 1 to {LONGEST} are allowed", topic.len()));
        }
        if topic.contains(['+', '#']) {
            return Err("has a wildcard (+ or #), so that it is no single topic".to_owned());
        }
        if topic.chars().any(char::is_control) {
            return Err("has a control character in it".to_owned());
        }
        if self.own.iter().any(|own| is_below(topic, own)) {
            return Err("is Pipit's own".to_owned());
        }
        if is_below(topic, &self.prefix) && topic.ends_with("/config") {
            return Err("is for discovery".to_owned());
        }
        Ok(())
    }

    /// Whether `topic` may be written to.
    ///
    /// # Errors
    /// Why not, about "the topic ...".
    pub(super) fn writable(&self, topic: &str) -> Result<(), String> {
        self.readable(topic)?;
        if topic.starts_with('$') { Err("is the broker's own".to_owned()) } else { Ok(()) }
    }
}
