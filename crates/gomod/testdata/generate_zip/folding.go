package main

import (
	"fmt"
	"os"
	"strings"
	"unicode"
)

// folded is what x/mod's zip.strToFold maps a rune to.
func folded(r rune) rune {
	for {
		r0 := r
		r = unicode.SimpleFold(r0)
		if r <= r0 {
			break
		}
	}
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

type span struct{ first, last, step, delta rune }

// writeFolding writes all runes that do not fold to themselves, and the same as the table that we use.
func writeFolding() {
	var lines []string
	var spans []span
	for r := rune(0); r <= unicode.MaxRune; r++ {
		delta := folded(r) - r
		if delta == 0 {
			continue
		}
		lines = append(lines, fmt.Sprintf("%04X %04X", r, folded(r)))
		if r < 0x80 {
			continue
		}
		if n := len(spans); n > 0 && spans[n-1].extend(r, delta) {
			continue
		}
		spans = append(spans, span{r, r, 1, delta})
	}
	write("zip_fold", "simple", lines)
	var b strings.Builder
	fmt.Fprintf(&b, "//! Simple case folding beyond ASCII. Written by `testdata/generate_zip` from Unicode %s\n", unicode.Version)
	fmt.Fprintf(&b, "//! (Go's `unicode.SimpleFold`): do not edit.\n\n")
	fmt.Fprintf(&b, "/// First and last rune of a span, the step within it, and what to add to each of its runes.\n")
	fmt.Fprintf(&b, "#[rustfmt::skip]\npub(super) const SPANS: &[(u32, u32, u32, i32)] = &[\n")
	for len(spans) > 0 {
		n := min(4, len(spans))
		var row []string
		for _, s := range spans[:n] {
			row = append(row, fmt.Sprintf("(0x%04x, 0x%04x, %d, %d),", s.first, s.last, s.step, s.delta))
		}
		fmt.Fprintf(&b, "    %s\n", strings.Join(row, " "))
		spans = spans[n:]
	}
	b.WriteString("];\n")
	check(os.MkdirAll("../../src/zip/fold", 0o777))
	check(os.WriteFile("../../src/zip/fold/table.rs", []byte(b.String()), 0o666))
}

// extend adds a rune to the span if it has the same delta and follows at the same step.
func (s *span) extend(r, delta rune) bool {
	step := r - s.last
	if delta != s.delta || step > 2 || (s.first != s.last && step != s.step) {
		return false
	}
	s.last, s.step = r, step
	return true
}
