//! `comptoir man`: the manual pages, made from the same words as `--help`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, CliError, output};

/// Where to.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for the program and one for each command into this folder, such as `/usr/local/share/man/man1`;
    /// without it, the program's own page is printed.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
}

/// Prints or writes them.
pub fn run(args: &ManArgs) -> Result<(), CliError> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = &args.write else {
        return output::print(&String::from_utf8_lossy(&page(command)?));
    };
    fs::create_dir_all(folder).map_err(CliError::io(format!("cannot make {}", folder.display())))?;
    write(&command, "comptoir", folder)
}

fn page(command: Command) -> Result<Vec<u8>, CliError> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(CliError::io("cannot make a manual page"))?;
    Ok(page)
}

/// The page of a command and those of its own commands: `comptoir-user-add.1`.
fn write(command: &Command, name: &str, folder: &Path) -> Result<(), CliError> {
    let file = folder.join(format!("{name}.1"));
    // A page is found by its name, which clap would give only with spaces.
    let named: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let page = page(command.clone().name(named))?;
    fs::write(&file, page).map_err(CliError::io(format!("cannot write {}", file.display())))?;
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set()) {
        write(inner, &format!("{name}-{}", inner.get_name()), folder)?;
    }
    Ok(())
}
