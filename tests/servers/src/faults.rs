//! A bad network: an HTTP proxy before a server, which does what networks and servers do.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::ServerError;
use crate::http::Head;

/// What happens to a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// It is answered with this status and not passed on: 500, 503, 429.
    Refused(u16),
    /// It is passed on and done, and answered with this status.
    Done(u16),
    /// The connection breaks before there is an answer; nothing is passed on.
    Reset,
    /// The connection breaks before there is an answer; what was asked is done.
    ResetAfter,
    /// The body of the answer stops in the middle, and the connection stays open.
    Stalled,
    /// The connection breaks in the middle of the body.
    Cut,
    /// The answer has half of its body and says that this is all. That is no fault of a network:
    /// [`seeded`] never chooses it.
    Short,
    /// The answer comes later.
    Late(Duration),
}

/// What is known of a request when its fault is chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Path with bucket, and query.
    pub path: String,
    /// How many requests came before.
    pub number: u64,
}

type Choose = dyn Fn(&Asked) -> Option<Fault> + Send + Sync;

/// The proxy. It ends when it is dropped, with all connections.
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    choose: Box<Choose>,
    count: AtomicU64,
    done: Mutex<Vec<(Asked, Fault)>>,
    /// To be closed in the end: threads wait on them.
    connections: Mutex<BTreeMap<u64, TcpStream>>,
    ended: AtomicBool,
}

impl FaultProxy {
    /// Starts one before the server at `endpoint` (`http://HOST:PORT`). `choose` says what happens
    /// to each request.
    pub fn start(
        endpoint: &str,
        choose: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static,
    ) -> Result<Self, ServerError> {
        let shared = Arc::new(Shared {
            upstream: endpoint.trim_start_matches("http://").to_owned(),
            choose: Box::new(choose),
            count: AtomicU64::new(0),
            done: Mutex::default(),
            connections: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || serving.accept(&listener));
        Ok(Self { port, shared })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What happened so far, in the order of the requests' arrival.
    pub fn faults(&self) -> Vec<(Asked, Fault)> {
        lock(&self.shared.done).clone()
    }

    /// How many requests came.
    pub fn requests(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        for connection in lock(&self.shared.connections).values() {
            connection.shutdown(Shutdown::Both).ok();
        }
        // Wakes whoever accepts.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Chooses faults of all kinds of networks for `percent` of the requests, the same for the same seed and
/// number.
pub fn seeded(seed: u64, percent: u64) -> impl Fn(&Asked) -> Option<Fault> + Send + Sync {
    move |asked| {
        // SplitMix64.
        let mut z = seed
            .wrapping_mul(1000)
            .wrapping_add(asked.number)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        if z % 100 >= percent {
            return None;
        }
        Some(match (z >> 32) % 10 {
            0 => Fault::Refused(500),
            1 => Fault::Refused(503),
            2 => Fault::Refused(429),
            3 | 4 => Fault::Done(500),
            5 => Fault::Reset,
            6 => Fault::ResetAfter,
            7 => Fault::Stalled,
            8 => Fault::Cut,
            _ => Fault::Late(Duration::from_millis(200)),
        })
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept() else {
                return;
            };
            if self.ended.load(Ordering::Relaxed) {
                return;
            }
            if let Ok(clone) = stream.try_clone() {
                lock(&self.connections).insert(number, clone);
            }
            let shared = Arc::clone(self);
            std::thread::spawn(move || {
                // A connection that breaks is what this is for.
                shared.serve(&stream).ok();
                lock(&shared.connections).remove(&number);
            });
        }
    }

    /// Answers the requests of a connection until it ends or is to break.
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let mut from = BufReader::new(stream.try_clone()?);
        while let Some(mut head) = Head::read(&mut from)? {
            let mut words = head.first.split(' ');
            let asked = Asked {
                method: words.next().unwrap_or_default().to_owned(),
                path: words.next().unwrap_or_default().to_owned(),
                number: self.count.fetch_add(1, Ordering::Relaxed),
            };
            let is_head = asked.method == "HEAD";
            let fault = (self.choose)(&asked);
            if let Some(fault) = fault {
                lock(&self.done).push((asked, fault));
            }
            if fault == Some(Fault::Reset) {
                // A body that nobody has read makes the system say so.
                return Ok(());
            }
            if head.get("expect").is_some() {
                let mut to = stream;
                to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                head.remove("expect");
            }
            let body = head.body(&mut from, true)?;
            match fault {
                Some(Fault::Refused(status)) => {
                    status_only(stream, status)?;
                    continue;
                }
                Some(Fault::Late(time)) => std::thread::sleep(time),
                _ => {}
            }
            let (answer, body) = self.forward(head, &body, is_head)?;
            match fault {
                Some(Fault::Done(status)) => status_only(stream, status)?,
                Some(Fault::ResetAfter) => return Ok(()),
                _ => {
                    if !reply(stream, answer, &body, fault.filter(|_| !is_head))? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Passes a request on as it is: it is signed, with the name of the host that the client knows.
    fn forward(&self, mut head: Head, body: &[u8], is_head: bool) -> io::Result<(Head, Vec<u8>)> {
        head.set("connection", "close");
        let mut upstream = TcpStream::connect(&self.upstream)?;
        let mut message = Vec::new();
        head.write(&mut message)?;
        message.extend_from_slice(body);
        upstream.write_all(&message)?;
        let mut from = BufReader::new(upstream);
        let answer = Head::read(&mut from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let empty = is_head
            || [" 204", " 304"]
                .iter()
                .any(|code| answer.first.contains(code));
        let body = if empty {
            Vec::new()
        } else {
            answer.body(&mut from, false)?
        };
        Ok((answer, body))
    }
}

/// Sends an answer; `false` if the connection is to break.
fn reply(
    mut stream: &TcpStream,
    mut answer: Head,
    body: &[u8],
    fault: Option<Fault>,
) -> io::Result<bool> {
    answer.remove("connection");
    let half = body.get(..body.len() / 2).unwrap_or_default();
    let (said, sent) = match fault {
        Some(Fault::Short) => (half.len(), half),
        Some(Fault::Cut | Fault::Stalled) if !body.is_empty() => (body.len(), half),
        _ => (body.len(), body),
    };
    if answer.get("transfer-encoding").is_some() || !body.is_empty() {
        answer.remove("transfer-encoding");
        answer.set("content-length", said.to_string());
    }
    let mut message = Vec::new();
    answer.write(&mut message)?;
    message.extend_from_slice(sent);
    stream.write_all(&message)?;
    if sent.len() < said && fault == Some(Fault::Stalled) {
        // Until the client gives up.
        let mut rest = [0; 1];
        while io::Read::read(&mut stream, &mut rest)? > 0 {}
    }
    Ok(sent.len() == said)
}

fn status_only(mut stream: &TcpStream, status: u16) -> io::Result<()> {
    let message = format!("HTTP/1.1 {status} Fault\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(message.as_bytes())
}
