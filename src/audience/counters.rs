//! The rules of counting: what a change moves, what the figures of a resource in a list are, and how a count is worded.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Source: contracts/audience.md, 'Counters',
//! and the seed's example.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};

use crate::audience::model::{Channel, Status};
use crate::clock::Timestamp;

/// What a live subscription is counted under, within a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    /// The resource's number.
    pub resource: i64,
    /// Through what.
    pub channel: Channel,
    /// How it stands.
    pub status: Status,
    /// Whether its profile is neither suspended nor suppressed.
    pub sendable: bool,
}

/// What the changes of a transaction move, by list: to be added to the counters at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deltas {
    /// How many profiles came and went.
    pub profiles: BTreeMap<i64, i64>,
    /// How many subscriptions came to and went from each cell.
    pub cells: BTreeMap<(i64, Cell), i64>,
}

impl Deltas {
    /// A profile of `list` came (1) or went (−1).
    pub fn profile(&mut self, list: i64, by: i64) {
        *self.profiles.entry(list).or_default() += by;
    }

    /// A subscription in `list` was counted under `from` and is now under `to`; `None`: not at all.
    pub fn moved(&mut self, list: i64, from: Option<Cell>, to: Option<Cell>) {
        if from == to {
            return;
        }
        for (cell, by) in [(from, -1), (to, 1)] {
            if let Some(cell) = cell {
                *self.cells.entry((list, cell)).or_default() += by;
            }
        }
    }

    /// Adds what `other` moves.
    pub fn merge(&mut self, other: &Self) {
        for (list, by) in &other.profiles {
            *self.profiles.entry(*list).or_default() += by;
        }
        for (cell, by) in &other.cells {
            *self.cells.entry(*cell).or_default() += by;
        }
    }
}

/// The channels that are always shown, in the contract's order; others follow when the list uses them.
const FIRST: [Channel; 3] = [Channel::Sms, Channel::Push, Channel::Email];

/// The ten figures of a channel, in the contract's order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusFigures {
    /// Profiles in the list: the same for every channel.
    pub all: i64,
    /// Subscriptions by status.
    pub complained: i64,
    /// See `complained`.
    pub hardbounced: i64,
    /// See `complained`.
    pub invalid: i64,
    /// See `complained`.
    pub subscribed: i64,
    /// Those of `subscribed` that may be sent to.
    pub subscribed_sendable: i64,
    /// See `complained`.
    pub suspended: i64,
    /// See `complained`.
    pub unconfirmed: i64,
    /// Those of `unconfirmed` that may be sent to.
    pub unconfirmed_sendable: i64,
    /// See `complained`.
    pub unsubscribed: i64,
}

impl StatusFigures {
    fn add(&mut self, status: Status, sendable: bool, count: i64) {
        let (total, may) = match status {
            Status::Complained => (&mut self.complained, None),
            Status::Hardbounced => (&mut self.hardbounced, None),
            Status::Invalid => (&mut self.invalid, None),
            Status::Subscribed => (&mut self.subscribed, Some(&mut self.subscribed_sendable)),
            Status::Suspended => (&mut self.suspended, None),
            Status::Unconfirmed => (&mut self.unconfirmed, Some(&mut self.unconfirmed_sendable)),
            Status::Unsubscribed => (&mut self.unsubscribed, None),
        };
        *total += count;
        if let (true, Some(may)) = (sendable, may) {
            *may += count;
        }
    }
}

/// The figures of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelFigures {
    /// Which.
    pub channel: Channel,
    /// Its ten figures.
    pub status: StatusFigures,
}

/// The figures of a resource in a list of `profiles` profiles, from how many subscriptions each cell of the resource has.
/// Every channel in `used` is shown, whatever resource the list uses it for.
#[must_use]
pub fn figures(profiles: i64, used: &[Channel], counted: &BTreeMap<Cell, i64>) -> Vec<ChannelFigures> {
    let others = Channel::ALL.iter().filter(|channel| {
        !FIRST.contains(channel)
            && (used.contains(channel) || counted.iter().any(|(cell, count)| cell.channel == **channel && *count != 0))
    });
    FIRST
        .iter()
        .chain(others)
        .map(|channel| {
            let mut status = StatusFigures { all: profiles, ..StatusFigures::default() };
            for (cell, count) in counted.iter().filter(|(cell, _)| cell.channel == *channel) {
                status.add(cell.status, cell.sendable, *count);
            }
            ChannelFigures { channel: *channel, status }
        })
        .collect()
}

/// What has to be added to `kept` to make it `counted`; cells that agree are left out.
#[must_use]
pub fn differences(kept: &BTreeMap<Cell, i64>, counted: &BTreeMap<Cell, i64>) -> BTreeMap<Cell, i64> {
    let mut missing = counted.clone();
    for (cell, count) in kept {
        *missing.entry(*cell).or_default() -= count;
    }
    missing.retain(|_, by| *by != 0);
    missing
}

/// `counted at 2024-04-19T13:31:08Z in 231.374251ms`
#[must_use]
pub fn last_count_time(at: Timestamp, took: Duration) -> String {
    format!("counted at {} in {}", at.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true), go_duration(took))
}

/// `2024-04-19T13:31:08.927Z`
#[must_use]
pub fn updated(at: Timestamp) -> String {
    at.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A duration as Go's `time.Duration` prints itself, which the seed's example shows: the largest unit below which the
/// number is at least one, the fraction without trailing zeros, hours and minutes before seconds.
#[must_use]
pub fn go_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(nanos, 1_000_000)),
        _ => {
            let seconds = duration.as_secs();
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = nanos - u128::from(hours * 3600 + minutes * 60) * 1_000_000_000;
            let rest = decimal(rest, 1_000_000_000);
            match (hours, minutes) {
                (0, 0) => format!("{rest}s"),
                (0, _) => format!("{minutes}m{rest}s"),
                _ => format!("{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

fn decimal(value: u128, unit: u128) -> String {
    let digits = unit.ilog10() as usize;
    let fraction = format!("{:0digits$}", value % unit);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { (value / unit).to_string() } else { format!("{}.{fraction}", value / unit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(channel: Channel, status: Status, sendable: bool) -> Cell {
        Cell { resource: 24, channel, status, sendable }
    }

    #[test]
    fn the_seeds_figures_come_from_its_subscriptions() {
        let counted = BTreeMap::from([
            (cell(Channel::Email, Status::Hardbounced, true), 434),
            (cell(Channel::Email, Status::Subscribed, true), 842),
            (cell(Channel::Email, Status::Unsubscribed, true), 60),
        ]);
        let figures = figures(1336, &[Channel::Email], &counted);
        let channels: Vec<_> = figures.iter().map(|figures| figures.channel).collect();
        assert_eq!(channels, [Channel::Sms, Channel::Push, Channel::Email]);
        let zeros = StatusFigures { all: 1336, ..StatusFigures::default() };
        assert_eq!(figures[0].status, zeros);
        let email =
            StatusFigures { hardbounced: 434, subscribed: 842, subscribed_sendable: 842, unsubscribed: 60, ..zeros };
        assert_eq!(figures[2].status, email);
        assert_eq!(email.hardbounced + email.subscribed + email.unsubscribed, email.all);
    }

    #[test]
    fn another_channel_the_list_uses_follows_with_its_zeros() {
        let figures = figures(2, &[Channel::Viber], &BTreeMap::new());
        assert_eq!(figures.last().map(|last| last.channel), Some(Channel::Viber));
        assert_eq!(figures.len(), 4);
    }

    #[test]
    fn only_what_may_be_sent_to_is_sendable() {
        let counted = BTreeMap::from([
            (cell(Channel::Sms, Status::Subscribed, true), 3),
            (cell(Channel::Sms, Status::Subscribed, false), 4),
            (cell(Channel::Sms, Status::Unconfirmed, true), 1),
            (cell(Channel::Sms, Status::Unconfirmed, false), 1),
        ]);
        let sms = figures(9, &[], &counted)[0].status;
        assert_eq!((sms.subscribed, sms.subscribed_sendable), (7, 3));
        assert_eq!((sms.unconfirmed, sms.unconfirmed_sendable), (2, 1));
    }

    #[test]
    fn durations_read_as_go_prints_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (231_374_251, "231.374251ms"),
            (1_000_000_000, "1s"),
            (1_500_000_000, "1.5s"),
            (65_000_000_001, "1m5.000000001s"),
            (3_600_000_000_000, "1h0m0s"),
        ] {
            assert_eq!(go_duration(Duration::from_nanos(nanos)), text);
        }
        let at = Timestamp::from_micros(1_713_533_468_927_000);
        assert_eq!(
            last_count_time(at, Duration::from_nanos(231_374_251)),
            "counted at 2024-04-19T13:31:08Z in 231.374251ms"
        );
        assert_eq!(updated(at), "2024-04-19T13:31:08.927Z");
    }

    #[test]
    fn a_move_takes_from_one_cell_and_gives_to_another() {
        let (from, to) = (cell(Channel::Sms, Status::Subscribed, true), cell(Channel::Sms, Status::Invalid, true));
        let mut deltas = Deltas::default();
        deltas.moved(1, None, Some(from));
        deltas.moved(1, Some(from), Some(to));
        deltas.moved(1, Some(to), Some(to));
        assert_eq!(deltas.cells, BTreeMap::from([((1, from), 0), ((1, to), 1)]));
        let kept = BTreeMap::from([(from, 2), (to, 1)]);
        assert_eq!(differences(&kept, &BTreeMap::from([(to, 1)])), BTreeMap::from([(from, -2)]));
    }
}
