#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# extauth.pl FILE answers Tercet or ejabberd about the accounts in FILE, whose
# lines are user@host, a tab, and the password as salt$hash. It only reads them:
# accounts are made by somebody else, such as extauth.py.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256);

use constant ROUNDS => 10_000;

my $file = shift or die "usage: extauth.pl FILE\n";
binmode STDIN;
binmode STDOUT;
$| = 1;    # an answer goes out at once

sub pbkdf2 {
	my ($password, $salt) = @_;
	my $block = hmac_sha256($salt . pack('N', 1), $password);
	my $sum   = $block;
	for (2 .. ROUNDS) {
		$block = hmac_sha256($block, $password);
		$sum ^= $block;
	}
	return unpack 'H*', $sum;
}

# kept returns what the file has for an account.
sub kept {
	my $jid = shift;
	open my $in, '<', $file or die "$file: $!\n";
	while (<$in>) {
		chomp;
		my ($name, $secret) = split /\t/, $_, 2;
		return $secret if defined $secret && $name eq $jid;
	}
	return;
}

sub answer {
	my ($op, $user, $host, $password) = split /:/, shift, 4;    # a password may hold colons
	return 0 unless defined $host;
	my $secret = kept("$user\@$host");
	return defined $secret ? 1 : 0 if $op eq 'isuser' && !defined $password;
	return 0 unless $op eq 'auth' && defined $password;
	my ($salt, $hash) = split /\$/, $secret // ('0' x 32 . '$'), 2;
	return pbkdf2($password, $salt) eq $hash ? 1 : 0;
}

while ((read(STDIN, my $head, 2) // 0) == 2) {
	my $length = unpack 'n', $head;
	(read(STDIN, my $question, $length) // 0) == $length or die "the question is cut off\n";
	print pack 'nn', 2, answer($question);
}
