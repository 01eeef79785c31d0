//! Checksum databases: what is believed of them, passed on, and kept.

mod passing;
