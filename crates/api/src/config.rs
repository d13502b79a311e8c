//! The server's settings. Defaults are here and nowhere else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cors::AllowedOrigin;
use crate::peer::TrustedNetwork;
use crate::public_url::PublicUrl;

/// What requests may be and how long they may take.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
    /// The deepest nesting of a JSON body.
    pub max_json_depth: usize,
    /// How long a client may take to send a body, in seconds.
    pub body_timeout_seconds: u64,
    /// How long a request may take, beyond the wait that it requests with `?wait`, in seconds.
    pub request_timeout_seconds: u64,
    /// The patience of `?wait=true` where the request names none, in seconds.
    pub default_wait_seconds: u64,
    /// The longest patience of `?wait=true`, in seconds; a longer `timeout` is held to it.
    pub max_wait_seconds: u64,
    /// How long `/v1/execute-workflow` may take before its response begins, in seconds: clients wait
    /// for headers for minutes, not for as long as an execution may take. At most
    /// `max_wait_seconds`.
    pub early_answer_seconds: u64,
    /// How often a quiet stream sends a comment or blank line so that proxies keep it open, in
    /// seconds.
    pub heartbeat_seconds: u64,
    /// How many connections there may be at once; fewer where the limit of open files is lower.
    pub max_connections: usize,
    /// How many more are accepted for `/healthz`, `/readyz` and `/metrics` where all of those are
    /// taken; at least 1.
    pub reserved_connections: usize,
    /// How long a new connection may send nothing, in seconds; at least 1.
    pub first_byte_timeout_seconds: u64,
    /// How long the head of a request may take from its first byte on, in seconds; at least 1.
    pub header_timeout_seconds: u64,
    /// How long a connection may be idle between two requests, in seconds; at least 1.
    pub keep_alive_seconds: u64,
    /// How long a client may leave a response unread before its connection is closed, in seconds;
    /// at least 1. Also the time over which `min_write_rate` is measured.
    pub write_patience_seconds: u64,
    /// How much of a response a client must take while more of it is ready, in bytes a second.
    pub min_write_rate: u64,
    /// How long a client may continue to send an unread body after the response, in seconds;
    /// at least 1.
    pub linger_seconds: u64,
    /// Whether a request needs an API key. When not, one without a key may do everything.
    pub auth_required: bool,
    /// The origins whose web pages may call the API from a browser; `*`: any.
    pub allowed_origins: Vec<AllowedOrigin>,
    /// The URL at which clients reach the server, if a proxy is in front of it: the base of
    /// `Location` headers and links. `None`: as trusted proxies state it, else only paths.
    pub public_url: Option<PublicUrl>,
    /// The proxies, by address or network, whose `X-Forwarded-For` is used for the audit log, and
    /// whose `X-Forwarded-Proto`, `-Host` and `-Prefix` are used for links.
    pub trusted_proxies: Vec<TrustedNetwork>,
    /// Whether `/metrics` is served without a key.
    pub metrics_public: bool,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            max_body_bytes: 16 << 20,
            max_json_depth: 64,
            body_timeout_seconds: 30,
            request_timeout_seconds: 30,
            default_wait_seconds: 30,
            max_wait_seconds: 300,
            early_answer_seconds: 20,
            heartbeat_seconds: 15,
            max_connections: 4096,
            reserved_connections: 16,
            first_byte_timeout_seconds: 10,
            header_timeout_seconds: 10,
            keep_alive_seconds: 75,
            write_patience_seconds: 30,
            min_write_rate: 4096,
            linger_seconds: 30,
            auth_required: true,
            allowed_origins: Vec::new(),
            public_url: None,
            trusted_proxies: Vec::new(),
            metrics_public: false,
        }
    }
}

impl ApiConfig {
    /// How long a client may take to send a body.
    pub const fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_seconds)
    }

    /// How long a request may take.
    pub const fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }

    /// The longest patience of `?wait=true`.
    pub const fn max_wait(&self) -> Duration {
        Duration::from_secs(self.max_wait_seconds)
    }

    /// The patience of `?wait=true` where the request names none.
    pub const fn default_wait(&self) -> Duration {
        Duration::from_secs(self.default_wait_seconds)
    }

    /// How long an execution may take before its response begins.
    pub fn early_response(&self) -> Duration {
        Duration::from_secs(self.early_answer_seconds).min(self.max_wait())
    }

    /// How often a quiet stream sends a sign of life.
    pub const fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds)
    }
}
