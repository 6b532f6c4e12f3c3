//! Who did what: the store of actions, Comptoir's own activity, the chain that vouches for it, and reading it.

mod actions;
