//! Many providers behind one: limits, circuit breakers, routing, failover, keys and usage.
//!
//! A [`ProviderManager`] is made from a [`ManagerConfig`] and is an [`AiProvider`](crate::AiProvider) itself. Each
//! of its parts stands alone too: [`CircuitBreaker`], [`AdaptiveRateLimiter`], [`KeyRing`], [`UsageLedger`].
#![doc = include_str!("failover.md")]

mod answer;
mod api_key;
#[cfg(feature = "metrics")]
mod audit;
mod breaker;
mod bucket;
mod config;
mod failover;
#[cfg(feature = "cache")]
mod flight;
mod health;
mod history;
mod instruments;
mod key_state;
mod keys;
mod lane;
mod ledger;
mod limiter;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod plan;
mod provider_manager;
mod rate_limit_headers;
#[cfg(feature = "redis")]
mod redis_connection;
#[cfg(feature = "redis")]
mod redis_key_state;
#[cfg(feature = "redis")]
mod redis_shared_state;
mod report;
#[cfg(feature = "cache")]
mod response_cache;
mod rotating;
mod routing;
mod shared_state;
mod single_try;
#[cfg(test)]
mod tests;
mod traffic;
mod usage;

#[doc(no_inline)]
pub use crate::registry::{AuthStyle, Protocol, ProviderInfo, ProviderRegistry};
pub use api_key::{ApiKey, KeyId, KeyRules};
#[cfg(feature = "metrics")]
pub use audit::audit;
pub use breaker::{BreakerConfig, BreakerEvent, BreakerPermit, BreakerState, CircuitBreaker, OpenUntil};
pub use config::{Budget, ManagerConfig, ProviderConfig};
#[cfg(feature = "cache")]
pub(crate) use flight::FlightReader;
pub use health::{HealthMonitor, HealthState, ProviderHealth};
pub use key_state::{Cooldown, FileKeyState, KeyEvent, KeyFailure, KeyRecord, KeyState, MemoryKeyState};
pub use keys::{KeyLease, KeyRing, KeyStatus};
pub use ledger::{Account, MeteredCall, UsageLedger, UsageSums};
pub use limiter::{AdaptiveRateLimiter, LimiterPermit};
pub use limits::{LimiterConfig, LimiterState};
#[cfg(feature = "metrics")]
pub use metrics::{MeasuredProvider, count_retry, describe_metrics};
pub use provider_manager::ProviderManager;
pub use rate_limit_headers::{LimitWindow, RateLimitHeaders, parse_reset};
#[cfg(feature = "redis")]
pub use redis_key_state::RedisKeyState;
#[cfg(feature = "redis")]
pub use redis_shared_state::RedisSharedState;
pub use report::{AttemptOutcome, AttemptReport};
#[cfg(feature = "cache")]
pub use response_cache::{CacheRules, CacheStatistics, CachedProvider, ResponseCache};
pub use rotating::RotatingProvider;
pub use routing::{ExplainedTarget, Route, RouteExplanation, RouteTarget, Strategy};
pub use shared_state::{MemorySharedState, Share, SharedEvent, SharedState};
pub use usage::{Cost, CostSource, Counting, Outcome, TokenCounts, UsageRecord, estimate};
