//! Slows the guessing of passwords.
