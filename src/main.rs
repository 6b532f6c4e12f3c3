//! Parses the command line, runs it, prints an error chain once.

fn main() {}
