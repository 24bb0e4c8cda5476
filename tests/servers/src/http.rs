//! As much of HTTP/1.1 as a proxy needs that trusts both its sides.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// Longest head and body that are taken.
const MAX_LINE: u64 = 64 << 10;
const MAX_BODY: u64 = 256 << 20;

/// A request or an answer without its body.
pub(crate) struct Head {
    /// The request or status line.
    pub(crate) first: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// Reads one; nothing if the connection ends before.
    pub(crate) fn read(from: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let first = line(from)?;
        if first.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let line = line(from)?;
            let Some((name, value)) = line.split_once(':') else {
                return Ok(Some(Self { first, headers }));
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Puts a header in place of those of the same name.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.into()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| known != name);
    }

    /// The body that follows, if one does; without a length it goes on to the end of the
    /// connection.
    pub(crate) fn body(
        &self,
        from: &mut BufReader<TcpStream>,
        request: bool,
    ) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self
            .get("transfer-encoding")
            .is_some_and(|value| value.contains("chunked"))
        {
            loop {
                let size = line(from)?;
                let size = size.split(';').next().unwrap_or_default();
                let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
                from.by_ref()
                    .take(size.min(MAX_BODY))
                    .read_to_end(&mut body)?;
                // After the last one, this is the end of the trailers: none are known.
                line(from)?;
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        let len = match self.get("content-length") {
            Some(len) => len.parse().map_err(io::Error::other)?,
            None if request => 0,
            None => MAX_BODY,
        };
        from.by_ref().take(len).read_to_end(&mut body)?;
        Ok(body)
    }

    pub(crate) fn write(&self, mut to: impl Write) -> io::Result<()> {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!("{}\r\n{}\r\n", self.first, headers.collect::<String>());
        to.write_all(head.as_bytes())
    }
}

/// A line without its end; empty at the end of the connection, too.
fn line(from: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    from.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
    let line = String::from_utf8(line).map_err(io::Error::other)?;
    Ok(line.trim_end().to_owned())
}
