//! iFlytek Spark.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("spark", "iFlytek Spark", "Spark models from their maker")
        .at("https://spark-api-open.xf-yun.com/v1")
        .key("sparkApiKey", "SPARK_API_PASSWORD")
        .documented("https://www.xfyun.cn/doc/spark/HTTP%E8%B0%83%E7%94%A8%E6%96%87%E6%A1%A3.html"),
);
