#!/bin/sh
# Installs what the tests need, as far as it is missing: an S3, a Google Cloud Storage and an Azure
# Blob server for the store tests, and the Python packages of the second reader of the format.
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
