//! Clients of HTTP/2: as many as the open streams need.

use crate::lock::Locked;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ::reqwest::Client;

use super::TransportError;

/// A client for every 100 streams that are open at a time.
///
/// A client has one connection per host, servers limit the streams of a connection, and reqwest has requests beyond
/// that wait until another stream ends. 100 is the least that servers should allow:
/// <https://www.rfc-editor.org/rfc/rfc9113#name-defined-settings>. First come the clients that were there first, so
/// that the connections of the others are closed for idleness once they are not needed any more.
#[derive(Default)]
pub(super) struct Lanes(Mutex<Vec<Arc<Lane>>>);

struct Lane {
    client: Client,
    open: AtomicUsize,
}

/// The place of one stream; given back when it is dropped.
pub(super) struct Seat(Arc<Lane>);

const STREAMS: usize = 100;

impl Lanes {
    /// A place in the first client that has one, or in a new one.
    pub(super) fn seat(
        &self,
        make: impl FnOnce() -> Result<Client, TransportError>,
    ) -> Result<Seat, TransportError> {
        let mut lanes = self.0.locked();
        let free = lanes.iter().find(|lane| lane.open.load(Ordering::Relaxed) < STREAMS);
        let lane = if let Some(lane) = free {
            lane.clone()
        } else {
            let lane = Arc::new(Lane { client: make()?, open: AtomicUsize::new(0) });
            lanes.push(lane.clone());
            lane
        };
        // Only this adds, and it holds the lock.
        lane.open.fetch_add(1, Ordering::Relaxed);
        Ok(Seat(lane))
    }
}

impl Seat {
    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::TransportErrorKind;

    fn client() -> Result<Client, TransportError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Client::builder().no_proxy().build().expect("a client"))
    }

    #[test]
    fn a_client_is_made_for_every_hundred_open_streams() {
        let (lanes, mut clients) = (Lanes::default(), 0);
        let mut seats: Vec<Seat> = (0..250)
            .map(|_| {
                let make = || {
                    clients += 1;
                    client()
                };
                lanes.seat(make).expect("a place")
            })
            .collect();
        assert_eq!(clients, 3);
        seats.drain(..120);
        let full = || panic!("there are free places");
        let again: Vec<Seat> = (0..120).map(|_| lanes.seat(full).expect("a place")).collect();
        assert_eq!((seats.len() + again.len(), lanes.0.lock().unwrap().len()), (250, 3));
    }

    #[test]
    fn a_client_that_cannot_be_made_leaves_nothing_behind() {
        let lanes = Lanes::default();
        let failed = TransportError { kind: TransportErrorKind::Connect, detail: "no".to_owned() };
        assert_eq!(lanes.seat(|| Err(failed)).err().map(|error| error.detail), Some("no".to_owned()));
        assert!(lanes.seat(client).is_ok());
    }
}
