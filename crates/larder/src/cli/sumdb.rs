//! `larder sumdb`: the commands about checksum databases.

pub(super) mod accept;
pub(super) mod audit;
pub(super) mod status;

pub(super) use audit::AuditCall;
