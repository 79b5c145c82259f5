//! Many providers behind one: limits, circuit breakers, routing and failover.

mod breaker;
mod bucket;
mod limiter;
mod rate_limit_headers;

pub use breaker::{BreakerConfig, BreakerEvent, BreakerPermit, BreakerState, CircuitBreaker, OpenUntil};
pub use limiter::{AdaptiveRateLimiter, LimiterConfig, LimiterPermit, LimiterState};
pub use rate_limit_headers::{LimitWindow, RateLimitHeaders, parse_reset};
