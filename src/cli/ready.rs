//! `--ready-fd`: the descriptor that whoever started the server handed down.
//!
//! Must not know: what is written to it.

use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt;

use super::CliError;

/// Opens the inherited descriptor `fd` for writing. To be called before the process opens any file of its own: later the
/// number might be that file's, the database's for one.
pub fn inherited(fd: u32) -> Result<File, CliError> {
    let refused = |why: &str| CliError::Refused(format!("--ready-fd {fd}: {why}"));
    let path = format!("/dev/fd/{fd}");
    let kind = fs::metadata(&path).map_err(|_| refused("there is no such open descriptor"))?.file_type();
    if !(kind.is_fifo() || kind.is_file() || kind.is_char_device()) {
        return Err(refused("it must be a pipe, a file or a terminal"));
    }
    if is_read_only(fd) {
        return Err(refused("it is not open for writing"));
    }
    // What is in a file stays. A pipe is opened for both ways, because for writing alone the kernel would wait for its
    // reader, which may be gone.
    let opened = File::options().append(true).read(kind.is_fifo()).open(path);
    opened.map_err(CliError::io(format!("cannot write to --ready-fd {fd}")))
}

/// Whether it was opened for reading only, where the system tells: opening it anew must not give more than was handed
/// down.
fn is_read_only(fd: u32) -> bool {
    const ACCESS_MODE: u32 = 0o3;
    fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).is_ok_and(|about| {
        let flags = about.lines().find_map(|line| line.strip_prefix("flags:"));
        flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).is_some_and(|flags| flags & ACCESS_MODE == 0)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn take(file: &impl AsRawFd) -> Result<File, CliError> {
        inherited(u32::try_from(file.as_raw_fd()).expect("a descriptor is no negative number"))
    }

    #[test]
    fn what_is_in_a_file_already_stays() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"before\n").expect("room");
        take(file.as_file()).and_then(|mut out| out.write_all(b"after\n").map_err(CliError::io("x"))).expect("a line");
        assert_eq!(fs::read_to_string(file.path()).expect("the file"), "before\nafter\n");
    }

    #[test]
    fn a_pipe_whose_reader_is_gone_holds_nobody_up() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        take(&writer).expect("it is open");
    }

    #[test]
    fn what_cannot_be_written_to_is_refused() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let (reader, _writer) = std::io::pipe().expect("a pipe");
        let (socket, _other) = UnixStream::pair().expect("sockets");
        for (refused, why) in [
            (take(&File::open(file.path()).expect("the file")), "not open for writing"),
            (take(&reader), "not open for writing"),
            (take(&socket), "a pipe, a file or a terminal"),
            (take(&File::open("/").expect("a folder")), "a pipe, a file or a terminal"),
            (inherited(1_000_000), "no such open descriptor"),
        ] {
            let error = refused.expect_err(why);
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
