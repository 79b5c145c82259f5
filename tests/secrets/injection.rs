//! Header lines and URLs: what a key, a model or a setting cannot lead elsewhere.

use std::collections::BTreeSet;

use samewire::transport::{
    HeaderValue, Headers, HttpRequest, HyperTransport, RequestOptions, Transport, TransportErrorKind,
};
use samewire::{CompletionRequest, ProviderInfo, ProviderRegistry, build_provider_in};

use crate::planted::{Echo, context, hi, settings, settings_with};

#[tokio::test]
async fn a_line_break_cannot_smuggle_a_header_in() {
    let transport = HyperTransport::new();
    let request = |name: &'static str, value: &'static str, url: &str| HttpRequest {
        method: "POST",
        url: url.into(),
        headers: Headers::from_iter([(name, HeaderValue::secret(value))]),
        body: "{}".into(),
        options: RequestOptions::default(),
    };
    for (name, value) in [
        ("x-a", "1\r\nx-admin: 1"),
        ("x-a", "1\nx-admin: 1"),
        ("x-a\r\nx-admin", "1"),
        ("x-a", "1\0"),
        ("x a", "1"),
    ] {
        let error = transport.send(request(name, value, "http://127.0.0.1:1/")).await.unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Request, "{name:?}: {value:?}");
    }
}

/// Whatever a model is called, requests go where those of an ordinary model go, byte for byte; or none is sent.
#[tokio::test(start_paused = true)]
async fn a_model_id_changes_no_address() {
    let mut asked = 0;
    for info in ProviderRegistry::all() {
        let plain = addresses(info, "some-model").await;
        for model in HOSTILE {
            for odd in addresses(info, model).await {
                assert!(plain.contains(&odd), "{}, {model:?}: {odd}, not one of {plain:?}", info.id);
                asked += 1;
            }
        }
    }
    assert!(asked > 1_000, "{asked}");
}

async fn addresses(info: &ProviderInfo, model: &str) -> BTreeSet<String> {
    let echo = Echo::new(500);
    let settings = settings(info).with(info.model_setting, model);
    let Ok(provider) = build_provider_in(&settings, &context(echo.clone())) else { return BTreeSet::new() };
    let _ = provider.chat(hi()).await;
    let _ = provider.complete(CompletionRequest::new("hi")).await;
    echo.requests.lock().unwrap().iter().map(|request| request.url.clone()).collect()
}

/// Bedrock takes the id of a model of one's own as an ARN, and puts it into the path.
#[test]
fn a_bedrock_arn_stays_on_its_host_and_in_its_place() {
    let info = ProviderRegistry::get("bedrock").unwrap();
    let mut encoded = 0;
    for model in HOSTILE {
        let arn = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{model}");
        let settings = settings(info).with("awsCustomArn", arn.as_str());
        let Ok(provider) = build_provider_in(&settings, &context(Echo::new(500))) else { continue };
        let Ok(request) = provider.encode(&hi()) else { continue };
        encoded += 1;
        let url = url::Url::parse(&request.url).unwrap();
        let segments: Vec<&str> = url.path_segments().unwrap().collect();
        assert_eq!(url.host_str(), Some("bedrock-runtime.us-east-1.amazonaws.com"), "{url}");
        assert_eq!(
            (url.username(), url.password(), url.query(), url.fragment()),
            ("", None, None, None),
            "{url}"
        );
        assert!(
            matches!(segments[..], ["model", _, "converse-stream"]),
            "{model:?} is no longer one part of the path: {url}"
        );
    }
    assert!(encoded > 0, "most are refused, but not all");
}

/// A region becomes part of a host's name.
#[test]
fn a_region_cannot_name_another_host() {
    let info = ProviderRegistry::get("bedrock").unwrap();
    for region in
        ["evil.example/#", "evil.example?", "x@evil.example", "us-east-1.evil.example", "a b", "x\r\ny"]
    {
        let settings = settings(info).with("awsRegion", region);
        let Ok(provider) = build_provider_in(&settings, &context(Echo::new(500))) else { continue };
        let Ok(request) = provider.encode(&hi()) else { continue };
        let url = url::Url::parse(&request.url).unwrap();
        assert!(url.host_str().unwrap().ends_with(".amazonaws.com"), "{region:?}: {url}");
    }
}

#[tokio::test]
async fn a_request_whose_key_or_own_header_has_a_line_break_is_never_sent() {
    let evil = "sk-pl4nted\r\nx-admin: 1";
    let own = samewire::json::object! { "x-own": evil };
    let mut odd: Vec<_> = ProviderRegistry::all().map(|info| (info, settings_with(info, evil))).collect();
    let openai = ProviderRegistry::get("openai").unwrap();
    odd.push((openai, settings(openai).with("openAiHeaders", own)));
    let network = HyperTransport::builder().system_proxy(false).build().unwrap();
    let mut refused = 0;
    for (info, settings) in odd {
        let Ok(provider) = build_provider_in(&settings, &context(Echo::new(500))) else { continue };
        let Ok(mut request) = provider.encode(&hi()) else {
            refused += 1;
            continue;
        };
        request.url = "http://127.0.0.1:1/".to_owned();
        if request.headers.iter().any(|(_, value)| value.as_bytes().contains(&b'\n')) {
            let error = network.send(request).await.unwrap_err();
            assert_eq!(error.kind, TransportErrorKind::Request, "{}: {error}", info.id);
            refused += 1;
        }
    }
    assert!(refused > 80, "{refused}");
}

const HOSTILE: [&str; 19] = [
    "../x",
    "../../../../x",
    "/../../x",
    "..",
    ".",
    "x/../../y",
    "..\\..\\evil",
    "x?key=1",
    "x?key=1#",
    "x#y",
    "x%2f..%2fy",
    "%2e%2e%2fy",
    "x\r\nHost: evil.example",
    "@evil.example",
    "//evil.example/",
    "https://evil.example/",
    "x:y@evil.example",
    "x\0y",
    "x y",
];
