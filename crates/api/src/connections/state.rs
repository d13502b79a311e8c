//! What one connection is doing, as atomics: its task writes them, the reaper reads them. So a
//! request arms no timer, and a deadline costs nothing until it has passed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::task::AtomicWaker;

/// The coarse clock of all connections: milliseconds, advanced by the reaper at every tick.
#[derive(Debug)]
pub struct CoarseClock(AtomicU64);

impl CoarseClock {
    /// Begins at 1, so that a zero can mean "never".
    pub const fn new() -> Self {
        Self(AtomicU64::new(1))
    }

    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, millis: u64) {
        self.0.fetch_max(millis, Ordering::Relaxed);
    }
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ConnectionPhase {
    /// Connected, and no byte has arrived.
    FirstByte,
    /// A part of a request's head has arrived.
    Head,
    /// A request is being served.
    Serving,
    /// The response is complete and not yet written to the socket.
    Flushing,
    /// Kept alive between two requests.
    Idle,
    /// The response is sent, and what the client still sends is discarded.
    Lingering,
}

const PHASES: [ConnectionPhase; 6] = [
    ConnectionPhase::FirstByte,
    ConnectionPhase::Head,
    ConnectionPhase::Serving,
    ConnectionPhase::Flushing,
    ConnectionPhase::Idle,
    ConnectionPhase::Lingering,
];

impl ConnectionPhase {
    /// Whether the connection can be closed without losing a request that was accepted.
    pub const fn is_waiting(self) -> bool {
        !matches!(self, Self::Serving | Self::Flushing)
    }
}

/// A phase and when it began, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateStamp(u64);

impl StateStamp {
    const fn new(phase: ConnectionPhase, since: u64) -> Self {
        Self((since << 3) | phase as u64)
    }

    pub const fn phase(self) -> ConnectionPhase {
        // The three bits only ever hold a phase.
        PHASES[(self.0 & 7) as usize]
    }

    pub const fn since(self) -> u64 {
        self.0 >> 3
    }
}

/// Why a connection is closed by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseReason {
    /// It passed the deadline of its phase.
    Deadline,
    /// Its place is needed by another connection.
    Evicted,
    /// The client reads too slowly.
    SlowReader,
}

/// All that [`CloseReason::label`] returns.
pub const CLOSE_LABELS: [&str; 6] =
    ["evicted", "slow_reader", "no_request", "incomplete_header", "unread_body", "idle"];

impl CloseReason {
    /// What closed a connection in that phase, for the metrics.
    pub const fn label(self, phase: ConnectionPhase) -> &'static str {
        match (self, phase) {
            (Self::Evicted, _) => "evicted",
            (Self::SlowReader, _) => "slow_reader",
            (Self::Deadline, ConnectionPhase::FirstByte) => "no_request",
            (Self::Deadline, ConnectionPhase::Head) => "incomplete_header",
            (Self::Deadline, ConnectionPhase::Lingering) => "unread_body",
            (Self::Deadline, _) => "idle",
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct ConnectionState {
    clock: Arc<CoarseClock>,
    stamp: AtomicU64,
    /// When the current window of a blocked write began; 0: no write is blocked.
    blocked_since: AtomicU64,
    /// How much the client took in this window.
    taken: AtomicU64,
    /// Whether the client may still be sending when the connection is shut down.
    lingers: AtomicBool,
    /// Whether it is one of the reserved ones.
    reserved: AtomicBool,
    stop: AtomicBool,
    /// The stamp at which it is to be closed; 0: it is not. Later stamps are not closed: a request
    /// has arrived meanwhile.
    close_at: AtomicU64,
    close_reason: AtomicU64,
    waker: AtomicWaker,
}

impl ConnectionState {
    pub fn new(clock: Arc<CoarseClock>, reserved: bool) -> Self {
        let stamp = StateStamp::new(ConnectionPhase::FirstByte, clock.now());
        Self {
            clock,
            stamp: AtomicU64::new(stamp.0),
            blocked_since: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            lingers: AtomicBool::new(false),
            reserved: AtomicBool::new(reserved),
            stop: AtomicBool::new(false),
            close_at: AtomicU64::new(0),
            close_reason: AtomicU64::new(0),
            waker: AtomicWaker::new(),
        }
    }

    pub fn stamp(&self) -> StateStamp {
        StateStamp(self.stamp.load(Ordering::Acquire))
    }

    /// Enters a phase now.
    pub fn enter(&self, phase: ConnectionPhase) {
        self.stamp.store(StateStamp::new(phase, self.clock.now()).0, Ordering::Release);
    }

    /// Bytes have arrived.
    pub fn note_read(&self) {
        if matches!(self.stamp().phase(), ConnectionPhase::FirstByte | ConnectionPhase::Idle) {
            self.enter(ConnectionPhase::Head);
        }
    }

    /// The socket takes no more for now.
    pub fn note_blocked(&self) {
        if self.blocked_since.load(Ordering::Relaxed) == 0 {
            self.taken.store(0, Ordering::Relaxed);
            self.blocked_since.store(self.clock.now(), Ordering::Relaxed);
        }
    }

    /// The socket took so many bytes.
    pub fn note_written(&self, bytes: usize) {
        if self.blocked_since.load(Ordering::Relaxed) != 0 {
            self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Everything so far is written.
    pub fn note_flushed(&self) {
        if self.blocked_since.load(Ordering::Relaxed) != 0 {
            self.blocked_since.store(0, Ordering::Relaxed);
        }
        if self.stamp().phase() == ConnectionPhase::Flushing {
            self.enter(ConnectionPhase::Idle);
        }
    }

    /// Ends the window of a blocked write where it has lasted for `window` milliseconds: returns
    /// what the client took in it, and begins the next.
    pub fn end_write_window(&self, window: u64) -> Option<u64> {
        let since = self.blocked_since.load(Ordering::Relaxed);
        let now = self.clock.now();
        if since == 0 || now.saturating_sub(since) < window {
            return None;
        }
        // The connection's task may have ended the window meanwhile; then there is nothing to say.
        let next =
            self.blocked_since.compare_exchange(since, now, Ordering::Relaxed, Ordering::Relaxed);
        next.ok().map(|_| self.taken.swap(0, Ordering::Relaxed))
    }

    /// The client may still be sending when the connection is shut down.
    pub fn linger(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    /// Whether to discard what the client still sends before closing: where a request was not read
    /// to its end. A close with unread bytes would reset the connection, and the client might never
    /// see the response.
    pub fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed) || self.stamp().phase() == ConnectionPhase::Head
    }

    pub fn is_reserved(&self) -> bool {
        self.reserved.load(Ordering::Relaxed)
    }

    /// It is no longer one of the reserved ones.
    pub fn unreserve(&self) {
        self.reserved.store(false, Ordering::Relaxed);
    }

    /// Requests its task to end after the present request.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Requests its task to close it, unless it leaves the phase of that stamp first.
    pub fn close(&self, at: StateStamp, reason: CloseReason) {
        self.close_reason.store(reason as u64, Ordering::Relaxed);
        self.close_at.store(at.0, Ordering::Release);
        self.waker.wake();
    }

    pub fn is_closing(&self) -> bool {
        self.close_at.load(Ordering::Relaxed) != 0
    }

    /// What its task is requested to do.
    pub fn requested(&self, waker: &std::task::Waker) -> RequestedClose {
        self.waker.register(waker);
        let close_at = self.close_at.load(Ordering::Acquire);
        if close_at != 0 {
            if close_at == self.stamp.load(Ordering::Acquire) {
                return RequestedClose::Close(self.close_reason());
            }
            self.close_at.store(0, Ordering::Relaxed);
            return RequestedClose::StayedOpen;
        }
        if self.stop.load(Ordering::Acquire) {
            RequestedClose::Stop
        } else {
            RequestedClose::Nothing
        }
    }

    fn close_reason(&self) -> CloseReason {
        let reasons = [CloseReason::Deadline, CloseReason::Evicted, CloseReason::SlowReader];
        let stored = self.close_reason.load(Ordering::Relaxed);
        reasons.into_iter().find(|r| *r as u64 == stored).unwrap_or(CloseReason::Deadline)
    }
}

/// What a connection's task is requested to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedClose {
    Nothing,
    /// To end after the request under way.
    Stop,
    /// To close at once.
    Close(CloseReason),
    /// To close, but a request has arrived meanwhile.
    StayedOpen,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> (Arc<CoarseClock>, ConnectionState) {
        let clock = Arc::new(CoarseClock::new());
        (Arc::clone(&clock), ConnectionState::new(clock, false))
    }

    #[test]
    fn phases_follow_what_happens() {
        let (clock, connection) = connection();
        assert_eq!(connection.stamp().phase(), ConnectionPhase::FirstByte);
        clock.set(700);
        connection.note_read();
        let stamp = connection.stamp();
        assert_eq!((stamp.phase(), stamp.since()), (ConnectionPhase::Head, 700));
        clock.set(900);
        connection.note_read();
        assert_eq!(connection.stamp(), stamp, "a head has one deadline, however it drips");
        connection.enter(ConnectionPhase::Serving);
        connection.note_read();
        connection.note_flushed();
        assert_eq!(
            connection.stamp().phase(),
            ConnectionPhase::Serving,
            "an interim response is not the end"
        );
        connection.enter(ConnectionPhase::Flushing);
        connection.note_flushed();
        assert_eq!(connection.stamp().phase(), ConnectionPhase::Idle);
        connection.note_read();
        assert_eq!(connection.stamp().phase(), ConnectionPhase::Head);
    }

    #[test]
    fn a_request_that_arrives_in_time_is_not_closed() {
        let (_, connection) = connection();
        let waker = futures_util::task::noop_waker();
        connection.close(connection.stamp(), CloseReason::Evicted);
        assert_eq!(connection.requested(&waker), RequestedClose::Close(CloseReason::Evicted));
        connection.note_read();
        assert_eq!(connection.requested(&waker), RequestedClose::StayedOpen);
        assert_eq!(connection.requested(&waker), RequestedClose::Nothing);
    }

    #[test]
    fn a_window_counts_what_is_taken_while_a_write_is_blocked() {
        let (clock, connection) = connection();
        connection.note_written(500);
        clock.set(100_000);
        assert_eq!(connection.end_write_window(1_000), None, "nothing is blocked");
        connection.note_blocked();
        connection.note_written(7);
        clock.set(100_500);
        assert_eq!(connection.end_write_window(1_000), None, "too early");
        clock.set(101_000);
        assert_eq!(connection.end_write_window(1_000), Some(7));
        clock.set(102_000);
        assert_eq!(connection.end_write_window(1_000), Some(0), "the next window");
        connection.note_flushed();
        clock.set(110_000);
        assert_eq!(connection.end_write_window(1_000), None);
    }
}
