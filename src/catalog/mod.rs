//! What is known about models: tables, limits, parameters and prices, as the reference has them.

pub(crate) mod cost;
pub(crate) mod fetch;
pub(crate) mod lists;
pub(crate) mod parameters;
pub(crate) mod schema;
pub(crate) mod tables;
