//! What AWS services call an error: in a header, or else in the body.

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::json::Value;
use crate::transport::{HttpResponse, TransportError};

/// The name of the error that a refusal holds; empty if it has none. A body that was read for it is put
/// back as it came.
pub(super) async fn error_name(response: &mut HttpResponse) -> String {
    if response.status < 400 {
        return String::new();
    }
    match response.headers.joined("x-amzn-errortype") {
        Some(name) => shorten(&name),
        None => name_in_body(response).await.map(|name| shorten(&name)).unwrap_or_default(),
    }
}

async fn name_in_body(response: &mut HttpResponse) -> Option<String> {
    let body = std::mem::replace(&mut response.body, Box::pin(stream::empty()));
    let chunks: Vec<Result<Bytes, TransportError>> = body.collect().await;
    let text: Vec<u8> = chunks.iter().flatten().flatten().copied().collect();
    response.body = Box::pin(stream::iter(chunks));
    let text = String::from_utf8_lossy(&text);
    if let Some((_, code)) = text.split_once("<Code>") {
        return code.split('<').next().map(str::to_owned);
    }
    let body = Value::parse(&text).ok()?;
    let code = body.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("code"));
    let name = code.map(|(_, code)| code).or_else(|| body.get("__type"))?;
    name.as_str().map(str::to_owned)
}

/// `namespace#Name:documentation` is `Name`.
fn shorten(name: &str) -> String {
    let name = name.split([',', ':']).next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().to_owned()
}
