//! Snowflake Cortex.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("snowflake", "Snowflake Cortex", "Models beside the data of a Snowflake account")
        .at("https://{snowflakeAccount}.snowflakecomputing.com/api/v2/cortex/v1")
        .key("snowflakeApiKey", "SNOWFLAKE_PAT")
        .documented("https://docs.snowflake.com/en/user-guide/snowflake-cortex/open_ai_sdk"),
);
