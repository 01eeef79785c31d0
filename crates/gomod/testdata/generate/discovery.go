package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode"
)

// writeDiscovery writes cases of finding repositories. What does it is internal to the go command, so its own test
// binary is built with one file more, overlay/discovery_cases_test.go, and writes them.
func writeDiscovery(*corpus) error {
	added, err := filepath.Abs("overlay/discovery_cases_test.go")
	if err != nil {
		return err
	}
	testdata, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "cmd")
	place := filepath.Join(source, "go", "internal", "vcs", filepath.Base(added))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{place: added}})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "overlay")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o644); err != nil {
		return err
	}
	test := exec.Command("go", "test", "-count=1", "-overlay="+file, "-run=^TestWriteCases$", "./go/internal/vcs")
	test.Dir = source
	test.Env = append(os.Environ(), "CASES="+testdata)
	test.Stdout, test.Stderr = os.Stderr, os.Stderr
	return test.Run()
}

// writeNames writes the tables of runes that names in XML are made of, as Rust source.
func writeNames(file string) error {
	var b strings.Builder
	b.WriteString("//! The runes of names in XML, as Go's `encoding/xml` reads them. Written by testdata/generate: do not edit.\n//!\n")
	b.WriteString("//! Each table is a sorted list of inclusive ranges.\n")
	writeTable(&b, "FIRST", "What a name can begin with.", 0, func(r rune) bool { return isName(string(r)) })
	writeTable(&b, "ALL", "What can be in a name.", 0, func(r rune) bool { return isName("a" + string(r)) })
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

func isName(name string) bool {
	if r := []rune(name); r[len(r)-1] == unicode.ReplacementChar {
		return false
	}
	d := xml.NewDecoder(strings.NewReader(fmt.Sprintf("<%s>", name)))
	d.Strict = false
	token, err := d.RawToken()
	element, ok := token.(xml.StartElement)
	return err == nil && ok && len(element.Attr) == 0 && element.Name.Local == name
}
