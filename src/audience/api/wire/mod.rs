//! The audience contract's types, field by field in the seed's order.
//!
//! Must not know: SQL, other domains.

mod answers;
mod examples;
mod extras;
mod matching;
mod profiles;
mod requests;
mod words;

pub use self::answers::*;
pub use self::examples::*;
pub use self::profiles::*;
pub use self::requests::*;
pub use self::words::{ChannelWord, StatusWord};
