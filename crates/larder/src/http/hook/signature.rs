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

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use sha2::Sha256;

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
        let is_mac_of = |text: &[u8], mac: &[u8]| hmac(secret, text).verify_slice(mac).is_ok();
        let is_signed = self.macs.iter().fold(false, |is_right, mac| is_right | is_mac_of(body, mac));
        // As MACs, so that the length of the secret shows nowhere.
        let token = hmac(secret, secret).finalize().into_bytes();
        let is_told = self.tokens.iter().fold(false, |is_right, told| is_right | is_mac_of(told, &token));
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

#[expect(clippy::expect_used, reason = "a key may be of any length (RFC 2104, section 2)")]
fn hmac(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length").chain_update(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 2 and 6, and what is nearly one of them.
    #[test]
    fn a_signature_of_the_standard_is_right_and_one_that_differs_anywhere_is_not() {
        let long = [0xaa; 131];
        for (key, text, mac) in [
            (
                &b"Jefe"[..],
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &long[..],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let signatures = |name: &'static str, value: &str| {
                let mut headers = HeaderMap::new();
                headers.insert(name, value.parse().unwrap());
                Signatures::of(&headers).unwrap()
            };
            let signed = signatures("x-hub-signature-256", &format!("sha256={mac}"));
            assert!(signed.are_right(key, text.as_bytes()));
            assert!(!signed.are_right(key, &text.as_bytes()[1..]));
            assert!(!signed.are_right(&key[1..], text.as_bytes()));
            let other = if mac.ends_with('3') { "4" } else { "5" };
            let wrong = signatures("x-gitea-signature", &format!("{}{other}", &mac[..63]));
            assert!(!wrong.are_right(key, text.as_bytes()));
        }
        let mut token = HeaderMap::new();
        token.insert("x-gitlab-token", "Jefe".parse().unwrap());
        let token = Signatures::of(&token).unwrap();
        assert!(
            token.are_right(b"Jefe", b"{}")
                && !token.are_right(b"Jefe ", b"{}")
                && !token.are_right(b"", b"{}")
        );
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
