//! Making images, where a provider can.

/// An image to be made.
///
/// # Example: change a picture
///
/// ```
/// use samewire::ImageRequest;
///
/// let request = ImageRequest::new("google/gemini-2.5-flash-image", "make it blue")
///     .with_input("data:image/png;base64,iVBORw0KGgo=");
/// assert!(request.input_image.is_some());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageRequest {
    /// The model that makes it.
    pub model: String,
    /// What it shall show.
    pub prompt: String,
    /// An image to start from, as a data URL.
    pub input_image: Option<String>,
    /// How the model is asked.
    pub method: ImageMethod,
}

/// How a model is asked for an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageMethod {
    /// As a chat whose answer holds an image.
    #[default]
    Chat,
    /// Through the images API.
    ImagesApi,
}

/// An image that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GeneratedImage {
    /// The image as a data URL, or its address.
    pub data: String,
    /// Its format: `png`, `jpeg`, ...
    pub format: String,
}

impl ImageRequest {
    /// An image of that model for that prompt.
    pub fn new(model: impl Into<String>, prompt: impl Into<String>) -> Self {
        Self { model: model.into(), prompt: prompt.into(), ..Self::default() }
    }

    /// The same request, starting from an image.
    #[must_use]
    pub fn with_input(mut self, data_url: impl Into<String>) -> Self {
        self.input_image = Some(data_url.into());
        self
    }

    /// The same request, asked in another way.
    #[must_use]
    pub fn with_method(mut self, method: ImageMethod) -> Self {
        self.method = method;
        self
    }
}

impl GeneratedImage {
    pub(crate) fn new(data: impl Into<String>, format: impl Into<String>) -> Self {
        Self { data: data.into(), format: format.into() }
    }
}
