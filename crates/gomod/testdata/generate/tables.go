package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"
)

// writeTables writes the tables of runes that the rules ask about, as Rust source.
func writeTables(file string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "//! The runes that Go calls letters, and those it prints, beyond ASCII. Written by testdata/generate\n")
	fmt.Fprintf(&b, "//! from Unicode %s (Go's `unicode.IsLetter`, `strconv.IsPrint`): do not edit.\n//!\n", unicode.Version)
	fmt.Fprintf(&b, "//! Each table is a sorted list of inclusive ranges.\n")
	writeTable(&b, "LETTERS", "General category L.", 0x80, unicode.IsLetter)
	writeTable(&b, "PRINTABLE", "General categories L, M, N, P and S.", 0x80, strconv.IsPrint)
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

func writeTable(b *strings.Builder, name, what string, from rune, in func(rune) bool) {
	var ranges []string
	for r := from; r <= unicode.MaxRune; r++ {
		if !in(r) {
			continue
		}
		lo := r
		for in(r + 1) {
			r++
		}
		ranges = append(ranges, fmt.Sprintf(`('\u{%x}','\u{%x}'),`, lo, r))
	}
	fmt.Fprintf(b, "\n/// %s\n#[rustfmt::skip]\npub(super) const %s: &[(char, char)] = &[\n", what, name)
	for len(ranges) > 0 {
		n := min(5, len(ranges))
		fmt.Fprintf(b, "    %s\n", strings.Join(ranges[:n], " "))
		ranges = ranges[n:]
	}
	fmt.Fprintf(b, "];\n")
}
