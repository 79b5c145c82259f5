//! The connection to a Redis server that several states use.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};
use tokio::sync::Mutex;

use crate::{Error, ErrorKind};

/// One connection, made at the first use, shared afterwards, and made anew when it breaks.
pub(super) struct RedisConnection {
    client: Client,
    known: Mutex<Option<MultiplexedConnection>>,
}

impl RedisConnection {
    /// To the server of that URL. Nothing is connected yet.
    pub(super) fn new(url: &str) -> Result<Self, Error> {
        let client = Client::open(url).map_err(|_| {
            Error::configuration("the Redis URL cannot be read: it must look like redis://host:port/database")
        })?;
        Ok(Self { client, known: Mutex::default() })
    }

    pub(super) async fn get(&self) -> Result<MultiplexedConnection, Error> {
        let mut known = self.known.lock().await;
        if let Some(connection) = &*known {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(LONGEST_CONNECT))
            .set_response_timeout(Some(LONGEST_ANSWER));
        let made = self.client.get_multiplexed_async_connection_with_config(&config).await;
        Ok(known.insert(made.map_err(|error| unreachable(&error))?).clone())
    }

    /// Forgets the connection that failed, so that the next use makes another.
    pub(super) async fn failed(&self, error: RedisError) -> Error {
        *self.known.lock().await = None;
        unreachable(&error)
    }
}

/// Says what failed without the URL, which may hold a password.
fn unreachable(error: &RedisError) -> Error {
    Error::new(ErrorKind::Connection, format!("Redis cannot be reached: {:?}", error.kind()))
}

const LONGEST_CONNECT: Duration = Duration::from_secs(2);
const LONGEST_ANSWER: Duration = Duration::from_secs(1);
