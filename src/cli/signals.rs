//! The signals that end the server in an orderly way: SIGTERM, SIGINT and SIGHUP.

use std::fs;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CliError;

/// Listens from the moment it is made; what comes before it is asked for is kept.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// `None`: whoever started the process asked it to ignore this one, as `nohup` does.
    hangup: Option<Signal>,
}

impl Signals {
    /// Begins to listen.
    pub fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(CliError::io("cannot listen for signals"));
        // Asked first: listening is what ends the ignoring.
        let hangup = if is_ignored(SignalKind::hangup()) { None } else { Some(listen(SignalKind::hangup())?) };
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())?, hangup })
    }

    /// The next one's name.
    pub async fn next(&mut self) -> &'static str {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = hangup => "SIGHUP",
        }
    }
}

/// Whether the process was started with this signal ignored, where the system tells.
fn is_ignored(kind: SignalKind) -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
    })
}
