//! All open connections: how many there may be, which one gives way to a new one, and which have
//! passed a deadline.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};

use super::state::{CloseReason, CoarseClock, ConnectionPhase, ConnectionState, StateStamp};
use crate::config::ApiConfig;
use crate::telemetry;

/// The largest head of a request; also how much of a body is read at once.
pub const MAX_HEAD: usize = 128 << 10;

/// The most memory that the buffers of a connection take: one to read, one to write.
const CONNECTION_BYTES: usize = 2 * MAX_HEAD;

/// How often deadlines are checked, and how exact they are.
const TICK: Duration = Duration::from_millis(250);

/// A connection that has waited for so long gives way to a new one where all places are taken.
const EVICT_AFTER: u64 = 1_000;

/// How many connections to evict are looked for at once, so that the next ones are at hand.
const VICTIMS: usize = 16;

/// How many connections there may be, and for how long they may do what.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// How many connections there may be.
    pub max: usize,
    /// How many more there may be that are served the operators' paths only.
    pub reserved: usize,
    /// From the connect to the first byte.
    pub first_byte: Duration,
    /// From the first byte of a request to the end of its head.
    pub header: Duration,
    /// From a response to the next request.
    pub keep_alive: Duration,
    /// The window over which a client that reads slowly is measured.
    pub write_window: Duration,
    /// What a client must take of a response while more is ready, in bytes a second.
    pub min_write_rate: u64,
    /// For discarding what a client still sends after the response.
    pub linger: Duration,
}

impl From<&ApiConfig> for ConnectionLimits {
    fn from(config: &ApiConfig) -> Self {
        let seconds = |seconds: u64| Duration::from_secs(seconds.max(1));
        Self {
            max: config.max_connections.max(1),
            reserved: config.reserved_connections.max(1),
            first_byte: seconds(config.first_byte_timeout_seconds),
            header: seconds(config.header_timeout_seconds),
            keep_alive: seconds(config.keep_alive_seconds),
            write_window: seconds(config.write_patience_seconds),
            min_write_rate: config.min_write_rate,
            linger: seconds(config.linger_seconds),
        }
    }
}

impl ConnectionLimits {
    /// How long a phase may last, in milliseconds.
    fn of(&self, phase: ConnectionPhase) -> Option<u64> {
        match phase {
            ConnectionPhase::FirstByte => Some(as_millis(self.first_byte)),
            ConnectionPhase::Head => Some(as_millis(self.header)),
            ConnectionPhase::Idle => Some(as_millis(self.keep_alive)),
            ConnectionPhase::Lingering => Some(as_millis(self.linger)),
            // The request's own time limit and the least rate of the response hold there.
            ConnectionPhase::Serving | ConnectionPhase::Flushing => None,
        }
    }

    /// What a client must take in one window; at least something.
    fn window_bytes(&self) -> u64 {
        self.min_write_rate.saturating_mul(self.write_window.as_secs()).max(1)
    }
}

fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX >> 4)
}

/// All open connections.
#[derive(Debug)]
pub struct ConnectionTable {
    pub limits: ConnectionLimits,
    clock: Arc<CoarseClock>,
    entries: Mutex<TableEntries>,
    /// A connection was closed, or one that was to be closed was not.
    changed: Notify,
}

#[derive(Debug, Default)]
struct TableEntries {
    next_key: u64,
    open: HashMap<u64, Arc<ConnectionState>>,
    ordinary: usize,
    reserved: usize,
    /// The longest waiting of the ordinary ones, the longest last, as they were when looked for.
    victims: Vec<(StateStamp, Arc<ConnectionState>)>,
}

/// An open connection's entry; its place is free again when this is dropped.
#[derive(Debug)]
pub struct ConnectionRegistration {
    table: Arc<ConnectionTable>,
    key: u64,
    pub connection: Arc<ConnectionState>,
}

impl Drop for ConnectionRegistration {
    fn drop(&mut self) {
        let mut entries = self.table.entries();
        if let Some(connection) = entries.open.remove(&self.key) {
            *entries.count(connection.is_reserved()) -= 1;
        }
        drop(entries);
        self.table.changed.notify_one();
    }
}

impl TableEntries {
    fn count(&mut self, reserved: bool) -> &mut usize {
        if reserved { &mut self.reserved } else { &mut self.ordinary }
    }

    fn insert(&mut self, clock: &Arc<CoarseClock>, reserved: bool) -> (u64, Arc<ConnectionState>) {
        let connection = Arc::new(ConnectionState::new(Arc::clone(clock), reserved));
        let key = self.next_key;
        self.next_key += 1;
        self.open.insert(key, Arc::clone(&connection));
        *self.count(reserved) += 1;
        (key, connection)
    }

    /// Those that wait since before `before`, the longest last.
    fn waiting(&self, reserved: bool, before: u64) -> Vec<(StateStamp, Arc<ConnectionState>)> {
        let all = self.open.values().filter(|c| c.is_reserved() == reserved && !c.is_closing());
        let mut waiting: Vec<_> = all
            .map(|connection| (connection.stamp(), connection))
            .filter(|(stamp, _)| stamp.phase().is_waiting() && stamp.since() <= before)
            .collect();
        if waiting.len() > VICTIMS {
            waiting.select_nth_unstable_by_key(VICTIMS, |(stamp, _)| stamp.since());
            waiting.truncate(VICTIMS);
        }
        waiting.sort_unstable_by_key(|(stamp, _)| std::cmp::Reverse(stamp.since()));
        waiting.into_iter().map(|(stamp, connection)| (stamp, Arc::clone(connection))).collect()
    }

    /// Has the ordinary connection closed that has waited longest, if one has waited long enough.
    fn evict_ordinary(&mut self, before: u64) -> bool {
        loop {
            if self.victims.is_empty() {
                self.victims = self.waiting(false, before);
            }
            let Some((stamp, connection)) = self.victims.pop() else { return false };
            if connection.stamp() == stamp && !connection.is_closing() {
                connection.close(stamp, CloseReason::Evicted);
                return true;
            }
        }
    }

    fn evict_reserved(&self, before: u64) -> bool {
        let victim = self.waiting(true, before).pop();
        if let Some((stamp, connection)) = &victim {
            connection.close(*stamp, CloseReason::Evicted);
        }
        victim.is_some()
    }
}

impl ConnectionTable {
    pub fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            clock: Arc::new(CoarseClock::new()),
            entries: Mutex::default(),
            changed: Notify::new(),
        })
    }

    fn entries(&self) -> MutexGuard<'_, TableEntries> {
        // Every change of the table is whole before anything in it can panic.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a connection that was accepted, as soon as there is a place for it.
    pub async fn admit(self: &Arc<Self>) -> ConnectionRegistration {
        loop {
            if let Some(registration) = self.try_admit() {
                return registration;
            }
            // One that waits becomes evictable without a signal.
            let _ = tokio::time::timeout(TICK, self.changed.notified()).await;
        }
    }

    /// `None`: there is no place yet; where one can be made, it is being made.
    fn try_admit(self: &Arc<Self>) -> Option<ConnectionRegistration> {
        let now = self.clock.now();
        let mut entries = self.entries();
        let reserved = if entries.ordinary < self.limits.max {
            false
        } else if entries.evict_ordinary(now.saturating_sub(EVICT_AFTER)) {
            return None;
        } else if entries.reserved < self.limits.reserved {
            true
        } else {
            entries.evict_reserved(now.saturating_sub(as_millis(TICK)));
            return None;
        };
        let (key, connection) = entries.insert(&self.clock, reserved);
        Some(ConnectionRegistration { table: Arc::clone(self), key, connection })
    }

    /// Turns a reserved connection that has received a request into an ordinary one, where there is
    /// a place or another one waits; whether it is one now.
    pub fn promote(&self, connection: &ConnectionState) -> bool {
        if !connection.is_reserved() {
            return true;
        }
        let mut entries = self.entries();
        // One that is evicted counts until it is closed; together they hold no more sockets than
        // before.
        let before = self.clock.now().saturating_sub(as_millis(TICK));
        if entries.ordinary >= self.limits.max && !entries.evict_ordinary(before) {
            return false;
        }
        entries.ordinary += 1;
        entries.reserved -= 1;
        connection.unreserve();
        true
    }

    /// Closes the connection that has waited longest: the process has run out of file descriptors.
    pub fn evict_one(&self) {
        let mut entries = self.entries();
        entries.evict_ordinary(self.clock.now());
    }

    /// A connection that was to be closed has received a request meanwhile.
    pub fn stayed_open(&self) {
        self.changed.notify_one();
    }

    /// Requests all connections to end after the present request, and waits until they have.
    pub async fn stop(&self) {
        for connection in self.entries().open.values() {
            connection.stop();
        }
        while !self.entries().open.is_empty() {
            self.changed.notified().await;
        }
    }

    /// Advances the clock and has those closed that passed a deadline; never ends.
    pub async fn reap(&self) {
        let start = Instant::now();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = ticks.tick().await;
            self.clock.set(1 + as_millis(now.duration_since(start)));
            self.close_overdue();
        }
    }

    fn close_overdue(&self) {
        let now = self.clock.now();
        let entries = self.entries();
        for connection in entries.open.values() {
            let stamp = connection.stamp();
            let waited = now.saturating_sub(stamp.since());
            // The clock is behind by up to a tick: never early.
            let overdue =
                self.limits.of(stamp.phase()).is_some_and(|limit| waited > limit + as_millis(TICK));
            if overdue && !connection.is_closing() {
                connection.close(stamp, CloseReason::Deadline);
            }
            let taken = connection.end_write_window(as_millis(self.limits.write_window));
            if taken.is_some_and(|bytes| bytes < self.limits.window_bytes()) {
                connection.close(stamp, CloseReason::SlowReader);
            }
        }
        telemetry::open_connections(entries.ordinary, entries.reserved);
        let most = self.limits.max + self.limits.reserved;
        let bytes = |connections: usize| (connections * CONNECTION_BYTES) as u64;
        telemetry::connection_memory(bytes(entries.ordinary + entries.reserved), bytes(most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits {
        max: 2,
        reserved: 1,
        first_byte: Duration::from_secs(10),
        header: Duration::from_secs(5),
        keep_alive: Duration::from_secs(60),
        write_window: Duration::from_secs(10),
        min_write_rate: 10,
        linger: Duration::from_secs(3),
    };

    /// Whether the connection's task would close it now.
    fn closes(connection: &ConnectionState) -> bool {
        let requested = connection.requested(&futures_util::task::noop_waker());
        matches!(requested, super::super::state::RequestedClose::Close(_))
    }

    fn at(table: &ConnectionTable, millis: u64) {
        table.clock.set(millis);
        table.close_overdue();
    }

    #[test]
    fn a_new_connection_takes_the_place_of_the_one_that_waits_longest() {
        let table = ConnectionTable::new(LIMITS);
        let first = table.try_admit().unwrap();
        at(&table, 500);
        let second = table.try_admit().unwrap();
        at(&table, 600);
        // Both are too young to give way.
        let third = table.try_admit().unwrap();
        assert!(third.connection.is_reserved());
        at(&table, 5_000);
        first.connection.enter(ConnectionPhase::Serving);
        assert!(table.try_admit().is_none());
        assert!(closes(&second.connection) && !closes(&first.connection));
        drop(second);
        assert!(!table.try_admit().unwrap().connection.is_reserved());
    }

    #[test]
    fn requests_under_way_are_never_evicted() {
        let table = ConnectionTable::new(LIMITS);
        let all: Vec<_> = (0..3).map(|_| table.try_admit().unwrap()).collect();
        all.iter().for_each(|one| one.connection.enter(ConnectionPhase::Serving));
        at(&table, 100_000);
        assert!(table.try_admit().is_none());
        assert!(all.iter().all(|one| !closes(&one.connection)));
        // A reserved one becomes ordinary when there is a place, or another one waits.
        assert!(!table.promote(&all[2].connection));
        all[0].connection.enter(ConnectionPhase::Idle);
        at(&table, 101_000);
        assert!(table.promote(&all[2].connection));
        assert!(closes(&all[0].connection) && !closes(&all[1].connection));
        assert!(table.try_admit().unwrap().connection.is_reserved());
    }

    #[test]
    fn each_phase_has_its_deadline() {
        for (phase, limit) in [
            (ConnectionPhase::FirstByte, Some(10_000)),
            (ConnectionPhase::Head, Some(5_000)),
            (ConnectionPhase::Idle, Some(60_000)),
            (ConnectionPhase::Lingering, Some(3_000)),
            (ConnectionPhase::Serving, None),
            (ConnectionPhase::Flushing, None),
        ] {
            let table = ConnectionTable::new(LIMITS);
            let one = table.try_admit().unwrap();
            one.connection.enter(phase);
            at(&table, limit.unwrap_or(1 << 40));
            assert!(!closes(&one.connection), "{phase:?} is closed early");
            at(&table, limit.unwrap_or(1 << 40) + 1_000);
            assert_eq!(closes(&one.connection), limit.is_some(), "{phase:?}");
        }
    }

    #[test]
    fn a_client_that_takes_a_trickle_is_closed() {
        for (bytes, expect) in [(0, true), (99, true), (100, false)] {
            let table = ConnectionTable::new(LIMITS);
            let one = table.try_admit().unwrap();
            one.connection.enter(ConnectionPhase::Serving);
            one.connection.note_blocked();
            one.connection.note_written(bytes);
            at(&table, 10_500);
            assert_eq!(closes(&one.connection), expect, "{bytes}");
        }
    }

    #[tokio::test]
    async fn places_come_free_by_themselves() {
        let table = ConnectionTable::new(LIMITS);
        let reaper = tokio::spawn({
            let table = Arc::clone(&table);
            async move { table.reap().await }
        });
        for _ in 0..20 {
            let registration = table.admit().await;
            let connection = Arc::clone(&registration.connection);
            tokio::spawn(async move {
                std::future::poll_fn(|cx| match connection.requested(cx.waker()) {
                    super::super::state::RequestedClose::Close(_) => std::task::Poll::Ready(()),
                    _ => std::task::Poll::Pending,
                })
                .await;
                drop(registration);
            });
        }
        reaper.abort();
    }
}
