//! How much children may take.

use std::time::Duration;

/// Bounds of every child, and of all together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How long a child may run, unless its command says otherwise. The clock's time, not the processor's.
    pub deadline: Duration,
    /// Seconds of processor time, of each process.
    pub cpu_s: u64,
    /// Bytes of address space, of each process; mapped files count.
    pub memory_bytes: u64,
    /// Bytes of the largest file that a child may write.
    pub file_bytes: u64,
    /// Files that a process may have open.
    pub open_files: u64,
    /// Children that may use the network at once.
    pub network_children: usize,
    /// Of these, children that may ask the same host at once.
    pub children_per_host: usize,
    /// Children at once that only read what is kept. Apart from the others, so that reading never waits for a network.
    pub content_children: usize,
    /// How long a command waits for its turn.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_mins(5),
            cpu_s: 600,
            memory_bytes: 8 << 30,
            file_bytes: 8 << 30,
            open_files: 1024,
            network_children: 16,
            children_per_host: 8,
            content_children: 32,
            wait: Duration::from_secs(20),
        }
    }
}
