//! Who is served what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::listen::Listen;
use super::network::Cidr;

/// Who is served private modules. Whoever asks from elsewhere is told so (403), never that there is no such module.
/// What is not set says nothing; if several are set, all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Networks whose clients may ask for private modules. Clients of unix sockets always may: who may connect there is
    /// for `socket_mode` to say.
    pub private_from: Vec<Cidr>,
    /// Entries of `listen` at which private modules are served.
    pub private_on: Vec<Listen>,
    /// Host names, without a port, under which private modules are served. A client can claim any name: set this where a
    /// server in front decides who reaches which name.
    pub private_hosts: Vec<String>,
    /// Networks of servers in front of this one, which are believed when they say in `X-Forwarded-For` for whom they ask.
    /// Limits and rules then count for that client.
    pub proxies: Vec<Cidr>,
}
