//! Attempts to make Larder say something wrong, one file a kind of trouble.

mod stopping;
mod wire;
