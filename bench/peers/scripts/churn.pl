# Hashes, lists and regular expressions: a log is made up, taken apart and counted.  Prints sums only.
use strict;
use warnings;

my $rounds = shift;
my ($matched, $length) = (0, 0);
for my $turn (1 .. $rounds) {
    my (%by_host, %seen, @lines);
    for my $i (1 .. 12000) {
        my $n = ($i * 7919 + $turn * 104729) % 1000003;
        push @lines, sprintf("host%03d [%06d] \"GET /item/%d?q=%s\" %d", $n % 211, $i, $n, "x" x ($n % 40), 200 + $n % 5);
    }
    for my $line (@lines) {
        next unless $line =~ m{^(\w+) \[(\d+)\] "GET /item/(\d+)\?q=(x*)" (\d+)$};
        $matched++;
        push @{$by_host{$1}{$5}}, {item => $3, query => $4};
        $seen{$3}++;
    }
    for my $host (sort keys %by_host) {
        for my $status (sort keys %{$by_host{$host}}) {
            my $all = join ",", map { $_->{item} . $_->{query} } @{$by_host{$host}{$status}};
            $all =~ s/x{3,}/y/g;
            $length += length $all;
        }
    }
    $length += scalar keys %seen;
}
print "$matched $length\n";
