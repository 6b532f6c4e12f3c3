//! Test controls: a server under test that is seeded, reset, moved through time, made to fail and asked what it saw.
//!
//! Tables: none. It belongs to the composition: it knows what there is to put back (the store, identity, the task runner,
//! what watches the gate, what captures webhooks) and the fixtures, which name every domain. Operations: under
//! `/comptoir/v1/test/`, see [`api`]; they are there only with `--test-controls`, on a database that was made for tests.
//! In reading order: [`controls`] (snapshots, seeding, the way back), [`time`] (the clock), [`api`].
//!
//! What holds after a reset: rows, clock, identity, throttling, what waits to be recorded and running tasks are as they
//! were at the snapshot. No credential made since lives, also not one that is known by its signature alone, and none that
//! was remembered comes back, because the identity epoch goes on counting. A request that was under way has ended before.
//!
//! No domain and nothing shared knows this room: `app` and `cli` do.

pub mod api;
pub mod controls;
pub mod time;

pub use self::controls::{Controls, ControlsError, Parts};
