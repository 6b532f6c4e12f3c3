//! The audience contract's types, field by field in the seed's order.
//!
//! Must not know: SQL, other domains.

mod answers;
mod extras;
mod matching;
mod requests;
mod words;

pub use self::answers::*;
pub use self::requests::*;
