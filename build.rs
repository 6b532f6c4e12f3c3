//! Notes the commit the binary is built from, if it is built from a checkout.

use std::process::Command;

fn main() {
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let commit = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let build = match commit {
        Some(commit) => format!("{version}+{}", commit.trim()),
        None => version,
    };
    println!("cargo::rustc-env=COMPTOIR_BUILD={build}");
    println!("cargo::rerun-if-changed=.git/logs/HEAD");
}
