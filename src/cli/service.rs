//! `comptoir service`: what it takes to run the server under systemd. It is printed, never done: it needs the machine's
//! administrator, who sees first what is about to happen, and this program never has to run with such rights.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CliError, output};

/// The unit, as `packaging/` has it.
const UNIT: &str = include_str!("../../packaging/comptoir.service");

/// Where the unit says the program is.
const PROGRAM: &str = "/usr/local/bin/comptoir";

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Print a shell script that installs this program as a service of systemd; read it, then run it: `comptoir service
    /// install | sudo sh`.
    Install(InstallArgs),
    /// Print the unit alone.
    Unit(InstallArgs),
}

/// How it is to be installed.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Where the program is to be; it is copied there [default: /usr/local/bin/comptoir].
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,

    /// Address and port to listen on, for the configuration file that is made if there is none.
    #[arg(long, short, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: std::net::SocketAddr,
}

/// Runs one of them.
pub fn run(command: ServiceCommand) -> Result<(), CliError> {
    match command {
        ServiceCommand::Unit(args) => output::print(&unit(&program(&args)?)),
        ServiceCommand::Install(args) => {
            let own = std::env::current_exe().map_err(CliError::io("cannot tell where this program is"))?;
            let own = own.to_str().ok_or_else(|| CliError::Refused("this program's path is not UTF-8".into()))?;
            output::print(&script(own, &program(&args)?, &args.listen.to_string()))
        }
    }
}

/// The program's path, if a unit can name it: systemd reads spaces, quotes, `%` and `$` its own way.
fn program(args: &InstallArgs) -> Result<String, CliError> {
    let Some(path) = &args.program else { return Ok(PROGRAM.to_owned()) };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
    match path.to_str() {
        Some(text) if path.is_absolute() && text.bytes().all(plain) => Ok(text.to_owned()),
        _ => Err(CliError::Refused("--program must be a full path of plain letters, digits and / . _ + -".into())),
    }
}

fn unit(program: &str) -> String {
    UNIT.replace(PROGRAM, program)
}

/// In single quotes, for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn script(own: &str, program: &str, listen: &str) -> String {
    let (own, folder) = (quoted(own), program.rsplit_once('/').map_or("/", |(folder, _)| folder));
    let unit = unit(program);
    format!(
        "#!/bin/sh\n\
         # Installs Comptoir as a service of systemd. Nothing has been done yet: read this, then run it as root, or\n\
         #   comptoir service install | sudo sh\n\
         # Run again, it brings the program and the unit up to date; configuration and data stay.\n\
         set -eu\n\n\
         # A user of its own, without a shell.\n\
         getent passwd comptoir >/dev/null || useradd --system --home-dir /var/lib/comptoir --shell /usr/sbin/nologin comptoir\n\n\
         # The program, in one step, so that a running one is not disturbed.\n\
         install -d '{folder}'\n\
         install -m 0755 {own} '{program}.new'\n\
         mv '{program}.new' '{program}'\n\n\
         # Its configuration, unless there is one.\n\
         install -d -m 0755 /etc/comptoir\n\
         if [ ! -e /etc/comptoir/comptoir.toml ]; then\n\
         cat >/etc/comptoir/comptoir.toml <<'CONFIGURATION'\n\
         listen = \"{listen}\"\n\
         environment = \"production\"\n\
         CONFIGURATION\n\
         chown root:comptoir /etc/comptoir/comptoir.toml\n\
         chmod 0640 /etc/comptoir/comptoir.toml\n\
         fi\n\n\
         # The unit.\n\
         cat >/etc/systemd/system/comptoir.service <<'UNIT'\n\
         {unit}UNIT\n\n\
         # The manual.\n\
         '{program}' man --write /usr/local/share/man/man1\n\n\
         systemctl daemon-reload\n\
         systemctl enable comptoir.service\n\
         systemctl restart comptoir.service\n\n\
         echo 'Comptoir runs. The first start has written the password of its operator to'\n\
         echo '/var/lib/comptoir/comptoir.db.operator-password: read it, change it, remove the file.'\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(program: Option<&str>) -> InstallArgs {
        let listen = "127.0.0.1:8080".parse().expect("an address");
        InstallArgs { program: program.map(PathBuf::from), listen }
    }

    #[test]
    fn the_unit_starts_the_program_where_it_is_put_and_nowhere_else() {
        let unit = unit("/opt/comptoir/bin/comptoir");
        assert!(unit.contains("\nExecStart=/opt/comptoir/bin/comptoir serve "), "{unit}");
        assert!(!unit.contains(PROGRAM), "{unit}");
    }

    #[test]
    fn a_path_that_systemd_would_read_otherwise_is_refused() {
        assert_eq!(program(&install(None)).expect("the default"), PROGRAM);
        assert_eq!(program(&install(Some("/opt/c-1.0/comptoir"))).expect("a path"), "/opt/c-1.0/comptoir");
        for path in ["comptoir", "/opt/my files/comptoir", "/opt/%h/comptoir", "/opt/$x", "/opt/'x'", "/opt/\n"] {
            assert!(program(&install(Some(path))).is_err(), "{path}");
        }
    }

    #[test]
    fn a_quote_in_a_path_ends_no_text_of_the_script() {
        let script = script("/home/o'neil/comptoir", PROGRAM, "127.0.0.1:8080");
        assert!(
            script.contains(r"install -m 0755 '/home/o'\''neil/comptoir' '/usr/local/bin/comptoir.new'"),
            "{script}"
        );
    }
}
