//! What every contract shares on the wire: the server loop, the gate around the handlers, who is calling, bodies that
//! are checked against the published schema, failures, paging, the document and its pages.
//!
//! Must not know: any domain; nor rusqlite. A contract describes itself to this room with a [`contract::Contract`].

pub mod body;
pub mod caller;
mod compress;
pub mod context;
pub mod contract;
pub mod document;
pub mod download;
pub mod failure;
pub mod form;
pub mod format;
pub mod gate;
pub mod idempotency;
pub mod json;
pub mod meters;
pub mod operations;
pub mod pages;
pub mod paging;
mod params;
pub mod probe;
pub mod problem;
pub mod schema;
pub mod server;
pub mod wire;
pub mod xml;

pub use self::caller::{AnyCredential, BearerOrBasic, Caller};
pub use self::context::{HttpState, RequestContext};
pub use self::contract::{Contract, ErrorShape, Refused};
pub use self::failure::Failure;
pub use self::format::Format;
pub use self::idempotency::idempotency;
