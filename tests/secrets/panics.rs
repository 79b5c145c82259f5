//! Panic messages: a program that unwraps our errors tells what is in them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};

use samewire::transport::{HyperTransport, Transport};
use samewire::{CompletionRequest, ProviderRegistry, build_provider_in};

use crate::planted::{Echo, KEY, assert_silent, context, hi, settings_with};

/// Every panic so far: where, and what it told.
fn panics() -> &'static Mutex<Vec<(String, String)>> {
    static PANICS: OnceLock<Mutex<Vec<(String, String)>>> = OnceLock::new();
    PANICS.get_or_init(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(|place| place.file().to_owned()).unwrap_or_default();
            if place.ends_with("panics.rs") || place.contains("src") {
                panics().lock().unwrap().push((place, panic.to_string()));
            } else {
                before(panic);
            }
        }));
        Mutex::default()
    })
}

#[test]
fn a_program_that_unwraps_our_errors_does_not_print_keys_and_we_never_panic_ourselves() {
    let hostile = [
        KEY.to_owned(),
        format!("{KEY}\n"),
        format!("{KEY}\r\nx-admin: 1"),
        format!("\0{KEY}"),
        format!("{KEY} with words behind it"),
        format!("\"{KEY}\\"),
        format!("{KEY}\u{20ac}\u{fffd}"),
        KEY.repeat(5_000),
        format!("{KEY}?#%2f@/../"),
    ];
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let network: Arc<dyn Transport> =
        Arc::new(HyperTransport::builder().system_proxy(false).build().unwrap());
    panics().lock().unwrap().clear();
    for info in ProviderRegistry::all() {
        for key in &hostile {
            let settings = settings_with(info, key);
            let local = info.base_url_setting.map(|base| settings.clone().with(base, "http://127.0.0.1:1"));
            let worlds =
                [(settings.clone(), Echo::new(401) as Arc<dyn Transport>), (settings, Echo::new(200))];
            for (settings, transport) in worlds.into_iter().chain(local.map(|local| (local, network.clone())))
            {
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    let provider = build_provider_in(&settings, &context(transport.clone())).unwrap();
                    runtime.block_on(provider.chat(hi())).unwrap();
                }));
                let _ = catch_unwind(AssertUnwindSafe(|| {
                    let provider = build_provider_in(&settings, &context(transport)).unwrap();
                    provider.encode(&hi()).unwrap();
                    runtime.block_on(provider.complete(CompletionRequest::new("hi"))).unwrap();
                }));
            }
        }
    }
    let told = std::mem::take(&mut *panics().lock().unwrap());
    assert!(told.len() > 1_000, "{} panics", told.len());
    for (place, message) in told {
        assert!(place.ends_with("panics.rs"), "{place} panicked: {message}");
        assert_silent("a panic", &message);
    }
}
