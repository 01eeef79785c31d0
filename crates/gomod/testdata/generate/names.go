package main

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/mod/module"
)

func writePaths(c *corpus) error {
	paths := c.mutate(c.paths, pathAlphabet, 1500)
	// Gentle changes, of which more are paths still.
	paths = unique(slices.Concat(paths, c.mutate(c.paths, "abcvzAZ129.-_~/", 900)))
	note := `"path" ok | error "text"`
	module_, import_, file_ := newFile("check_path", note), newFile("check_import_path", note), newFile("check_file_path", note)
	escape := newFile("escape_path", `"path" "escaped"`)
	unescape := newFile("unescape_path", `"escaped" "path" | error "text"`)
	split := newFile("split_path_version", `"path" "prefix" "major" true | false`)
	for i, p := range paths {
		module_.verdict(module.CheckPath(p), p)
		import_.verdict(module.CheckImportPath(p), p)
		file_.verdict(module.CheckFilePath(p), p)
		if i < 500 {
			result(unescape, module.UnescapePath, p)
		}
		if strings.Contains(p, "v") || len(p) < 16 {
			prefix, major, ok := module.SplitPathVersion(p)
			split.add(p, prefix, major, ok)
		}
		if escaped, err := module.EscapePath(p); err == nil {
			escape.add(p, escaped)
			result(unescape, module.UnescapePath, escaped)
		}
	}
	for _, r := range c.runes(1500) {
		p := "a" + string(r)
		file_.verdict(module.CheckFilePath(p), p)
	}
	return closeAll(module_, import_, file_, escape, unescape, split)
}

// result writes a case of a function from text to text.
func result(f *file, of func(string) (string, error), text string) {
	if to, err := of(text); err != nil {
		f.add(text, err)
	} else {
		f.add(text, to)
	}
}

// runes gives characters at both sides of the borders of letters, where tables go wrong.
func (c *corpus) runes(count int) []rune {
	var all []rune
	for r := rune(0x80); r < unicode.MaxRune; r++ {
		surrogate := r >= 0xd7ff && r <= 0xdfff
		if !surrogate && unicode.IsLetter(r) != unicode.IsLetter(r+1) {
			all = append(all, r, r+1)
		}
	}
	c.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:min(count, len(all))]
	slices.Sort(all)
	return all
}

func writeVersions(c *corpus) error {
	escape := newFile("escape_version", `"version" "escaped" | error "text"`)
	unescape := newFile("unescape_version", `"escaped" "version" | error "text"`)
	canonical := newFile("canonical_version", `"version" "canonical"`)
	for _, v := range c.mutate(c.versions, versionAlphabet+"é*", 1500) {
		result(escape, module.EscapeVersion, v)
		result(unescape, module.UnescapeVersion, v)
		canonical.add(v, module.CanonicalVersion(v))
	}
	major := newFile("check_path_major", `"version" "major" ok | error "text"`)
	check := newFile("check", `"path" "version" ok | error "text"`)
	majors := []string{"", "/v2", "/v3", "/v10", ".v0", ".v1", ".v2", ".v1-unstable", ".v2-unstable", ".v-unstable"}
	paths := c.mutate(c.paths, "v0123./", 1000)
	versions := c.mutate(slices.Concat(c.versions, c.pseudos), versionAlphabet, 1000)
	for i, v := range versions {
		major.verdict(module.CheckPathMajor(v, majors[i%len(majors)]), v, majors[i%len(majors)])
		if _, m, ok := module.SplitPathVersion(paths[i]); ok {
			major.verdict(module.CheckPathMajor(v, m), v, m)
			check.verdict(module.Check(paths[i], v), paths[i], v)
		}
	}
	return closeAll(escape, unescape, canonical, major, check)
}

func writePatterns(c *corpus) error {
	f := newFile("match_prefix_patterns", `"patterns" "path" true | false`)
	patterns := c.mutate(c.patterns, patternAlphabet, 2000)
	targets := []string{
		"example.com/m/v2", "git.corp.example.com/x/y", "corp.example.com", "a", "abc", "a/b/c", "a*c", "[x]", "x.y/z", "é/x",
		"rsc.io/private/quote", "", "/", "a-c", "]a", "^", "\\", "日", "xaybzc", "EXAMPLE.com/x",
	}
	for i, p := range patterns {
		for _, t := range []string{targets[i%len(targets)], targets[c.rand.IntN(len(targets))], patterns[c.rand.IntN(len(patterns))]} {
			f.add(p, t, module.MatchPrefixPatterns(p, t))
		}
		// Nearly the text itself: this is where matches are.
		near := strings.NewReplacer("*", "xy", "?", "q", "\\", "", ",", "").Replace(p) + "/sub"
		f.add(p, near, module.MatchPrefixPatterns(p, near))
	}
	return f.close()
}

func closeAll(files ...*file) error {
	for _, f := range files {
		if err := f.close(); err != nil {
			return err
		}
	}
	return nil
}
