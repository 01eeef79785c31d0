//! A server of git with one branch, whose pack declares a million objects, the first of ten gigabytes, and never ends.

use std::io::Write as _;

use crate::origin::Origin;

/// The server, over http, in git's oldest protocol.
pub(super) fn endless() -> Origin {
    Origin::start(|head, stream| {
        let kind = if head.starts_with("GET") { "advertisement" } else { "result" };
        let http = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\nConnection: close\r\n\r\n"
        );
        let start = [http.as_bytes(), &if head.starts_with("GET") { refs() } else { pack() }].concat();
        if stream.write_all(&start).is_err() || head.starts_with("GET") {
            return;
        }
        // A stored block of deflate, of zeros.
        let block = [&[0, 0xff, 0x7f, 0, 0x80][..], &vec![0; 0x7fff]].concat();
        while stream.write_all(&packet(&[&[1], &block[..]].concat())).is_ok() {}
    })
}

/// A line of the protocol: its length, with these four digits, and what it says.
fn packet(says: &[u8]) -> Vec<u8> {
    [format!("{:04x}", says.len() + 4).as_bytes(), says].concat()
}

fn refs() -> Vec<u8> {
    let id = "1".repeat(40);
    let first = format!("{id} refs/heads/main\0side-band-64k ofs-delta agent=x\n");
    [&packet(b"# service=git-upload-pack\n")[..], b"0000", &packet(first.as_bytes()), b"0000"].concat()
}

fn pack() -> Vec<u8> {
    // A blob: three bits of kind and four of size, then seven bits of size a byte.
    let size: u64 = 10_000_000_000;
    let mut object = vec![0xb0 | u8::try_from(size & 15).unwrap()];
    let mut rest = size >> 4;
    while rest > 0 {
        let more = if rest > 0x7f { 0x80 } else { 0 };
        object.push(more | u8::try_from(rest & 0x7f).unwrap());
        rest >>= 7;
    }
    let head = [&b"\x01PACK\0\0\0\x02\0\x0f\xff\xff"[..], &object, &[0x78, 0x01]].concat();
    [packet(b"NAK\n"), packet(&head)].concat()
}
