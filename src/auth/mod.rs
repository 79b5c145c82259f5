//! How requests prove who sends them: signatures, and where the keys come from.

pub(crate) mod aws_client;
pub(crate) mod aws_config;
pub(crate) mod aws_credentials;
pub(crate) mod aws_endpoint;
pub(crate) mod sigv4;
