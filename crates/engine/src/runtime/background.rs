//! The life of a background loop: started once, told to stop, waited for.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::panic_message::panic_message;

/// How long a loop rests that panicked.
const AFTER_PANIC: Duration = Duration::from_secs(1);

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

    /// Starts a loop that goes on for as long as the engine: a panic in it starts it again.
    pub(crate) fn supervise<F: Future<Output = ()> + Send + 'static>(
        &self,
        name: &'static str,
        make: impl Fn(Stop) -> F + Send + 'static,
    ) {
        self.start(|mut stop| async move {
            while let Err(panic) = AssertUnwindSafe(make(stop.clone())).catch_unwind().await {
                let message = panic_message(&*panic).to_owned();
                tracing::error!(name, message, "a background loop panicked; starting it again");
                if !stop.sleep(AFTER_PANIC).await {
                    return;
                }
            }
        });
    }

    /// Starts a task that ends by itself.
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

    /// Completes when the loops must stop.
    pub(crate) async fn stopping(&self) {
        Stop(self.stop.subscribe()).stopped().await;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_panics_is_started_again() {
        let background = Background::new();
        let starts = Arc::new(AtomicU32::new(0));
        let counter = starts.clone();
        background.supervise("test", move |mut stop| {
            let nth = counter.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(nth >= 2, "the first two panic");
                stop.stopped().await;
            }
        });
        while starts.load(Ordering::SeqCst) < 3 {
            tokio::time::advance(AFTER_PANIC).await;
            tokio::task::yield_now().await;
        }
        background.stop().await;
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }
}
