#!/bin/sh
# Installs what the tests need, as far as it is missing: an S3, a Google Cloud Storage and an Azure
# Blob server for the store tests, a Kubernetes control plane and Velero's client for the tests of
# what runs in a cluster, and the Python packages of the second reader of the format.
#
# Kubernetes and Velero are built from the source of their releases. From nothing that takes two
# cores about ten minutes and 5 GB in Go's caches, once for each version.
#
# They go to $ORLOP_TOOLS, by default ~/.cache/orlop-tools, each in a folder named after its
# version; nothing else on the machine changes. Needs go (1.26 or newer), node, npm and python3 (3.11
# or newer, with venv).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tools=${ORLOP_TOOLS:-$HOME/.cache/orlop-tools}
# shellcheck source=tests/servers/versions.env
. "$here/servers/versions.env"

# install NAME COMMAND...: runs COMMAND with $target set to a fresh folder, which becomes
# $tools/NAME only if all of it worked.
install() {
    name=$1
    shift
    if [ -d "$tools/$name" ]; then
        echo "$name: there"
        return
    fi
    mkdir -p "$tools"
    target=$(mktemp -d "$tools/.new-XXXXXX")
    trap 'rm -rf "$target"' EXIT INT TERM
    echo "$name: installing"
    "$@"
    chmod 755 "$target"
    # Somebody else may have been faster, which is as good.
    mv -T "$target" "$tools/$name" 2>/dev/null || [ -d "$tools/$name" ]
    rm -rf "$target"
    trap - EXIT INT TERM
}

need() {
    command -v "$1" >/dev/null || {
        echo "tests/setup.sh: $1 is needed to install $2" >&2
        exit 1
    }
}

go_install() {
    need go "$1"
    GOBIN=$target CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' "$1"
}

# Our own front of fake-gcs-server: standard library only, nothing is fetched.
build_gcs_xml() {
    need go gcs-xml
    (cd "$here/servers/gcs-xml" && go build -trimpath -o "$target/gcs-xml" .)
}

# build_tools FOLDER MODULE VERSION LDFLAGS: builds every program that the go.mod of FOLDER names as
# a tool, in one go: they share most of their packages.
build_tools() {
    need go "$2"
    (
        cd "$here/servers/go/$1"
        pinned=$(go list -m -f '{{.Version}}' "$2")
        [ "$pinned" = "$3" ] || {
            echo "tests/setup.sh: servers/go/$1/go.mod has $2 $pinned, versions.env has $3" >&2
            exit 1
        }
        CGO_ENABLED=0 go build -trimpath -tags grpcnotrace -ldflags "-s -w $4" -o "$target/" tool
    )
}

build_kubernetes() {
    flags=
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        flags="$flags -X $package.gitVersion=$KUBERNETES"
    done
    build_tools kubernetes k8s.io/kubernetes "$KUBERNETES" "$flags"
    # Go names a program after its folder.
    mv "$target/server" "$target/etcd"
}

build_velero() {
    build_tools velero github.com/vmware-tanzu/velero "$VELERO" \
        "-X github.com/vmware-tanzu/velero/pkg/buildinfo.Version=$VELERO"
}

npm_install() {
    need npm "$1"
    npm install --prefix "$target" --no-audit --no-fund --omit=dev --ignore-scripts \
        --loglevel=error "$1"
}

install "versitygw-$VERSITYGW" \
    go_install "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW"
install "fake-gcs-server-$FAKE_GCS_SERVER" \
    go_install "github.com/fsouza/fake-gcs-server@$FAKE_GCS_SERVER"
install "gcs-xml-$GCS_XML" \
    build_gcs_xml
install "azurite-$AZURITE" \
    npm_install "azurite@$AZURITE"
install "kubernetes-$KUBERNETES" \
    build_kubernetes
install "velero-$VELERO" \
    build_velero

reader=$here/../format-spec/reader
reader_venv=reader-venv-$(sha256sum "$reader/requirements.txt" | cut -c1-12)

# Not through `install`: a virtual environment knows its own path and cannot be moved.
if [ -e "$tools/$reader_venv/complete" ]; then
    echo "$reader_venv: there"
else
    need python3 "$reader_venv"
    echo "$reader_venv: installing"
    rm -rf "${tools:?}/$reader_venv"
    python3 -m venv "$tools/$reader_venv"
    "$tools/$reader_venv/bin/pip" install --quiet --disable-pip-version-check \
        --requirement "$reader/requirements.txt"
    touch "$tools/$reader_venv/complete"
fi
