//! Clients of HTTP/2: as many as the open streams need.

use crate::lock::Locked;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A client for every 100 streams that are open at a time.
///
/// A client has one connection per host, servers limit the streams of a connection, and requests beyond that wait
/// until another stream ends. 100 is the least that servers should allow:
/// <https://www.rfc-editor.org/rfc/rfc9113#name-defined-settings>. First come the clients that were there first, so
/// that the connections of the others are closed for idleness once they are not needed any more.
pub(super) struct Lanes<C>(Mutex<Vec<Arc<Lane<C>>>>);

struct Lane<C> {
    client: C,
    open: AtomicUsize,
}

/// The place of one stream; given back when it is dropped.
pub(super) struct Seat<C>(Arc<Lane<C>>);

const STREAMS: usize = 100;

impl<C> Lanes<C> {
    /// A place in the first client that has one, or in a new one.
    pub(super) fn seat(&self, make: impl FnOnce() -> C) -> Seat<C> {
        let mut lanes = self.0.locked();
        let free = lanes.iter().find(|lane| lane.open.load(Ordering::Relaxed) < STREAMS);
        let lane = if let Some(lane) = free {
            lane.clone()
        } else {
            let lane = Arc::new(Lane { client: make(), open: AtomicUsize::new(0) });
            lanes.push(lane.clone());
            lane
        };
        // Only this adds, and it holds the lock.
        lane.open.fetch_add(1, Ordering::Relaxed);
        Seat(lane)
    }
}

impl<C> Default for Lanes<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C> Seat<C> {
    pub(super) fn client(&self) -> &C {
        &self.0.client
    }
}

impl<C> Drop for Seat<C> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_made_for_every_hundred_open_streams() {
        let (lanes, mut clients) = (Lanes::default(), 0);
        let mut seats: Vec<Seat<()>> = (0..250).map(|_| lanes.seat(|| clients += 1)).collect();
        assert_eq!(clients, 3);
        seats.drain(..120);
        let full = || panic!("there are free places");
        let again: Vec<Seat<()>> = (0..120).map(|_| lanes.seat(full)).collect();
        assert_eq!((seats.len() + again.len(), lanes.0.lock().unwrap().len()), (250, 3));
    }
}
