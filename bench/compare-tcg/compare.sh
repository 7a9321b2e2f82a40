# What the benches of programs share: options, rounds and the report; sourced by ./run and by ../compare-runtimes/run, which set
#   bench   the bench's name, for messages
#   here    the folder with its rows and targets
#   root    the clone
#   out     the folder for what it makes
#   memory  the guest's memory, MiB
# and define usage and make_image.
# shellcheck shell=bash disable=SC2154 # those variables

shared=$root/bench/compare-tcg
export LC_ALL=C DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

say() { printf '%s: %s\n' "$bench" "$*" >&2; }
fail() { say "$*"; exit 2; }

# --- What is asked for.
repeat=5 only='' peers=native,tcg,vitrine limit=300 output='' image_only='' list=''
while [ $# -gt 0 ]; do
    case $1 in
        --repeat | --only | --peers | --limit | --output)
            [ $# -ge 2 ] || fail "$1 needs a value. See --help."
            declare "${1#--}=$2"
            shift 2 ;;
        --image-only) image_only=1; shift ;;
        --list) list=1; shift ;;
        --help | -h) usage; exit 0 ;;
        *) fail "'$1' is no option of this script. See --help." ;;
    esac
done
[[ $repeat =~ ^[1-9][0-9]{0,3}$ ]] || fail "--repeat '$repeat' is no number from 1 to 9999."
[[ $limit =~ ^[1-9][0-9]{0,4}$ ]] || fail "--limit '$limit' is no number of seconds from 1 to 99999."
if [ -n "$output" ]; then : >> "$output" || fail "'$output' can't be written. Its folder is missing, or not yours. Name another file."; fi

# Rows in order, row i being classes[i], names[i], commands[i].
classes=() names=() commands=()
while read -r class name command; do
    [[ -z $class || $class == '#'* ]] && continue
    classes+=("$class") names+=("$name") commands+=("$command")
done < "$here/rows"
if [ -n "$list" ]; then
    for i in "${!names[@]}"; do printf '%-9s%s\n' "${classes[i]}" "${names[i]}"; done
    echo 'boot'
    exit 0
fi

IFS=, read -ra wanted <<<"$only"
IFS=, read -ra peers <<<"$peers"
for name in "${wanted[@]}"; do
    [[ " boot ${classes[*]} ${names[*]} " == *" $name "* ]] || fail "'$name' is neither a class nor a row. See --list."
done
for peer in "${peers[@]}"; do
    [[ $peer =~ ^(native|tcg|translated|vitrine)$ ]] || fail "'$peer' is no peer; there are native, tcg, translated and vitrine."
done
selected() { [ ${#wanted[@]} = 0 ] || [[ " ${wanted[*]} " == *" $1 "* ]]; } # CLASS OR ROW
has() { [[ " ${peers[*]} " == *" $1 "* ]]; } # PEER
rows=()
for i in "${!names[@]}"; do
    if selected "${classes[i]}" || selected "${names[i]}"; then rows+=("$i"); fi
done

# --- What it needs.
mkdir -p "$out"
exec {lock}>"$out/.lock"
flock -n "$lock" || fail "Another run of this clone is measuring. Two at once would measure each other. Wait for it, or end it."

# shellcheck source-path=SCRIPTDIR source=image.sh
. "$shared/image.sh"
# shellcheck source-path=SCRIPTDIR source=peer.sh
. "$shared/peer.sh"

make_image
if [ -n "$image_only" ]; then
    echo "$image"
    exit 0
fi
if has vitrine || has translated; then build_vitrine; fi
if has tcg && ! command -v qemu-system-x86_64 >/dev/null; then
    say "Installing qemu-system-x86."
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends qemu-system-x86 >"$out/apt.log" 2>&1 ||
        fail "qemu-system-x86 can't be installed; see $out/apt.log. Install it as root (apt-get install qemu-system-x86), or leave it out with --peers native,vitrine."
fi

# --- The rounds.
read -r load _ </proc/loadavg
if awk -v load="$load" 'BEGIN { exit !(load > 0.5) }'; then say "The machine is busy (load $load): the figures will check that all works, and say little of how fast it is."; fi
: > "$samples"
for ((round = 1; round <= repeat; round++)); do
    # Whoever goes first alternates.
    order=()
    for peer in "${peers[@]}"; do
        if ((round % 2)); then order+=("$peer"); else order=("$peer" "${order[@]}"); fi
    done
    for peer in "${order[@]}"; do measure; done
done

# --- The report.
facts() {
    local commit
    commit=$(git -C "$root" describe --always --dirty 2>/dev/null || echo 'no commit')
    echo "- Host: $(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo), $(nproc) CPUs, Linux $(uname -r)."
    echo "- Guest: Linux ${guest_version:-of the demo}, $memory MiB, one CPU. Native rows: on one CPU, in a tmpfs. $(gcc --version | head -n 1), \`-O2 -static\`."
    if has tcg; then echo "- TCG: $(qemu-system-x86_64 --version | head -n 1), \`${QEMU_MACHINE:-pc}\`, CPU \`${QEMU_CPU:-max}\`${QEMU_ARGS:+, \`$QEMU_ARGS\`}."; fi
    if has vitrine || has translated; then echo "- Vitrine: $("$vitrine" --version | head -n 1), ${VITRINE:-commit $commit}${VITRINE_ARGS:+, \`$VITRINE_ARGS\`}."; fi
    echo "- Load of the host when it began: $load."
    echo "- Medians of $repeat. × is the slowdown against native."
}
status=0
{ facts; awk -v peers="${peers[*]}" -f "$shared/report.awk" "$here/targets" "$here/rows" "$samples"; } > "$out/report.md" || status=$?
((status <= 1)) || fail "The report can't be made out of $samples; awk's message is above."
if [ -n "$output" ]; then cp "$out/report.md" "$output"; else cat "$out/report.md"; fi
exit "$status"
