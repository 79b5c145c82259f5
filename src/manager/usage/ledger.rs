//! The sums of what was used, and the stream adaptor that fills them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::catalog::Catalogue;
use crate::catalog::tables::table;
use crate::json::Value;
use crate::lock::Locked;
use crate::manager::KeyId;
use crate::manager::{Cost, Counting, Outcome, TokenCounts, UsageRecord};
use crate::stream::{Observe, StreamSummary, TokenStream};
use crate::{
    AiProvider, ChatRequest, CompletionRequest, Error, Field, Model, ModelInfo, StreamToken, Text, Usage,
};

/// Adds up what requests used, by provider, model and key. Clones share one ledger.
///
/// # Example: what did this program cost?
///
/// ```
/// use futures_util::StreamExt;
/// use samewire::{AiProvider, ChatRequest, Error};
/// use samewire::manager::{MeteredCall, UsageLedger};
///
/// # async fn run(provider: &dyn AiProvider, request: ChatRequest) -> Result<(), Error> {
/// let ledger = UsageLedger::new();
/// let call = MeteredCall::new(provider, &request);
/// let mut tokens = ledger.track(call, provider.chat_stream(request).await?);
/// while let Some(token) = tokens.next().await {
///     token?;
/// }
/// let sums = ledger.total();
/// println!("{} requests, {} tokens, at least ${}", sums.requests, sums.tokens.total(), sums.dollars);
/// println!("{} of them at an unknown price", sums.of_unknown_cost);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct UsageLedger {
    shared: Arc<Shared>,
    catalogue: Option<Arc<Catalogue>>,
}

#[derive(Default)]
struct Shared {
    sums: Mutex<BTreeMap<Account, UsageSums>>,
    listener: Option<Box<Listener>>,
}

type Listener = dyn Fn(&UsageRecord) + Send + Sync;

/// What sums are kept for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Account {
    /// The provider's id.
    pub provider: Text,
    /// The model.
    pub model: Text,
    /// The key, where one of several was chosen.
    pub key: Option<KeyId>,
}

/// Sums over requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct UsageSums {
    /// All requests.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those whose reader went away.
    pub dropped: u64,
    /// Those whose tokens are a guess.
    pub guessed: u64,
    /// Those that used tokens at a price that is not known; they are missing in `dollars`.
    pub of_unknown_cost: u64,
    /// The tokens.
    pub tokens: TokenCounts,
    /// The known costs in US dollars.
    pub dollars: f64,
}

impl UsageLedger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty ledger that also gives each record to a listener. The listener runs where a stream is read or
    /// dropped, so it must not block.
    pub fn with_listener(listener: impl Fn(&UsageRecord) + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { sums: Mutex::default(), listener: Some(Box::new(listener)) });
        Self { shared, catalogue: None }
    }

    /// The same ledger, with the prices of a catalogue for models whose provider knows none. A price that the
    /// catalogue does not know either stays unknown.
    #[must_use]
    pub fn priced_by(mut self, catalogue: Arc<Catalogue>) -> Self {
        self.catalogue = Some(catalogue);
        self
    }

    /// Watches a stream and books what it used once it has ended, failed or been dropped: exactly once.
    ///
    /// Where a service sends counts several times, the largest of each kind is taken, since they are
    /// running totals; [`ChatResponse::usage`](crate::ChatResponse) adds them up, as the reference does. If
    /// the answer broke off before the service counted, tokens are guessed at four bytes each, and the
    /// record says so. Answers from a cache cost nothing and are not booked.
    #[must_use]
    pub fn track(&self, call: MeteredCall, tokens: TokenStream) -> TokenStream {
        if tokens.is_cached() {
            return tokens;
        }
        let key = tokens.key_id().cloned();
        let call = self.priced(call);
        let meter = Meter {
            ledger: self.clone(),
            call: Some(call),
            key,
            usage: None,
            answer_bytes: 0,
            outcome: Outcome::Dropped,
        };
        tokens.observed(meter)
    }

    /// The call at the prices that the ledger knows.
    pub(crate) fn priced(&self, call: MeteredCall) -> MeteredCall {
        match &self.catalogue {
            Some(catalogue) => call.priced_by(catalogue),
            None => call,
        }
    }

    /// Books a record.
    pub fn add(&self, record: &UsageRecord) {
        let account = Account {
            provider: record.provider.clone(),
            model: record.model.clone(),
            key: record.key.clone(),
        };
        self.sums().entry(account).or_default().book(record);
        if let Some(listener) = &self.shared.listener {
            listener(record);
        }
    }

    /// The sums of every account.
    pub fn accounts(&self) -> BTreeMap<Account, UsageSums> {
        self.sums().clone()
    }

    /// The sum of all accounts.
    pub fn total(&self) -> UsageSums {
        self.by(|_| ()).remove(&()).unwrap_or_default()
    }

    /// The sums by anything that accounts have: `ledger.by(|account| account.provider.clone())`.
    pub fn by<K: Ord>(&self, group: impl Fn(&Account) -> K) -> BTreeMap<K, UsageSums> {
        let mut groups: BTreeMap<K, UsageSums> = BTreeMap::new();
        for (account, sums) in &*self.sums() {
            groups.entry(group(account)).or_default().add(sums);
        }
        groups
    }

    fn sums(&self) -> MutexGuard<'_, BTreeMap<Account, UsageSums>> {
        self.shared.sums.locked()
    }
}

impl fmt::Debug for UsageLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UsageLedger").field(&self.total()).finish()
    }
}

impl UsageSums {
    fn book(&mut self, record: &UsageRecord) {
        self.requests += 1;
        self.failed += u64::from(matches!(record.outcome, Outcome::Failed(_)));
        self.dropped += u64::from(record.outcome == Outcome::Dropped);
        self.guessed += u64::from(record.guessed);
        self.tokens.add(&record.tokens);
        match record.cost {
            Some(cost) => self.dollars += cost.dollars,
            None => self.of_unknown_cost += u64::from(record.tokens.total() > 0),
        }
    }

    fn add(&mut self, more: &Self) {
        self.requests += more.requests;
        self.failed += more.failed;
        self.dropped += more.dropped;
        self.guessed += more.guessed;
        self.of_unknown_cost += more.of_unknown_cost;
        self.tokens.add(&more.tokens);
        self.dollars += more.dollars;
    }
}

/// What must be known of a request to book it.
#[derive(Clone, Debug)]
pub struct MeteredCall {
    provider: Text,
    model: Model,
    counting: Counting,
    task_id: Option<String>,
    on_behalf_of: Option<String>,
    request_bytes: usize,
}

impl MeteredCall {
    /// A conversation that is about to be sent.
    pub fn new(provider: &dyn AiProvider, request: &ChatRequest) -> Self {
        let call = Self::of_model(provider.name().into(), provider.model(), text_bytes(request));
        Self { task_id: request.task_id.clone(), on_behalf_of: request.on_behalf_of.clone(), ..call }
    }

    /// A completion that is about to be sent.
    pub fn of_completion(provider: &dyn AiProvider, request: &CompletionRequest) -> Self {
        let call = Self::of_model(provider.name().into(), provider.model(), request.prompt.len());
        Self { on_behalf_of: request.on_behalf_of.clone(), ..call }
    }

    /// A call of so many bytes of text.
    pub(crate) fn of_model(provider: Text, model: Model, request_bytes: usize) -> Self {
        let model = with_all_tiers(&provider, model);
        let counting = Counting::of(&provider, &model.id);
        Self { provider, model, counting, task_id: None, on_behalf_of: None, request_bytes }
    }

    /// The same call, booked under another name of the provider, such as a manager's.
    #[must_use]
    pub fn with_provider(mut self, name: impl Into<Text>) -> Self {
        self.provider = name.into();
        self
    }

    /// The same call, counted in another way than the provider's id says.
    #[must_use]
    pub fn with_counting(mut self, counting: Counting) -> Self {
        self.counting = counting;
        self
    }

    /// The same call, at the prices of a catalogue where its model has none.
    #[must_use]
    pub fn priced_by(mut self, catalogue: &Catalogue) -> Self {
        self.model = catalogue.priced(&self.provider, self.model);
        self
    }

    /// Who asks.
    pub(crate) fn on_behalf_of(&self) -> Option<&str> {
        self.on_behalf_of.as_deref()
    }

    /// The conversation's id.
    pub(crate) fn task_id(&self) -> Option<&str> {
        self.task_id.as_deref()
    }

    /// What it costs at these counts.
    pub(crate) fn cost(&self, usage: &Usage) -> Option<Cost> {
        Cost::of(usage, self.counting, &self.model)
    }

    /// The record of a call that ended so.
    pub(crate) fn record(
        self,
        usage: Option<Usage>,
        answer_bytes: usize,
        outcome: Outcome,
        key: Option<KeyId>,
    ) -> UsageRecord {
        let mut usage = usage.unwrap_or_default();
        let mut guessed = false;
        let counted = usage.input_tokens > 0 || usage.output_tokens > 0;
        if answer_bytes > 0 && !counted {
            usage.input_tokens = guess(self.request_bytes);
            guessed = true;
        }
        if outcome != Outcome::Complete || guessed {
            let output = guess(answer_bytes);
            guessed |= output > usage.output_tokens;
            usage.output_tokens = usage.output_tokens.max(output);
        }
        UsageRecord {
            cost: Cost::of(&usage, self.counting, &self.model),
            tokens: TokenCounts::of(&usage, self.counting),
            provider: self.provider,
            model: self.model.id,
            key,
            task_id: self.task_id,
            on_behalf_of: self.on_behalf_of,
            outcome,
            guessed,
        }
    }
}

/// Undoes what the reference does to Claude's models with a long context: it puts the prices of the long
/// tier in the place of the base prices, although the service asks them for long prompts only.
fn with_all_tiers(provider: &str, mut model: Model) -> Model {
    let has_first_tier = |info: &ModelInfo| {
        let tier = info.get("tiers").and_then(|tiers| tiers.at(0));
        tier.is_some_and(|tier| {
            ["contextWindow", "inputPrice"].iter().all(|fact| tier.get(fact) == info.get(fact))
        })
    };
    if let Some(info) = model.info.as_ref().filter(|info| has_first_tier(info))
        && let Some(base) = table(provider).get(&model.id)
        && base.context_window() < info.context_window()
    {
        model.info = Some(base);
    }
    model
}

struct Meter {
    ledger: UsageLedger,
    /// Taken when the call is booked.
    call: Option<MeteredCall>,
    key: Option<KeyId>,
    usage: Option<Usage>,
    answer_bytes: usize,
    outcome: Outcome,
}

impl Observe for Meter {
    fn item(&mut self, item: &Result<StreamToken, Error>) {
        match item {
            Ok(StreamToken::Usage(usage)) => largest(self.usage.get_or_insert_default(), usage),
            Ok(token) => self.answer_bytes += token_bytes(token),
            Err(error) => {
                self.outcome = Outcome::Failed(error.kind());
                self.book();
            }
        }
    }

    fn end(&mut self, _: StreamSummary) {
        self.outcome = Outcome::Complete;
        self.book();
    }
}

impl Meter {
    fn book(&mut self) {
        let Some(call) = self.call.take() else { return };
        let record = call.record(self.usage.take(), self.answer_bytes, self.outcome, self.key.take());
        self.ledger.add(&record);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.book();
    }
}

/// Keeps the largest count of each kind.
pub(crate) fn largest(known: &mut Usage, more: &Usage) {
    fn larger<T: Copy + PartialOrd>(a: Field<T>, b: Field<T>) -> Field<T> {
        match (a, b) {
            (Field::Value(a), Field::Value(b)) => Field::Value(if b > a { b } else { a }),
            (Field::Value(a), _) => Field::Value(a),
            (_, b) => b,
        }
    }
    known.input_tokens = known.input_tokens.max(more.input_tokens);
    known.output_tokens = known.output_tokens.max(more.output_tokens);
    known.cache_write_tokens = larger(known.cache_write_tokens, more.cache_write_tokens);
    known.cache_read_tokens = larger(known.cache_read_tokens, more.cache_read_tokens);
    known.reasoning_tokens = larger(known.reasoning_tokens, more.reasoning_tokens);
    known.total_cost = larger(known.total_cost, more.total_cost);
    known.hour_cache_write_tokens = known.hour_cache_write_tokens.max(more.hour_cache_write_tokens);
}

/// The bytes of a token that the model wrote.
pub(crate) fn token_bytes(token: &StreamToken) -> usize {
    let length = |text: &Field<Text>| text.value().map_or(0, |text| text.len());
    match token {
        StreamToken::Text(text) | StreamToken::Reasoning(text) => text.len(),
        StreamToken::ToolCallPartial(part) => length(&part.name) + length(&part.arguments),
        StreamToken::ToolCall(call) => length(&call.name) + length(&call.arguments),
        _ => 0,
    }
}

/// The bytes of what a conversation says, images left out.
pub(crate) fn text_bytes(request: &ChatRequest) -> usize {
    let messages: usize = request.messages.iter().map(|message| said(message.as_json())).sum();
    let tools: usize = request.tools.iter().flatten().map(|tool| said(tool.as_json())).sum();
    request.system_prompt.len() + messages + tools
}

fn said(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(said).sum(),
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| key.as_str() != "source")
            .map(|(key, value)| key.len() + said(value))
            .sum(),
        _ => 1,
    }
}

/// Tokens of that many bytes, by the rule of thumb.
fn guess(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::StreamExt;

    use super::*;
    use crate::clock::TestClock;
    use crate::context::Context;
    use crate::transport::{Disconnect, Exchange, ReplayTransport};
    use crate::{ErrorKind, Message, ProviderSettings, build_provider_in};

    const ANTHROPIC: &str = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":1000,\"output_tokens\":4,",
        "\"cache_creation_input_tokens\":500,\"cache_read_input_tokens\":2000,",
        "\"cache_creation\":{\"ephemeral_5m_input_tokens\":100,\"ephemeral_1h_input_tokens\":400}}}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello, you!\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":200}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    );
    const GROQ: &str = concat!(
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hello, you!\"}}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":70,\"completion_tokens\":9}}\n\n"
    );

    /// Asks a provider that answers so, and reads `limit` tokens at most.
    async fn ask(settings: ProviderSettings, exchange: Exchange, limit: usize) -> (UsageLedger, UsageRecord) {
        let records = Arc::new(Mutex::new(Vec::new()));
        let ledger = UsageLedger::with_listener({
            let records = records.clone();
            move |record| records.lock().unwrap().push(record.clone())
        });
        let exchange = exchange.header("content-type", "text/event-stream");
        let context =
            Context::for_tests(Arc::new(ReplayTransport::new([exchange])), Arc::new(TestClock::default()));
        let provider = build_provider_in(&settings, &context).unwrap();
        let request = ChatRequest::new("You help.", [Message::user("Hello, and more than a few words")])
            .with_task_id("task-7");
        let call = MeteredCall::new(&*provider, &request);
        let mut tokens = ledger.track(call, provider.chat_stream(request).await.unwrap());
        for _ in 0..limit {
            if tokens.next().await.is_none() {
                break;
            }
        }
        drop(tokens);
        let mut records = records.lock().unwrap();
        assert_eq!(records.len(), 1, "each request is booked once");
        (ledger, records.remove(0))
    }

    fn anthropic() -> ProviderSettings {
        ProviderSettings::new("anthropic").with("apiKey", "k").with("apiModelId", "claude-sonnet-4-5")
    }

    fn groq() -> ProviderSettings {
        ProviderSettings::new("groq").with("groqApiKey", "k")
    }

    #[test]
    fn the_catalogue_knows_prices_that_the_provider_does_not() {
        let list = crate::json::object! { "acme": crate::json::object! { "models": crate::json::object! {
            "priced": crate::json::object! { "cost": crate::json::object! { "input": 2, "output": 8 } },
            "unpriced": crate::json::object! {},
        } } };
        let catalogue = Arc::new(Catalogue::default().with_overrides(&list.into()).unwrap());
        let ledger = UsageLedger::new().priced_by(catalogue);
        for model in ["priced", "unpriced"] {
            let call = MeteredCall {
                provider: "acme".into(),
                model: Model::without_info(model),
                counting: Counting::OPENAI,
                task_id: None,
                on_behalf_of: None,
                request_bytes: 0,
            };
            let usage = Usage { input_tokens: 1_000_000, output_tokens: 500_000, ..Usage::default() };
            let tokens =
                TokenStream::from_tokens(futures_util::stream::iter([Ok(StreamToken::Usage(usage))]));
            futures_util::FutureExt::now_or_never(ledger.track(call, tokens).collect::<Vec<_>>());
        }
        let total = ledger.total();
        assert_eq!((total.requests, total.of_unknown_cost), (2, 1), "an unknown price is not 0");
        assert!((total.dollars - 6.0).abs() < 1e-9);
    }

    #[tokio::test]
    async fn a_whole_answer_is_booked_at_its_price() {
        let (ledger, record) = ask(anthropic(), Exchange::new(200).body(ANTHROPIC), 100).await;
        assert_eq!(record.outcome, Outcome::Complete);
        assert!(!record.guessed);
        let tokens = record.tokens;
        assert_eq!((tokens.input, tokens.output, tokens.cache_reads), (1000, 200, 2000));
        assert_eq!((tokens.cache_writes, tokens.hour_cache_writes), (100, 400));
        let dollars = (1000.0 * 3.0 + 200.0 * 15.0 + 2000.0 * 0.3 + 100.0 * 3.75 + 400.0 * 6.0) / 1e6;
        assert!((record.cost.unwrap().dollars - dollars).abs() < 1e-12);
        assert_eq!(record.task_id.as_deref(), Some("task-7"));
        let sums = ledger.total();
        assert_eq!((sums.requests, sums.failed, sums.dropped, sums.of_unknown_cost), (1, 0, 0, 0));
        assert_eq!(ledger.by(|account| account.provider.clone())["anthropic"], sums);
    }

    #[tokio::test]
    async fn short_prompts_have_the_base_price_with_a_long_context_too() {
        let settings = anthropic().with("anthropicBeta1MContext", true);
        let (_, long) = ask(settings, Exchange::new(200).body(ANTHROPIC), 100).await;
        let (_, short) = ask(anthropic(), Exchange::new(200).body(ANTHROPIC), 100).await;
        assert_eq!(long.cost, short.cost);
        let body = ANTHROPIC.replace("\"input_tokens\":1000", "\"input_tokens\":400000");
        let settings = anthropic().with("anthropicBeta1MContext", true);
        let (_, long) = ask(settings, Exchange::new(200).body(body), 100).await;
        let dollars = 400_000.0 * 6.0 + 200.0 * 22.5 + 2000.0 * 0.6 + 100.0 * 7.5 + 400.0 * 12.0;
        assert!((long.cost.unwrap().dollars - dollars / 1e6).abs() < 1e-12);
    }

    #[tokio::test]
    async fn a_dropped_stream_is_booked_with_what_came() {
        let (_, record) = ask(anthropic(), Exchange::new(200).body(ANTHROPIC), 2).await;
        assert_eq!((record.outcome, record.tokens.input, record.tokens.output), (Outcome::Dropped, 1000, 4));
        assert!(!record.guessed, "the service counted 4, and 11 bytes are 3");
        let (ledger, record) = ask(groq(), Exchange::new(200).body(GROQ), 1).await;
        assert_eq!((record.outcome, record.guessed), (Outcome::Dropped, true));
        assert_eq!(record.tokens.output, 3);
        assert!((10..30).contains(&record.tokens.input), "{record:?}");
        assert_eq!((ledger.total().dropped, ledger.total().guessed), (1, 1));
    }

    #[tokio::test]
    async fn a_broken_stream_is_booked_as_failed() {
        let exchange = Exchange::new(200).body(&ANTHROPIC[..420]).disconnect(Disconnect::Mid);
        let (ledger, record) = ask(anthropic(), exchange, 100).await;
        assert_eq!(record.outcome, Outcome::Failed(ErrorKind::Interrupted));
        assert_eq!(record.tokens.cache_reads, 2000);
        assert_eq!(ledger.total().failed, 1);
    }

    #[tokio::test]
    async fn an_unread_stream_used_nothing_that_is_known() {
        let (ledger, record) = ask(groq(), Exchange::new(200).body(GROQ), 0).await;
        assert_eq!((record.tokens.total(), record.cost), (0, None));
        assert_eq!(ledger.total().of_unknown_cost, 0);
    }

    #[test]
    fn unknown_prices_are_counted_beside_the_dollars() {
        let ledger = UsageLedger::new();
        let record = UsageRecord {
            provider: "p".into(),
            model: "m".into(),
            key: None,
            task_id: None,
            on_behalf_of: None,
            outcome: Outcome::Complete,
            tokens: TokenCounts { input: 5, ..TokenCounts::default() },
            guessed: false,
            cost: None,
        };
        ledger.add(&record);
        ledger.add(&UsageRecord { key: Some(KeyId::from_text("abc")), ..record });
        let sums = ledger.total();
        assert_eq!((sums.requests, sums.of_unknown_cost, sums.dollars), (2, 2, 0.0));
        assert_eq!(ledger.by(|account| account.key.clone()).len(), 2);
    }

    #[test]
    fn running_totals_are_not_added_up() {
        let mut known = Usage { input_tokens: 5, output_tokens: 1, ..Usage::default() };
        largest(&mut known, &Usage { output_tokens: 20, ..Usage::default() });
        largest(&mut known, &Usage { input_tokens: 5, output_tokens: 30, ..Usage::default() });
        assert_eq!((known.input_tokens, known.output_tokens), (5, 30));
    }
}
