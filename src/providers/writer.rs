//! Writer.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("writer", "Writer", "Palmyra models from their maker")
        .at("https://api.writer.com/v1")
        .key("writerApiKey", "WRITER_API_KEY")
        .documented("https://dev.writer.com/api-reference/completion-api/chat-completion"),
);
