#!/bin/sh
# SPDX-License-Identifier: MIT
#
# need.sh [--only-say] GOAL... - the Debian packages that a goal needs
#
# Installs those that are missing, with sudo when not root, and says what it installs.
# --only-say installs nothing: it prints the line to type and fails.
set -u
PATH=$PATH:/usr/sbin:/sbin # where servers are

# One word per package. "package:command" is also satisfied by a command of that name, however it
# came to be here.
packages_of() {
    case $1 in
    build)
        echo gcc:cc libc6-dev libjansson-dev meson:meson ninja-build:ninja pkg-config:pkg-config \
            python3:python3
        ;;
    demo) echo ca-certificates curl:curl ;;
    check)
        # Without these three the program reads fewer captures, and says so where one is missed.
        echo libpcap-dev libzstd-dev zlib1g-dev
        echo libcmocka-dev clang-format:clang-format scdoc:scdoc tshark:tshark util-linux:setpriv \
            curl:curl wget:wget netcat-openbsd:nc busybox-static:busybox golang-go:go \
            redis-server:redis-server redis-tools:redis-cli openssh-client:ssh \
            openssh-server:sshd iproute2:ip nodejs:node nginx-light:nginx iperf3:iperf3 \
            vsftpd:vsftpd tnftp:tnftp inetutils-telnet:inetutils-telnet dnsmasq-base:dnsmasq \
            bind9-dnsutils:dig snmpd:snmpd snmp:snmpget liblwip-dev gnuplot-nox:gnuplot \
            python3-jsonschema
        # A second mail system would drive out the one that is there.
        echo exim4-daemon-light:sendmail
        ;;
    bench) echo curl:curl valgrind:valgrind iproute2:ip liblwip-dev util-linux:chrt ;;
    fuzz) echo clang:clang libclang-rt-14-dev llvm:llvm-symbolizer ;;
    coverage) echo gcovr:gcovr ;;
    lint) echo clang-tidy:clang-tidy ;;
    *)
        echo "need.sh: no goal '$1'" >&2
        exit 2
        ;;
    esac
}

is_installed() {
    case $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) in
    *' installed') return 0 ;;
    esac
    return 1
}

only_say=
if [ "${1:-}" = --only-say ]; then
    only_say=1
    shift
fi

missing=
for goal in "$@"; do
    wanted=$(packages_of "$goal") || exit 2
    for item in $wanted; do
        package=${item%%:*}
        command=${item#"$package"}
        if [ -n "$command" ] && command -v "${command#:}" >/dev/null; then
            continue
        fi
        case " $missing " in
        *" $package "*) continue ;;
        esac
        if command -v dpkg-query >/dev/null && is_installed "$package"; then
            continue
        fi
        # Without dpkg only what has a command can be judged; Meson finds the rest missing.
        if [ -n "$command" ] || command -v dpkg-query >/dev/null; then
            missing="${missing:+$missing }$package"
        fi
    done
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "missing (by their Debian names): $missing" >&2
    echo "This is not a Debian system: please install them its own way." >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    as_root=sudo
fi
line="apt-get install -y --no-install-recommends $missing"
if [ -n "$only_say" ] || { [ -n "$as_root" ] && ! command -v sudo >/dev/null; }; then
    echo "missing packages: $missing" >&2
    echo "install them with: ${as_root:+$as_root }$line" >&2
    exit 1
fi

echo "installing with apt-get: $missing"
# The tests start servers of their own. That those of the packages do not start when they are
# installed is said by a policy-rc.d (invoke-rc.d(8)); one that is there decides by itself.
# shellcheck disable=SC2016 # for the shell below
install_quietly='
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap "rm -f $policy" EXIT
        trap "exit 1" HUP INT TERM
        printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends --no-remove \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 -qq "$@" </dev/null'
install() {
    # shellcheck disable=SC2086 # $missing and $as_root are lists of words
    $as_root sh -c "$install_quietly" install $missing
}
# Package lists may be absent (a fresh container) or too old: fetch them only then.
if install >/dev/null 2>&1; then
    exit 0
fi
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null || exit 1
install >/dev/null || {
    echo "need.sh: apt-get could not install them; try: ${as_root:+$as_root }$line" >&2
    exit 1
}
