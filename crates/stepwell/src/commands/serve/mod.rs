//! `stepwell serve`: the server, from the lock on its data folder to the last answer.

mod banner;
mod examples;
mod room;
mod signals;
mod watchdog;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use stepwell_engine::app::{CreateKey, KeySecret};
use stepwell_engine::{App, Caller};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::cli::Global;
use crate::config::{Config, Flags, LogFormat};
use crate::data_dir::{DataDir, Lock, RunningServer};
use crate::fault::Fault;
use crate::wiring::ApiConfig;
use crate::{files, logs, wiring};
use banner::Banner;
use room::Room;

/// How long connections may stay open after the engine has stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What the watchdog adds to the time of an orderly stop.
const WATCHDOG_MARGIN: Duration = Duration::from_secs(2);

/// How to serve.
#[derive(Debug, Args)]
pub struct Serve {
    /// The address to listen on [default: 127.0.0.1]
    #[arg(long)]
    host: Option<IpAddr>,
    /// The port to listen on; 0: any free one [default: 8080]
    #[arg(long, short)]
    port: Option<u16>,
    /// Register the definitions of this folder, by name
    #[arg(long, value_name = "DIR")]
    examples: Option<PathBuf>,
    /// `error`, `warn`, `info`, `debug`, `trace`, or filters [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// How log lines are written [default: human]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

/// Serves until it is told to stop.
pub async fn serve(args: Serve, global: &Global) -> Result<(), Fault> {
    let config = Config::load(&Flags {
        host: args.host,
        port: args.port,
        log_level: args.log_level,
        log_format: args.log_format,
        ..global.flags()
    })?;
    logs::install(&config.log)?;
    let file_limit = files::raise_limit();
    wiring::install_metrics()?;
    logs::describe_metrics();
    let data = DataDir::new(&config.data_dir);
    let room = Room::new(&data, &config.store);
    let _lock = room.retry(async || take(&data)).await?;
    let listener = listen(&config).await?;
    let address = listener.local_addr().map_err(|e| Fault::failed(e.to_string()))?;
    data.check_database()?;
    let open = async || wiring::open_store(&data.database(), &config.store).await;
    let store = room.retry(open).await?;
    let start = async || wiring::start_engine(Arc::clone(&store), config.engine_for_server()).await;
    let app = room.retry(start).await?;
    app.add_memory_pools(logs::memory_pools);
    let examples = args.examples.as_deref();
    let prepared =
        room.retry(async || prepare(&app, &config, &data, examples, address).await).await;
    let result = match prepared {
        Ok(banner) => {
            banner.show(config.log.format);
            let api = files::fit_connections(&config.api, file_limit);
            let grace = Duration::from_secs(config.engine.shutdown_grace_seconds);
            until_stopped(&app, api, grace, listener).await
        }
        Err(fault) => {
            app.shutdown().await;
            Err(fault)
        }
    };
    data.retract();
    result
}

fn take(data: &DataDir) -> Result<Lock, Fault> {
    data.create()?;
    data.try_lock()?.ok_or_else(|| {
        let who = data.announced().map_or_else(
            || "another process".into(),
            |server| format!("the server at {} (process {})", server.url, server.pid),
        );
        Fault::unreachable(format!(
            "the data folder {} is in use by {who}; stop it, or choose another folder with --data-dir",
            data.path().display()
        ))
    })
}

async fn listen(config: &Config) -> Result<TcpListener, Fault> {
    let address = SocketAddr::new(config.server.host, config.server.port);
    TcpListener::bind(address).await.map_err(|e| {
        let hint = match e.kind() {
            std::io::ErrorKind::AddrInUse => {
                "; another program listens there: stop it, or choose another port with --port"
            }
            std::io::ErrorKind::PermissionDenied => {
                "; ports below 1024 need a permission: choose another one with --port"
            }
            std::io::ErrorKind::AddrNotAvailable => {
                "; this machine does not have that address: choose another one with --host"
            }
            _ => "",
        };
        Fault::unreachable(format!("cannot listen on {address}: {e}{hint}"))
    })
}

/// What must be in place before the first request.
async fn prepare(
    app: &App,
    config: &Config,
    data: &DataDir,
    examples: Option<&Path>,
    address: SocketAddr,
) -> Result<Banner, Fault> {
    let new_key = first_key(app, data).await?;
    let examples = match examples {
        Some(folder) => examples::register(app, folder).await?,
        None => Vec::new(),
    };
    let url = format!("http://{}", as_seen_from_here(address));
    data.announce(&RunningServer { url: url.clone(), pid: std::process::id() })?;
    Ok(Banner {
        url,
        data_dir: data.path().to_path_buf(),
        admin_key_file: data.admin_key_file(),
        new_key,
        auth_required: config.api.auth_required,
        examples,
    })
}

/// Creates the admin key at the first start; it is known at this moment only.
async fn first_key(app: &App, data: &DataDir) -> Result<Option<String>, Fault> {
    let caller = Caller::internal();
    if !app.keys(&caller, None).await?.is_empty() {
        return Ok(None);
    }
    let secret = KeySecret::new();
    // The file comes first: whatever cuts this off, either there is no key yet and the next start
    // makes one, or the key that there is can be read.
    data.write_admin_key(secret.text())?;
    let key = app.create_key_of(&caller, CreateKey::new("admin", &["admin"]), secret).await?;
    Ok(Some(key.secret))
}

/// The address to reach the server at from this machine, whichever addresses it listens on.
fn as_seen_from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Serves; at the first signal, stops in order; at the second, at once.
async fn until_stopped(
    app: &App,
    api: ApiConfig,
    grace: Duration,
    listener: TcpListener,
) -> Result<(), Fault> {
    let mut signals = signals::Signals::listen()?;
    watchdog::start(grace + LAST_ANSWERS + WATCHDOG_MARGIN)?;
    let router = wiring::router(app.clone(), api.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let mut server = tokio::spawn(wiring::serve(listener, router, api, async move {
        let _ = stopped.await;
    }));
    tokio::select! {
        () = signals.next() => {}
        ended = &mut server => {
            app.shutdown().await;
            let why = match ended {
                Ok(Ok(())) => "it ended by itself".to_owned(),
                Ok(Err(e)) => e.to_string(),
                Err(e) => e.to_string(),
            };
            return Err(Fault::failed(format!("the server stopped: {why}")));
        }
    }
    tracing::info!("stopping: no new work is taken, steps under way may finish");
    let _ = stop.send(());
    let in_order = async {
        app.shutdown().await;
        if tokio::time::timeout(LAST_ANSWERS, &mut server).await.is_err() {
            tracing::warn!("connections that were still open are closed");
        }
    };
    tokio::select! {
        () = in_order => tracing::info!("stopped"),
        () = signals.next() => tracing::warn!("stopped at once; the next start goes on from the journal"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_one_that_can_be_reached() {
        for (listens, reached) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.168.0.7:80", "192.168.0.7:80"),
        ] {
            assert_eq!(as_seen_from_here(listens.parse().unwrap()).to_string(), reached);
        }
    }

    #[tokio::test]
    async fn a_first_start_that_is_cut_off_leaves_no_key_that_nobody_knows() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let config = Config::default().engine_for_here();
        let app = wiring::start_engine(wiring::memory_store(), config).await.unwrap();
        // Cut off where the file is written: no key is stored, and the next start makes one.
        std::fs::create_dir(data.admin_key_file()).unwrap();
        first_key(&app, &data).await.unwrap_err();
        assert!(app.keys(&Caller::internal(), None).await.unwrap().is_empty());
        std::fs::remove_dir(data.admin_key_file()).unwrap();
        // Cut off after the file was written: what is in it opens nothing, and is replaced.
        data.write_admin_key(KeySecret::new().text()).unwrap();
        let made = first_key(&app, &data).await.unwrap().unwrap();
        assert_eq!(data.admin_key().as_deref(), Some(made.as_str()));
        assert!(app.authenticate(Some(&made)).await.unwrap().is_operator());
        // Later starts make none.
        assert_eq!(first_key(&app, &data).await.unwrap(), None);
        assert_eq!(data.admin_key().as_deref(), Some(made.as_str()));
        app.shutdown().await;
    }

    #[tokio::test]
    async fn a_taken_port_is_explained() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = Config::default();
        config.server.port = taken.local_addr().unwrap().port();
        let message = listen(&config).await.unwrap_err().message;
        assert!(message.contains("--port"), "{message}");
    }

    #[test]
    fn a_taken_data_folder_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path());
        let _lock = take(&data).unwrap();
        data.announce(&RunningServer { url: "http://here".into(), pid: 7 }).unwrap();
        let message = take(&data).unwrap_err().message;
        assert!(message.contains("http://here (process 7)"), "{message}");
        assert!(message.contains("--data-dir"), "{message}");
    }
}
