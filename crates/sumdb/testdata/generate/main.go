// Command generate writes what golang.org/x/mod says about notes, trees, tiles, records and lookups as text cases,
// so that the tests of this crate compare with Go and not with themselves.
//
// It is run by hand, in this directory, when golang.org/x/mod is updated; before v0.40 it is vulnerable:
//
//	go run .
//
// The inputs are those of x/mod's own tests, tricky ones, and mutations of both from a fixed seed: the same version of Go
// and x/mod writes the same files. A case is one line of fields: words, and bytes in Go's quotes.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

var random = rand.New(rand.NewPCG(3, 4))

func main() {
	for _, write := range []func() error{writeKeys, writeNotes, writeTexts, writeTrees, writeTiles, writeClients, writeLies} {
		if err := write(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
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

// A word is a field that is written without quotes.
type word string

// add writes a case: strings and bytes are quoted, other values printed as they are, errors made into their text.
func (f *file) add(fields ...any) {
	for i, field := range fields {
		if i > 0 {
			f.text.WriteByte(' ')
		}
		switch field := field.(type) {
		case string:
			f.text.WriteString(strconv.QuoteToASCII(field))
		case []byte:
			f.text.WriteString(strconv.QuoteToASCII(string(field)))
		case error:
			f.text.WriteString("error " + strconv.QuoteToASCII(field.Error()))
		default:
			fmt.Fprint(&f.text, field)
		}
	}
	f.text.WriteByte('\n')
}

func (f *file) close() error {
	if err := os.MkdirAll(filepath.Dir(f.name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(f.name, []byte(f.text.String()), 0o644)
}

// mutate gives the texts and, up to the count, changes of them: bytes put in, taken out, replaced and flipped, parts
// doubled, and parts of two texts joined.
func mutate(texts []string, alphabet string, count int) []string {
	all := append([]string{}, texts...)
	seen := make(map[string]bool)
	for _, text := range all {
		seen[text] = true
	}
	runes := []rune(alphabet)
	for tries := 0; len(all) < count && tries < 20*count; tries++ {
		text := texts[random.IntN(len(texts))]
		for range 1 + random.IntN(2) {
			at := random.IntN(len(text) + 1)
			r := string(runes[random.IntN(len(runes))])
			switch random.IntN(7) {
			case 0:
				text = text[:at] + r + text[at:]
			case 1:
				text = text[:max(at-1, 0)] + text[at:]
			case 2, 3:
				text = text[:max(at-1, 0)] + r + text[at:]
			case 4:
				other := texts[random.IntN(len(texts))]
				text = text[:at] + other[random.IntN(len(other)+1):]
			case 5:
				text = text[:at] + text[random.IntN(at+1):]
			case 6:
				if at < len(text) {
					b := []byte(text)
					b[at] ^= 1 << random.IntN(8)
					text = string(b)
				}
			}
		}
		if !seen[text] && len(text) < 4000 {
			seen[text] = true
			all = append(all, text)
		}
	}
	return all
}
