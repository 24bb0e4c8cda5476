#!/bin/sh
# Installs the servers that the store tests need, as far as they are missing:
# an S3, a Google Cloud Storage and an Azure Blob server.
#
# They go to $ORLOP_TOOLS, by default ~/.cache/orlop-tools, each in a folder named after its
# version; nothing else on the machine changes. Needs go (1.26 or newer), node and npm.
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
