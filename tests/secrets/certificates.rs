//! TLS.

/// There is no way to switch the verification of certificates off: no setting, no builder, no call. The one verifier
/// that is set is the system's; `tests/transport/certificates.rs` shows whom it believes.
#[test]
fn certificates_are_always_verified() {
    fn search(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let source = source.replacen(SYSTEMS_VERIFIER, "", 1);
                let calls =
                    ["danger_accept", "dangerous()", "tls_danger", "with_custom_certificate_verifier"];
                found.extend(
                    calls
                        .iter()
                        .filter(|call| source.contains(**call))
                        .map(|call| format!("{path:?}: {call}")),
                );
            }
        }
    }
    let mut found = Vec::new();
    search(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    search(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cli/src"), &mut found);
    assert_eq!(found, Vec::<String>::new());
}

/// Trusting other certificates beside the system's has no other form.
const SYSTEMS_VERIFIER: &str = "    let verifier = Arc::new(platform::verifier(extra, provider.clone())?);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
";
