//! The child: a process that takes from itself whatever a file could use against the machine, then reads the file on
//! standard input and sends its rows to standard output.
//!
//! Everything here runs in that process only, on its one thread. Must not know: the parent.

use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::detect::{Container, Format};
use super::limits::Limits;
use super::sink::{Sink, Stop};
use super::unreadable::Unreadable;
use super::{archive, csv, held};

/// The name of the command that runs [`run`].
pub const COMMAND: &str = "read-sheet";

/// Reads the spreadsheet on standard input. `limits` and `hint` as [`Reader`](super::Reader) passes them.
pub fn run(limits: &str, hint: &str) -> io::Result<()> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what);
    let limits = Limits::of_argument(limits).ok_or_else(|| invalid("limits"))?;
    let hint = Format::of_name(&format!(".{hint}")).ok_or_else(|| invalid("hint"))?;
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Without standard output's own buffer, which looks for the ends of lines.
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    confine(&limits)?;
    let mut sink = Sink::new(output, limits);
    // A panic is the file's doing. What the panic hook says goes to standard error, where the parent looks for last words.
    let read = catch_unwind(AssertUnwindSafe(|| read(input, hint, &mut sink)));
    let ended = match read {
        Ok(Ok(()) | Err(Stop::End)) => sink.end(),
        Ok(Err(Stop::File(why))) => sink.fail(&why),
        Ok(Err(deaf @ Stop::Deaf(_))) => Err(deaf),
        Err(_) => sink.fail(&Unreadable::Damaged("its structure contradicts itself".to_owned())),
    };
    match ended {
        Ok(()) | Err(Stop::File(_) | Stop::End) => Ok(()),
        Err(Stop::Deaf(error)) => Err(error),
    }
}

/// Takes from this process what reading does not need. None of it can be taken back by a process without privileges.
fn confine(limits: &Limits) -> io::Result<()> {
    /// Standard input, output and error, and the two copies this process reads from and writes to.
    const OPEN_FILES: u64 = 5;
    let most = |resource, soft, hard| setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) });
    let seconds = limits.cpu.as_secs().max(1);
    most(Resource::As, limits.memory, limits.memory)?;
    // The first signal says why; the second cannot be ignored.
    most(Resource::Cpu, seconds, seconds + 1)?;
    most(Resource::Core, 0, 0)?;
    most(Resource::Fsize, 0, 0)?;
    most(Resource::Nofile, OPEN_FILES, OPEN_FILES)?;
    most(Resource::Nproc, 0, 0)?;
    #[cfg(target_os = "linux")]
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

fn read(mut input: File, hint: Format, sink: &mut Sink<File>) -> Result<(), Stop> {
    let broken = |error: io::Error| Stop::from(Unreadable::Io(error.to_string()));
    let about = input.metadata().map_err(broken)?;
    if !about.is_file() {
        return Err(Unreadable::Io("standard input is no file".to_owned()).into());
    }
    let limit = sink.limits().file;
    if about.len() > limit {
        return Err(Unreadable::FileTooLarge { limit }.into());
    }
    input.rewind().map_err(broken)?;
    let head = archive::head(&mut input).map_err(broken)?;
    if head.is_empty() {
        return Err(Unreadable::Empty.into());
    }
    match Container::detect(&head) {
        Container::Archive => archive::read(input, about.len(), hint, sink),
        Container::Compound => held::read_compound(input, about.len(), sink),
        Container::Text => csv::read(input, sink),
        Container::Unknown => Err(Unreadable::UnknownFormat.into()),
    }
}
