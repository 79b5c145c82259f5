use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::clock::TestClock;
use crate::transport::{Exchange, ReplayTransport};
use crate::{ClientIdentity, Ids};

struct OneId;

impl Ids for OneId {
    fn uuid_v4(&self) -> String {
        "00000000-0000-4000-8000-000000000001".into()
    }

    fn uuid_v7(&self, _: f64) -> String {
        self.uuid_v4()
    }
}

struct World {
    context: Context,
    replay: Arc<ReplayTransport>,
}

fn world(environment: &[(&str, &str)], exchanges: impl IntoIterator<Item = Exchange>) -> World {
    let replay = Arc::new(ReplayTransport::new(exchanges));
    let environment: BTreeMap<String, String> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let context = Context {
        transport: replay.clone(),
        clock: Arc::new(TestClock::default()),
        ids: Arc::new(OneId),
        environment: Arc::new(environment),
        home: None,
        cache_dir: None,
        model_lists: Arc::default(),
        identity: Arc::new(ClientIdentity::default()),
    };
    World { context, replay }
}

impl World {
    async fn profile(&self, name: &str, config: &str) -> Outcome {
        self.ask(name, config, true).await
    }

    async fn default(&self, config: &str) -> Outcome {
        self.ask("default", config, false).await
    }

    async fn ask(&self, wanted: &str, config: &str, alone: bool) -> Outcome {
        let profiles = Profiles::of_texts(config, "");
        let region = Region::resolve(Some("us-east-1"), &self.context, &profiles).unwrap();
        let chain =
            Chain { context: &self.context, profiles: &profiles, region: &region, attempts: 3, wanted };
        if alone { chain.profile().await } else { chain.default().await }
    }
}

const ASSUMED: &str = "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn>\
    </AssumedRoleUser><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S&amp;</SecretAccessKey>\
    <SessionToken>T</SessionToken><Expiration>2026-01-15T12:30:00Z</Expiration></Credentials></AssumeRoleResult>\
    </AssumeRoleResponse>";

#[tokio::test]
async fn the_environment_comes_first_unless_a_profile_is_named() {
    let keys = [("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "S"), ("AWS_ACCOUNT_ID", "1")];
    let config = "[default]\naws_access_key_id=P\naws_secret_access_key=PS\n";
    let found = world(&keys, []).default(config).await.unwrap();
    assert_eq!((found.access_key.as_str(), found.features().as_str()), ("A", "Tg"));
    let with_profile = [&keys[..], &[("AWS_PROFILE", "default")]].concat();
    assert_eq!(world(&with_profile, []).default(config).await.unwrap().features(), "n");
    let none = world(&keys[..1], []).default("").await.unwrap_err();
    assert_eq!(none.message, "Could not load credentials from any providers");
}

#[tokio::test]
async fn roles_are_assumed_one_after_the_other() {
    let config = "[profile a]\nrole_arn=arn:a\nsource_profile=b\nregion=eu-west-1\n\
                  [profile b]\nrole_arn=arn:b\nsource_profile=c\nrole_session_name=s\n\
                  [profile c]\naws_access_key_id=K\naws_secret_access_key=S\n";
    let world = world(&[], [Exchange::new(200).body(ASSUMED), Exchange::new(200).body(ASSUMED)]);
    let found = world.profile("a", config).await.unwrap();
    assert_eq!((found.secret_key.as_str(), found.features().as_str()), ("S&", "Tio"));
    assert_eq!(found.expires, Some(TestClock::START + 1_800_000.0));
    let urls: Vec<_> = world.replay.requests().iter().map(|request| request.url.clone()).collect();
    assert_eq!(urls, ["https://sts.us-east-1.amazonaws.com/", "https://sts.eu-west-1.amazonaws.com/"]);
    let body = world.replay.requests()[1].body.clone();
    assert_eq!(
        body,
        "RoleArn=arn%3Aa&RoleSessionName=aws-sdk-js-1768478400000&DurationSeconds=3600&Action=AssumeRole&Version=2011-06-15"
    );
}

#[tokio::test]
async fn profiles_that_lead_nowhere() {
    let cases = [
        (
            "[profile a]\nrole_arn=r\nsource_profile=a\n",
            "Detected a cycle attempting to resolve credentials for profile a. Profiles visited: a",
        ),
        (
            "[profile a]\nrole_arn=r\nsource_profile=b\nmfa_serial=m\n[profile b]\naws_access_key_id=K\naws_secret_access_key=S\n",
            "Profile a requires multi-factor authentication, but no MFA code callback was provided.",
        ),
        (
            "[profile a]\nrole_arn=r\ncredential_source=Moon\n",
            "Unsupported credential source in profile a. Got Moon, expected EcsContainer or Ec2InstanceMetadata or Environment.",
        ),
        (
            "[profile a]\naws_access_key_id=K\n",
            "Could not resolve credentials using profile: [a] in configuration/credentials file(s).",
        ),
        (
            "[profile a]\nsso_session=x\n",
            "Profile is configured with invalid SSO credentials. Required parameters \"sso_account_id\", \"sso_region\", \"sso_role_name\", \"sso_start_url\". Got sso_session\nReference: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html",
        ),
        (
            "[profile a]\ncredential_process=echo nothing\n",
            "Profile a credential_process returned invalid JSON.",
        ),
        (
            "[profile a]\ncredential_process=echo '{\"Version\":2}'\n",
            "Profile a credential_process did not return Version 1.",
        ),
        (
            "[profile a]\ncredential_process=echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":\"2020-01-01T00:00:00Z\"}'\n",
            "Profile a credential_process returned expired credentials.",
        ),
    ];
    for (config, message) in cases {
        assert_eq!(world(&[], []).profile("a", config).await.unwrap_err().message, message);
    }
}

#[tokio::test]
async fn a_source_that_refuses_ends_the_search() {
    let refused =
        Exchange::new(403).body("<Error><Code>AccessDenied</Code><Message>no &lt;role&gt;</Message></Error>");
    let config = "[default]\nrole_arn=r\nsource_profile=b\n[profile b]\naws_access_key_id=K\naws_secret_access_key=S\n";
    let error = world(&[], [refused]).default(config).await.unwrap_err();
    assert_eq!(
        (error.name.as_str(), error.message.as_str(), error.status),
        ("AccessDenied", "no <role>", Some(403))
    );
}

#[tokio::test]
async fn containers_and_pods() {
    let answer =
        r#"{"AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":"2026-01-15T12:30:00Z"}"#;
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token"),
    ];
    let ecs = world(&variables, [Exchange::new(200).body(answer)]);
    assert_eq!(ecs.default("").await.unwrap().features(), "z");
    let request = ecs.replay.requests().remove(0);
    assert_eq!(request.url, "http://169.254.170.2/v2/credentials/x");
    assert!(!format!("{request:?}").contains("token"));
    let far = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/x")];
    assert!(world(&far, []).default("").await.unwrap_err().message.contains("https"));

    let folder = std::env::temp_dir().join(format!("samewire-token-{}", std::process::id()));
    std::fs::write(&folder, "web token").unwrap();
    let file = folder.to_str().unwrap();
    let variables =
        [("AWS_WEB_IDENTITY_TOKEN_FILE", file), ("AWS_ROLE_ARN", "r"), ("AWS_ROLE_SESSION_NAME", "s")];
    let pod = world(&variables, [Exchange::new(200).body(ASSUMED)]);
    assert_eq!(pod.default("").await.unwrap().features(), "Tkh");
    std::fs::remove_file(&folder).unwrap();
    let request = pod.replay.requests().remove(0);
    assert!(request.options.signer.is_none());
    assert_eq!(
        request.body,
        "RoleArn=r&RoleSessionName=s&WebIdentityToken=web%20token&Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
    );
}

#[tokio::test]
async fn a_single_sign_on_session_that_is_a_path_leads_to_no_file_of_that_name() {
    let home = tempfile::tempdir().unwrap();
    let cache = home.path().join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    let token = r#"{"accessToken":"stolen","expiresAt":"2099-01-01T00:00:00Z"}"#;
    let stray = home.path().join("stray.json");
    std::fs::write(&stray, token).unwrap();
    for name in ["../../../stray", "../../../stray.json", stray.to_str().unwrap()] {
        let config = format!(
            "[profile p]\nsso_session = {name}\nsso_account_id = 1\nsso_role_name = r\n\
             [sso-session {name}]\nsso_region = us-east-1\nsso_start_url = https://start.example\n"
        );
        let mut world = world(&[], []);
        world.context.home = Some(home.path().to_owned());
        let message = world.profile("p", &config).await.unwrap_err().message;
        assert!(message.contains("was not found or is invalid"), "{name}: {message}");
        assert!(world.replay.requests().is_empty(), "{name}: the stray token was used");
    }
}

#[tokio::test]
async fn a_profile_that_is_a_path_is_a_section_and_no_file() {
    let home = tempfile::tempdir().unwrap();
    let keys = "aws_access_key_id = A\naws_secret_access_key = S\n";
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(home.path().join("stray"), format!("[default]\n{keys}")).unwrap();
    for name in ["../stray", "../../stray", home.path().join("stray").to_str().unwrap()] {
        let mut world = world(&[("AWS_PROFILE", name)], []);
        world.context.home = Some(home.path().to_owned());
        let profiles = Profiles::load(&world.context).await;
        assert!(profiles.profile(name).is_none(), "{name}");
        assert!(world.profile(name, "").await.is_err(), "{name}");
        let config = format!("[profile {name}]\n{keys}");
        assert_eq!(
            world.profile(name, &config).await.unwrap().access_key,
            "A",
            "{name} is a name like others"
        );
    }
}

#[test]
fn keys_are_not_printed() {
    let keys = Credentials { secret_key: "secret".into(), ..Credentials::default() };
    assert!(!format!("{keys:?}").contains("secret\""));
    assert!(Credentials { expires: Some(10.0), ..Credentials::default() }.end_soon(0.0));
    assert!(!Credentials::default().end_soon(0.0));
}
