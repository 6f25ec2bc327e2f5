#!/bin/sh
# What `make run` shows: two policies at work on an audit log that was captured from a real cluster.
# AUDITWARD names the program; by default it is looked for on the path.
set -eu
cd "$(dirname "$0")/.."
auditward=${AUDITWARD:-auditward}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ auditward %s\n\n' "$*"; "$auditward" "$@"; }

say "1. A policy as one finds them. kube-apiserver accepts it …"
show policy check examples/policies/copied.yaml

say "2. … and this is what is wrong with it."
show policy lint examples/policies/copied.yaml || [ $? -eq 1 ]

say "3. What it would have kept of a cluster's day (examples/README.md says what happened in it)."
show policy simulate --top 5 --policy examples/policies/copied.yaml examples/audit.log.gz

say "4. The same day with the policy that we recommend."
show policy simulate --top 5 --policy examples/policies/recommended.yaml examples/audit.log.gz

say "5. Where the two differ, on that day."
show policy diff examples/policies/copied.yaml examples/policies/recommended.yaml examples/audit.log.gz \
  | sed '/^$/,/^On the log/{/^On the log/!d}' || [ $? -eq 1 ]

say "Where to go next: docs/README.md, or your own: auditward policy lint /etc/kubernetes/audit-policy.yaml"
