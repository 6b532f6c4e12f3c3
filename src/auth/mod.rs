//! Who is calling, and may they: passwords and the pace at which they may be guessed.
//!
//! Must not know: any domain, HTTP, tasks, webhooks.

pub mod password;
pub mod throttle;
