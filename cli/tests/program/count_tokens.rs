//! `samewire count-tokens`.

use crate::project::Project;

#[test]
fn count_tokens_counts_texts_files_and_pictures() {
    let project = Project::new();
    let file = project.write("text.txt", "hello world");
    let count = |arguments: &[&str], input: &str| {
        let ran = project.run_with_input(&[&["count-tokens"], arguments].concat(), input);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        ran.out.trim().to_owned()
    };
    assert_eq!(count(&["hello world"], ""), "3");
    assert_eq!(count(&[], "hello world"), "3");
    assert_eq!(count(&["--file", &file], ""), "3");
    assert_eq!(count(&["--json", "hello world"], ""), r#"{"tokens":3}"#);
    let ran = project.run(&["count-tokens", "--file", "none.txt"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.contains("none.txt"), "{ran:?}");
}
