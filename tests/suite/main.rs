//! The integration tests.

mod http;
