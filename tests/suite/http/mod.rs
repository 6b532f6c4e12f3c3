//! What the `http` room promises, seen from outside.

mod full_disk;
#[expect(clippy::unused_async, reason = "poem-openapi takes async handlers only")]
mod json;
mod server;
mod xml;
