# Compiles several files with the options given, and prints checksums of what came out.
cd sources || exit
for source in hashing json regex sorts jit lz text expressions; do
    /usr/bin/gcc "$@" -fdebug-prefix-map="$PWD=." -o "$source.o" "$source.c" || exit
done
/usr/bin/cksum ./*.o
