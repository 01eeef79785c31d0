//! Our own log: what it promises whatever fails, what it serves, and what it is started with.

mod asking;
mod failing;
mod order;
mod remembering;
mod scrubbing;
mod starting;
mod world;
