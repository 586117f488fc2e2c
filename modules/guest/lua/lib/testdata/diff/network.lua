-- SPDX-License-Identifier: Apache-2.0
local ip = require "util.ip";
for _, a in ipairs { "127.0.0.1", "10.0.0.1", "8.8.8.8", "::1", "fe80::1", "2001:db8::1", "::ffff:10.0.0.1", "fc00::1", "192.168.1.1", "169.254.1.1",
	"2002:0a00:0001::", "2001::1", "fec0::1", "ff02::1", "172.20.1.1", "100.64.0.1" } do
	local i = ip.new_ip(a);
	P(a, i.addr, i.proto, i.private, i.scope, i.label, i.precedence, i.packed, i.bits, tostring(i), i.normal); P(i.toV4mapped and i.toV4mapped.addr);
end
T(ip.new_ip, "x"); T(ip.new_ip, "1.2.3.4", "IPv4"); P(ip.new_ip("fe80::1%eth0").zone, ip.new_ip("fe80::1%eth0").addr);
local function cidr(s) local i, bits = ip.parse_cidr(s); P(i and i.addr, bits); end
cidr("10.0.0.0/8"); cidr("::/0"); cidr("10.0.0.1"); cidr("x/8"); cidr("10.0.0.0/x");
local n = ip.new_ip;
P(ip.match(n "10.1.2.3", n "10.0.0.0", 8), ip.match(n "11.1.2.3", n "10.0.0.0", 8), ip.match(n "10.1.2.3", n "10.1.2.3"), ip.match(n "::ffff:10.1.2.3", n "10.0.0.0", 8));
P(ip.match(n "::1", n "10.0.0.0", 8), ip.match(n "2001:db8::1", n "2001:db8::", 32));
P(ip.commonPrefixLength(n "10.0.0.1", n "10.0.0.2"), ip.commonPrefixLength(n "::1", n "::2"), ip.commonPrefixLength(n "::1", n "::1"));
P(n "10.0.0.1" == n "10.0.0.1", n "10.0.0.1" == n "10.0.0.2");
local u = require "socket.url";
for _, s in ipairs { "http://user:pa%20ss@host.example:8080/a/b;p=1?q=1&r=2#frag", "http://host", "xmpp:a@b", "/a/b?c", "//host/x", "http://[::1]:80/x", "",
	"mailto:x@y", "http://host?x", "a/b/c", "?q", "#f", "HTTP://Host/", "http://user@h/", "http://h:/", "http://u:@h", "http://a@b@c/", "x:", "1x:y", "http:///p" } do
	P(s, u.parse(s)); P(u.build(u.parse(s) or {}));
end
P(u.parse("/x", { scheme = "s", host = "h" })); P(u.parse(nil));
P(u.build { scheme = "http", host = "h", port = 80, path = "/x", query = "q" }, u.build { path = "x" }, u.build { scheme = "x", user = "u", password = "p", host = "h" });
P(u.build { host = "::1", scheme = "h" }, u.build { scheme = "xmpp", path = "a@b" });
for _, p in ipairs { "/a/b%20c/", "a//b", "", "/" } do P(u.parse_path(p)); end
P(u.build_path { "a", "b c", is_absolute = 1, is_directory = 1 }, u.build_path { "a", "b;c" }, u.build_path({ "a b" }, true), u.build_path {});
P(u.escape("a\195\169 b/~-_.!*'()"), u.unescape("a%20b%zz+"));
for _, r in ipairs { "c", "/c", "../c", "//x/c", "?q", "#f", "", "./d", "c/../d/.", "g;x", "http://z" } do P(r, u.absolute("http://h/a/b", r)); end
P(u.absolute("http://h/a/./b/../c", "d"), u.absolute("http://h", "c"));
local net = require "util.net";
P(net.pton("127.0.0.1"), net.pton("::1"), net.pton("x"), net.ntop("\127\0\0\1")); P(net.ntop("x")); P(net.ntop(("\0"):rep(15) .. "\1")); P(type(net.local_addresses()));
local lfs = require "lfs";
P(lfs.attributes("/tmp", "mode")); P((lfs.attributes("/nope"))); P(select("#", lfs.attributes("/nope")), (select(3, lfs.attributes("/nope"))));
local names = {}; for k, v in pairs(lfs.attributes("/tmp")) do names[#names + 1] = k .. type(v) end table.sort(names); P(names);
T(lfs.dir, "/nope"); P(lfs.mkdir("/tmp")); P(lfs.mkdir("/nope/x")); P(lfs.rmdir("/nope")); T(lfs.attributes, "/tmp", "nope2");
P(lfs.attributes("/tmp", "permissions"), lfs.attributes("/etc/passwd", "mode"), lfs.attributes("/dev/null", "mode"), lfs.attributes("/etc/passwd", "size"));
local found; for f in lfs.dir("/etc") do found = found or f == "passwd" end P(found); P(lfs.currentdir() == os.getenv("PWD"));
local pp = require "util.pposix"; P(pp.mkdir("/nope/x")); P(pp.uname().sysname, pp.ENOENT); P((pp.getrlimit("NOFILE"))); P(pp.getrlimit("foo"));
P(type(pp.getpid()), type(pp.getuid()), type(pp.meminfo().used));
local tm = require "util.time"; P(math.abs(tm.now() - os.time()) < 2, type(tm.monotonic())); local tt = require "util.table"; P(tt.pack(1, nil, 3)); P(tt.create(1, 2));
P(require "util.signal".SIGTERM, require "util.signal".SIGHUP); T(require "util.signal".kill, 1, "SIGFOO");
