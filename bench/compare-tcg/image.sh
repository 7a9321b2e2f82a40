# The image that all virtual machines boot, and the folder whose content it is; sourced by ./compare.sh.
# shellcheck shell=bash disable=SC2154 # shared, root, out: of ./compare.sh

demo=${XDG_CACHE_HOME:-$HOME/.cache}/vitrine/demo
image=$out/initramfs.cpio
tree=$out/root
vitrine=${VITRINE:-}

# Sets $vitrine, unless it is given.
build_vitrine() {
    if [ -n "$vitrine" ]; then
        [ -x "$vitrine" ] || fail "VITRINE names '$vitrine', which is no program. Name the command's executable, or unset it."
        return
    fi
    "$root/vitrine" --version >/dev/null || fail "Vitrine does not build; its messages are above."
    vitrine=$root/artifacts/run/Vitrine.Cli
}

# The kernel and busybox are the demo's, and come as the demo gets them.
fetch_guest() {
    if [ -f "$demo/vmlinuz" ] && [ -f "$demo/busybox" ]; then return; fi
    build_vitrine
    "$vitrine" demo --accel soft --timeout 1 </dev/null >/dev/null || true
    if ! [ -f "$demo/vmlinuz" ] || ! [ -f "$demo/busybox" ]; then
        fail "'vitrine demo' put no vmlinuz and busybox into $demo. It needs apt and a network; its message is above. Put both there by hand otherwise."
    fi
}

compile() { # INTO FLAGS... SOURCE
    gcc -O2 -Wall -Wextra -Werror -o "$@" || fail "'${*: -1}' does not compile or link. Static libraries are needed (Debian: apt-get install gcc libc6-dev)."
}

# Makes the image unless it is newer than all that it is made from.
build_image() {
    local source object flags objects=()
    fetch_guest
    if [ -f "$image" ] && [ -z "$(find "$shared/programs" "$shared/guest" "$shared/image.sh" "$demo/busybox" -newer "$image" -print -quit)" ]; then return; fi
    command -v gcc >/dev/null || fail "gcc is needed for the programs (Debian: apt-get install gcc libc6-dev)."
    rm -rf "$tree" "$image" "$out/objects"
    mkdir -p "$tree" "$out/objects"
    for source in "$shared"/programs/*.c; do
        flags=()
        case ${source##*/} in
            tiny.c) continue ;;
            x87*.c) flags=(-mfpmath=387) ;;
        esac
        object=$out/objects/$(basename "$source" .c).o
        compile "$object" -c "${flags[@]}" "$source"
        objects+=("$object")
    done
    compile "$tree/programs" -static -s "${objects[@]}" -lm
    compile "$tree/tiny" -static -s "$shared/programs/tiny.c"
    compile "$tree/tiny-pie" -static-pie -s "$shared/programs/tiny.c"
    cp "$demo/busybox" "$shared/guest/init" "$shared/guest/serve" "$tree"
    chmod 755 "$tree/busybox" "$tree/init"

    # /dev/console is in the kernel's own initramfs, so that no root is needed to make a device node here.
    (cd "$tree" && find . -mindepth 1 | sort | ./busybox cpio -o -H newc -R 0:0) > "$image.new" 2>"$out/cpio.log" ||
        fail "busybox' cpio can't make the image; its message is in $out/cpio.log. The disk may be full."
    mv "$image.new" "$image"
}
