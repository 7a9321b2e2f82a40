# Hashes, regular expressions, sorting and functions.
use strict;
use warnings;

sub fib { my $n = shift; return $n < 2 ? $n : fib($n - 1) + fib($n - 2) }

my ($seed, %count, @lines) = (7);
for my $i (1 .. 300000) {
    $seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
    push @lines, sprintf("%d user%d GET /page/%d.html %d", $i, $seed % 97, $seed % 1009, ($seed >> 8) % 5000);
}
for (@lines) {
    next unless m{^(\d+) (user\d+) GET /page/(\d+)\.html (\d+)$};
    $count{$2} += $4;
    s/user(\d)/U$1/g;
    $count{substr($_, 0, 3)}++ if /U[13579].*[02468]$/;
}
print join(',', map { "$_=$count{$_}" } (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 20]), "\n";
print fib(22), "\n";
