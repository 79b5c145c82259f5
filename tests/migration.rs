//! `docs/migration.md` names no path that the compiler has not seen: its last section is a doc test, and every
//! path of its tables stands in there.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../docs/migration.md");

#[test]
fn every_path_of_the_tables_is_compiled() {
    let (tables, code) = PAGE.split_once("```rust").expect("the page has a section of code");
    let words: BTreeSet<&str> = words(code).collect();
    let mut seen = 0;
    for row in tables.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")) {
        let here = row.trim_matches('|').rsplit(" | ").next().unwrap();
        for path in here.split('`').skip(1).step_by(2).filter(|span| is_path(span)) {
            for name in self::words(path) {
                assert!(words.contains(name), "`{path}` in the row\n{row}\nis not in the page's code");
            }
            seen += 1;
        }
    }
    assert!(seen > 80, "{seen} paths were found");
}

#[test]
fn every_command_and_script_exists() {
    for command in ["list-providers", "doctor", "count-tokens", "chat --replay"] {
        assert!(PAGE.contains(&format!("`samewire {command}`")), "{command}");
    }
    assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/new-provider").exists());
}

/// Whether a code span is a path of the crate: not a key, a command, a feature or a file.
fn is_path(span: &str) -> bool {
    let has_type = span.chars().next().is_some_and(char::is_uppercase);
    let has_module = span.contains("::") && !span.contains(' ');
    has_type || has_module || ["build_provider", "build_provider_in", "provider_ids"].contains(&span)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| character == '_' || character.is_ascii_alphanumeric();
    text.split(move |character| !is_part(character)).filter(|word| !word.is_empty())
}
