//! `pipit ledger`: which bytes went to which host, and what for.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pipit_store::Traffic;

use super::Options;
use super::who::Whose;

#[derive(Debug, Args)]
pub(super) struct Ledger {
    #[command(flatten)]
    whose: Whose,
    /// Add up what went to each host
    #[arg(long)]
    by_host: bool,
    /// Show together what was sent for each turn
    #[arg(long, conflicts_with = "by_host")]
    by_turn: bool,
    /// How many entries to show, the newest first
    #[arg(long, default_value_t = 50, value_name = "COUNT", conflicts_with = "by_host")]
    last: usize,
}

impl Ledger {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let store = self.whose.open(&config)?;
        if self.by_host {
            for sum in store.traffic_by_host()? {
                let (last, requests) = (local(sum.last), sum.requests);
                print_line!(
                    "{:<32}  {:<14}  {requests:>6} requests  sent {:>10} B  received {:>10} B  last {last}",
                    sum.host,
                    sum.tier.name(),
                    sum.sent,
                    sum.received
                )?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let entries = store.traffic(self.last)?;
        if entries.is_empty() {
            print_line!("Nothing was sent to any server.")?;
        }
        if self.by_turn {
            return by_turn(&entries).map(|()| ExitCode::SUCCESS);
        }
        for entry in &entries {
            print_line!("{}", shown(entry))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The entries of each turn together, in the order in which they came.
fn by_turn(newest_first: &[Traffic]) -> anyhow::Result<()> {
    let mut turns: Vec<(Option<i64>, Vec<&Traffic>)> = Vec::new();
    for entry in newest_first {
        match turns.iter_mut().find(|(turn, _)| *turn == entry.turn) {
            Some((_, entries)) => entries.insert(0, entry),
            None => turns.push((entry.turn, vec![entry])),
        }
    }
    for (turn, entries) in turns {
        let (sent, received) =
            entries.iter().fold((0, 0), |(sent, received), entry| (sent + entry.sent, received + entry.received));
        let name = if turn.is_some() { "a turn" } else { "what belongs to no turn" };
        print_line!("{name}: sent {sent} B  received {received} B")?;
        for entry in entries {
            print_line!("  {}", shown(entry))?;
        }
    }
    Ok(())
}

fn shown(entry: &Traffic) -> String {
    let Traffic { at, purpose, host, provider, tier, sent, received, .. } = entry;
    format!("{}  {purpose:<13}  {host} ({provider}, {tier})  sent {sent} B  received {received} B", local(*at))
}

fn local(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
