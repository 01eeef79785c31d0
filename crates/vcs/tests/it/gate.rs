//! The gate, asked as tools ask it.

mod ssh;
mod tools;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vcs::gate::{Gate, GateSettings, Incident, Outbound, Pass, Target};

use crate::origin::Origin;

/// A guard that allows one loopback address and no other.
fn is_here(address: IpAddr) -> bool {
    address == IpAddr::from([127, 0, 0, 1])
}

fn gate() -> Gate {
    Gate::open(GateSettings::new(is_here)).unwrap()
}

/// Asks the gate with a pass, and reads to the end.
fn ask(pass: &Pass, request: &str) -> String {
    let mut stream = connect(pass, request);
    let mut answer = Vec::new();
    // A gate that cuts a connection resets it.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a request to the gate; `\n` ends its lines.
fn connect(pass: &Pass, request: &str) -> TcpStream {
    let url = pass.url();
    let (login, address) = url.strip_prefix("http://").unwrap().rsplit_once('@').unwrap();
    let (first, rest) = request.split_once('\n').unwrap();
    let login = STANDARD.encode(login);
    let request = format!("{first}\nProxy-Authorization: Basic {login}\n{rest}\n").replace('\n', "\r\n");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn target(origin: &Origin) -> Target {
    Target { host: "127.0.0.1".to_owned(), port: origin.port() }
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

#[test]
fn a_tunnel_and_a_plain_request_arrive() {
    let (gate, origin) = (gate(), Origin::says(FINE));
    let pass = gate.admit(Some(target(&origin))).unwrap();
    let answer = ask(&pass, &format!("CONNECT {} HTTP/1.1\n\nGET /tunnel HTTP/1.1\n", origin.address));
    assert_eq!(answer, format!("HTTP/1.1 200 Connection established\r\n\r\n{FINE}"));
    let answer = ask(&pass, &format!("GET http://{}/plain?x HTTP/1.1\nHost: h\nA: b\n", origin.address));
    assert_eq!(answer, FINE);
    let plain = "GET /plain?x HTTP/1.1\r\nHost: h\r\nA: b\r\nConnection: close\r\n\r\n";
    assert_eq!(origin.heads(), ["GET /tunnel HTTP/1.1\r\n\r\n", plain]);
    assert_eq!(pass.incident(), None);
}

#[test]
fn nobody_passes_without_a_good_pass() {
    let (gate, origin) = (gate(), Origin::says(FINE));
    let (old, other) = (gate.admit(None).unwrap(), self::gate().admit(None).unwrap());
    let url = old.url();
    drop(old);
    let pass = gate.admit(None).unwrap();
    let address = pass.url().rsplit_once('@').unwrap().1.to_owned();
    for login in [url.as_str(), other.url().as_str(), "http://larder:@", "http://larder@x"] {
        let login = STANDARD.encode(login.strip_prefix("http://").unwrap().rsplit_once('@').unwrap().0);
        let mut stream = TcpStream::connect(&address).unwrap();
        let request =
            format!("CONNECT {} HTTP/1.1\r\nProxy-Authorization: Basic {login}\r\n\r\n", origin.address);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 407 "), "{login}: {answer}");
    }
    assert_eq!(origin.heads().len(), 0);
}

#[test]
fn the_guard_sees_the_address_that_a_name_resolves_to() {
    let gate = Gate::open(GateSettings::new(|_| false)).unwrap();
    let origin = Origin::says(FINE);
    for host in ["localhost", "LOCALHOST.", "127.0.0.1", "127.1", "0x7f.1", "[::ffff:127.0.0.1]"] {
        let pass = gate.admit(None).unwrap();
        for request in ["CONNECT", "GET"] {
            let port = origin.port();
            let request = match request {
                "GET" => format!("GET http://{host}:{port}/ HTTP/1.1\n"),
                _ => format!("CONNECT {host}:{port} HTTP/1.1\n"),
            };
            let answer = ask(&pass, &request);
            assert!(answer.starts_with("HTTP/1.1 403 "), "{request}: {answer}");
        }
        let Some(Incident::Inside(address)) = pass.incident() else {
            panic!("{host}: {:?}", pass.incident())
        };
        assert!(address.to_canonical().is_loopback(), "{host}: {address}");
    }
    assert_eq!(origin.heads().len(), 0);
}

#[test]
fn a_bound_pass_leads_to_one_port_of_one_host() {
    let (gate, origin) = (gate(), Origin::says(FINE));
    for only in [
        Target { host: "127.0.0.1".to_owned(), port: 1 },
        Target { host: "a".to_owned(), port: origin.port() },
    ] {
        let pass = gate.admit(Some(only)).unwrap();
        let answer = ask(&pass, &format!("CONNECT {} HTTP/1.1\n", origin.address));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert_eq!(pass.incident(), Some(Incident::Astray));
    }
    assert_eq!(origin.heads().len(), 0);
}

#[test]
fn a_server_that_is_not_there_is_a_fault_of_the_network() {
    let gate = gate();
    for target in ["127.0.0.1:1", "no-such-name.invalid:443"] {
        let pass = gate.admit(None).unwrap();
        let answer = ask(&pass, &format!("CONNECT {target} HTTP/1.1\n"));
        assert!(answer.starts_with("HTTP/1.1 502 "), "{target}: {answer}");
        assert_eq!(pass.incident(), Some(Incident::Unreachable), "{target}");
    }
}

#[test]
fn silence_and_excess_are_cut() {
    let idle = Duration::from_millis(100);
    let gate = Gate::open(GateSettings { idle, max_bytes: 1 << 20, ..GateSettings::new(is_here) }).unwrap();
    let silent = Origin::start(|_, stream| drop(stream.read(&mut [0])));
    let pass = gate.admit(None).unwrap();
    ask(&pass, &format!("GET http://{}/ HTTP/1.1\n", silent.address));
    assert_eq!(pass.incident(), Some(Incident::Unreachable));
    let endless = Origin::start(|_, stream| while stream.write_all(&[0; 4096]).is_ok() {});
    let pass = gate.admit(None).unwrap();
    let answer = ask(&pass, &format!("GET http://{}/ HTTP/1.1\n", endless.address));
    // A buffer's worth was on its way when it was too much.
    assert!(answer.len() <= (1 << 20) + (64 << 10), "{}", answer.len());
    assert_eq!(pass.incident(), Some(Incident::TooMuch(1 << 20)));
}

#[test]
fn an_outbound_proxy_is_used_and_resolves_names() {
    let proxy = Origin::says(FINE);
    let url = format!("http://me:secret@{}", proxy.address);
    let except = Some("direct.example".to_owned());
    let outbound = Outbound { http: Some(url.clone()), https: Some(url), except };
    let gate = Gate::open(GateSettings { outbound, ..GateSettings::new(|_| false) }).unwrap();
    let pass = gate.admit(None).unwrap();
    ask(&pass, "CONNECT example.com:443 HTTP/1.1\n");
    ask(&pass, "GET http://example.com/r HTTP/1.1\nHost: example.com\n");
    assert_eq!(pass.incident(), None);
    let login = format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode("me:secret"));
    let tunnel = format!("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n{login}\r\n");
    let plain = "GET http://example.com:80/r HTTP/1.1\r\nHost: example.com\r\n";
    assert_eq!(proxy.heads(), [tunnel, format!("{plain}{login}Connection: close\r\n\r\n")]);
    for host in ["169.254.169.254", "localhost", "a.localhost", "0x7f.1", "2130706433"] {
        let pass = gate.admit(None).unwrap();
        let answer = ask(&pass, &format!("CONNECT {host}:443 HTTP/1.1\n"));
        assert!(matches!(pass.incident(), Some(Incident::Inside(_))), "{host}: {answer}");
    }
    assert_eq!(proxy.heads().len(), 2);
}

#[test]
fn an_outbound_proxy_that_cannot_be_used_is_refused() {
    let outbound = Outbound { https: Some("socks5://127.0.0.1:1".to_owned()), ..Outbound::default() };
    assert!(Gate::open(GateSettings { outbound, ..GateSettings::new(|_| true) }).is_err());
}
