//! Signatures of push events: HMAC-SHA256 (RFC 2104) of the payload, or the secret itself.
//!
//! | Header | Sent by | Holds |
//! | --- | --- | --- |
//! | `X-Hub-Signature-256` | GitHub, Gitea, Forgejo | `sha256=` and hexadecimal digits |
//! | `X-Hub-Signature` | Bitbucket | likewise; GitHub and Gitea send a SHA-1 there, which counts for nothing |
//! | `X-Gitea-Signature`, `X-Forgejo-Signature` | Gitea, Forgejo | hexadecimal digits |
//! | `X-Gitlab-Token` | GitLab | the secret |
//!
//! How long a comparison takes tells nothing of what is right.

use std::hint::black_box;

use http::HeaderMap;
use sha2::{Digest, Sha256};

/// The block of SHA-256, in bytes.
const BLOCK: usize = 64;

type Mac = [u8; 32];

/// What proves who has sent an event.
pub(super) struct Signatures {
    macs: Vec<Mac>,
    tokens: Vec<Vec<u8>>,
}

impl Signatures {
    /// The signatures of a request; none if it has none of a known form.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let all = |name: &str| {
            headers.get_all(name).into_iter().map(http::HeaderValue::as_bytes).collect::<Vec<_>>()
        };
        let marked = ["x-hub-signature-256", "x-hub-signature"].into_iter().flat_map(all);
        let marked = marked.filter_map(|text| text.strip_prefix(b"sha256="));
        let bare = ["x-gitea-signature", "x-forgejo-signature"].into_iter().flat_map(all);
        let macs: Vec<Mac> = marked.chain(bare).filter_map(parse).collect();
        let tokens: Vec<Vec<u8>> = all("x-gitlab-token").into_iter().map(<[u8]>::to_vec).collect();
        (!macs.is_empty() || !tokens.is_empty()).then_some(Self { macs, tokens })
    }

    /// Whether whoever has made one of them knows the secret.
    pub(super) fn are_right(&self, secret: &[u8], body: &[u8]) -> bool {
        let right = hmac(secret, body);
        let is_signed = self.macs.iter().fold(false, |is_right, mac| is_right | same(mac, &right));
        // As MACs, so that the length of the secret shows nowhere.
        let token = hmac(secret, secret);
        let is_told =
            self.tokens.iter().fold(false, |is_right, told| is_right | same(&hmac(secret, told), &token));
        is_signed | is_told
    }
}

/// 64 hexadecimal digits.
fn parse(text: &[u8]) -> Option<Mac> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() == 64 && text.is_ascii())?;
    let mut mac = Mac::default();
    for (at, byte) in mac.iter_mut().enumerate() {
        let digits = text.get(2 * at..2 * at + 2).filter(|digits| !digits.starts_with('+'))?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(mac)
}

fn hmac(key: &[u8], text: &[u8]) -> Mac {
    let mut block = [0; BLOCK];
    let short: Mac = Sha256::digest(key).into();
    let key = if key.len() > BLOCK { &short[..] } else { key };
    for (into, from) in block.iter_mut().zip(key) {
        *into = *from;
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

fn same(one: &Mac, other: &Mac) -> bool {
    let difference = one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b));
    black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(mac: Mac) -> String {
        mac.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    /// RFC 4231, test cases 1, 2 and 6.
    #[test]
    fn a_mac_is_that_of_the_standard() {
        for (key, text, mac) in [
            (vec![0x0b; 20], "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex(hmac(&key, text.as_bytes())), mac);
            assert_eq!(parse(mac.as_bytes()), Some(hmac(&key, text.as_bytes())));
        }
    }

    #[test]
    fn what_is_no_signature_is_none() {
        for text in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"g".repeat(64),
            &"+1".repeat(32),
            &"\u{e9}".repeat(32),
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert!(Signatures::of(&HeaderMap::new()).is_none());
    }
}
