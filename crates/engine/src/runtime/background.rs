//! The life of a background loop: started once, told to stop, waited for.

use std::future::Future;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The loops of one engine.
pub(crate) struct Background {
    stop: watch::Sender<bool>,
    /// Whether nothing is driven here any more.
    over: watch::Sender<bool>,
    // Touched at start and stop only, nothing awaits under it.
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// Tells a loop when to stop.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Background {
    pub(crate) fn new() -> Self {
        Self {
            stop: watch::channel(false).0,
            over: watch::channel(false).0,
            tasks: Mutex::default(),
        }
    }

    /// Starts a loop.
    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(
        &self,
        make: impl FnOnce(Stop) -> F,
    ) {
        let task = tokio::spawn(make(Stop(self.stop.subscribe())));
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// Whether they were told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Says that nothing is driven here any more.
    pub(crate) fn end(&self) {
        self.over.send_replace(true);
    }

    /// Completes when nothing is driven here any more.
    pub(crate) async fn ended(&self) {
        // An error means that the engine is gone, which is an end too.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    /// Tells all loops to stop and waits for them.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a background loop died");
            }
        }
    }
}

impl Stop {
    /// Completes when the loop must stop.
    pub(crate) async fn stopped(&mut self) {
        // An error means that the engine is gone, which is a stop too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Sleeps; answers `false` where the loop must stop instead.
    pub(crate) async fn sleep(&mut self, duration: Duration) -> bool {
        tokio::select! {
            () = self.stopped() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}
