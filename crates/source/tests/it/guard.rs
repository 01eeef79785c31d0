//! Which addresses the guard refuses, and how its exceptions are written.

use source::{Guard, IpNet, IpNetError};

fn guard(allow: &[&str]) -> Guard {
    Guard::new(allow.iter().map(|block| block.parse().unwrap()).collect())
}

#[test]
fn inside_addresses_are_refused_and_others_are_not() {
    let guard = guard(&[]);
    for (address, refused) in [
        ("127.0.0.1", true),
        ("127.255.255.255", true),
        ("126.255.255.255", false),
        ("128.0.0.0", false),
        ("0.0.0.0", true),
        ("0.1.2.3", true),
        ("10.0.0.0", true),
        ("10.255.255.255", true),
        ("9.255.255.255", false),
        ("11.0.0.0", false),
        ("172.15.255.255", false),
        ("172.16.0.0", true),
        ("172.31.255.255", true),
        ("172.32.0.0", false),
        ("192.168.0.1", true),
        ("192.167.255.255", false),
        ("192.169.0.0", false),
        ("169.254.169.254", true),
        ("169.253.255.255", false),
        ("100.63.255.255", false),
        ("100.64.0.0", true),
        ("100.100.100.200", true),
        ("100.127.255.255", true),
        ("100.128.0.0", false),
        ("192.0.0.192", true),
        ("192.0.0.191", false),
        ("168.63.129.16", true),
        ("168.63.129.17", false),
        // Documentation and benchmark ranges: filtered networks hand them out.
        ("192.0.2.1", false),
        ("198.18.0.1", false),
        ("203.0.113.1", false),
        ("8.8.8.8", false),
        ("::", true),
        ("::1", true),
        ("::127.0.0.1", true),
        ("::8.8.8.8", false),
        ("::ffff:127.0.0.1", true),
        ("::ffff:10.1.2.3", true),
        ("::ffff:8.8.8.8", false),
        ("64:ff9b::10.1.2.3", true),
        ("64:ff9b::169.254.169.254", true),
        ("64:ff9b::8.8.8.8", false),
        ("64:ff9b:1::192.168.0.1", true),
        ("fe80::1", true),
        ("febf::1", true),
        ("fc00::1", true),
        ("fd00:ec2::254", true),
        ("fdff::1", true),
        ("fe00::1", false),
        ("2001:db8::1", false),
        ("2001:4860:4860::8888", false),
    ] {
        assert_eq!(guard.check(address.parse().unwrap()).is_err(), refused, "{address}");
    }
}

#[test]
fn exceptions_open_what_they_name_and_no_more() {
    let guard = guard(&["10.1.0.0/16", "192.168.7.7", "fd00::/8"]);
    for (address, refused) in [
        ("10.1.2.3", false),
        ("::ffff:10.1.2.3", false),
        ("64:ff9b::10.1.2.3", false),
        ("10.2.0.0", true),
        ("192.168.7.7", false),
        ("192.168.7.8", true),
        ("fd12::1", false),
        ("fc00::1", true),
        ("127.0.0.1", true),
    ] {
        assert_eq!(guard.check(address.parse().unwrap()).is_err(), refused, "{address}");
    }
}

#[test]
fn the_host_of_a_url_is_checked_if_it_is_an_address() {
    let guard = guard(&[]);
    for (host, refused) in [
        ("127.0.0.1", true),
        ("[::1]", true),
        ("8.8.8.8", false),
        ("localhost", false),
        ("example.com", false),
    ] {
        assert_eq!(guard.check_host(host).is_err(), refused, "{host}");
    }
}

#[test]
fn blocks_are_printed_as_they_are_parsed() {
    for (text, printed) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1/32", "192.0.2.1"),
        ("fd00::/8", "fd00::/8"),
        ("::/0", "::/0"),
        ("2001:db8::1", "2001:db8::1"),
    ] {
        let block: IpNet = text.parse().unwrap();
        assert_eq!(block.to_string(), printed);
        assert_eq!(block.to_string().parse::<IpNet>().unwrap(), block);
    }
    assert!("0.0.0.0/0".parse::<IpNet>().unwrap().contains("10.0.0.1".parse().unwrap()));
    assert!("::/0".parse::<IpNet>().unwrap().contains("fd00::1".parse().unwrap()));
    assert!(!"::/0".parse::<IpNet>().unwrap().contains("10.0.0.1".parse().unwrap()));
}

#[test]
fn what_is_no_block_is_refused_with_the_reason() {
    for text in
        ["", "example.com", "10.0.0", "010.0.0.0/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/+8"]
    {
        assert!(text.parse::<IpNet>().is_err(), "{text}");
    }
    let error = "10.1.2.3/8".parse::<IpNet>().unwrap_err();
    assert!(matches!(error, IpNetError::HostBits { .. }));
    assert_eq!(
        error.to_string(),
        "`10.1.2.3/8` has bits set behind its first 8; write 10.0.0.0/8, or 10.1.2.3 for that address alone"
    );
}
