# A peer: a process that executes lines from its standard input and tells on its standard output what came of it; sourced by ./compare.sh.
# Natively that is a shell, otherwise the guest's shell behind the serial port of a virtual machine.
# shellcheck shell=bash disable=SC2154 # out, demo, image, limit, peer, round, ...: of ./compare.sh and ./image.sh

# Samples, with tabs between: round, peer, class, row, result (ok, skip, fail), then seconds, checksum and seconds by the host's clock, or a reason.
samples=$out/samples.tsv
sample() { local IFS=$'\t'; echo "$round"$'\t'"$peer"$'\t'"$*" >> "$samples"; }

pid='' to='' from='' native_folder='' guest_version=''
trap 'end_peer; [ -z "$native_folder" ] || rm -rf "$native_folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Becomes the peer, which does not outlive this script.
launch() {
    local extra kernel=(-kernel "$demo/vmlinuz" -initrd "$image" -append 'console=ttyS0 panic=-1')
    exec {lock}>&-
    case $peer in
        native)
            # One CPU, as the guest has; the last of those that are allowed.
            cd "$native_folder" || exit
            exec setpriv --pdeathsig KILL taskset -c "$(taskset -cp $BASHPID | sed 's/.*[ ,-]//')" ./busybox sh serve ;;
        tcg)
            read -ra extra <<<"${QEMU_ARGS-}"
            exec setpriv --pdeathsig KILL qemu-system-x86_64 -accel tcg,thread=single -M "${QEMU_MACHINE:-pc}" -cpu "${QEMU_CPU:-max}" -m "$memory" -smp 1 \
                -no-user-config -nodefaults -display none -serial stdio -no-reboot "${kernel[@]}" "${extra[@]}" ;;
        translated | vitrine)
            read -ra extra <<<"${VITRINE_ARGS-}"
            if [ "$peer" = translated ]; then read -ra extra < <(sed -E 's/--user +[a-z]+//; s/$/ --user translated/' <<<"${VITRINE_ARGS-}"); fi
            exec setpriv --pdeathsig KILL "$vitrine" run --accel soft --memory "${memory}M" --cpus 1 --no-reboot "${kernel[@]/#-/--}" "${extra[@]}" ;;
    esac
}

start_peer() {
    local pipe=$out/.input
    if [ "$peer" = native ] && [ -z "$native_folder" ]; then
        [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ] || fail "/dev/shm is no tmpfs, and native rows must not measure a disk. Mount one there."
        native_folder=$(mktemp -d "/dev/shm/$bench.XXXXXX")
        cp -r "$tree"/* "$native_folder"
    fi
    rm -f "$pipe"
    mkfifo "$pipe"
    exec {to}<>"$pipe" {from}< <(launch <"$pipe" 2>"$out/$peer.log")
    pid=$!
}

end_peer() {
    [ -n "$pid" ] || return 0
    local i
    kill "$pid" 2>/dev/null || true
    for ((i = 0; i < 50; i++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    if ((i == 50)); then kill -KILL "$pid" 2>/dev/null || true; fi
    pid=''
    exec {to}>&- {from}<&-
}

# Times are in microseconds, by the host's clock.
now=0 deadline=0
clock() { now=${EPOCHREALTIME/./}; }
limit_wait() { clock; deadline=$((now + limit * 1000000)); }
in_seconds() { printf '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000)); }

# The peer's next line in $line, and in $now when it came. Fails at $deadline, and when the peer has ended; then $why says which.
line='' why=''
next_line() {
    local left status=0
    clock
    left=$((deadline > now ? deadline - now : 1))
    IFS= read -r -d "${line_end:-$'\n'}" -t "$(in_seconds "$left")" -u "$from" line || status=$?
    clock
    line=${line//$'\r'/}
    printf '%s\n' "$line" >&"$transcript"
    ((status == 0)) && return
    if ((status > 128)); then why="not done after $limit s"; else why="the process ended$(sed -n '$s/^/: /p' "$out/$peer.log")"; fi
    return 1
}

memory_of() { awk -v field="$1:" '$1 == field { printf "%.1f", $2 / 1024 }' "/proc/$pid/status"; } # FIELD     in MiB

# Starts the peer and waits until it takes lines.
boot() {
    local started first='' marker=''
    limit_wait
    started=$now
    start_peer
    while next_line; do
        # The kernel's messages begin with the time.
        if [[ $line =~ ^\[\ *[0-9]+\.[0-9]+\]\ (Linux version ([^ ]+))? ]]; then
            first=${first:-$now} guest_version=${BASH_REMATCH[2]:-$guest_version}
        elif [[ $line == *"VITRINE-BENCH init" ]]; then
            marker=$now
        elif [[ $line == *"VITRINE-BENCH ready" ]]; then
            [ "$peer" = native ] || boot_samples
            return 0
        fi
    done
    say "$peer did not come up: $why. Its serial port is in $out/$peer.serial."
    sample boot to-init fail "$why"
    end_peer
    return 1
}

boot_samples() {
    selected boot || return 0
    sample boot first-line ok "$(in_seconds $((${first:-$now} - started)))" - -
    sample boot to-init ok "$(in_seconds $((${marker:-$now} - ${first:-$now})))" - -

    # At the prompt, when what the boot began has come to rest.
    sleep 1
    sample boot resident ok "$(memory_of VmRSS)" - -
    sample boot peak ok "$(memory_of VmHWM)" - -
}

# Has the peer execute a row. Fails, and ends the peer, if it did not come to the row's end.
run_row() { # INDEX
    local class=${classes[$1]} name=${names[$1]} begun=0 ended=0 result='' seconds checksum said='no message'
    limit_wait
    printf '%s\n' "${commands[$1]}" >&"$to"
    while next_line; do
        case $line in
            "BEGIN $name") begun=$now ;;
            "DONE $name") ended=$now ;;
            "ROW $name "*)
                read -r _ _ seconds checksum <<<"$line"
                result="$seconds s"
                sample "$class" "$name" ok "$seconds" "$checksum" "$(in_seconds $((ended - begun)))" ;;
            "SKIP $name "*)
                result="skipped: ${line#"SKIP $name "}"
                sample "$class" "$name" skip "${line#"SKIP $name "}" ;;
            "END "*)
                [ -n "$result" ] || { result="failed: $said"; sample "$class" "$name" fail "$said (status ${line#END })"; }
                say "round $round/$repeat, $peer, $name: $result"
                return 0 ;;
            *) said=$line ;;
        esac
    done
    [ -n "$result" ] || sample "$class" "$name" fail "$why"
    say "round $round/$repeat, $peer, $name: $why. The serial port is in $out/$peer.serial."
    end_peer
    return 1
}

# Runs all rows on $peer. One that a row has ended is started again for the next; one that does not come up has failed all that are left.
measure() {
    local i up=1
    if [ "$peer" = native ] && [ ${#rows[@]} = 0 ]; then return; fi
    exec {transcript}>"$out/$peer.serial"
    boot || up=0
    for i in "${rows[@]}"; do
        if ((up)) && [ -z "$pid" ] && ! boot; then up=0; fi
        if ((up)); then run_row "$i" || true; else sample "${classes[i]}" "${names[i]}" fail "did not come up"; fi
    done
    end_peer
    exec {transcript}>&-
}
