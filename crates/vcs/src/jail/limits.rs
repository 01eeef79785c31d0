//! How much children may take.

use std::time::Duration;

/// Bounds of every child, and of all together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How long a child may run; some commands have less. The clock's time, not the processor's.
    pub deadline: Duration,
    /// Seconds of processor time, of each process.
    pub cpu_s: u64,
    /// Bytes of memory that each process may write to and shares with nobody (`RLIMIT_DATA`). Not of address space: git maps
    /// whole packs, and reads of them cost no memory that could not be given back. Measured with git 2.39 and a pack of 611
    /// MiB: with 586 MiB of address space neither a fetch nor an archive begins; with 59 MiB of data both end well.
    pub memory_bytes: u64,
    /// Bytes of the largest file that a child may write.
    pub file_bytes: u64,
    /// Files that a process may have open.
    pub open_files: u64,
    // Not here: the number of processes. The kernel counts those of a user, with all threads of this server, not those of a
    // tree; and nothing of a stranger's runs that could start any.
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
            deadline: Duration::from_mins(10),
            cpu_s: 600,
            // `git archive` holds a file of up to 512 MiB, and what it is a delta of, in memory.
            memory_bytes: 2 << 30,
            file_bytes: 8 << 30,
            open_files: 1024,
            network_children: 16,
            children_per_host: 8,
            content_children: 32,
            wait: Duration::from_secs(20),
        }
    }
}
