//! Schemas as a server takes them.
//!
//! Velero's generator knows of each field whether null is allowed; a Rust `Option` does not say. So
//! `Option` means only that the field may be absent, and `nullable` stands at the fields that have it
//! at Velero's. Reading takes null everywhere.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// The schema of a type, with everything in place: a server takes no references.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    Structural.transform(&mut schema);
    schema.to_value()
}

/// Takes away what a server does not take, or what says nothing.
struct Structural;

impl Transform for Structural {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("title");
            unwrap_option(schema);
            remove_null(schema);
            remove_defaults_of_required(schema);
            if schema.get("default") == Some(&Value::Null) {
                schema.remove("default");
            }
        }
        transform_subschemas(self, schema);
    }
}

/// Makes `T` of `anyOf: [T, null]`.
fn unwrap_option(schema: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = schema.get("anyOf") else {
        return;
    };
    if let [Value::Object(inner), null] = choices.as_slice()
        && null.get("type") == Some(&"null".into())
    {
        let inner = inner.clone();
        schema.remove("anyOf");
        for (key, value) in inner {
            // What is said of the field counts more than what is said of its type.
            schema.entry(key).or_insert(value);
        }
    }
}

/// Makes `type: T` of `type: [T, null]`, and takes null out of an enum.
fn remove_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// What is required has no default; that reading fills it in is not for the server to know.
fn remove_defaults_of_required(schema: &mut Map<String, Value>) {
    let Some(Value::Array(required)) = schema.get("required").cloned() else {
        return;
    };
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    for name in required.iter().filter_map(Value::as_str) {
        if let Some(Value::Object(property)) = properties.get_mut(name) {
            property.remove("default");
        }
    }
}
