package vcs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"cmd/go/internal/web"
)

// TestWriteCases writes what the go command says of module paths, pages and tags. It is built into the test binary of
// cmd/go/internal/vcs by discovery.go, and uses what that package keeps to itself.
func TestWriteCases(t *testing.T) {
	dir := os.Getenv("CASES")
	if dir == "" {
		t.Skip("CASES names no directory")
	}
	os.Setenv("GOVCS", "*:all")
	for function, cases := range map[string]string{
		"repo_named": repoCases(), "meta_parse": pageCases(), "meta_match": matchCases(), "meta_check": checkCases(),
	} {
		file := filepath.Join(dir, function, "cases.txt")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("# Written by testdata/generate: do not edit.\n"+cases), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type mutator struct{ rand *rand.Rand }

// mutate gives the texts and changes of them, as many as are wanted.
func (m mutator) mutate(texts []string, pieces []string, count int) []string {
	all, seen := []string{}, map[string]bool{}
	add := func(text string) {
		if !seen[text] && len(text) <= 400 {
			seen[text] = true
			all = append(all, text)
		}
	}
	for _, text := range texts {
		add(text)
	}
	for len(all) < count {
		text := all[m.rand.IntN(len(all))]
		if m.rand.IntN(4) > 0 {
			text = texts[m.rand.IntN(len(texts))] // few changes find more than many
		}
		for range 1 + m.rand.IntN(2) {
			at := m.rand.IntN(len(text) + 1)
			switch m.rand.IntN(5) {
			case 0, 1:
				text = text[:at] + pieces[m.rand.IntN(len(pieces))] + text[at:]
			case 2:
				text = text[:at] + text[min(at+1+m.rand.IntN(3), len(text)):]
			case 3:
				other := texts[m.rand.IntN(len(texts))]
				text = text[:at] + other[m.rand.IntN(len(other)+1):]
			case 4:
				text = text[:at] + text[m.rand.IntN(at+1):]
			}
		}
		add(text)
	}
	return all
}

func repoCases() string {
	var b strings.Builder
	b.WriteString("# \"path\" none | error \"text\" | \"root\" \"vcs\" then \"url\" or schemeless\n")
	m := mutator{rand.New(rand.NewPCG(3, 4))}
	for _, path := range m.mutate(repoPaths, strings.Split("a B 0 _ - . ~ / .git .hg .svn .fossil /x.git ... /a/b : %", " "), 1500) {
		if strings.Contains(path, "bzr") || strings.HasPrefix(path, "example.net") || path == "rsc.io" || !utf8.ValidString(path) || strings.HasPrefix(path, "http") {
			continue // not as in Go on purpose
		}
		rr, err := repoRootFromVCSPaths(path, web.SecureOnly, shapes())
		elsewhere := err == nil && !strings.HasPrefix(path, rr.Root)
		if err == nil && strings.Contains(path, "...") && strings.Contains(rr.Root, "...") {
			err = fmt.Errorf("cannot expand ... in %q", path) // as RepoRootForImportPath does
		}
		switch {
		case err == errUnknownSite:
			fmt.Fprintf(&b, "%q none\n", path)
		case elsewhere:
			fmt.Fprintf(&b, "%q none\n", path) // not as in Go on purpose
		case err != nil:
			fmt.Fprintf(&b, "%q error %q\n", path, err.Error())
		case strings.HasPrefix(rr.Repo, "shape://"):
			fmt.Fprintf(&b, "%q %q %q schemeless %q\n", path, rr.Root, rr.VCS.Cmd, strings.TrimPrefix(rr.Repo, "shape://"))
		default:
			fmt.Fprintf(&b, "%q %q %q url %q\n", path, rr.Root, rr.VCS.Cmd, rr.Repo)
		}
	}
	return b.String()
}

// shapes gives the table of paths; that nothing is asked over the network, the systems have one scheme and no ping.
func shapes() []*vcsPath {
	for _, cmd := range vcsList {
		cmd.Scheme, cmd.PingCmd = []string{"shape"}, ""
	}
	os.Setenv("GIT_ALLOW_PROTOCOL", "shape")
	defaultSecureScheme["shape"] = true
	return vcsPaths
}

var repoPaths = strings.Fields(`
	github.com/golang/groupcache github.com/user/repo/sub/dir github.com/user github.com github.com/ github.com/user/repo/ github.com/u/r.git
	github.com/u/r.git/sub github.com/u/r.hg github.com/u/r.svn/x github.com/u/r.fossil github.com/u/.git github.com/u/git github.com/u/r.gitx
	github.com/U_-.1/R github.com/u/r//x github.com//r github.com/u/~r github.com/u/r/~x github.comx/u/r github.com/u/r x.github.com/u/r
	GitHub.com/u/r bitbucket.org/workspace/pkgname bitbucket.org/w bitbucket.org/w/p.hg bitbucket.org/w/p/x/y hub.jazz.net/git/user1/pkgname
	hub.jazz.net/git/user1/pkgname/submodule/submodule hub.jazz.net hubajazz.net hub2.jazz.net hub.jazz.net/someotherprefix hub.jazz.net/git
	hub.jazz.net/git/user.1/pkgname hub.jazz.net/git/user/pkg.name hub.jazz.net/git/USER/pkgname hub.jazz.net/git/u/p.git git.openstack.org
	git.openstack.org/openstack/swift git.openstack.org/openstack/swift.git git.openstack.org/openstack/swift/go/hummingbird git.openstack.org/openstack
	git.openstack.org/openstack/swift.git/x git.apache.org/package-name/path/to/lib git.apache.org/package-name.git gitbapache.org git.apache.org
	git.apache.org/package-name_2.x.git/path/to/lib git.apache.org/.git git.apache.org/a.git.git git.apache.org/A.git git.apache.org/a.git/b.git
	chiselapp.com/user/kyle/repository/fossilgg chiselapp.com/kyle/repository/fossilgg chiselapp.com/user/kyle/fossilgg chiselapp.com
	chiselapp.com/user/kyle/repository/fossilgg/x chiselapp.com/user/k.y/repository/f chiselapp.com/user/K1/repository/f.git example.com/r.git
	example.com/r.git/sub/v2 example.com/a/b/c.hg/d example.com/r.svn example.com/r.fossil/x example.com/r.git/s.hg example.com/r.git.git
	example.com/.git example.com/~u/r.git example.com/~u/~r.git/~x example.com/~.git example.com/u~/r.git example.com/r.git/a~b example.com:8080/r.git
	example.com:/r.git example.com:8x/r.git localhost/r.git a.b/r.git a..b/r.git .a.b/r.git a.b./r.git a-b/r.git EXAMPLE.com/r.git example.com/r.gitx
	example.com/r.git/ example.com//r.git example.com/r+x.git example.com/r.git/x+y example.com/r gopkg.in/yaml.v2 example.com/r.GIT example.com/a...b.git
	example.com/a.../r.git/x github.com/u/r... github.com/u.../r/x example.com/r.git/... example.com/1.git/v2 a.b/c.svn/d.git/e.hg example.com
	example.com/a/b.git/c/d.git/e 1.2/3.git golang.org/x/mod go.uber.org/zap k8s.io/api v.io/x.git example.com/user/unicode/испытание
`)

func pageCases() string {
	var b strings.Builder
	b.WriteString("# \"page\" error \"text\" | the tags in order: \"prefix\" \"vcs\" \"root\" \"subdir\" each\n")
	m := mutator{rand.New(rand.NewPCG(5, 6))}
	for _, page := range m.mutate(pages, pagePieces, 2500) {
		tags, err := parseMetaGoImports(strings.NewReader(page), PreferMod)
		fmt.Fprintf(&b, "%s", strconv.Quote(page))
		if err != nil {
			fmt.Fprintf(&b, " error %q", err.Error())
		}
		for _, tag := range tags {
			fmt.Fprintf(&b, " %q %q %q %q", tag.Prefix, tag.VCS, tag.RepoRoot, tag.SubDir)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

const tag = `<meta name="go-import" content="x.y/m git https://z.y/m">`

var pagePieces = []string{
	"<", ">", "/", "\"", "'", "=", " ", "\n", "\r", "\r\n", "\t", "&", "&amp;", "&lt;", "&#65;", "&#x41;", "&nbsp;", "&#xD800;", "&#x110000;", "&#0;",
	"<!--", "-->", "--", "<![CDATA[", "]]>", "]]", "<!DOCTYPE html>", "<!", "<?", "?>", "<?xml version=\"1.0\"?>", "<head>", "</head>", "<body>",
	"<HEAD/>", "</HEAD >", "<BODY", "<script>", "</script>", "<br/>", "<link rel=x>", "a:", ":", "-", ".", "é", "\xff", "\x00", "\ufffe", "日", "x",
	"meta", "name", "content", "go-import", "mod", " git ", " x.y ", tag, "\u00a0", "\u2028", "\x0b", "\xe2\x82", "0",
}

var pages = []string{
	tag, "<head>" + tag + "</head>", tag + tag, tag + "<body>" + tag, "<head>" + tag + "</head>" + tag, "<!doctype html>" + tag, "",
	"<!DOCTYPE html PUBLIC \"-//W3C//DTD\" 'a>b' [ <!ENTITY x \"y>\"> <!-- > ' --> ]>" + tag, "<!>" + tag + ">" + tag, "<!\">" + tag + "\">" + tag,
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>" + tag, "<?xml version=\"1.1\"?>" + tag, "<?xml encoding='ISO-8859-1'?>" + tag, "<?xml encoding='ASCII'?>" + tag,
	"<?xml version=1.0 version='1.0' encoding=gbk?>" + tag, "<?xml encoding='gbk?>" + tag, "<?xml encoding=\"UTF-8\" ?>" + tag, "<?php encoding='gbk'?>" + tag,
	tag + "<?xml encoding='gbk'?>", "<?xml version=\"1.0\" ?" + tag, "<script>if (a < b && c) { d() }</script>" + tag, "<script>a<b</script>" + tag,
	"<script>if (a&&b) x</script>" + tag, "<style>a > b { content: \"x\" }</style>" + tag, "<script>x = \"</head>\"</script>" + tag, "a ]]> b" + tag,
	"<script><![CDATA[ a < b ]]></script>" + tag, "<!-- " + tag + " -->" + tag, "<!-- a -- b -->" + tag, "<!-- a --->" + tag, "<!---->" + tag, "<!->" + tag,
	"<!doctype html><title>Not Found</title><meta name=go-import content=\"x.y/m git https://z.y/m\"><div style=position:relative>D</div>",
	"<meta name=go-import content='x.y/m git https://z.y/m' />", "<META NAME=\"go-import\" CONTENT=\"x.y/m git https://z.y/m\">", "<meta content=\"x.y/m git https://z.y/m\" name=\"go-import\">",
	"<meta name=\"Go-Import\" content=\"x.y/m git https://z.y/m\">", "<meta name=\" go-import\" content=\"x.y/m git https://z.y/m\">", "<h:meta o:name=\"go-import\" content=\"x.y/m git https://z.y/m\"/>",
	"<meta name=\"other\" name=\"go-import\" content=\"x.y/m git https://z.y/m\">", "<meta name=\"go-import\" content=\"\" content=\"x.y/m git https://z.y/m\">", "<meta name content>" + tag,
	"<meta name=\"go-import\" content=\"x.y/m git\">", "<meta name=\"go-import\" content=\"x.y/m git https://z.y/m sub/dir\">", "<meta name=\"go-import\" content=\"x.y/m git https://z.y/m a b\">",
	"<meta name=\"go-import\" content=\"\n x.y/m\tgit\r\n https://z.y/m?a=1&amp;b=2&c=3 \">", "<meta name=\"go-import\" content=\"x.y/m git https://z.y/&lt;&#x6d;&#109;&#99999999;&#x;&foo;&quot\">",
	"<meta name=\"go-import\" content=\"x.y/m mod https://p.y\">" + tag, tag + "<meta name=\"go-import\" content=\"x.y/m mod https://p.y\">", tag + "<meta name=\"go-import\" content=\"x.y/m/n mod https://p.y\">",
	"<meta name=\"go-import\" content=\"x.y mod https://p.y\">" + tag + "<meta name=\"go-import\" content=\"x.y/m mod https://q.y\">", "<meta name=\"go-import\" content=\"x.y/m git https://z.y/<m\">" + tag,
	tag + "<meta name=\"go-import\" content=\"x.y/<m git https://z.y/m\">", tag + "<a b=\"", tag + "<a b", "<a b=>" + tag, "<a b=\"c\"d>" + tag, "<a / >" + tag, "<a/b>" + tag, "< a>" + tag, "<1>" + tag,
	"<a:b:c>" + tag, "<a :>" + tag, "<:a>" + tag, "<a b:=c>" + tag, "</>" + tag, "</ a>" + tag, "</a b>" + tag, "</a\n>" + tag, "</1>" + tag, "<é>" + tag, "<aé b日=c>" + tag, "<a×>" + tag, "<\xff>" + tag,
	"\xff" + tag, "é" + tag, "<a b=\"\xff\">" + tag, "<a b=\"\x01\">" + tag, "\x00" + tag, "\ufffe" + tag, "\ufeff" + tag, "\ufffd" + tag, "a&b" + tag, "a&" + tag, tag + "a&", tag + "a&b", tag + "&#", tag + "&#x4",
	"\n\n<a\n b='\n<'>" + tag, "\r\r\n]]\n>" + tag, "]]&amp;>" + tag, "]]<a>" + tag, "<a b=\"]]>\">" + tag, "<![CDATA[]]>" + tag, "<![CDATA[]]]]>" + tag, "<![CDATA[\xff]]>" + tag, "<![CDAT", "<![CDATA[", "<![if IE]>" + tag, "<!-- a",
	"<html lang=en><head><meta charset=utf-8><link href=https://a.b/c.css rel=stylesheet>" + tag, "<html lang=en><head><meta charset=\"utf-8\"><script async src=\"/x.js\"></script>" + tag + "</head><body>x</body></html>", "<body/>" + tag, "<head/>" + tag,
	"<xbody>" + tag, "<x:body>" + tag, "</x:head>" + tag, "<?" + tag, "<??>" + tag, "<?1 ?>" + tag, "<?a?>" + tag, "<?a:b:c?>" + tag, "<meta\u00a0name=\"go-import\">" + tag,
	"<meta name=\"go-import\" content=\"x.y/m\u00a0git\u2003https://z.y/m\">", "<meta name=go-import content=x.y/m>" + tag, "<!a<b<!c>d>e>" + tag, "<!a<!-- > -->>" + tag, "<!a<!-- -- -->" + tag, "<!a'<!--'>" + tag, "<!a<'>'>>" + tag,
}

func matchCases() string {
	var b strings.Builder
	b.WriteString("# \"path\" number of tags, \"prefix\" \"vcs\" \"root\" \"subdir\" each, then error \"text\" | ok and the index of the one\n")
	r := rand.New(rand.NewPCG(7, 8))
	prefixes := []string{"x.y", "x.y/m", "x.y/m/n", "x.y/m/", "x.y/mn", "x.y/o", "z.y/m", "x.yz", "X.y/m"}
	systems := []string{"git", "git", "mod", "hg"}
	for range 800 {
		path := []string{"x.y", "x.y/m", "x.y/m/n", "x.y/m/n/o", "x.y/mn", "x.y/m/", "a.b/c"}[r.IntN(7)]
		var tags []metaImport
		for range r.IntN(5) {
			tag := metaImport{prefixes[r.IntN(len(prefixes))], systems[r.IntN(len(systems))], "https://r" + strconv.Itoa(len(tags)), ""}
			if r.IntN(4) == 0 {
				tag.SubDir = "s"
			}
			tags = append(tags, tag)
		}
		fmt.Fprintf(&b, "%q %d", path, len(tags))
		for _, tag := range tags {
			fmt.Fprintf(&b, " %q %q %q %q", tag.Prefix, tag.VCS, tag.RepoRoot, tag.SubDir)
		}
		one, err := matchGoImport(tags, path)
		if err != nil {
			fmt.Fprintf(&b, " error %q\n", err.Error())
			continue
		}
		fmt.Fprintf(&b, " ok %s\n", strings.TrimPrefix(one.RepoRoot, "https://r"))
	}
	return b.String()
}

func checkCases() string {
	var b strings.Builder
	b.WriteString("# root | subdir, \"text\", ok | error \"text\"\n")
	m := mutator{rand.New(rand.NewPCG(9, 10))}
	roots := strings.Fields(`
		http:// git+ssh:// http#:// -config -config:// https://z.y/m.git ssh://git@z.y/m z.y/m z.y:m git@z.y:m file:///a file://h/a FILE:///a file:a
		https://z.y:80/m https://z.y:x/m https://[::1]/m https://[::1 https://z.y/%41 https://z.y/%zz HTTPS://z.y 1http://z.y h_t://z.y :// : https: https:/x
		https:x ext::sh https://z.y/#a https://z.y/#%zz https://z.y?a=%zz svn+ssh://z.y //z.y/m /m ../m -x https://z^y/m https://z.y/a|b javascript:x
	`)
	for _, root := range m.mutate(append(roots, ""), strings.Split("/ : . - # ? % %20 [ ] + a 1 :80 :// ^ é", " "), 500) {
		if strings.Contains(root, "@") || !utf8.ValidString(root) {
			continue // names and passwords are told in another way than Go does
		}
		if err := validateRepoRoot(root); err != nil {
			if strings.Contains(err.Error(), "ParseAddr") {
				continue // what is wrong with an address is told in another way than Go does
			}
			fmt.Fprintf(&b, "root %q error %q\n", root, err.Error())
		} else {
			fmt.Fprintf(&b, "root %q ok\n", root)
		}
	}
	for _, dir := range []string{"", "sub/dir", "/leading/slash", "-leading/hyphen", "a-b", "..", "./a", "a/", "/", "-"} {
		if err := validateRepoSubDir(dir); err != nil {
			fmt.Fprintf(&b, "subdir %q error %q\n", dir, err.Error())
		} else {
			fmt.Fprintf(&b, "subdir %q ok\n", dir)
		}
	}
	return b.String()
}
