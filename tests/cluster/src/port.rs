//! A port that stays one server's own while the server does not run.

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketAddrV4, SocketType, bind, getsockname, socket, sockopt};

/// A port of the loopback interface that nobody else is given. The server that is to have it binds
/// it with `SO_REUSEPORT`, as this does; until it listens, connections are refused.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    _socket: OwnedFd,
    number: u16,
}

impl ReservedPort {
    pub(crate) fn new() -> std::io::Result<Self> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        sockopt::set_socket_reuseport(&socket, true)?;
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        let address = SocketAddrV4::try_from(getsockname(&socket)?)?;
        Ok(Self {
            _socket: socket,
            number: address.port(),
        })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn nobody_else_gets_the_port_and_nobody_answers_at_it() {
        let port = ReservedPort::new().unwrap();
        let address = (Ipv4Addr::LOCALHOST, port.number());
        let taken = TcpListener::bind(address).unwrap_err();
        assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
