//! What the `http` room promises, seen from outside.

mod json;
mod server;
