//! A project folder for a run of the program.

use std::fs;
use std::path::Path;

use samewire::json::Value;
use tempfile::TempDir;

use crate::setting::{Ran, Service, run_in};

/// A folder with a configuration for a service.
pub(crate) struct Project {
    folder: TempDir,
    pub(crate) service: Service,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self::with(
            r#"
default = "smart"

[providers.mine]
provider = "openai"
base_url = "${SERVICE}/v1"
model = "small"
api_key_env = "MY_KEY"

[providers.refused]
provider = "openai"
base_url = "${SERVICE}/v1"
model = "small"
api_key = "sk-bad"

[aliases]
fast = "mine/large"

[routes]
smart = ["refused", "mine"]
"#,
        )
    }

    pub(crate) fn with(config: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), service: Service::start() };
        project.write("samewire.toml", config);
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let url = self.service.url();
        run_in(self.path(), arguments, &[("MY_KEY", "sk-good-secret"), ("SERVICE", &url)], input)
    }
}

pub(crate) fn nowhere() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn json(text: &str) -> Value {
    Value::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub(crate) fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item.get(key).unwrap().as_str().unwrap()).collect()
}
