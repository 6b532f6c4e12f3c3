//! Faults on request: which requests get one, and what it is. Which of them is decided by counting and by a seed, so that a
//! test that is run again meets the same.
//!
//! Must not know: any domain, HTTP's types beyond a method and a status, the clock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most rules at once.
pub const MOST: usize = 100;

/// What requests a rule is about. What is `None` fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Of this operation.
    pub operation: Option<String>,
    /// Of this method, in capitals.
    pub method: Option<String>,
    /// Whose path has this form; `*` stands for any characters, slashes too.
    pub path: Option<String>,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fault {
    /// It waits for so long first.
    pub delay: Duration,
    /// It is answered with this status, in the contract's own shape, and not handled.
    pub status: Option<u16>,
    /// That answer names this time to wait.
    pub retry_after: Option<Duration>,
    /// It is not answered: the connection is cut.
    pub cut: bool,
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// About which requests.
    pub target: Target,
    /// What happens to them.
    pub fault: Fault,
    /// To which part of them, 0 to 1.
    pub probability: f64,
    /// What chance is made of: the same seed strikes the same requests of a sequence.
    pub seed: u64,
    /// So many get it at most.
    pub limit: Option<u64>,
    /// So many that fit are spared first.
    pub skip: u64,
}

/// A rule that is set, and what it has done.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// Its number.
    pub id: u64,
    /// The rule.
    pub rule: Rule,
    /// How many requests fitted.
    pub seen: u64,
    /// How many of them got the fault.
    pub struck: u64,
}

/// The rules that are set.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: u64,
    rules: Vec<Set>,
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a rule; `None`: there are as many as there may be. Of several that fit a request the first one that strikes
    /// counts.
    pub fn add(&self, rule: Rule) -> Option<Set> {
        let mut state = self.state();
        if state.rules.len() >= MOST {
            return None;
        }
        state.last += 1;
        let set = Set { id: state.last, rule, seen: 0, struck: 0 };
        state.rules.push(set.clone());
        Some(set)
    }

    /// The rules in the order they were set.
    pub fn list(&self) -> Vec<Set> {
        self.state().rules.clone()
    }

    /// Takes a rule back; whether it was there.
    pub fn remove(&self, id: u64) -> bool {
        let mut state = self.state();
        let before = state.rules.len();
        state.rules.retain(|set| set.id != id);
        state.rules.len() < before
    }

    /// Takes every rule back.
    pub fn clear(&self) {
        self.state().rules.clear();
    }

    /// The fault that a request gets, and the number of its rule.
    pub fn strike(&self, operation: Option<&str>, method: &str, path: &str) -> Option<(u64, Fault)> {
        let mut state = self.state();
        state.rules.iter_mut().find_map(|set| {
            if !set.rule.target.fits(operation, method, path) {
                return None;
            }
            let number = set.seen;
            set.seen += 1;
            let spared = number < set.rule.skip || set.rule.limit.is_some_and(|limit| set.struck >= limit);
            if spared || !strikes(set.rule.seed, number, set.rule.probability) {
                return None;
            }
            set.struck += 1;
            Some((set.id, set.rule.fault))
        })
    }
}

impl Target {
    fn fits(&self, operation: Option<&str>, method: &str, path: &str) -> bool {
        self.operation.as_deref().is_none_or(|wanted| operation == Some(wanted))
            && self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|form| has_form(path, form))
    }
}

/// Whether the request with this number is among those that chance strikes: a hash of seed and number (`SplitMix64`), so that
/// the order in which concurrent requests are counted is all that matters.
fn strikes(seed: u64, number: u64, probability: f64) -> bool {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    // The upper 32 bits as a part of 1: exact in floating point.
    let part = f64::from(u32::try_from(mixed >> 32).unwrap_or(u32::MAX)) / 4_294_967_296.0;
    part < probability
}

/// Whether `text` has a form in which `*` stands for any characters.
fn has_form(text: &str, form: &str) -> bool {
    let mut parts = form.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(probability: f64, seed: u64) -> Rule {
        let fault = Fault { status: Some(503), ..Fault::default() };
        Rule { target: Target::default(), fault, probability, seed, limit: None, skip: 0 }
    }

    fn struck(rule: &Rule, of: usize) -> Vec<bool> {
        let faults = Faults::default();
        faults.add(rule.clone()).expect("there is room");
        (0..of).map(|_| faults.strike(Some("read_info"), "GET", "/account/info").is_some()).collect()
    }

    #[test]
    fn the_same_seed_strikes_the_same_requests_and_another_one_others() {
        let half = struck(&rule(0.5, 7), 1_000);
        assert_eq!(half, struck(&rule(0.5, 7), 1_000));
        assert_ne!(half, struck(&rule(0.5, 8), 1_000));
        let count = half.iter().filter(|struck| **struck).count();
        assert!((400..600).contains(&count), "{count}");
        assert!(struck(&rule(1.0, 1), 100).iter().all(|struck| *struck));
        assert!(!struck(&rule(0.0, 1), 100).iter().any(|struck| *struck));
    }

    #[test]
    fn a_limit_and_a_skip_count_what_fits() {
        let third_only = Rule { limit: Some(1), skip: 2, ..rule(1.0, 0) };
        assert_eq!(struck(&third_only, 5), [false, false, true, false, false]);
    }

    #[test]
    fn a_rule_is_about_an_operation_a_method_a_form_of_path_or_all_of_them() {
        let fits = |operation: Option<&str>, method: Option<&str>, path: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let target = Target { operation: owned(operation), method: owned(method), path: owned(path) };
            target.fits(Some("read_info"), "GET", "/account/info")
        };
        assert!(fits(None, None, None) && fits(Some("read_info"), Some("GET"), Some("/account/info")));
        assert!(!fits(Some("check"), None, None) && !fits(None, Some("POST"), None));
        for (form, does) in [
            ("/account/*", true),
            ("*", true),
            ("*/info", true),
            ("/a*t/*o", true),
            ("/account/info*", true),
            ("/account", false),
            ("/account/*x", false),
            ("*z*", false),
            ("", false),
        ] {
            assert_eq!(fits(None, None, Some(form)), does, "{form}");
        }
    }

    #[test]
    fn rules_are_bounded_counted_and_taken_back() {
        let faults = Faults::default();
        for _ in 0..MOST {
            faults.add(rule(1.0, 0)).expect("there is room");
        }
        assert_eq!(faults.add(rule(1.0, 0)), None);
        assert_eq!(faults.strike(None, "GET", "/").map(|(id, _)| id), Some(1), "the first one counts");
        assert!(faults.remove(1) && !faults.remove(1));
        assert_eq!(faults.list().len(), MOST - 1);
        faults.clear();
        assert_eq!(faults.strike(None, "GET", "/"), None);
    }
}
