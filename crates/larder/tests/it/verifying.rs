//! What stands behind a held file: what is recorded of it, what clients are told, and what a database has said.

mod vouching;
