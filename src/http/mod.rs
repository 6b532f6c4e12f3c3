//! What every contract shares on the wire.
//!
//! Must not know: any domain, the store.

pub mod json;
pub mod schema;
pub mod server;
