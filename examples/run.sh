#!/bin/sh
# What `make run` shows: a server on a fresh folder takes in an audit log that was captured from a real cluster, raises its
# alerts, and answers questions. On a terminal it goes on until Ctrl-C, so that you can ask your own.
# AUDITWARD names the program; by default it is looked for on the path.
set -eu
cd "$(dirname "$0")/.."
auditward=${AUDITWARD:-auditward}
folder=$(mktemp -d)
server=
end() {
    [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" || true
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 0' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
ask() { printf '$ auditward %s\n' "$*"; "$auditward" "$@" --server "$url"; }

say "1. A server on a fresh folder reads an audit log (examples/README.md says what happened in it)."
gunzip -c examples/audit.log.gz >"$folder/audit.log"
events=$(wc -l <"$folder/audit.log")
printf '$ auditward serve --data %s/data --log %s/audit.log\n' "$folder" "$folder"
"$auditward" serve --data "$folder/data" --listen 127.0.0.1:0 --log "$folder/audit.log" 2>"$folder/said" &
server=$!
url=
while [ -z "$url" ]; do
    kill -0 "$server" 2>/dev/null || { cat "$folder/said" >&2; exit 1; }
    url=$(sed -n 's/^listening on \([^,]*\),.*/\1/p' "$folder/said")
    sleep 0.1
done
while [ "$("$auditward" query --server "$url" -o csv 'select count(*) from events' | tail -n 1)" -lt "$events" ]; do
    sleep 0.2
done
# Alerts follow the events within a moment.
sleep 1
sed 's/^/  /' "$folder/said"
ask query "select count(*) as events, min(time) as first, max(time) as last from events"

say "2. What the detections found: the gravest alerts."
ask query "select time, severity, rule, summary from alerts where severity in ('critical', 'error') order by time limit 20"

say "3. Who reads secrets?"
ask search "verb:(get OR list) resource:secrets code:<400" --limit 8

say "4. Who was refused, and how often?"
ask top user "code:403"

say "5. Everything that one stolen account did."
ask timeline system:serviceaccount:shop:backup --limit 12

say "Where to go next: docs/README.md; your own cluster: auditward status, auditward enable, auditward serve --log FILE."
if [ -t 0 ] && [ -t 1 ]; then
    printf 'The server goes on at %s. Ask it: auditward search --server %s "verb:delete". Ctrl-C ends it.\n' "$url" "$url"
    wait "$server"
fi
