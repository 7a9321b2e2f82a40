# What runs in a virtual machine, and what each peer is; sourced by ./run after bench/compare-tcg's peer.sh, whose launch it replaces.
# shellcheck shell=bash disable=SC2154 # out, demo, image, limit, peer, round, ...: of ./run and of compare-tcg's files

machine=pc kind=linux disk=() line_end=''
ovmf=/usr/share/ovmf/OVMF.fd

# Becomes the peer, which does not outlive this script.
launch() {
    local extra guest=() qemu
    exec {lock}>&-
    case $kind in
        linux) guest=(-kernel "$demo/vmlinuz" -initrd "$image" -append 'console=ttyS0 panic=-1') ;;
        ovmf) guest=(-bios "$ovmf" -net none) ;;
        seabios) guest=(-machine graphics=off) ;;
    esac
    if [ "$peer" = vitrine ]; then
        read -ra extra <<<"${VITRINE_ARGS-}"
        exec "${prefix[@]}" setpriv --pdeathsig KILL "$vitrine" run --accel soft --memory 512M --cpus 1 --no-reboot "${guest[@]/#-/--}" "${extra[@]}"
    fi
    read -ra extra <<<"${QEMU_ARGS-}"
    qemu=(qemu-system-x86_64 -M "$machine" -cpu max -m 512 -smp 1 -no-user-config -nodefaults -display none -serial stdio -no-reboot
        "${guest[@]}" "${disk[@]}" "${extra[@]}")
    if [ "$peer" = tcg ]; then exec "${prefix[@]}" setpriv --pdeathsig KILL "${qemu[@]}" -accel tcg,thread=single; fi
    exec "${prefix[@]}" setpriv --pdeathsig KILL "${served[@]}" "${qemu[@]}" -accel kvm
}

boot_samples() { :; }

# From the process' start until the line that shows that it has come up.
measure_start() { # NAME
    local begun until='VITRINE-BENCH ready' came=''
    if [ "$peer" = vitrine ] && [ "$1" != boot-pc ]; then return; fi
    case $1 in
        boot-q35) machine=q35 ;;
        # To the sentence's end: SeaBIOS leaves the line at its next timer tick, up to 55 ms later, whoever runs it.
        seabios) kind=seabios until='No bootable device' line_end=. ;;
        ovmf) kind=ovmf until='UEFI Interactive Shell' ;;
    esac
    exec {transcript}>"$out/$peer.serial"
    limit_wait
    begun=$now
    start_peer
    while next_line; do
        if [[ $line == *"$until"* ]]; then
            came=$(in_seconds $((now - begun)))
            break
        fi
    done
    end_peer
    exec {transcript}>&-
    kind=linux machine=pc line_end=''
    say "round $round/$repeat, $peer, $1: ${came:-$why}"
    if [ -n "$came" ]; then sample start "$1" ok "$came" - -; else sample start "$1" fail "$why"; fi
}

measure_rows() {
    local all=("${rows[@]}")
    if [ ${#all[@]} != 0 ]; then measure; fi
    if [ ${#disk_rows[@]} = 0 ] || [ "$peer" = vitrine ]; then return; fi
    local with=$image
    rows=("${disk_rows[@]}") image=$disk_image
    disk=(-drive "file=$out/disk.raw,if=none,id=disk,format=raw,cache=writeback" -device virtio-blk-pci,drive=disk)
    measure
    rows=("${all[@]}") image=$with disk=()
}

measure_micro() {
    local name value unit
    while read -r name value unit; do
        sample micro "$name" ok "$value" - -
        say "round $round/$repeat, served, $name: $value $unit"
    done < <("${prefix[@]}" "${served[@]}" "$out/micro" 2>>"$out/served.log")
}

# The image with the modules of virtio-blk, which are not in Debian's kernel itself, and a disk of 512 MiB that is in the host's page cache.
build_disk() {
    local package folder=$out/modules version
    disk_image=$out/initramfs-disk.cpio
    if [ ! -f "$out/disk.raw" ]; then dd if=/dev/urandom of="$out/disk.raw" bs=1M count=512 status=none; fi
    if [ -f "$disk_image" ] && [ "$disk_image" -nt "$image" ] && [ "$disk_image" -nt "$here/guest/disk" ]; then return; fi
    # The version stands in the kernel's header (Documentation/arch/x86/boot.rst, kernel_version).
    version=$(file -b "$demo/vmlinuz" | sed 's/.*version \([^ ]*\) .*/\1/')
    package=linux-image-$version
    rm -rf "$folder" && mkdir -p "$folder/root/modules"
    (cd "$folder" && apt-get download "$package" >"$out/apt.log" 2>&1 && dpkg-deb -x "$package"_*.deb "$folder/package") ||
        fail "The package $package with the modules of the disk can't be had; see $out/apt.log. Leave class disk out with --only."
    find "$folder/package" -name 'virtio*.ko' -exec cp {} "$folder/root/modules" \;
    cp "$here/guest/disk" "$folder/root"
    (cd "$folder/root" && find . -mindepth 1 | sort | "${image%/*}/root/busybox" cpio -o -H newc -R 0:0) > "$folder/modules.cpio" 2>"$out/cpio.log" ||
        fail "busybox' cpio can't make the image; its message is in $out/cpio.log."
    cat "$image" "$folder/modules.cpio" > "$disk_image"
    rm -rf "$folder/package" "$folder"/*.deb
}
