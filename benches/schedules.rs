//! Order schedules, beside their bounds: a listing of 10 000 schedules with the nearest day of each, and the check that a
//! new one overlaps with none of 10 000 of the same producer and distributor, which must not depend on how many there are.
//!
//! `cargo bench --bench schedules`

#![allow(clippy::print_stdout, reason = "figures are what a measurement is for")]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use comptoir::auth::bootstrap::{self, BootstrapError, FirstOperator};
use comptoir::auth::model::{
    CompanyKey, Gln, PartyId, PartyKind, PartyName, PartyRef, Password, SharedPrincipal, Username,
};
use comptoir::auth::parties::NewParty;
use comptoir::auth::password::Hasher;
use comptoir::auth::{Auth, parties};
use comptoir::clock::{Clock, Timestamp};
use comptoir::schedules::model::{Draft, DraftRule};
use comptoir::schedules::recurrence::Frequency;
use comptoir::schedules::service::contract;
use comptoir::schedules::{SchedulesError, SchedulesService};
use comptoir::store::{OpenOptions, Store};
use comptoir::tasks::Queue;

const MANY: i64 = 10_000;
const FEW: i64 = 10;
const ROUNDS: usize = 9;

const LISTING_BOUND: Duration = Duration::from_millis(50);
/// Of what the same costs among few.
const RATIO_BOUND: f64 = 2.0;

const PRODUCER_OF_MANY: u64 = 482_000_000_001;
const PRODUCER_OF_FEW: u64 = 482_000_000_002;
const BUYER: u64 = 482_000_000_003;

const DAY: i64 = 86_400;

struct World {
    store: Store,
    queue: Queue,
    service: SchedulesService,
    caller: SharedPrincipal,
    now: Timestamp,
}

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, without the word.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let world = World::new(&folder.path().join("bench.db")).await;
    let begun = Instant::now();
    world.fill(PRODUCER_OF_MANY, MANY).await;
    world.fill(PRODUCER_OF_FEW, FEW).await;
    println!("{MANY} schedules of one producer, filled in {:.1} s", begun.elapsed().as_secs_f64());
    let listed = world.listing().await;
    let checked = world.overlap().await;
    if listed && checked { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn gln(digits: u64) -> Gln {
    Gln::of_twelve(digits).expect("twelve digits")
}

/// A schedule of ten days that recurs weekly; number `n` comes after those before it.
fn draft(n: i64, count: i64) -> Draft {
    // The last ones are still to come, the first ones are long over.
    let start = 1_772_445_600 + (n - count / 2) * 10 * DAY / 8;
    Draft {
        name: format!("Number {n}"),
        date_start: start.max(0),
        time_from: "09:00:00".to_owned(),
        time_to: "21:00:00".to_owned(),
        time_remind: None,
        block: false,
        kind: None,
        rule: None,
        distributors: vec![PartyRef::Gln(gln(BUYER))],
    }
}

/// The same with a rule whose nearest day has to be found: it began long ago and has no end.
fn recurring(n: i64, buyer: PartyId) -> Draft {
    let rule = DraftRule {
        frequency: Frequency::Weekly,
        interval: 1 + n % 4,
        count: 0,
        date_until: 0,
        by_day: vec![1 + n % 7, 1 + (n + 3) % 7],
    };
    Draft {
        name: format!("Recurring {n}"),
        date_start: 1_000_000_000 + n * DAY / 4,
        rule: Some(rule),
        distributors: vec![PartyRef::Id(buyer)],
        ..draft(n, MANY)
    }
}

impl World {
    async fn new(path: &Path) -> Self {
        let now = Timestamp::from_unix_seconds(1_772_445_600);
        let clock = Clock::fixed(now);
        let store = Store::open(OpenOptions { clock: clock.clone(), ..OpenOptions::server(path) }).expect("a store");
        let auth = Auth::new(store.clone(), Hasher::start(), clock.clone()).expect("identity");
        let password = "correct horse battery";
        let first = FirstOperator {
            company: CompanyKey::parse("north").expect("a key"),
            username: Username::parse("operator").expect("a name"),
            password: Some(Password::parse(password).expect("a password")),
            password_file: path.with_extension("operator-password"),
        };
        bootstrap::run(&auth, || Ok::<_, BootstrapError>(first)).await.expect("a first start");
        let jwt = auth
            .sign_in("operator", password, [127, 0, 0, 1].into(), uuid::Uuid::new_v4(), Duration::from_hours(24))
            .await;
        let caller = auth.authenticate(&jwt.expect("a token")).expect("a principal");
        let queue = Queue::new(clock, Vec::new());
        let service = SchedulesService::new(&auth, queue.clone());
        let world = Self { store, queue, service, caller, now };
        for (digits, kind) in [
            (PRODUCER_OF_MANY, PartyKind::Producer),
            (PRODUCER_OF_FEW, PartyKind::Producer),
            (BUYER, PartyKind::Distributor),
        ] {
            world.party(digits, kind).await;
        }
        world
    }

    async fn party(&self, digits: u64, kind: PartyKind) {
        let name = PartyName::parse(format!("Party {digits}")).expect("a name");
        let new = NewParty { id: None, gln: gln(digits), name, kind, zone: None };
        self.service.create_party(self.caller.clone(), new).await.expect("a party");
    }

    /// `count` schedules of a producer for one distributor, one after the other; of the many, each also stands in the
    /// listing that is measured.
    async fn fill(&self, producer: u64, count: i64) {
        for from in (0..count).step_by(200) {
            let (queue, caller, now) = (self.queue.clone(), self.caller.clone(), self.now);
            let filled = self.store.write(move |tx| {
                let owner = parties::get(tx, caller.company_id, &PartyRef::Gln(gln(producer)))?;
                for n in from..count.min(from + 200) {
                    contract::write(tx, &queue, caller.company_id, &owner, &draft(n, count), None, now)?;
                }
                Ok::<_, SchedulesError>(())
            });
            filled.await.expect("schedules");
        }
    }

    /// The page of 10 000 with the nearest day of each: of those made above, and of as many that recur.
    async fn listing(&self) -> bool {
        let digits = 482_000_000_004;
        self.party(digits, PartyKind::Producer).await;
        for from in (0..MANY).step_by(200) {
            let (queue, caller, now) = (self.queue.clone(), self.caller.clone(), self.now);
            let filled = self.store.write(move |tx| {
                let owner = parties::get(tx, caller.company_id, &PartyRef::Gln(gln(digits)))?;
                for n in from..from + 200 {
                    let buyer = NewParty {
                        id: Some(PartyId(1_000_000 + n)),
                        gln: gln(482_001_000_000 + n.unsigned_abs()),
                        name: PartyName::parse("A buyer").expect("a name"),
                        kind: PartyKind::Distributor,
                        zone: None,
                    };
                    parties::create(tx, caller.company_id, &buyer, now)?;
                    let draft = recurring(n, PartyId(1_000_000 + n));
                    contract::write(tx, &queue, caller.company_id, &owner, &draft, None, now)?;
                }
                Ok::<_, SchedulesError>(())
            });
            filled.await.expect("schedules");
        }
        self.store.checkpoint().await.expect("a checkpoint");
        let mut times = Vec::new();
        for round in 0..=ROUNDS {
            let begun = Instant::now();
            let page = self.service.list(self.caller.clone(), Some(gln(digits).to_string()), 10_000, 0).await;
            let took = begun.elapsed();
            let page = page.expect("a page");
            assert!(page.len() == 10_000 && page.iter().all(|shown| shown.date_closest.is_some()));
            // The first finds its pages cold.
            if round > 0 {
                times.push(took);
            }
        }
        times.sort();
        let median = times[times.len() / 2];
        println!(
            "listing of {MANY} with dateClosest: {:.1} ms (bound: at most {:.0} ms)",
            median.as_secs_f64() * 1e3,
            LISTING_BOUND.as_secs_f64() * 1e3
        );
        median <= LISTING_BOUND
    }

    /// What is refused because it overlaps: the check alone, without the write that would follow.
    async fn overlap(&self) -> bool {
        let measure = async |producer: u64, count: i64| {
            let (queue, caller, now) = (self.queue.clone(), self.caller.clone(), self.now);
            let timed = self.store.write(move |tx| {
                let owner = parties::get(tx, caller.company_id, &PartyRef::Gln(gln(producer)))?;
                let begun = Instant::now();
                for n in 0..1_000 {
                    let refused =
                        contract::write(tx, &queue, caller.company_id, &owner, &draft(n % count, count), None, now);
                    assert!(matches!(refused, Err(SchedulesError::Conflict(_))));
                }
                Ok::<_, SchedulesError>(begun.elapsed() / 1_000)
            });
            timed.await.expect("a transaction")
        };
        measure(PRODUCER_OF_MANY, MANY).await;
        let mut ratios = Vec::new();
        let (mut few, mut many) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..ROUNDS {
            few = measure(PRODUCER_OF_FEW, FEW).await;
            many = measure(PRODUCER_OF_MANY, MANY).await;
            ratios.push(many.as_secs_f64() / few.as_secs_f64());
        }
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios[ratios.len() / 2];
        println!(
            "overlap check:              {:.1} µs among {FEW}, {:.1} µs among {MANY} (ratio {ratio:.2}, bound \
             {RATIO_BOUND})",
            few.as_secs_f64() * 1e6,
            many.as_secs_f64() * 1e6
        );
        ratio <= RATIO_BOUND
    }
}
