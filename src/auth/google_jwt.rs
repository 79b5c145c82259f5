//! Signed claims: RS256 (RFC 7515, RFC 7518 section 3.3).

use crate::Error;

/// `{"alg":"RS256"}` and the claims, signed with an RSA key in PEM form.
#[cfg(feature = "http")]
pub(super) fn sign(claims: &str, private_key: &str) -> Result<String, Error> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let mut token = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let key = key_pair(private_key)?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &ring::signature::RSA_PKCS1_SHA256,
        &ring::rand::SystemRandom::new(),
        token.as_bytes(),
        &mut signature,
    )
    .map_err(|_| Error::configuration("the service account's private key cannot sign"))?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// Without the feature `http` there is no cryptography.
#[cfg(not(feature = "http"))]
pub(super) fn sign(_: &str, _: &str) -> Result<String, Error> {
    Err(Error::new(crate::ErrorKind::Unsupported, "samewire was built without the feature `http`"))
}

/// Reads PKCS#8 (`PRIVATE KEY`) and PKCS#1 (`RSA PRIVATE KEY`) in PEM form (RFC 7468).
#[cfg(feature = "http")]
fn key_pair(pem: &str) -> Result<ring::signature::RsaKeyPair, Error> {
    use base64::Engine as _;
    use ring::signature::RsaKeyPair;

    let unreadable = || {
        Error::configuration(
            "the service account's private key cannot be read: it must be an RSA key in PEM form, with real line breaks",
        )
    };
    let begin =
        pem.lines().map(str::trim).find(|line| line.starts_with("-----BEGIN ")).ok_or_else(unreadable)?;
    let label = begin.trim_start_matches("-----BEGIN ").trim_end_matches("-----");
    let base64: String = pem
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != begin)
        .skip(1)
        .take_while(|line| !line.starts_with("-----END "))
        .collect();
    let der = base64::engine::general_purpose::STANDARD.decode(base64).map_err(|_| unreadable())?;
    let key = match label {
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der),
        _ => return Err(unreadable()),
    };
    key.map_err(|error| {
        Error::configuration(format!("the service account's private key cannot be used: {error}"))
    })
}
