//! Where to listen.

use std::net::{SocketAddr, ToSocketAddrs};

/// Reads a host with a port.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| "expected a host and a port, such as 127.0.0.1:8485".to_owned())
}
