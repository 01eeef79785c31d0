//! The token by which an app says who it is: a JWT (RFC 7519) of three claims, signed with RS256 (RFC 7515).
//!
//! ```text
//! {"alg":"RS256","typ":"JWT"} . {"iat":1767323045,"exp":1767323405,"iss":"Iv23li8WTKFsz1p9Hg4c"} . SIGNATURE
//! ```
//!
//! The signature is the TLS library's: what TLS calls `rsa_pkcs1_sha256` is what JOSE calls RS256.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;

use crate::CredentialError;

/// How long before now it says to be made, in seconds: clocks differ (GitHub's documentation).
const BACK_S: i64 = 60;
/// How long from now it counts, in seconds; at most ten minutes are accepted.
const FORTH_S: i64 = 300;

/// The private key of an app. Printed as `****`.
#[derive(Clone)]
pub struct AppKey {
    der: Arc<PrivateKeyDer<'static>>,
    key: Arc<dyn SigningKey>,
}

impl AppKey {
    /// Reads an RSA key in PEM, of PKCS#1 as GitHub gives it, or of PKCS#8.
    ///
    /// # Errors
    /// [`CredentialError::AppKey`].
    pub fn parse(pem: &str) -> Result<Self, CredentialError> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| CredentialError::AppKey)?;
        let key = any_supported_type(&der).map_err(|_| CredentialError::AppKey)?;
        let is_rsa = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).is_some();
        if is_rsa { Ok(Self { der: Arc::new(der), key }) } else { Err(CredentialError::AppKey) }
    }

    /// Says to be an issuer at a time, in seconds since 1970.
    pub(super) fn jwt(&self, issuer: &str, now_s: i64) -> Option<String> {
        let header = serde_json::json!({"alg": "RS256", "typ": "JWT"});
        let claims = serde_json::json!({"iat": now_s - BACK_S, "exp": now_s + FORTH_S, "iss": issuer});
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let said = format!("{header}.{claims}");
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
        let signature = signer.sign(said.as_bytes()).ok()?;
        Some(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl PartialEq for AppKey {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for AppKey {}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(****)")
    }
}
