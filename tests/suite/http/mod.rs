//! What the `http` room promises, seen from outside.

#[expect(clippy::unused_async, reason = "poem-openapi takes async handlers only")]
mod full_disk;
mod json;
mod server;
mod xml;
