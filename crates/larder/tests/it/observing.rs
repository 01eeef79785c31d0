//! What can be seen from outside: the numbers, the log, and what is deployed to watch them.

mod deployed;
mod log;
mod metrics;
mod numbers;
#[cfg(feature = "otlp")]
mod tracing;
