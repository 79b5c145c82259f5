//! Databricks.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("databricks", "Databricks", "Models served in a Databricks workspace")
        .at("https://{databricksHost}/serving-endpoints")
        .key("databricksApiKey", "DATABRICKS_TOKEN")
        .documented("https://docs.databricks.com/aws/en/machine-learning/model-serving/query-chat-models"),
);
