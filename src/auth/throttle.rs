//! The pace at which passwords may be guessed: per user and address, per address, and per user over all addresses.
//! A state machine over [`Timestamp`], in memory and bounded; a restart forgets it.
//!
//! Must not know: passwords, whether a user exists, HTTP, the store, any domain.
//!
//! | counted by | allowed | then |
//! |---|---|---|
//! | user and address | 5 failures | a wait of 1, 2, 4 … 300 s after the last one, until a sign-in succeeds |
//! | address (IPv4, or IPv6 /64) | 100 failures in 5 minutes | refused until enough of them are past |
//! | user, all addresses | 100 failures in 15 minutes | refused until enough of them are past |
//!
//! The last row does not hold for an address from which the user signed in within the last 30 days: strangers who guess
//! at a name from many places must not lock its owner out, and from that one address the first row holds all the same.
//!
//! An attempt counts from the moment it is admitted, so that guesses sent at once do not slip through together. One
//! that is still undecided may yet turn out right, though: attempts that only undecided ones stand in the way of are
//! not refused but wait for the decision. So fifty sign-ins of one user at once all succeed, and of fifty guesses at
//! once five are tried.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::auth::model::folded;
use crate::clock::{Clock, Timestamp};

/// The numbers of the table above.
#[derive(Clone, Copy)]
struct Limits {
    pair: Pace,
    address: Rate,
    user: Rate,
    /// Entries kept of each kind. Above it those that failed longest ago are forgotten.
    entries: usize,
}

/// `free` failures, then a wait of a second that each further failure doubles, up to `longest_wait`.
#[derive(Clone, Copy)]
struct Pace {
    free: u32,
    longest_wait: Duration,
    /// After so long without a failure it starts anew.
    forgotten: Duration,
}

/// At most `failures` in any time of length `span`.
#[derive(Clone, Copy)]
struct Rate {
    failures: u32,
    span: Duration,
}

/// How long a sign-in that succeeded exempts its user and address from what strangers do elsewhere.
const KNOWN_FOR: Duration = Duration::from_hours(30 * 24);

/// How many such pairs are remembered.
const KNOWN_MOST: usize = 50_000;

const LIMITS: Limits = Limits {
    pair: Pace {
        free: 5,
        longest_wait: Duration::from_mins(5),
        // Waiting for this yields fewer guesses (14 in two hours and nine minutes) than going on every five minutes.
        forgotten: Duration::from_hours(2),
    },
    address: Rate { failures: 100, span: Duration::from_mins(5) },
    user: Rate { failures: 100, span: Duration::from_mins(15) },
    entries: 100_000,
};

/// The attempt is refused: the same one will be admitted after this time, if no other comes between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many failed sign-ins; try again in {} s", self.seconds())]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// Whole seconds, rounded up, at least 1: the value of a `Retry-After` header (RFC 9110, section 10.2.3).
    #[must_use]
    pub fn seconds(self) -> u64 {
        let up = u64::from(self.0.subsec_nanos() > 0);
        self.0.as_secs().saturating_add(up).max(1)
    }
}

/// What the throttle says to an attempt.
#[derive(Debug)]
#[must_use]
pub enum Admission {
    /// The password may be compared; say through the permit how it went.
    Admitted(Permit),
    /// Only attempts that are still undecided stand in the way: ask again when one is decided.
    Undecided,
    /// Not now.
    Refused(RetryAfter),
}

/// The failed sign-ins of this process; clones share them.
#[derive(Clone)]
pub struct Throttle(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    decided: Notify,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new()
    }
}

impl Throttle {
    /// Nothing has failed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::with(LIMITS)
    }

    fn with(limits: Limits) -> Self {
        Self(Arc::new(Shared { state: Mutex::new(State::new(limits)), decided: Notify::new() }))
    }

    /// Forgets every failure. An attempt that is under way is decided for nobody.
    pub fn forget(&self) {
        let mut state = self.0.lock();
        // New keys, so that what was admitted before meets nothing of what comes now.
        *state = State::new(state.limits);
        drop(state);
        self.0.decided.notify_waiters();
    }

    /// Admits or refuses an attempt of `user` from `address`; while undecided attempts stand in the way it waits for
    /// them, which costs nothing that the hashing thread, one at a time, would not cost.
    ///
    /// `user` is what the caller typed, known or not; letters of either case count as one. `address` is the peer's, or
    /// the one a trusted proxy named.
    pub async fn admit(&self, clock: &Clock, user: &str, address: IpAddr) -> Result<Permit, RetryAfter> {
        loop {
            // Taken before the look, so that a decision between the look and the wait is not missed: `notified`
            // receives every `notify_waiters` from its creation on.
            let decision = self.0.decided.notified();
            match self.try_admit(clock.now(), user, address) {
                Admission::Admitted(permit) => return Ok(permit),
                Admission::Refused(retry_after) => return Err(retry_after),
                Admission::Undecided => decision.await,
            }
        }
    }

    /// As [`Throttle::admit`], without waiting.
    pub fn try_admit(&self, now: Timestamp, user: &str, address: IpAddr) -> Admission {
        let mut state = self.0.lock();
        let keys = state.keys(user, address);
        match state.look(now, keys) {
            Look::Clear => {
                state.admit(now, keys);
                Admission::Admitted(Permit { throttle: Arc::clone(&self.0), keys, admitted: now, open: true })
            }
            Look::Undecided => Admission::Undecided,
            Look::Refused(wait) => Admission::Refused(RetryAfter(wait)),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The counters are whole between any two statements: a panic elsewhere must not end every later sign-in.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, keys: Keys, outcome: Outcome) {
        self.lock().decide(keys, outcome);
        self.decided.notify_waiters();
    }
}

/// One admitted attempt. Dropped without a word, as when its request is cut off, it counts as a failure at the time it
/// was admitted.
#[must_use = "an attempt whose outcome is not told counts as a failure"]
pub struct Permit {
    throttle: Arc<Shared>,
    keys: Keys,
    admitted: Timestamp,
    open: bool,
}

impl Permit {
    /// The password was right: the failures of this user from this address are forgotten. Those of the address and of
    /// the user elsewhere stay, or one good account would be a way to guess at the others.
    pub fn succeeded(self) {
        let at = self.admitted;
        self.close(Outcome::Succeeded(at));
    }

    /// The password was wrong, or there is no such user.
    pub fn failed(self, now: Timestamp) {
        self.close(Outcome::Failed(now));
    }

    /// No password was compared (the hashing queue was full): the attempt told its sender nothing and does not count.
    pub fn withdrawn(self) {
        self.close(Outcome::Withdrawn);
    }

    fn close(mut self, outcome: Outcome) {
        self.open = false;
        self.throttle.decide(self.keys, outcome);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.open {
            self.throttle.decide(self.keys, Outcome::Failed(self.admitted));
        }
    }
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Permit({:?})", self.admitted)
    }
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Succeeded(Timestamp),
    Failed(Timestamp),
    Withdrawn,
}

#[derive(Debug, PartialEq, Eq)]
enum Look {
    Clear,
    Undecided,
    Refused(Duration),
}

impl Look {
    /// Both must agree: the longer refusal goes before a wait, and a wait before an admission.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Refused(one), Self::Refused(two)) => Self::Refused(one.max(two)),
            (Self::Refused(wait), _) | (_, Self::Refused(wait)) => Self::Refused(wait),
            (Self::Undecided, _) | (_, Self::Undecided) => Self::Undecided,
            (Self::Clear, Self::Clear) => Self::Clear,
        }
    }
}

/// Keyed hashes stand for the names, so that an entry has one small size whatever a caller sends as a user name. Two
/// keys that met by chance (about 1 in 4 billion with every place taken) would share their limits, no more.
#[derive(Clone, Copy)]
struct Keys {
    pair: u64,
    address: u64,
    user: u64,
}

struct State {
    limits: Limits,
    hashes: RandomState,
    pairs: Table<Pair>,
    addresses: Table<Window>,
    users: Table<Window>,
    /// Pairs that signed in, and when.
    known: HashMap<u64, Timestamp>,
}

impl State {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            hashes: RandomState::new(),
            pairs: Table::new(limits.pair, limits.entries),
            addresses: Table::new(limits.address, limits.entries),
            users: Table::new(limits.user, limits.entries),
            known: HashMap::new(),
        }
    }

    fn keys(&self, user: &str, address: IpAddr) -> Keys {
        let network = match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
            v4 @ IpAddr::V4(_) => v4,
        };
        // Folded as the database folds it: a name that two spellings reach must not have two budgets.
        let (user, address) = (self.hashes.hash_one(folded(user)), self.hashes.hash_one(network));
        Keys { pair: self.hashes.hash_one((user, address)), address, user }
    }

    fn look(&mut self, now: Timestamp, keys: Keys) -> Look {
        let (pair, address) = (self.pairs.look(now, keys.pair), self.addresses.look(now, keys.address));
        let own = pair.and(address);
        if self.known.get(&keys.pair).is_some_and(|at| now.since(*at) < KNOWN_FOR) {
            return own;
        }
        own.and(self.users.look(now, keys.user))
    }

    fn admit(&mut self, now: Timestamp, keys: Keys) {
        self.pairs.admit(now, keys.pair);
        self.addresses.admit(now, keys.address);
        self.users.admit(now, keys.user);
    }

    fn decide(&mut self, keys: Keys, outcome: Outcome) {
        self.pairs.decide(keys.pair, outcome);
        self.addresses.decide(keys.address, outcome);
        self.users.decide(keys.user, outcome);
        if let Outcome::Succeeded(at) = outcome {
            if self.known.len() >= KNOWN_MOST && !self.known.contains_key(&keys.pair) {
                // Forgetting costs its owner an exemption, nothing else.
                self.known.clear();
            }
            self.known.insert(keys.pair, at);
        }
    }
}

/// The failures of one key.
trait Failures: Default {
    type Rule: Copy;

    /// What they say to one more attempt while `undecided` others are on their way.
    fn look(&self, now: Timestamp, undecided: u32, rule: Self::Rule) -> Look;
    /// One more, at `at`.
    fn add(&mut self, at: Timestamp, rule: Self::Rule);
    /// What a sign-in that succeeded means to them.
    fn forgive(&mut self);
    /// Whether they are past.
    fn is_past(&self, now: Timestamp, rule: Self::Rule) -> bool;
    /// Takes those that seem to lie in the future to be of `now`: a clock that was wrong once and has been put right
    /// shuts nobody out for longer than a right one does.
    fn not_after(&mut self, now: Timestamp, rule: Self::Rule);
    /// Orders keys by their last failure; nothing when there is none.
    fn last(&self) -> Option<i64>;
}

/// The failures and undecided attempts by key. A key with an undecided attempt is always kept; those that the number
/// of requests bounds, so they may come on top of `most`.
struct Table<F: Failures> {
    rule: F::Rule,
    most: usize,
    entries: HashMap<u64, Entry<F>>,
}

#[derive(Default)]
struct Entry<F> {
    undecided: u32,
    failures: F,
}

impl<F: Failures> Table<F> {
    fn new(rule: F::Rule, most: usize) -> Self {
        Self { rule, most, entries: HashMap::new() }
    }

    fn look(&mut self, now: Timestamp, key: u64) -> Look {
        let Some(entry) = self.entries.get_mut(&key) else { return Look::Clear };
        entry.failures.not_after(now, self.rule);
        entry.failures.look(now, entry.undecided, self.rule)
    }

    fn admit(&mut self, now: Timestamp, key: u64) {
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            self.make_room(now);
        }
        self.entries.entry(key).or_default().undecided += 1;
    }

    fn decide(&mut self, key: u64, outcome: Outcome) {
        let entry = self.entries.get_mut(&key).expect("a key with an undecided attempt is kept");
        entry.undecided -= 1;
        match outcome {
            Outcome::Failed(at) => entry.failures.add(at, self.rule),
            Outcome::Succeeded(_) => entry.failures.forgive(),
            Outcome::Withdrawn => {}
        }
        if entry.undecided == 0 && entry.failures.last().is_none() {
            self.entries.remove(&key);
        }
    }

    /// Drops what is past, then the oldest until a tenth is free, so that the next calls need not look again.
    fn make_room(&mut self, now: Timestamp) {
        let rule = self.rule;
        self.entries.retain(|_, entry| {
            entry.failures.not_after(now, rule);
            entry.undecided > 0 || !entry.failures.is_past(now, rule)
        });
        let surplus = self.entries.len().saturating_sub(self.most - self.most.div_ceil(10));
        if surplus == 0 {
            return;
        }
        let idle = self.entries.iter().filter(|(_, entry)| entry.undecided == 0);
        let mut oldest: Vec<_> = idle.map(|(key, entry)| (entry.failures.last(), *key)).collect();
        if surplus < oldest.len() {
            oldest.select_nth_unstable(surplus);
            oldest.truncate(surplus);
        }
        for (_, key) in oldest {
            self.entries.remove(&key);
        }
    }
}

/// One user from one address.
#[derive(Default)]
struct Pair {
    count: u32,
    last: Option<Timestamp>,
}

impl Failures for Pair {
    type Rule = Pace;

    fn look(&self, now: Timestamp, undecided: u32, pace: Pace) -> Look {
        let count = if self.is_past(now, pace) { 0 } else { self.count };
        if count.saturating_add(undecided) < pace.free {
            return Look::Clear;
        }
        if undecided > 0 {
            return Look::Undecided;
        }
        let doubled = 1_u32.checked_shl(count - pace.free).unwrap_or(u32::MAX);
        let wait = Duration::from_secs(doubled.into()).min(pace.longest_wait);
        let waited = self.last.map_or(Duration::MAX, |last| now.since(last));
        if waited >= wait { Look::Clear } else { Look::Refused(wait.saturating_sub(waited)) }
    }

    fn add(&mut self, at: Timestamp, pace: Pace) {
        self.count = if self.is_past(at, pace) { 1 } else { self.count.saturating_add(1) };
        self.last = self.last.max(Some(at));
    }

    fn forgive(&mut self) {
        *self = Self::default();
    }

    fn is_past(&self, now: Timestamp, pace: Pace) -> bool {
        self.last.is_none_or(|last| now.since(last) >= pace.forgotten)
    }

    fn not_after(&mut self, now: Timestamp, _: Pace) {
        self.last = self.last.min(Some(now));
    }

    fn last(&self) -> Option<i64> {
        self.last.map(Timestamp::as_micros)
    }
}

/// Into how many slices a span is cut. A slice is forgotten as a whole, when none of it lies in the span any more: so
/// never more than the allowed number fall into one span, and a failure counts for at most a tenth of a span longer.
const SLICES: u8 = 10;

/// One address, or one user: failures per slice of time, so that an entry is small however many there are.
struct Window {
    /// The slice that `counts[0]` is of, counted from the epoch; the ones before it follow.
    newest: i64,
    counts: [u32; SLICES as usize + 1],
}

impl Default for Window {
    fn default() -> Self {
        Self { newest: i64::MIN, counts: Default::default() }
    }
}

impl Window {
    /// The counts that still matter.
    fn live(&self, now: Timestamp, rate: Rate) -> &[u32] {
        let passed = rate.slice_of(now).saturating_sub(self.newest).max(0);
        let live = usize::try_from(passed).map_or(0, |passed| self.counts.len().saturating_sub(passed));
        &self.counts[..live]
    }
}

impl Rate {
    /// In microseconds.
    fn slice_len(self) -> i64 {
        i64::try_from(self.span.as_micros()).expect("a span is minutes") / i64::from(SLICES)
    }

    fn slice_of(self, at: Timestamp) -> i64 {
        at.as_micros().div_euclid(self.slice_len())
    }
}

impl Failures for Window {
    type Rule = Rate;

    fn look(&self, now: Timestamp, undecided: u32, rate: Rate) -> Look {
        let mut total: u32 = 0;
        for (age, count) in (0..).zip(self.live(now, rate)) {
            total = total.saturating_add(*count);
            if total >= rate.failures {
                // Without this slice and the older ones it is below the limit.
                let gone = Timestamp::from_micros(
                    (self.newest - age + i64::from(SLICES) + 1).saturating_mul(rate.slice_len()),
                );
                return Look::Refused(gone.since(now));
            }
        }
        if total.saturating_add(undecided) < rate.failures { Look::Clear } else { Look::Undecided }
    }

    fn add(&mut self, at: Timestamp, rate: Rate) {
        let slice = rate.slice_of(at);
        if slice > self.newest {
            let by = usize::try_from(slice.saturating_sub(self.newest)).unwrap_or(usize::MAX).min(self.counts.len());
            self.counts.rotate_right(by);
            self.counts[..by].fill(0);
            self.newest = slice;
        }
        let age = usize::try_from(self.newest - slice).unwrap_or(usize::MAX);
        if let Some(count) = self.counts.get_mut(age) {
            *count = count.saturating_add(1);
        }
    }

    /// One's own success says nothing about the rest.
    fn forgive(&mut self) {}

    fn is_past(&self, now: Timestamp, rate: Rate) -> bool {
        self.live(now, rate).iter().all(|count| *count == 0)
    }

    fn not_after(&mut self, now: Timestamp, rate: Rate) {
        self.newest = self.newest.min(rate.slice_of(now));
    }

    fn last(&self) -> Option<i64> {
        (self.newest > i64::MIN).then_some(self.newest)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("the test names an address")
    }

    /// What an attempt met: a failure that was counted, a wait, or a refusal of so many milliseconds.
    #[derive(Debug, PartialEq, Eq)]
    enum Met {
        Tried,
        Wait,
        Refused(u128),
    }

    fn guess(throttle: &Throttle, now: Timestamp, user: &str, from: &str) -> Met {
        match throttle.try_admit(now, user, address(from)) {
            Admission::Admitted(permit) => {
                permit.failed(now);
                Met::Tried
            }
            Admission::Undecided => Met::Wait,
            Admission::Refused(RetryAfter(wait)) => Met::Refused(wait.as_millis()),
        }
    }

    fn permit(throttle: &Throttle, now: Timestamp, user: &str, from: &str) -> Permit {
        match throttle.try_admit(now, user, address(from)) {
            Admission::Admitted(permit) => permit,
            other => panic!("expected to be admitted, not {other:?}"),
        }
    }

    #[test]
    fn after_five_failures_the_wait_doubles_from_one_second_to_five_minutes() {
        let throttle = Throttle::new();
        let mut now = START;
        for _ in 0..5 {
            assert_eq!(guess(&throttle, now, "anna", "192.0.2.1"), Met::Tried);
        }
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300] {
            assert_eq!(guess(&throttle, now, "anna", "192.0.2.1"), Met::Refused(wait * 1000));
            now = now.plus(Duration::from_millis(400));
            assert_eq!(guess(&throttle, now, "anna", "192.0.2.1"), Met::Refused(wait * 1000 - 400), "does not prolong");
            now =
                now.plus(Duration::from_secs(u64::try_from(wait).expect("minutes"))).minus(Duration::from_millis(400));
            assert_eq!(guess(&throttle, now, "anna", "192.0.2.1"), Met::Tried);
        }
        assert_eq!(guess(&throttle, now.plus(Duration::from_hours(2)), "anna", "192.0.2.1"), Met::Tried, "forgotten");
        assert_eq!(guess(&throttle, now.plus(Duration::from_hours(2)), "anna", "192.0.2.1"), Met::Tried, "anew");
    }

    #[test]
    fn who_counts_as_the_same_user_and_address() {
        let cases = [
            ("anna", "192.0.2.1", true),
            ("ANNA", "192.0.2.1", true),
            ("anna", "::ffff:192.0.2.1", true),
            ("anna", "192.0.2.2", false),
            ("hanna", "192.0.2.1", false),
        ];
        for (user, from, same) in cases {
            let throttle = Throttle::new();
            (0..5).for_each(|_| assert_eq!(guess(&throttle, START, "Anna", "192.0.2.1"), Met::Tried));
            let met = if same { Met::Refused(1000) } else { Met::Tried };
            assert_eq!(guess(&throttle, START, user, from), met, "{user} {from}");
        }
        for (from, same) in [("2001:db8:1:2:ffff::9", true), ("2001:db8:1:3::1", false), ("127.0.0.1", false)] {
            let throttle = Throttle::new();
            (0..5).for_each(|_| assert_eq!(guess(&throttle, START, "Ёжик", "2001:db8:1:2::1"), Met::Tried));
            let met = if same { Met::Refused(1000) } else { Met::Tried };
            assert_eq!(guess(&throttle, START, "ёЖИК", from), met, "{from}");
        }
        let throttle = Throttle::new();
        (0..5).for_each(|_| assert_eq!(guess(&throttle, START, "anna", "127.0.0.1"), Met::Tried));
        assert_eq!(guess(&throttle, START, "anna", "127.0.0.1"), Met::Refused(1000), "loopback is not exempt");
    }

    #[test]
    fn an_address_has_a_hundred_failures_in_five_minutes_whatever_the_users() {
        let throttle = Throttle::new();
        for n in 0..100 {
            assert_eq!(guess(&throttle, at(n), &format!("user{n}"), "198.51.100.7"), Met::Tried);
        }
        let Met::Refused(wait) = guess(&throttle, at(100), "someone", "198.51.100.7") else { panic!("one too many") };
        assert!((200_000..=230_000).contains(&wait), "the first failures are past after {wait} ms");
        assert_eq!(guess(&throttle, at(100), "someone", "198.51.100.8"), Met::Tried);
        permit(&throttle, at(100), "user0", "198.51.100.8").succeeded();
        assert!(matches!(guess(&throttle, at(299), "someone", "198.51.100.7"), Met::Refused(_)), "still a hundred");
        let again = at(100).plus(Duration::from_millis(u64::try_from(wait).expect("minutes")));
        assert_eq!(guess(&throttle, again, "someone", "198.51.100.7"), Met::Tried);
        for n in 0..100 {
            assert_eq!(guess(&throttle, at(100_000), &format!("user{n}"), "198.51.100.7"), Met::Tried, "all are past");
        }
    }

    #[test]
    fn a_user_has_a_hundred_failures_in_fifteen_minutes_whatever_the_addresses() {
        let throttle = Throttle::new();
        for n in 0..100 {
            assert_eq!(guess(&throttle, START, "anna", &format!("2001:db8:0:{n:x}::1")), Met::Tried);
        }
        let Met::Refused(wait) = guess(&throttle, START, "Anna", "192.0.2.1") else { panic!("one too many") };
        assert!((900_000..=990_000).contains(&wait), "{wait} ms");
        assert_eq!(guess(&throttle, START, "boris", "192.0.2.1"), Met::Tried);
        let again = START.plus(Duration::from_millis(u64::try_from(wait).expect("minutes")));
        assert_eq!(guess(&throttle, again, "anna", "192.0.2.1"), Met::Tried);
    }

    #[test]
    fn a_success_forgives_its_user_and_address_and_nothing_else() {
        let throttle = Throttle::new();
        for round in 0..24 {
            (0..4).for_each(|_| assert_eq!(guess(&throttle, START, "anna", "192.0.2.1"), Met::Tried, "{round}"));
            permit(&throttle, START, "anna", "192.0.2.1").succeeded();
        }
        (0..4).for_each(|_| assert_eq!(guess(&throttle, START, "anna", "192.0.2.1"), Met::Tried));
        assert!(
            matches!(guess(&throttle, START, "anna", "198.51.100.1"), Met::Refused(900_000..)),
            "the user's hundred"
        );
        assert!(matches!(guess(&throttle, START, "boris", "192.0.2.1"), Met::Refused(300_000..)), "the address's");
    }

    #[test]
    fn strangers_who_guess_at_a_name_do_not_lock_its_owner_out() {
        let throttle = Throttle::new();
        permit(&throttle, START, "anna", "192.0.2.1").succeeded();
        for n in 0..100 {
            assert_eq!(guess(&throttle, START, "anna", &format!("2001:db8:0:{n:x}::1")), Met::Tried);
        }
        assert!(
            matches!(guess(&throttle, START, "anna", "198.51.100.1"), Met::Refused(900_000..)),
            "not from elsewhere"
        );
        (0..5).for_each(|_| assert_eq!(guess(&throttle, START, "anna", "192.0.2.1"), Met::Tried));
        assert_eq!(
            guess(&throttle, START, "anna", "192.0.2.1"),
            Met::Refused(1_000),
            "the pair's own pace still holds"
        );
    }

    #[test]
    fn an_undecided_attempt_counts_and_a_dropped_one_has_failed() {
        let throttle = Throttle::new();
        let mut open: Vec<_> = (0..5).map(|_| permit(&throttle, START, "anna", "192.0.2.1")).collect();
        assert_eq!(guess(&throttle, START, "anna", "192.0.2.1"), Met::Wait);
        assert_eq!(guess(&throttle, START, "anna", "192.0.2.2"), Met::Tried);

        open.pop().expect("five").withdrawn();
        open.push(permit(&throttle, START, "anna", "192.0.2.1"));
        assert_eq!(guess(&throttle, START, "anna", "192.0.2.1"), Met::Wait);

        drop(open);
        assert_eq!(guess(&throttle, START, "anna", "192.0.2.1"), Met::Refused(1000));
        let sixth = permit(&throttle, at(1), "anna", "192.0.2.1");
        assert_eq!(guess(&throttle, at(1), "anna", "192.0.2.1"), Met::Wait, "one at a time from here on");
        sixth.failed(at(2));
        assert_eq!(guess(&throttle, at(2), "anna", "192.0.2.1"), Met::Refused(2000));

        let (cut, told) = (permit(&throttle, START, "boris", "::1"), permit(&throttle, START, "boris", "::1"));
        (0..3).for_each(|_| assert_eq!(guess(&throttle, START, "boris", "::1"), Met::Tried));
        told.failed(at(10));
        drop(cut);
        assert_eq!(guess(&throttle, at(10), "boris", "::1"), Met::Refused(1000), "counted from the later failure");
    }

    #[tokio::test]
    async fn fifty_right_sign_ins_at_once_are_all_admitted_even_after_failures() {
        for failures in [0, 4, 7] {
            let (throttle, clock) = (Throttle::new(), Clock::fixed(START));
            for n in 0..failures {
                assert_eq!(guess(&throttle, at(n * 60), "anna", "192.0.2.1"), Met::Tried);
            }
            clock.set(at(failures * 60 + 60));
            assert_eq!(at_once(&throttle, &clock, 50, true).await, 50, "after {failures} failures");
        }
    }

    #[tokio::test]
    async fn of_fifty_wrong_guesses_at_once_five_are_tried() {
        let (throttle, clock) = (Throttle::new(), Clock::fixed(START));
        assert_eq!(at_once(&throttle, &clock, 50, false).await, 5);
        clock.advance(Duration::from_secs(1));
        assert_eq!(at_once(&throttle, &clock, 50, false).await, 1);
    }

    /// So many attempts begun before any is decided; how many were admitted.
    async fn at_once(throttle: &Throttle, clock: &Clock, attempts: usize, right: bool) -> usize {
        let tasks = (0..attempts).map(|_| {
            let (throttle, clock) = (throttle.clone(), clock.clone());
            tokio::spawn(async move {
                let permit = throttle.admit(&clock, "anna", address("192.0.2.1")).await?;
                tokio::task::yield_now().await;
                if right {
                    permit.succeeded();
                } else {
                    permit.failed(clock.now());
                }
                Ok::<_, RetryAfter>(())
            })
        });
        let mut admitted = 0;
        for task in tasks.collect::<Vec<_>>() {
            admitted += usize::from(task.await.expect("the task ends").is_ok());
        }
        admitted
    }

    #[test]
    fn a_clock_put_back_shuts_nobody_out() {
        let throttle = Throttle::new();
        let wrong = START.plus(Duration::from_hours(10_000));
        for n in 0..100 {
            assert_eq!(guess(&throttle, wrong, &format!("user{}", n / 5), "192.0.2.1"), Met::Tried);
        }
        assert!(matches!(guess(&throttle, START, "user0", "192.0.2.1"), Met::Refused(300_000..=330_000)));
        assert_eq!(guess(&throttle, at(330), "user0", "192.0.2.1"), Met::Tried);
    }

    #[test]
    fn the_oldest_entries_are_forgotten_when_the_table_is_full_but_no_undecided_one() {
        let throttle = Throttle::with(Limits { entries: 20, ..LIMITS });
        let held = permit(&throttle, START, "held", "192.0.2.1");
        for n in 0..100 {
            assert_eq!(guess(&throttle, at(n), &format!("user{n}"), &format!("198.51.100.{n}")), Met::Tried);
            let state = throttle.0.lock();
            let sizes = [state.pairs.entries.len(), state.addresses.entries.len(), state.users.entries.len()];
            assert!(sizes.iter().all(|size| *size <= 20), "{sizes:?}");
        }
        let known = |user: &str, from: &str| {
            let state = throttle.0.lock();
            state.pairs.entries.contains_key(&state.keys(user, address(from)).pair)
        };
        assert!(known("user99", "198.51.100.99"));
        assert!(!known("user50", "198.51.100.50"));
        assert!(known("held", "192.0.2.1"));
        held.failed(at(100));
    }

    #[test]
    fn sign_ins_that_succeed_leave_nothing_behind() {
        let throttle = Throttle::new();
        permit(&throttle, START, "anna", "192.0.2.1").succeeded();
        permit(&throttle, START, "anna", "192.0.2.1").withdrawn();
        let state = throttle.0.lock();
        assert_eq!((state.pairs.entries.len(), state.addresses.entries.len(), state.users.entries.len()), (0, 0, 0));
    }

    #[test]
    fn a_retry_after_is_whole_seconds_and_never_zero() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (300_000, 300)] {
            assert_eq!(RetryAfter(Duration::from_millis(millis)).seconds(), seconds, "{millis} ms");
        }
    }

    /// One step of an attacker with several users, addresses and connections.
    #[derive(Clone, Debug)]
    enum Step {
        Pass(u64),
        /// A wrong guess, decided at once.
        Guess(u8, u8),
        /// A wrong guess that stays undecided.
        Open(u8, u8),
        /// The oldest undecided guess is decided, or its connection cut.
        Fail,
        Cut,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            2 => (0..40_000_u64).prop_map(Step::Pass),
            6 => (0..3_u8, 0..3_u8).prop_map(|(user, from)| Step::Guess(user, from)),
            3 => (0..3_u8, 0..3_u8).prop_map(|(user, from)| Step::Open(user, from)),
            2 => Just(Step::Fail),
            1 => Just(Step::Cut),
        ]
    }

    /// The table at the head of this file with small numbers, so that a short run meets every limit.
    const SMALL: Limits = Limits {
        pair: Pace { free: 3, longest_wait: Duration::from_secs(8), forgotten: Duration::from_mins(1) },
        address: Rate { failures: 8, span: Duration::from_secs(50) },
        user: Rate { failures: 9, span: Duration::from_secs(90) },
        entries: 100,
    };

    proptest! {
        #[test]
        fn never_more_wrong_guesses_than_allowed_are_tried_in_any_span(steps in prop::collection::vec(step(), 1..300)) {
            let throttle = Throttle::with(SMALL);
            let mut now = START;
            let mut tried: Vec<(Timestamp, u8, u8)> = Vec::new();
            let mut open = VecDeque::new();
            for step in steps {
                match step {
                    Step::Pass(millis) => now = now.plus(Duration::from_millis(millis)),
                    Step::Guess(user, from) | Step::Open(user, from) => {
                        let source = IpAddr::from([192, 0, 2, from]);
                        match throttle.try_admit(now, &user.to_string(), source) {
                            Admission::Admitted(permit) => {
                                tried.push((now, user, from));
                                if matches!(step, Step::Open(..)) { open.push_back(permit) } else { permit.failed(now) }
                            }
                            Admission::Undecided => prop_assert!(!open.is_empty(), "there is something to wait for"),
                            Admission::Refused(RetryAfter(wait)) => {
                                prop_assert!(wait > Duration::ZERO);
                                prop_assert!(wait <= SMALL.user.span + SMALL.user.span / 10);
                            }
                        }
                    }
                    Step::Fail => if let Some(permit) = open.pop_front() { permit.failed(now) },
                    Step::Cut => drop(open.pop_front()),
                }
            }
            for (last, user, from) in &tried {
                let within = |span| tried.iter().filter(move |(at, ..)| at <= last && last.since(*at) < span);
                let of_address = within(SMALL.address.span).filter(|guess| guess.2 == *from).count();
                prop_assert!(of_address <= 8, "{of_address} of one address");
                let of_user = within(SMALL.user.span).filter(|guess| guess.1 == *user).count();
                prop_assert!(of_user <= 9, "{of_user} of one user");
                let of_pair = within(Duration::from_secs(1)).filter(|guess| guess.1 == *user && guess.2 == *from).count();
                prop_assert!(of_pair <= 3, "{of_pair} of one pair in a second");
            }
        }

        #[test]
        fn whoever_waits_as_long_as_told_is_admitted(gaps in prop::collection::vec(0..20_000_u64, 1..200)) {
            let throttle = Throttle::with(SMALL);
            let mut now = START;
            for gap in gaps {
                now = now.plus(Duration::from_millis(gap));
                let Met::Refused(wait) = guess(&throttle, now, "anna", "192.0.2.1") else { continue };
                now = now.plus(Duration::from_millis(u64::try_from(wait).expect("minutes")));
                let early = now.minus(Duration::from_millis(1));
                prop_assert_eq!(guess(&throttle, early, "anna", "192.0.2.1"), Met::Refused(1));
                prop_assert_eq!(guess(&throttle, now, "anna", "192.0.2.1"), Met::Tried);
            }
        }
    }
}
