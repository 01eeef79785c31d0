//! What can be seen from outside: the numbers and the log.

mod metrics;
mod numbers;
