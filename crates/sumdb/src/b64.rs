//! Standard base64 as Go reads it (Go `encoding/base64.StdEncoding`): padding is required, line ends anywhere are
//! passed over, and the unused bits of the last character may be anything.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

const ENGINE: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

pub(crate) fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.contains(['\r', '\n']) {
        ENGINE.decode(text.replace(['\r', '\n'], "")).ok()
    } else {
        ENGINE.decode(text).ok()
    }
}
