//! Certificate authorities that are part of the binary.

use reqwest::Certificate;

/// Mozilla's certificate authorities as of this build, for systems that have none (a bare container).
///
/// # Errors
/// One of them cannot be read.
pub fn built_in_authorities() -> Result<Vec<Certificate>, reqwest::Error> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    roots.map(|der| Certificate::from_der(der)).collect()
}
