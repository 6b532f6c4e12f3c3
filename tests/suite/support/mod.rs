//! What the front-door tests stand on: a server in this process over a real file and a fixed clock, and a client that
//! holds every answer it sees against the published document.

mod client;
pub mod contract;
mod log;
pub mod raw;
mod server;

pub use self::client::{Answer, Call, Client};
pub use self::log::Log;
pub use self::server::{NOW, PASSWORD, Stopped, TestServer, api_token};
