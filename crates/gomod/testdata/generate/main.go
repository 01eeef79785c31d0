// Command generate writes what Go says about module paths, versions and patterns as text cases, so that the
// tests of this crate compare with Go and not with themselves.
//
// It is run by hand, in this directory, when golang.org/x/mod or Go is updated:
//
//	go run .
//
// The inputs are the strings in x/mod's own tests, a list of tricky ones, and mutations of both from a fixed
// seed: the same version of Go and x/mod writes the same files. A case is one line of fields in Go's quotes.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if err := writeTables("../../src/unicode/tables.rs"); err != nil {
		return err
	}
	if err := writeNames("../../src/unicode/names.rs"); err != nil {
		return err
	}
	c, err := readCorpus()
	if err != nil {
		return err
	}
	for _, write := range []func(*corpus) error{
		writePaths, writeVersions, writeSemver, writePseudo, writePatterns, writeProxies, writeDiscovery,
	} {
		if err := write(c); err != nil {
			return err
		}
	}
	return nil
}

// A file is a file of cases being made.
type file struct {
	name string
	text strings.Builder
}

// newFile begins the cases of a function; the note says what its fields are.
func newFile(function, note string) *file {
	f := &file{name: filepath.Join("..", function, "cases.txt")}
	fmt.Fprintf(&f.text, "# Written by testdata/generate: do not edit.\n# %s\n", note)
	return f
}

// add writes a case: strings are quoted, other values printed as they are, and errors made into their text.
func (f *file) add(fields ...any) {
	for i, field := range fields {
		if i > 0 {
			f.text.WriteByte(' ')
		}
		switch field := field.(type) {
		case string:
			f.text.WriteString(strconv.Quote(field))
		case error:
			f.text.WriteString("error " + strconv.Quote(field.Error()))
		default:
			fmt.Fprint(&f.text, field)
		}
	}
	f.text.WriteByte('\n')
}

// verdict writes a case whose result is an error or none.
func (f *file) verdict(err error, fields ...any) {
	if err == nil {
		f.add(append(fields, word("ok"))...)
	} else {
		f.add(append(fields, err)...)
	}
}

// A word is a field that is written without quotes.
type word string

func (f *file) close() error {
	if err := os.MkdirAll(filepath.Dir(f.name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(f.name, []byte(f.text.String()), 0o644)
}
