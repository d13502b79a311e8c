//! `stepwell serve`: runs the server, from acquiring the lock of the data folder to the shutdown.

mod banner;
mod disk_space;
mod examples;
mod exposure;
mod reload;
mod secret_check;
mod signals;
mod watchdog;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use stepwell_engine::app::{CreateKey, KeySecret};
use stepwell_engine::{App, Caller};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::config::{Config, ConfigFlags, LogFormat};
use crate::data_dir::{DataDir, DataDirLock, ServerInfo};
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::wiring::ApiConfig;
use crate::{config, file_limit, logs, wiring};
use banner::Banner;
use disk_space::DiskSpaceRetry;
use reload::{Reloader, Sources};
use signals::{SignalRequest, Signals};

/// How long connections may stay open after the engine has stopped.
const CONNECTION_GRACE: Duration = Duration::from_secs(5);

/// How much longer than an orderly shutdown the watchdog waits.
const WATCHDOG_MARGIN: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub struct Serve {
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long)]
    host: Option<IpAddr>,
    /// Port to listen on; 0: any free port [default: 8080]
    #[arg(long, short)]
    port: Option<u16>,
    /// Create or update the workflows of the definitions in this folder, by name
    #[arg(long, value_name = "DIR")]
    examples: Option<PathBuf>,
    /// Level: error, warn, info, debug, trace, or a filter [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Format of log lines [default: human]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

/// Serves until a signal stops it.
pub async fn run(args: Serve, global: &GlobalArgs) -> Result<(), CliError> {
    let flags = ConfigFlags {
        host: args.host,
        port: args.port,
        log_level: args.log_level,
        log_format: args.log_format,
        ..global.config_flags()
    };
    let config = Config::load(&flags)?;
    logs::install_logs(&config.log)?;
    for warning in config::ignored_variables(config.secrets.env_prefix.as_deref()) {
        tracing::warn!("{warning}");
    }
    secret_check::log_secrets(&config.secrets);
    let file_limit = file_limit::raise_limit();
    wiring::install_metrics()?;
    logs::describe_metrics();
    let data = DataDir::new(&config.data_dir);
    let disk_space = DiskSpaceRetry::new(&data, &config.store);
    let _lock = disk_space.retry(async || lock_data(&data)).await?;
    let listener = bind_listener(&config).await?;
    let address = listener.local_addr().map_err(|e| CliError::failed(e.to_string()))?;
    data.check_database()?;
    let open = async || wiring::open_store(&data.database(), &config.store).await;
    let store = disk_space.retry(open).await?;
    let start = async || wiring::start_engine(store.clone(), config.engine_for_server()).await;
    let app = disk_space.retry(start).await?;
    app.add_memory_pools(logs::memory_pools);
    let examples = args.examples.as_deref();
    let banner = disk_space
        .retry(async || initialise_app(&app, &config, &data, examples, address).await)
        .await;
    let result = match banner {
        Ok(banner) => {
            // Other processes send signals to the server as soon as they know it.
            let signals = Signals::listen()?;
            let server = ServerInfo { url: banner.url.clone(), pid: std::process::id() };
            disk_space.retry(async || data.write_server_info(&server)).await?;
            banner.print(config.log.format);
            exposure::warn_of_exposure(&config);
            let api = file_limit::fit_connections(&config.api, file_limit);
            serve_until_signal(app, Sources { flags, config }, api, listener, signals).await
        }
        Err(error) => {
            app.shutdown().await;
            Err(error)
        }
    };
    data.remove_server_info();
    result
}

fn lock_data(data: &DataDir) -> Result<DataDirLock, CliError> {
    data.create()?;
    data.try_lock()?.ok_or_else(|| {
        let holder = data.server_info().map_or_else(
            || "another process".into(),
            |server| format!("the server at {} (process {})", server.url, server.pid),
        );
        CliError::unreachable(format!(
            "the data folder {} is in use by {holder}; stop it, or select another folder with --data-dir",
            data.path().display()
        ))
    })
}

async fn bind_listener(config: &Config) -> Result<TcpListener, CliError> {
    let address = SocketAddr::new(config.server.host, config.server.port);
    TcpListener::bind(address).await.map_err(|e| {
        let hint = match e.kind() {
            std::io::ErrorKind::AddrInUse => {
                "; the port is in use: stop the other program, or select another port with --port"
            }
            std::io::ErrorKind::PermissionDenied => {
                "; ports below 1024 require privileges: select another port with --port"
            }
            std::io::ErrorKind::AddrNotAvailable => {
                "; this machine does not have that address: select another with --host"
            }
            _ => "",
        };
        CliError::unreachable(format!("cannot listen on {address}: {e}{hint}"))
    })
}

/// Creates the admin key and the examples.
async fn initialise_app(
    app: &App,
    config: &Config,
    data: &DataDir,
    examples: Option<&Path>,
    address: SocketAddr,
) -> Result<Banner, CliError> {
    let new_key = create_first_key(app, data).await?;
    let examples = match examples {
        Some(folder) => examples::register_examples(app, folder).await?,
        None => Vec::new(),
    };
    Ok(Banner {
        url: format!("http://{}", reachable_address(address)),
        data_dir: data.path().to_path_buf(),
        listen: address,
        admin_key_file: data.admin_key_file(),
        has_key_file: data.admin_key_file().is_file(),
        new_key,
        auth_required: config.api.auth_required,
        examples,
    })
}

/// Creates the admin key at the first start and returns it; later its text is only in its file.
async fn create_first_key(app: &App, data: &DataDir) -> Result<Option<String>, CliError> {
    let caller = Caller::internal();
    if !app.keys(&caller, None).await?.is_empty() {
        return Ok(None);
    }
    let secret = KeySecret::new();
    // The file is written first: after a crash between the two, the next start creates another key,
    // and no key exists without a readable file.
    data.write_admin_key(secret.text())?;
    let key = app.create_key_of(&caller, CreateKey::new("admin", &["admin"]), secret).await?;
    Ok(Some(key.secret))
}

/// The address at which this machine can reach the server, also if it listens on all addresses.
fn reachable_address(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Serves. The first stopping signal starts an orderly shutdown, the second ends it immediately.
async fn serve_until_signal(
    app: App,
    sources: Sources,
    api: ApiConfig,
    listener: TcpListener,
    mut signals: Signals,
) -> Result<(), CliError> {
    let grace = Duration::from_secs(sources.config.engine.shutdown_grace_seconds);
    let mut reloader = Reloader::new(app.clone(), sources, api.clone());
    watchdog::start_watchdog(grace + CONNECTION_GRACE + WATCHDOG_MARGIN)?;
    let router = reloader.router().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut server =
        tokio::spawn(wiring::serve_api(app.clone(), listener, router, api, async move {
            let _ = stopped.await;
        }));
    let result = loop {
        tokio::select! {
            request = signals.next_request() => match request {
                SignalRequest::Stop => break None,
                SignalRequest::Reload => reloader.reload(),
            },
            result = &mut server => break Some(result),
        }
    };
    if let Some(result) = result {
        app.shutdown().await;
        let cause = match result {
            Ok(Ok(())) => "the listener ended".to_owned(),
            Ok(Err(e)) => e.to_string(),
            Err(e) => e.to_string(),
        };
        return Err(CliError::failed(format!("the server stopped: {cause}")));
    }
    tracing::info!("shutting down: no new work is accepted, running steps may finish");
    let _ = stop.send(());
    let shutdown = async {
        app.shutdown().await;
        if tokio::time::timeout(CONNECTION_GRACE, &mut server).await.is_err() {
            tracing::warn!("closed connections that were still open");
        }
    };
    tokio::select! {
        () = shutdown => tracing::info!("stopped"),
        () = signals.next_stop() => tracing::warn!("stopped immediately; the next start resumes from the journal"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reachable_address_is_not_unspecified() {
        for (listen, reachable) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.168.0.7:80", "192.168.0.7:80"),
        ] {
            assert_eq!(reachable_address(listen.parse().unwrap()).to_string(), reachable);
        }
    }

    #[tokio::test]
    async fn an_interrupted_first_start_leaves_no_unknown_key() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let config = Config::default().engine_for_local_use();
        let app = wiring::start_engine(wiring::in_memory_store(), config).await.unwrap();
        // Interrupted before the file is written: no key is stored.
        std::fs::create_dir(data.admin_key_file()).unwrap();
        create_first_key(&app, &data).await.unwrap_err();
        assert!(app.keys(&Caller::internal(), None).await.unwrap().is_empty());
        std::fs::remove_dir(data.admin_key_file()).unwrap();
        // Interrupted after the file was written: its key does not exist, and is replaced.
        data.write_admin_key(KeySecret::new().text()).unwrap();
        let key = create_first_key(&app, &data).await.unwrap().unwrap();
        assert_eq!(data.admin_key().as_deref(), Some(key.as_str()));
        assert!(app.authenticate(Some(&key)).await.unwrap().is_operator());
        // Later starts create none.
        assert_eq!(create_first_key(&app, &data).await.unwrap(), None);
        assert_eq!(data.admin_key().as_deref(), Some(key.as_str()));
        app.shutdown().await;
    }

    #[tokio::test]
    async fn a_port_in_use_is_explained() {
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = Config::default();
        config.server.port = other.local_addr().unwrap().port();
        let message = bind_listener(&config).await.unwrap_err().message;
        assert!(message.contains("--port"), "{message}");
    }

    #[test]
    fn a_data_folder_in_use_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let _lock = lock_data(&data).unwrap();
        data.write_server_info(&ServerInfo { url: "http://here".into(), pid: 7 }).unwrap();
        let message = lock_data(&data).unwrap_err().message;
        assert!(message.contains("http://here (process 7)"), "{message}");
        assert!(message.contains("--data-dir"), "{message}");
    }
}
