//! Attempts to make Larder say something wrong, one file a kind of trouble.

mod absence;
mod bodies;
mod copies;
mod names;
mod stopping;
mod storage;
mod wire;
