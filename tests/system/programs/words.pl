use strict;
use warnings;
my ($state, %count, @all) = (42);
sub rnd { $state = ($state * 1103515245 + 12345) % 2147483648; return int($state / 65536) % $_[0]; }
for (1 .. 60000) { my $word = join '', map { chr(97 + rnd(8)) } 1 .. 1 + rnd(9); $count{$word}++; push @all, $word; }
print "$_ $count{$_}\n" for (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 20];
my $text = join ' ', @all;
(my $changed = $text) =~ s/([aeiou])/<$1>/g;
print length($text), ' ', length($changed), ' ', scalar(() = $changed =~ /<a>/g), "\n";
for my $i (1 .. 5) {
  pipe(my $reader, my $writer) or die;
  if (!fork) { my @own = map { $_ x 50 } @all[0 .. 5000]; print $writer scalar(@own), " $i\n"; close $writer; exit 0; }
  close $writer;
  print scalar(<$reader>);
  wait;
}
warn "a warning\n";
