//! Servers end with their values, and with the process that started them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use orlop_test_servers::S3Server;

/// Set in the process that is killed.
const VICTIM: &str = "ORLOP_TEST_VICTIM";

fn address(endpoint: &str) -> String {
    endpoint.trim_start_matches("http://").to_owned()
}

/// Looks for up to 30 s; a server may take a moment to go.
fn is_gone(address: &str) -> bool {
    (0..1500).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        TcpStream::connect(address).is_err()
    })
}

#[test]
fn a_server_ends_with_its_value() {
    let server = S3Server::start().unwrap();
    let address = address(&server.endpoint());
    assert!(TcpStream::connect(&address).is_ok());
    drop(server);
    assert!(is_gone(&address));
}

#[test]
fn a_server_ends_with_a_killed_test() {
    if std::env::var_os(VICTIM).is_some() {
        let server = S3Server::start().unwrap();
        println!("listening at {}", server.endpoint());
        std::io::stdout().flush().unwrap();
        std::thread::park();
    }
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "a_server_ends_with_a_killed_test"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let endpoint = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("listening at ")?.1.to_owned()))
        .unwrap();
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(is_gone(&address(&endpoint)));
}
