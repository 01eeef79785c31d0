package main

import (
	"errors"
	"fmt"
	"go/version"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	modzip "golang.org/x/mod/zip"
)

// node is a file of a tree.
type node struct {
	name string
	mode fs.FileMode
	size int64
	data string
}

func (n node) Path() string                 { return n.name }
func (n node) Lstat() (fs.FileInfo, error)  { return n, nil }
func (n node) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(n.data)), nil }
func (n node) Name() string                 { return path.Base(n.name) }
func (n node) Size() int64                  { return n.size }
func (n node) Mode() fs.FileMode            { return n.mode }
func (n node) ModTime() time.Time           { return time.Time{} }
func (n node) IsDir() bool                  { return n.mode.IsDir() }
func (n node) Sys() any                     { return nil }

func (n node) line() string {
	kind := map[fs.FileMode]string{0: "file", fs.ModeSymlink: "symlink", fs.ModeDir: "directory"}[n.mode]
	if kind == "" {
		kind = "other"
	}
	return fmt.Sprintf("%s %q %d", kind, n.name, n.size)
}

// selection is what Go takes of a tree.
func selection(nodes []node) []string {
	var lines []string
	var files []modzip.File
	for _, n := range nodes {
		if n.name == "go.mod" && n.mode == 0 {
			if f, err := modfile.ParseLax("go.mod", []byte(n.data), nil); err == nil && f.Go != nil {
				lines = append(lines, fmt.Sprintf("go %q", f.Go.Version))
			}
		}
	}
	for _, n := range nodes {
		lines = append(lines, n.line())
		files = append(files, n)
	}
	// The same files in Go's eyes may have equal paths: a list of paths says nothing of which.
	cf, err := modzip.CheckFiles(files)
	for _, p := range cf.Valid {
		lines = append(lines, fmt.Sprintf("included %q", p))
	}
	for _, f := range cf.Omitted {
		lines = append(lines, fmt.Sprintf("omitted %q %q", f.Path, f.Err.Error()))
	}
	for _, f := range cf.Invalid {
		lines = append(lines, fmt.Sprintf("invalid %q %q", f.Path, f.Err.Error()))
	}
	if err != nil {
		lines = append(lines, fmt.Sprintf("refused %q", err.Error()))
	}
	return lines
}

func writeSelections(xmod string) {
	for name, a := range cases(xmod, "check_files", "check_dir", "create", "create_from_dir") {
		var nodes []node
		for _, f := range a.files {
			if f.name != "want" {
				nodes = append(nodes, node{name: f.name, data: f.data, size: int64(len(f.data))})
			}
		}
		write("zip_select", name, selection(nodes))
	}
	for name, nodes := range ownTrees() {
		write("zip_select", name, selection(nodes))
	}
	random := rand.New(rand.NewPCG(3, 4))
	var groups [][]string
	for range 400 {
		groups = append(groups, selection(randomTree(random)))
	}
	write("zip_select", "random", groups...)
}

func ownTrees() map[string][]node {
	link := fs.ModeSymlink
	return map[string][]node{
		"symlinked_go_mod_is_no_module": {{name: "d/go.mod", mode: link}, {name: "d/a"}, {name: "e/go.mod", mode: fs.ModeDir}, {name: "e/go.mod/a"}},
		"symlinks_collide":              {{name: "a"}, {name: "A", mode: link}, {name: "b", mode: link}, {name: "B"}},
		"symlinked_license":             {{name: "LICENSE", mode: link}, {name: "a"}},
		"archival_in_root_only":         {{name: ".hg_archival.txt"}, {name: "d/.hg_archival.txt"}, {name: ".HG_archival.txt"}},
		"hidden_files_are_included":     {{name: ".gitattributes"}, {name: ".git/config"}, {name: ".github/a"}, {name: "_x/a"}, {name: "testdata/a"}},
		"submodule_directory":           {{name: "d", mode: fs.ModeDir}, {name: "e", mode: fs.ModeIrregular}, {name: "f", mode: fs.ModeDevice}},
		"bad_name_in_nested_module":     {{name: "d/go.mod"}, {name: "d/con"}, {name: "d/x\xff"}, {name: "vendor/a/con"}},
		"bad_names":                     {{name: "con"}, {name: "x\xff"}, {name: "x'"}, {name: "☺.go"}, {name: "a."}},
		"paths_are_reported_once":       {{name: "a"}, {name: "a"}, {name: "a"}, {name: "con"}, {name: "con"}, {name: "l", mode: link}, {name: "l", mode: link}},
		"absolute_and_unclean":          {{name: "/a"}, {name: "/"}, {name: ""}, {name: "."}, {name: ".."}, {name: "../a"}, {name: "a/../b"}, {name: "a//b"}, {name: "a/"}, {name: "./a"}, {name: "a/."}, {name: "../../a"}, {name: "/../a"}, {name: "//a"}},
		"go_mod_case":                   {{name: "GO.MOD"}, {name: "d/GO.MOD"}, {name: "d/a"}},
		"go_mod_over_limit":             {{name: "go.mod", size: 16<<20 + 1}},
		"go_mod_at_limit":               {{name: "go.mod", size: 16 << 20}},
		"license_over_limit":            {{name: "LICENSE", size: 16<<20 + 1}, {name: "d/LICENSE", size: 16<<20 + 1}},
		"tree_at_limit":                 {{name: "a", size: 400 << 20}, {name: "b", size: 100 << 20}},
		"tree_over_limit":               {{name: "a", size: 400 << 20}, {name: "b", size: 100<<20 + 1}, {name: "c", size: 100 << 20}},
		"omitted_files_have_no_size":    {{name: "a", size: 500 << 20}, {name: "vendor/x/y", size: 1}, {name: "l", mode: link, size: 9}},
		"vendor_in_vendor":              {{name: "vendor/vendor/a"}, {name: "a/vendor/vendor/b"}, {name: "vendor/a"}, {name: "avendor/b/c"}, {name: "a/vendored/b/c"}, {name: "Vendor/b/c"}},
	}
}

func randomTree(random *rand.Rand) []node {
	versions := []string{"1.13", "1.23", "1.23.9", "1.24", "1.24rc1", "1.24.1", "1.25", "2.0", "bad"}
	sizes := []int64{0, 1, 1, 1, 1, 17 << 20, 300 << 20}
	modes := []fs.FileMode{0, 0, 0, 0, 0, 0, 0, fs.ModeSymlink, fs.ModeDir, fs.ModeIrregular}
	var nodes []node
	if random.IntN(3) > 0 {
		data := "module m\ngo " + versions[random.IntN(len(versions))] + "\n"
		nodes = append(nodes, node{name: "go.mod", data: data, size: int64(len(data))})
	}
	for range 1 + random.IntN(8) {
		nodes = append(nodes, node{
			name: randomPath(random),
			mode: modes[random.IntN(len(modes))],
			size: sizes[random.IntN(len(sizes))],
		})
	}
	return nodes
}

// writeVendor writes the vendor rule as two tables: which go lines ask for the new rule, and which paths each rule omits.
func writeVendor() {
	var lines []string
	for _, v := range []string{
		"", "1", "1.0", "1.2", "1.7", "1.14", "1.21.0", "1.21rc2", "1.22.4", "1.23", "1.23.1", "1.23.99", "1.24", "1.24.0", "1.24.5",
		"1.24rc1", "1.24rc", "1.24beta2", "1.24.0rc1", "1.24-custom", "1.24.1-x-y", "1.024", "01.24", "1.24.01", "1.24.", "1.", "1.x", ".24",
		"1.3", "1.100", "1.99.0", "2", "2.0", "2.0.0", "0.25", "10.1", "1.18446744073709551617", "18446744073709551617.1", "go1.24", "v1.24",
		"1.24RC1", "1.24rc01", "1.24rc1x", " 1.24", "1.24 ", "1.٢٤", "1.24é1", "-1.24", "1.24.3.4",
	} {
		lang := version.Lang("go" + v)
		lines = append(lines, fmt.Sprintf("%q %t", v, version.Compare(lang, "go1.24") >= 0))
	}
	write("zip_vendor", "versions", lines)
	lines = nil
	for _, p := range []string{
		"vendor/foo/foo.go", "pkg/vendor/foo/foo.go", "longpackagename/vendor/foo/foo.go", "vendor/vendor.go", "vendor/foo/modules.txt",
		"modules.txt", "vendor/amodules.txt", "vendor/modules.txt", "pkg/vendor/vendor.go", "longpackagename/vendor/vendor.go",
		"vendor", "a/vendor", "vendors/a/b", "a/b/vendor/c", "a/vendor/b/vendor/c", "vendor/a/vendor/b", "vendor/vendor/b", "a/vendor/modules.txt",
		"x/vendor/y", "Vendor/a/b", "a/Vendor/b/c", "a/vendor/vendor/b", "a.vendor/b/c", "é/vendor/y", "ééé/vendor/y",
	} {
		var omitted []bool
		for _, v := range []string{"1.23", "1.24"} {
			goMod := node{name: "go.mod", data: "module m\ngo " + v + "\n"}
			cf, err := modzip.CheckFiles([]modzip.File{goMod, node{name: p}})
			if err != nil || len(cf.Valid)+len(cf.Omitted) != 2 {
				check(errors.New(p))
			}
			omitted = append(omitted, len(cf.Omitted) == 1)
		}
		lines = append(lines, fmt.Sprintf("%q %t %t", p, omitted[0], omitted[1]))
	}
	write("zip_vendor", "paths", lines)
}
