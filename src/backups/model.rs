//! What backups are called, and which of them are superfluous.
//!
//! Must not know: files, the database, the runtime, the clock.

use std::cmp::Reverse;
use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};

/// How a moment is written in a name.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// The name of a backup, without `.db`: `comptoir-1f0c9a27-20261127T030000Z-1`. Whoever gets one from outside gets
/// nothing that could lead out of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackupName {
    /// When it was taken, to the second.
    at: DateTime<Utc>,
    /// The how-manieth of that second.
    number: u32,
    /// The first eight digits of the installation's id.
    installation: String,
    /// Whether its rows contradict each other.
    suspect: bool,
}

impl BackupName {
    /// The name of the `number`th backup of that second.
    #[must_use]
    pub fn new(installation: &str, at: DateTime<Utc>, number: u32, suspect: bool) -> Self {
        let at = DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at);
        Self { at, number, installation: short(installation), suspect }
    }

    /// Reads a name in the one spelling that it has.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (plain, suspect) = text.strip_suffix(".suspect").map_or((text, false), |plain| (plain, true));
        let mut parts = plain.strip_prefix("comptoir-")?.split('-');
        let (installation, at, number) = (parts.next()?, parts.next()?, parts.next()?);
        let at = NaiveDateTime::parse_from_str(at, STAMP).ok()?.and_utc();
        let name = Self { at, number: number.parse().ok()?, installation: installation.to_owned(), suspect };
        (short(installation) == installation && name.to_string() == text).then_some(name)
    }

    /// The same, of one whose rows contradict each other.
    #[must_use]
    pub fn suspected(&self) -> Self {
        Self { suspect: true, ..self.clone() }
    }

    /// When it was taken.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The number among those of its second.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether everything that was looked at when it was taken was as it must be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.suspect
    }

    /// Whether it is of this installation.
    #[must_use]
    pub fn is_of(&self, installation: &str) -> bool {
        self.installation == short(installation)
    }

    /// The name of its file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{self}.db")
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, number, installation, suspect } = self;
        write!(f, "comptoir-{installation}-{}-{number}", at.format(STAMP))?;
        if *suspect { f.write_str(".suspect") } else { Ok(()) }
    }
}

/// The first eight digits of an id; of none at all, zeros.
fn short(installation: &str) -> String {
    let digits: String = installation.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    format!("{:0<8}", digits.to_ascii_lowercase())
}

/// Which of an installation's backups go so that the newest `keep` good ones stay (one at least), and of the others the
/// newest one, as long as no good one is newer. The one that was just `taken` is the newest, whatever the clock said when
/// the others were. What other installations keep in the same folder is left alone.
#[must_use]
pub fn superfluous(names: &[BackupName], installation: &str, keep: usize, taken: &BackupName) -> Vec<BackupName> {
    let age = |name: &BackupName| Reverse((name == taken, name.clone()));
    let mut own: Vec<_> = names.iter().filter(|name| name.is_of(installation)).cloned().collect();
    own.sort_by_cached_key(age);
    let (good, suspect): (Vec<_>, Vec<_>) = own.into_iter().partition(BackupName::is_good);
    let newest = suspect.first().filter(|suspect| good.first().is_none_or(|good| age(suspect) < age(good)));
    let stays = usize::from(newest.is_some());
    suspect.into_iter().skip(stays).chain(good.into_iter().skip(keep.max(1))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: &str = "1f0c9a27-aaaa-4bbb-8ccc-000000000000";

    fn name(seconds: i64, number: u32, suspect: bool) -> BackupName {
        BackupName::new(OWN, DateTime::from_timestamp(1_795_341_600 + seconds, 0).expect("an instant"), number, suspect)
    }

    #[test]
    fn a_name_has_one_spelling_and_leads_nowhere_else() {
        let known = name(0, 1, false);
        assert_eq!(known.file(), "comptoir-1f0c9a27-20261122T100000Z-1.db");
        assert_eq!(BackupName::parse("comptoir-1f0c9a27-20261122T100000Z-1"), Some(known));
        let suspect = "comptoir-1f0c9a27-20261122T100000Z-12.suspect";
        assert_eq!(BackupName::parse(suspect), Some(name(0, 12, true)));
        for text in [
            "",
            "comptoir",
            "comptoir-1f0c9a27-20261122T100000Z",
            "comptoir-1f0c9a27-20261122T100000Z-01",
            "comptoir-1f0c9a27-20261122T100000Z-+1",
            "comptoir-1f0c9a27-20261122T100000Z-1-1",
            "comptoir-1f0c9a27-20261322T100000Z-1",
            "comptoir-1F0C9A27-20261122T100000Z-1",
            "comptoir-1f0c-20261122T100000Z-1",
            "comptoir-1f0c9a27-20261122T100000Z-1.db",
            "comptoir-../../..-20261122T100000Z-1",
            "../comptoir-1f0c9a27-20261122T100000Z-1",
            "comptoir-1f0c9a27-20261122T100000Z-1\0",
        ] {
            assert_eq!(BackupName::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_database_without_an_id_has_backups_too() {
        let named = BackupName::new("", name(0, 1, false).at(), 1, false);
        assert_eq!(named.to_string(), "comptoir-00000000-20261122T100000Z-1");
        assert_eq!(BackupName::parse(&named.to_string()), Some(named));
    }

    #[test]
    fn a_suspect_one_stays_until_a_good_one_is_newer_and_counts_for_nothing() {
        let (old, bad, worse, new) = (name(0, 1, false), name(1, 1, true), name(2, 1, true), name(3, 1, false));
        let names = [old.clone(), bad.clone(), worse.clone()];
        let gone = superfluous(&names, OWN, 1, &worse);
        assert_eq!(gone, std::slice::from_ref(&bad), "the last good one stays, however many bad ones follow");
        assert_eq!(
            superfluous(&[old.clone(), bad.clone(), worse.clone(), new.clone()], OWN, 1, &new),
            [worse, bad, old]
        );
    }

    #[test]
    fn one_that_was_taken_after_the_clock_was_put_back_is_the_newest() {
        let (ahead, taken) = (name(3_600, 1, false), name(0, 1, false));
        assert_eq!(superfluous(&[ahead.clone(), taken.clone()], OWN, 1, &taken), std::slice::from_ref(&ahead));
        let suspect = taken.suspected();
        assert_eq!(superfluous(&[ahead, suspect.clone()], OWN, 1, &suspect), [], "both are the last of their kind");
    }

    proptest! {
        #[test]
        fn the_newest_good_ones_stay_and_what_is_not_ours_is_left_alone(
            own in proptest::collection::btree_set((0..50i64, 1..3u32, any::<bool>()), 0..20),
            keep in 0..6usize,
        ) {
            let stranger = BackupName::new("ffffffff", name(0, 1, false).at(), 1, false);
            let mut names: Vec<_> = own.into_iter().map(|(at, number, suspect)| name(at, number, suspect)).collect();
            names.push(stranger.clone());
            let gone = superfluous(&names, OWN, keep, &name(50, 1, false));
            prop_assert!(!gone.contains(&stranger));
            let mut good: Vec<_> = names.iter().filter(|name| name.is_good() && name.is_of(OWN)).collect();
            good.sort_unstable_by(|a, b| b.cmp(a));
            let (stay, go) = good.split_at(good.len().min(keep.max(1)));
            prop_assert!(stay.iter().all(|name| !gone.contains(name)));
            prop_assert!(go.iter().all(|name| gone.contains(name)));
            prop_assert!(names.iter().filter(|name| !name.is_good() && !gone.contains(name)).count() <= 1);
        }

        #[test]
        fn what_a_name_is_written_as_is_read_as_that_name(text in "[ -~]{0,60}", seconds in 0..3_000_000_000i64, number: u32) {
            if let Some(parsed) = BackupName::parse(&text) {
                prop_assert_eq!(parsed.to_string(), text);
            }
            let named = BackupName::new(OWN, DateTime::from_timestamp(seconds, 0).expect("an instant"), number, false);
            prop_assert_eq!(BackupName::parse(&named.to_string()), Some(named));
        }
    }
}
