//! Tool schemas in the form that the service takes: JSON Schema 2020-12 without what it refuses.
//!
//! <https://json-schema.org/draft/2020-12>

use crate::json::{Object, Value, object};

/// The schema as it is sent. One that is no valid schema passes with its top level flattened only.
pub(super) fn normalise(schema: &Value) -> Value {
    let Value::Object(schema) = schema else { return schema.clone() };
    let flat = flatten(schema);
    if is_valid(&flat) { Value::from(normalise_object(&flat)) } else { flat.into() }
}

/// The top level may not be a choice: the first variant that is an object takes its place.
fn flatten(schema: &Object) -> Object {
    let composed = COMPOSITIONS.iter().find_map(|key| {
        let variants = schema.get(key)?.as_array()?;
        (!variants.is_empty()).then_some(variants)
    });
    let Some(variants) = composed else { return schema.clone() };
    let rest = schema.iter().filter(|(key, _)| !COMPOSITIONS.contains(&key.as_str()));
    let rest = rest.map(|(key, value)| (key.clone(), value.clone()));
    let is_object = |variant: &&Object| {
        variant.get("type").and_then(Value::as_str) == Some("object")
            || variant.get("properties").is_some_and(Value::is_truthy)
    };
    let variant = variants.iter().filter_map(Value::as_object).find(is_object);
    let (mut flat, behind): (Object, Object) = match variant {
        Some(variant) => (rest.collect(), variant.clone()),
        None => (object! { "type": "object", "additionalProperties": false }, rest.collect()),
    };
    flat.extend(behind);
    flat
}

fn normalise_value(value: &Value) -> Value {
    match value {
        Value::Object(schema) => normalise_object(schema).into(),
        Value::Array(items) => items.iter().map(normalise_value).collect(),
        other => other.clone(),
    }
}

fn normalise_object(schema: &Object) -> Object {
    let mut out = Object::with_capacity(schema.len() + 1);
    for key in LEADING {
        let nested = COMPOSITIONS.contains(key);
        out.insert_some(
            *key,
            schema.get(key).map(|value| if nested { normalise_value(value) } else { value.clone() }),
        );
    }
    for (key, value) in schema.iter().filter(|(key, _)| !LEADING.contains(&key.as_str()) && !is_handled(key))
    {
        out.insert(key.clone(), value.clone());
    }
    let types = Types::of(schema.get("type"));
    let mut array_keys = Object::new();
    for key in ARRAY_KEYS {
        array_keys.insert_some(
            *key,
            schema.get(key).map(|value| if *key == "items" { normalise_value(value) } else { value.clone() }),
        );
    }
    match &types {
        Types::None => {}
        Types::One(name) => {
            out.insert("type", *name);
            if *name == "array" {
                out.extend(array_keys);
            }
        }
        Types::List(names) => {
            let variant = |name: &&str| {
                let mut variant = object! { "type": *name };
                if *name == "array" {
                    variant.extend(array_keys.clone());
                }
                Value::from(variant)
            };
            out.insert("anyOf", names.iter().map(variant).collect::<Value>());
        }
    }
    let format =
        schema.get("format").filter(|format| format.as_str().is_some_and(|name| FORMATS.contains(&name)));
    out.insert_some("format", format.cloned());
    object_keys(schema, types.has("object"), &mut out);
    out
}

/// `properties`, `required` and `additionalProperties`.
fn object_keys(schema: &Object, is_object: bool, out: &mut Object) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties: Option<Object> = match properties {
        Some(own) => Some(own.iter().map(|(name, value)| (name.clone(), normalise_value(value))).collect()),
        None => is_object.then(Object::new),
    };
    let Some(properties) = properties else {
        out.insert_some("additionalProperties", schema.get("additionalProperties").map(normalise_value));
        return;
    };
    let required: Vec<Value> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|name| name.as_str().is_some_and(|name| properties.contains_key(name)))
        .cloned()
        .collect();
    out.insert("properties", properties);
    if !required.is_empty() {
        out.insert("required", required);
    }
    out.insert("additionalProperties", false);
}

enum Types<'a> {
    None,
    One(&'a str),
    List(Vec<&'a str>),
}

impl<'a> Types<'a> {
    fn of(value: Option<&'a Value>) -> Self {
        match value {
            Some(Value::String(name)) => Self::One(name),
            Some(Value::Array(names)) => Self::List(names.iter().filter_map(Value::as_str).collect()),
            _ => Self::None,
        }
    }

    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::None => false,
            Self::One(name) => *name == wanted,
            Self::List(names) => names.contains(&wanted),
        }
    }
}

/// Whether each keyword has a value of its kind, all the way down.
fn is_valid(schema: &Object) -> bool {
    let valid = |value: &Value| value.as_object().is_some_and(is_valid);
    let all = |value: &Value, valid: &dyn Fn(&Value) -> bool| {
        value.as_array().is_some_and(|items| items.iter().all(valid))
    };
    let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    let is_scalar = |value: &Value| !value.is_array() && !value.is_object();
    schema.iter().all(|(key, value)| match key.as_str() {
        "type" => is_type(value) || all(value, &is_type),
        "properties" => value.as_object().is_some_and(|properties| properties.values().all(valid)),
        "items" => valid(value) || all(value, &valid),
        "required" => all(value, &Value::is_string),
        "additionalProperties" => value.as_bool().is_some() || valid(value),
        "description" | "pattern" | "format" | "$ref" => value.is_string(),
        "enum" => all(value, &is_scalar),
        "const" => is_scalar(value),
        "anyOf" | "oneOf" | "allOf" => all(value, &valid),
        "minimum" | "maximum" | "minLength" | "maxLength" | "minItems" | "maxItems" => {
            value.as_f64().is_some()
        }
        "uniqueItems" => value.as_bool().is_some(),
        _ => true,
    })
}

fn is_handled(key: &str) -> bool {
    ARRAY_KEYS.contains(&key)
        || ["type", "format", "properties", "required", "additionalProperties"].contains(&key)
}

const COMPOSITIONS: &[&str] = &["anyOf", "oneOf", "allOf"];

/// Keywords that stand first, in this order.
const LEADING: &[&str] = &[
    "description",
    "default",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
];

/// Keywords that mean something for arrays only.
const ARRAY_KEYS: &[&str] = &["items", "minItems", "maxItems", "uniqueItems"];

const TYPES: &[&str] = &["string", "number", "integer", "boolean", "null", "object", "array"];

const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];
