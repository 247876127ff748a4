//! `pipit ledger`: which bytes went to which host, and what for.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Options;
use super::who::Whose;

#[derive(Debug, Args)]
pub(super) struct Ledger {
    #[command(flatten)]
    whose: Whose,
    /// Add up what went to each host
    #[arg(long)]
    by_host: bool,
    /// How many entries to show, the newest first
    #[arg(long, default_value_t = 50, value_name = "COUNT", conflicts_with = "by_host")]
    last: usize,
}

impl Ledger {
    pub(super) fn execute(self, options: &Options) -> anyhow::Result<ExitCode> {
        let config = options.load()?;
        super::start_logging(&config, true);
        let store = self.whose.open(&config)?;
        for service in [config.transcription_service(), config.voice_service()].into_iter().flatten() {
            print_line!("What goes to the speech service {service} is not counted here yet.")?;
        }
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
        for entry in entries {
            let (at, purpose) = (local(entry.at), entry.purpose);
            print_line!(
                "{at}  {purpose:<13}  {} ({}, {})  sent {} B  received {} B",
                entry.host,
                entry.provider,
                entry.tier,
                entry.sent,
                entry.received
            )?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn local(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
