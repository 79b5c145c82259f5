//! Images by Roo Code Cloud: as a chat with images in its answer, or through the images API.

use bytes::Bytes;
use futures_core::future::BoxFuture;
use url::Url;

use super::roo::base_url;
use crate::context::Context;
use crate::driver::{Failure, WholeResponse, fetch};
use crate::error::{Error, ErrorKind};
use crate::image::{GeneratedImage, ImageMethod, ImageRequest};
use crate::json::{Object, Value, object};
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::messages::text_message;
use crate::settings::ProviderSettings;
use crate::transport::{ClientKind, HttpRequest, RequestOptions, javascript};

pub(super) fn generate<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
    request: &'a ImageRequest,
) -> BoxFuture<'a, Result<GeneratedImage, Error>> {
    Box::pin(async move {
        let key = settings.non_empty("rooApiKey").ok_or_else(|| {
            Error::configuration(
                "Roo Code Cloud authentication is required for image generation. Please sign in to Roo Code Cloud.",
            )
        })?;
        let (path, body) = match request.method {
            ImageMethod::Chat => ("/chat/completions", chat_body(request)),
            ImageMethod::ImagesApi => ("/images/generations", images_body(request)),
        };
        let answer = fetch(context, post(key, path, body, context)?).await.map_err(explain)?;
        let answer = Value::parse(&answer.text())?;
        if let Some(error) = answer.get("error").filter(|error| error.is_truthy()) {
            let message = error.get("message").and_then(Value::as_str).unwrap_or("undefined");
            return Err(failed(ErrorKind::InStream, message));
        }
        match request.method {
            ImageMethod::Chat => of_chat(&answer),
            ImageMethod::ImagesApi => of_images(&answer),
        }
    })
}

fn post(key: &str, path: &str, body: Object, context: &Context) -> Result<HttpRequest, Error> {
    let url = Url::parse(&(base_url(context) + path))
        .map_err(|_| Error::configuration("Invalid URL").with_code("ERR_INVALID_URL"))?;
    let body = Bytes::from(Value::from(body).to_json());
    let mut headers = HeaderBlock::default();
    headers.set_secret("Authorization", &format!("Bearer {key}"));
    headers.set("Content-Type", "application/json");
    // Not the address that the other requests name.
    headers.set("HTTP-Referer", "https://github.com/RooVetGit/Roo-Code");
    headers.set("X-Title", &context.identity.title);
    Ok(HttpRequest {
        method: "POST",
        headers: javascript::fetch_headers(&url, &headers.build()?, Some(&body)),
        url: url.into(),
        body,
        options: RequestOptions { client: ClientKind::Fetch, ..RequestOptions::default() },
    })
}

fn chat_body(request: &ImageRequest) -> Object {
    let content = match &request.input_image {
        None => Value::from(request.prompt.as_str()),
        Some(image) => vec![
            Value::from(object! { "type": "text", "text": request.prompt.as_str() }),
            object! { "type": "image_url", "image_url": object! { "url": image.as_str() } }.into(),
        ]
        .into(),
    };
    object! {
        "model": request.model.as_str(),
        "messages": vec![text_message("user", content)],
        "modalities": vec![Value::from("image"), "text".into()],
    }
}

fn images_body(request: &ImageRequest) -> Object {
    let mut body = object! { "model": request.model.as_str(), "prompt": request.prompt.as_str(), "n": 1 };
    if request.model.starts_with("bfl/") {
        let mut options = object! { "outputFormat": "png" };
        options.insert_some("inputImage", request.input_image.as_deref());
        body.insert("providerOptions", object! { "blackForestLabs": options });
    } else {
        body.insert("output_format", "png");
    }
    body
}

fn of_chat(answer: &Value) -> Result<GeneratedImage, Error> {
    let message = answer.get("choices").and_then(|choices| choices.at(0)?.get("message"));
    let image = message.and_then(|message| message.get("images")?.at(0)).ok_or_else(nothing)?;
    let url = image.get("image_url").and_then(|url| url.get("url")?.as_str()).unwrap_or_default();
    if url.is_empty() {
        return Err(Error::invalid_response("Invalid image data in response"));
    }
    let format = url.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    match format {
        Some((format @ ("png" | "jpeg" | "jpg"), data)) if !data.is_empty() => {
            Ok(GeneratedImage::new(url, format))
        }
        _ => Err(Error::invalid_response("Invalid image format received")),
    }
}

fn of_images(answer: &Value) -> Result<GeneratedImage, Error> {
    let image = answer.get("data").and_then(|data| data.at(0)).ok_or_else(nothing)?;
    let text = |key: &str| image.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("b64_json"), text("url")) {
        (Some(base64), _) => Ok(GeneratedImage::new(format!("data:image/png;base64,{base64}"), "png")),
        (None, Some(url)) => Ok(GeneratedImage::new(url, "png")),
        (None, None) => Err(Error::invalid_response("Invalid image data in response")),
    }
}

fn nothing() -> Error {
    Error::invalid_response("No image was generated in the response")
}

fn explain(failure: Failure) -> Error {
    match failure {
        Failure::Status(response) => of_status(&response),
        Failure::StatusWithoutBody { status, .. } => failed(ErrorKind::of_status(status), "terminated"),
        Failure::Body { .. } => Error::new(ErrorKind::Interrupted, "terminated"),
        Failure::Transport(_) => Error::new(ErrorKind::Connection, "fetch failed"),
    }
}

/// The service's message, else the status line.
fn of_status(response: &WholeResponse) -> Error {
    let body = Value::parse(&response.text()).unwrap_or_default();
    let message =
        body.get("error").and_then(|error| error.get("message")?.as_str()).filter(|m| !m.is_empty());
    let line = format!("{} {}", response.status, response.reason);
    failed(ErrorKind::of_status(response.status), message.unwrap_or(&line))
}

fn failed(kind: ErrorKind, message: &str) -> Error {
    Error::new(kind, format!("Failed to generate image: {message}"))
}
