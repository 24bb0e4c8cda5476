#!/bin/sh
# Installs the tools that orlop is compared with into ${ORLOP_TOOLS:-$HOME/.cache/orlop-tools}:
# restic from Debian's newest suite, kopia from the Go module proxy, rustic from crates.io, borg
# from PyPI. Every step is skipped when its program is already there. The system itself is not
# upgraded: the newest suite gets an apt state of its own and its package is only unpacked.
#
#   peers.sh              all four; restic and kopia must work, rustic and borg may be missing
#   peers.sh restic kopia only these
set -eu

kopia_version=v0.22.3
rustic_version=0.11.4
borg_version=1.4.5

tools=${ORLOP_TOOLS:-$HOME/.cache/orlop-tools}
build=$tools/build
bin=$tools/bin
mkdir -p "$build" "$bin"

say() { printf '%s\n' "$*" >&2; }

# The mirror and the key that this system's own sources name; no mirror is written down here.
mirror() {
    apt-get indextargets --format '$(REPO_URI) $(SITE)' 'Created-By: Packages' |
        sed -n 's,^\([^ ]*/debian/\) .*,\1,p' | sort -u | head -n 1
}

install_restic() {
    state=$build/apt
    mkdir -p "$state/lists/partial" "$state/archives/partial"
    : >"$state/status"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s sid main\n' \
        "$(mirror)" >"$state/sources.list"
    cat >"$state/apt.conf" <<CONF
Dir::State "$state";
Dir::State::status "$state/status";
Dir::Cache "$state";
Dir::Etc::sourcelist "$state/sources.list";
Dir::Etc::sourceparts "-";
Acquire::Languages "none";
APT::Sandbox::User "root";
CONF
    (
        cd "$build"
        rm -f restic_*.deb
        APT_CONFIG=$state/apt.conf apt-get update -qq
        APT_CONFIG=$state/apt.conf apt-get download -qq restic
        dpkg-deb -x restic_*.deb "$tools/restic"
    )
    ln -sf ../restic/usr/bin/restic "$bin/restic"
}

# `go install` refuses a module with replace lines, so a module of our own requires it and copies
# those lines.
install_kopia() {
    wrapper=$build/kopia
    mkdir -p "$wrapper"
    (
        cd "$wrapper"
        rm -f go.mod go.sum
        go mod init kopia-peer
        printf '//go:build tools\n\npackage tools\n\nimport _ "github.com/kopia/kopia"\n' >tools.go
        module=$(go mod download -json "github.com/kopia/kopia@$kopia_version" |
            sed -n 's/^.*"GoMod": "\(.*\)".*$/\1/p')
        sed -n -e '/^replace (/,/^)/p' -e '/^replace [^(]/p' "$module" >>go.mod
        go get "github.com/kopia/kopia@$kopia_version"
        go build -trimpath -tags nohtmlui -ldflags \
            "-X github.com/kopia/kopia/repo.BuildVersion=$kopia_version" \
            -o "$bin/kopia" github.com/kopia/kopia
    )
}

install_rustic() {
    CARGO_TARGET_DIR=$build/rustic cargo install --locked --no-default-features \
        --root "$tools/rustic" rustic-rs --version "$rustic_version"
    rm -rf "$build/rustic"
    ln -sf ../rustic/bin/rustic "$bin/rustic"
}

install_borg() {
    dpkg -s libacl1-dev libssl-dev liblz4-dev libzstd-dev libxxhash-dev pkg-config >/dev/null 2>&1 ||
        apt-get install -qq -y --no-install-recommends libacl1-dev libssl-dev liblz4-dev \
            libzstd-dev libxxhash-dev pkg-config
    python3 -m venv "$tools/borg"
    "$tools/borg/bin/pip" install -q "borgbackup==$borg_version"
    ln -sf ../borg/bin/borg "$bin/borg"
}

[ $# -gt 0 ] || set -- restic kopia rustic borg
failed=
for peer in "$@"; do
    case $peer in
    restic | kopia | rustic | borg) ;;
    *)
        say "$peer: no such peer; known are restic, kopia, rustic, borg"
        exit 2
        ;;
    esac
    if [ ! -x "$bin/$peer" ]; then
        say "installing $peer"
        # Not `if install_…`: that would switch `set -e` off inside.
        set +e
        (
            set -e
            "install_$peer"
        )
        set -e
    fi
    case $peer in
    restic) "$bin/restic" version >&2 && continue ;;
    *) "$bin/$peer" --version >&2 && continue ;;
    esac
    case $peer in
    restic | kopia) failed="$failed $peer" ;;
    *) say "$peer could not be installed; the comparison runs without it" ;;
    esac
done
[ -z "$failed" ] || {
    say "required and missing:$failed"
    exit 1
}
