//! What was asked over HTTP and how it was answered: by route, never by what was asked for in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds in seconds: from what memory answers to what a model takes its time for.
const BOUNDS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];

/// Methods that are told by name; whoever asks may write anything there.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Counters of requests. There are as many as there are routes, methods and statuses.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// By method, route and status.
    answered: BTreeMap<(&'static str, String, u16), u64>,
    /// By route: how many took so long, those beyond the last bound in one of their own, and the sum of seconds.
    took: BTreeMap<String, ([u64; BOUNDS.len() + 1], f64)>,
}

impl Requests {
    /// The head of an answer was sent. `route` is as it was declared; nothing for what no route is declared for.
    pub(crate) fn answered(&self, method: &str, route: Option<&str>, status: u16, took: Duration) {
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
        let (route, seconds) = (route.unwrap_or("files"), took.as_secs_f64());
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.answered.entry((method, route.to_owned(), status)).or_default() += 1;
        let (buckets, sum) = counts.took.entry(route.to_owned()).or_default();
        buckets[BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len())] += 1;
        *sum += seconds;
    }

    /// In Prometheus' text format. Routes are declared in this crate, so that nothing in them has to be escaped.
    pub(crate) fn written(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = String::from("# HELP pipit_http_requests_total Requests, by route and status.\n");
        page += "# TYPE pipit_http_requests_total counter\n";
        // Writing into a string can't fail.
        for ((method, route, status), count) in &counts.answered {
            let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
            let _ = writeln!(page, "pipit_http_requests_total{{{labels}}} {count}");
        }
        let name = "pipit_http_request_seconds";
        let _ = write!(page, "# HELP {name} From a request to the head of its answer.\n# TYPE {name} histogram\n");
        for (route, (buckets, sum)) in &counts.took {
            let mut below = 0;
            let bounds = BOUNDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
            for (bound, count) in bounds.zip(buckets) {
                below += count;
                let _ = writeln!(page, "{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {below}");
            }
            let _ = writeln!(page, "{name}_sum{{route=\"{route}\"}} {sum}\n{name}_count{{route=\"{route}\"}} {below}");
        }
        page
    }
}
