//! The durable queue of background work and its runner.
//!
//! It owns the tables `tasks` and `task_periods`. It must not know any domain, nor HTTP: a domain describes its work by a
//! [`Kind`], enqueues it in the transaction of its cause, and hands a [`Handler`] to the [`Registry`] where the program
//! is put together. In reading order: `model` (what a task is), `state` (this diagram as a function), `backoff`,
//! `schedule`, `outcome` (what a handler may say), `registry`, `queue` (what may be done to a task), `context` (what a
//! handler is given), `runner` and `worker` (who runs them), `retention`, `sql`.
//!
//! # The states of a task
//!
//! ```text
//!               enqueue
//!                  │
//!                  ▼        claim (uses an attempt)
//!      ┌───── waiting ─────────────────────────────► running ─────► done
//!      │       ▲ ▲ ▲   ◄─ retry, after a back-off ──── │ │ │ │
//!      │       │ │ │   ◄─ snooze (gives it back) ───── │ │ │ └────► failed ──┐
//!      │       │ │ │   ◄─ handed back at shutdown ──── │ │ │  says so, or it │
//!      │       │ │ │      (gives the attempt back)     │ │ │  was the last   │
//!      │       │ │ └──── ◄─ lease lost ─────────────── ┘ │ │  attempt        │
//!      │       │ │                                       │ │                 │
//!      │       │ └─── resume ─── feedback ◄──────────────┘ │                 │
//!      │       │   (attempts afresh) │                     │                 │
//!      │cancel │                     │ cancel              │ stopped, or     │
//!      │       │                     ▼                     │ would come back │
//!      └───────│───────────────► canceled ◄────────────────┘ though a cancel │
//!              │                     │                       was requested   │
//!              └── retry by hand (attempts afresh) ◄─────────────────────────┘
//! ```
//!
//! *cancel* of a running task only notes the wish; its worker sees it and stops. Nothing ended wakes by itself.
//!
//! # What holds whatever happens
//!
//! - **No task without its cause, no cause without its task**: [`Queue::enqueue`] takes the transaction.
//! - **No effect twice**: each claim has a number, the lease, that only grows. [`TaskContext::finish`] commits the
//!   handler's decisive effect and the end of the task together, and only for whoever holds the latest lease; after a
//!   kill, a timeout or a takeover the old worker's effect is refused. An effect made outside of it (a call to another
//!   server) may happen again and has to bear that.
//! - **No loop for ever**: an attempt is counted when it is claimed, so a task that takes the process down with it has
//!   used it up as well. After the last one the task is failed and says why.
//! - **No wait after a restart**: leases of other boots are free at once, because the store's lock lets one server live.
//! - **Nothing goes out unasked after a restore**: while the store says that outgoing work is held, the kinds that
//!   [`RunnerOptions::outgoing`] names are not claimed.
//! - **Nobody is overtaken by a crowd**: each kind has its own places, and within a kind companies take turns.

mod backoff;
mod context;
mod model;
mod outcome;
mod queue;
mod registry;
mod retention;
mod runner;
mod schedule;
mod sql;
mod state;
mod worker;

pub use self::backoff::Backoff;
pub use self::context::{Interrupted, TaskContext};
pub use self::model::{Dedupe, Enqueued, Filter, Kind, NewTask, Task, TaskChange, Waiting};
pub use self::outcome::Outcome;
pub use self::queue::{OnEnd, Queue, TaskError, get, list, waiting};
pub use self::registry::{Handler, KindOptions, Registry};
pub use self::retention::keep_ended_for;
pub use self::runner::{Runner, RunnerOptions};
pub use self::schedule::Schedule;
pub use self::state::State;
