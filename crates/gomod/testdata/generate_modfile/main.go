// Command generate_modfile writes the cases of ../modfile: go.mod files, and what golang.org/x/mod/modfile says about
// them. Run it in this directory: go run . (a number as argument makes more mutations); the same run gives the same files.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

type input struct {
	name string
	data string
}

func main() {
	log.SetFlags(0)
	xmod := goOutput("list", "-m", "-f", "{{.Dir}}", "golang.org/x/mod")
	goroot := goOutput("env", "GOROOT")

	own := tricky()
	theirs := append(testdata(xmod), literals(xmod)...)
	real := realFiles(goroot)
	write("tricky.txt", "Inputs written for these tests.", own)
	write("xmod.txt", "Inputs from the tests of golang.org/x/mod/modfile (BSD-3-Clause).", theirs)
	write("real.txt", "go.mod files of published modules.", real)

	seeds := append(append([]input{}, own...), theirs...)
	count := 800
	if len(os.Args) > 1 {
		count, _ = strconv.Atoi(os.Args[1])
	}
	write("mutated.txt", "Inputs of the other files with a few random changes.", mutate(seeds, count))
}

func goOutput(args ...string) string {
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		log.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// testdata reads the files that x/mod's tests parse.
func testdata(xmod string) []input {
	var list []input
	for _, pattern := range []string{"*.in", "*.golden", "work/*.in"} {
		files, _ := filepath.Glob(filepath.Join(xmod, "modfile", "testdata", pattern))
		sort.Strings(files)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				log.Fatal(err)
			}
			rel, _ := filepath.Rel(filepath.Join(xmod, "modfile", "testdata"), file)
			list = append(list, input{rel, string(data)})
		}
	}
	return list
}

// literals takes the string literals of x/mod's tests that look like go.mod files or parts of them.
func literals(xmod string) []input {
	looks := regexp.MustCompile(`(?m)^\s*(module|go|toolchain|godebug|require|exclude|replace|retract|tool|ignore|use|//)\b`)
	var list []input
	seen := map[string]bool{}
	for _, name := range []string{"read_test.go", "rule_test.go", "work_test.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(xmod, "modfile", name), nil, 0)
		if err != nil {
			log.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err == nil && !seen[text] && looks.MatchString(text) {
				seen[text] = true
				list = append(list, input{fmt.Sprintf("%s-%d", strings.TrimSuffix(name, ".go"), len(list)), text})
			}
			return true
		})
	}
	return list
}

// realFiles asks for the go.mod files of published modules, and takes those of the Go distribution.
func realFiles(goroot string) []input {
	var list []input
	add := func(name, file string) {
		data, err := os.ReadFile(file)
		if err != nil {
			log.Fatal(err)
		}
		list = append(list, input{name, string(data)})
	}
	add("std", filepath.Join(goroot, "src", "go.mod"))
	add("cmd", filepath.Join(goroot, "src", "cmd", "go.mod"))
	args := append([]string{"list", "-m", "-f", "{{.Path}}@{{.Version}} {{.GoMod}}"}, published...)
	for _, line := range strings.Split(goOutput(args...), "\n") {
		name, file, _ := strings.Cut(line, " ")
		add(name, file)
	}
	return list
}

// published has something of all that people write: retractions, deprecations, replacements, old and new forms.
var published = []string{
	"cloud.google.com/go@v0.110.0",
	"github.com/Azure/azure-sdk-for-go@v68.0.0+incompatible",
	"github.com/BurntSushi/toml@v1.4.0",
	"github.com/aws/aws-sdk-go-v2@v1.30.0",
	"github.com/cockroachdb/errors@v1.11.3",
	"github.com/docker/docker@v24.0.7+incompatible",
	"github.com/gin-gonic/gin@v1.10.0",
	"github.com/gogo/protobuf@v1.3.2",
	"github.com/golang/mock@v1.6.0",
	"github.com/golang/protobuf@v1.5.4",
	"github.com/gorilla/websocket@v1.5.3",
	"github.com/hashicorp/consul/api@v1.29.1",
	"github.com/jackc/pgx/v5@v5.6.0",
	"github.com/mattn/go-sqlite3@v1.14.22",
	"github.com/pkg/errors@v0.9.1",
	"github.com/prometheus/prometheus@v0.53.0",
	"github.com/spf13/viper@v1.19.0",
	"go.etcd.io/etcd/client/v3@v3.5.14",
	"go.uber.org/zap@v1.27.0",
	"golang.org/x/tools@v0.24.0",
	"google.golang.org/grpc@v1.65.0",
	"gopkg.in/check.v1@v1.0.0-20201130134442-10cb98267c6c",
	"gopkg.in/yaml.v3@v3.0.1",
	"k8s.io/client-go@v0.30.0",
	"k8s.io/kubernetes@v1.30.0",
}

// mutate makes count inputs by cutting, copying and inserting pieces of the seeds.
func mutate(seeds []input, count int) []input {
	random := rand.New(rand.NewSource(int64(count)))
	pieces := []string{
		"(", ")", "[", "]", "{", "}", ",", "=>", "//", "/*", "\"", "`", "'", "\\", "\n", "\r", "\r\n", " ", "\t", "\"\\\n\"",
		"\x00", "\xff", "\u00a0", "\ufeff", "\u200b", "é", "😀", "module", "go", "toolchain", "godebug", "require", "exclude",
		"replace", "retract", "tool", "ignore", "use", "v1", "v1.2", "v1.2.3", "v1.2.3-pre", "v2.0.0", "v2.0.0+incompatible",
		"v1.2.3+meta", "v0.0.0-20260101000000-0123456789ab", "latest", "1.21", "1.21.0", "1.21rc1", "go1.21", "default",
		"v1.21", "1.21-dev", "// indirect", "// indirect; x", "//indirect", "// Deprecated: x", "example.com/m",
		"example.com/m/v2", "gopkg.in/m.v1", "gopkg.in/m.v2-unstable", "example.com/m/v1", "./x", "../x", `.\x`, "C:x", "/x",
		"a=b", "a@v1", "require (", "retract [v1.0.0, v1.1.0]", "()", "( )", "(\n", "\n)", "// c\n", "\n\n", "module x\n",
		`"a b"`, `"\x41"`, `"\u00e9"`, `"\q"`,
	}
	var list []input
	seen := map[string]bool{}
	odd := regexp.MustCompile(`\\x[89a-f]`)
	for len(list) < count {
		text := seeds[random.Intn(len(seeds))].data
		if len(text) > 400 {
			start := random.Intn(len(text) - 300)
			text = text[start : start+300]
		}
		for n := 1 + random.Intn(4); n > 0; n-- {
			at := random.Intn(len(text) + 1)
			end := min(len(text), at+random.Intn(12))
			piece := pieces[random.Intn(len(pieces))]
			switch random.Intn(5) {
			case 0:
				text = text[:at] + text[end:]
			case 1:
				text = text[:at] + piece + text[end:]
			case 2:
				from := random.Intn(len(text) + 1)
				text = text[:at] + text[from:min(len(text), from+random.Intn(30))] + text[at:]
			default:
				text = text[:at] + piece + text[at:]
			}
		}
		// A byte that is no UTF-8, named in a message, is the one thing that is not compared.
		if seen[text] || odd.MatchString(dump(text, modfile.Parse)+dump(text, modfile.ParseLax)) {
			continue
		}
		seen[text] = true
		list = append(list, input{fmt.Sprintf("mutation-%d", len(list)), text})
	}
	return list
}

func write(name, about string, list []input) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s\n# Made by ../generate_modfile with golang.org/x/mod v0.40.0; do not edit.\n", about)
	for _, in := range list {
		data := in.data
		if isPlain(data) {
			fmt.Fprintf(&out, "=== plain %s\n%s", in.name, data)
		} else {
			fmt.Fprintf(&out, "=== quoted %s\n", in.name)
			for _, line := range strings.SplitAfter(data, "\n") {
				fmt.Fprintf(&out, "%s\n", quoteBytes(line))
			}
		}
		fmt.Fprintf(&out, "--- strict\n%s--- lax\n%s--- path\n%s\n", checked(data, modfile.Parse), checked(data, modfile.ParseLax), quote(modfile.ModulePath([]byte(data))))
	}
	if err := os.WriteFile(filepath.Join("..", "modfile", name), out.Bytes(), 0o666); err != nil {
		log.Fatal(err)
	}
}

func isPlain(s string) bool {
	if !utf8.ValidString(s) || !strings.HasSuffix(s, "\n") || strings.Contains("\n"+s, "\n===") || strings.Contains("\n"+s, "\n---") {
		return false
	}
	for _, r := range s {
		if r != '\n' && r != '\t' && (r < ' ' || r > '~') {
			return false
		}
	}
	return true
}

type parse func(string, []byte, modfile.VersionFixer) (*modfile.File, error)

// checked is dump of the input with each byte that is no UTF-8 as U+FFFD: that is how it is read on the other side.
// It makes sure that this does not change whether the file is accepted.
func checked(data string, parse parse) string {
	decoded := string([]rune(data))
	_, err := parse("go.mod", []byte(data), nil)
	_, errDecoded := parse("go.mod", []byte(decoded), nil)
	if (err == nil) != (errDecoded == nil) {
		log.Fatalf("decoding changes the verdict: %q", data)
	}
	return dump(decoded, parse)
}

func dump(data string, parse parse) string {
	var out strings.Builder
	f, err := parse("go.mod", []byte(data), nil)
	if err != nil {
		for _, e := range err.(modfile.ErrorList) {
			fmt.Fprintf(&out, "error %s\n", quote(e.Error()))
		}
		return out.String()
	}
	if f.Module != nil {
		fmt.Fprintf(&out, "module %s deprecated %s\n", quote(f.Module.Mod.Path), quote(f.Module.Deprecated))
	}
	if f.Go != nil {
		fmt.Fprintf(&out, "go %s\n", quote(f.Go.Version))
	}
	if f.Toolchain != nil {
		fmt.Fprintf(&out, "toolchain %s\n", quote(f.Toolchain.Name))
	}
	for _, x := range f.Godebug {
		fmt.Fprintf(&out, "godebug %s %s\n", quote(x.Key), quote(x.Value))
	}
	for _, x := range f.Require {
		fmt.Fprintf(&out, "require %s indirect %v\n", both(x.Mod), x.Indirect)
	}
	for _, x := range f.Exclude {
		fmt.Fprintf(&out, "exclude %s\n", both(x.Mod))
	}
	for _, x := range f.Replace {
		fmt.Fprintf(&out, "replace %s => %s\n", both(x.Old), both(x.New))
	}
	for _, x := range f.Retract {
		fmt.Fprintf(&out, "retract %s %s %s\n", quote(x.Low), quote(x.High), quote(x.Rationale))
	}
	for _, x := range f.Tool {
		fmt.Fprintf(&out, "tool %s\n", quote(x.Path))
	}
	for _, x := range f.Ignore {
		fmt.Fprintf(&out, "ignore %s\n", quote(x.Path))
	}
	return out.String()
}

func both(m module.Version) string { return quote(m.Path) + " " + quote(m.Version) }

// quote writes a text in ASCII: other characters, quotes and backslashes as \u{hex}.
func quote(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			fmt.Fprintf(&out, "\\u{%x}", r)
		} else {
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// quoteBytes writes bytes in ASCII: others, quotes and backslashes as \xhh.
func quoteBytes(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, b := range []byte(s) {
		if b < ' ' || b > '~' || b == '"' || b == '\\' {
			fmt.Fprintf(&out, "\\x%02x", b)
		} else {
			out.WriteByte(b)
		}
	}
	out.WriteByte('"')
	return out.String()
}
