//! A company's modules through the whole server: the real go command, which knows nothing but Larder's address, gets what
//! it would make of the company's repositories itself, by every way that they can be reached.

mod app;
mod graph;
mod https;
mod schemes;
mod ssh;
mod toolless;
