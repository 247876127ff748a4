//! The threads of this process that the kernel does not let run, whichever they are: those of libraries do not beat.

use std::collections::HashMap;
use std::fs;

/// Tells of threads that are stopped. It is no sleep and no wait for a device, from which a thread comes back by itself.
#[derive(Default)]
pub(super) struct Threads {
    /// For how many looks each has been stopped.
    stopped: HashMap<i32, u32>,
}

impl Threads {
    /// Looks, which is to be done once each second. Gives the name of each thread that has been stopped for `looks` of them.
    pub(super) fn look(&mut self, looks: u32) -> Vec<(i32, String)> {
        let mut stopped = HashMap::new();
        let mut found = Vec::new();
        for (thread, name) in stopped_now() {
            let since = self.stopped.get(&thread).map_or(0, |since| since + 1);
            stopped.insert(thread, since);
            if since >= looks {
                found.push((thread, name));
            }
        }
        self.stopped = stopped;
        found
    }
}

fn stopped_now() -> Vec<(i32, String)> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    tasks.flatten().filter_map(|task| parse(&fs::read_to_string(task.path().join("stat")).ok()?)).collect()
}

/// Thread and name where proc(5) has it stopped. A name may have anything in it, brackets too.
fn parse(stat: &str) -> Option<(i32, String)> {
    let (thread, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    matches!(rest.bytes().next()?, b'T' | b't').then(|| Some((thread.parse().ok()?, name.to_owned())))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_stopped_where_the_kernel_says_so() {
        assert_eq!(parse("71 (ear) T 1 71"), Some((71, "ear".to_owned())));
        assert_eq!(parse("72 (a) T (b) t 1"), Some((72, "a) T (b".to_owned())));
        for well in ["71 (ear) S 1", "71 (ear) D 1", "71 (T) R 1", "", "71", "71 (ear) "] {
            assert_eq!(parse(well), None, "{well}");
        }
    }
}
