//! Many providers behind one: limits, circuit breakers, routing, failover, keys and usage.
//!
//! A [`ProviderManager`] is made from a [`ManagerConfig`] and is an [`AiProvider`](crate::AiProvider) itself. Each
//! of its parts stands alone too: [`CircuitBreaker`], [`AdaptiveRateLimiter`], [`KeyRing`], [`UsageLedger`].
#![doc = include_str!("failover.md")]

mod answer;
mod breaker;
#[cfg(feature = "cache")]
mod cache;
mod config;
mod failover;
mod health;
mod history;
mod keys;
mod lane;
mod limiter;
mod plan;
mod provider_manager;
#[cfg(feature = "redis")]
mod redis_connection;
mod report;
mod routing;
mod shared_state;
mod single_try;
mod telemetry;
#[cfg(test)]
mod tests;
mod usage;

pub use breaker::{BreakerConfig, BreakerEvent, BreakerOpen, BreakerPermit, BreakerState, CircuitBreaker};
#[cfg(feature = "cache")]
pub(crate) use cache::FlightReader;
#[cfg(feature = "cache")]
pub use cache::{CacheRules, CacheStatistics, CachedProvider, ResponseCache};
pub use config::{Budget, ManagerConfig, ProviderConfig};
pub use health::{HealthMonitor, HealthState, ProviderHealth};
#[cfg(feature = "redis")]
pub use keys::RedisKeyState;
pub use keys::{
    ApiKey, Cooldown, FileKeyState, KeyEvent, KeyFailure, KeyId, KeyLease, KeyRecord, KeyRing, KeyRules,
    KeyState, KeyStatus, MemoryKeyState, RotatingProvider,
};
pub use limiter::{
    AdaptiveRateLimiter, LimitWindow, LimiterConfig, LimiterPermit, LimiterState, RateLimitHeaders,
    parse_reset,
};
pub use provider_manager::ProviderManager;
pub use report::{AttemptOutcome, AttemptReport};
pub use routing::{ExplainedTarget, Route, RouteExplanation, RouteTarget, Strategy};
#[cfg(feature = "redis")]
pub use shared_state::RedisSharedState;
pub use shared_state::{MemorySharedState, Share, SharedEvent, SharedState};
#[cfg(feature = "metrics")]
pub use telemetry::{MeasuredProvider, audit, count_retry, describe_metrics};
pub use usage::{
    Account, Cost, CostSource, Counting, MeteredCall, Outcome, TokenCounts, UsageLedger, UsageRecord,
    UsageSums, estimate_cost,
};
