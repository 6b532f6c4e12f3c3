//! Which kinds of task there are, who handles them, and what happens by itself again and again. It is filled where the
//! program is put together and does not change afterwards.
//!
//! Must not know: the database, any domain.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::tasks::backoff::Backoff;
use crate::tasks::context::TaskContext;
use crate::tasks::model::Kind;
use crate::tasks::outcome::Outcome;
use crate::tasks::schedule::Schedule;

/// Does the work of a kind. An `async fn` or a closure from a context and a payload is one too.
pub trait Handler<P>: Send + Sync + 'static {
    /// One attempt. It may be dropped at any await (a timeout, a cancel it ignores, a shutdown past its grace), and it
    /// may come again after a kill: what must not happen twice belongs into [`TaskContext::finish`]. Work that computes
    /// for long belongs on a blocking thread, which asks [`TaskContext::is_canceled`] now and then.
    fn run(&self, context: TaskContext, payload: P) -> impl Future<Output = Outcome> + Send;
}

impl<P, F, A> Handler<P> for F
where
    F: Fn(TaskContext, P) -> A + Send + Sync + 'static,
    A: Future<Output = Outcome> + Send,
{
    fn run(&self, context: TaskContext, payload: P) -> impl Future<Output = Outcome> + Send {
        self(context, payload)
    }
}

/// How tasks of a kind are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindOptions {
    /// How many run at once.
    pub concurrency: usize,
    /// The longest an attempt may take; past it the attempt has failed.
    pub timeout: Duration,
    /// How long a worker that says nothing is believed to be alive; it speaks up three times in that span.
    pub lease: Duration,
    /// The delays between attempts.
    pub backoff: Backoff,
    /// How long an attempt that is to be canceled may take to stop by itself.
    pub cancel_grace: Duration,
}

impl Default for KindOptions {
    fn default() -> Self {
        Self {
            concurrency: 2,
            timeout: Duration::from_mins(10),
            lease: Duration::from_secs(30),
            backoff: Backoff::default(),
            cancel_grace: Duration::from_secs(10),
        }
    }
}

/// Kinds and periods.
#[derive(Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Arc<Registered>>,
    periods: Vec<Period>,
}

impl Registry {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says who handles `kind`, and how.
    ///
    /// # Panics
    /// If somebody does already, or if nobody could: no place at all, or no time.
    pub fn register<P>(&mut self, kind: Kind<P>, options: KindOptions, handler: impl Handler<P>)
    where
        P: DeserializeOwned + Send + 'static,
    {
        let name = kind.name();
        assert!(
            options.concurrency > 0 && !options.timeout.is_zero() && !options.lease.is_zero(),
            "{name} could not run"
        );
        let work = Arc::new(Typed { handler: Arc::new(handler), payload: PhantomData });
        let earlier = self.kinds.insert(name, Arc::new(Registered { name, options, work }));
        assert!(earlier.is_none(), "the kind {name} is registered twice");
    }

    /// Has a task of `kind` enqueued for the installation whenever `schedule` says so. A period missed while the server
    /// was down is made up for once; while an earlier task of `key` has not ended, none is added.
    ///
    /// # Panics
    /// If `key` is taken, nobody is registered for `kind`, or `payload` is not representable as JSON.
    pub fn every<P: Serialize>(&mut self, key: &'static str, schedule: Schedule, kind: Kind<P>, payload: P) {
        assert!(self.periods.iter().all(|period| period.key != key), "the period {key} is there twice");
        assert!(self.kinds.contains_key(kind.name()), "nobody handles {}", kind.name());
        let payload = serde_json::to_value(payload).expect("the payload of periodic work is plain data");
        self.periods.push(Period {
            key,
            schedule,
            kind: Kind::new(kind.name()).attempts(kind.max_attempts()),
            payload,
        });
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = &Arc<Registered>> {
        self.kinds.values()
    }

    pub(super) fn kind(&self, name: &str) -> Option<&Arc<Registered>> {
        self.kinds.get(name)
    }

    pub(super) fn periods(&self) -> &[Period] {
        &self.periods
    }
}

/// A kind with its handler.
pub(super) struct Registered {
    pub(super) name: &'static str,
    pub(super) options: KindOptions,
    pub(super) work: Arc<dyn Work>,
}

/// Something that is enqueued by itself.
#[derive(Debug, Clone)]
pub(super) struct Period {
    pub(super) key: &'static str,
    pub(super) schedule: Schedule,
    pub(super) kind: Kind<Value>,
    pub(super) payload: Value,
}

/// A handler without its types.
pub(super) trait Work: Send + Sync {
    fn run(&self, context: TaskContext, payload: Value) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;
}

struct Typed<H, P> {
    handler: Arc<H>,
    payload: PhantomData<fn() -> P>,
}

impl<H: Handler<P>, P: DeserializeOwned + Send + 'static> Work for Typed<H, P> {
    fn run(&self, context: TaskContext, payload: Value) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        let handler = Arc::clone(&self.handler);
        Box::pin(async move {
            match serde_json::from_value(payload) {
                Ok(payload) => handler.run(context, payload).await,
                Err(error) => {
                    tracing::error!(%error, "the payload of a task is unreadable");
                    Outcome::failed("This version of Comptoir cannot read what the task is about.")
                }
            }
        })
    }
}
