//! `larder sumdb`: the commands about checksum databases.

pub(super) mod audit;

pub(super) use audit::AuditCall;
