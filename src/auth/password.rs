//! Password hashing: Argon2id on one thread of its own, with one block buffer and a short queue. Argon2 takes its
//! strength from memory; a buffer per request, or a pool of threads, would let a burst of sign-ins cost gigabytes.
//!
//! Must not know: users, the rules for a good password, the store, HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::{Choice, ConstantTimeEq as _};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// What new hashes cost: 19 MiB, two passes, one lane, the OWASP Password Storage Cheat Sheet's first choice for
/// Argon2id.
const CURRENT: Cost = Cost { memory: 19 * 1024, passes: 2, lanes: 1 };

/// The dearest stored hash that is still computed. It leaves room to raise [`CURRENT`], and none for a row that would
/// take the process's memory or hold the thread for long.
const DEAREST: Cost = Cost { memory: 64 * 1024, passes: 10, lanes: 4 };

const SALT_LEN: usize = 16;
const OUTPUT_LEN: usize = 32;

/// Jobs that may wait. At some 20 ms each the last one waits a little over a second; who comes then is told to come
/// back.
const QUEUE_LEN: usize = 64;

/// How long the buffer is kept without work. It is the machine's time and not [`crate::clock`]'s: it decides about
/// memory only, and a test that moves the clock has no business with it.
const IDLE: Duration = Duration::from_secs(10);

/// The least capacity of a buffer, in blocks of 1 KiB; what lies beyond the blocks in use is never touched and so
/// never resident. glibc serves a block above 32 MiB by a mapping of its own and unmaps it when it is freed. A smaller
/// one goes, from the second time on, to the heap, because freeing the first has raised glibc's dynamic threshold to
/// its size (mallopt(3), `M_MMAP_THRESHOLD`), and there it stays resident.
const MAPPED_BLOCKS: usize = 33 * 1024;

/// Why a password was not hashed or not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The queue is full, or there is no memory for the buffer now: the caller may try again in a second.
    #[error("too many passwords wait to be checked")]
    Busy,
    /// The hashing thread has ended.
    #[error("the hashing thread has ended")]
    Closed,
    /// The stored hash is not an Argon2id PHC string, or asks for more than [`Hasher`] will spend.
    #[error("the stored password hash is not readable")]
    Unreadable,
}

/// A handle on the hashing thread; clones share it, and it ends when the last one is dropped and its queue is empty.
#[derive(Clone)]
pub struct Hasher {
    queue: SyncSender<Job>,
    checked: Arc<AtomicU64>,
}

impl Hasher {
    /// Starts the thread. It holds no buffer until the first password comes.
    #[must_use]
    pub fn start() -> Self {
        let (queue, jobs) = sync_channel(QUEUE_LEN);
        thread::Builder::new()
            .name("passwords".into())
            .spawn(move || {
                let mut worker = Worker::default();
                while worker.turn(&jobs, IDLE) {}
            })
            .expect("a thread can be started while the server starts");
        Self { queue, checked: Arc::default() }
    }

    /// The PHC string (`$argon2id$v=19$m=19456,t=2,p=1$salt$hash`) of `password` under a fresh random salt.
    pub async fn hash(&self, password: &str) -> Result<String, HashError> {
        let password = secret(password);
        self.submit(|reply| Job::Hash { password, salt: fresh_salt(), reply }).await
    }

    /// Whether `password` is the one that `stored` was made of. `None` stands for an unknown user: it costs the same
    /// time and the answer is always `false`.
    ///
    /// A caller that no longer waits when its turn comes costs nothing.
    pub async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, HashError> {
        let password = secret(password);
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.submit(|reply| Job::Verify { password, stored, reply }).await
    }

    /// How many passwords were given to [`Hasher::verify`] since the start: what the metrics page shows.
    #[must_use]
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// As [`Hasher::hash`], on the calling thread and with a buffer of its own: for the command line, which hashes one
    /// password and ends.
    pub fn hash_blocking(password: &str) -> Result<String, HashError> {
        Worker::default().hash(password.as_bytes(), fresh_salt())
    }

    /// As [`Hasher::verify`], on the calling thread: for the command line.
    pub fn verify_blocking(password: &str, stored: Option<&str>) -> Result<bool, HashError> {
        Worker::default().verify(password.as_bytes(), stored)
    }

    async fn submit<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T, HashError>>) -> Job) -> Result<T, HashError> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(job(reply)).map_err(|refused| match refused {
            TrySendError::Full(_) => HashError::Busy,
            TrySendError::Disconnected(_) => HashError::Closed,
        })?;
        answer.await.unwrap_or(Err(HashError::Closed))
    }
}

type Secret = Zeroizing<Vec<u8>>;

fn secret(password: &str) -> Secret {
    Zeroizing::new(password.as_bytes().to_vec())
}

fn fresh_salt() -> [u8; SALT_LEN] {
    let mut salt = [0; SALT_LEN];
    getrandom::fill(&mut salt).expect("the operating system has random bytes");
    salt
}

enum Job {
    Hash {
        password: Secret,
        salt: [u8; SALT_LEN],
        reply: oneshot::Sender<Result<String, HashError>>,
    },
    Verify {
        password: Secret,
        stored: Option<String>,
        reply: oneshot::Sender<Result<bool, HashError>>,
    },
    /// Holds the thread for as long as a test wants it held.
    #[cfg(test)]
    Hold(Box<dyn FnOnce() + Send>),
}

/// What the thread owns: the block buffer, empty while there is no work.
#[derive(Default)]
struct Worker {
    memory: Vec<Block>,
}

impl Worker {
    /// Waits for one thing and does it: a job, or `idle` without one, which gives the buffer back. `false` when no
    /// handle is left.
    fn turn(&mut self, jobs: &Receiver<Job>, idle: Duration) -> bool {
        let next = if self.memory.is_empty() {
            jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            jobs.recv_timeout(idle)
        };
        match next {
            Ok(job) => self.run(job),
            Err(RecvTimeoutError::Timeout) => self.memory = Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    /// Does `job` unless its caller has gone; one that goes in the middle finds no one to answer, which is no error.
    fn run(&mut self, job: Job) {
        match job {
            Job::Hash { password, salt, reply } => {
                if !reply.is_closed() {
                    let _ = reply.send(self.hash(&password, salt));
                }
            }
            Job::Verify { password, stored, reply } => {
                if !reply.is_closed() {
                    let _ = reply.send(self.verify(&password, stored.as_deref()));
                }
            }
            #[cfg(test)]
            Job::Hold(until) => until(),
        }
    }

    fn hash(&mut self, password: &[u8], salt: [u8; SALT_LEN]) -> Result<String, HashError> {
        let mut made = Phc { cost: CURRENT, salt: salt.to_vec(), output: vec![0; OUTPUT_LEN] };
        let Phc { cost, salt, output } = &mut made;
        self.compute(password, *cost, salt, output)?;
        Ok(made.to_string())
    }

    fn verify(&mut self, password: &[u8], stored: Option<&str>) -> Result<bool, HashError> {
        let known = Choice::from(u8::from(stored.is_some()));
        // For an unknown user the same work, against an output of zeros.
        let expected = match stored {
            Some(text) => Phc::parse(text).ok_or(HashError::Unreadable)?,
            None => Phc { cost: CURRENT, salt: vec![0; SALT_LEN], output: vec![0; OUTPUT_LEN] },
        };
        let mut output = Zeroizing::new(vec![0; expected.output.len()]);
        self.compute(password, expected.cost, &expected.salt, &mut output)?;
        Ok(bool::from(output.ct_eq(&expected.output) & known))
    }

    fn compute(&mut self, password: &[u8], cost: Cost, salt: &[u8], output: &mut [u8]) -> Result<(), HashError> {
        let params = cost.params().ok_or(HashError::Unreadable)?;
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            // The old blocks hold nothing worth copying.
            self.memory = Vec::new();
            self.memory.try_reserve_exact(blocks.max(MAPPED_BLOCKS)).map_err(|_| HashError::Busy)?;
            self.memory.resize(blocks, Block::new());
        }
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password, salt, output, &mut self.memory)
            .map_err(|_| HashError::Unreadable)
    }
}

/// The three costs of Argon2, as RFC 9106 section 3.1 names them: memory in KiB (m), passes (t), lanes (p).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// Nothing when the costs are out of bounds.
    fn params(self) -> Option<Params> {
        let bearable = self.memory <= DEAREST.memory && self.passes <= DEAREST.passes && self.lanes <= DEAREST.lanes;
        bearable.then(|| Params::new(self.memory, self.passes, self.lanes, None).ok())?
    }
}

/// A stored password: the PHC string's parts. It is written and read here and nowhere else.
#[derive(Debug, PartialEq, Eq)]
struct Phc {
    cost: Cost,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Phc {
    /// Reads exactly the form that [`Phc`]'s `Display` writes (and other implementations with it: Argon2id, version
    /// 19, no key id, no associated data). A short output would match by chance, so 16 bytes are the least.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let (costs, salt, output) = (fields.next()?, fields.next()?, fields.next()?);
        let mut costs = costs.split(',');
        let mut cost = |name| costs.next()?.strip_prefix(name)?.strip_prefix('=')?.parse().ok();
        let cost = Cost { memory: cost("m")?, passes: cost("t")?, lanes: cost("p")? };
        let salt = STANDARD_NO_PAD.decode(salt).ok()?;
        let output = STANDARD_NO_PAD.decode(output).ok()?;
        let whole = fields.next().is_none() && costs.next().is_none();
        (whole && (8..=64).contains(&salt.len()) && (16..=64).contains(&output.len())).then_some(Self {
            cost,
            salt,
            output,
        })
    }
}

impl std::fmt::Display for Phc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cost { memory, passes, lanes } = self.cost;
        let (salt, output) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.output));
        write!(f, "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Waker};

    use super::*;

    /// Made by the reference implementation (argon2-cffi), salt 00 01 … 0f.
    const BATTERY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$gYJZtjEAJqjg26xdLmknq8/bB7MiWPrE9hsYuA+SkIU";

    #[test]
    fn the_phc_string_is_the_reference_implementations() {
        let salt = std::array::from_fn(|i| u8::try_from(i).expect("16 fits"));
        assert_eq!(Worker::default().hash(b"correct horse battery staple", salt).as_deref(), Ok(BATTERY));
    }

    #[test]
    fn hashes_of_other_costs_and_lengths_verify_in_any_order() {
        let cases = [
            ("correct horse battery staple", BATTERY),
            (
                "raised",
                "$argon2id$v=19$m=40960,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$NW4/b2XXKb0kv9mRT/VXY8TTgCn9uow72x84xVTu+7k",
            ),
            (
                "Пароль-为-œuvre",
                "$argon2id$v=19$m=8192,t=3,p=2$YW5vdGhlciBzYWx0LCAyMSBsb25n$+7VBX6/kfC6Uy9XvoCztUCqCKT6m1cxH",
            ),
        ];
        let mut worker = Worker::default();
        for (password, stored) in cases {
            assert_eq!(worker.verify(password.as_bytes(), Some(stored)), Ok(true), "{password}");
            assert_eq!(worker.verify(b"something else", Some(stored)), Ok(false), "{password}");
        }
    }

    #[test]
    fn a_stored_hash_that_is_foreign_broken_or_too_dear_is_unreadable() {
        let good = "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$gYJZtjEAJqjg26xdLmknq8/bB7MiWPrE9hsYuA+SkIU";
        let mut worker = Worker::default();
        assert_eq!(worker.verify(b"x", Some(good)), Ok(false));
        for (from, to) in [
            (good, ""),
            ("argon2id", "argon2i"),
            ("v=19", "v=16"),
            ("m=8,", "m=7,"),
            ("m=8,", "m=65537,"),
            ("m=8,", "m=4294967296,"),
            ("m=8,", ""),
            ("t=1", "t=0"),
            ("t=1", "t=11"),
            ("p=1", "p=0"),
            ("p=1", "p=5"),
            ("p=1", "p=1,keyid=AA"),
            ("AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBg"),
            ("AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0ODw=="),
            ("gYJZtjEAJqjg26xdLmknq8/bB7MiWPrE9hsYuA+SkIU", ""),
            ("gYJZtjEAJqjg26xdLmknq8/bB7MiWPrE9hsYuA+SkIU", "gYJZtjEAJqg"),
            ("+SkIU", "+SkIU$"),
        ] {
            let bad = good.replace(from, to);
            assert_eq!(worker.verify(b"x", Some(&bad)), Err(HashError::Unreadable), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only_and_an_unknown_user_never() {
        let hasher = Hasher::start();
        let first = hasher.hash("long enough").await.expect("the queue is empty");
        let second = Hasher::hash_blocking("long enough").expect("there is memory");
        assert_ne!(first, second, "each has its own salt");
        assert_eq!(hasher.verify("long enough", Some(first.clone())).await, Ok(true));
        assert_eq!(hasher.verify("long enough", Some(second)).await, Ok(true));
        assert_eq!(hasher.verify("Long enough", Some(first)).await, Ok(false));
        assert_eq!(hasher.verify("long enough", None).await, Ok(false));
    }

    #[tokio::test]
    async fn the_job_after_the_last_place_in_the_queue_is_refused_and_the_queue_is_then_worked_off() {
        let hasher = Hasher::start();
        let release = hold(&hasher);
        let waiting: Vec<_> = (0..QUEUE_LEN)
            .map(|_| {
                let mut attempt = Box::pin(hasher.hash("one of many"));
                assert!(poll(attempt.as_mut()).is_pending());
                attempt
            })
            .collect();
        assert_eq!(hasher.hash("one too many").await, Err(HashError::Busy));
        assert_eq!(hasher.verify("one too many", None).await, Err(HashError::Busy));
        let mut waiting = waiting.into_iter();
        let first = waiting.next().expect("sixty-four wait");
        drop(waiting);
        drop(release);
        assert!(first.await.is_ok());
        assert_eq!(hasher.verify("room again", None).await, Ok(false));
    }

    #[test]
    fn a_job_whose_caller_has_gone_is_skipped() {
        let mut worker = Worker::default();
        let (reply, _) = oneshot::channel();
        worker.run(Job::Hash { password: secret("gone"), salt: [0; SALT_LEN], reply });
        let (reply, _) = oneshot::channel();
        worker.run(Job::Verify { password: secret("gone"), stored: None, reply });
        assert!(worker.memory.is_empty(), "no work, so no buffer");
    }

    #[test]
    fn the_buffer_is_kept_between_jobs_and_given_back_when_none_comes() {
        let (queue, jobs) = sync_channel(2);
        let (reply, mut answer) = oneshot::channel();
        queue.send(Job::Verify { password: secret("x"), stored: None, reply }).expect("the receiver lives");
        let mut worker = Worker::default();
        assert!(worker.turn(&jobs, Duration::ZERO));
        assert_eq!(answer.try_recv(), Ok(Ok(false)));
        assert!(worker.memory.capacity() >= MAPPED_BLOCKS);
        assert!(worker.turn(&jobs, Duration::ZERO));
        assert_eq!(worker.memory.capacity(), 0);
        drop(queue);
        assert!(!worker.turn(&jobs, Duration::ZERO));
    }

    #[tokio::test]
    async fn a_thread_that_has_ended_is_said_to_be_closed() {
        let (queue, jobs) = sync_channel(1);
        drop(jobs);
        assert_eq!(Hasher { queue, checked: Arc::default() }.hash("long enough").await, Err(HashError::Closed));

        let (queue, jobs) = sync_channel(1);
        let hasher = Hasher { queue, checked: Arc::default() };
        let mut attempt = pin!(hasher.hash("long enough"));
        assert!(poll(attempt.as_mut()).is_pending());
        drop(jobs);
        assert_eq!(attempt.await, Err(HashError::Closed));
    }

    /// Occupies the thread until what it returns is dropped; the queue is empty when it returns.
    fn hold(hasher: &Hasher) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel();
        let (entered, has_entered) = mpsc::channel();
        let until = move || {
            entered.send(()).expect("the test waits");
            let _ = released.recv();
        };
        hasher.queue.send(Job::Hold(Box::new(until))).expect("the thread lives");
        has_entered.recv().expect("the thread takes the job");
        release
    }

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> std::task::Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }
}
