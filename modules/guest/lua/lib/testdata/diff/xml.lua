-- SPDX-License-Identifier: Apache-2.0
local lxp = require "lxp";
local all = { "StartElement", "EndElement", "CharacterData", "Comment", "ProcessingInstruction", "StartDoctypeDecl", "EndDoctypeDecl", "StartCdataSection",
	"EndCdataSection", "StartNamespaceDecl", "EndNamespaceDecl" };
local function parse(chunks, callbacks, separator)
	local log, cb = {}, {};
	for _, n in ipairs(callbacks) do cb[n] = function (_, ...) log[#log + 1] = { n, ... } end end
	local p = lxp.new(cb, separator);
	local ok = true;
	for _, c in ipairs(chunks) do
		local err, line;
		ok, err, line = p:parse(c);
		if not ok then log[#log + 1] = { "error", line }; break end
	end
	if ok then
		local done = p:parse();
		log[#log + 1] = { done and "done" or "failed" };
	end
	for _, x in ipairs(log) do P((table.unpack or unpack)(x, 1, 5)) end
	print("--");
end
parse({ "<a x='1' y=\"2&amp;3\"><b>te&lt;xt</b><!-- c --><?pi data?><![CDATA[<raw>]]></a>" }, all);
parse({ "<a xmlns='n' xmlns:p='q' p:z='1' z='2'><p:b/></a>" }, all, "\1"); parse({ "<a><b></a>" }, all); parse({ "<a/><b/>" }, all); parse({ "<a>&foo;</a>" }, all);
parse({ "<a", "/>" }, all); parse({ "<a x='1' x='2'/>" }, all); parse({ "<a>\255</a>" }, all); parse({ "<p:a/>" }, all, "\1"); parse({ "<p:a/>" }, all);
parse({ "<a>x\r\ny</a>" }, { "CharacterData" }); parse({ "<a x='1\n2\t3'/>" }, { "StartElement" }); parse({ "<a>&#65;&#x42;</a>" }, all); parse({ "<a>&#0;</a>" }, all);
parse({ "" }, all); parse({ " <a/> " }, all); parse({ "<a xml:lang='en'/>" }, all, "\1"); parse({ "<a>]]></a>" }, all); parse({ "<a x=1/>" }, all);
parse({ "<a x='<'/>" }, all); parse({ "<1/>" }, all); parse({ "<a b='1'c='2'/>" }, all); parse({ "<!DOCTYPE a><a/>" }, all); parse({ "<a>", "te", "xt", "</a>" }, all);
parse({ "<a xmlns:p=''/>" }, all, "\1"); parse({ "<a xmlns='x'><b xmlns=''/></a>" }, all, "\1"); parse({ "<a><![CDATA[]]]]><![CDATA[>]]></a>" }, { "CharacterData" });
parse({ "<a>&am", "p;\195", "\169</a>" }, all); parse({ "<a><!-- x -- y --></a>" }, all); parse({ "</a>" }, all); parse({ "<a></a >" }, all);
local p = lxp.new({ StartElement = function (q) P(q:pos()) end }); p:parse("<a>\n<b/>"); P(p:pos());
p = lxp.new({ StartElement = function (q) q:stop() end }); P((p:parse("<a>"))); P(p:parse("<b>"));
local lom = require "lxp.lom"; P(lom.parse("<a x='1'>t<b/></a>")); P((lom.parse("<a>"))); P((lom.find_elem(lom.parse("<a><b><c/></b></a>"), "c")));
local x = require "util.xml";
for _, d in ipairs { "<a/>", "<a xmlns='x' y='1'><b xmlns:p='q' p:r='s'>t</b></a>", "<?xml version='1.0'?><a/>", "<!-- c --><a/>", "<a><?pi?></a>",
	"<!DOCTYPE a><a/>", "<a>", "", "<a xml:lang='en'/>", "<a>&lt;&#65;</a>", "<a>x<b/>y</a>", "<a><!-- c --></a>", "<a xmlns:z='1'/>", "<z:a xmlns:z='1'/>" } do
	P(d, (x.parse(d)));
end
P((x.parse("<a><!-- c --></a>", { allow_comments = true }))); P((x.parse("<a><?x y?></a>", { allow_processing_instructions = true })));
