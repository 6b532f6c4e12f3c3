//! The parent's side: starts a child, reads what it sends, believes none of it, and says what became of it.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::cell::Row;
use super::child;
use super::detect::Format;
use super::frame::{self, Frame};
use super::limits::Limits;
use super::unreadable::Unreadable;

/// How children are started, and how many run at once. Clones share that number.
#[derive(Debug, Clone)]
pub struct Reader {
    program: PathBuf,
    limits: Limits,
    turns: Arc<Semaphore>,
}

impl Reader {
    /// `program`: the comptoir binary, which is asked for its hidden command. [`Reader::of_this_program`] unless this is a
    /// test, whose own program is another one.
    #[must_use]
    pub fn new(program: PathBuf, limits: Limits) -> Self {
        Self { program, limits, turns: Arc::new(Semaphore::new(limits.children.clamp(1, Semaphore::MAX_PERMITS))) }
    }

    /// Children are this very program, also if its file has been replaced by a newer one since.
    pub fn of_this_program(limits: Limits) -> std::io::Result<Self> {
        let own = Path::new("/proc/self/exe");
        Ok(Self::new(if own.exists() { own.to_owned() } else { std::env::current_exe()? }, limits))
    }

    /// What a file may cost.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Starts reading `file` from its beginning, whatever its position; it must be a regular file, opened for reading. Waits
    /// for a turn first. `hint`: what the name says; content decides, and [`Rows::format`] tells what it decided.
    pub async fn open(&self, file: File, hint: Format) -> Result<Rows, Unreadable> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("nobody closes the semaphore");
        let mut child = Command::new(&self.program)
            .args([child::COMMAND, "--limits", &self.limits.to_argument(), "--hint", hint.extension()])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(file))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Unreadable::Io(format!("cannot start {}: {error}", self.program.display())))?;
        let out = child.stdout.take().expect("it is piped");
        widen(&out);
        let mut rows = Rows {
            child,
            out,
            content: Vec::new(),
            limits: self.limits,
            left: self.limits.wait,
            format: hint,
            sheet: String::new(),
            others: Vec::new(),
            last: 0,
            count: 0,
            done: false,
            _turn: turn,
        };
        match rows.frame().await? {
            Frame::Opened { format, sheet, others } => {
                (rows.format, rows.sheet, rows.others) = (format, sheet, others);
                Ok(rows)
            }
            Frame::Failed(why) => Err(why),
            Frame::Rows(_) | Frame::End => Err(Unreadable::Crashed),
        }
    }
}

/// Room for several batches in the pipe, so that child and parent need not take turns. Where it is refused they do.
fn widen(out: &ChildStdout) {
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(out, 1 << 20);
    #[cfg(not(target_os = "linux"))]
    let _ = out;
}

/// A sheet that is being read. The child is killed when this is dropped.
#[derive(Debug)]
pub struct Rows {
    child: Child,
    out: ChildStdout,
    content: Vec<u8>,
    limits: Limits,
    /// How much longer the child may be waited for.
    left: Duration,
    format: Format,
    sheet: String,
    others: Vec<String>,
    /// The number of the last row.
    last: u32,
    /// Rows so far.
    count: u64,
    done: bool,
    /// The turn that this child has.
    _turn: OwnedSemaphorePermit,
}

impl Rows {
    /// The format that the content is of: if not that of the file's name, the name is wrong.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The sheet that is read: the first visible worksheet. Of a `.csv` file: no name.
    #[must_use]
    pub fn sheet(&self) -> &str {
        &self.sheet
    }

    /// Further visible worksheets, which are not read; the first hundred.
    #[must_use]
    pub fn other_sheets(&self) -> &[String] {
        &self.others
    }

    /// The next rows, in order: up to a thousand, fewer where rows are long. `None` at the end.
    ///
    /// To be dropped after an error; and not to be called again by who gave up waiting for it.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>, Unreadable> {
        if self.done {
            return Ok(None);
        }
        match self.frame().await? {
            Frame::Rows(rows) => {
                self.count += rows.len() as u64;
                for row in &rows {
                    if row.number <= self.last || self.count > self.limits.rows {
                        return Err(Unreadable::Crashed);
                    }
                    self.last = row.number;
                }
                Ok(Some(rows))
            }
            Frame::End => {
                self.done = true;
                // It has nothing left to do; waiting reaps it.
                let _ = self.child.start_kill();
                let _ = self.child.wait().await;
                Ok(None)
            }
            Frame::Failed(why) => Err(why),
            Frame::Opened { .. } => Err(Unreadable::Crashed),
        }
    }

    /// The child's number, while it runs.
    #[must_use]
    pub fn child_id(&self) -> Option<u32> {
        self.child.id()
    }

    async fn frame(&mut self) -> Result<Frame, Unreadable> {
        let began = Instant::now();
        let Ok(read) = tokio::time::timeout(self.left, self.content()).await else {
            let _ = self.child.start_kill();
            return Err(Unreadable::OutOfTime);
        };
        self.left = self.left.saturating_sub(began.elapsed());
        match read {
            Ok(()) => frame::parse(&self.content, &self.limits).ok_or(Unreadable::Crashed),
            Err(_) => Err(self.fate().await),
        }
    }

    async fn content(&mut self) -> std::io::Result<()> {
        let mut length = [0; 4];
        self.out.read_exact(&mut length).await?;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > frame::FRAME_BYTES {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        self.content.resize(length, 0);
        self.out.read_exact(&mut self.content).await?;
        Ok(())
    }

    /// What became of a child that stopped sending in the middle.
    async fn fate(&mut self) -> Unreadable {
        /// The last words that are listened to.
        const WORDS: u64 = 4_096;
        /// How long it may take to die after it closed its output.
        const DYING: Duration = Duration::from_secs(2);
        let mut words = Vec::new();
        if let Some(said) = self.child.stderr.take() {
            let _ = tokio::time::timeout(DYING, said.take(WORDS).read_to_end(&mut words)).await;
        }
        let status = tokio::time::timeout(DYING, self.child.wait()).await;
        let _ = self.child.start_kill();
        let words = String::from_utf8_lossy(&words);
        tracing::debug!(%words, ?status, "a sheet reader ended early");
        let signal = status.ok().and_then(Result::ok).and_then(|status| status.signal());
        match signal {
            Some(signal) if signal == rustix::process::Signal::XCPU.as_raw() => Unreadable::OutOfTime,
            // What the runtime says before it aborts for want of memory.
            Some(_) if words.contains("memory allocation of") => Unreadable::OutOfMemory { limit: self.limits.memory },
            _ => Unreadable::Crashed,
        }
    }
}
