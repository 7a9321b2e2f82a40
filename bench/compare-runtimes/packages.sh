# The image with real runtimes: the files of the host's packages at their own places, behind what compare-tcg's image has; sourced by ./run.
# shellcheck shell=bash disable=SC2154 # here, shared, out, tree, image, demo: of ./run, and of compare-tcg's compare.sh and image.sh

# The package that a program on the path belongs to has to be there.
needed=(python3:python3 perl:perl node:nodejs java:default-jre-headless javac:default-jdk-headless gcc:gcc lua5.4:lua5.4 sqlite3:sqlite3 mksh:mksh
    mawk:mawk dash:dash bash:bash)

install_packages() {
    local pair missing=()
    for pair in "${needed[@]}"; do
        [ -x "/usr/bin/${pair%%:*}" ] || missing+=("${pair#*:}")
    done
    [ -f /usr/include/stdlib.h ] || missing+=(libc6-dev)
    [ ${#missing[@]} = 0 ] && return
    say "Installing ${missing[*]}."
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >"$out/apt.log" 2>&1 ||
        fail "Packages can't be installed; see $out/apt.log. Install them as root: apt-get install ${missing[*]}"
}

# Of the names and patterns of packages, those that are installed.
installed() {
    dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p'
}

package_files() {
    local python gcc java
    python=$(basename "$(readlink -f /usr/bin/python3)")
    gcc=$(gcc -dumpversion)
    java=$(dpkg -S "$(readlink -f /usr/bin/java)" | sed 's/: .*//')
    printf '/usr/bin/%s\n' java awk
    installed python3-minimal "$python-minimal" "lib$python-minimal" "lib$python-stdlib" perl-base perl 'perl-modules-5*' 'libperl5*' \
        nodejs 'libnode1*' node-acorn node-cjs-module-lexer node-undici node-busboy node-xtend "$java" lua5.4 sqlite3 mksh dash bash mawk sed grep \
        findutils coreutils gcc "gcc-$gcc" cpp "cpp-$gcc" "libgcc-$gcc-dev" binutils 'binutils-x86-64-linux-gnu' libc6-dev linux-libc-dev |
        xargs dpkg -L | grep -Ev '^/usr/share/(doc|man|locale|info|lintian|bug|bash-completion|applications|pixmaps|icons|binfmts|gcc|gdb)/' |
        grep -Ev "/node_modules/|san\.(a|so)|sanitizer|/lto1$|/$python/(test|idlelib|ensurepip|lib2to3|config-)|/gconv/|/libtsan|/x32/|/32/"
}

# .NET has no package in Debian: the runtime of the dotnet on the path, if there is one.
dotnet_files() {
    local folder
    command -v dotnet >/dev/null || return 0
    folder=$(dirname "$(readlink -f "$(command -v dotnet)")")
    echo /usr/bin/dotnet
    find "$folder/dotnet" "$folder/host" "$folder/shared/Microsoft.NETCore.App" \( -type f -o -type l \)
}

# Programs and libraries of those that are read, with the libraries that they need.
with_libraries() {
    tee >(grep -E '/s?bin/|\.so(\.|$)|/libexec/|/gcc/' | xargs ldd 2>/dev/null | awk '$2 == "=>" && $3 ~ "^/" { print $3 } $1 ~ "^/.*[^:]$" { print $1 }')
}

# The files that are read, and each that they lead to by symbolic links, without the links of folders such as /lib.
with_links() {
    local file target
    while read -r file; do
        while [ -L "$file" ]; do
            echo "$file"
            target=$(readlink "$file")
            [[ $target == /* ]] || target=$(dirname "$file")/$target
            file=$(realpath -s -m "$target")
        done
        if [ -f "$file" ]; then echo "$file"; fi
    done | if [ -L /lib ]; then sed -E 's,^/(bin|sbin|lib|lib32|lib64|libx32)/,/usr/\1/,'; else cat; fi
}

# The programs of ./programs, compiled where they are run compiled, and what compare-tcg compiles, as sources.
make_programs() {
    local folder references
    cp "$here"/programs/* "$here/guest/init" "$tree"
    mkdir -p "$tree/sources"
    cp "$shared"/programs/*.[ch] "$tree/sources"
    javac -d "$tree" "$here/programs/Compute.java" || fail "Compute.java does not compile."
    command -v dotnet >/dev/null || return 0
    folder=$(dirname "$(readlink -f "$(command -v dotnet)")")
    mapfile -t references < <(find "$folder"/packs/Microsoft.NETCore.App.Ref/*/ref -name '*.dll' -printf '-r:%p\n')
    dotnet "$(find "$folder/sdk" -path '*/Roslyn/bincore/csc.dll' | sort | tail -n 1)" -nologo -noconfig -nostdlib -optimize+ -deterministic \
        "-out:$tree/Compute.dll" "$here/programs/Compute.cs" "${references[@]}" ||
        fail "Compute.cs does not compile."
    printf '{ "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "%s" }, "configProperties": { %s: true } } }\n' \
        "$(dotnet --list-runtimes | awk '$1 == "Microsoft.NETCore.App" { v = $2 } END { print v }')" '"System.Globalization.Invariant"' > "$tree/Compute.runtimeconfig.json"
}

make_image() {
    local base
    install_packages
    build_image
    base=$image image=$out/runtimes.cpio
    if [ ! -f "$image" ] || [ -n "$(find "$base" "$here/programs" "$here/guest" "$here/packages.sh" /var/lib/dpkg/status -newer "$image" -print -quit)" ]; then
        make_programs
        { package_files; dotnet_files; } | with_libraries | with_links | sort -u > "$out/files"
        {
            cat "$base"
            (cd "$tree" && find . -mindepth 1 | sort | ./busybox cpio -o -H newc -R 0:0)
            cd /
            { for link in bin sbin lib lib64; do if [ -L "/$link" ]; then echo "$link"; fi; done
              sed 's,^/,,' "$out/files" | awk -F/ '{ p = $1; for (i = 2; i <= NF; i++) { if (!(p in made)) print p; made[p]; p = p "/" $i } print p }'
            } | "$tree/busybox" cpio -o -H newc -R 0:0
        } > "$image.new" 2>"$out/cpio.log" || fail "busybox' cpio can't make the image; its message is in $out/cpio.log. The disk may be full."
        mv "$image.new" "$image"
    fi

    # Natively the same files are read from their own places, which may be on a disk. Links of folders are no files.
    xargs -d '\n' cat < "$out/files" >/dev/null 2>&1 || true
}
