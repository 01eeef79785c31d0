package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A corpus holds the inputs that all cases are made of.
type corpus struct {
	rand     *rand.Rand
	paths    []string
	versions []string
	pseudos  []string
	patterns []string
}

func readCorpus() (*corpus, error) {
	dir, err := modDir()
	if err != nil {
		return nil, err
	}
	c := &corpus{rand: rand.New(rand.NewPCG(1, 2))}
	for _, from := range []struct {
		file string
		to   *[]string
	}{
		{"module/module_test.go", &c.paths},
		{"semver/semver_test.go", &c.versions},
		{"module/pseudo_test.go", &c.pseudos},
	} {
		texts, err := literals(filepath.Join(dir, from.file))
		if err != nil {
			return nil, err
		}
		*from.to = texts
	}
	// Patterns are lists of globs, and are in the same table as the paths that they are matched against.
	c.patterns = slices.Concat(c.paths, trickyPatterns)
	c.paths = unique(slices.Concat(c.paths, trickyPaths))
	c.versions = unique(slices.Concat(c.versions, c.pseudos, trickyVersions))
	c.pseudos = unique(slices.Concat(c.pseudos, trickyPseudos))
	c.patterns = unique(c.patterns)
	return c, nil
}

// modDir finds the source of x/mod, of the version that this program is built with, in the module cache.
func modDir() (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", fmt.Errorf("no build information")
	}
	cache := os.Getenv("GOMODCACHE")
	if cache == "" {
		cache = filepath.Join(filepath.SplitList(build.Default.GOPATH)[0], "pkg", "mod")
	}
	for _, dep := range info.Deps {
		if dep.Path == "golang.org/x/mod" {
			return filepath.Join(cache, dep.Path+"@"+dep.Version), nil
		}
	}
	return "", fmt.Errorf("built without golang.org/x/mod")
}

// literals gives the strings in the tables of a test file.
func literals(name string) ([]string, error) {
	tree, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, decl := range tree.Decls {
		table, ok := decl.(*ast.GenDecl)
		if !ok || table.Tok != token.VAR {
			continue
		}
		ast.Inspect(table, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && utf8.ValidString(text) {
					texts = append(texts, text)
				}
			}
			return true
		})
	}
	return texts, nil
}

// mutate gives the texts and, up to the count, changes of them: characters put in, taken out, replaced, parts
// doubled and parts of two texts joined.
func (c *corpus) mutate(texts []string, alphabet string, count int) []string {
	runes := []rune(alphabet)
	all := slices.Clone(texts)
	for len(all) < count {
		text := []rune(all[c.rand.IntN(len(all))])
		for range 1 + c.rand.IntN(3) {
			at := c.rand.IntN(len(text) + 1)
			r := runes[c.rand.IntN(len(runes))]
			switch c.rand.IntN(6) {
			case 0, 1:
				text = slices.Insert(text, at, r)
			case 2:
				text = slices.Delete(text, max(at-1, 0), at)
			case 3:
				if at < len(text) {
					text[at] = r
				}
			case 4:
				other := []rune(texts[c.rand.IntN(len(texts))])
				text = slices.Concat(text[:at], other[c.rand.IntN(len(other)+1):])
			case 5:
				text = slices.Concat(text[:at], text[c.rand.IntN(at+1):])
			}
		}
		if len(text) <= 120 {
			all = append(all, string(text))
		}
		if len(all) == count {
			all = unique(all)
		}
	}
	return all
}

// unique drops texts that were there before, and those that are not UTF-8, keeping the order.
func unique(texts []string) []string {
	seen := make(map[string]bool)
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool {
		drop := seen[text] || !utf8.ValidString(text)
		seen[text] = true
		return drop
	})
}

const (
	pathAlphabet    = "abcvzAZ0129.-_~/!+@ \\:%*é٣Ⅷªʰ͏€\u200b\U00010400\U0001f600\x00\n'\""
	versionAlphabet = "v0129.-+abzARC!~ /incompatible"
	patternAlphabet = "abcxz./*?[]^\\-,!é"
)

var trickyPaths = strings.Fields(`
	example.com example.com/m example.com/m/v2 example.com/m/v0 example.com/m/v1 example.com/m/v02 example.com/m/v2.0
	example.com/m/v10 example.com/m/v example.com/m/vx2 example.com/v2 example.com/v2/v3 example.com/mv2 /v2 v2 a.v2
	gopkg.in/yaml.v2 gopkg.in/yaml.v2-unstable gopkg.in/yaml.v0-unstable gopkg.in/yaml.v-unstable gopkg.in/yaml.v
	gopkg.in/yaml gopkg.in/yaml.v02 gopkg.in/yaml/v2 gopkg.in/u/yaml.v3 gopkg.in/ gopkg.in gopkg.in/.v1 gopkg.in/v1
	gopkg.in/x.v1/sub.v2 gopkg.in/x.v2/v3 gopkg.in/yaml.v1 gopkg.in/yaml.v1-unstable gopkg.in/yaml.v2-unstable-unstable
	github.com/Azure/azure-sdk-for-go github.com/!azure/x github.com/Azure/!x github.com/!Azure/x github.com/a! x.y/!
	x.y/con x.y/con.txt x.y/CON x.y/aux.con x.y/lpt0 x.y/lpt9.a.b x.y/LpT1 x.y/com10 x.y/c~1 x.y/~1 x.y/~ x.y/a~1.b x.y/a.b~1
	x.y/.hidden x.y/..hidden x.y/hidden. x.y/... x.y/a..b -x.y x.y/-a x.y/a- localhost localhost/x X.y x.Y a_b.c/x a~b.c
	sumdb/sum.golang.org std cmd go toolchain golang.org/toolchain golang.org/x/mod K.y/K x.y/ſ x.y/ª x.y/ʰ x.y/Ⅷ x.y/͏a
	x.y/٣ x.y/日本語 x.y/a日 x.y/é x.y/e` + "\u0301" + ` x.y/` + "\ufffd" + ` x.y/` + "\ufeff" + ` x.y/` + "\u00a0" + ` a.b//c / // . .. ./ ../x
`)

var trickyVersions = strings.Fields(`
	v0 v1 v2 v00 v01 v1.0 v1.00 v1.2 v1.2.3 v1.2.03 v1.2.3- v1.2.3+ v1.2.3-+ v1.2.3-a+ v1.2.3-.a v1.2.3-a. v1.2.3-a..b v1.2.3-00
	v1.2.3-0 v1.2.3-01 v1.2.3-0a v1.2.3-a.01 v1.2.3-a.0 v1.2.3-- v1.2.3--- v1.2.3-a+b v1.2.3-a+b.c v1.2.3+b..c v1.2.3+b+c
	v1.2.3+incompatible v2.0.0+incompatible v2.0.0-rc.1+incompatible v2.0.0+Incompatible v2.0.0+incompatible.1 v1.2+incompatible
	v1-a v1.2-a v1.2.3.4 v1.2.3a 1.2.3 V1.2.3 vv1 v-1.0.0 v1.-1.0 v1.2.3-RC1 v1.2.3-rc1 v1.2.3-rc.2 v1.2.3-rc.10 v1.2.3-rc.1a
	v18446744073709551616.0.0 v1.99999999999999999999999.0 v1.2.3-99999999999999999999 v1.2.3-100000000000000000000
	v0.0.0 v0.0.1 v0.0.0-a v0.0.0-0 master main HEAD 0123abc feature-1 a+b a!b a/b con con.1 v1.2.3-con nul. .x x. ... latest
	upgrade patch none v1.2.3! !v1 !a !A !! ! a!b a!B release#1 a@b a%25b é ª "" v1.10.0 v1.9.0 v1.2.3+meta v1.2.3+meta.2
`)

var trickyPseudos = strings.Fields(`
	v0.0.0-20260102030405-0123456789ab v1.0.0-20260102030405-0123456789ab v0.1.0-20260102030405-0123456789ab
	v0.0.1-20260102030405-0123456789ab v0.0.0-0.20260102030405-0123456789ab v1.0.0-0.20260102030405-0123456789ab
	v1.2.4-0.20260102030405-0123456789ab v1.2.0-0.20260102030405-0123456789ab v1.10.0-0.20260102030405-0123456789ab
	v1.2.10-0.20260102030405-0123456789ab v1.2.100-0.20260102030405-0123456789ab v1.2.9-0.20260102030405-0123456789ab
	v1.2.3-pre.0.20260102030405-0123456789ab v1.2.3-pre.1.0.20260102030405-0123456789ab v1.2.3-a-b.0.20260102030405-0123456789ab
	v1.2.3-0.0.20260102030405-0123456789ab v1.2.3-00.20260102030405-0123456789ab v1.2.3-pre0.20260102030405-0123456789ab
	v2.0.1-0.20260102030405-0123456789ab+incompatible v2.0.0-20260102030405-0123456789ab+incompatible
	v1.2.3-pre.0.20260102030405-0123456789ab+incompatible v1.2.4-0.20260102030405-0123456789ab+a-b.c
	v0.0.0-20261302030405-0123456789ab v0.0.0-20260230030405-0123456789ab v0.0.0-20240229030405-0123456789ab
	v0.0.0-20230229030405-0123456789ab v0.0.0-20260102240405-0123456789ab v0.0.0-20260102036005-0123456789ab
	v0.0.0-20260102030460-0123456789ab v0.0.0-00000101000000-0123456789ab v0.0.0-00010101000000-000000000000
	v0.0.0-99991231235959-0123456789ab v0.0.0-2026010203040-0123456789ab v0.0.0-202601020304050-0123456789ab
	v0.0.0-20260102030405- v0.0.0-20260102030405-ABC v0.0.0-20260102030405-0_1 v0.0.0-20260102030405-01-23
	v0.0.0--20260102030405-0123456789ab v00.0.0-20260102030405-0123456789ab v0.00.0-20260102030405-0123456789ab v1.2.3-4
	v3.0.0-00010101000000-000000000000 v0-20260102030405-0123456789ab v0.0-20260102030405-0123456789ab v1.2.3-01.0.20260102030405-ab
`)

var trickyPatterns = []string{
	"", ",", "/", "//", "*", "**", "*/*", "?", "[", "[]", "[a", "[a-", "[a-]", "[^", "[^]", "[^]a]", "[]a]", "[-]", "[a-c]", "[^a-c]",
	"[c-a]", "\\", "a\\", "\\a", "[\\]", "[\\]]", "[\\-]", "[a\\-c]", "[[]", "[*]", "[*]x", "*[", "*]", "]", "a]b", "*.example.com",
	"example.com", "example.com/", "example.com//", " example.com", "example.com ", "*.corp.example.com,rsc.io/private",
	"a*c", "a**c", "a*b*c", "*a*", "x*y*z", "*/v2", "?/?", "[/]", "a[/]b", "none", "all", "*x*/*y*", "é", "?é", "[é]", "*é", "*??",
	"A", "EXAMPLE.com", "example.com/*/[a-z]*", "!x", "[!x]",
}
