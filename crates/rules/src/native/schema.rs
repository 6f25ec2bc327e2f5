//! The JSON schema of a rule, for editors: made of [`keys`], so that it cannot say anything else than the reader does.

use serde_json::{Map, Value, json};

use super::event;
use super::keys::{self, Key, Keys, Kind};

/// `docs/reference/rule.schema.json`
pub fn schema() -> Value {
    let mut schema = mapping(&keys::RULE);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("A detection rule of Auditward");
    schema["oneOf"] = json!([{"required": ["when"]}, {"required": ["sequence"]}]);
    schema["properties"]["id"]["pattern"] = json!("^[a-z0-9]+(-[a-z0-9]+)*$");
    schema
}

fn mapping(keys: &Keys) -> Value {
    let properties: Map<String, Value> =
        keys.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = keys.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = kind(key.kind);
    schema["description"] = json!(key.help);
    schema
}

fn kind(kind: Kind) -> Value {
    let text = || json!({"type": "string", "minLength": 1});
    let texts = || json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]});
    let by_name = |of: Value| json!({"type": "object", "additionalProperties": of});
    let value = || {
        json!({"anyOf": [{"type": ["string", "boolean"]}, {"type": "integer", "minimum": 0},
            {"type": "array", "items": {"type": "string"}}]})
    };
    let param = r"^\$[A-Za-z][A-Za-z0-9]*$";
    match kind {
        Kind::Text | Kind::Expression => text(),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Number => {
            json!({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": param}]})
        }
        Kind::Duration => {
            json!({"type": "string", "pattern": r"^(\$[A-Za-z][A-Za-z0-9]*|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?)$", "minLength": 2})
        }
        Kind::Word(words) => json!({"enum": words}),
        Kind::Texts => texts(),
        Kind::Words(words) => {
            json!({"anyOf": [{"enum": words}, {"type": "array", "items": {"enum": words}}]})
        }
        Kind::TextByName => by_name(text()),
        Kind::TextsByName => by_name(texts()),
        Kind::Map(keys) => mapping(keys),
        Kind::Maps(keys) => json!({"type": "array", "items": mapping(keys)}),
        Kind::MapByName(keys) => by_name(mapping(keys)),
        Kind::Value => value(),
        Kind::ValueByName | Kind::ChangeByName | Kind::ChangesByRule => by_name(value()),
        Kind::SeverityByRule => by_name(json!({"enum": keys::SEVERITIES})),
        Kind::Event => test_event(),
        Kind::Events => json!({"type": "array", "minItems": 1, "items": test_event()}),
    }
}

fn test_event() -> Value {
    let properties: Map<String, Value> = event::KEYS
        .iter()
        .map(|(name, help)| {
            let mut schema = json!({"description": help});
            if *name == "from" {
                schema["enum"] = json!(event::bases().collect::<Vec<_>>());
            }
            ((*name).to_owned(), schema)
        })
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false, "required": ["from"]})
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn the_schema_is_up_to_date() {
        let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        expect_file!["../../../../docs/reference/rule.schema.json"].assert_eq(&text);
    }

    #[test]
    fn the_tables_of_the_guide_are_up_to_date() {
        let guide = include_str!("../../../../docs/rules/native.md");
        let guide = between(guide, "<!-- keys -->\n", &keys_table());
        let guide = between(&guide, "<!-- event keys -->\n", &event_table());
        expect_file!["../../../../docs/rules/native.md"].assert_eq(&guide);
    }

    /// The page with `text` between this mark and the next `<!-- end -->`.
    fn between(page: &str, mark: &str, text: &str) -> String {
        let (before, rest) = page.split_once(mark).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        format!("{before}{mark}{text}<!-- end -->{after}")
    }

    fn keys_table() -> String {
        let mut table = "| key | | meaning |\n| --- | --- | --- |\n".to_owned();
        rows(&keys::RULE, "", &mut table);
        table
    }

    fn rows(keys: &Keys, above: &str, table: &mut String) {
        for key in keys.keys {
            let required = if key.required { "required" } else { "" };
            *table += &format!("| `{above}{}` | {required} | {} |\n", key.name, key.help);
            match key.kind {
                Kind::Map(keys) => rows(keys, &format!("{above}{}.", key.name), table),
                Kind::Maps(keys) => rows(keys, &format!("{above}{}[].", key.name), table),
                Kind::MapByName(keys) => rows(keys, &format!("{above}{}.NAME.", key.name), table),
                _ => {}
            }
        }
    }

    fn event_table() -> String {
        let mut table = "| key | meaning |\n| --- | --- |\n".to_owned();
        for (name, help) in event::KEYS {
            table += &format!("| `{name}` | {help} |\n");
        }
        table
    }
}
