//! Many providers behind one: limits, circuit breakers, routing and failover.

mod breaker;

pub use breaker::{BreakerConfig, BreakerEvent, BreakerPermit, BreakerState, CircuitBreaker, OpenUntil};
