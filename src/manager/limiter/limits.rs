//! What a rate limiter begins with, and what it allows.

use std::time::Duration;

/// What an [`AdaptiveRateLimiter`](crate::manager::AdaptiveRateLimiter) begins with. A limit of `None` is unknown: nothing is held back until the
/// service tells of one, or refuses.
///
/// # Example: an account of 50 requests and 40,000 tokens a minute
///
/// ```
/// use samewire::manager::LimiterConfig;
///
/// let config = LimiterConfig {
///     requests_per_minute: Some(50),
///     tokens_per_minute: Some(40_000),
///     ..LimiterConfig::default()
/// };
/// assert_eq!(config.concurrent_requests, None);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LimiterConfig {
    /// Requests a minute. A whole minute's worth may go at once.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute, request and answer together.
    pub tokens_per_minute: Option<u32>,
    /// Requests at the same time, answers that still stream included.
    pub concurrent_requests: Option<u32>,
    /// What a refusal (429 or 529) multiplies the limits by, above 0 and below 1; 0.5.
    pub shrink: f64,
    /// What a success adds to the rates, as a share of the most that they may be; 0.02.
    pub grow: f64,
    /// The pause after a refusal that names none; 1 s. Refusals in a row double it.
    pub pause: Duration,
    /// The longest such pause; 60 s. Pauses that the service names are kept to the full.
    pub pause_at_most: Duration,
    /// The longest wait for permission; 60 s.
    pub max_wait: Duration,
    /// The most callers that wait; 10,000.
    pub max_queue: usize,
}

impl Default for LimiterConfig {
    fn default() -> Self {
        Self {
            requests_per_minute: None,
            tokens_per_minute: None,
            concurrent_requests: None,
            shrink: 0.5,
            grow: 0.02,
            pause: Duration::from_secs(1),
            pause_at_most: Duration::from_secs(60),
            max_wait: Duration::from_secs(60),
            max_queue: 10_000,
        }
    }
}

/// What a limiter allows at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LimiterState {
    /// Permits that are out.
    pub in_flight: u32,
    /// Callers that wait.
    pub waiting: usize,
    /// Requests a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute.
    pub tokens_per_minute: Option<u32>,
    /// Requests at the same time.
    pub concurrent_requests: Option<u32>,
    /// How long nothing is let through, because the service asked for it; zero for now.
    pub paused: Duration,
}

impl LimiterState {
    /// What several limiters allow together.
    pub(crate) fn sum(states: impl Iterator<Item = Self>) -> Self {
        let add = |a: Option<u32>, b: Option<u32>| Some(a?.saturating_add(b?));
        let sum = states.reduce(|a, b| Self {
            in_flight: a.in_flight + b.in_flight,
            waiting: a.waiting + b.waiting,
            requests_per_minute: add(a.requests_per_minute, b.requests_per_minute),
            tokens_per_minute: add(a.tokens_per_minute, b.tokens_per_minute),
            concurrent_requests: add(a.concurrent_requests, b.concurrent_requests),
            paused: a.paused.min(b.paused),
        });
        sum.unwrap_or_default()
    }
}
