#!/bin/sh
# What `make tour` shows: alerts from an audit log that was captured from a real cluster, what two policies make of it, and
# how auditing is turned on.
# AUDITWARD names the program; by default it is looked for on the path.
set -eu
cd "$(dirname "$0")/.."
auditward=${AUDITWARD:-auditward}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ auditward %s\n\n' "$*"; "$auditward" "$@"; }

say "1. An audit log of a real cluster (examples/README.md says what happened in it): who attacked it?"
show detect examples/audit.log.gz || [ $? -eq 1 ]

say "2. A policy as one finds them. kube-apiserver accepts it …"
show policy check examples/policies/copied.yaml

say "3. … and these detections it leaves blind, each with a request that proves it."
show policy coverage --policy examples/policies/copied.yaml || [ $? -eq 1 ]

say "4. The policy that we recommend."
show policy coverage --policy examples/policies/recommended.yaml || [ $? -eq 1 ]

say "5. What that costs: what each would have kept of the same log."
show policy simulate --top 5 --policy examples/policies/copied.yaml examples/audit.log.gz | sed -n 1,3p
show policy simulate --top 5 --policy examples/policies/recommended.yaml examples/audit.log.gz

say "6. Is auditing on, on a node that was copied into a folder?"
show status --root examples/nodes/kubeadm-off || [ $? -eq 1 ]

say "7. What would turn it on?"
show enable --dry-run --manifest examples/kube-apiserver.yaml

say "Where to go next: docs/README.md, or your own: auditward status; auditward detect /var/log/kubernetes/audit/"
