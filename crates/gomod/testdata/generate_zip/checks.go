package main

import (
	"archive/zip"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// entry is an entry of a zip: its content is data, or so many zeros; its declared size may be another.
type entry struct {
	name    string
	data    string
	zeros   int
	claim   uint64
	stored  bool
	comment string
}

func (e entry) line() string {
	switch {
	case e.claim > 0:
		return fmt.Sprintf("claim %q %d", e.name, e.claim)
	case e.zeros > 0:
		return fmt.Sprintf("zeros %q %d", e.name, e.zeros)
	case e.stored:
		return fmt.Sprintf("stored %q %q", e.name, e.data)
	}
	return fmt.Sprintf("file %q %q", e.name, e.data)
}

func (e entry) write(zw *zip.Writer) error {
	header := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
	if e.claim > 0 {
		// An empty deflate stream.
		header.CompressedSize64 = 2
		header.UncompressedSize64 = e.claim
		w, err := zw.CreateRaw(header)
		if err == nil {
			_, err = w.Write([]byte{3, 0})
		}
		return err
	}
	if e.stored {
		header.Method = zip.Store
		header.CRC32 = crc32.ChecksumIEEE([]byte(e.data))
		header.CompressedSize64 = uint64(len(e.data))
		header.UncompressedSize64 = uint64(len(e.data))
		w, err := zw.CreateRaw(header)
		if err == nil {
			_, err = io.WriteString(w, e.data)
		}
		return err
	}
	w, err := zw.CreateHeader(header)
	if err != nil || strings.HasSuffix(e.name, "/") {
		return err
	}
	content := io.MultiReader(strings.NewReader(e.data), io.LimitReader(zeros{}, int64(e.zeros)))
	_, err = io.Copy(w, content)
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// verdict is what Go says of a zip of the entries.
func verdict(m module.Version, entries []entry) []string {
	lines := []string{fmt.Sprintf("module %q %q", m.Path, m.Version)}
	for _, e := range entries {
		lines = append(lines, e.line())
	}
	dir, err := os.MkdirTemp("", "generate_zip")
	check(err)
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "m.zip")
	f, err := os.Create(name)
	check(err)
	zw := zip.NewWriter(f)
	for _, e := range entries {
		check(e.write(zw))
	}
	check(zw.Close())
	check(f.Close())
	if err := module.Check(m.Path, m.Version); err != nil || module.CanonicalVersion(m.Version) != m.Version {
		return append(lines, "want no module")
	}
	if _, err := modzip.CheckZip(m, name); err != nil {
		return append(lines, fmt.Sprintf("want refused %q", err.Error()))
	}
	if err := modzip.Unzip(filepath.Join(dir, "m"), m, name); err != nil {
		return append(lines, "want damaged")
	}
	h1, err := dirhash.HashZip(name, dirhash.Hash1)
	check(err)
	goMod := "none"
	data, err := os.ReadFile(filepath.Join(dir, "m", "go.mod"))
	if err == nil {
		goMod, err = dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(string(data))), nil
		})
		check(err)
	}
	return append(lines, "want h1 "+h1, "want go.mod "+goMod)
}

func writeChecks(xmod string) {
	for name, a := range cases(xmod, "check_zip", "unzip") {
		m := module.Version{Path: a.keys["path"], Version: a.keys["version"]}
		var entries []entry
		for _, f := range a.files {
			if f.name != "want" {
				entries = append(entries, entry{name: f.name, data: f.data})
			}
		}
		write("zip_check", name, verdict(m, entries))
	}
	m := module.Version{Path: "example.com/m", Version: "v1.2.3"}
	for name, entries := range ownChecks("example.com/m@v1.2.3/") {
		write("zip_check", name, verdict(m, entries))
	}
	upper := module.Version{Path: "github.com/Azure/go/v2", Version: "v2.0.0-rc.1"}
	write("zip_check", "path_is_not_escaped", verdict(upper, []entry{{name: "github.com/Azure/go/v2@v2.0.0-rc.1/a"}}))
	write("zip_check", "path_is_escaped", verdict(upper, []entry{{name: "github.com/!azure/go/v2@v2.0.0-rc.1/a"}}))
	toolchain := module.Version{Path: "golang.org/toolchain", Version: "v0.0.1-go1.21.0.linux-amd64"}
	prefix := "golang.org/toolchain@v0.0.1-go1.21.0.linux-amd64/"
	write("zip_check", "toolchain", verdict(toolchain, []entry{
		{name: prefix + "LICENSE", data: "text\n"},
		{name: prefix + "bin/go", data: "\x7fELF"},
		{name: prefix + "src/_go.mod", data: "module std\n"},
		{name: prefix + "src/cmd/_go.mod", data: "module cmd\n"},
		{name: prefix + "src/cmd/vendor/modules.txt", data: "# x\n"},
	}))
	random := rand.New(rand.NewPCG(1, 2))
	var groups [][]string
	for range 300 {
		groups = append(groups, verdict(m, randomEntries(random, "example.com/m@v1.2.3/")))
	}
	write("zip_check", "random", groups...)
}

func ownChecks(p string) map[string][]entry {
	goMod := entry{name: p + "go.mod", data: "module example.com/m\n"}
	return map[string][]entry{
		"directories_are_hashed":  {goMod, {name: p + "d/"}, {name: p + "d/a", data: "a"}, {name: p + "e/f/"}},
		"directory_twice":         {{name: p + "d/"}, {name: p + "d/"}, {name: p + "d/a"}},
		"prefix_alone":            {{name: p}, goMod},
		"prefix_twice":            {{name: p}, {name: p}},
		"directory_named_go_mod":  {{name: p + "d/go.mod/"}, {name: p + "d/go.mod/a", data: "a"}},
		"root_directory_go_mod":   {{name: p + "GO.MOD/"}},
		"file_and_directory":      {{name: p + "d"}, {name: p + "d/"}},
		"directory_case":          {{name: p + "d/"}, {name: p + "D/"}},
		"parent_case_after_error": {{name: p + "a/x"}, {name: p + "A/b/c"}, {name: p + "A/b/d"}, {name: p + "a/b/d"}},
		"hash_order_is_bytewise":  {{name: p + "b"}, {name: p + "a/b"}, {name: p + "a-b"}, {name: p + "B1"}, {name: p + "é"}},
		"stored_and_deflated":     {{name: p + "a", data: "a", stored: true}, {name: p + "b", data: "b"}, {name: p + "e", stored: true}},
		"checksum_of_zero":        {{name: p + "a", data: "\x9d\x0a\xd9\x6d"}},
		"no_go_mod":               {{name: p + "a.go", data: "package a\n"}},
		"names_with_odd_letters":  {{name: p + "ñ/ß.go"}, {name: p + "ẞ.go"}, {name: p + "日本語.txt"}, {name: p + " !#$%&()+,-.=@[]^_{}~ "}},
		"go_mod_at_limit":         {{name: p + "go.mod", zeros: 16 << 20}},
		"go_mod_over_limit":       {{name: p + "go.mod", claim: 16<<20 + 1}},
		"license_at_limit":        {{name: p + "LICENSE", zeros: 16 << 20}},
		"license_over_limit":      {{name: p + "LICENSE", claim: 16<<20 + 1}},
		"license_below_root":      {{name: p + "d/LICENSE", zeros: 16<<20 + 1}},
		"content_at_limit":        {{name: p + "a", claim: 500 << 20}},
		"content_over_limit":      {{name: p + "a", claim: 400 << 20}, {name: p + "b", claim: 100<<20 + 1}},
		"content_over_4_gib":      {{name: p + "a", claim: 1 << 33}},
		"size_error_comes_first":  {{name: p + "a", claim: 600 << 20}, {name: "x"}},
	}
}

var elements = []string{
	"a", "A", "b", "x.go", "X.go", "go.mod", "go.mod", "GO.MOD", "Go.mod", "vendor", "vendor", "Vendor", "modules.txt",
	"LICENSE", "license", ".hg_archival.txt", "k", "K", "\u212a", "s", "ſ", "é", "É", "ß", "ẞ", "σ", "ς", "Σ", "ı", "I", "İ",
	"ǆ", "ǅ", "θ", "ϴ", "ꭰ", "Ꭰ", "con", "con.txt", "..", ".", "", "x.", "x\xff", "x'y", "x y", "☺", "~1", "d", "d", "e", "e", "f", "f",
}

func randomPath(random *rand.Rand) string {
	var path []string
	for range 1 + random.IntN(4) {
		path = append(path, elements[random.IntN(len(elements))])
	}
	return strings.Join(path, "/")
}

func randomEntries(random *rand.Rand, prefix string) []entry {
	var entries []entry
	for range 1 + random.IntN(5) {
		e := entry{name: prefix + randomPath(random), data: randomPath(random)}
		switch random.IntN(9) {
		case 0:
			e = entry{name: e.name + "/"}
		case 1:
			e.stored = true
		case 2:
			e.name = randomPath(random)
		}
		if strings.HasSuffix(e.name, "/") {
			e.data, e.stored = "", false
		}
		entries = append(entries, e)
	}
	return entries
}
