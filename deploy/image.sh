#!/bin/sh
# Makes a container image of the program for the static pod, with no container engine and no registry:
#
#   cargo build --profile dist --locked --package auditward
#   deploy/image.sh target/dist/auditward auditward.tar
#   ctr --namespace k8s.io images import auditward.tar          on each control-plane node
#
# In it are the program, the libraries that it is linked with, and this machine's certificate authorities; so build it on
# a machine whose C library you trust to be current. The same files make the same image.
set -eu
program=${1:?usage: deploy/image.sh PROGRAM ARCHIVE [NAME]}
archive=${2:?usage: deploy/image.sh PROGRAM ARCHIVE [NAME]}
name=${3:-docker.io/library/auditward:0.1.0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/root/usr/local/bin" "$work/root/etc/ssl/certs" "$work/image"
cp -L "$program" "$work/root/usr/local/bin/auditward"
chmod 755 "$work/root/usr/local/bin/auditward"
# `ldd` says nothing of this kind of a program that is linked statically.
for library in $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*' || true); do
    mkdir -p "$work/root$(dirname "$library")"
    cp -L "$library" "$work/root$library"
done
authorities=/etc/ssl/certs/ca-certificates.crt
[ ! -e "$authorities" ] || cp -L "$authorities" "$work/root$authorities"

pack() { (cd "$1" && tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - *) >"$2"; }
digest() { sha256sum "$1" | cut -d' ' -f1; }

pack "$work/root" "$work/image/layer.tar"
case $(uname -m) in
x86_64) architecture=amd64 ;;
aarch64) architecture=arm64 ;;
*) architecture=$(uname -m) ;;
esac
cat >"$work/image/config.json" <<END
{"architecture":"$architecture","os":"linux","config":{"Entrypoint":["/usr/local/bin/auditward"]},"rootfs":{"type":"layers","diff_ids":["sha256:$(digest "$work/image/layer.tar")"]}}
END
cat >"$work/image/manifest.json" <<END
[{"Config":"config.json","RepoTags":["$name"],"Layers":["layer.tar"]}]
END
pack "$work/image" "$archive.new"
mv "$archive.new" "$archive"
