//! The one clock. Everything in Comptoir that reads the time or sleeps asks it, so that a test, `--now` or a test
//! control can hold time still or move it, and every expiry, retry and day boundary follows.
//!
//! Must not know: any domain, HTTP, the store.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};
use tokio::sync::watch;

/// An instant: microseconds since 1970-01-01T00:00:00Z. It is what the database keeps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `micros` microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant `seconds` seconds after the epoch; beyond the representable range it saturates.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant moved into the future by `by`, saturating.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(micros_of(by)))
    }

    /// This instant moved into the past by `by`, saturating.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(micros_of(by)))
    }

    /// The instant that RFC 3339 text names, in the years that four digits can write (section 5.6). A leap second is the
    /// second after it.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let named: Self = DateTime::parse_from_rfc3339(text).ok()?.to_utc().into();
        (1..=9999).contains(&named.to_utc().year()).then_some(named)
    }

    /// The time that has passed since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same instant as a calendar date and time in UTC. Instants beyond chrono's range become its nearest end.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(instant: DateTime<Utc>) -> Self {
        Self(instant.timestamp_micros())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_utc().format("%Y-%m-%dT%H:%M:%S%.6fZ"))
    }
}

fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A handle on the clock; clones share it.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    System,
    /// Stands still until [`Clock::advance`] or [`Clock::set`]; sleepers wake when it passes them.
    Manual {
        now: AtomicI64,
        moved: watch::Sender<()>,
    },
    /// The machine's clock, or a still one, as a test control says at any time.
    Steered {
        standing: RwLock<Standing>,
        moved: watch::Sender<()>,
    },
}

/// How a steered clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It goes, so many microseconds ahead of the machine's.
    Going(i64),
    /// It stands still.
    Held(Timestamp),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Source::System))
    }

    /// A clock that stands at `now` until it is told otherwise.
    #[must_use]
    pub fn fixed(now: Timestamp) -> Self {
        let (moved, _) = watch::channel(());
        Self(Arc::new(Source::Manual { now: AtomicI64::new(now.0), moved }))
    }

    /// A clock that goes with the machine's or, if an instant is given, is held there, until a test control steers it.
    #[must_use]
    pub fn steered(held: Option<Timestamp>) -> Self {
        let (moved, _) = watch::channel(());
        let standing = RwLock::new(held.map_or(Standing::Going(0), Standing::Held));
        Self(Arc::new(Source::Steered { standing, moved }))
    }

    /// How it stands; `None`: nobody steers it.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        let Source::Steered { standing, .. } = &*self.0 else { return None };
        Some(*standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has a steered clock stand like this from now on.
    ///
    /// # Panics
    /// On any other clock.
    pub fn stand(&self, to: Standing) {
        let Source::Steered { standing, moved } = &*self.0 else { panic!("this clock is not steered") };
        *standing.write().unwrap_or_else(PoisonError::into_inner) = to;
        moved.send_replace(());
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Source::System => Utc::now().into(),
            Source::Manual { now, .. } => Timestamp(now.load(Ordering::Acquire)),
            Source::Steered { standing, .. } => match *standing.read().unwrap_or_else(PoisonError::into_inner) {
                Standing::Going(ahead) => Timestamp(Self::machine().0.saturating_add(ahead)),
                Standing::Held(at) => at,
            },
        }
    }

    /// What the machine's clock shows.
    fn machine() -> Timestamp {
        Utc::now().into()
    }

    /// Whether this clock moves only when it is told to.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        matches!(*self.0, Source::Manual { .. })
    }

    /// Moves a fixed clock forward by `by`.
    ///
    /// # Panics
    /// On the system clock: nothing but a test or a test control may move time, and those start from a fixed clock.
    pub fn advance(&self, by: Duration) {
        match &*self.0 {
            Source::System => panic!("the system clock cannot be moved"),
            Source::Manual { now, moved } => {
                now.fetch_add(micros_of(by), Ordering::AcqRel);
                moved.send_replace(());
            }
            Source::Steered { .. } => self.set(self.now().plus(by)),
        }
    }

    /// Puts a fixed clock at `to`, which may lie in the past.
    ///
    /// # Panics
    /// On the system clock, as [`Clock::advance`].
    pub fn set(&self, to: Timestamp) {
        match &*self.0 {
            Source::System => panic!("the system clock cannot be moved"),
            Source::Manual { now, moved } => {
                now.store(to.0, Ordering::Release);
                moved.send_replace(());
            }
            Source::Steered { standing, moved } => {
                let mut standing = standing.write().unwrap_or_else(PoisonError::into_inner);
                *standing = match *standing {
                    Standing::Going(_) => Standing::Going(to.0.saturating_sub(Self::machine().0)),
                    Standing::Held(_) => Standing::Held(to),
                };
                drop(standing);
                moved.send_replace(());
            }
        }
    }

    /// Waits until `by` has passed on this clock.
    pub async fn sleep(&self, by: Duration) {
        self.sleep_until(self.now().plus(by)).await;
    }

    /// Waits until this clock shows `deadline` or later.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        match &*self.0 {
            Source::System => tokio::time::sleep(deadline.since(self.now())).await,
            Source::Manual { moved, .. } => {
                let mut moves = moved.subscribe();
                while self.now() < deadline {
                    moves.changed().await.expect("the sender lives in the clock this call borrows");
                }
            }
            Source::Steered { moved, .. } => {
                let mut moves = moved.subscribe();
                loop {
                    let left = deadline.since(self.now());
                    if left.is_zero() {
                        return;
                    }
                    let held = matches!(self.standing(), Some(Standing::Held(_)));
                    tokio::select! {
                        _ = moves.changed() => {}
                        () = tokio::time::sleep(left), if !held => {}
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &*self.0 {
            Source::System => "system",
            Source::Manual { .. } => "fixed",
            Source::Steered { .. } => "steered",
        };
        write!(f, "Clock({kind}, {:?})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fixed_clock_stands_still_and_wakes_its_sleepers_when_it_is_moved() {
        let clock = Clock::fixed(Timestamp::from_unix_seconds(1_000));
        assert_eq!(clock.now(), clock.now());
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep(Duration::from_mins(1)).await;
                clock.now()
            }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(30));
        clock.advance(Duration::from_secs(30));
        assert_eq!(sleeper.await.expect("the sleeper ends").as_unix_seconds(), 1_060);
    }

    #[tokio::test]
    async fn a_steered_clock_goes_is_held_and_goes_on_and_its_sleepers_follow() {
        let clock = Clock::steered(None);
        let before = clock.now();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_hours(24)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_hours(24));
        sleeper.await.expect("the sleeper ends");
        assert!(clock.now().since(before) >= Duration::from_hours(24));

        let still = Timestamp::from_unix_seconds(1_000);
        clock.stand(Standing::Held(still));
        assert_eq!((clock.now(), clock.now()), (still, still));
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now().as_unix_seconds(), 1_001);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_millis(1)).await }
        });
        tokio::task::yield_now().await;
        // Once it goes, time passes by itself.
        clock.stand(Standing::Going(0));
        sleeper.await.expect("the sleeper ends");
        assert!(Clock::system().standing().is_none());
    }

    #[test]
    fn rfc_3339_is_read_strictly_and_only_in_the_years_it_can_write() {
        let read = |text| Timestamp::from_rfc3339(text).map(Timestamp::as_unix_seconds);
        assert_eq!(read("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(read("1970-01-01T02:00:00+02:00"), Some(0));
        assert_eq!(read("2016-12-31T23:59:60Z"), read("2017-01-01T00:00:00Z"));
        assert_eq!(read("0001-01-01T00:00:00Z"), Some(-62_135_596_800));
        assert_eq!(read("9999-12-31T23:59:59Z"), Some(253_402_300_799));
        for refused in [
            "9999-12-31T23:59:60Z",
            "9999-12-31T23:59:59-00:01",
            "0001-01-01T00:00:00+00:01",
            "0000-12-31T23:59:59Z",
            "-0001-01-01T00:00:00Z",
            "+10000-01-01T00:00:00Z",
            "2026-01-31T23:59:59+2359",
            "2026-01-31T23:59:59+24:00",
            "2026-01-31T23:59:59",
            "2026-02-30T00:00:00Z",
            "",
        ] {
            assert_eq!(read(refused), None, "{refused}");
        }
    }

    #[test]
    fn arithmetic_saturates_and_seconds_round_down() {
        assert_eq!(Timestamp::from_unix_seconds(i64::MAX).plus(Duration::MAX).as_micros(), i64::MAX);
        assert_eq!(Timestamp::from_micros(-1).as_unix_seconds(), -1);
        let (early, late) = (Timestamp::from_unix_seconds(1), Timestamp::from_unix_seconds(3));
        assert_eq!(late.since(early), Duration::from_secs(2));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
