//! Signed calls to other people's servers: what they are ([`model`]), the signature ([`sign`]), when an attempt follows a
//! failed one ([`schedule`]), where a call may go ([`guard`]).
//!
//! Must not know: any domain, HTTP as a server, the house.

pub mod guard;
pub mod model;
pub mod schedule;
pub mod sign;
