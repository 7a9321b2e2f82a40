# What scripts do: functions, arithmetic, case, substitution, a here-document, sub-shells; for any POSIX shell.
fold() {
    total=0
    for word in $1; do
        case $word in
            *[13579]) total=$((total + word * 3)) ;;
            *) total=$((total - word)) ;;
        esac
    done
    result=$total
}
i=0 sum=0 list=''
while [ $i -lt 20000 ]; do
    list="$list $i"
    if [ ${#list} -gt 200 ]; then
        fold "$list"
        sum=$(((sum * 31 + result) % 1000003))
        list=${list##* }
    fi
    i=$((i + 1))
done
i=0
while [ $i -lt 60 ]; do
    sum=$(echo $((sum + i)))
    read -r line <<TEXT
$sum $i
TEXT
    i=$((i + 1))
done
echo "$sum $line"
