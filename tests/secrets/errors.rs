//! Errors, `Debug`, and what goes to another host.

use std::fmt::{Debug, Write};
use std::sync::Arc;

use samewire::json::object;
use samewire::transport::HyperTransport;
use samewire::{CompletionRequest, Context, ProviderRegistry, ProviderSettings, build_provider_in};

use crate::planted::{Echo, KEY, assert_silent, build, context, hi, settings, told};

#[tokio::test(start_paused = true)]
async fn a_service_that_quotes_the_key_does_not_make_the_error_tell_it() {
    let mut asked = 0;
    for info in ProviderRegistry::all() {
        for status in [200, 400, 401, 500] {
            let echo = Echo::new(status);
            let Some(provider) = build(info, echo.clone()) else { continue };
            let who = format!("{}, status {status}", info.id);
            if let Err(error) = provider.chat(hi()).await {
                assert_silent(&who, &told(&error));
            }
            if let Err(error) = provider.complete(CompletionRequest::new("hi")).await {
                assert_silent(&who, &told(&error));
            }
            asked += echo.requests.lock().unwrap().len();
        }
    }
    assert!(asked > 200, "{asked} requests");
}

#[tokio::test(start_paused = true)]
async fn keys_do_not_follow_a_redirect_to_another_host() {
    let mut followed = 0;
    for info in ProviderRegistry::all() {
        let echo = Echo::new(307);
        let Some(provider) = build(info, echo.clone()) else { continue };
        let _ = provider.chat(hi()).await;
        for request in echo.requests.lock().unwrap().iter() {
            if !request.url.starts_with("https://elsewhere.example") {
                continue;
            }
            followed += 1;
            let values = request
                .headers
                .iter()
                .map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned());
            let sent = format!(
                "{} {:?} {}",
                request.url,
                values.collect::<Vec<_>>(),
                String::from_utf8_lossy(&request.body)
            );
            assert_silent(info.id, &sent);
        }
    }
    assert!(followed > 40, "{followed} requests followed");
}

#[tokio::test]
async fn no_planted_key_is_told_by_anything_that_prints() {
    for info in ProviderRegistry::all() {
        let settings = settings(info);
        let mut told = format!("{settings:?} {settings:#?}");
        if let Some(provider) = build(info, Echo::new(401)) {
            let _ = write!(told, "{:?} {:?}", provider.model(), provider.capabilities());
            match provider.encode(&hi()) {
                Ok(request) => print_all(&mut told, &[&request, &request.headers, &request.options]),
                Err(error) => told += &self::told(&error),
            }
        }
        assert_silent(info.id, &told);
    }
}

fn print_all(told: &mut String, values: &[&dyn Debug]) {
    for value in values {
        let _ = write!(told, "{value:?} {value:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_in_a_header_of_the_users_own_is_not_told_either() {
    let own =
        object! { "x-company-key": format!("{KEY} and more of it"), "authorization": format!("Token {KEY}") };
    for id in ["openai", "groq", "litellm", "deepseek"] {
        for status in [200, 400, 401, 500] {
            let settings = settings(ProviderRegistry::get(id).unwrap()).with("openAiHeaders", own.clone());
            let echo = Echo::new(status);
            let provider = build_provider_in(&settings, &context(echo)).unwrap();
            let error = provider.chat(hi()).await.unwrap_err();
            assert_silent(id, &told(&error));
            let request = provider.encode(&hi()).unwrap();
            assert_silent(id, &format!("{settings:?} {request:?} {:#?}", request.headers));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_in_an_address_is_not_told() {
    let address = format!("http://somebody:{KEY}@127.0.0.1:1/v1");
    let with_query = format!("http://127.0.0.1:1/v1?api_key={KEY}");
    let unreachable = Arc::new(HyperTransport::builder().system_proxy(false).build().unwrap());
    let mut asked = 0;
    for info in ProviderRegistry::all() {
        let Some(base) = info.base_url_setting else { continue };
        for address in [&address, &with_query] {
            let settings = settings(info).with(base, address.as_str());
            for world in [context(unreachable.clone()), context(Echo::new(401)), context(Echo::new(200))] {
                let Ok(provider) = build_provider_in(&settings, &world) else { continue };
                if let Ok(request) = provider.encode(&hi()) {
                    assert_silent(info.id, &format!("{settings:?} {request:?} {request:#?}"));
                }
                if let Err(error) = provider.chat(hi()).await {
                    assert_silent(info.id, &told(&error));
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 100, "{asked}");
}

/// Tokens of a login stand in files and travel in bodies.
#[tokio::test(start_paused = true)]
async fn a_login_that_is_refused_does_not_tell_its_tokens() {
    let home = tempfile::tempdir().unwrap();
    let login = object! {
        "access_token": KEY, "refresh_token": format!("{KEY}-refresh"), "client_id": "x",
        "client_secret": format!("{KEY}-client"), "type": "authorized_user", "expiry_date": 1,
    };
    let login = samewire::json::Value::from(login).to_json();
    let file = home.path().join("login.json");
    std::fs::write(&file, &login).unwrap();
    let file = file.to_str().unwrap();
    let logins = [
        ProviderSettings::new("qwen-code").with("qwenCodeOauthPath", file),
        ProviderSettings::new("gemini")
            .with("geminiOAuthPath", file)
            .with("geminiUseOAuth", true)
            .with("geminiOAuthClientId", "x")
            .with("geminiOAuthClientSecret", KEY),
        ProviderSettings::new("vertex")
            .with("vertexJsonCredentials", login.as_str())
            .with("vertexProjectId", "p"),
        ProviderSettings::new("vertex").with("vertexKeyFile", file).with("vertexProjectId", "p"),
    ];
    for settings in logins {
        for status in [200, 400, 401, 500] {
            let who = format!("{settings:?}, status {status}");
            let echo = Echo::new(status);
            let world = Context { home: Some(home.path().to_owned()), ..context(echo.clone()) };
            let provider = build_provider_in(&settings, &world).unwrap();
            let error = provider.chat(hi()).await.unwrap_err();
            assert!(!echo.requests.lock().unwrap().is_empty(), "{who}: {error}");
            assert_silent(&who, &format!("{who} {}", told(&error)));
        }
    }
}
