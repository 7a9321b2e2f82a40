# Makes the report out of the samples: awk -v peers="tcg served vitrine" -f report.awk samples.tsv
# Ends with status 1 if something was wrong with a row, not if it was slow.
{
    split($0, field, "\t")
    peer = field[2]; class = field[3]; row = field[4]; key = peer SUBSEP row
    if (!(class in known)) { known[class] = 1; classes[++classCount] = class }
    if (!(row in classOf)) { classOf[row] = class; rows[++rowCount] = row }
    if (field[5] == "skip") { reason[key] = field[6]; next }
    if (field[5] != "ok") { failed[key] = field[6]; wrong = 1; next }
    value[key, ++count[key]] = field[6]
    if (field[7] == "-") next
    if (!(row in right)) right[row] = field[7]
    if (field[7] != right[row]) { failed[key] = "another checksum"; wrong = 1 }
}

function median(key,    n, i, j, v, kept) {
    n = count[key]
    for (i = 1; i <= n; i++) {
        kept = value[key, i] + 0
        for (j = i - 1; j > 0 && v[j] > kept; j--) v[j + 1] = v[j]
        v[j + 1] = kept
    }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

function good(peer, row) { return count[peer, row] > 0 && !((peer, row) in failed) }
function shown(peer, row) { return good(peer, row) ? sprintf("%.3f", median(peer SUBSEP row)) : (peer, row) in failed ? "failed" : "–" }
function ratio(peer, other, row) { return good(peer, row) && good(other, row) ? median(peer SUBSEP row) / median(other SUBSEP row) : 0 }
function number(x) { return x ? sprintf("%.2f", x) : "–" }

END {
    for (c = 1; c <= classCount; c++) {
        class = classes[c]
        if (class == "micro") {
            print "\n### One call, µs\n\n| | served |\n|---|---|"
            for (r = 1; r <= rowCount; r++) if (classOf[rows[r]] == class) print "| " rows[r] " | " shown("served", rows[r]) " |"
            continue
        }
        print "\n### " class ", s\n\n| row | TCG | served | vitrine run | served / TCG | served / vitrine run |\n|---|---|---|---|---|---|"
        toTcg = toRun = n = m = 0
        for (r = 1; r <= rowCount; r++) {
            row = rows[r]
            if (classOf[row] != class) continue
            a = ratio("served", "tcg", row); b = ratio("served", "vitrine", row)
            if (a) { toTcg += log(a); n++ }
            if (b) { toRun += log(b); m++ }
            if (a > 1) slower = slower (slower ? ", " : "") row
            print "| " row " | " shown("tcg", row) " | " shown("served", row) " | " shown("vitrine", row) " | " number(a) " | " number(b) " |"
        }
        print "| geometric mean | | | | " number(n ? exp(toTcg / n) : 0) " | " number(m ? exp(toRun / m) : 0) " |"
    }
    print "\nRows slower than in TCG: " (slower ? slower : "none") "."
    for (key in failed) { split(key, part, SUBSEP); print "- " part[1] ", " part[2] ": " failed[key] }
    for (key in reason) { split(key, part, SUBSEP); print "- " part[1] ", " part[2] ": skipped, " reason[key] }
    exit wrong
}
