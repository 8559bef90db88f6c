#!/usr/bin/env bash
# Prints the folder with kube-apiserver, etcd, kubectl, external-secrets and crds.yaml. They are built once, from their
# Go modules, into a cache outside the clone; KUBEBUILDER_ASSETS, where it is set, supplies the first three.
set -euo pipefail
cd "$(dirname "$0")"

kubernetes=v1.35.4
external_secrets=v0.20.4
version="$(cat go.mod build.sh | sha256sum | cut -c1-16)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/mcpctl-ci/cluster-$version${KUBEBUILDER_ASSETS:+-assets}"
if [ -e "$cache/done" ]; then
  echo "$cache"
  exit
fi

command -v go > /dev/null || {
  echo "test:cluster builds a Kubernetes API server and External Secrets, and needs Go >= 1.25 for it: https://go.dev/dl" >&2
  exit 1
}
mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
if [ -e "$cache/done" ]; then
  echo "$cache"
  exit
fi

build() { # NAME MINUTES FOLDER PACKAGE LDFLAGS
  [ -x "$cache/$1" ] && return
  local start=$SECONDS
  echo "building $1 (about $2 min of CPU, once)" >&2
  go build -C "$3" -trimpath -ldflags "-s -w $5" -o "$cache/$1.part" "$4"
  mv "$cache/$1.part" "$cache/$1"
  echo "built $1 in $((SECONDS - start)) s" >&2
}
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
module="$(go mod download -json "github.com/external-secrets/external-secrets@$external_secrets" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')"
if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  for name in kube-apiserver etcd kubectl; do ln -sf "$KUBEBUILDER_ASSETS/$name" "$cache/$name"; done
else
  stamp=k8s.io/component-base/version
  version="-X $stamp.gitVersion=$kubernetes -X $stamp.gitMajor=1 -X $stamp.gitMinor=35"
  build kube-apiserver 5 . k8s.io/kubernetes/cmd/kube-apiserver "$version"
  build kubectl 1 . k8s.io/kubernetes/cmd/kubectl "$version"
  build etcd 1 . go.etcd.io/etcd/server/v3 ""
fi
build external-secrets 7 "$module" . ""
install -m 0644 "$module/deploy/crds/bundle.yaml" "$cache/crds.yaml"
touch "$cache/done"
echo "$cache"
