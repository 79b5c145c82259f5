//! JSON schemas as OpenAI's strict mode takes them.

use crate::Text;
use crate::json::{Object, Value};

/// The schema as services that hold answers to it want it: every object closed and all of its properties
/// required, those that were optional made nullable, and keywords that the services refuse left out.
///
/// <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>
///
/// Tools are closed in the way of the reference, which knows no optional properties; answers keep theirs.
///
/// # Example: an optional property
///
/// ```
/// use samewire::json::{Value, object};
/// use samewire::strict_schema;
///
/// let schema = Value::parse(r#"{"type":"object","properties":{"a":{"type":"string","default":"x"}}}"#)?;
/// assert_eq!(
///     strict_schema(&schema).to_json(),
///     r#"{"type":"object","properties":{"a":{"type":["string","null"]}},"required":["a"],"additionalProperties":false}"#,
/// );
/// # Ok::<(), samewire::json::SyntaxError>(())
/// ```
#[must_use]
pub fn strict_schema(schema: &Value) -> Value {
    let mut schema = schema.clone();
    prepare(&mut schema);
    schema
}

/// Whether a schema has objects whose keys it does not name, which no strict schema can have.
pub(super) fn has_open_objects(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => {
            object.get("additionalProperties").is_some_and(Value::is_object)
                || object.values().any(has_open_objects)
        }
        Value::Array(items) => items.iter().any(has_open_objects),
        _ => false,
    }
}

fn prepare(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    for keyword in REFUSED {
        object.remove(keyword);
    }
    // The service knows `anyOf` only, and answers cannot fit two of the others by accident.
    if let Some(variants) = object.remove("oneOf") {
        object.insert("anyOf", variants);
    }
    merge_only_part(object);
    for keyword in ["$defs", "definitions", "properties"] {
        if let Some(schemas) = object.get_mut(keyword).and_then(Value::as_object_mut) {
            schemas.iter_mut().for_each(|(_, schema)| prepare(schema));
        }
    }
    if let Some(variants) = object.get_mut("anyOf").and_then(Value::as_array_mut) {
        variants.iter_mut().for_each(prepare);
    }
    if let Some(items) = object.get_mut("items") {
        prepare(items);
    }
    if object.contains_key("$ref") {
        // Nothing may stand beside a reference.
        let reference = object.remove("$ref").unwrap_or_default();
        *object = [("$ref", reference)].into_iter().collect();
        return;
    }
    if object.contains_key("properties") || is_object(object) {
        close(object);
    }
}

/// `allOf` of one schema, as generators write it around a reference, is that schema.
fn merge_only_part(object: &mut Object) {
    if let Some(Value::Array(mut parts)) = object.remove("allOf")
        && parts.len() == 1
        && let Some(Value::Object(part)) = parts.pop()
    {
        object.extend(part);
    }
}

fn is_object(schema: &Object) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind.as_str() == Some("object")),
        _ => false,
    }
}

fn close(object: &mut Object) {
    let required: Vec<Value> = match object.remove("required") {
        Some(Value::Array(required)) => required,
        _ => Vec::new(),
    };
    object.remove("additionalProperties");
    if !object.contains_key("properties") {
        object.insert("properties", Object::new());
    }
    let mut names: Vec<Value> = Vec::new();
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties.iter_mut() {
            let name = Value::from(name.clone());
            if !required.contains(&name) {
                make_nullable(property);
            }
            names.push(name);
        }
    }
    object.insert("required", names);
    object.insert("additionalProperties", false);
}

fn make_nullable(schema: &mut Value) {
    let null = || Value::from(Text::from_static("null"));
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(values)) = object.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    if let Some(kind) = object.get_mut("type") {
        match kind {
            Value::Array(kinds) if !kinds.contains(&null()) => kinds.push(null()),
            Value::String(name) if name != "null" => *kind = vec![std::mem::take(kind), null()].into(),
            _ => {}
        }
        return;
    }
    let null = Value::from([("type", null())].into_iter().collect::<Object>());
    if let Some(variants) = object.get_mut("anyOf").and_then(Value::as_array_mut) {
        if !variants.contains(&null) {
            variants.push(null);
        }
    } else if object.contains_key("$ref") {
        let variants = vec![std::mem::take(schema), null];
        *schema = [("anyOf", Value::from(variants))].into_iter().collect::<Object>().into();
    }
    // Without any of these, `null` fits already.
}

/// Keywords that the services refuse, or that say nothing about an answer.
const REFUSED: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "title",
    "default",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "prefixItems",
    "contentEncoding",
    "contentMediaType",
    "minLength",
    "maxLength",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strict(schema: &str) -> String {
        strict_schema(&Value::parse(schema).unwrap()).to_json()
    }

    #[test]
    fn schemas_are_closed_all_the_way_down() {
        assert_eq!(
            strict(
                r##"{"$schema":"x","title":"T","type":"object","required":["list"],"properties":{
                    "list":{"type":"array","uniqueItems":true,"items":{"$ref":"#/$defs/One","description":"d"}},
                    "kind":{"enum":["a","b"],"type":"string"},
                    "one":{"allOf":[{"$ref":"#/$defs/One"}],"default":null},
                    "free":{"type":"object"}},
                "$defs":{"One":{"oneOf":[{"type":"object","properties":{}},{"type":"null"}]}}}"##
            ),
            r##"{"type":"object","properties":{"list":{"type":"array","items":{"$ref":"#/$defs/One"}},"kind":{"enum":["a","b",null],"type":["string","null"]},"one":{"anyOf":[{"$ref":"#/$defs/One"},{"type":"null"}]},"free":{"type":["object","null"],"properties":{},"required":[],"additionalProperties":false}},"$defs":{"One":{"anyOf":[{"type":"object","properties":{},"required":[],"additionalProperties":false},{"type":"null"}]}},"required":["list","kind","one","free"],"additionalProperties":false}"##
        );
    }

    /// Whether every object schema in it is closed.
    fn is_closed(schema: &Value) -> bool {
        let Some(object) = schema.as_object() else { return true };
        let own = !is_object(object)
            || (object.get("additionalProperties") == Some(&Value::Bool(false))
                && object.get("required").and_then(Value::as_array).map(Vec::len)
                    == object.get("properties").and_then(Value::as_object).map(Object::len));
        let inner = object.get("properties").and_then(Value::as_object);
        let inner = inner.into_iter().flat_map(Object::values).chain(object.get("items"));
        let variants = object.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        own && inner.chain(variants).all(is_closed)
    }

    fn any_schema() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            r#"{"type":"string"}"#,
            r#"{"type":["integer","null"]}"#,
            "{}",
            "true",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|items| format!(r#"{{"type":"array","items":{items}}}"#)),
                prop::collection::vec(inner.clone(), 1..3)
                    .prop_map(|v| format!(r#"{{"oneOf":[{}]}}"#, v.join(","))),
                (prop::collection::vec(inner, 0..3), any::<bool>()).prop_map(|(properties, required)| {
                    let named: Vec<String> =
                        properties.iter().enumerate().map(|(n, p)| format!(r#""p{n}":{p}"#)).collect();
                    let required =
                        if required && !properties.is_empty() { r#","required":["p0"]"# } else { "" };
                    format!(r#"{{"type":"object","properties":{{{}}}{required}}}"#, named.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn preparing_closes_everything_and_twice_is_once(schema in any_schema()) {
            let once = strict_schema(&Value::parse(&schema).unwrap());
            prop_assert!(is_closed(&once), "{}", once.to_json());
            prop_assert_eq!(strict_schema(&once).to_json(), once.to_json());
        }
    }
}
