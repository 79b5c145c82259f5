//! Perplexity: models that search the web, in the words of the AI SDK's package for it.
//!
//! What is searched is told by settings, each sent as it is under its documented name: `perplexitySearchMode`,
//! `perplexitySearchDomainFilter`, `perplexitySearchRecencyFilter`, `perplexitySearchAfterDateFilter`,
//! `perplexitySearchBeforeDateFilter`, `perplexityLastUpdatedAfterFilter`, `perplexityLastUpdatedBeforeFilter`,
//! `perplexityWebSearchOptions`, `perplexityReturnImages`, `perplexityReturnRelatedQuestions`,
//! `perplexityDisableSearch`, `perplexityEnableSearchClassifier`, and `reasoningEffort` for deep research.
//! There are no tools and no list of models.

use super::kind::Provider;
use super::plain::{self, PLAIN, plain_with};
use crate::Text;
use crate::error::Error;
use crate::json::javascript::or_zero;
use crate::json::{Node, Value};
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::decode::{ChatState, Event};
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::messages;
use crate::protocols::openai_chat::{ChatSpec, Endpoint, join, steps};
use crate::protocols::tokens::usage_object;
use crate::registry::ProviderInfo;
use crate::stream::TokenQueue;
use crate::token::{Source, StreamToken};
use crate::transport::RetryPolicy;

pub(super) static PROVIDER: Provider = plain_with(
    ProviderInfo::new("perplexity", "Perplexity", "Sonar models that search the web and cite it")
        .at("https://api.perplexity.ai")
        .key("perplexityApiKey", "PERPLEXITY_API_KEY")
        .documented("https://docs.perplexity.ai/api-reference/chat-completions-post"),
    ChatSpec {
        endpoint: |settings, context| {
            let mut headers = HeaderBlock::default();
            plain::bearer(&mut headers, settings);
            headers.content_type();
            headers.ai_sdk("ai-sdk/perplexity/2.0.30 ai-sdk/provider-utils/3.0.25", context);
            Ok(Endpoint { url: join(plain::base_url(settings), "/chat/completions"), headers })
        },
        chat: &[
            ("model", body::model),
            ("max_tokens", plain::max_tokens),
            ("temperature", plain::temperature),
            ("reasoning_effort", |input| setting(input, "reasoningEffort")),
            ("search_mode", |input| setting(input, "perplexitySearchMode")),
            ("search_domain_filter", |input| setting(input, "perplexitySearchDomainFilter")),
            ("search_recency_filter", |input| setting(input, "perplexitySearchRecencyFilter")),
            ("search_after_date_filter", |input| setting(input, "perplexitySearchAfterDateFilter")),
            ("search_before_date_filter", |input| setting(input, "perplexitySearchBeforeDateFilter")),
            ("last_updated_after_filter", |input| setting(input, "perplexityLastUpdatedAfterFilter")),
            ("last_updated_before_filter", |input| setting(input, "perplexityLastUpdatedBeforeFilter")),
            ("web_search_options", |input| setting(input, "perplexityWebSearchOptions")),
            ("return_images", |input| setting(input, "perplexityReturnImages")),
            ("return_related_questions", |input| setting(input, "perplexityReturnRelatedQuestions")),
            ("disable_search", |input| setting(input, "perplexityDisableSearch")),
            ("enable_search_classifier", |input| setting(input, "perplexityEnableSearchClassifier")),
            ("messages", joined_messages),
            ("stream", body::stream),
        ],
        completion: &[
            ("model", body::model),
            ("max_tokens", plain::max_tokens),
            ("temperature", plain::temperature),
            ("messages", body::prompt),
        ],
        steps: &[sources, steps::first_reasoning_key, steps::text_with_think_tags, steps::keep_usage],
        end: &[steps::flush_think_tags, usage],
        retry: RetryPolicy::Stainless { count_header: None },
        list: None,
        ..PLAIN
    },
);

fn setting(input: &BodyInput<'_>, name: &str) -> Option<Value> {
    input.settings.get(name).filter(|value| !value.is_null()).cloned()
}

/// Texts of one message are one text, unless an image stands between them.
fn joined_messages(input: &BodyInput<'_>) -> Option<Value> {
    let mut messages = plain::system_and_messages(input)?;
    for message in messages.as_array_mut()? {
        if let Some(content) = message.get_mut("content") {
            messages::join_texts(content);
        }
    }
    Some(messages)
}

/// The pages found, in the service's order, each once: `citations` are their addresses, `search_results`
/// know their titles.
fn sources(state: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    let (cited, results) = (event.root.get("citations"), event.root.get("search_results"));
    let title_of = |url: &str| {
        let result = results.items().find(|result| result.get("url").str_eq(url))?;
        result.get("title").as_text().filter(|title| !title.is_empty())
    };
    let found: Vec<Text> = cited
        .items()
        .filter_map(Node::as_text)
        .chain(results.items().filter_map(|result| result.get("url").as_text()))
        .collect();
    let mut fresh = Vec::new();
    for url in found {
        if !state.sources.contains(&url) {
            state.sources.push(url.clone());
            fresh.push(Source { title: title_of(&url).unwrap_or_else(|| url.clone()), url });
        }
    }
    if !fresh.is_empty() {
        tokens.push_back(StreamToken::Grounding(fresh));
    }
    Ok(())
}

/// Reasoning tokens stand beside the others here, and the service tells what the answer cost.
fn usage(state: &mut ChatState, tokens: &mut TokenQueue) {
    let Some(usage) = state.usage.take() else { return };
    let mut token =
        usage_object(or_zero(usage.get("prompt_tokens")), or_zero(usage.get("completion_tokens")));
    let reasoning = usage.get("reasoning_tokens").filter(|count| count.is_truthy());
    token.insert_some("reasoningTokens", reasoning.cloned());
    let cost = usage.get("cost").and_then(|cost| cost.get("total_cost"));
    token.insert_some("totalCost", cost.filter(|cost| cost.is_truthy()).cloned());
    tokens.push_back(StreamToken::from_object(token));
}
