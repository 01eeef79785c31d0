package main

import (
	"fmt"
	"sort"
	"strings"
)

// tricky lists inputs at the edges of the rules.
func tricky() []input {
	var list []input
	for name, texts := range groups() {
		for n, text := range texts {
			list = append(list, input{fmt.Sprintf("%s-%02d", name, n), text})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].name < list[j].name })
	return list
}

func groups() map[string][]string {
	long := strings.Repeat("9", 40)
	return map[string][]string{
		"empty": {"", "\n", "\r\n", " \t\n", "// c", "// c\n", "//\r\n", "//\r", "// a\n\n// b\n"},
		"module": {
			"module example.com/m", "module example.com/m\n", "module \"example.com/m\"\n", "module `example.com/m`\n",
			"module 'example.com/m'\n", "module \"\"\n", "module\n", "module a b\n", "module a\nmodule b\n", "module\nmodule b\n",
			"module (\n\texample.com/m\n)\n", "module ()\n", "module ( )\nmodule x\n", "module (\n)\n", "module (\n\ta\n\tb\n)\n",
			"module(a)\n", "module ( a )\n", "module a (\n", "module a()\n", "Module a\n", "module a//b\n", "module a/b//c d\n",
			"module a/*b\n", "module a /* b */\n", "module \"a//b\"\n", "module \"a\\x2fb\"\n", "module \"a\\nb\"\n", "module \"a\nb\"\n",
			"module \"a\\\nb\"\n", "module \"a", "module \"a\\", "module `a\\`\n", "module \"a\"b\n", "module a\"b\n", "module a'b\n",
			"module a`b\n", "module \"\\q\"\n", "module \"\\'\"\n", "module a\\b\n", "module a, b\n", "module [a]\n", "module {\n",
			"module a\tb\n", "module a\rb\n", "module a\vb\n", "module a\u00a0b\n", "module a\u200bb\n", "module \ufeffa\n",
			"\ufeffmodule a\n", "module \u65e5\u672c/\u00e9\n", "module a\x00b\n", "module \xff\n", "module \"\xff\"\n", "module \u2028\n",
			"module \U0001F600\n", "module \u0301a\n", "module\u3000a\n", "  module a  \n", "\tmodule\ta\r\n", "module .\n", "module a b c\n",
			"module \"\\u00e9\\U0001F600\\101\\t\"\n", "module \"\\ud800\"\n", "module \"\\400\"\n", "modulea b\n", "module \"a\" // c\n",
			"module // a\n", "module \"a//b\" // c\n", "module `a//b`\n", "x\nmodule b\n", "require (\nmodule x v1.0.0\n)\nmodule y\n",
			"module \"(\"\n", "module a )\n", ") module\n", "(\n", "( module a )\n", "()\n", ",\n", "=>\n", "\"module\" a\n", "`module` a\n",
		},
		"deprecated": {
			"// Deprecated: use x\nmodule a\n", "module a // Deprecated: use x\n", "// Deprecated: one\n// two\n//\n// three\nmodule a\n",
			"// text\n//\n// Deprecated: yes\nmodule a\n", "// text\n// Deprecated: no\nmodule a\n", "// Deprecated:\nmodule a\n",
			"// Deprecated:    spaces   \nmodule a\n", "//Deprecated: x\nmodule a\n", "// deprecated: x\nmodule a\n",
			"// Deprecated: x\n\nmodule a\n", "// Deprecated: x\nmodule (\n\ta\n)\n", "module ( // Deprecated: x\n\ta\n)\n",
			"module (\n\t// Deprecated: x\n\ta\n)\n", "// Deprecated: block\nmodule (\n\t// line\n\ta\n)\n",
			"// Deprecated: block\nmodule (\n\n\ta\n)\n", "module (\n\ta // Deprecated: x\n)\n", "module (\n\ta\n) // Deprecated: x\n",
			"// a\nmodule a // Deprecated: b\n", "// a\n//\nmodule a // Deprecated: b\n", "//\n// Deprecated: x\nmodule a\n",
			"//\n//\n// Deprecated: x\n//\n//\n// y\nmodule a\n", "// Deprecated: x\n//\n// Deprecated: y\nmodule a\n",
			"// Deprecated:\n//\n// Deprecated: y\nmodule a\n", "// Deprecated: \u00a0x\u00a0\nmodule a\n", "/// Deprecated: x\nmodule a\n",
			"// Deprecated: x\r\nmodule a\r\n", "// Deprecated:\tx\nmodule a\n", "// Deprecated: x\nmodule a b\n", "//\n// a\n// \n// Deprecated: z\nmodule a\n",
		},
		"go": {
			"go 1.21\n", "go 1.21.0\n", "go 1.21rc1\n", "go 1.21.0rc1\n", "go 1.21beta\n", "go 1.21rc\n", "go 1\n", "go 1.\n", "go 01.2\n",
			"go 1.02\n", "go 1.2.03\n", "go 1.2.3.4\n", "go v1.21\n", "go v1.21.0\n", "go v1.21-dev\n", "go 1.21-dev\n", "go 1.21x1y\n", "go 1.21.x\n",
			"go 1.21\u00e9\n", "go 1.0\n", "go 0.1\n", "go 1.x\n", "go go1.21\n", "go \"1.21\"\n", "go 1.21 x\n", "go\n", "go 1.21\ngo 1.22\n",
			"go bad\ngo 1.22\n", "go (\n\t1.21\n)\n", "go 1.21 // c\n", "go " + long + "." + long + "\n", "go 1.21RC1\n", "go 1.21rc1rc2\n", "go vv1.2.3\n",
			"go \"1.2\\\nx\"\n", "go 1.20.\n", "go 1.20-\n", "go v1.20\n", "go 1.20)\n", "go 1.9.1a\n", "go v01.2-x\n", "go v1.02\n", "go 10.20.30abc40\n",
		},
		"toolchain": {
			"toolchain go1.21.0\n", "toolchain default\n", "toolchain go1\n", "toolchain go1.\n", "toolchain go1x\n", "toolchain go2\n", "toolchain local\n",
			"toolchain go1.21.0-custom\n", "toolchain\n", "toolchain a b\n", "toolchain go1.21\ntoolchain go1.22\n", "toolchain (\n\tgo1.21\n)\n", "toolchain \"default\"\n",
			"toolchain defaultx\n", "toolchain go\n",
		},
		"godebug": {
			"godebug a=b\n", "godebug a\n", "godebug a=b=c\n", "godebug =\n", "godebug a =b\n", "godebug \"a=b\"\n", "godebug a=b,c\n", "godebug a='b\n",
			"godebug (\n\ta=b\n\tc=d\n)\n", "godebug\n", "godebug a=(\n", "godebug a=b // c\n", "godebug =>\n",
		},
		"require": {
			"require a v1.0.0\n", "require a v1\n", "require a v1.2\n", "require a v1.2.3+meta\n", "require a v2.0.0\n", "require a v2.0.0+incompatible\n",
			"require a v1.0.0+incompatible\n", "require a/v2 v2.0.0\n", "require a/v2 v3.0.0\n", "require a/v2 v2.0.0+incompatible\n", "require a/v1 v1.0.0\n",
			"require a/v0 v0.0.0\n", "require a/v02 v2.0.0\n", "require a/v2.3 v2.0.0\n", "require gopkg.in/a v1.0.0\n", "require gopkg.in/a.v1 v1.0.0\n",
			"require gopkg.in/a.v1 v0.0.0-20260101000000-0123456789ab\n", "require gopkg.in/a.v1 v0.1.0\n", "require gopkg.in/a.v2-unstable v2.1.0\n",
			"require gopkg.in/a.v2-unstable v1.1.0\n", "require gopkg.in/a.v0 v0.1.0\n", "require gopkg.in/a.v01 v1.1.0\n", "require gopkg.in/a.v2 v2\n", "require a\n", "require a v1.0.0 x\n",
			"require\n", "require a latest\n", "require a 1.0.0\n", "require a v1.0.0-01\n", "require a V1.0.0\n", "require \"a\" \"v1.0.0\"\n", "require `a` v1.0.0\n",
			"require a `v1.0.0`\n", "require a 'v1.0.0'\n", "require \"a\\q\" v1.0.0\n", "require a \"v1\\q\"\n", "require a \"v1.0.0\nx\"\n", "require a v1.0.0 // indirect\n",
			"require a v1.0.0 //indirect\n", "require a v1.0.0 // indirect; why\n", "require a v1.0.0 // indirect;\n", "require a v1.0.0 // indirect why\n", "require a v1.0.0 // x indirect\n",
			"require a v1.0.0 //\tindirect\t\n", "require a v1.0.0 /// indirect\n", "require a v1.0.0 ////indirect\n", "require a v1.0.0 //  indirect\u00a0\n", "require a v1.0.0//indirect\n",
			"// indirect\nrequire a v1.0.0\n", "require (\n\ta v1.0.0 // indirect\n\tb v1.0.0\n)\n", "require (\n\ta v1.0.0\n\n\t// c\n\tb v1.0.0 // indirect\n) // indirect\n",
			"require ( // indirect\n\ta v1.0.0\n)\n", "require ( a v1.0.0 )\n", "require (a v1.0.0\n)\n", "require (\n\ta v1.0.0)\n", "require (\n\ta v1.0.0\n) x\n", "require (\n\ta v1.0.0\n", "require (",
			"require (\n", "\trequire (\n", "require () // indirect\nrequire a v1.0.0\n", "require (\n)\n", "require ((\n)\n", "require (\n(\n)\n", "require (\n)\n)\n", "require x (\n\ta v1.0.0\n)\n",
			"require (\n\trequire a v1.0.0\n)\n", "require (\n\ta v1 (\n)\n", "require (\n\ta ( )\n)\n", "require ( )\n", "require ( ) x\n", "require ( x\n", "require (\n\"a\\\n\" v1.0.0 // indirect\n)\n",
			"require a v1.0.0\nrequire b \"v1.0.0\\\n\" // indirect\n", "require a v1.0.0\nfoo \"\\\n\" // indirect\n", "require a \"v1.0.0\\\n\"\nfoo // indirect\n", "// x\n\nfoo \"\\\n\" // indirect\n", "require a " + "v" + long + "." + long + "." + long + "\n",
			"require \"\" v1.0.0\n", "require a//b v1.0.0\n", "require \"a b\" v1.0.0\n", "require a v1.0.0 bad\nrequire b\nfoo\n", "require v1.0.0 a\n", "require a@v1.0.0\n", "require a v1.0.0\r\n", "require a v1.0.0 // indirect\r\n", "require a v1.0.0 // indirect\r",
			"require /v2 v2.0.0\n", "require v2 v1.0.0\n", "require x/v2/ v1.0.0\n", "require 1.2 v1.0.0\n", "require \"\\xff\" v1.0.0\n",
		},
		"exclude": {"exclude a v1.0.0\n", "exclude a v2\n", "exclude a\n", "exclude (\n\ta v1.0.0\n\tb v2.0.0\n)\n", "exclude a/v1 v1.0.0\n"},
		"replace": {
			"replace a => ./b\n", "replace a => ../b\n", "replace a => /b\n", "replace a => .\n", "replace a => ..\n", "replace a => .\\b\n", "replace a => ..\\b\n", "replace a => C:\\b\n", "replace a => c:b\n", "replace a => \\b\n", "replace a => ./b\\c\n",
			"replace a => \"./b\\\\c\"\n", "replace a => b\n", "replace a => b@v1.0.0\n", "replace a => b v1.0.0\n", "replace a => b v2.0.0\n", "replace a => b/v2 v2.0.0\n", "replace a => b/v2 v1.0.0\n", "replace a v1.0.0 => b v1.0.0\n",
			"replace a v1 => b v1\n", "replace a v2.0.0 => b v1.0.0\n", "replace a/v2 v2.0.0 => b v1.0.0\n", "replace a/v1 => b v1.0.0\n", "replace a/v1 x => b v1.0.0\n", "replace a x => b v1.0.0\n", "replace a => b x\n", "replace a => ./b v1.0.0\n",
			"replace a => ./b x\n", "replace a =>\n", "replace a\n", "replace => b\n", "replace a b c => d\n", "replace a => b v1.0.0 c\n", "replace a v1.0.0 b\n", "replace a => => =>\n", "replace a => b =>\n", "replace => => b\n", "replace => => => b\n",
			"replace \"a\" => \"./b c\"\n", "replace `a` => ./b\n", "replace a 'v1 => ./b\n", "replace a => 'b\n", "replace a => \"b\\q\"\n", "replace a => b 'v1.0.0\n", "replace (\n\ta => ./b\n\tc v1.0.0 => d v1.0.0\n)\n", "replace a=>b\n", "replace a => ~/b\n", "replace a => .b\n",
			"replace a => \"\"\n", "replace \"\" => ./x\n", "replace a \"=>\" b\n", "replace a v1.0.0 => ./b v1.0.0\n", "replace a => \"b\" \"v1.0.0\"\n", "replace a => ./\u00e9 v1.0.0\n",
		},
		"retract": {
			"retract v1.0.0\n", "retract [v1.0.0, v1.1.0]\n", "retract [v1.0.0,v1.1.0]\n", "retract [ v1.0.0 , v1.1.0 ]\n", "retract v1\n", "retract latest\n", "retract \"v1.0.0\"\n", "retract `v1.0.0`\n", "retract [\"v1.0.0\", v1.1.0]\n", "retract\n", "retract [\n", "retract [v1.0.0\n",
			"retract [v1.0.0,\n", "retract [v1.0.0, v1.1.0\n", "retract [v1.0.0 v1.1.0]\n", "retract [v1.0.0, v1.1.0] x\n", "retract v1.0.0 x\n", "retract v1.0.0, v1.1.0\n", "retract (v1.0.0)\n", "retract (\n\tv1.0.0 // a\n\t// b\n\t[v1.0.0, v1.2.0]\n)\n", "// why\nretract v1.0.0\n",
			"retract v1.0.0 // why\n", "// a\n// b\nretract v1.0.0 // c\n", "// block\nretract (\n\tv1.0.0\n\n\tv1.1.0\n\tv1.2.0 // own\n)\n", "retract ( // open\n\tv1.0.0\n)\n", "retract 'x\n", "retract [v1.0.0, 'x]\n", "retract ['x, v1.0.0]\n", "retract [v1.0.0, \"x\\q\"]\n", "retract ()\n", "retract ( )x\n",
			"retract v1.0.0\nmodule a\n", "retract [v2.0.0, v1.0.0]\n", "retract [v1.0.0, v1.0.0]]\n", "retract {v1.0.0}\n", "retract [,]\n", "retract [(,)]\n", "retract (\n\t()\n)\n", "retract (\n\t(\n)\n", "retract \"(\"\n", "retract \"[\" v1.0.0\n", "retract // x\n",
		},
		"tool":     {"tool a/b\n", "tool \"a b\"\n", "tool `a`\n", "tool\n", "tool a b\n", "tool (\n\ta\n\tb\n)\n", "tool \"\\q\"\n"},
		"ignore":   {"ignore ./a\n", "ignore \"a b\"\n", "ignore `a`\n", "ignore\n", "ignore a b\n", "ignore (\n\ta\n\tb\n)\n", "ignore \"\\q\"\n"},
		"unknown":  {"foo\n", "foo bar\n", "foo (\n\tbar\n)\n", "foo bar (\n\tbaz\n)\n", "\tfoo\n", "use ./a\n", "use (\n\t./a\n)\n", "foo \"x\n", "foo /*\n", "foo ` \\`\n", "foo `\n`\n", "foo \x01\n", "\"foo\" (\n)\n", "require\u00a0a v1.0.0\n"},
		"position": {"module a\n\n  foo\n\tbar\n\u00e9\u00e9 x\n", "module \u00e9\u00e9 \x01\n", "module \xff\xff \x01\n", "require (\n  a v1\n  \u00e9 b\n  c\n)\n", "a\n b\n  c\n", "  require (\n", "module a\r\n\x01\r\n", "\u00e9\u00e9 (\n\tx\n", "\x7f", "a\u00adb"},
	}
}
