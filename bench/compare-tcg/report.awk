# Makes the report out of ./targets, ./rows and the samples: awk -v peers="native tcg translated vitrine" -f report.awk targets rows samples.tsv
# Ends with status 1 if something was wrong with a row, not if it was slow.

BEGIN { peerCount = split(peers, order, " ") }
FNR == 1 { file++ }
/^#/ || NF == 0 { next }

file == 1 {
    class = $1
    classes[++classCount] = class
    against[class] = $2; has[class] = $3; must[class] = $4; aim[class] = $5
    $1 = $2 = $3 = $4 = $5 = ""
    sub(/^ +/, "")
    title[class] = $0
    next
}

file == 2 { rows[++rowCount] = $2; classOf[$2] = $1; next }

# Samples: round, peer, class, row, result, then seconds, checksum, seconds by the host's clock; or a reason.
{
    split($0, field, "\t")
    row = field[4]; key = field[2] SUBSEP row
    seen[row] = seenClass[field[3]] = 1
    if (field[5] != "ok") {
        if (state[key] != "fail") { state[key] = field[5]; reason[key] = field[6] }
        next
    }
    if (state[key] == "") state[key] = "ok"
    count[key]++
    value[key, count[key]] = field[6]
    if (field[8] != "-") hostValue[key, count[key]] = field[8]
    if (field[7] == "-") next
    if (!(row in right)) { right[row] = field[7]; rightBy[row] = field[2] }
    if (field[7] != right[row]) wrong[key] = field[7]
}

function median(values, key,    n, i, j, v, kept) {
    n = count[key]
    for (i = 1; i <= n; i++) {
        kept = values[key, i] + 0
        for (j = i - 1; j > 0 && v[j] > kept; j--) v[j + 1] = v[j]
        v[j + 1] = kept
    }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

function good(peer, row) { return state[peer, row] == "ok" && !((peer, row) in wrong) }
function number(x) { return sprintf(x < 10 ? "%.2f" : x < 100 ? "%.1f" : "%.0f", x) }
function problem(text) { sub(/\.$/, "", text); problems[++problemCount] = text }
function name(peer) { return peer == "tcg" ? "TCG" : peer == "vitrine" ? "Vitrine" : peer }
function measured(peer) { return index(" " peers " ", " " peer " ") > 0 }

# A ratio of medians, or a dash where one of them is missing.
function ratio(peer, other, row) { return good(peer, row) && good(other, row) ? median(value, peer SUBSEP row) / median(value, other SUBSEP row) : 0 }
function shown(x) { return x ? number(x) : "–" }

function note(peer, row,    key, guest, host, text) {
    key = peer SUBSEP row
    if (state[key] == "skip") return "; " name(peer) " skipped: " reason[key]
    if (state[key] == "fail") {
        problem(name(peer) ", " row ": " reason[key])
        return "; **" name(peer) " failed**"
    }
    if (state[key] == "") return ""
    if (key in wrong) {
        problem(name(peer) ", " row ": the result is " wrong[key] ", and " name(rightBy[row]) " had " right[row])
        text = "; **" name(peer) " computed wrongly**"
    }
    guest = median(value, key)
    host = median(hostValue, key)
    if (guest - host > 0.1 + host * 0.1 || host - guest > 0.1 + host * 0.1) {
        problem(name(peer) ", " row ": took " number(guest) " s by the guest's clock, and " number(host) " s by the host's")
        text = text "; **" name(peer) "'s clock is wrong**"
    }
    return text
}

function columns(    p, line) {
    line = "| row |"
    for (p = 1; p <= peerCount; p++) line = line " " name(order[p]) ", s |"
    if (measured("native")) for (p = 1; p <= peerCount; p++) if (order[p] != "native") line = line " " name(order[p]) " × |"
    if (measured("tcg") && measured("vitrine")) line = line " Vitrine / TCG |"
    if (measured("translated") && measured("vitrine")) line = line " Vitrine / translated |"
    return line " |"
}

function rule(line) { gsub(/[^|]+/, "---", line); return line }

function seconds(peer, row) { return good(peer, row) ? sprintf("%.3f", median(value, peer SUBSEP row)) : "–" }

function printClass(class,    i, p, row, line, notes, r, all, n, of) {
    printf "\n## %s\n\n%s\n%s\n", title[class], columns(), rule(columns())
    for (i = 1; i <= rowCount; i++) {
        row = rows[i]
        if (classOf[row] != class || !(row in seen)) continue
        of++
        line = "| " row " |"
        notes = ""
        all = 1
        for (p = 1; p <= peerCount; p++) {
            notes = notes note(order[p], row)
            line = line " " seconds(order[p], row) " |"
            if (!good(order[p], row)) all = 0
        }
        if (measured("native")) for (p = 1; p <= peerCount; p++) if (order[p] != "native") line = line " " shown(ratio(order[p], "native", row)) " |"
        if (measured("tcg") && measured("vitrine")) {
            r = ratio("vitrine", "tcg", row)
            line = line " " shown(r) " |"
            if (r > 1) { notes = notes "; **slower than TCG**"; slower = slower ", " row }
        }
        if (measured("translated") && measured("vitrine")) line = line " " shown(ratio("vitrine", "translated", row)) " |"
        print line " " substr(notes, 3) " |"

        # A mean is taken over the rows that all have, so that means can be compared.
        if (!all) continue
        n++
        if (measured("native")) for (p = 1; p <= peerCount; p++) mean[order[p], class] += log(ratio(order[p], "native", row))
        if (measured("tcg") && measured("vitrine")) between[class] += log(ratio("vitrine", "tcg", row))
        if (measured("translated") && measured("vitrine")) engines[class] += log(ratio("vitrine", "translated", row))
    }
    counted[class] = n == of ? n : n + 0 " of " of
    if (n) {
        if (measured("native")) for (p = 1; p <= peerCount; p++) mean[order[p], class] = exp(mean[order[p], class] / n)
        if (measured("tcg") && measured("vitrine")) between[class] = exp(between[class] / n)
        if (measured("translated") && measured("vitrine")) engines[class] = exp(engines[class] / n)
    } else between[class] = engines[class] = 0
}

function machineLine(text, row, format,    p, line) {
    line = "| " text " |"
    for (p = 1; p <= peerCount; p++) if (order[p] != "native") line = line " " (good(order[p], row) ? sprintf(format, median(value, order[p] SUBSEP row)) : "–") " |"
    print line " " shown(ratio("vitrine", "tcg", row)) " |"
}

function printBoot(    p, line, any) {
    line = "| |"
    for (p = 1; p <= peerCount; p++) {
        if (order[p] == "native") continue
        if (state[order[p], "to-init"] == "fail") problem(name(order[p]) " did not come up: " reason[order[p], "to-init"])
        if (good(order[p], "to-init")) any = 1
        line = line " " name(order[p]) " |"
    }
    if (!any) return 0
    line = line " Vitrine / TCG |"
    printf "\n## Boot and memory\n\n%s\n%s\n", line, rule(line)
    machineLine("start of the process to the kernel's first line, s", "first-line", "%.3f")
    machineLine("the kernel's first line to `/init`, s", "to-init", "%.3f")
    machineLine("resident at the guest's prompt (VmRSS), MiB", "resident", "%.1f")
    machineLine("resident at most until then (VmHWM), MiB", "peak", "%.1f")
    between["boot"] = ratio("vitrine", "tcg", "to-init")
    counted["boot"] = "–"
    return 1
}

function verdict(x, class) { return !x ? "–" : x <= aim[class] ? "aim reached" : x <= must[class] ? "reached" : "**missed**" }

END {
    for (i = 1; i <= classCount; i++) {
        if (!(classes[i] in seenClass)) continue
        if (classes[i] == "boot") {
            if (!printBoot()) delete seenClass["boot"]
        } else printClass(classes[i])
    }

    line = "| class | rows |"
    for (p = 1; p <= peerCount; p++) if (order[p] != "native") line = line " " name(order[p]) " × |"
    line = line " Vitrine / TCG |" (measured("translated") ? " Vitrine / translated |" : "") " must reach | aim | |"
    printf "\n## Classes\n\nGeometric means of the rows that ran everywhere.\n\n%s\n%s\n", line, rule(line)
    for (i = 1; i <= classCount; i++) {
        class = classes[i]
        if (!(class in seenClass)) continue
        unit = against[class] == "tcg" ? " × TCG" : against[class] == "translated" ? " × translated" : ""
        reached = against[class] == "tcg" ? between[class] : against[class] == "translated" ? engines[class] : mean["vitrine", class]
        line = "| " title[class] " | " counted[class] " |"
        for (p = 1; p <= peerCount; p++) if (order[p] != "native") line = line " " shown(mean[order[p], class]) " |"
        line = line " " shown(between[class]) " |" (measured("translated") ? " " shown(engines[class]) " |" : "")
        printf "%s %s%s | %s%s | %s |\n", line, must[class], unit, aim[class], unit, verdict(reached, class)
    }
    if (measured("tcg") && measured("vitrine")) {
        printf "\nRows slower than in TCG: %s.\n", slower == "" ? "none" : substr(slower, 3)
        if (("boot" in seenClass) && (r = ratio("vitrine", "tcg", "resident"))) printf "Resident memory: %s.\n", r < 1 ? "less than QEMU's" : "**not less than QEMU's**"
    }

    if (problemCount) {
        printf "\n## Wrong\n\n"
        for (i = 1; i <= problemCount; i++) print "- " problems[i] "."
    }
    exit problemCount > 0
}
