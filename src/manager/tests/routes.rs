//! Who is asked, and who may be.

use super::*;
use crate::json::object;

fn model(name: &str, facts: &str) -> Model {
    let Ok(Value::Object(facts)) = Value::parse(facts) else { panic!("no object") };
    Model::new(name, ModelInfo::from_object(facts))
}

fn route(strategy: Strategy, services: &[&Scripted]) -> ProviderManager {
    let names = services.iter().map(|service| service.0.name);
    let mut config = ManagerConfig::new().route(Route::new("all", strategy, names)).default_target("all");
    for service in services {
        config = config.provider(service.config());
    }
    ProviderManager::new(config, context()).unwrap()
}

fn order(manager: &ProviderManager, request: &ChatRequest) -> Vec<String> {
    let explained = manager.explain_route(request).unwrap();
    explained.targets.into_iter().filter(|target| target.chosen).map(|target| target.provider).collect()
}

#[tokio::test(start_paused = true)]
async fn targets_are_ids_models_aliases_and_routes() {
    let (a, b) = (Scripted::new("a", []), Scripted::new("b", []));
    let manager = build(&[&a, &b], |config| config.alias("quick", "b/b-1").alias("q", "quick"));
    for (target, calls) in
        [("a", (1, 0)), ("b/b-1", (1, 1)), ("quick", (1, 2)), ("q", (1, 3)), ("all", (2, 3))]
    {
        manager.target(target).chat(hi()).await.unwrap();
        assert_eq!((a.calls(), b.calls()), calls, "{target}");
    }
    let mut request = hi();
    request.metadata.insert("route", "b");
    manager.chat(request).await.unwrap();
    assert_eq!(b.calls(), 4);
    assert!(b.0.requests.lock().unwrap()[3].metadata.get("route").is_none(), "not sent");
    let error = manager.target("c").chat(hi()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(
        error.message(),
        "the manager has no provider, alias or route `c`: it knows a, all, b, q, quick"
    );
    let error = manager.target("a/other").chat(hi()).await.unwrap_err();
    assert!(error.message().contains("cannot change to `other`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn providers_come_and_go() {
    let (a, b) = (Scripted::new("a", []), Scripted::new("b", []));
    let manager = manager(&[&a]).target("b");
    assert!(manager.chat(hi()).await.is_err());
    manager.register(b.config()).unwrap();
    assert!(manager.register(b.config()).is_err(), "taken");
    let mut stream = manager.chat_stream(hi()).await.unwrap();
    assert!(manager.remove("b") && !manager.remove("b"));
    assert!(stream.next().await.unwrap().is_ok(), "calls under way go on");
    assert!(manager.chat(hi()).await.is_err());
    assert_eq!(manager.provider_ids(), ["a"]);
    assert!(manager.register(ProviderConfig::ready("x/y", Arc::new(b))).is_err());
}

#[tokio::test(start_paused = true)]
async fn providers_are_made_once_and_when_needed() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let config = ProviderConfig::made_by("lazy", move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Scripted::new("lazy", [])))
    });
    let manager = ProviderManager::new(ManagerConfig::new(), context()).unwrap().target("lazy");
    manager.register(config).unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 0);
    futures_util::future::join_all((0..20).map(|_| manager.chat(hi()))).await;
    assert_eq!(made.load(Ordering::SeqCst), 1);
    manager.initialize().await.unwrap();
    manager.shutdown().await.unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_request_needs_is_respected() {
    let blind = Scripted::with_model("blind", model("m", r#"{"contextWindow":100000}"#), []);
    let sees =
        Scripted::with_model("sees", model("m", r#"{"contextWindow":1000,"supportsImages":true}"#), []);
    let manager = route(Strategy::Ordered, &[&blind, &sees]);
    assert_eq!(order(&manager, &hi()), ["blind", "sees"]);
    let image = crate::ContentBlock::image("image/png", "AAAA");
    let request = ChatRequest::new("", [Message::user_blocks([image.clone()])]);
    assert_eq!(order(&manager, &request), Vec::<String>::new(), "1200 tokens do not fit into 1000");
    let error = manager.chat(request).await.unwrap_err();
    assert_eq!(error.message(), "no provider of `all` can serve this request");
    assert_eq!(order(&manager, &ChatRequest::new("x".repeat(8000), [])), ["blind"]);
    let explained = manager.explain_route(&ChatRequest::new("x".repeat(8000), [])).unwrap().to_string();
    assert_eq!(
        explained,
        "`all`, Ordered, about 2000 tokens:\n  1. blind/m: in the order listed\n   - sees/m: the prompt is \
         longer than its context of 1000 tokens\n"
    );
    let request = ChatRequest::new("", [Message::user_blocks([image])]);
    manager.target("blind").chat(request).await.expect("asked for by name, asked");
}

#[tokio::test(start_paused = true)]
async fn prompt_sizes_choose() {
    let (small, large) = (Scripted::new("small", []), Scripted::new("large", []));
    let targets =
        [RouteTarget::new("small").prompt_tokens(..1000), RouteTarget::new("large").prompt_tokens(1000..)];
    let config = ManagerConfig::new()
        .provider(small.config())
        .provider(large.config())
        .route(Route::ordered("size", targets))
        .default_target("size");
    let manager = ProviderManager::new(config, context()).unwrap();
    assert_eq!(order(&manager, &ChatRequest::new("x".repeat(3999), [])), ["small"]);
    assert_eq!(order(&manager, &ChatRequest::new("x".repeat(4000), [])), ["large"]);
    let schema = object! { "description": "y".repeat(4000) };
    let request = hi().with_tools([crate::Tool::function("f", "", schema)]);
    assert_eq!(order(&manager, &request), ["large"], "tools are part of the prompt");
}

#[tokio::test(start_paused = true)]
async fn the_cheapest_and_the_fastest() {
    let dear = Scripted::with_model("dear", model("m", r#"{"inputPrice":3,"outputPrice":15}"#), [])
        .always(vec![Wait(SECOND), Say("x")]);
    let free = Scripted::new("unknown", []).always(vec![Wait(3 * SECOND), Say("x")]);
    let cheap = Scripted::with_model("cheap", model("m", r#"{"inputPrice":0.1,"outputPrice":0.3}"#), [])
        .always(vec![Wait(2 * SECOND), Say("x")]);
    let manager = route(Strategy::LowestCost, &[&dear, &free, &cheap]);
    assert_eq!(order(&manager, &hi()), ["cheap", "dear", "unknown"]);

    let manager = route(Strategy::LeastLatency, &[&free, &cheap, &dear]);
    for _ in 0..3 {
        manager.chat(hi()).await.unwrap();
    }
    assert_eq!(order(&manager, &hi()), ["dear", "cheap", "unknown"], "each was tried once");
}

#[test]
fn weights_are_shares() {
    struct Dice(Mutex<u64>);
    impl crate::clock::Clock for Dice {
        fn now(&self) -> f64 {
            0.0
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        }

        fn random(&self) -> f64 {
            let mut state = self.0.lock().unwrap();
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*state >> 11) as f64 / (1u64 << 53) as f64
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _guard = runtime.enter();
    let (a, b, c) = (Scripted::new("a", []), Scripted::new("b", []), Scripted::new("c", []));
    let targets = [
        RouteTarget::new("a").weight(3.0),
        RouteTarget::new("b").weight(1.0),
        RouteTarget::new("c").weight(0.0),
    ];
    let config = ManagerConfig::new()
        .provider(a.config())
        .provider(b.config())
        .provider(c.config())
        .route(Route::new("w", Strategy::Weighted, targets))
        .default_target("w");
    let context = Context::for_tests(Arc::new(ReplayTransport::new([])), Arc::new(Dice(Mutex::new(1))));
    let manager = ProviderManager::new(config, context).unwrap();
    let first: Vec<String> = (0..4000).map(|_| order(&manager, &hi()).swap_remove(0)).collect();
    let share = first.iter().filter(|name| *name == "a").count();
    assert!((2900..3100).contains(&share), "{share} of 4000");
    assert!(!first.contains(&"c".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn probes_show_in_the_view() {
    let a = Scripted::new("a", []);
    let manager = manager(&[&a]);
    let monitor = HealthMonitor::new(manager.clone(), 60 * SECOND);
    monitor.probe().await;
    assert_eq!(manager.health()[0].state, HealthState::Unknown, "no cheap way to ask");
    manager.chat(hi()).await.unwrap();
    let view = &manager.health()[0];
    assert_eq!((view.state, view.successes, view.model.as_str()), (HealthState::Healthy, 1, "a-1"));
}
